/* smtp_client_state: the states of the client's side, and what a reply in each of them runs. Used by smtp_client*.c only. */
#ifndef WIRE_SMTP_CLIENT_STATE_H
#define WIRE_SMTP_CLIENT_STATE_H

#include "wire/smtp_client.h"

enum smtp_client_state {
	AT_GREETING,    /* each waits for the reply to what it names */
	AT_HELLO,
	AT_OLD_HELLO,
	AT_STARTTLS,
	AT_SECURING,    /* the caller does the handshake */
	AT_AUTH,
	AT_CREDENTIALS, /* the caller fetches them */
	AT_USER,        /* LOGIN: the user name is said, the password is not */
	AT_SECRET,
	AT_REFUSAL,     /* the error's details are answered: the refusal itself is due */
	AT_READY,
	AT_RESET,
	AT_MAIL,
	AT_RCPT,
	AT_NOBODY,      /* the last recipient was refused: MESSAGE_DONE is due */
	AT_DATA,
	AT_BODY,        /* the caller gives it */
	AT_END,
	AT_DRAIN,       /* decided, but replies to what was pipelined are still to come */
	AT_REFUSED,
	AT_QUIT,
	AT_CLOSED,
	AT_COUNT
};

/* The only place where the state changes. */
void smtp_client_enter(struct smtp_client *client, enum smtp_client_state next);
/* The connection is of no use any more, and why (NULL: the reply says it). */
void smtp_client_lost(struct smtp_client *client, struct smtp_client_event *event, const char *trouble);
void smtp_client_refused(struct smtp_client *client, struct smtp_client_event *event, const char *trouble);

/* What a reply leads to; `event` comes with its phase and reply filled in and kind NONE. From the greeting to READY
 * (smtp_client_open.c): */
void smtp_client_on_greeted(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_refused(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_ready(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_hello(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_hello_unknown(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_start_tls(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_challenge(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_password_prompt(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_signed_in(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_sign_in_refused(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_error_challenge(struct smtp_client *client, struct smtp_client_event *event);

/* From MAIL to MESSAGE_DONE (smtp_client_message.c): */
void smtp_client_on_reset(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_sender_taken(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_sender_refused(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_recipient(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_nobody(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_go_ahead(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_data_refused(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_taken(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_not_taken(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_drained(struct smtp_client *client, struct smtp_client_event *event);
void smtp_client_on_drain_go_ahead(struct smtp_client *client, struct smtp_client_event *event);

#endif
