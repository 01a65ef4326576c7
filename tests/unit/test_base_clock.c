/* clock: RFC 3339 and 5322 written and read, spans. */
#include <string.h>

#include "base/clock.h"
#include "check.h"

static void check_print(void)
{
	static const struct {
		const char *label, *rfc3339, *rfc5322;
		int64_t us;
	} cases[] = {
		{ "print: the beginning", "1970-01-01T00:00:00.000000Z", "Thu, 01 Jan 1970 00:00:00 +0000",
		  0 },
		{ "print: before it", "1969-12-31T23:59:59.999999Z", "Wed, 31 Dec 1969 23:59:59 +0000", -1 },
		{ "print: a leap day", "2024-02-29T12:34:56.000007Z", "Thu, 29 Feb 2024 12:34:56 +0000",
		  1709210096000007 },
		{ "print: beyond 32 bits", "2038-01-19T03:14:08.000000Z", "Tue, 19 Jan 2038 03:14:08 +0000",
		  2147483648000000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[CLOCK_RFC3339_MAX];
		int64_t us = 0;

		clock_rfc3339_print(cases[i].us, text);
		CHECK(strcmp(text, cases[i].rfc3339) == 0, cases[i].label);
		CHECK(clock_rfc3339_parse(str_of(text), &us) && us == cases[i].us, cases[i].label);
		clock_rfc5322_print(cases[i].us, text);
		CHECK(strcmp(text, cases[i].rfc5322) == 0, cases[i].label);
	}
}

static void check_parse(void)
{
	static const struct {
		const char *label, *text;
		bool good;
		int64_t us;
	} cases[] = {
		{ "parse: a date", "2026-11-24", true, 1795478400000000 },
		{ "parse: Japan's zone", "2026-11-24T09:00:00+09:00", true, 1795478400000000 },
		{ "parse: a zone behind", "2026-11-23T21:30:00-02:30", true, 1795478400000000 },
		{ "parse: seven digits, as Graph writes", "2026-11-24T00:00:00.1234567Z", true,
		  1795478400123456 },
		{ "parse: no seconds, a blank", "2026-11-24 00:00", true, 1795478400000000 },
		{ "parse: 31 April", "2026-04-31", false, 0 },
		{ "parse: 29 February", "2025-02-29", false, 0 },
		{ "parse: a 13th month", "2026-13-01", false, 0 },
		{ "parse: month 0", "2026-00-01", false, 0 },
		{ "parse: 25 o'clock", "2026-01-01T25:00:00Z", false, 0 },
		{ "parse: another zone", "2026-01-01T00:00:00 JST", false, 0 },
		{ "parse: something behind", "2026-01-01T00:00:00Zx", false, 0 },
		{ "parse: two digits of a year", "26-01-01", false, 0 },
		{ "parse: empty", "", false, 0 },
		{ "parse: cut short", "2026-01-01T", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t us = 0;
		bool good = clock_rfc3339_parse(str_of(cases[i].text), &us);

		if (!CHECK(good == cases[i].good && (!good || us == cases[i].us), cases[i].label))
			printf("# %lld\n", (long long)us);
	}
}

static void check_span(void)
{
	int64_t us = 0;

	CHECK(clock_span_parse(STR("90s"), &us) && us == 90000000, "span: seconds");
	CHECK(clock_span_parse(STR("7d"), &us) && us == 604800000000, "span: days");
	CHECK(clock_span_parse(STR("2w"), &us) && us == 1209600000000, "span: weeks");
	CHECK(!clock_span_parse(STR("7"), &us) && !clock_span_parse(STR("d"), &us) &&
	              !clock_span_parse(STR("-1d"), &us) && !clock_span_parse(STR("1y"), &us) &&
	              !clock_span_parse(STR(""), &us) && !clock_span_parse(STR("99999999999999999999w"), &us),
	      "span: no other form");
	CHECK(clock_monotonic_us() / 1000 <= clock_monotonic_ms(), "monotonic: does not go back");
}

int main(void)
{
	check_print();
	check_parse();
	check_span();
	return check_report();
}
