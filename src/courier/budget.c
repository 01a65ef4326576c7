#include "courier/budget.h"

#include <stdlib.h>

#define MINUTE_MS 60000u
#define HOUR_MS 3600000u

bool budget_init(struct budget *budget, uint64_t messages_per_minute_max, uint64_t recipients_per_day_max)
{
	*budget = (struct budget){
		.messages_per_minute_max = messages_per_minute_max,
		.recipients_per_day_max = recipients_per_day_max,
	};
	if (messages_per_minute_max == 0)
		return true;
	budget->sent_ms = calloc((size_t)messages_per_minute_max, sizeof(*budget->sent_ms));
	return budget->sent_ms != NULL;
}

void budget_done(struct budget *budget)
{
	free(budget->sent_ms);
	*budget = (struct budget){ 0 };
}

uint64_t budget_recipients_today(const struct budget *budget, uint64_t now_ms)
{
	uint64_t hour = now_ms / HOUR_MS;
	uint64_t sum = 0;

	for (size_t i = 0; i < BUDGET_HOURS; i++) {
		if (hour - budget->hour_number[i] < BUDGET_HOURS)
			sum += budget->hour[i];
	}
	return sum;
}

uint64_t budget_wait_ms(const struct budget *budget, size_t recipients, uint64_t now_ms)
{
	uint64_t wait_ms = 0;

	/* The ring is full: its oldest message must be a minute old. */
	if (budget->messages_per_minute_max && budget->sent_count == budget->messages_per_minute_max) {
		uint64_t oldest_ms = budget->sent_ms[budget->sent_at];

		if (now_ms - oldest_ms < MINUTE_MS)
			wait_ms = MINUTE_MS - (now_ms - oldest_ms);
	}
	/* A message that alone is over the day's share would wait for ever: it goes when the day is empty. */
	if (budget->recipients_per_day_max) {
		uint64_t spent = budget_recipients_today(budget, now_ms);

		if (spent > 0 && spent + recipients > budget->recipients_per_day_max && wait_ms < HOUR_MS)
			wait_ms = HOUR_MS - now_ms % HOUR_MS;
	}
	return wait_ms;
}

void budget_spend(struct budget *budget, size_t recipients, uint64_t now_ms)
{
	uint64_t hour = now_ms / HOUR_MS;
	size_t at = hour % BUDGET_HOURS;

	if (budget->hour_number[at] != hour) {
		budget->hour_number[at] = hour;
		budget->hour[at] = 0;
	}
	budget->hour[at] += recipients;
	if (budget->messages_per_minute_max == 0)
		return;
	if (budget->sent_count < budget->messages_per_minute_max) {
		budget->sent_ms[(budget->sent_at + budget->sent_count++) % budget->messages_per_minute_max] = now_ms;
		return;
	}
	budget->sent_ms[budget->sent_at] = now_ms;
	budget->sent_at = (budget->sent_at + 1) % budget->messages_per_minute_max;
}
