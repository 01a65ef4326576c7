/* Notices in the ledger: once a key, quiet for a while, states, marks; who began with Basic authentication; phases with names; upgrade. */
#include <sqlite3.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "domain/csv_reader.h"
#include "domain/event_id.h"
#include "domain/policy.h"
#include "keep/ledger_notice.h"
#include "keep/notice_query.h"
#include "ledger_ground.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define DAY_US (86400ll * 1000000)
#define NOW_US (20781 * DAY_US + 43200ll * 1000000) /* noon of 2026-11-24 */
#define TODAY 20781

static struct fault fault;

static bool keep_one(void *context, const struct notice *notice)
{
	return notice_list_add(context, notice);
}

static struct notice_list *read_all(struct ledger *ledger, struct notice_filter filter)
{
	struct notice_list *list = notice_list_new();

	CHECK(ledger_notices(ledger, &filter, keep_one, list, &fault) == OUTCOME_OK, "reading");
	return list;
}

static size_t count_all(struct ledger *ledger, struct notice_filter filter)
{
	struct notice_list *list = read_all(ledger, filter);
	size_t count = list->count;

	notice_list_free(list);
	return count;
}

static bool make(struct ledger *ledger, enum notice_kind kind, const char *key, const char *id, const char *subject, int64_t created_us)
{
	struct notice notice = { .kind = kind, .key = str_of(key), .id = str_of(id), .subject = str_of(subject), .severity = NOTICE_WARNING,
				 .created_us = created_us, .data = STR("{\"a\":1}") };
	bool made = false;

	CHECK(ledger_notices_make(ledger, &notice, 1, &made, &fault) == OUTCOME_OK, "making");
	return made;
}

static void check_rows(struct ledger *ledger)
{
	struct notice_list *list;
	struct notice posted;
	bool has;
	size_t open;

	CHECK(make(ledger, NOTICE_EXPIRY, "k1", "AAAAAAAAAA", "s", NOW_US), "rows: the first is made");
	CHECK(!make(ledger, NOTICE_EXPIRY, "k1", "BBBBBBBBBB", "s", NOW_US + 1), "rows: its key never again");
	CHECK(make(ledger, NOTICE_EXPIRY, "k2", "BBBBBBBBBB", "s", NOW_US + 1), "rows: another key of the same subject");
	CHECK(make(ledger, NOTICE_LOCKED_ACCOUNT, "l1", "CCCCCCCCCC", "copier", NOW_US), "rows: a lock-out");
	CHECK(!make(ledger, NOTICE_LOCKED_ACCOUNT, "l2", "DDDDDDDDDD", "copier", NOW_US + DAY_US - 1), "rows: quiet for a day");
	CHECK(make(ledger, NOTICE_LOCKED_ACCOUNT, "l3", "DDDDDDDDDD", "scan", NOW_US + 1), "rows: another account's is told");
	CHECK(make(ledger, NOTICE_LOCKED_ACCOUNT, "l4", "EEEEEEEEEE", "copier", NOW_US + DAY_US + 1), "rows: and the same after a day");
	CHECK(make(ledger, NOTICE_MAIL_UNSENT, "m1", "FFFFFFFFFF", "p", NOW_US), "rows: one that is not mailed");
	CHECK(ledger_notice_has(ledger, STR("k1"), &has, &fault) == OUTCOME_OK && has, "rows: has");
	CHECK(ledger_notice_has(ledger, STR("k9"), &has, &fault) == OUTCOME_OK && !has, "rows: has not");
	list = read_all(ledger, (struct notice_filter){ .now_us = NOW_US });
	CHECK(list->count == 6 && str_eq(list->items[0].id, STR("FFFFFFFFFF")) && list->items[0].mailed_us == NOTICE_NEVER, "rows: newest first");
	notice_list_free(list);
	CHECK(count_all(ledger, (struct notice_filter){ .now_us = NOW_US, .count_max = 2 }) == 2, "rows: as many as asked for");
	list = read_all(ledger, (struct notice_filter){ .unsent = true, .now_us = NOW_US });
	CHECK(list->count == 6 && str_eq(list->items[0].id, STR("AAAAAAAAAA")), "rows: what waits, oldest first");
	posted = list->items[0];
	posted.posted_us = 5;
	posted.post_attempts = 2;
	posted.trouble = STR("HTTP 500");
	CHECK(ledger_notices_mailed(ledger, &posted.id, 1, 7, &fault) == OUTCOME_OK && ledger_notice_posted(ledger, &posted, &fault) == OUTCOME_OK,
	      "rows: marked");
	notice_list_free(list);
	list = read_all(ledger, (struct notice_filter){ .id = STR("AAAAAAAAAA"), .now_us = NOW_US });
	CHECK(list->count == 1 && list->items[0].mailed_us == 7 && list->items[0].posted_us == 5 && list->items[0].post_attempts == 2 &&
		      str_eq(list->items[0].trouble, STR("HTTP 500")),
	      "rows: and read back");
	notice_list_free(list);
	CHECK(count_all(ledger, (struct notice_filter){ .unsent = true, .now_us = NOW_US }) == 5, "rows: it waits no more");
	CHECK(ledger_notice_state(ledger, STR("BBBBBBBBBB"), NOTICE_ACKNOWLEDGED, 0, STR("root"), &fault) == OUTCOME_OK &&
		      ledger_notice_state(ledger, STR("CCCCCCCCCC"), NOTICE_SNOOZED, NOW_US + 10, STR("root"), &fault) == OUTCOME_OK,
	      "rows: acknowledged, snoozed");
	CHECK(ledger_notice_state(ledger, STR("ZZZZZZZZZZ"), NOTICE_ACKNOWLEDGED, 0, STR("root"), &fault) == OUTCOME_NEVER &&
		      strstr(fault.text[LANGUAGE_EN], "there is no notice ZZZZZZZZZZ"),
	      "rows: nobody's ID");
	CHECK(count_all(ledger, (struct notice_filter){ .now_us = NOW_US }) == 4 &&
		      count_all(ledger, (struct notice_filter){ .now_us = NOW_US + 10 }) == 5 &&
		      count_all(ledger, (struct notice_filter){ .now_us = NOW_US, .all = true }) == 6,
	      "rows: open ones, and all");
	CHECK(count_all(ledger, (struct notice_filter){ .unsent = true, .now_us = NOW_US }) == 3, "rows: a snoozed one waits");
	CHECK(ledger_notices_open(ledger, NOW_US, &open, &fault) == OUTCOME_OK && open == 4, "rows: how many are open");
	CHECK(make(ledger, NOTICE_SENDER_HELD, "h1", "GGGGGGGGGG", "a", NOW_US + 5) && make(ledger, NOTICE_SENDER_HELD, "h2", "HHHHHHHHHH", "b", NOW_US + 5) &&
		      count_all(ledger, (struct notice_filter){ .kind = STR("sender-held"), .now_us = NOW_US }) == 2,
	      "rows: those of a kind");
	CHECK(ledger_notice_state(ledger, STR("HHHHHHHHHH"), NOTICE_SNOOZED, NOW_US + 10, STR("root"), &fault) == OUTCOME_OK &&
		      ledger_notices_over(ledger, (struct str[]){ STR("GGGGGGGGGG"), STR("HHHHHHHHHH"), STR("BBBBBBBBBB") }, 3, &fault) == OUTCOME_OK &&
		      count_all(ledger, (struct notice_filter){ .kind = STR("sender-held"), .now_us = NOW_US }) == 0 &&
		      count_all(ledger, (struct notice_filter){ .unsent = true, .now_us = NOW_US + 20 }) == 4,
	      "rows: over, they are open no more, and not sent");
	list = read_all(ledger, (struct notice_filter){ .id = STR("GGGGGGGGGG"), .now_us = NOW_US });
	CHECK(list->count == 1 && list->items[0].state == NOTICE_OVER, "rows: over is told");
	notice_list_free(list);
	list = read_all(ledger, (struct notice_filter){ .id = STR("BBBBBBBBBB"), .now_us = NOW_US });
	CHECK(list->count == 1 && list->items[0].state == NOTICE_ACKNOWLEDGED, "rows: what was acknowledged stays so");
	notice_list_free(list);
	CHECK(ledger_notices_expire(ledger, NOW_US + 2, NOW_US, &fault) == OUTCOME_OK &&
		      count_all(ledger, (struct notice_filter){ .now_us = NOW_US, .all = true }) == 6,
	      "rows: old ones that are seen to go");
}

/* --- who began --- */

static void sign_in(struct ledger *ledger, const char *user, int64_t at_us, uint8_t protocol, uint32_t error_code, const char *source)
{
	static uint64_t count;
	struct sign_in row = { .created_us = at_us, .user = str_of(user), .tenant = STR("contoso.example"), .ip = STR("192.0.2.7"),
			       .ehlo = STR("mfp"), .protocol = protocol, .mechanism = 0, .tls_version = STR("1.2"), .error_code = error_code,
			       .source = str_of(source) };
	char id[EVENT_ID_LEN + 1];
	struct buf packed;
	struct str bytes;

	event_id_print(1, ++count, id);
	row.event_id = str_of(id);
	buf_init(&packed, 65536);
	CHECK(sign_in_print(&packed, &row), "packing");
	bytes = buf_str(&packed);
	CHECK(ledger_rows_add(ledger, &bytes, 1, NULL, 0, &fault) == OUTCOME_OK, "a sign-in");
	buf_done(&packed);
}

/* What is new is told, and forgotten about. Its subjects, parted by blanks. */
static const char *told(struct ledger *ledger, int64_t now_us)
{
	static char subjects[512];
	struct notice_list *drafts = notice_list_new();
	bool made[NOTICE_LIST_MAX] = { false };
	static unsigned number;

	subjects[0] = '\0';
	CHECK(notice_query_basic(ledger, now_us, drafts, &fault) == OUTCOME_OK, "who began");
	for (size_t i = 0; i < drafts->count; i++) {
		char id[EVENT_ID_LEN + 1];

		event_id_print(2, ++number, id);
		CHECK(arena_keep(&drafts->arena, str_of(id), &drafts->items[i].id), "a name");
		(void)snprintf(subjects + strlen(subjects), sizeof(subjects) - strlen(subjects), "%s%.*s", i ? " " : "",
			       STR_ARG(drafts->items[i].subject));
	}
	CHECK(ledger_notices_make(ledger, drafts->items, drafts->count, made, &fault) == OUTCOME_OK, "made");
	notice_list_free(drafts);
	return subjects;
}

static void check_basic(struct ledger *ledger)
{
	sign_in(ledger, "a@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	sign_in(ledger, "A@Contoso.example", NOW_US + 1, AUTH_PROTOCOL_BASIC, 0, "gateway");
	sign_in(ledger, "refused@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 50126, "gateway");
	sign_in(ledger, "oauth@contoso.example", NOW_US, AUTH_PROTOCOL_OAUTH, 0, "gateway");
	sign_in(ledger, "imported@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 0, "entra");
	CHECK(strcmp(told(ledger, NOW_US), "a@contoso.example") == 0, "basic: the first that passed here, once");
	CHECK(told(ledger, NOW_US)[0] == '\0', "basic: never again");
	for (int day = 1; day < 200; day += 89)
		sign_in(ledger, "a@contoso.example", NOW_US + day * DAY_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	CHECK(told(ledger, NOW_US)[0] == '\0', "basic: 89 days are no pause");
	sign_in(ledger, "a@contoso.example", NOW_US + (179 + 90) * DAY_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	CHECK(strcmp(told(ledger, NOW_US), "a@contoso.example") == 0, "basic: 90 are");
	sign_in(ledger, "a@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	CHECK(told(ledger, NOW_US)[0] == '\0', "basic: a row that comes late begins nothing");
}

/* --- phases --- */

static bool find(const struct notice_list *list, const char *key, struct notice *ret_notice)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(list->items[i].key, str_of(key))) {
			*ret_notice = list->items[i];
			return true;
		}
	}
	return false;
}

static void check_phases(struct ledger *ledger)
{
	struct tenant tenant = { .domain = (char *)"contoso.example" }, other = { .domain = (char *)"fabrikam.example" };
	struct retirement_plan plan = { .tenant = "fabrikam.example", .default_off = "2027-03-01", .retired = "2026-12-01" };
	struct notice_list *drafts = notice_list_new();
	struct notice found;
	bool made[NOTICE_LIST_MAX];

	CHECK(ledger_tenant_put(ledger, &tenant, STR("t"), STR("t"), &fault) == OUTCOME_OK &&
		      ledger_tenant_put(ledger, &other, STR("t"), STR("t"), &fault) == OUTCOME_OK &&
		      ledger_retirement_put(ledger, &plan, STR("t"), STR("t"), &fault) == OUTCOME_OK,
	      "phases: two tenants, one with a plan");
	CHECK(notice_query_retirement(ledger, NOW_US, TODAY, drafts, &fault) == OUTCOME_OK && drafts->count == 2, "phases: both have one");
	CHECK(find(drafts, "retirement/contoso.example/default-off/2026-12-31/90", &found) && found.severity == NOTICE_INFO &&
		      strstr(found.data.ptr, "\"account\":\"a@contoso.example\"") && strstr(found.data.ptr, "imported@contoso.example") &&
		      !strstr(found.data.ptr, "oauth@contoso.example") && strstr(found.data.ptr, "\"days\":37"),
	      "phases: the schedule's, with the names on Basic");
	CHECK(find(drafts, "retirement/fabrikam.example/retired/2026-12-01/7", &found) && found.severity == NOTICE_INFO &&
		      strstr(found.data.ptr, "\"count\":0"),
	      "phases: the plan's own, where nobody is left; its other date is far away");
	for (size_t i = 0; i < drafts->count; i++)
		drafts->items[i].id = i ? STR("PPPPPPPPPP") : STR("QQQQQQQQQQ");
	CHECK(ledger_notices_make(ledger, drafts->items, drafts->count, made, &fault) == OUTCOME_OK && made[0] && made[1], "phases: made");
	notice_list_free(drafts);
	drafts = notice_list_new();
	CHECK(notice_query_retirement(ledger, NOW_US, TODAY, drafts, &fault) == OUTCOME_OK && drafts->count == 0, "phases: no more that day");
	CHECK(notice_query_retirement(ledger, NOW_US, TODAY + 7, drafts, &fault) == OUTCOME_OK && drafts->count == 3 &&
		      find(drafts, "retirement/fabrikam.example/retired/2026-12-01/1", &found) &&
		      find(drafts, "retirement/contoso.example/default-off/2026-12-31/30", &found) &&
		      find(drafts, "retirement/fabrikam.example/default-off/2027-03-01/90", &found),
	      "phases: a week later the next marks");
	notice_list_free(drafts);
	drafts = notice_list_new();
	CHECK(notice_query_retirement(ledger, NOW_US, TODAY + 8, drafts, &fault) == OUTCOME_OK &&
		      find(drafts, "retirement//new-tenants/2027-01-01/30", &found) && found.tenant.len == 0,
	      "phases: what concerns no tenant here, once for all");
	notice_list_free(drafts);
}

static void check_csv(struct ledger *ledger)
{
	struct buf table;

	buf_init(&table, 1 << 20);
	CHECK(notice_query_report(ledger, NOW_US, false, LANGUAGE_EN, &table, &fault) == OUTCOME_OK &&
		      str_starts(buf_str(&table), STR("\xef\xbb\xbf\"Sender address\",\"Domain\",\"Authentication Protocol\"")) &&
		      memmem(table.ptr, table.len, "\r\n\"a@contoso.example\"", 21),
	      "csv: the report as a file");
	buf_done(&table);
}

/* --- from the version before --- */

static void run_sql(const char *sql)
{
	char path[256];
	sqlite3 *db;

	path_of("ledger.db", path);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
	(void)sqlite3_close(db);
}

static void check_upgrade(void)
{
	struct ledger *ledger = open_ledger(false);

	sign_in(ledger, "old@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	ledger_close(ledger);
	run_sql("DROP TABLE route; DROP TABLE notice; DROP TABLE basic_seen; PRAGMA user_version=4");
	ledger = open_ledger(false);
	CHECK(ledger && told(ledger, NOW_US)[0] == '\0', "upgrade: of who used it before nobody is told");
	sign_in(ledger, "new@contoso.example", NOW_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	sign_in(ledger, "old@contoso.example", NOW_US + DAY_US, AUTH_PROTOCOL_BASIC, 0, "gateway");
	CHECK(strcmp(told(ledger, NOW_US), "new@contoso.example") == 0, "upgrade: of who begins after it");
	ledger_close(ledger);
}

int main(void)
{
	struct ledger *ledger;

	if (!CHECK(mkdtemp(state), "a folder"))
		return check_report();
	ledger = open_ledger(false);
	check_rows(ledger);
	check_basic(ledger);
	check_phases(ledger);
	check_csv(ledger);
	ledger_close(ledger);
	forget_all();
	check_upgrade();
	forget_all();
	(void)rmdir(state);
	return check_report();
}
