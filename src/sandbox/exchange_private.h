/* exchange_private: one connection of the sandbox's SMTP side, and what its files offer each other. */
#ifndef SANDBOX_EXCHANGE_PRIVATE_H
#define SANDBOX_EXCHANGE_PRIVATE_H

#include "sandbox/sandbox_private.h"
#include "wire/header.h"

#define SUFFIX_BYTES 160
#define EXCHANGE_BACKEND "Hostname=SYBP282MB2635.AUSP282.PROD.OUTLOOK.COM SANDBOX" /* ends what the mailbox server says */

struct exchange_session {
	struct stream stream;
	struct sandbox *sandbox;
	uint64_t number;
	struct smtp_server smtp;
	struct smtp_server_options options; /* its own: the banner has its own time and session id */
	char banner[300], peer[64], suffix[SUFFIX_BYTES];
	struct sandbox_mailbox *mailbox; /* NULL: not signed in */
	char mechanism[16];
	char auth_error[256];    /* why the last AUTH was refused: MAIL is told, too */
	char *sender;
	uint64_t body_bytes;     /* for the transcript */
	struct buf recipients;
	struct header_scan header;
	struct inbox_message message;
	bool header_open, receiving, ended, one_too_many;
	uint64_t heard_ms;       /* when the client last said something */
	uv_timer_t late;         /* an answer that waits */
	bool late_open, late_due;
	char late_text[512];
};

/* exchange.c */
const char *exchange_suffix(struct exchange_session *session); /* "[FRONTEND TIME ID]" without its brackets */
void exchange_refuse(struct exchange_session *session, unsigned code, const char *enhanced, const char *text);
void exchange_accept(struct exchange_session *session);
void exchange_flush(struct exchange_session *session);
void exchange_cut(struct exchange_session *session); /* the line is dead, without a word */

/* exchange_envelope.c: MAIL and RCPT. */
void exchange_sender(struct exchange_session *session, struct str sender);
void exchange_recipient(struct exchange_session *session, struct str recipient);

/* exchange_message.c: DATA to the reply at its end. */
void exchange_data(struct exchange_session *session);
void exchange_body(struct exchange_session *session, struct str run);
void exchange_body_end(struct exchange_session *session);
void exchange_drop(struct exchange_session *session);        /* the message, if one is open, is forgotten */
void exchange_answer_late(struct exchange_session *session); /* if an answer waits, it is said now */

/* exchange_record.c: into D/transcript.txt, when that was asked for. */
void exchange_heard(struct exchange_session *session, enum smtp_state before, const struct smtp_event *event, struct str bytes);
void exchange_said(struct exchange_session *session);
void exchange_secured(struct exchange_session *session);

/* exchange_auth.c */
void exchange_sign_in(struct exchange_session *session, const struct sasl_credentials *given);

#endif
