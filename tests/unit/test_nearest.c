/* nearest: which name was meant. */
#include <string.h>

#include "check.h"
#include "domain/nearest.h"

static const char *const names[] = { "since", "until", "user", "ip", "client-app", "auth", "status", "code", "id",
				     "connections-max", "messages-per-minute-max", NULL };
#define NAMES 11

int main(void)
{
	static const struct {
		const char *label, *typed, *want;
	} cases[] = {
		{ "the name itself", "since", "since" },
		{ "another case", "USER", "user" },
		{ "a letter missing", "sinc", "since" },
		{ "a letter too many", "usser", "user" },
		{ "a letter wrong", "untyl", "until" },
		{ "two swapped", "stauts", "status" },
		{ "an underscore for a hyphen", "client_app", "client-app" },
		{ "a long name, several slips", "mesages-per-minutes-max", "messages-per-minute-max" },
		{ "a beginning", "mess", "messages-per-minute-max" },
		{ "a beginning of several: the first", "co", "code" },
		{ "nothing like it", "banana", "" },
		{ "one letter", "x", "" },
		{ "nothing", "", "" },
		{ "not the short name that differs in all", "zz", "" },
	};
	char long_one[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(str_eq(nearest(str_of(cases[i].typed), names, NAMES), str_of(cases[i].want)), cases[i].label);
	memset(long_one, 's', sizeof(long_one));
	CHECK(nearest((struct str){ long_one, sizeof(long_one) }, names, NAMES).len == 0, "a long text is like none");
	CHECK(nearest((struct str){ long_one, NEAREST_LEN_MAX }, names, NAMES).len == 0, "nor the longest that is looked at");
	CHECK(nearest(STR("user"), names, 0).len == 0, "no names");
	return check_report();
}
