/* The forecast: days as a calendar counts them, in the reader's zone; how urgent; in which order; in which words. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "domain/forecast.h"

#define HOUR_US (3600ll * 1000000)

static int64_t us_of(const char *date)
{
	int64_t us = -1;

	(void)clock_rfc3339_parse(str_of(date), &us);
	return us;
}

static const struct {
	const char *label;
	const char *now, *expires;
	int now_hours, expires_hours; /* the zone, east of UTC */
	int days_left;
	enum forecast_urgency urgency;
	const char *date;
} cases[] = {
	{ "a second ago", "2026-11-24T12:00:00Z", "2026-11-24T11:59:59Z", 0, 0, 0, FORECAST_EXPIRED, "2026-11-24" },
	{ "this very microsecond", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z", 0, 0, 0, FORECAST_EXPIRED, "2026-11-24" },
	{ "later today", "2026-11-24T12:00:00Z", "2026-11-24T12:00:01Z", 0, 0, 0, FORECAST_DAY, "2026-11-24" },
	{ "a year ago", "2026-11-24T12:00:00Z", "2025-11-24T12:00:00Z", 0, 0, -365, FORECAST_EXPIRED, "2025-11-24" },
	{ "tomorrow, though in two hours", "2026-11-24T23:00:00Z", "2026-11-25T01:00:00Z", 0, 0, 1, FORECAST_DAY, "2026-11-25" },
	{ "the same by the clock of Tokyo", "2026-11-24T23:00:00Z", "2026-11-25T01:00:00Z", 9, 9, 0, FORECAST_DAY, "2026-11-25" },
	{ "Tokyo's day begins earlier", "2026-11-24T14:00:00Z", "2026-11-24T16:00:00Z", 9, 9, 1, FORECAST_DAY, "2026-11-25" },
	{ "New York's ends later", "2026-11-25T03:00:00Z", "2026-11-25T06:00:00Z", -5, -5, 1, FORECAST_DAY, "2026-11-25" },
	{ "the second day", "2026-11-24T12:00:00Z", "2026-11-26T00:00:00Z", 0, 0, 2, FORECAST_WEEK, "2026-11-26" },
	{ "the seventh", "2026-11-24T12:00:00Z", "2026-12-01T23:00:00Z", 0, 0, 7, FORECAST_WEEK, "2026-12-01" },
	{ "the eighth", "2026-11-24T12:00:00Z", "2026-12-02T00:00:00Z", 0, 0, 8, FORECAST_MONTH, "2026-12-02" },
	{ "the thirtieth", "2026-11-24T12:00:00Z", "2026-12-24T12:00:00Z", 0, 0, 30, FORECAST_MONTH, "2026-12-24" },
	{ "the one behind it", "2026-11-24T12:00:00Z", "2026-12-25T00:00:00Z", 0, 0, 31, FORECAST_FAR, "2026-12-25" },
	{ "over the end of summer time", "2026-10-31T12:00:00Z", "2026-11-02T04:30:00Z", -4, -5, 1, FORECAST_DAY, "2026-11-01" },
	{ "over a leap day", "2028-02-28T12:00:00Z", "2028-03-01T12:00:00Z", 0, 0, 2, FORECAST_WEEK, "2028-03-01" },
	{ "before 1970", "1970-01-01T12:00:00Z", "1969-12-31T12:00:00Z", 0, 0, -1, FORECAST_EXPIRED, "1969-12-31" },
	{ "past 2038", "2026-11-24T12:00:00Z", "2050-01-01T00:00:00Z", 0, 0, 8439, FORECAST_FAR, "2050-01-01" },
};

static void check_judging(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct forecast_item item = { .expires_us = us_of(cases[i].expires) };

		forecast_judge(&item, us_of(cases[i].now), cases[i].now_hours * HOUR_US, cases[i].expires_hours * HOUR_US);
		if (!CHECK(item.days_left == cases[i].days_left && item.urgency == cases[i].urgency &&
			   strcmp(item.date, cases[i].date) == 0, cases[i].label))
			printf("# %d days, %s, %s\n", item.days_left, forecast_urgency_name(item.urgency), item.date);
	}
}

static void check_order(void)
{
	struct forecast_item items[] = {
		{ .kind = FORECAST_AUTHORITY, .name = STR("b"), .expires_us = 5 },
		{ .kind = FORECAST_AUTHORITY, .name = STR("a"), .expires_us = 5 },
		{ .kind = FORECAST_CLIENT_SECRET, .name = STR("z"), .expires_us = 5 },
		{ .kind = FORECAST_LISTENER_CERTIFICATE, .name = STR("m"), .expires_us = 2 },
		{ .kind = FORECAST_AUTHORITY, .name = STR("a"), .subject = STR("x"), .expires_us = 5 },
	};

	forecast_sort(items, 0);
	forecast_sort(items, 5);
	CHECK(items[0].expires_us == 2, "the soonest first");
	CHECK(items[1].kind == FORECAST_CLIENT_SECRET, "then by kind");
	CHECK(str_eq(items[2].name, STR("a")) && items[2].subject.len == 0, "then by name and subject");
	CHECK(str_eq(items[3].subject, STR("x")) && str_eq(items[4].name, STR("b")), "to the last");
}

static void check_words(void)
{
	struct forecast_item item = {
		.kind = FORECAST_LISTENER_CERTIFICATE, .name = STR("submission"), .subject = STR("mail.example"),
		.source = STR("/etc/tls/mail.pem"), .expires_us = us_of("2026-11-29T12:00:00Z"),
	};
	char text[FORECAST_TEXT_MAX];

	forecast_judge(&item, us_of("2026-11-24T12:00:00Z"), 0, 0);
	forecast_print(&item, LANGUAGE_EN, sizeof(text), text);
	CHECK(strcmp(text, "the certificate /etc/tls/mail.pem of listener submission expires on 2026-11-29 (days left: 5): put a new one "
			   "in its place and reload") == 0, text);
	forecast_judge(&item, us_of("2026-12-24T12:00:00Z"), 0, 0);
	forecast_print(&item, LANGUAGE_EN, sizeof(text), text);
	CHECK(strcmp(text, "the certificate /etc/tls/mail.pem of listener submission expired on 2026-11-29, and devices may refuse to "
			   "connect: put a new one in its place and reload") == 0, text);
	for (int kind = 0; kind < FORECAST_KIND_COUNT; kind++) {
		for (int language = 0; language < LANGUAGE_COUNT; language++) {
			item.kind = (enum forecast_kind)kind;
			for (int over = 0; over < 2; over++) {
				item.urgency = over ? FORECAST_EXPIRED : FORECAST_WEEK;
				forecast_print(&item, (enum language)language, sizeof(text), text);
				CHECK(strstr(text, "submission") && strstr(text, item.date) &&
				      (strstr(text, "mail.example") || strstr(text, "/etc/tls/mail.pem")), text);
			}
		}
	}
	CHECK(forecast_renews_itself(FORECAST_ACCESS_TOKEN) && !forecast_renews_itself(FORECAST_CLIENT_SECRET), "what renews itself");
}

int main(void)
{
	check_judging();
	check_order();
	check_words();
	return check_report();
}
