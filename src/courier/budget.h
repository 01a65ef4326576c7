/*
 * budget: what a mailbox may send through its upstream: messages in any minute, recipients in any day. Pure: the time is given in.
 *
 * A message counts from its start, and for a minute (a day) from its end: whenever the upstream counted it in between, it never sees
 * more than its share in any minute. Both windows slide by slots; the oldest slot counts until all of it is out.
 */
#ifndef COURIER_BUDGET_H
#define COURIER_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BUDGET_MINUTE_SLOTS 121 /* of half a second */
#define BUDGET_DAY_SLOTS 97     /* of a quarter of an hour */

struct budget {
	uint64_t messages_per_minute_max; /* 0: none */
	uint64_t recipients_per_day_max;  /* 0: none */
	uint64_t away_messages, away_recipients; /* begun and not ended */
	uint64_t minute_slot, day_slot;   /* the newest slot of each window, counted from the clock's begin */
	uint32_t minute[BUDGET_MINUTE_SLOTS], day[BUDGET_DAY_SLOTS]; /* by slot number modulo their count */
};

/* Of new settings: what was sent stays sent. */
void budget_limits(struct budget *budget, uint64_t messages_per_minute_max, uint64_t recipients_per_day_max);

/* How long a message to so many recipients has to wait, in ms; 0: it may go now; UINT64_MAX: until one under way has ended. */
uint64_t budget_wait_ms(struct budget *budget, size_t recipients, uint64_t now_ms);
void budget_begin(struct budget *budget, size_t recipients);
void budget_end(struct budget *budget, size_t recipients, bool tried, uint64_t now_ms); /* not tried: the upstream saw nothing of it */

/* With those under way. */
uint64_t budget_messages(struct budget *budget, uint64_t now_ms);
uint64_t budget_recipients(struct budget *budget, uint64_t now_ms);

/* As one line of text, to be kept over a restart; and back, read so many ms later. Those that were under way count as sent just now:
 * nobody knows what became of them. False: no such text. */
bool budget_print(struct budget *budget, uint64_t now_ms, struct buf *out) __attribute__((warn_unused_result));
bool budget_parse(struct budget *budget, struct str text, uint64_t later_ms, uint64_t now_ms);

#endif
