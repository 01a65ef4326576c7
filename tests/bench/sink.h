/* sink: a receiver that only counts: SMTP (in clear, STARTTLS or implicit TLS, XOAUTH2), a token endpoint, an
 * nginx auth_http responder. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <sys/queue.h>

#include "conn.h"

enum { head_bytes_max = 16384 };

enum sink_tls { SINK_CLEAR, SINK_STARTTLS, SINK_IMPLICIT };

/* Where a session can be made to fail. */
enum sink_place { PLACE_GREETING, PLACE_AUTH, PLACE_MAIL, PLACE_RCPT, PLACE_IN_BODY, PLACE_BODY };

struct peer;

/* listener: a port, what is spoken on it, and how. */
struct listener {
	struct conn
	        conn; /* only its fd is used; first, so that an epoll owner can be told apart by `serve` */
	void (*begin)(struct peer *);
	void (*eat)(struct peer *); /* conn->in has bytes; may set peer->over */
	enum sink_tls tls;
	int port;
};

struct sink_counts {
	long messages, message_bytes, recipients, connections, open, open_max, tls, auths, tokens, lookups,
	        refused, cut;
};

struct sink {
	int epoll_fd;
	SSL_CTX *tls;
	int ids_fd; /* -1: message ids are not kept */
	bool auth;  /* XOAUTH2 is asked for before MAIL */
	bool quick_acks;
	long delay_ms;
	int smtp_port;
	struct sink_counts counts;
	TAILQ_HEAD(late_list, peer) late; /* replies that wait for their time, earliest first */
};

enum peer_state { PEER_COMMAND, PEER_TOKEN, PEER_BODY, PEER_LATE };

/* peer: one connection. */
struct peer {
	struct conn conn;
	const struct listener *listener;
	struct sink *sink;
	enum peer_state state;
	bool over; /* to be closed once its replies are written */
	bool cut;  /* to be closed at once */
	bool signed_in, has_sender, has_recipient, start_tls;
	int end_matched; /* how much of CRLF.CRLF has been seen */
	long body_bytes;
	char *head; /* the beginning of the message, when ids are kept */
	size_t head_len;
	uint64_t due_us;
	TAILQ_ENTRY(peer) late;
};

/* SMTP (RFC 5321): greets; eats what came, answering in one write. */
void sink_smtp_begin(struct peer *peer);
void sink_smtp_eat(struct peer *peer);

/* The reply to a finished message, said at once or after the delay. */
void sink_smtp_answer_body(struct peer *peer);

/* HTTP/1.1: POST …/token (RFC 6749 4.4) and GET /auth (nginx auth_http). */
void sink_http_begin(struct peer *peer);
void sink_http_eat(struct peer *peer);

/* `NAME:EVERY`: the case happens at each EVERY-th chance. False: no such case. */
bool sink_fail_add(const char *text);
void sink_fail_list(FILE *out);

#endif
