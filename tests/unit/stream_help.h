/* stream_help: one loop with a listener, the streams under test as "sides" that note what happens to them, and a bare
 * client ("peer") whose bytes the test cuts as it likes. */
#ifndef UNIT_STREAM_HELP_H
#define UNIT_STREAM_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "certificates.h"
#include "sys/stream.h"
#include "sys/tls.h"

struct side {
	struct stream stream;
	struct buf got;  /* every byte that on_input used */
	size_t (*take)(struct side *side, struct str input); /* NULL: all of it */
	void (*secured)(struct side *side);
	unsigned inputs, secured_count, drained_count, ended_count, closed_count, connected_count;
	enum stream_end end;
	enum outcome connected;
	char why[FAULT_TEXT_MAX];
	bool close_at_end; /* in on_end */
	size_t limit;
	unsigned step;
};

static struct loop loop;
static uv_tcp_t listener;
static unsigned port;
static struct side server, client;
static struct certificate authority, right, wrong_authority;
static SSL_CTX *server_context, *client_context;
static bool start_tls_at_accept, accept_nothing;

static size_t side_on_input(struct stream *stream, struct str input)
{
	struct side *side = stream->owner;
	size_t used;

	side->inputs++;
	assert_int_equal(side->ended_count, 0);
	assert_int_equal(side->closed_count, 0);
	assert_true(input.len > 0);
	used = side->take ? side->take(side, input) : input.len;
	assert_true(buf_add(&side->got, (struct str){ input.ptr, used }));
	return used;
}

static void side_on_secured(struct stream *stream)
{
	struct side *side = stream->owner;

	side->secured_count++;
	if (side->secured)
		side->secured(side);
}

static void side_on_drained(struct stream *stream)
{
	((struct side *)stream->owner)->drained_count++;
	stream_resume(stream);
}

static void side_on_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	struct side *side = stream->owner;

	side->ended_count++;
	side->end = end;
	(void)str_copy(str_of(fault->text[LANGUAGE_EN]), sizeof(side->why), side->why);
	if (side->close_at_end)
		stream_close(stream);
}

static void side_on_closed(struct stream *stream)
{
	((struct side *)stream->owner)->closed_count++;
}

static const struct stream_handler side_handler = {
	.on_input = side_on_input,
	.on_secured = side_on_secured,
	.on_drained = side_on_drained,
	.on_end = side_on_end,
	.on_closed = side_on_closed,
};

__attribute__((unused)) static void side_on_connected(struct stream *stream, enum outcome outcome, const struct fault *fault)
{
	struct side *side = stream->owner;

	side->connected_count++;
	side->connected = outcome;
	if (outcome == OUTCOME_OK)
		stream_start(stream);
	else
		(void)str_copy(str_of(fault->text[LANGUAGE_EN]), sizeof(side->why), side->why);
}

__attribute__((unused)) static void on_connection(uv_stream_t *tcp, int status)
{
	assert_int_equal(status, 0);
	if (accept_nothing)
		return;
	assert_true(stream_accept(&server.stream, &loop, tcp, &side_handler, &server));
	if (start_tls_at_accept)
		assert_true(stream_secure_server(&server.stream, server_context, false));
	stream_start(&server.stream);
}

static void turn(void)
{
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
}

/* Turn the loop until `what` holds, at most `ms`. */
#define WAIT_MS(what, ms)                                                                                              \
	do {                                                                                                           \
		uint64_t wait_until = clock_monotonic_ms() + (ms);                                                     \
		while (!(what) && clock_monotonic_ms() < wait_until)                                                   \
			turn();                                                                                        \
		assert_true(what);                                                                                     \
	} while (0)
#define WAIT(what) WAIT_MS(what, 10000)

static SSL_CTX *server_context_new(const struct certificate *certificate, enum tls_version least)
{
	static const unsigned char ticket_key[TLS_TICKET_KEY_BYTES] = { 1, 2, 3 };
	struct tls_pair pair = { str_of(certificate->pem), str_of(certificate->key_pem), "test.pem" };
	SSL_CTX *context = NULL;
	struct fault fault = { 0 };

	if (tls_server_new(&pair, 1, least, STR("test"), ticket_key, &context, &fault) != OUTCOME_OK)
		fail_msg("%s", fault.text[LANGUAGE_EN]);
	return context;
}

static SSL_CTX *client_context_new(const struct certificate *root)
{
	SSL_CTX *context = NULL;

	assert_int_equal(tls_client_new(str_of(root->pem), &context, NULL), OUTCOME_OK);
	return context;
}

__attribute__((unused)) static int make_certificates(void **state)
{
	(void)state;
	authority = certificate_new("Test authority", NULL, NULL, "EC", -1, 30);
	wrong_authority = certificate_new("Another authority", NULL, NULL, "EC", -1, 30);
	right = certificate_new("localhost", "DNS:localhost,IP:127.0.0.1", &authority, "EC", -1, 30);
	server_context = server_context_new(&right, TLS_VERSION_1_2);
	client_context = client_context_new(&authority);
	return 0;
}

__attribute__((unused)) static int free_certificates(void **state)
{
	(void)state;
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	certificate_free(&authority);
	certificate_free(&wrong_authority);
	certificate_free(&right);
	return 0;
}

static void side_reset(struct side *side)
{
	*side = (struct side){ 0 };
	buf_init(&side->got, 64u << 20);
}

__attribute__((unused)) static int open_loop(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int size = sizeof(address);

	(void)state;
	side_reset(&server);
	side_reset(&client);
	start_tls_at_accept = accept_nothing = false;
	loop_init(&loop);
	assert_int_equal(uv_tcp_init(&loop.uv, &listener), 0);
	assert_int_equal(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 16, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size), 0);
	port = ntohs(address.sin_port);
	return 0;
}

static void side_finish(struct side *side)
{
	if (side->stream.handler && !side->closed_count) {
		stream_abort(&side->stream);
		WAIT(side->closed_count == 1);
	}
	buf_done(&side->got);
}

__attribute__((unused)) static int close_loop(void **state)
{
	(void)state;
	side_finish(&server);
	side_finish(&client);
	loop_done(&loop);
	return 0;
}

/* The bare client. */
struct peer {
	int fd;
	SSL *ssl;
	BIO *in, *out;
	SSL_CTX *context;
	char got[1 << 16];
	size_t got_len;
	bool eof, reset;
};

__attribute__((unused)) static void peer_open(struct peer *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((uint16_t)port) };
	int one = 1;

	*peer = (struct peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	assert_int_equal(connect(peer->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* All of `bytes` onto the socket, `chunk` at a time with a turn of the loop after each. */
__attribute__((unused)) static void peer_send(struct peer *peer, struct str bytes, size_t chunk)
{
	while (bytes.len > 0) {
		size_t count = bytes.len < chunk ? bytes.len : chunk;
		ssize_t sent = write(peer->fd, bytes.ptr, count);

		if (sent == -1 && (errno == EPIPE || errno == ECONNRESET))
			return;
		if (sent == -1)
			assert_int_equal(errno, EAGAIN);
		else
			bytes = str_skip(bytes, (size_t)sent);
		turn();
	}
}

static void peer_flush(struct peer *peer, size_t chunk)
{
	char bytes[32768];
	int count;

	while ((count = BIO_read(peer->out, bytes, sizeof(bytes))) > 0)
		peer_send(peer, (struct str){ bytes, (size_t)count }, chunk);
}

/* What has come, decrypted when TLS is on, at the end of peer->got. */
__attribute__((unused)) static void peer_receive(struct peer *peer)
{
	char bytes[16384];
	ssize_t count;

	turn();
	count = read(peer->fd, bytes, sizeof(bytes));
	if (count == 0)
		peer->eof = true;
	if (count == -1 && errno == ECONNRESET)
		peer->reset = true;
	if (count > 0 && !peer->ssl) {
		assert_true(peer->got_len + (size_t)count <= sizeof(peer->got));
		memcpy(peer->got + peer->got_len, bytes, (size_t)count);
		peer->got_len += (size_t)count;
	}
	if (!peer->ssl)
		return;
	if (count > 0)
		assert_int_equal(BIO_write(peer->in, bytes, (int)count), count);
	if (SSL_in_init(peer->ssl))
		(void)SSL_do_handshake(peer->ssl);
	while (!SSL_in_init(peer->ssl)) {
		int got = SSL_read(peer->ssl, peer->got + peer->got_len, (int)(sizeof(peer->got) - peer->got_len));

		if (got <= 0)
			break;
		peer->got_len += (size_t)got;
	}
	ERR_clear_error();
	peer_flush(peer, SIZE_MAX);
}

static void peer_start_tls(struct peer *peer, int version)
{
	peer->context = SSL_CTX_new(TLS_client_method());
	(void)SSL_CTX_set_max_proto_version(peer->context, version);
	SSL_CTX_set_security_level(peer->context, 0);
	(void)SSL_CTX_set_min_proto_version(peer->context, TLS1_VERSION);
	peer->ssl = SSL_new(peer->context);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
	(void)SSL_do_handshake(peer->ssl);
}

/* The whole handshake, its bytes cut into runs of `chunk`. */
__attribute__((unused)) static void peer_secure(struct peer *peer, int version, size_t chunk)
{
	uint64_t until = clock_monotonic_ms() + 10000;

	peer_start_tls(peer, version);
	peer_flush(peer, chunk);
	while (SSL_in_init(peer->ssl) && clock_monotonic_ms() < until) {
		char bytes[16384];
		ssize_t count;

		turn();
		count = read(peer->fd, bytes, sizeof(bytes));
		if (count > 0)
			assert_int_equal(BIO_write(peer->in, bytes, (int)count), count);
		(void)SSL_do_handshake(peer->ssl);
		peer_flush(peer, chunk);
	}
	assert_false(SSL_in_init(peer->ssl));
	WAIT(server.secured_count == 1);
}

__attribute__((unused)) static void peer_say(struct peer *peer, struct str text, size_t chunk)
{
	if (!peer->ssl) {
		peer_send(peer, text, chunk);
		return;
	}
	assert_int_equal(SSL_write(peer->ssl, text.ptr, (int)text.len), text.len);
	peer_flush(peer, chunk);
}

__attribute__((unused)) static void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->context);
	peer->ssl = NULL;
	peer->context = NULL;
}

#define assert_got(side, text)                                                                                         \
	do {                                                                                                           \
		assert_int_equal((side)->got.len, strlen(text));                                                       \
		assert_memory_equal((side)->got.ptr, text, strlen(text));                                              \
	} while (0)

#endif
