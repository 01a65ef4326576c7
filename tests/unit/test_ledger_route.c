/* Added routes in the ledger: their order, numbers that are never given twice, and a line of the audit trail for each change. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "keep/ledger.h"
#include "ledger_ground.h"

static struct fault fault;

/* "r3:spare r1:main " */
static bool order_is(struct ledger *ledger, const char *want)
{
	CLEANUP(cleanup_buf) struct buf found;
	struct route_list *list = route_list_new();
	bool good = ledger_routes(ledger, list, &fault) == OUTCOME_OK;

	buf_init(&found, 4096);
	for (size_t i = 0; good && i < list->count; i++) {
		char id[ROUTE_ID_MAX];

		route_id_print(list, i, id);
		good = buf_add_format(&found, "%s:%s ", id, list->rules[i].upstream);
	}
	route_list_free(list);
	if (!str_eq(buf_str(&found), str_of(want)))
		printf("# %.*s\n", (int)found.len, found.len ? found.ptr : "");
	return good && str_eq(buf_str(&found), str_of(want));
}

static uint64_t add(struct ledger *ledger, const char *upstream, uint64_t before)
{
	struct route_settings rule = { .from = "@contoso.example", .upstream = upstream };
	uint64_t number = 0;

	CHECK(ledger_route_add(ledger, &rule, before, STR("root"), &number, &fault) == OUTCOME_OK, upstream);
	return number;
}

static bool see_audit(void *context, const struct audit_row *row)
{
	return buf_add_format(context, "%.*s|%.*s|%.*s\n", STR_ARG(row->actor), STR_ARG(row->object), STR_ARG(row->what));
}

static void the_order(struct ledger *ledger)
{
	struct route_settings rule = { .upstream = "c" };

	CHECK(order_is(ledger, ""), "none at first");
	CHECK(add(ledger, "a", 0) == 1 && add(ledger, "b", 0) == 2 && add(ledger, "c", 2) == 3 && add(ledger, "d", 1) == 4, "numbers rise");
	CHECK(order_is(ledger, "r4:d r1:a r3:c r2:b "), "each where it was put");
	CHECK(ledger_route_remove(ledger, 4, &rule, STR("root"), &fault) == OUTCOME_OK && ledger_route_remove(ledger, 2, &rule, STR("root"), &fault) == OUTCOME_OK,
	      "two go");
	CHECK(add(ledger, "e", 0) == 5 && add(ledger, "f", 1) == 6 && order_is(ledger, "r6:f r1:a r3:c r5:e "), "their numbers are not given again");
	CHECK(ledger_route_remove(ledger, 4, &rule, STR("root"), &fault) == OUTCOME_NEVER &&
		      strcmp(fault.text[LANGUAGE_EN], "there is no route r4; see: sekisho route list") == 0,
	      "one that is gone cannot go again");
}

static void whole(struct ledger *ledger)
{
	struct route_settings rule = { "contoso.example", NULL, 1099511627776, "big" };
	CLEANUP(cleanup_buf) struct buf audit;
	struct route_list *list = route_list_new();
	const struct route_settings *last;
	uint64_t number;

	buf_init(&audit, 65536);
	CHECK(ledger_route_add(ledger, &rule, 3, STR("uid 1000"), &number, &fault) == OUTCOME_OK, "one with a tenant and a size");
	CHECK(ledger_routes(ledger, list, &fault) == OUTCOME_OK && list->count == 5, "is read back");
	last = &list->rules[2];
	CHECK(strcmp(last->tenant, "contoso.example") == 0 && !last->from && last->size_over_bytes == 1099511627776 && strcmp(last->upstream, "big") == 0,
	      "whole");
	CHECK(ledger_audit(ledger, 0, see_audit, &audit, &fault) == OUTCOME_OK &&
		      str_starts(buf_str(&audit), STR("uid 1000|route r7|added: --tenant contoso.example --size-over-bytes 1099511627776 --upstream big --before r3\n"
						      "root|route r6|added: --from @contoso.example --upstream f --before r1\n"
						      "root|route r5|added: --from @contoso.example --upstream e\n"
						      "root|route r2|removed: --upstream c\n")),
	      "the audit trail has each change, and none that failed");
	route_list_free(list);
}

int main(void)
{
	struct ledger *ledger;

	if (!mkdtemp(state))
		return 1;
	ledger = open_ledger(false);
	CHECK(ledger != NULL, "a ledger");
	the_order(ledger);
	whole(ledger);
	ledger_close(ledger);
	ledger = open_ledger(true);
	CHECK(order_is(ledger, "r6:f r1:a r7:big r3:c r5:e "), "and so it is after the ledger was opened anew");
	ledger_close(ledger);
	forget_all();
	(void)rmdir(state);
	(void)roll;
	return check_report();
}
