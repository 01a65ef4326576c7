/*
 * smtp_server: the server's side of one SMTP submission dialogue (RFC 5321, 6409, 4954, 3207, 1870, 2920, 3461, 6152,
 * 6531), without I/O: bytes go in, one event at a time comes out, replies collect in `out`.
 *
 *   feed → event → (the story decides) → answer → feed …
 *
 * While an answer is due, feed takes nothing: pipelining and back-pressure come for free.
 */
#ifndef WIRE_SMTP_SERVER_H
#define WIRE_SMTP_SERVER_H

#include "base/buf.h"
#include "base/str.h"
#include "wire/sasl.h"
#include "wire/smtp_address.h"
#include "wire/smtp_body.h"
#include "wire/smtp_param.h"
#include "wire/smtp_reply.h"

#define SMTP_COMMAND_LINE_MAX 2048 /* RFC 5321 says 512 and lets extensions add; AUTH lines have SASL_LINE_MAX */
#define SMTP_HELLO_NAME_MAX 255

enum smtp_state {
	SMTP_START,  /* the greeting is not said yet */
	SMTP_HELLO,  /* greeted; no transaction, not signed in */
	SMTP_AUTH,   /* inside a SASL exchange */
	SMTP_READY,  /* signed in (or no sign-in is required); no transaction */
	SMTP_MAIL,   /* a sender is accepted */
	SMTP_RCPT,   /* at least one recipient is accepted */
	SMTP_BODY,   /* after 354 */
	SMTP_CLOSED,
	SMTP_STATE_COUNT
};

/* What one listener offers: shared by its sessions, never changed while one lives. */
struct smtp_server_options {
	struct str hostname;         /* first EHLO line "250-HOSTNAME Hello [peer]" */
	struct str banner;           /* the 220 line's text; empty: "HOSTNAME ESMTP Sekisho" */
	uint64_t size_bytes_max;     /* SIZE; 0: no limit announced */
	unsigned recipients_max;     /* accepted for one message; beyond: 452 4.5.3; 0: any number */
	unsigned commands_max;       /* in one connection without a message accepted between, accepted recipients not
	                                counted; then 421; 0: any number */
	unsigned errors_max;         /* refusals in one connection, 452 not counted; the last is followed by 421; 0: any number */
	unsigned mechanisms;         /* SASL_BIT()s offered */
	bool starttls;               /* offered while in clear */
	bool require_auth;
	bool exchange_extensions;    /* also list BINARYMIME and CHUNKING, as smtp.office365.com does (sandbox only) */
	enum smtp_bare_newline bare_newline;
};

enum smtp_event_kind {
	SMTP_EVENT_NONE,      /* a reply was said, or more input is needed (then nothing was used) */
	SMTP_EVENT_START_TLS, /* 220 is said: flush `out`, do the handshake, call smtp_server_secured() */
	SMTP_EVENT_SIGN_IN,   /* answer due */
	SMTP_EVENT_SENDER,    /* answer due */
	SMTP_EVENT_RECIPIENT, /* answer due */
	SMTP_EVENT_DATA,      /* answer due: accepted says 354 */
	SMTP_EVENT_BODY,      /* `text`: a run of the message */
	SMTP_EVENT_BODY_END,  /* answer due */
	SMTP_EVENT_REFUSED,   /* the machine refuses an AUTH, MAIL, RCPT, DATA or body itself: answer due, `reply` with an event ID */
	SMTP_EVENT_RESET,     /* the transaction, if any, is over: forget it (RSET, EHLO) */
	SMTP_EVENT_CLOSE,     /* the last reply is said: flush, then close */
};

enum smtp_phase {
	SMTP_PHASE_AUTH,
	SMTP_PHASE_MAIL,
	SMTP_PHASE_RCPT,
	SMTP_PHASE_DATA, /* the command; the transaction stays open */
	SMTP_PHASE_BODY, /* at the body's end (too large, bare newlines): the transaction is over, forget it */
	SMTP_PHASE_NONE, /* never in an event */
};

/* Every str in it is borrowed until the next call on the machine or change of the input. */
struct smtp_event {
	enum smtp_event_kind kind;
	struct str text;                     /* BODY */
	struct sasl_credentials credentials; /* SIGN_IN */
	struct smtp_address address;         /* SENDER, RECIPIENT */
	struct smtp_mail_params mail;        /* SENDER */
	struct smtp_rcpt_params rcpt;        /* RECIPIENT */
	enum smtp_phase phase;               /* REFUSED */
	struct smtp_reply reply;             /* REFUSED: what to answer */
};

struct smtp_server {
	const struct smtp_server_options *options;
	struct buf out;       /* replies to send, in order; the story takes them */
	char *hello;          /* the name given in EHLO or HELO, owned; NULL before */
	struct buf sasl;      /* decoded credentials while an exchange lasts, wiped after */
	struct smtp_body_in body;
	uint64_t message_bytes; /* of the body so far, unstuffed */
	uint64_t size_given;  /* SIZE= of the open transaction */
	unsigned commands;
	unsigned errors;
	unsigned recipients;  /* accepted in the open transaction */
	uint8_t state;        /* enum smtp_state */
	uint8_t due;          /* enum smtp_event_kind whose answer is due */
	uint8_t mechanism;    /* enum sasl_mechanism of the open exchange */
	uint8_t sasl_step;
	bool esmtp;           /* EHLO, not HELO */
	bool tls;
	bool signed_in;
	bool clear_auth;      /* AUTH allowed without TLS here */
	bool trusted;         /* may send without AUTH; may sign in all the same; outlives STARTTLS */
	bool ahead;           /* bytes stood behind DATA: the client does not wait for 354 */
	bool body_8bit, body_utf8;
	bool oversize;        /* the body went over size_bytes_max: read on to its end, then 552 */
	bool skipping;        /* the rest of an over-long line is being dropped */
};

/* `peer` is for the EHLO line, e.g. "192.0.2.7"; borrowed for the length of the session. */
void smtp_server_init(struct smtp_server *server, const struct smtp_server_options *options, bool tls, bool clear_auth);
void smtp_server_done(struct smtp_server *server); /* wipes and frees */

void smtp_server_greet(struct smtp_server *server);                      /* says 220 */
void smtp_server_refuse(struct smtp_server *server, const struct smtp_reply *reply); /* instead of the 220; then CLOSE */
void smtp_server_trust(struct smtp_server *server); /* a trusted device: sends without AUTH; before or after greeting */

/* How many bytes at the start of `input` were used, and what they mean. Call until it uses nothing and says NONE; what was
 * not used must be at the start of the next input. Bytes before the greeting are refused with 554 and CLOSE. */
size_t smtp_server_feed(struct smtp_server *server, struct str input, struct str peer, struct smtp_event *ret_event);

/* The answer that is due. `accepted` moves the dialogue on; the reply is said either way (NULL or a reply of code 0 with
 * accepted: the machine's own good reply). For REFUSED `accepted` is false. A 421 closes. After BODY_END the transaction is
 * over, accepted or not. After the last reply was said (hang_up) an answer that comes late does nothing. */
void smtp_server_answer(struct smtp_server *server, bool accepted, const struct smtp_reply *reply);

void smtp_server_secured(struct smtp_server *server); /* TLS is up: all that was said before it is forgotten (RFC 3207, 4.2) */

/* Say `id` at once, whatever is due, and close: time-out, shutdown, TLS failure. */
void smtp_server_hang_up(struct smtp_server *server, enum smtp_reply_id id);

#endif
