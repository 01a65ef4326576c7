/* The retirement's phases: what holds when, what a tenant's own plan changes, and dates as people write them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "domain/retirement.h"

static int64_t us_of(const char *date)
{
	int64_t us = -1;

	(void)clock_rfc3339_parse(str_of(date), &us);
	return us;
}

static const struct {
	const char *label;
	const char *at;
	struct retirement_plan plan;
	enum retirement_effect want;
	const char *since;
} effects[] = {
	{ "before the turn of the year", "2026-12-30", { .enforce = false }, RETIREMENT_UNCHANGED, "" },
	{ "the last microsecond before", "2026-12-30T23:59:59.999999Z", { .enforce = false }, RETIREMENT_UNCHANGED, "" },
	{ "end of December 2026", "2026-12-31", { .enforce = false }, RETIREMENT_DEFAULT_OFF, "2026-12-31" },
	{ "the announcement removes nothing", "2028-06-01", { .enforce = false }, RETIREMENT_DEFAULT_OFF, "2026-12-31" },
	{ "a tenant's earlier day", "2026-11-24", { .default_off = "2026-11-01" }, RETIREMENT_DEFAULT_OFF, "2026-11-01" },
	{ "a tenant's later day", "2027-01-10", { .default_off = "2027-01-15" }, RETIREMENT_UNCHANGED, "" },
	{ "a tenant's own end", "2027-04-01", { .retired = "2027-04-01" }, RETIREMENT_RETIRED, "2027-04-01" },
	{ "its end before its default-off", "2026-11-24", { .default_off = "2027-01-15", .retired = "2026-11-01" }, RETIREMENT_RETIRED, "2026-11-01" },
};

static void check_effects(void)
{
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
		char date[RETIREMENT_DATE_MAX];
		enum retirement_effect effect = retirement_effect_at(&effects[i].plan, us_of(effects[i].at), date);

		CHECK(effect == effects[i].want && strcmp(date, effects[i].since) == 0, effects[i].label);
	}
	CHECK(retirement_effect_at(NULL, us_of("2027-01-01"), NULL) == RETIREMENT_DEFAULT_OFF, "without a plan the schedule holds");
}

static const struct {
	enum basic_state today;
	enum retirement_effect effect;
	enum basic_state want;
} states[] = {
	{ BASIC_UNCHANGED, RETIREMENT_UNCHANGED, BASIC_UNCHANGED },   { BASIC_UNCHANGED, RETIREMENT_DEFAULT_OFF, BASIC_DEFAULT_OFF },
	{ BASIC_UNCHANGED, RETIREMENT_RETIRED, BASIC_RETIRED },       { BASIC_DEFAULT_OFF, RETIREMENT_UNCHANGED, BASIC_DEFAULT_OFF },
	{ BASIC_DEFAULT_OFF, RETIREMENT_DEFAULT_OFF, BASIC_DEFAULT_OFF }, { BASIC_DEFAULT_OFF, RETIREMENT_RETIRED, BASIC_RETIRED },
	{ BASIC_RE_ENABLED, RETIREMENT_UNCHANGED, BASIC_RE_ENABLED }, { BASIC_RE_ENABLED, RETIREMENT_DEFAULT_OFF, BASIC_RE_ENABLED },
	{ BASIC_RE_ENABLED, RETIREMENT_RETIRED, BASIC_RETIRED },      { BASIC_RETIRED, RETIREMENT_UNCHANGED, BASIC_RETIRED },
	{ BASIC_RETIRED, RETIREMENT_DEFAULT_OFF, BASIC_RETIRED },     { BASIC_RETIRED, RETIREMENT_RETIRED, BASIC_RETIRED },
};

static void check_states(void)
{
	char label[64];

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		(void)snprintf(label, sizeof(label), "state %d under %s", states[i].today, retirement_effect_name(states[i].effect));
		CHECK(retirement_basic_at(states[i].today, states[i].effect) == states[i].want, label);
	}
}

static void check_due(void)
{
	struct retirement_plan plan = { .default_off = "2026-11-01" };
	enum retirement_effect effect = RETIREMENT_UNCHANGED;
	enum basic_state basic = BASIC_UNCHANGED;
	int64_t now = us_of("2026-11-24");

	CHECK(!retirement_due(&plan, BASIC_UNCHANGED, now, &effect, &basic), "a plan that is not enforced does nothing");
	plan.enforce = true;
	CHECK(!retirement_due(&plan, BASIC_UNCHANGED, us_of("2026-10-31"), &effect, &basic), "an enforced one waits for its day");
	CHECK(retirement_due(&plan, BASIC_UNCHANGED, now, &effect, &basic) && effect == RETIREMENT_DEFAULT_OFF && basic == BASIC_DEFAULT_OFF,
	      "and is carried out when it comes");
	plan.applied = RETIREMENT_DEFAULT_OFF;
	CHECK(!retirement_due(&plan, BASIC_RE_ENABLED, now, &effect, &basic), "once: what an administrator changes later stays");
	(void)snprintf(plan.retired, sizeof(plan.retired), "2026-11-20");
	CHECK(retirement_due(&plan, BASIC_RE_ENABLED, now, &effect, &basic) && basic == BASIC_RETIRED, "the next phase is another");
}

static const struct {
	const char *text;
	const char *sentence; /* NULL: a date */
} dates[] = {
	{ "2027-01-15", NULL },
	{ "2028-02-29", NULL },
	{ "2027-02-30", "\"2027-02-30\" is no date; did you mean 2027-02-28?" },
	{ "2100-02-29", "\"2100-02-29\" is no date; did you mean 2100-02-28?" },
	{ "2027-1-5", "\"2027-1-5\" is no date; did you mean 2027-01-05?" },
	{ "2027/01/15", "\"2027/01/15\" is no date; did you mean 2027-01-15?" },
	{ "15.1.2027", "\"15.1.2027\" is no date; did you mean 2027-01-15?" },
	{ "20270115", "\"20270115\" is no date; did you mean 2027-01-15?" },
	{ "2027-13-45", "\"2027-13-45\" is no date; did you mean 2027-12-31?" },
	{ "2027-01", "\"2027-01\" is no date; did you mean 2027-01-01?" },
	{ "2027年1月15日", "\"2027年1月15日\" is no date; did you mean 2027-01-15?" },
	{ "2027-01-15T08:00:00Z", "\"2027-01-15T08:00:00Z\" is no date; write year, month and day, such as 2027-01-15" },
	{ "0000-00-00", "\"0000-00-00\" is no date; did you mean 1970-01-01?" },
	{ "9999-12-31", "\"9999-12-31\" is no date; did you mean 2500-12-31?" },
	{ "next year", "\"next year\" is no date; write year, month and day, such as 2027-01-15" },
	{ "", "\"\" is no date; write year, month and day, such as 2027-01-15" },
	{ "1.2.3.4", "\"1.2.3.4\" is no date; write year, month and day, such as 2027-01-15" },
};

static void check_dates(void)
{
	for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
		struct fault fault = { 0 };
		int64_t us = -1;
		enum outcome outcome = retirement_date_parse(str_of(dates[i].text), &us, &fault);

		if (dates[i].sentence)
			CHECK(outcome == OUTCOME_NEVER && strcmp(fault.text[LANGUAGE_EN], dates[i].sentence) == 0, dates[i].text);
		else
			CHECK(outcome == OUTCOME_OK && us == us_of(dates[i].text), dates[i].text);
	}
}

static void check_when(void)
{
	char text[64];

	retirement_when_print("2026-12-31", RETIREMENT_MONTH_END, LANGUAGE_EN, sizeof(text), text);
	CHECK(strcmp(text, "end of December 2026") == 0, "a month's end");
	retirement_when_print("2026-12-31", RETIREMENT_MONTH_END, LANGUAGE_JA, sizeof(text), text);
	CHECK(strcmp(text, "2026年12月末") == 0, "likewise in Japanese");
	retirement_when_print("2027-07-01", RETIREMENT_HALF_YEAR, LANGUAGE_EN, sizeof(text), text);
	CHECK(strcmp(text, "second half of 2027") == 0, "a half-year");
	retirement_when_print("2027-01-15", RETIREMENT_DAY, LANGUAGE_JA, sizeof(text), text);
	CHECK(strcmp(text, "2027-01-15") == 0, "a day");
}

/* What every reader of the tables relies on. */
static void check_tables(void)
{
	bool rising = true, dated = true;

	for (size_t i = 0; i < retirement_schedule_count; i++) {
		int64_t us;

		dated = dated && retirement_date_parse(str_of(retirement_schedule[i].date), &us, NULL) == OUTCOME_OK;
		rising = rising && (i == 0 || strcmp(retirement_schedule[i - 1].date, retirement_schedule[i].date) < 0);
	}
	CHECK(dated && rising, "the schedule has dates, and they rise");
	for (size_t i = 1; i < retirement_history_count; i++)
		rising = rising && strcmp(retirement_history[i - 1].as_of, retirement_history[i].as_of) < 0;
	CHECK(rising && strcmp(retirement_history[retirement_history_count - 1].as_of, "2026-01-27") == 0, "the history ends with the newest revision");
}

int main(void)
{
	check_effects();
	check_states();
	check_due();
	check_dates();
	check_when();
	check_tables();
	return check_report();
}
