/* exchange_private: one connection of the sandbox's SMTP side, shared by exchange.c and exchange_auth.c. */
#ifndef SANDBOX_EXCHANGE_PRIVATE_H
#define SANDBOX_EXCHANGE_PRIVATE_H

#include "sandbox/sandbox_private.h"
#include "wire/header.h"

#define SUFFIX_BYTES 160

struct exchange_session {
	struct stream stream;
	struct sandbox *sandbox;
	uint64_t number;
	struct smtp_server smtp;
	struct smtp_server_options options; /* its own: the banner has its own time and session id */
	char banner[300], peer[64], suffix[SUFFIX_BYTES];
	struct sandbox_mailbox *mailbox; /* NULL: not signed in */
	char mechanism[16];
	char *sender;
	uint64_t body_bytes;     /* for the transcript */
	struct buf recipients;
	struct header_scan header;
	struct inbox_message message;
	bool header_open, receiving, ended, one_too_many;
	uv_timer_t late;         /* an answer that waits */
	bool late_open;
	struct smtp_reply late_reply;
	char late_text[512];
};

const char *exchange_suffix(struct exchange_session *session); /* "[FRONTEND TIME ID]" without its brackets */
void exchange_refuse(struct exchange_session *session, unsigned code, const char *enhanced, const char *text);
void exchange_accept(struct exchange_session *session);

/* exchange_record.c: into D/transcript.txt, when that was asked for. */
void exchange_heard(struct exchange_session *session, enum smtp_state before, const struct smtp_event *event, struct str bytes);
void exchange_said(struct exchange_session *session);
void exchange_secured(struct exchange_session *session);

/* exchange_auth.c */
void exchange_sign_in(struct exchange_session *session, const struct sasl_credentials *given);

#endif
