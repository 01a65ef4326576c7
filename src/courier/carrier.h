/* carrier: how mail gets to the upstreams of one kind. To add a kind: its file, and a row in carriers[] (carrier.c).
 *
 * A kind keeps what it has under way in lists of its own in the mailbox. A mailbox outlives a reload that gives its upstream
 * another kind: so every row but `carry` is asked for every mailbox, and looks only at what its own kind holds. */
#ifndef COURIER_CARRIER_H
#define COURIER_CARRIER_H

#include "courier/courier_private.h"

struct carrier {
	/* Takes `work` over, in a slot of the mailbox. False: it could not begin; `work` stays the caller's. */
	bool (*carry)(struct mailbox *mailbox, struct upstream *upstream, struct work *work);
	bool (*has_idle)(const struct mailbox *mailbox);           /* a slot that is taken would carry the next; NULL: never */
	void (*sweep)(struct mailbox *mailbox, uint64_t now_ms);   /* deadlines; NULL: it has none of its own */
	void (*rest)(struct mailbox *mailbox);                     /* nothing more comes: what is idle ends; NULL: nothing is */
	void (*age)(struct mailbox *mailbox);                      /* the settings go: nothing may look at them any more; NULL: nothing does */
	void (*abandon)(struct mailbox *mailbox, const char *why); /* what is under way ends now, not tried to its end */
};

extern const struct carrier *const carriers[UPSTREAM_KIND_COUNT];

extern const struct carrier smtp_carrier, graph_carrier, inbox_carrier;

#endif
