#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

enum { read_bytes_max = 65536, line_bytes_max = 65536 };

/* Room for `more` bytes at the end, moving what is left to the front first. */
static void bytes_room(struct bytes *bytes, size_t more)
{
	if (bytes->at == bytes->len)
		bytes->at = bytes->len = 0;
	if (bytes->len + more <= bytes->size)
		return;
	if (bytes->at) {
		memmove(bytes->ptr, bytes->ptr + bytes->at, bytes->len - bytes->at);
		bytes->len -= bytes->at;
		bytes->at = 0;
	}
	if (bytes->len + more > bytes->size) {
		bytes->size = bytes->len + more;
		bytes->ptr = realloc(bytes->ptr, bytes->size);
		if (!bytes->ptr)
			options_die(1, "out of memory");
	}
}

static void bytes_free(struct bytes *bytes)
{
	free(bytes->ptr);
	*bytes = (struct bytes){ 0 };
}

static void set_interest(struct conn *conn, uint32_t interest, void *owner)
{
	struct epoll_event event = { .events = interest, .data.ptr = owner };

	if (conn->interest == interest)
		return;
	if (epoll_ctl(conn->epoll_fd, conn->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, conn->fd, &event) == -1)
		options_die(1, "epoll_ctl: %s", strerror(errno));
	conn->interest = interest;
}

void conn_init(struct conn *conn, int epoll_fd, int fd, void *owner)
{
	int on = 1;

	*conn = (struct conn){ .fd = fd, .epoll_fd = epoll_fd };
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	set_interest(conn, EPOLLIN, owner);
}

void conn_start_tls(struct conn *conn, SSL *ssl)
{
	conn->ssl = ssl;
	conn->shaking = true;
	if (!SSL_set_fd(ssl, conn->fd))
		options_die(1, "out of memory");
}

/* A delayed ACK is Linux's choice again after each segment, so this is said again after each read. */
static void acknowledge(struct conn *conn)
{
	int on = 1;

	if (conn->quick_ack)
		(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static enum conn_is tls_is(struct conn *conn, int result)
{
	int error = SSL_get_error(conn->ssl, result);

	switch (error) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return CONN_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return CONN_CLOSED;
	default:
		/* After these no close_notify may be sent: the connection is unusable. */
		SSL_set_quiet_shutdown(conn->ssl, 1);
		return CONN_FAILED;
	}
}

enum conn_is conn_handshake(struct conn *conn, void *owner)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(conn->ssl);
	acknowledge(conn);
	if (result == 1) {
		conn->shaking = false;
		set_interest(conn, EPOLLIN, owner);
		return CONN_OK;
	}
	set_interest(conn, EPOLLIN | (SSL_want_write(conn->ssl) ? EPOLLOUT : 0U), owner);
	return tls_is(conn, result);
}

enum conn_is conn_read(struct conn *conn)
{
	char *to;
	ssize_t got;

	bytes_room(&conn->in, read_bytes_max + 1);
	to = conn->in.ptr + conn->in.len;
	if (conn->ssl) {
		ERR_clear_error();
		got = SSL_read(conn->ssl, to, read_bytes_max);
	} else {
		got = recv(conn->fd, to, read_bytes_max, 0);
	}
	acknowledge(conn);
	if (got > 0) {
		conn->in.len += (size_t)got;
		return CONN_OK;
	}
	if (conn->ssl)
		return tls_is(conn, (int)got);
	if (got == 0)
		return CONN_CLOSED;
	return errno == EAGAIN || errno == EINTR ? CONN_AGAIN : CONN_FAILED;
}

/* Writes some of `ptr`; *ret_went is what was taken. */
static enum conn_is write_some(struct conn *conn, const char *ptr, size_t len, size_t *ret_went)
{
	ssize_t went;

	if (conn->ssl) {
		ERR_clear_error();
		went = SSL_write(conn->ssl, ptr, len > INT32_MAX ? INT32_MAX : (int)len);
		if (went <= 0)
			return tls_is(conn, (int)went);
	} else {
		went = send(conn->fd, ptr, len, MSG_NOSIGNAL);
		if (went == -1)
			return errno == EAGAIN || errno == EINTR ? CONN_AGAIN : CONN_FAILED;
	}
	*ret_went = (size_t)went;
	return CONN_OK;
}

enum conn_is conn_flush(struct conn *conn, void *owner)
{
	enum conn_is is = CONN_OK;
	size_t went;

	while (is == CONN_OK && conn->out.at < conn->out.len) {
		is = write_some(conn, conn->out.ptr + conn->out.at, conn->out.len - conn->out.at, &went);
		if (is == CONN_OK)
			conn->out.at += went;
	}
	while (is == CONN_OK && conn->bulk_len) {
		is = write_some(conn, conn->bulk, conn->bulk_len, &went);
		if (is == CONN_OK) {
			conn->bulk += went;
			conn->bulk_len -= went;
		}
	}
	if (is != CONN_FAILED)
		set_interest(conn, is == CONN_AGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN, owner);
	return is;
}

void conn_put(struct conn *conn, const char *ptr, size_t len)
{
	bytes_room(&conn->out, len);
	memcpy(conn->out.ptr + conn->out.len, ptr, len);
	conn->out.len += len;
}

void conn_say(struct conn *conn, const char *format, ...)
{
	char text[8192];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		options_die(1, "a line of %d bytes is too long to be said", len);
	conn_put(conn, text, (size_t)len);
}

bool conn_line(struct conn *conn, char **ret_line)
{
	struct bytes *in = &conn->in;
	char *line = in->ptr + in->at;
	char *end = in->at < in->len ? memchr(line, '\n', in->len - in->at) : NULL;

	if (!end) {
		if (in->len - in->at > line_bytes_max)
			options_die(1, "the other side sent a line of more than %d bytes", line_bytes_max);
		return false;
	}
	in->at = (size_t)(end + 1 - in->ptr);
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	*ret_line = line;
	return true;
}

void conn_close(struct conn *conn)
{
	if (conn->fd == -1)
		return;
	if (conn->ssl) {
		if (!conn->shaking)
			(void)SSL_shutdown(conn->ssl);
		ERR_clear_error();
		SSL_free(conn->ssl);
		conn->ssl = NULL;
	}
	close(conn->fd);
	conn->fd = -1;
	conn->interest = 0;
	conn->bulk_len = 0;
	bytes_free(&conn->in);
	bytes_free(&conn->out);
}
