/* budget: what a mailbox may send through its upstream: messages in any minute, recipients in any day. Pure: the time is given in. */
#ifndef COURIER_BUDGET_H
#define COURIER_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_HOURS 25 /* a sliding day, by the hour: the oldest counts until all of it is a day old */

struct budget {
	uint64_t messages_per_minute_max; /* 0: none */
	uint64_t recipients_per_day_max;  /* 0: none */
	uint64_t *sent_ms;                /* a ring of the last messages' times */
	size_t sent_at, sent_count;
	uint64_t hour[BUDGET_HOURS];      /* recipients */
	uint64_t hour_number[BUDGET_HOURS];
};

/* False: out of memory. */
bool budget_init(struct budget *budget, uint64_t messages_per_minute_max, uint64_t recipients_per_day_max);
void budget_done(struct budget *budget);

/* How long a message to so many recipients has to wait, in ms; 0: it may go now. */
uint64_t budget_wait_ms(const struct budget *budget, size_t recipients, uint64_t now_ms);
void budget_spend(struct budget *budget, size_t recipients, uint64_t now_ms);
uint64_t budget_recipients_today(const struct budget *budget, uint64_t now_ms);

#endif
