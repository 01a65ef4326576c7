/* dialogue: one client session after another: connect, STARTTLS, AUTH, messages, QUIT, as a copier speaks (no
 * pipelining). */
#ifndef BENCH_DIALOGUE_H
#define BENCH_DIALOGUE_H

#include <netinet/in.h>

#include "conn.h"
#include "tally.h"

enum dialogue_step {
	STEP_CONNECT,
	STEP_GREETING,
	STEP_EHLO,
	STEP_STARTTLS,
	STEP_TLS,
	STEP_EHLO_TLS,
	STEP_AUTH,
	STEP_USER,
	STEP_PASSWORD,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,
	STEP_QUIT,
	STEP_HELD,  /* signed in and silent (--idle) */
	STEP_PAUSE, /* waits to try again (--retry-ms) */
	STEP_DONE,  /* no message is left for this session */
};

struct account {
	const char *user;
	const char *password;
};

/* load: everything that the sessions of one run share. */
struct load {
	/* what was asked for */
	struct sockaddr_in server;
	long messages_max, per_connection, retry_ms, sources, idle;
	bool starttls, implicit, auth, auth_plain, quick_ack, resume;
	const char *recipient;
	const struct account *accounts;
	size_t account_count;
	const char *body; /* message_bytes of text and the end CRLF.CRLF */
	size_t message_bytes, body_len;
	const char *run_id, *date;
	int ack_fd; /* -1: acknowledged ids are not kept */

	/* what happened */
	int epoll_fd;
	SSL_CTX *tls;
	bool stop;         /* begin nothing new */
	bool refuse_pause; /* the deadline has passed: do not try again either */
	long taken, acknowledged, failed, retried, connections, resumed, held;
	uint64_t last_ack_us;
	char tls_version[32], tls_cipher[64], tls_group[32];
	struct series dialogue_us; /* connect to 221 */
	struct series message_us;  /* MAIL to the 250 after the dot */
	struct failures failures;
};

/* session: one of the concurrent clients. */
struct session {
	struct conn conn;
	struct load *load;
	SSL_SESSION *ticket;
	enum dialogue_step step;
	const struct account *account;
	long message; /* number of the message in hand, 0: none */
	long left;    /* messages that this connection may still carry */
	long number;
	uint64_t connect_us, mail_us, active_us, due_us;
};

/* Opens the next connection, or sets STEP_DONE if nothing is left to do. */
void dialogue_begin(struct session *session);

/* Called for each epoll event of the session. */
void dialogue_event(struct session *session, uint32_t events);

/* Ends the connection and counts `why` as a failure of the step it was in. */
void dialogue_fail(struct session *session, const char *why);

/* Keeps the last ticket of each session (--resume). */
int dialogue_on_ticket(SSL *ssl, SSL_SESSION *ticket);

#endif
