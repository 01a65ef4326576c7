/* The report of the ledger: what was counted row by row is what reading all rows gives, also after rows that come twice, a migration, a
 * batch that was undone, and expiry. */
#include <sqlite3.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "domain/event_id.h"
#include "domain/policy.h"
#include "keep/report_query.h"
#include "ledger_ground.h"

#define ROWS 4000
#define BATCH 100
#define DAYS 40
#define USERS 5
#define DEVICES 4
#define FIRST_DAY 20700
#define DAY_US (86400ll * 1000000)

static const char *const users[USERS] = { "copier@contoso.example", "scan@contoso.example", "erp@fabrikam.example", "=cmd@fabrikam.example",
					  "nobody" };
static const char *const ips[DEVICES] = { "192.0.2.7", "192.0.2.7", "2001:db8::7", "" };
static const char *const names[DEVICES] = { "mfp-1", "mfp-2", "mfp-1", "" };
static const char *const versions[] = { "", "1.0", "1.1", "1.2", "1.3", "9" };
static const char *const sources[] = { "gateway", "gateway", "entra" };

/* The naive reference: counts by user, protocol, device, source and day. */
struct counts {
	uint64_t tls[REPORT_TLS_COUNT], messages, internal;
	int64_t last_us;
};
static struct counts want[USERS][3][DEVICES][2][DAYS], got[USERS][3][DEVICES][2][DAYS];

static struct sign_in rows[ROWS];
static char ids[ROWS][EVENT_ID_LEN + 1], mail_ids[ROWS][EVENT_ID_LEN + 1];
static unsigned user_of[ROWS], device_of[ROWS];

static struct counts *count_of(struct counts all[USERS][3][DEVICES][2][DAYS], const struct sign_in *row, unsigned user, unsigned device, int64_t us)
{
	return &all[user][row->protocol][device][str_eq(row->source, STR("entra"))][us / DAY_US - FIRST_DAY];
}

static void make_rows(void)
{
	int64_t now = FIRST_DAY * DAY_US + 1;

	for (size_t i = 0; i < ROWS; i++) {
		unsigned version = roll(6);

		user_of[i] = roll(USERS);
		device_of[i] = roll(DEVICES);
		now += roll(2 * (uint32_t)((DAYS - 2) * DAY_US / ROWS / 1000)) * 1000ll + 1;
		event_id_print(3, i, ids[i]);
		event_id_print(4, i, mail_ids[i]);
		rows[i] = (struct sign_in){
			.created_us = now, .event_id = str_of(ids[i]), .user = str_of(users[user_of[i]]), .tenant = STR("contoso.example"),
			.ip = str_of(ips[device_of[i]]), .ehlo = str_of(names[device_of[i]]), .protocol = (uint8_t)roll(3),
			.mechanism = SIGN_IN_MECHANISM_NONE, .tls_version = str_of(versions[version]), .error_code = roll(4) ? 0 : 50126,
			.source = str_of(sources[roll(3)]),
		};
	}
}

/* By hand, not by report_of_sign_in(). */
static void expect_sign_in(size_t i)
{
	static const enum report_tls by_version[] = { REPORT_TLS_CLEAR, REPORT_TLS_10, REPORT_TLS_11, REPORT_TLS_12, REPORT_TLS_13, REPORT_TLS_UNKNOWN };
	const struct sign_in *row = &rows[i];
	struct counts *counts = count_of(want, row, user_of[i], device_of[i], row->created_us);
	enum report_tls version = REPORT_TLS_UNKNOWN;

	if (row->error_code != 0)
		return;
	for (size_t v = 0; v < 6; v++) {
		if (str_eq(row->tls_version, str_of(versions[v])))
			version = by_version[v];
	}
	if (version == REPORT_TLS_CLEAR && !str_eq(row->source, STR("gateway")))
		version = REPORT_TLS_UNKNOWN;
	counts->tls[version]++;
	if (row->created_us > counts->last_us)
		counts->last_us = row->created_us;
}

static bool leaves_too(size_t i)
{
	return i % 21 == 0 && i % 5 != 0;
}

/* A message right behind its sign-in; every third stays inside its domain (of these every seventh also leaves it), every fifth was
 * refused. */
static bool mail_print(size_t i, struct buf *out)
{
	struct str domain = str_skip(rows[i].user, str_find(rows[i].user, '@') + 1);
	char room[512], address[128];
	struct buf packed = { .ptr = room, .cap = sizeof(room), .bytes_max = sizeof(room) };
	struct trace_recipient recipient = { .address = STR("x@example.net"), .state = i % 5 == 0 ? TRACE_REFUSED : i % 2 ? TRACE_SENT : TRACE_FAILED };
	struct trace trace = { .id = str_of(mail_ids[i]), .from = STR("other@contoso.example"), .account = rows[i].user,
			       .received_us = rows[i].created_us + 1, .recipients_count = 1 };

	if (i % 3 == 0 && domain.len > 0) {
		(void)snprintf(address, sizeof(address), "boss@%.*s", STR_ARG(domain));
		recipient.address = str_of(address);
	}
	if (leaves_too(i)) {
		struct trace_recipient other = { .address = STR("x@example.net"), .state = TRACE_SENT };

		trace.recipients_count = 2;
		if (!trace_recipient_print(&packed, &other))
			return false;
	}
	if (!trace_recipient_print(&packed, &recipient))
		return false;
	trace.recipients = buf_str(&packed);
	return trace_print(out, &trace);
}

/* The device that signed in last by that account, as the rows stand, not as the ledger finds it. */
static void expect_mail(size_t i)
{
	struct counts *counts;
	size_t before = i;

	if (i % 5 == 0)
		return;
	while (before > 0 && (user_of[before] != user_of[i] || rows[before].error_code != 0))
		before--;
	if (user_of[before] != user_of[i] || rows[before].error_code != 0)
		return; /* nobody of that name has signed in yet: no message of it is sent below */
	counts = count_of(want, &rows[before], user_of[i], device_of[before], rows[i].created_us + 1);
	counts->messages++;
	counts->internal += i % 3 == 0 && user_of[i] != 4 && !leaves_too(i);
	if (rows[i].created_us + 1 > counts->last_us)
		counts->last_us = rows[i].created_us + 1;
}

static bool add(struct ledger *ledger, size_t first, struct fault *fault)
{
	static struct buf bytes;
	struct str sign_ins[BATCH], mails[BATCH];
	size_t ends[2 * BATCH + 1] = { 0 }, mails_count = 0;
	bool good = true;

	bytes.bytes_max = 1 << 20;
	buf_clear(&bytes);
	for (size_t i = 0; i < BATCH; i++) {
		good = good && sign_in_print(&bytes, &rows[first + i]);
		ends[i + 1] = bytes.len;
	}
	for (size_t i = first; i < first + BATCH; i++) {
		if (i < 50)
			continue; /* all accounts have signed in by then */
		good = good && mail_print(i, &bytes);
		mails_count++;
		ends[BATCH + mails_count] = bytes.len;
	}
	for (size_t i = 0; i < BATCH; i++)
		sign_ins[i] = (struct str){ bytes.ptr + ends[i], ends[i + 1] - ends[i] };
	for (size_t i = 0; i < mails_count; i++)
		mails[i] = (struct str){ bytes.ptr + ends[BATCH + i], ends[BATCH + i + 1] - ends[BATCH + i] };
	return good && ledger_rows_add(ledger, sign_ins, BATCH, mails, mails_count, fault) == OUTCOME_OK;
}

static bool take(void *context, const struct report_row *row)
{
	unsigned *strange = context;
	unsigned user = 0, device = 0;
	struct sign_in as = { .protocol = row->protocol, .source = row->source };
	struct counts *counts;

	while (user < USERS && !str_eq(row->sender, str_of(users[user])))
		user++;
	while (device < DEVICES && !(str_eq(row->ip, str_of(ips[device])) && str_eq(row->ehlo, str_of(names[device]))))
		device++;
	if (user == USERS || device == DEVICES) {
		++*strange;
		return true;
	}
	counts = count_of(got, &as, user, device, row->day ? row->day * DAY_US : FIRST_DAY * DAY_US);
	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		counts->tls[i] += row->tls[i];
	counts->messages += row->messages;
	counts->internal += row->internal;
	if (row->last_us > counts->last_us)
		counts->last_us = row->last_us;
	return true;
}

static bool read_days(struct ledger *ledger, int64_t first, int64_t last, bool by_day)
{
	unsigned strange = 0;
	struct fault fault;

	memset(got, 0, sizeof(got));
	return ledger_report(ledger, first, last, by_day, take, &strange, &fault) == OUTCOME_OK && strange == 0;
}

/* The reference of the days from..to, all in the first when not by day. */
static bool same(unsigned from, unsigned to, bool by_day)
{
	static struct counts sum[USERS][3][DEVICES][2][DAYS];

	memset(sum, 0, sizeof(sum));
	for (unsigned u = 0; u < USERS; u++)
		for (unsigned p = 0; p < 3; p++)
			for (unsigned d = 0; d < DEVICES; d++)
				for (unsigned s = 0; s < 2; s++)
					for (unsigned day = from; day <= to; day++) {
						struct counts *into = &sum[u][p][d][s][by_day ? day : 0];
						const struct counts *one = &want[u][p][d][s][day];

						for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
							into->tls[i] += one->tls[i];
						into->messages += one->messages;
						into->internal += one->internal;
						into->last_us = one->last_us > into->last_us ? one->last_us : into->last_us;
					}
	return memcmp(sum, got, sizeof(sum)) == 0;
}

static bool run_sql(const char *sql)
{
	char path[256];
	sqlite3 *db = NULL;
	bool good;

	path_of("ledger.db", path);
	good = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	if (!good)
		printf("# %s\n", sqlite3_errmsg(db));
	(void)sqlite3_close(db);
	return good;
}

/* A ledger from before the counts: they are made of its sign-ins; messages are counted from then on. */
static void check_migration(void)
{
	struct ledger *ledger;

	CHECK(run_sql("DROP TABLE report_client; DROP TABLE report_day; DROP TABLE retirement; DROP TABLE route; DROP TABLE notice; DROP TABLE basic_seen; "
		      "ALTER TABLE account DROP COLUMN answer_after; PRAGMA user_version=2"), "back to version 2");
	ledger = open_ledger(false);
	for (size_t i = 0; i < sizeof(want) / sizeof(struct counts); i++) {
		struct counts *counts = (struct counts *)(void *)want + i;

		counts->messages = counts->internal = 0;
		counts->last_us = 0;
	}
	for (size_t i = 0; i < ROWS; i++) {
		struct counts *counts = count_of(want, &rows[i], user_of[i], device_of[i], rows[i].created_us);

		if (rows[i].error_code == 0 && rows[i].created_us > counts->last_us)
			counts->last_us = rows[i].created_us;
	}
	CHECK(ledger && read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, true) && same(0, DAYS - 1, true), "an old ledger is counted when it is migrated");
	ledger_close(ledger);
}

struct line {
	char text[512];
	size_t count;
};

static bool take_line(void *context, json_t *line)
{
	struct line *into = context;

	if (into->count++ == 0)
		(void)snprintf(into->text, sizeof(into->text), "%s %s %lld", json_string_value(json_object_get(line, "user")),
			       json_string_value(json_object_get(line, "instead")), (long long)json_integer_value(json_object_get(line, "signIns")));
	json_decref(line);
	return true;
}

static void check_simulate(struct ledger *ledger)
{
	struct simulate_question question = { .now_us = (FIRST_DAY + DAYS) * DAY_US, .days = DAYS + 1 };
	struct simulate_sum sum = { 0 };
	struct line line = { "", 0 };
	struct fault fault;

	CHECK(clock_rfc3339_parse(STR("2026-12-30"), &question.at_us) &&
		      simulate_query(ledger, &question, take_line, &line, &sum, &fault) == OUTCOME_OK && sum.refused == 0 && line.count == 0 &&
		      sum.clients == USERS * DEVICES,
	      "nobody is refused before the day");
	CHECK(clock_rfc3339_parse(STR("2026-12-31"), &question.at_us) &&
		      simulate_query(ledger, &question, take_line, &line, &sum, &fault) == OUTCOME_OK && sum.refused == USERS * DEVICES &&
		      line.count == sum.refused && sum.refused_before == 0,
	      "everybody with basic authentication on it");
	CHECK(strstr(line.text, " oauth "), line.text);
}

int main(void)
{
	struct ledger *ledger;
	struct fault fault;
	bool good = true;
	size_t removed = 0;

	if (!mkdtemp(state))
		return 1;
	make_rows();
	for (size_t i = 0; i < ROWS; i++)
		expect_sign_in(i);
	for (size_t i = 50; i < ROWS; i++)
		expect_mail(i);
	ledger = open_ledger(false);
	for (size_t i = 0; ledger && i < ROWS; i += BATCH)
		good = good && add(ledger, i, &fault);
	CHECK(ledger && good, "rows added");
	CHECK(read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, true) && same(0, DAYS - 1, true), "each day, client and TLS version is as the rows say");
	CHECK(read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, false) && same(0, DAYS - 1, false), "summed up by client");
	CHECK(read_days(ledger, FIRST_DAY + 10, FIRST_DAY + 16, false) && same(10, 16, false), "seven days of them");
	for (size_t i = 0; i < ROWS; i += BATCH)
		good = good && add(ledger, i, &fault);
	CHECK(good && read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, true) && same(0, DAYS - 1, true), "rows that come again count once");
	check_simulate(ledger);
	ledger_close(ledger);
	ledger = open_ledger(true);
	CHECK(ledger && read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, true) && same(0, DAYS - 1, true), "a reader sees the same");
	ledger_close(ledger);
	check_migration();
	ledger = open_ledger(false);
	CHECK(ledger && ledger_expire(ledger, (FIRST_DAY + 10) * DAY_US, 0, ROWS, &removed, &fault) == OUTCOME_OK && removed > 0,
	      "old sign-ins go");
	for (unsigned u = 0; u < USERS; u++)
		for (unsigned p = 0; p < 3; p++)
			for (unsigned d = 0; d < DEVICES; d++)
				for (unsigned s = 0; s < 2; s++)
					memset(&want[u][p][d][s][0], 0, 10 * sizeof(struct counts));
	CHECK(read_days(ledger, FIRST_DAY, FIRST_DAY + DAYS - 1, true) && same(0, DAYS - 1, true), "their days with them, and no others");
	ledger_close(ledger);
	forget_all();
	(void)rmdir(state);
	return check_report();
}
