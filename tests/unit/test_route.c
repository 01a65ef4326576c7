/* Added routes: what is typed, which of two takes the other's mail, IDs, and the order in which all are asked. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/route.h"

static const char FILE_TEXT[] = "listeners: { l: { address: \"127.0.0.1:2587\", tls: none, plaintext-auth-from: [127.0.0.0/8] } }\n"
				"upstreams:\n"
				"  main: { kind: inbox, folder: a }\n"
				"  spare: { kind: inbox, folder: b }\n"
				"  rest: { kind: inbox, folder: c }\n"
				"routes: [ { from: \"@contoso.example\", upstream: main }, { from: boss@fabrikam.example, upstream: spare } ]\n";

static struct settings *settings;

/* --- what is typed --- */

static const struct {
	const char *label;
	struct route_text text;
	const char *printed; /* NULL: refused … */
	const char *why;     /* … with this */
} typed[] = {
	{ "an upstream alone", { .upstream = "main" }, "--upstream main", NULL },
	{ "* is any", { .from = "*", .upstream = "main" }, "--upstream main", NULL },
	{ "all of it",
	  { "contoso.example", "@contoso.example", "100", "spare" },
	  "--tenant contoso.example --from @contoso.example --size-over-bytes 100 --upstream spare",
	  NULL },
	{ "an address", { .from = "a@b.example", .upstream = "main" }, "--from a@b.example --upstream main", NULL },
	{ "no pattern", { .from = "contoso", .upstream = "main" }, NULL, "from: \"contoso\" is not a mail address, @domain or *" },
	{ "an empty pattern", { .from = "", .upstream = "main" }, NULL, "from: \"\" is not a mail address, @domain or *" },
	{ "no domain", { .tenant = "a b", .upstream = "main" }, NULL, "tenant: \"a b\" is not a domain, such as contoso.example" },
	{ "no number",
	  { .size_over_bytes = "10M", .upstream = "main" },
	  NULL,
	  "size-over-bytes: \"10M\" is not a whole number from 0 to 1099511627776" },
	{ "no name", { .upstream = "a/b" }, NULL, "upstream: \"a/b\" is not a name of letters, digits, - . and _" },
	{ "what would steer a terminal", { .from = "a\033[2J", .upstream = "main" }, NULL, "from: \"a?[2J\" is not a mail address, @domain or *" },
};

static void what_is_typed(void)
{
	for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++) {
		CLEANUP(cleanup_buf) struct buf printed;
		struct route_settings rule;
		struct fault fault = { .outcome = OUTCOME_OK };
		enum outcome outcome = route_parse(&typed[i].text, &rule, &fault);

		buf_init(&printed, ROUTE_TEXT_MAX);
		if (typed[i].printed)
			CHECK(outcome == OUTCOME_OK && route_print(&rule, &printed) && str_eq(buf_str(&printed), str_of(typed[i].printed)), typed[i].label);
		else
			CHECK(outcome == OUTCOME_NEVER && strcmp(fault.text[LANGUAGE_EN], typed[i].why) == 0, typed[i].label);
	}
}

/* --- which takes the other's mail --- */

static const struct {
	const char *label;
	struct route_settings a, b;
	bool takes;
} pairs[] = {
	{ "any takes any", { 0 }, { 0 }, true },
	{ "any takes an address", { 0 }, { .from = "a@b.example" }, true },
	{ "an address not any", { .from = "a@b.example" }, { 0 }, false },
	{ "* takes a domain", { .from = "*" }, { .from = "@b.example" }, true },
	{ "a domain not *", { .from = "@b.example" }, { .from = "*" }, false },
	{ "a domain takes its address", { .from = "@B.example" }, { .from = "a@b.example" }, true },
	{ "and itself", { .from = "@b.example" }, { .from = "@b.EXAMPLE" }, true },
	{ "not that of a subdomain", { .from = "@b.example" }, { .from = "a@c.b.example" }, false },
	{ "an address not its domain", { .from = "a@b.example" }, { .from = "@b.example" }, false },
	{ "an address itself", { .from = "A@b.example" }, { .from = "a@b.example" }, true },
	{ "and no other", { .from = "a@b.example" }, { .from = "c@b.example" }, false },
	{ "all sizes take the large", { 0 }, { .size_over_bytes = 9 }, true },
	{ "the large not all", { .size_over_bytes = 9 }, { 0 }, false },
	{ "the large take the larger", { .size_over_bytes = 9 }, { .size_over_bytes = 10 }, true },
	{ "the larger not the large", { .size_over_bytes = 10 }, { .size_over_bytes = 9 }, false },
	{ "all tenants take one's", { 0 }, { .tenant = "b.example" }, true },
	{ "one tenant not all", { .tenant = "b.example" }, { 0 }, false },
	{ "one tenant itself", { .tenant = "B.example" }, { .tenant = "b.example" }, true },
	{ "and no other", { .tenant = "b.example" }, { .tenant = "c.example" }, false },
	{ "by one and not by the other", { .tenant = "b.example", .size_over_bytes = 1 }, { .tenant = "b.example" }, false },
};

static void which_takes(void)
{
	struct route_settings a = { .from = "a@b.example", .upstream = "main" }, b = a;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		CHECK(route_takes_all_of(&pairs[i].a, &pairs[i].b) == pairs[i].takes, pairs[i].label);
	CHECK(route_is_same(&a, &b), "the same");
	b.upstream = "spare";
	CHECK(!route_is_same(&a, &b), "another upstream is another route");
	b = a;
	b.size_over_bytes = 1;
	CHECK(!route_is_same(&a, &b), "and so is another size");
}

/* --- all of them --- */

static bool goes_by(const char *tenant, const char *from, uint64_t size, const char *upstream)
{
	const struct upstream_settings *found = settings_route(settings, str_of(tenant), str_of(from), size);

	return found && strcmp(found->name, upstream) == 0;
}

static void use(const struct route_list *list)
{
	settings->added = list->rules;
	settings->added_count = list->count;
}

static void the_order(void)
{
	struct route_list *list = route_list_new();
	struct route_list *copy = route_list_new();
	char id[ROUTE_ID_MAX];
	size_t at = 99;

	use(list);
	CHECK(goes_by("contoso.example", "a@contoso.example", 1, "main"), "without added ones as the file says");
	CHECK(goes_by("x.example", "a@x.example", 1, "rest"), "and the rest by the one that no route names");
	CHECK(route_list_put(list, 0, 1, &(struct route_settings){ .from = "@contoso.example", .size_over_bytes = 100, .upstream = "spare" }) &&
		      route_list_put(list, 1, 2, &(struct route_settings){ .tenant = "x.example", .upstream = "rest" }) &&
		      route_list_put(list, 0, 7, &(struct route_settings){ .from = "a@contoso.example", .upstream = "gone" }),
	      "three are put in");
	use(list);
	CHECK(goes_by("contoso.example", "b@contoso.example", 101, "spare"), "an added one is asked first");
	CHECK(goes_by("contoso.example", "b@contoso.example", 100, "main"), "then those of the file");
	CHECK(goes_by("contoso.example", "a@contoso.example", 101, "spare"), "one whose upstream is gone is passed over");
	CHECK(goes_by("y.example", "a@y.example", 1, "rest"), "what an added route names is still the way of what no route takes");
	CHECK(route_count(settings, list) == 5 && route_at(settings, list, 3) == &settings->routes[0], "added ones, then the file's");
	CHECK(!route_is_in_force(settings, route_at(settings, list, 0)) && route_is_in_force(settings, route_at(settings, list, 1)), "in force");
	for (size_t i = 0; i < 5; i++) {
		static const char *const ids[] = { "r7", "r1", "r2", "settings-1", "settings-2" };

		route_id_print(list, i, id);
		CHECK(strcmp(id, ids[i]) == 0 && route_find(settings, list, str_of(ids[i]), &at) && at == i, ids[i]);
	}
	CHECK(route_find(settings, list, STR("R7"), &at) && at == 0, "an ID in any case");
	CHECK(!route_find(settings, list, STR("r3"), &at) && !route_find(settings, list, STR("settings-3"), &at) &&
		      !route_find(settings, list, STR(""), &at),
	      "no such ID");
	CHECK(!route_taken_by(settings, list, 3, &at), "one that is passed over, or takes the large alone, takes not all");
	CHECK(route_list_copy(list, copy) && copy->count == 3 && copy->numbers[0] == 7 && strcmp(copy->rules[1].upstream, "spare") == 0 &&
		      !copy->rules[1].tenant && copy->rules[1].upstream != list->rules[1].upstream,
	      "a copy has its own texts");
	CHECK(route_list_put(copy, 3, 8, &(struct route_settings){ .upstream = "main" }) && route_taken_by(settings, copy, 4, &at) && at == 3 &&
		      route_taken_by(settings, copy, 5, &at) && at == 3,
	      "one for all takes what the file's would");
	route_list_free(copy);
	settings->added_count = 0;
	route_list_free(list);
}

static void the_ceiling(void)
{
	struct route_list *list = route_list_new();
	bool put = true;

	for (uint64_t i = 0; i < ROUTES_ADDED_MAX; i++)
		put = put && route_list_put(list, 0, i, &(struct route_settings){ .upstream = "main" });
	CHECK(put, "as many as may be");
	CHECK(!route_list_put(list, 0, 1, &(struct route_settings){ .upstream = "main" }) && list->count == ROUTES_ADDED_MAX, "one more is not taken");
	route_list_free(list);
}

/* --- two files --- */

static const struct {
	const char *label, *from, *to; /* what is put in place of what */
	bool agree;
} edits[] = {
	{ "the same", "", "", true },
	{ "another folder", "folder: a", "folder: z", true },
	{ "a domain in other letters", "{ from: \"@contoso.example\", upstream: main }", "{ from: \"@CONTOSO.example\", upstream: main }", true },
	{ "another upstream's name", "rest:", "best:", false },
	{ "one upstream less", "  rest: { kind: inbox, folder: c }\n", "", false },
	{ "another way", "upstream: main }", "upstream: rest }", false },
	{ "another sender", "boss@", "boos@", false },
	{ "a size", "upstream: main }", "upstream: main, size-over-bytes: 5 }", false },
	{ "one route less", ", { from: boss@fabrikam.example, upstream: spare }", "", false },
	{ "the rest has become a fall-back", "folder: a }", "folder: a, fallback: rest }", false },
};

static void two_files(void)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		const char *at = strstr(FILE_TEXT, edits[i].from);
		struct settings *other = NULL;
		CLEANUP(cleanup_buf) struct buf text;
		struct fault fault = { .outcome = OUTCOME_OK };

		buf_init(&text, 65536);
		CHECK(at && buf_add(&text, (struct str){ FILE_TEXT, (size_t)(at - FILE_TEXT) }) && buf_add(&text, str_of(edits[i].to)) &&
			      buf_add(&text, str_of(at + strlen(edits[i].from))) &&
			      settings_parse("/x/gw.yaml", buf_str(&text), &other, &fault) == OUTCOME_OK,
		      edits[i].label);
		if (!other) {
			printf("# %s\n", fault.text[LANGUAGE_EN]);
			continue;
		}
		CHECK(route_files_agree(settings, other) == edits[i].agree && route_files_agree(other, settings) == edits[i].agree, edits[i].label);
		settings_free(other);
	}
}

int main(void)
{
	struct fault fault;

	if (settings_parse("/x/gw.yaml", str_of(FILE_TEXT), &settings, &fault) != OUTCOME_OK) {
		printf("# %s\n", fault.text[LANGUAGE_EN]);
		return 1;
	}
	what_is_typed();
	which_takes();
	the_order();
	the_ceiling();
	two_files();
	settings_free(settings);
	return check_report();
}
