/* session: one client's connection: bytes → wire/smtp_server → event → question or answer. Only a pump: policy is the keeper's,
 * the protocol is wire's, the message is draft's. */
#ifndef GATE_SESSION_H
#define GATE_SESSION_H

#include "domain/event_id.h"
#include "gate/draft.h"
#include "gate/gate.h"
#include "sys/stream.h"
#include "wire/ask.h"
#include "wire/smtp_server.h"

struct session {
	struct stream stream;
	struct gate_listener *listener;
	uint64_t id;
	uint64_t asked;          /* the question that is out; 0: none */
	uint8_t asked_kind;      /* enum ask_kind */
	bool sniffing;           /* listener `auto`: waiting for a ClientHello */
	bool greeted;
	bool counted;            /* the keeper knows this session */
	bool ended;
	uint64_t opened_ms;
	uint64_t waits_since_ms; /* when the client's turn began */
	struct stream_address peer;
	struct smtp_server smtp;
	char *account;           /* who signed in; NULL before */
	char *send_as;
	char *from_rewrite;      /* "": none */
	char next_id[EVENT_ID_LEN + 1]; /* what its next message will be called */
	struct draft *draft;     /* the open transaction */
	struct session *next;    /* gone, and the keeper does not know yet */
};

void session_accept(struct gate_listener *listener);
void session_answer(struct session *session, const struct ask_answer *answer, int fd); /* `fd` is taken over */
void session_sweep(struct session *session, uint64_t now_ms); /* deadlines */
void session_say_goodbye(struct session *session);            /* draining: as soon as no transaction is open */
/* Gone sessions whose HANGUP found no memory, or a full link: once more. Gives back those of whom the keeper still has to hear. */
struct session *session_tell_gone(struct session *untold);
void session_keeper_gone(struct session *session);

/* question.c: send a question; the session's link may be full: then the session ends with a 421. */
bool session_ask(struct session *session, enum ask_kind kind, const void *body);
bool session_tell(struct session *session, enum ask_kind kind, const void *body);
bool session_tell_recipients(struct session *session); /* those that the keeper does not know yet */
bool session_refuse(struct session *session, enum smtp_phase phase, const struct smtp_reply *reply, struct str detail);
bool session_commit(struct session *session);

#endif
