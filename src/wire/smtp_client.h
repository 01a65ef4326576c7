/*
 * smtp_client: the client's side of an SMTP submission dialogue, without I/O, for many messages over one connection
 * (RFC 5321, 2920, 3207, 4954, 1870, 3461, 6152, 6531). What to do next comes out as an event; what to send collects
 * in `out`.
 */
#ifndef WIRE_SMTP_CLIENT_H
#define WIRE_SMTP_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "wire/sasl.h"
#include "wire/smtp_body.h"
#include "wire/smtp_param.h"
#include "wire/smtp_reply.h"

enum smtp_client_tls { SMTP_CLIENT_TLS_NONE, SMTP_CLIENT_TLS_STARTTLS, SMTP_CLIENT_TLS_IMPLICIT };

struct smtp_client_options {
	struct str hello;           /* our name in EHLO */
	enum smtp_client_tls tls;
	bool sign_in;               /* false: no AUTH */
	enum sasl_mechanism mechanism;
	struct str host;            /* for OAUTHBEARER */
	unsigned port;
};

/* One message to hand over. Everything borrowed until its MESSAGE_DONE (or LOST). */
struct smtp_client_recipient {
	struct str address;
	unsigned notify;  /* enum smtp_notify; sent only where the server offers DSN */
	struct str orcpt;
};
struct smtp_client_message {
	struct str sender; /* empty: <> */
	uint64_t size;     /* octets after CRLF, before stuffing */
	bool body_8bit;
	bool utf8;
	enum smtp_ret ret;
	struct str envid;
	const struct smtp_client_recipient *recipients;
	size_t recipients_count; /* 0: a trial, of the sender alone: MESSAGE_DONE at MAIL, and nothing is sent */
};

enum smtp_client_phase { /* where a reply was given, for courier/failure */
	SMTP_CLIENT_GREETING, SMTP_CLIENT_HELLO, SMTP_CLIENT_STARTTLS, SMTP_CLIENT_AUTH, SMTP_CLIENT_MAIL,
	SMTP_CLIENT_RCPT, SMTP_CLIENT_DATA, SMTP_CLIENT_END, SMTP_CLIENT_QUIT, SMTP_CLIENT_PHASE_COUNT
};

enum smtp_client_event_kind {
	SMTP_CLIENT_EVENT_NONE,         /* more input is needed */
	SMTP_CLIENT_EVENT_START_TLS,    /* 220 came and nothing behind it: do the handshake, then smtp_client_secured() */
	SMTP_CLIENT_EVENT_NEED_TOKEN,   /* the server is ready for credentials: smtp_client_sign_in() */
	SMTP_CLIENT_EVENT_READY,        /* signed in (if asked for): a message may be given */
	SMTP_CLIENT_EVENT_RECIPIENT,    /* the reply for recipient `index` */
	SMTP_CLIENT_EVENT_BODY,         /* 354: add the body with smtp_client_body() … smtp_client_body_end() */
	SMTP_CLIENT_EVENT_MESSAGE_DONE, /* `reply` at `phase` decides for every recipient that was not refused: MAIL or DATA refused,
	                                   all recipients refused (then reply is the last one's), or the end's reply */
	SMTP_CLIENT_EVENT_REFUSED,      /* connection-level refusal (greeting, EHLO, STARTTLS, AUTH): the connection is of no use */
	SMTP_CLIENT_EVENT_LOST,         /* not SMTP, or a 421: close; `phase` says how far it was: at END the message may have been
	                                   taken (unless `reply` says otherwise), before it was not */
	SMTP_CLIENT_EVENT_CLOSED,       /* answer to QUIT */
};

struct smtp_client_event {
	enum smtp_client_event_kind kind;
	enum smtp_client_phase phase;
	size_t index;
	struct smtp_reply reply; /* borrowed until the next call */
	const char *trouble;     /* N_() sentence where no reply tells: STARTTLS or mechanism not offered, text after 220, … */
};

#define SMTP_CLIENT_OUT_MAX (1u << 20)       /* what may wait in `out` */
#define SMTP_CLIENT_BODY_MAX (256u << 10)    /* of it while a body goes out; also the longest run that smtp_client_body takes */
#define SMTP_CLIENT_AHEAD_MAX 500            /* recipients said and not yet answered */
#define SMTP_CLIENT_ADDRESS_MAX 1024         /* local part and domain; RFC 5321 allows 320, servers may allow more */

struct smtp_client {
	struct smtp_client_options options;
	struct buf out;           /* to send; the caller eats what it sent */
	struct buf keep;          /* the reply last read */
	struct buf secret;        /* LOGIN's password until it is asked for */
	const struct smtp_client_message *message;
	uint64_t size_max;        /* the server's SIZE; 0: none given */
	struct smtp_body_out body;
	struct smtp_reply last;   /* the reply last read, borrowed from `keep` */
	size_t asked, answered;   /* recipients said, recipients answered */
	size_t accepted;
	size_t owed;              /* replies still to come to a transaction that is decided */
	size_t scanned;           /* bytes of the input known to hold no line end */
	uint8_t state;
	bool tls;
	bool pipelining, dsn, eightbit, utf8, size, starttls;
	bool data_said;           /* DATA went out behind the recipients */
	bool open_transaction;    /* RSET before the next MAIL */
	bool no_memory;           /* `out` could not take a command: LOST follows */
	unsigned mechanisms;      /* SASL_BIT()s offered by the server */
};

void smtp_client_init(struct smtp_client *client, const struct smtp_client_options *options);
void smtp_client_done(struct smtp_client *client);

/* How many bytes of `input` (what the server sent) were used, and what happened. What was not used must stand at the start
 * of the next input. Call until NONE with 0 used, also with an empty input: one reply may bring two events. */
size_t smtp_client_feed(struct smtp_client *client, struct str input, struct smtp_client_event *ret_event);

/* TLS is up, certificate verified: EHLO again; with implicit TLS, where no START_TLS came, the greeting is awaited. */
void smtp_client_secured(struct smtp_client *client);

/* `secret` is the token or password. With an OAuth mechanism "AUTH XOAUTH2" went alone and the 334 is here: an inline
 * token breaks the 512-octet line of real servers. False: no room, or invalid bytes. */
bool smtp_client_sign_in(struct smtp_client *client, struct str user, struct str secret) __attribute__((warn_unused_result));

/* Begin a message after READY or MESSAGE_DONE, and after feed has come to NONE: what a server sent unasked shows by then.
 * MAIL, every RCPT and DATA in one go where PIPELINING is offered, else one by one. False: it cannot go to this server and
 * *ret_why is a N_() sentence (larger than SIZE; needs SMTPUTF8 or 8BITMIME that is not offered; something in it cannot
 * stand in a command); nothing was said. */
bool smtp_client_send(struct smtp_client *client, const struct smtp_client_message *message, const char **ret_why)
	__attribute__((warn_unused_result));

/* After EVENT_BODY. At most SMTP_CLIENT_BODY_MAX bytes. False: `out` is full (flush first), nothing was added. */
bool smtp_client_body(struct smtp_client *client, struct str text) __attribute__((warn_unused_result));
bool smtp_client_body_end(struct smtp_client *client) __attribute__((warn_unused_result));

/* Says QUIT where the dialogue allows it; CLOSED comes with its answer. Elsewhere nothing is said: close. True: it was said. */
bool smtp_client_quit(struct smtp_client *client);

#endif
