/* probe: tries an upstream step by step, by the courier's own means, and tells each step as it ends, with cause and remedy of what
 * fails. It sends no message unless it is asked to.
 *
 *   probe.c         the table of steps, rows, mailbox after mailbox     probe_smtp.c   the connection and its TLS
 *   probe_before.c  the steps outside of SMTP: folder, names, tokens    probe_talk.c   the dialogue
 *   probe_dates.c   when the credentials end                        remedy.c       what to do about each cause
 */
#ifndef COURIER_PROBE_H
#define COURIER_PROBE_H

#include "courier/courier.h"

#define PROBES_MAX 4          /* at once */
#define PROBE_SENDERS_MAX 20

enum probe_state { PROBE_OK, PROBE_WARN, PROBE_FAIL };

struct probe_row {
	const char *step;        /* "dns", "tcp" … */
	enum probe_state state;
	uint64_t ms;
	const char *text;        /* what was found, in the language asked for */
	const char *reply;       /* the server's own words; "": none */
	const char *cause;       /* an id, see remedy.h; NULL: nothing is wrong */
	const char *meaning;     /* N_(); NULL: none */
	const char *remedy;      /* N_(); NULL: none */
};

struct probe_handler {
	void (*on_row)(void *context, const struct probe_row *row);          /* borrowed for the call */
	void (*on_end)(void *context, enum probe_state worst, bool untested); /* once; `untested`: try again later, the test was kept from it */
};

/* Who would send, and as whom the gateway would sign in for it. Those of one mailbox stand together. */
struct probe_sender {
	struct str mailbox, sender;
};

struct probe_options {
	struct str upstream;
	enum language language;
	const struct probe_sender *senders;
	size_t senders_count;
	struct str recipient;    /* "": no message is sent */
	struct str message_id;   /* for the message, without its <> */
};

struct probe;

/* Rows come from a later turn on. NULL with a sentence: no such upstream (NEVER), too many at once or out of memory (LATER). */
struct probe *probe_new(struct courier *courier, const struct probe_options *options, const struct probe_handler *handler,
			void *context, struct fault *fault);
/* Whoever asked is gone: nothing more comes. It frees itself once all of its connections are closed, as it does after on_end. */
void probe_cancel(struct probe *probe);

#endif
