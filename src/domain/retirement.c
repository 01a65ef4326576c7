#include "domain/retirement.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define YEAR_MIN 1970
#define YEAR_MAX 2500

static const char *const effect_names[] = {
	[RETIREMENT_UNCHANGED] = "unchanged", [RETIREMENT_DEFAULT_OFF] = "default-off", [RETIREMENT_RETIRED] = "retired",
};
static_assert(COUNT(effect_names) == RETIREMENT_EFFECT_COUNT, "name each effect");

/* Message center MC786329 and the Exchange Team's blog, revision of 27 January 2026. A newer revision: change the rows, and add one to
 * the history. */
const struct retirement_phase retirement_schedule[] = {
	{ "unchanged", "2026-01-27", RETIREMENT_DAY, RETIREMENT_UNCHANGED, false,
	  N_("Basic authentication for SMTP AUTH behaves as before.") },
	{ "default-off", "2026-12-31", RETIREMENT_MONTH_END, RETIREMENT_DEFAULT_OFF, false,
	  N_("Basic authentication for SMTP AUTH is disabled by default in existing tenants; administrators can enable it again.") },
	{ "new-tenants", "2027-01-01", RETIREMENT_DAY, RETIREMENT_DEFAULT_OFF, true,
	  N_("In tenants created from then on Basic authentication for SMTP AUTH is unavailable by default; OAuth is the supported way.") },
	{ "announcement", "2027-07-01", RETIREMENT_HALF_YEAR, RETIREMENT_DEFAULT_OFF, false,
	  N_("Microsoft announces the date on which Basic authentication for SMTP AUTH is finally removed. That date is not known yet.") },
};
const size_t retirement_schedule_count = COUNT(retirement_schedule);

const struct retirement_revision retirement_history[] = {
	{ "2024-04-15", "MC786329, Exchange Team blog 4114750",
	  N_("Basic authentication for SMTP AUTH is removed in September 2025; notices to tenants in January and August 2025.") },
	{ "2024-10-18", "MC786329",
	  N_("The SMTP AUTH clients report gets a column that tells Basic authentication from OAuth.") },
	{ "2025-06-11", "MC786329, Exchange Team blog 4114750",
	  N_("Put off: a small share of submissions is refused from 1 March 2026, all of them from 30 April 2026.") },
	{ "2026-01-27", "MC786329, Exchange Team blog 4489835",
	  N_("Put off again: unchanged to December 2026, disabled by default at the end of December 2026, final date to be announced in "
	     "the second half of 2027.") },
};
const size_t retirement_history_count = COUNT(retirement_history);

const char *retirement_effect_name(enum retirement_effect effect)
{
	assert((unsigned)effect < RETIREMENT_EFFECT_COUNT);
	return effect_names[effect];
}

bool retirement_effect_parse(struct str name, enum retirement_effect *ret_effect)
{
	for (size_t i = 0; i < COUNT(effect_names); i++) {
		if (str_eq_nocase(name, str_of(effect_names[i]))) {
			*ret_effect = (enum retirement_effect)i;
			return true;
		}
	}
	return false;
}

/* --- what holds when --- */

static bool has_come(const char *date, int64_t at_us)
{
	int64_t us;

	return date[0] && clock_rfc3339_parse(str_of(date), &us) && us <= at_us;
}

/* The schedule's own date of an effect for existing tenants; "" when it has none. */
static const char *scheduled(enum retirement_effect effect)
{
	for (size_t i = 0; i < COUNT(retirement_schedule); i++) {
		if (retirement_schedule[i].effect == effect && !retirement_schedule[i].new_tenants_only)
			return retirement_schedule[i].date;
	}
	return "";
}

static const char *date_of(const struct retirement_plan *plan, enum retirement_effect effect)
{
	const char *own = !plan ? "" : effect == RETIREMENT_RETIRED ? plan->retired : plan->default_off;

	return own[0] ? own : scheduled(effect);
}

enum retirement_effect retirement_effect_at(const struct retirement_plan *plan, int64_t at_us, char ret_date[RETIREMENT_DATE_MAX])
{
	if (ret_date)
		ret_date[0] = '\0';
	for (enum retirement_effect effect = RETIREMENT_RETIRED; effect > RETIREMENT_UNCHANGED; effect--) {
		const char *date = date_of(plan, effect);

		if (!has_come(date, at_us))
			continue;
		if (ret_date)
			(void)str_copy(str_of(date), RETIREMENT_DATE_MAX, ret_date);
		return effect;
	}
	return RETIREMENT_UNCHANGED;
}

enum basic_state retirement_basic_at(enum basic_state today, enum retirement_effect effect)
{
	if (effect == RETIREMENT_RETIRED)
		return BASIC_RETIRED;
	return effect == RETIREMENT_DEFAULT_OFF && today == BASIC_UNCHANGED ? BASIC_DEFAULT_OFF : today;
}

bool retirement_due(const struct retirement_plan *plan, enum basic_state today, int64_t now_us, enum retirement_effect *ret_effect,
		    enum basic_state *ret_basic)
{
	enum retirement_effect effect = retirement_effect_at(plan, now_us, NULL);

	if (!plan->enforce || effect <= plan->applied)
		return false;
	*ret_effect = effect;
	*ret_basic = retirement_basic_at(today, effect);
	return true;
}

/* --- dates --- */

static unsigned month_days(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static unsigned clamp(unsigned number, unsigned min, unsigned max)
{
	return number < min ? min : number > max ? max : number;
}

/* The runs of digits in a text: "2027/1/15" has three. */
static size_t numbers_of(struct str text, unsigned ret_numbers[3], size_t ret_digits[3])
{
	size_t count = 0;

	for (size_t i = 0; i < text.len;) {
		unsigned number = 0;
		size_t digits = 0;

		for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && digits < 8; i++, digits++)
			number = number * 10 + (unsigned)(text.ptr[i] - '0');
		if (digits == 0) {
			i++;
			continue;
		}
		if (count == 3)
			return 4; /* more than a date has */
		ret_numbers[count] = number;
		ret_digits[count++] = digits;
	}
	return count;
}

/* What somebody meant who wrote a date otherwise: 2027/1/15, 15.1.2027, 20270115, 2027年1月, 2027-02-30. False: no date at all. */
static bool nearest_date(struct str text, char ret_date[RETIREMENT_DATE_MAX])
{
	unsigned numbers[3] = { 0, 1, 1 };
	size_t digits[3];
	unsigned year, month, day;
	size_t count = numbers_of(text, numbers, digits);

	if (count == 1 && digits[0] == 8) {
		year = numbers[0] / 10000;
		month = numbers[0] / 100 % 100;
		day = numbers[0] % 100;
	} else if (count >= 1 && count <= 3 && digits[0] == 4) {
		year = numbers[0];
		month = numbers[1];
		day = numbers[2];
	} else if (count == 3 && digits[2] == 4) {
		year = numbers[2];
		month = numbers[1];
		day = numbers[0];
	} else {
		return false;
	}
	year = clamp(year, YEAR_MIN, YEAR_MAX);
	month = clamp(month, 1, 12);
	day = clamp(day, 1, month_days(year, month));
	return snprintf(ret_date, RETIREMENT_DATE_MAX, "%04u-%02u-%02u", year % 10000, month % 100, day % 100) == RETIREMENT_DATE_MAX - 1;
}

enum outcome retirement_date_parse(struct str text, int64_t *ret_us, struct fault *fault)
{
	char near[RETIREMENT_DATE_MAX];
	unsigned year = 0;

	/* Only the bare form: an hour would say more than the schedule knows. */
	if (text.len == RETIREMENT_DATE_MAX - 1 && clock_rfc3339_parse(text, ret_us)) {
		for (size_t i = 0; i < 4; i++)
			year = year * 10 + (unsigned)(text.ptr[i] - '0');
		if (year >= YEAR_MIN && year <= YEAR_MAX)
			return OUTCOME_OK;
	}
	if (nearest_date(text, near))
		return fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no date; did you mean %s?"), STR_ARG(text), near);
	return fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no date; write year, month and day, such as 2027-01-15"), STR_ARG(text));
}

void retirement_when_print(const char *date, enum retirement_exact exact, enum language language, size_t size, char *ret_text)
{
	static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
					      "July",    "August",   "September", "October", "November", "December" };
	unsigned numbers[3] = { YEAR_MIN, 1, 1 };
	size_t digits[3];
	unsigned month;

	(void)numbers_of(str_of(date), numbers, digits);
	month = clamp(numbers[1], 1, 12);
	switch (exact) {
	case RETIREMENT_DAY:
		(void)snprintf(ret_text, size, "%s", date);
		return;
	case RETIREMENT_MONTH_END:
		if (language == LANGUAGE_JA)
			(void)snprintf(ret_text, size, "%u年%u月末", numbers[0], month);
		else
			(void)snprintf(ret_text, size, "end of %s %u", months[month - 1], numbers[0]);
		return;
	case RETIREMENT_HALF_YEAR:
		if (language == LANGUAGE_JA)
			(void)snprintf(ret_text, size, "%u年%s", numbers[0], month > 6 ? "下半期" : "上半期");
		else
			(void)snprintf(ret_text, size, "%s half of %u", month > 6 ? "second" : "first", numbers[0]);
		return;
	}
	assert(false);
}
