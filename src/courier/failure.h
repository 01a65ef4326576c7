/* failure: what a reply of an upstream, or its absence, means. One table of (phase, code, enhanced code, text) → meaning, first
 * row that fits; each row cites its source. Pure. */
#ifndef COURIER_FAILURE_H
#define COURIER_FAILURE_H

#include "base/str.h"
#include "wire/smtp_client.h"

enum failure_meaning {
	FAILURE_DELIVERED,
	FAILURE_LATER,           /* try this message again after a while */
	FAILURE_NEVER,           /* tell the sender */
	FAILURE_OTHER_WAY,       /* this kind of upstream cannot carry it: another may; without one, tell the sender */
	FAILURE_REFRESH_TOKEN,   /* the token was refused: one fresh one, once */
	FAILURE_PAUSE_MAILBOX,   /* everything of this mailbox waits */
	FAILURE_PAUSE_UPSTREAM,  /* everything for this upstream waits */
};

/* Kinds of permanent errors that an upstream punishes when they go on (Microsoft, "Continuous error throttling"). */
enum failure_kind {
	FAILURE_NO_KIND,
	FAILURE_SEND_AS_DENIED,
	FAILURE_MAILBOX_FULL,
	FAILURE_TOO_MANY_RECIPIENTS,
	FAILURE_INVALID_RECIPIENT,
	FAILURE_KIND_COUNT
};

struct failure_verdict {
	enum failure_meaning meaning;
	uint64_t pause_ms;       /* for the pauses: at least so long */
	const char *cause;       /* short id for log, notices and explain */
	const char *explain;     /* N_(): what it means and what to do */
	enum failure_kind kind;  /* of a permanent error: a row of them holds the sender (courier/hold) */
};

/* `reply` NULL: the connection was lost in `phase`, or never made. */
const struct failure_verdict *failure_decide(enum smtp_client_phase phase, const struct smtp_reply *reply);

/* N_(): what a cause means, whatever reply it comes from; NULL: no row has it. */
const char *failure_explain(const char *cause);

const char *failure_kind_name(enum failure_kind kind);

#endif
