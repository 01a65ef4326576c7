/* courier/budget against the plainest model there is: a list of all that was sent, and when. */
#include <string.h>

#include "check.h"
#include "courier/budget.h"

#define MINUTE 60000u
#define DAY 86400000u
#define SENT_MAX 4000

static struct {
	uint64_t from_ms, to_ms; /* when the upstream may have counted it */
	size_t recipients;
} sent[SENT_MAX];
static size_t sent_count;

/* Send for `ms` as fast as the budget lets, each message taking `takes_ms`. How many. */
static size_t run(struct budget *budget, uint64_t *now_ms, uint64_t ms, uint64_t takes_ms, size_t recipients)
{
	uint64_t end_ms = *now_ms + ms;
	size_t count = 0;

	while (*now_ms < end_ms) {
		uint64_t wait_ms = budget_wait_ms(budget, recipients, *now_ms);

		if (wait_ms == UINT64_MAX || sent_count == SENT_MAX)
			break;
		if (wait_ms > 0) {
			*now_ms += wait_ms;
			continue;
		}
		budget_begin(budget, recipients);
		sent[sent_count].from_ms = *now_ms;
		*now_ms += takes_ms;
		sent[sent_count].to_ms = *now_ms;
		sent[sent_count++].recipients = recipients;
		budget_end(budget, recipients, true, *now_ms);
		count++;
	}
	return count;
}

/* The most that any window of `ms` may have seen, at the worst of what each message's time leaves open. */
static size_t worst(uint64_t ms, bool recipients)
{
	size_t most = 0;

	for (size_t i = 0; i < sent_count; i++) {
		size_t sum = 0;

		for (size_t k = i; k < sent_count && sent[k].from_ms < sent[i].to_ms + ms; k++)
			sum += recipients ? sent[k].recipients : 1;
		most = sum > most ? sum : most;
	}
	return most;
}

static const struct {
	const char *label;
	uint64_t begin_ms, takes_ms;
	uint64_t per_minute, per_day;
	size_t recipients;
	uint64_t for_ms;
	size_t at_least; /* sent: 95 of 100 that are permitted */
} cases[] = {
	{ "30 a minute, each at once", 5000, 20, 30, 0, 1, 20 * MINUTE, 570 },
	{ "30 a minute, each in a second", 123456789, 1000, 30, 0, 1, 20 * MINUTE, 570 },
	{ "30 a minute, a host just started", 0, 20, 30, 0, 1, 20 * MINUTE, 570 },
	{ "1200 a minute", 77, 5, 1200, 0, 1, 2 * MINUTE, 2280 },
	{ "one a minute", 77, 5, 1, 0, 1, 100 * MINUTE, 95 },
	{ "200 recipients a day, three at a time", 1000, 10, 0, 200, 3, 20ull * DAY, 1254 },
	{ "10000 recipients a day, 500 at a time, and 30 messages a minute", 99, 10, 30, 10000, 500, 10ull * DAY, 190 },
};

static void test_never_over(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct budget budget = { 0 };
		uint64_t now_ms = cases[i].begin_ms;
		size_t count;

		sent_count = 0;
		budget_limits(&budget, cases[i].per_minute, cases[i].per_day);
		count = run(&budget, &now_ms, cases[i].for_ms, cases[i].takes_ms, cases[i].recipients);
		CHECK(count >= cases[i].at_least, cases[i].label);
		CHECK(!cases[i].per_minute || worst(MINUTE, false) <= cases[i].per_minute, cases[i].label);
		CHECK(!cases[i].per_day || worst(DAY, true) <= cases[i].per_day, cases[i].label);
	}
	/* The model itself must be able to say no. */
	sent_count = 0;
	for (size_t i = 0; i < 31; i++) {
		sent[sent_count].from_ms = i;
		sent[sent_count].recipients = 1;
		sent[sent_count++].to_ms = i + 1;
	}
	CHECK(worst(MINUTE, false) == 31, "the model sees one too many");
}

static void test_a_share_at_once(void)
{
	struct budget budget = { 0 };

	budget_limits(&budget, 30, 100);
	for (size_t i = 0; i < 30; i++) {
		CHECK(budget_wait_ms(&budget, 1, 1000) == 0, "a minute's share may go at once");
		budget_begin(&budget, 1);
	}
	CHECK(budget_wait_ms(&budget, 1, 1000) == UINT64_MAX, "all of it under way: until one has ended");
	budget_end(&budget, 1, false, 1000);
	CHECK(budget_wait_ms(&budget, 1, 1000) == 0, "what the upstream saw nothing of costs nothing");
	CHECK(budget_messages(&budget, 1000) == 29 && budget_recipients(&budget, 1000) == 29, "the gauges count those under way");
	for (size_t i = 0; i < 29; i++)
		budget_end(&budget, 1, true, 1000);
	CHECK(budget_wait_ms(&budget, 72, 1000) > MINUTE && budget_wait_ms(&budget, 71, 1000) == 0, "recipients of the day count too");
	CHECK(budget_messages(&budget, 10) == 29, "a clock that goes back forgets nothing");
	CHECK(budget_wait_ms(&budget, 500, 2000) > MINUTE && budget_wait_ms(&budget, 500, 1000 + DAY + DAY / 90) == 0,
	      "more than a day's share goes when nothing else is spent");
	CHECK(budget_messages(&budget, UINT64_MAX / 4) == 0 && budget_recipients(&budget, UINT64_MAX / 4) == 0, "a great leap forgets all");
	budget_limits(&budget, 0, 0);
	CHECK(budget_wait_ms(&budget, 100000, 5) == 0, "no limit, no wait");
}

static void test_restart(void)
{
	struct budget budget = { 0 }, after = { 0 };
	uint64_t now_ms = 50ull * DAY;
	struct buf text;

	buf_init(&text, 8192);
	budget_limits(&budget, 30, 1000);
	sent_count = 0;
	(void)run(&budget, &now_ms, 5 * MINUTE, 10, 4);
	budget_begin(&budget, 4);
	CHECK(budget_print(&budget, now_ms, &text), "it is printed");
	budget_limits(&after, 30, 1000);
	CHECK(budget_parse(&after, buf_str(&text), 10000, 3000), "and read ten seconds later by a clock that begins anew");
	CHECK(budget_recipients(&after, 3000) == budget_recipients(&budget, now_ms), "with the day's recipients");
	CHECK(budget_messages(&after, 3000) == budget_messages(&budget, now_ms + 10000), "and the messages of the minute");
	CHECK(budget_wait_ms(&after, 1, 3000) + 1000 >= budget_wait_ms(&budget, 1, now_ms + 10000), "and goes on no sooner");
	after = (struct budget){ .messages_per_minute_max = 30 };
	CHECK(budget_parse(&after, buf_str(&text), 2ull * DAY, 3000) && budget_messages(&after, 3000) == 1,
	      "two days later only what was under way counts");
	CHECK(!budget_parse(&after, STR("1 x;;"), 0, 0) && !budget_parse(&after, STR("1 2; 3;"), 0, 0), "what is no such text is refused");
	buf_done(&text);
}

int main(void)
{
	test_never_over();
	test_a_share_at_once();
	test_restart();
	return check_report();
}
