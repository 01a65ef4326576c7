#include "dialogue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

/* Up to here a message is copied behind its header, so that it leaves in one write. */
enum { copy_bytes_max = 65536 };

static void say_ehlo(struct session *session)
{
	conn_say(&session->conn, "EHLO bench.invalid\r\n");
}

static void say_starttls(struct session *session)
{
	conn_say(&session->conn, "STARTTLS\r\n");
}

/* `len` bytes as one base64 line. */
static void say_base64(struct session *session, const char *ptr, size_t len)
{
	unsigned char text[2048];

	if (len > 1024)
		options_die(64, "a user name or password of %zu bytes is too long", len);
	(void)EVP_EncodeBlock(text, (const unsigned char *)ptr, (int)len);
	conn_say(&session->conn, "%s\r\n", (const char *)text);
}

static void say_auth(struct session *session)
{
	char plain[1024];
	int len;

	if (!session->load->auth_plain) {
		conn_say(&session->conn, "AUTH LOGIN\r\n");
		return;
	}
	len = snprintf(plain, sizeof(plain), "%c%s%c%s", 0, session->account->user, 0,
	               session->account->password);
	conn_say(&session->conn, "AUTH PLAIN ");
	say_base64(session, plain, (size_t)len);
}

static void say_user(struct session *session)
{
	say_base64(session, session->account->user, strlen(session->account->user));
}

static void say_password(struct session *session)
{
	say_base64(session, session->account->password, strlen(session->account->password));
}

static void say_mail(struct session *session)
{
	session->mail_us = tally_now_us();
	conn_say(&session->conn, "MAIL FROM:<%s>\r\n", session->account->user);
}

static void say_rcpt(struct session *session)
{
	conn_say(&session->conn, "RCPT TO:<%s>\r\n", session->load->recipient);
}

static void say_data(struct session *session)
{
	conn_say(&session->conn, "DATA\r\n");
}

static void say_body(struct session *session)
{
	const struct load *load = session->load;
	size_t before = session->conn.out.len - session->conn.out.at;
	size_t header_len;
	const char *text;
	size_t text_len;

	conn_say(&session->conn,
	         "From: <%s>\r\nTo: <%s>\r\nSubject: bench message %ld\r\nDate: %s\r\nMessage-ID: "
	         "<%s.%ld@bench.invalid>\r\n"
	         "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
	         session->account->user, load->recipient, session->message, load->date, load->run_id,
	         session->message);
	header_len = session->conn.out.len - session->conn.out.at - before;
	text_len = load->body_len - (header_len < load->message_bytes ? header_len : load->message_bytes);
	text = load->body + load->body_len - text_len;
	if (*text == '\n') { /* never begin with half a line end */
		text++;
		text_len--;
	}
	if (text_len <= copy_bytes_max) {
		conn_put(&session->conn, text, text_len);
	} else {
		session->conn.bulk = text;
		session->conn.bulk_len = text_len;
	}
}

static void say_quit(struct session *session)
{
	conn_say(&session->conn, "QUIT\r\n");
}

/* What is said on entering a step, and the reply that lets the dialogue go on. */
static const struct {
	const char *name;
	int want;
	void (*say)(struct session *);
} steps[] = {
	[STEP_CONNECT] = { "connect", 0, NULL },
	[STEP_GREETING] = { "greeting", 220, NULL },
	[STEP_EHLO] = { "EHLO", 250, say_ehlo },
	[STEP_STARTTLS] = { "STARTTLS", 220, say_starttls },
	[STEP_TLS] = { "handshake", 0, NULL },
	[STEP_EHLO_TLS] = { "EHLO after TLS", 250, say_ehlo },
	[STEP_AUTH] = { "AUTH", 334, say_auth },
	[STEP_USER] = { "AUTH user", 334, say_user },
	[STEP_PASSWORD] = { "AUTH password", 235, say_password },
	[STEP_MAIL] = { "MAIL", 250, say_mail },
	[STEP_RCPT] = { "RCPT", 250, say_rcpt },
	[STEP_DATA] = { "DATA", 354, say_data },
	[STEP_BODY] = { "message", 250, say_body },
	[STEP_QUIT] = { "QUIT", 221, say_quit },
	[STEP_HELD] = { "idle", 0, NULL },
	[STEP_PAUSE] = { "pause", 0, NULL },
	[STEP_DONE] = { "done", 0, NULL },
};

static void enter(struct session *session, enum dialogue_step step)
{
	session->step = step;
	if (steps[step].say)
		steps[step].say(session);
	if (conn_flush(&session->conn, session) == CONN_FAILED)
		dialogue_fail(session, "connection lost while writing");
}

/* Takes the next message into hand; false: none is left. */
static bool take_message(struct session *session)
{
	struct load *load = session->load;

	if (session->message)
		return true;
	if (load->stop || load->taken >= load->messages_max)
		return false;
	session->message = ++load->taken;
	return true;
}

static void connection_end(struct session *session)
{
	conn_close(&session->conn);
	session->step = STEP_DONE;
}

static int socket_open(struct session *session)
{
	struct load *load = session->load;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd == -1)
		options_die(1, "socket: %s", strerror(errno));
	if (load->sources) {
		/* 127.0.1.1 and up, when one address may not open so many connections */
		struct sockaddr_in source = {
			.sin_family = AF_INET,
			.sin_addr.s_addr =
			        htonl(0x7f000101U + (uint32_t)(session->number % load->sources) % 250U +
			              ((uint32_t)(session->number % load->sources) / 250U << 8)),
		};
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == -1)
			options_die(1, "cannot bind a source address: %s", strerror(errno));
	}
	return fd;
}

static void tls_begin(struct session *session)
{
	SSL *ssl = SSL_new(session->load->tls);

	if (!ssl)
		options_die(1, "out of memory");
	SSL_set_connect_state(ssl);
	SSL_set_app_data(ssl, session);
	if (session->ticket)
		(void)SSL_set_session(ssl, session->ticket);
	conn_start_tls(&session->conn, ssl);
	session->step = STEP_TLS;
	dialogue_event(session, EPOLLIN);
}

void dialogue_begin(struct session *session)
{
	struct load *load = session->load;

	session->step = STEP_DONE;
	if (!load->idle && !take_message(session))
		return;
	if (load->idle && load->stop)
		return;
	session->left = load->per_connection;
	session->account = &load->accounts[(size_t)load->connections % load->account_count];
	load->connections++;
	session->connect_us = session->active_us = tally_now_us();
	session->step = STEP_CONNECT;
	conn_init(&session->conn, load->epoll_fd, socket_open(session), session);
	session->conn.quick_ack = load->quick_ack;
	if (connect(session->conn.fd, (const struct sockaddr *)&load->server, sizeof(load->server)) == -1 &&
	    errno != EINPROGRESS) {
		dialogue_fail(session, strerror(errno));
		return;
	}
	session->step = load->implicit ? STEP_TLS : STEP_GREETING;
	if (load->implicit)
		tls_begin(session);
}

void dialogue_fail(struct session *session, const char *why)
{
	struct load *load = session->load;
	char text[failure_bytes_max];

	/* an event ID at the end, " [K3F9…]", would make each refusal a kind of its own */
	const char *event_id = strrchr(why, '[');
	int len = (int)(event_id && event_id > why && event_id[-1] == ' ' ? (size_t)(event_id - 1 - why)
	                                                                  : strlen(why));

	(void)snprintf(text, sizeof(text), "%s: %.*s", steps[session->step].name, len, why);
	failures_add(&load->failures, text);
	if (session->step == STEP_HELD)
		load->held--;
	connection_end(session);
	if (load->retry_ms && !load->refuse_pause && (session->message || !load->stop)) {
		load->retried++;
		session->step = STEP_PAUSE;
		session->due_us = tally_now_us() + (uint64_t)load->retry_ms * 1000;
		return;
	}
	if (session->message)
		load->failed++;
	session->message = 0;
}

/* 250 after the dot: the message is the server's now. */
static void acknowledged(struct session *session)
{
	struct load *load = session->load;
	uint64_t now_us = tally_now_us();

	if (load->ack_fd != -1) {
		char line[256];
		int len = snprintf(line, sizeof(line), "<%s.%ld@bench.invalid>\n", load->run_id,
		                   session->message);

		if (write(load->ack_fd, line, (size_t)len) != len)
			options_die(1, "cannot write to the file of acknowledged ids");
	}
	load->acknowledged++;
	load->last_ack_us = now_us;
	series_add(&load->message_us, now_us - session->mail_us);
	session->message = 0;
	session->left--;
}

static void next_message(struct session *session)
{
	struct load *load = session->load;

	if (load->idle) {
		session->step = STEP_HELD;
		load->held++;
	} else if (session->left > 0 && take_message(session)) {
		enter(session, STEP_MAIL);
	} else {
		enter(session, STEP_QUIT);
	}
}

/* The reply was the wanted one: what comes next. */
static void go_on(struct session *session)
{
	const struct load *load = session->load;

	switch (session->step) {
	case STEP_GREETING:
		enter(session, STEP_EHLO);
		break;
	case STEP_EHLO:
		if (load->starttls)
			enter(session, STEP_STARTTLS);
		else if (load->auth)
			enter(session, STEP_AUTH);
		else
			next_message(session);
		break;
	case STEP_STARTTLS:
		tls_begin(session);
		break;
	case STEP_EHLO_TLS:
		if (load->auth)
			enter(session, STEP_AUTH);
		else
			next_message(session);
		break;
	case STEP_AUTH:
		if (load->auth_plain)
			next_message(session);
		else
			enter(session, STEP_USER);
		break;
	case STEP_PASSWORD:
		next_message(session);
		break;
	case STEP_BODY:
		acknowledged(session);
		next_message(session);
		break;
	case STEP_QUIT:
		series_add(&session->load->dialogue_us, tally_now_us() - session->connect_us);
		connection_end(session);
		break;
	default: /* the steps that simply follow each other */
		enter(session, session->step + 1);
		break;
	}
}

static void note_tls(struct session *session)
{
	struct load *load = session->load;
	SSL *ssl = session->conn.ssl;
	const char *group;
	int nid;

	if (SSL_session_reused(ssl))
		load->resumed++;
	if (load->tls_version[0])
		return;
	nid = (int)SSL_get_negotiated_group(ssl);
	group = nid > 0 ? SSL_group_to_name(ssl, nid) : NULL;
	(void)snprintf(load->tls_version, sizeof(load->tls_version), "%s", SSL_get_version(ssl));
	(void)snprintf(load->tls_cipher, sizeof(load->tls_cipher), "%s", SSL_get_cipher_name(ssl));
	(void)snprintf(load->tls_group, sizeof(load->tls_group), "%s", group ? group : "");
}

/* False: the handshake is not done, or failed. */
static bool shake(struct session *session)
{
	switch (conn_handshake(&session->conn, session)) {
	case CONN_OK:
		note_tls(session);
		if (session->load->implicit)
			session->step = STEP_GREETING;
		else
			enter(session, STEP_EHLO_TLS);
		return session->conn.fd != -1;
	case CONN_AGAIN:
		return false;
	default:
		dialogue_fail(session, "TLS failed");
		return false;
	}
}

static void on_reply(struct session *session, const char *line)
{
	int want = steps[session->step].want;

	if (session->step == STEP_AUTH && session->load->auth_plain)
		want = 235;
	if (strtol(line, NULL, 10) == want && session->step != STEP_HELD)
		go_on(session);
	else
		dialogue_fail(session, line);
}

static void on_lines(struct session *session)
{
	char *line;

	while (session->conn.fd != -1 && !session->conn.shaking && conn_line(&session->conn, &line)) {
		session->active_us = tally_now_us();
		if (strlen(line) < 4 || line[3] != '-') /* the last line of a reply */
			on_reply(session, line);
	}
}

void dialogue_event(struct session *session, uint32_t events)
{
	enum conn_is is = CONN_OK;

	if (session->conn.shaking && !shake(session))
		return;
	if ((events & EPOLLOUT) && conn_flush(&session->conn, session) == CONN_FAILED) {
		dialogue_fail(session, "connection lost while writing");
		return;
	}
	while (session->conn.fd != -1 && !session->conn.shaking &&
	       (is = conn_read(&session->conn)) == CONN_OK)
		on_lines(session);
	if (session->conn.fd != -1 && !session->conn.shaking && is != CONN_OK && is != CONN_AGAIN)
		dialogue_fail(session, is == CONN_CLOSED   ? "closed by the server"
		                       : session->conn.ssl ? "TLS broke off"
		                                           : strerror(errno));
}

int dialogue_on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct session *session = SSL_get_app_data(ssl);

	if (session->ticket)
		SSL_SESSION_free(session->ticket);
	session->ticket = ticket;
	return 1; /* the reference is ours */
}
