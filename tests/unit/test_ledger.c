/* The ledger: what is written is there again, whoever opens it, and what is no ledger of ours is refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "check.h"
#include "domain/event_id.h"
#include "keep/ledger.h"
#include "ledger_ground.h"

static bool run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char path[256];
	bool done;

	path_of("ledger.db", path);
	done = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	(void)sqlite3_close(db);
	return done;
}

/* Directory */

struct seen {
	unsigned count;
	struct tenant tenant;
	struct account account;
};

static bool see_tenant(void *context, const struct tenant *tenant)
{
	struct seen *seen = context;

	seen->count++;
	tenant_done(&seen->tenant);
	return tenant_copy(tenant, &seen->tenant);
}

static bool see_account(void *context, const struct account *account)
{
	struct seen *seen = context;

	seen->count++;
	account_done(&seen->account);
	return account_copy(account, &seen->account);
}

static bool see_audit(void *context, const struct audit_row *row)
{
	struct buf *text = context;

	return buf_add_format(text, "%.*s|%.*s|%.*s\n", STR_ARG(row->actor), STR_ARG(row->object), STR_ARG(row->what));
}

static void set(const struct switch_row *rows, size_t count, void *object, const char *name, const char *value)
{
	const struct switch_row *row = switch_find(rows, count, str_of(name));

	CHECK(row && row->set(object, str_of(value)), name);
}

static void put_directory(struct ledger *ledger)
{
	struct fault fault;
	struct tenant tenant;
	struct account account;

	tenant_init(&tenant);
	CHECK(tenant_domain_set(&tenant, STR("Contoso.Example")), "a domain");
	tenant.smtp_auth = false;
	tenant.basic = BASIC_RE_ENABLED;
	CHECK(ledger_tenant_put(ledger, &tenant, STR("root"), STR("added"), &fault) == OUTCOME_OK, "a tenant is written");
	tenant_done(&tenant);

	account_init(&account);
	CHECK(account_address_set(&account, STR("Copier@contoso.example")), "an address");
	set(account_switches, account_switches_count, &account, "smtp-auth", "on");
	set(account_switches, account_switches_count, &account, "mfa", "enforced");
	set(account_switches, account_switches_count, &account, "send-as", "scan@contoso.example, @fabrikam.example");
	set(account_switches, account_switches_count, &account, "address-limits", "192.0.2.0/24 2001:db8::/32");
	set(account_switches, account_switches_count, &account, "from-rewrite", "scan@contoso.example");
	account.licensed = false;
	account.verifier = strdup("fast:00");
	CHECK(ledger_account_put(ledger, &account, STR("uid 1000"), STR("smtp-auth on (was inherit)"), &fault) == OUTCOME_OK,
	      "an account is written");
	account_done(&account);
}

static void check_directory(struct ledger *ledger, const char *when)
{
	struct seen seen = { 0 };
	struct fault fault;

	printf("# the directory %s\n", when);
	CHECK(ledger_tenants(ledger, see_tenant, &seen, &fault) == OUTCOME_OK && seen.count == 1, "one tenant");
	CHECK(seen.tenant.domain && strcmp(seen.tenant.domain, "contoso.example") == 0, "in lower case");
	CHECK(!seen.tenant.smtp_auth && seen.tenant.basic == BASIC_RE_ENABLED && seen.tenant.oauth2_client_profile,
	      "its switches come back");
	seen.count = 0;
	CHECK(ledger_accounts(ledger, see_account, &seen, &fault) == OUTCOME_OK && seen.count == 1, "one account");
	CHECK(seen.account.smtp_auth == TRI_ON && seen.account.mfa == MFA_ENFORCED && !seen.account.licensed &&
		      seen.account.enabled && seen.account.auth_policy_basic_smtp == TRI_INHERIT,
	      "its switches come back");
	CHECK(str_eq(str_of(seen.account.send_as), STR("scan@contoso.example @fabrikam.example")), "its send-as list");
	CHECK(str_eq(str_of(seen.account.address_limits), STR("192.0.2.0/24 2001:db8::/32")), "its address limits");
	CHECK(str_eq(str_of(seen.account.from_rewrite), STR("scan@contoso.example")), "its from-rewrite");
	CHECK(str_eq(str_of(seen.account.verifier), STR("fast:00")), "its verifier");
	CHECK(str_eq(str_of(seen.account.domain), STR("contoso.example")), "its domain");
	tenant_done(&seen.tenant);
	account_done(&seen.account);
}

static void test_directory(void)
{
	CLEANUP(cleanup_buf) struct buf audit;
	struct ledger *ledger = open_ledger(false);
	struct ledger *reader;
	struct fault fault;
	struct stat about;
	char path[256];
	uint32_t node;
	struct seen seen = { 0 };

	buf_init(&audit, 65536);
	path_of("ledger.db", path);
	CHECK(ledger && stat(path, &about) == 0 && (about.st_mode & 0777) == 0600, "a new ledger is its owner's alone");
	node = ledger_node(ledger);
	CHECK(node < EVENT_ID_NODES, "it has a node number");
	put_directory(ledger);
	check_directory(ledger, "as written");
	reader = open_ledger(true);
	check_directory(reader, "for a reader beside the writer");
	CHECK(ledger_node(reader) == node, "the reader sees the same node");
	CHECK(ledger_account_remove(reader, STR("copier@contoso.example"), STR("root"), &fault) == OUTCOME_NEVER,
	      "a reader may not write");
	ledger_close(reader);
	ledger_close(ledger);
	ledger = open_ledger(false);
	check_directory(ledger, "after a restart");
	CHECK(ledger_node(ledger) == node, "the node number stays");
	CHECK(ledger_account_remove(ledger, STR("nobody@contoso.example"), STR("root"), &fault) == OUTCOME_NEVER &&
		      strstr(fault.text[LANGUAGE_EN], "nobody@contoso.example"),
	      "removing nobody is told by name");
	CHECK(ledger_account_remove(ledger, STR("COPIER@contoso.example"), STR("root"), &fault) == OUTCOME_OK,
	      "an account is removed, however it is written");
	CHECK(ledger_accounts(ledger, see_account, &seen, &fault) == OUTCOME_OK && seen.count == 0, "and is gone");
	CHECK(ledger_audit(ledger, 0, see_audit, &audit, &fault) == OUTCOME_OK &&
		      str_eq(buf_str(&audit), STR("root|copier@contoso.example|removed\n"
						  "uid 1000|copier@contoso.example|smtp-auth on (was inherit)\n"
						  "root|contoso.example|added\n")),
	      "the audit tells each change, newest first, and no failed one");
	CHECK(ledger_verify(ledger, &fault) == OUTCOME_OK, "integrity");
	ledger_close(ledger);
}

/* Files that are no ledger of ours, or not of today */

static void check_refused(const char *label, const char *words)
{
	struct ledger *ledger = NULL;
	struct fault fault = { 0 };

	for (int read_only = 0; read_only <= 1; read_only++)
		CHECK(ledger_open(state, read_only, &ledger, &fault) == OUTCOME_NEVER && !ledger &&
			      strstr(fault.text[LANGUAGE_EN], words),
		      label);
	printf("# %s\n", fault.text[LANGUAGE_EN]);
}

static void test_refusals(void)
{
	struct ledger *ledger = NULL;
	struct fault fault;
	char path[256];

	forget_all();
	CHECK(ledger_open(state, true, &ledger, &fault) == OUTCOME_NEVER && strstr(fault.text[LANGUAGE_EN], "no ledger yet"),
	      "a reader makes none");
	path_of("ledger.db", path);
	CHECK(file_replace(path, STR("This is a letter to my aunt, and no database whatever it may be called.\n"
				     "It is longer than SQLite's header has bytes, which are one hundred.\n"),
			   0600, &fault) == OUTCOME_OK,
	      "a letter");
	check_refused("a letter is no ledger", "is not a ledger");
	forget_all();
	CHECK(run_sql("CREATE TABLE recipes (name TEXT)"), "another program's database");
	check_refused("another program's database is no ledger", "is not a ledger");
	CHECK(run_sql("INSERT INTO recipes VALUES ('soup')"), "and is left as it was");
	forget_all();
	ledger_close(open_ledger(false));
	CHECK(run_sql("PRAGMA user_version=99"), "a newer schema");
	check_refused("a newer schema is refused", "newer Sekisho (schema 99");
	forget_all();
	CHECK(run_sql("PRAGMA application_id=1399550824; PRAGMA user_version=0"), "a ledger before its first migration");
	CHECK(ledger_open(state, true, &ledger, &fault) == OUTCOME_NEVER && strstr(fault.text[LANGUAGE_EN], "older version"),
	      "a reader does not migrate");
	ledger = open_ledger(false);
	CHECK(ledger && ledger_verify(ledger, &fault) == OUTCOME_OK, "the writer does");
	ledger_close(ledger);
	forget_all();
}

/* Traces */

struct traces {
	size_t count;
	struct buf ids;
	uint32_t attempts;
};

static bool see_trace(void *context, const struct trace *trace)
{
	struct traces *seen = context;

	seen->count++;
	seen->attempts = trace->attempts;
	return buf_add_format(&seen->ids, "%.*s ", STR_ARG(trace->id));
}

static bool add_trace(struct ledger *ledger, const char *id, const char *from, const char *to, int64_t at_us, uint32_t attempts)
{
	CLEANUP(cleanup_buf) struct buf packed;
	CLEANUP(cleanup_buf) struct buf recipients;
	struct fault fault;
	struct str whole;
	char message_id[64];
	struct trace trace = { .id = str_of(id), .from = str_of(from), .account = str_of(from), .tenant = STR("contoso.example"),
			       .subject = STR("scan"), .size_bytes = 4096, .received_us = at_us, .attempts = attempts };
	struct str rest = str_of(to);

	buf_init(&packed, 65536);
	buf_init(&recipients, 65536);
	(void)snprintf(message_id, sizeof(message_id), "<%s@copier>", id);
	trace.message_id = str_of(message_id);
	while (rest.len > 0) {
		struct trace_recipient recipient = { .address = str_cut(&rest, ' '), .state = TRACE_SENT,
						     .reply = STR("250 2.0.0 OK"), .at_us = at_us, .upstream = STR("exo") };

		if (!trace_recipient_print(&recipients, &recipient))
			return false;
		trace.recipients_count++;
	}
	trace.recipients = buf_str(&recipients);
	if (!trace_print(&packed, &trace))
		return false;
	whole = buf_str(&packed);
	return ledger_rows_add(ledger, NULL, 0, &whole, 1, &fault) == OUTCOME_OK;
}

static void test_traces(void)
{
	static const struct {
		const char *label;
		struct trace_filter filter;
		const char *want;
	} cases[] = {
		{ "all, newest first", { .count_max = 0 }, "T4 T3 T2 T1 " },
		{ "at most two", { .count_max = 2 }, "T4 T3 " },
		{ "from an address, whatever its case", { .from = { "COPIER@contoso.example", 22 } }, "T4 T1 " },
		{ "from a domain", { .from = { "@contoso.example", 16 } }, "T4 T2 T1 " },
		{ "no domain of which it is the end", { .from = { "@example", 8 } }, "" },
		{ "to an address", { .to = { "b@y.example", 11 } }, "T3 T1 " },
		{ "to a domain", { .to = { "@y.example", 10 } }, "T3 T1 " },
		{ "to one and from another", { .to = { "b@y.example", 11 }, .from = { "erp@fabrikam.example", 20 } }, "T3 " },
		{ "by message ID", { .message_id = { "<T2@copier>", 11 } }, "T2 " },
		{ "by message ID without brackets", { .message_id = { "T2@copier", 9 } }, "T2 " },
		{ "by ID", { .id = { "T3", 2 } }, "T3 " },
		{ "since a time", { .since_us = 3000 }, "T4 T3 " },
		{ "to an address since a time", { .to = { "b@y.example", 11 }, .since_us = 2000 }, "T3 " },
		{ "nobody", { .to = { "c@y.example", 11 } }, "" },
	};
	struct ledger *ledger = open_ledger(false);
	struct traces seen = { 0 };
	struct trace_filter by_id = { .id = STR("T1") };
	struct fault fault;
	size_t removed = 0;

	CHECK(add_trace(ledger, "T1", "copier@contoso.example", "a@x.example b@y.example", 1000, 1), "written");
	CHECK(add_trace(ledger, "T2", "scan@contoso.example", "a@x.example", 2000, 1), "written");
	CHECK(add_trace(ledger, "T3", "erp@fabrikam.example", "B@Y.example", 3000, 1), "written");
	CHECK(add_trace(ledger, "T4", "Copier@contoso.example", "a@x.example", 3000, 1), "written");
	CHECK(add_trace(ledger, "T1", "copier@contoso.example", "a@x.example b@y.example", 1000, 5), "written again");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool same_time;

		buf_init(&seen.ids, 65536);
		CHECK(ledger_traces(ledger, &cases[i].filter, see_trace, &seen, &fault) == OUTCOME_OK, cases[i].label);
		same_time = str_starts(buf_str(&seen.ids), STR("T3 T4 ")); /* of one microsecond: either order */
		CHECK(str_eq(same_time ? str_skip(buf_str(&seen.ids), 6) : buf_str(&seen.ids),
			     same_time ? str_skip(str_of(cases[i].want), 6) : str_of(cases[i].want)),
		      cases[i].label);
		buf_done(&seen.ids);
	}
	buf_init(&seen.ids, 65536);
	CHECK(ledger_traces(ledger, &by_id, see_trace, &seen, &fault) == OUTCOME_OK && seen.attempts == 5, "a later row replaces");
	CHECK(ledger_expire(ledger, 0, 2500, 100, &removed, &fault) == OUTCOME_OK && removed == 2, "old traces go");
	buf_clear(&seen.ids);
	CHECK(ledger_traces(ledger, &cases[5].filter, see_trace, &seen, &fault) == OUTCOME_OK &&
		      str_eq(buf_str(&seen.ids), STR("T3 ")),
	      "and their recipients with them");
	CHECK(ledger_verify(ledger, &fault) == OUTCOME_OK, "integrity");
	buf_done(&seen.ids);
	ledger_close(ledger);
	CHECK(run_sql("CREATE TEMP TABLE t AS SELECT 1/(count(*) = 2) AS one FROM trace_to; "
		      "CREATE TEMP TABLE u (one NOT NULL); INSERT INTO u SELECT one FROM t"),
	      "no recipient without its trace");
}

static void test_damaged(void)
{
	CLEANUP(cleanup_buf) struct buf audit;
	struct ledger *ledger = open_ledger(false);
	struct str bad[] = { STR("\x01\x02\x03"), STR("") };
	struct fault fault;

	buf_init(&audit, 65536);
	CHECK(ledger_rows_add(ledger, bad, 2, bad, 1, &fault) == OUTCOME_OK, "rows that cannot be read do not stop a batch");
	CHECK(ledger_audit(ledger, 0, see_audit, &audit, &fault) == OUTCOME_OK &&
		      str_starts(buf_str(&audit), STR("ledger|outbox|a damaged trace row of 3 bytes was set aside\n"
						      "ledger|outbox|a damaged sign-in row of 0 bytes was set aside\n"
						      "ledger|outbox|a damaged sign-in row of 3 bytes was set aside\n")),
	      "they are set aside, and the audit says so");
	ledger_close(ledger);
}

/* A row of which the ledger says no for ever, between two that it takes. */
static void test_refused(void)
{
	CLEANUP(cleanup_buf) struct buf audit;
	struct ledger *ledger = open_ledger(false);
	struct trace_filter all = { .from = STR("@sift.example") };
	struct traces seen = { 0 };
	struct buf packed[3];
	struct str rows[3];
	struct fault fault;
	size_t aside = 9;

	buf_init(&audit, 65536);
	buf_init(&seen.ids, 65536);
	for (size_t i = 0; i < 3; i++) {
		struct trace trace = { .id = (struct str){ &"ABC"[i], 1 }, .from = STR("x@sift.example"), .received_us = (int64_t)i + 1 };

		buf_init(&packed[i], 65536);
		CHECK(trace_print(&packed[i], &trace), "printed");
		rows[i] = buf_str(&packed[i]);
	}
	CHECK(run_sql("CREATE TRIGGER never BEFORE INSERT ON trace WHEN NEW.id = 'B' BEGIN SELECT RAISE(ABORT, 'not that one'); END"), "armed");
	CHECK(ledger_rows_add(ledger, NULL, 0, rows, 3, &fault) == OUTCOME_NEVER, "together they are refused");
	CHECK(ledger_rows_sift(ledger, NULL, 0, rows, 3, &aside, &fault) == OUTCOME_OK && aside == 1, "one by one only the one at fault is");
	CHECK(ledger_traces(ledger, &all, see_trace, &seen, &fault) == OUTCOME_OK && str_eq(buf_str(&seen.ids), STR("C A ")), "the rest are there");
	CHECK(ledger_audit(ledger, 0, see_audit, &audit, &fault) == OUTCOME_OK &&
		      str_starts(buf_str(&audit), STR("ledger|outbox|a damaged trace row of ")),
	      "the audit says so");
	CHECK(run_sql("CREATE TRIGGER nor_aside BEFORE INSERT ON damaged BEGIN SELECT RAISE(ABORT, 'ill'); END"), "an ill ledger");
	CHECK(ledger_rows_sift(ledger, NULL, 0, rows, 3, &aside, &fault) == OUTCOME_NEVER && aside == 0, "sets nothing aside");
	CHECK(run_sql("DROP TRIGGER never; DROP TRIGGER nor_aside"), "disarmed");
	for (size_t i = 0; i < 3; i++)
		buf_done(&packed[i]);
	buf_done(&seen.ids);
	ledger_close(ledger);
}

/* The columns follow the tables of the domain. */
static void test_columns(void)
{
	static const struct {
		const char *table;
		const struct switch_row *rows;
		const size_t *count;
	} kinds[] = { { "tenant", tenant_switches, &tenant_switches_count },
		      { "account", account_switches, &account_switches_count } };
	char sql[256];

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < *kinds[k].count; i++) {
			(void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s LIMIT 1", kinds[k].rows[i].name, kinds[k].table);
			for (char *at = sql; *at; at++)
				*at = *at == '-' ? '_' : *at;
			CHECK(run_sql(sql), sql);
		}
	}
	for (size_t i = 0; i < sign_in_fields_count; i++) {
		(void)snprintf(sql, sizeof(sql), "SELECT %s FROM sign_in LIMIT 1", sign_in_fields[i].column);
		CHECK(run_sql(sql), sql);
	}
}

/* As another user who may read the file and no more: with the daemon down, and after it was killed. */
static void test_other_user(void)
{
	char source[256], from[512], to[300], folder[256];
	CLEANUP(cleanup_buf) struct buf bytes;
	struct ledger *reader = NULL;
	struct fault fault;

	if (geteuid() != 0) {
		printf("ok %u - another user's reading # SKIP not root\n", checks_passed + checks_failed + 1);
		checks_passed++;
		return;
	}
	path_of("other", folder);
	path_of("ledger.db", source);
	(void)snprintf(to, sizeof(to), "%s/ledger.db", folder);
	CHECK(mkdir(folder, 0755) == 0 && chmod(state, 0755) == 0, "a folder that others may read");
	CHECK(file_load(source, 64 << 20, &bytes, &fault) == OUTCOME_OK &&
		      file_replace(to, buf_str(&bytes), 0644, &fault) == OUTCOME_OK,
	      "a ledger at rest");
	CHECK(seteuid(65534) == 0, "as nobody");
	CHECK(ledger_open(folder, true, &reader, &fault) == OUTCOME_OK, "it can be read in a folder that cannot be written");
	ledger_close(reader);
	reader = NULL;
	CHECK(seteuid(0) == 0, "as root again");
	(void)snprintf(from, sizeof(from), "%s-wal", to);
	CHECK(file_replace(from, STR("not all is in the main file"), 0600, &fault) == OUTCOME_OK, "a log that was left");
	CHECK(seteuid(65534) == 0, "as nobody");
	CHECK(ledger_open(folder, true, &reader, &fault) == OUTCOME_NEVER && !reader, "half of it is not shown for the whole");
	printf("# %s\n", fault.text[LANGUAGE_EN]);
	CHECK(seteuid(0) == 0, "as root again");
	(void)unlink(from);
	(void)unlink(to);
	(void)snprintf(from, sizeof(from), "%s-shm", to);
	(void)unlink(from);
	(void)rmdir(folder);
}

int main(void)
{
	if (!mkdtemp(state))
		return 1;
	test_refusals();
	test_directory();
	test_traces();
	test_damaged();
	test_refused();
	test_columns();
	test_other_user();
	forget_all();
	(void)rmdir(state);
	return check_report();
}
