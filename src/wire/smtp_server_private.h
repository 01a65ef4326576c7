/* smtp_server_private: what the files of the server machine share: the machine, its commands, its SASL exchange. */
#ifndef WIRE_SMTP_SERVER_PRIVATE_H
#define WIRE_SMTP_SERVER_PRIVATE_H

#include "wire/smtp_server.h"

#define IN(state) (1u << (state))

/* One line of the client's, and what stands around it. */
struct smtp_said {
	struct str line;   /* without its line end */
	struct str args;   /* of it what stands behind the verb, without blanks around; the dispatcher's */
	struct str behind; /* input after it */
	struct str peer;
};

/* smtp_server.c */

void smtp_server_enter(struct smtp_server *server, enum smtp_state next); /* the only place where the state changes */
enum smtp_state smtp_server_rest(const struct smtp_server *server); /* where it stands between transactions */
bool smtp_server_may_auth(const struct smtp_server *server);        /* credentials may cross this connection */

void smtp_server_say(struct smtp_server *server, const struct smtp_reply *reply);
void smtp_server_say_id(struct smtp_server *server, enum smtp_reply_id id);
void smtp_server_close(struct smtp_server *server, enum smtp_reply_id id, struct smtp_event *event);

/* An event whose answer is due. */
void smtp_server_ask(struct smtp_server *server, enum smtp_event_kind kind, struct smtp_event *event);
/* A refusal of the machine's own: counted, and said at once or, in a phase that the story watches, asked. */
void smtp_server_decline(struct smtp_server *server, enum smtp_phase phase, enum smtp_reply_id id,
			 struct smtp_event *event);
void smtp_server_count_error(struct smtp_server *server);
void smtp_server_reset(struct smtp_server *server); /* nothing of a transaction is left */

/* smtp_command.c */

void smtp_command_run(struct smtp_server *server, struct smtp_said *said, struct smtp_event *event);
enum smtp_phase smtp_command_phase(struct str line); /* of the command that the line begins with */

/* smtp_hello.c */

/* EHLO or HELO: keep the name and say what is offered. */
void smtp_hello_run(struct smtp_server *server, struct str name, struct str peer, bool esmtp, struct smtp_event *event);

/* smtp_auth.c */

/* AUTH and its arguments, and each further line of the exchange. */
void smtp_auth_start(struct smtp_server *server, struct str args, struct smtp_event *event);
void smtp_auth_respond(struct smtp_server *server, struct str line, struct smtp_event *event);
/* The exchange is over: credentials wiped, the state left. */
void smtp_auth_end(struct smtp_server *server);
/* The story's verdict; says `reply`. */
void smtp_auth_settle(struct smtp_server *server, bool accepted, const struct smtp_reply *reply);

#endif
