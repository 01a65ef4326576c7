/* stage: the server machine with a story that answers from a list and writes down all that is said and asked. */
#ifndef TESTS_DIALOGS_STAGE_H
#define TESTS_DIALOGS_STAGE_H

#include "wire/smtp_server.h"

#define STAGE_BYTES_MAX (64u << 20)
#define STAGE_ANSWERS_MAX 32

/* What the story answers to the next question of a kind; without one it accepts, or says the machine's own refusal. */
struct stage_answer {
	enum smtp_event_kind kind;
	struct smtp_reply reply; /* of code 400 and up: not accepted */
};

struct stage {
	struct smtp_server_options options;
	struct smtp_server server;
	struct buf input;
	struct buf script;   /* "S: " and "EVENT " lines, each closed by LF */
	struct buf body;     /* runs of the message that are not in the script yet */
	bool no_events;      /* write down only what is said */
	bool closed;
	bool broken;         /* a rule that holds always did not; `script` says which */
	struct stage_answer answers[STAGE_ANSWERS_MAX];
	size_t answers_count;
	unsigned events[SMTP_EVENT_CLOSE + 1]; /* how often each came */
};

struct smtp_server_options stage_options(void); /* of an ordinary STARTTLS listener */
void stage_init(struct stage *stage, bool tls, bool clear_auth); /* after .options is set; greets */
void stage_done(struct stage *stage);

/* The client sends `bytes`: all that follows from them happens. */
void stage_send(struct stage *stage, struct str bytes);

const char *stage_event_name(enum smtp_event_kind kind);
bool stage_print_escaped(struct buf *out, struct str bytes) __attribute__((warn_unused_result));

#endif
