#include "keep/ledger_private.h"

#include <stdio.h>

#include "base/random.h"
#include "domain/event_id.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/*
 * What each version added; the first makes the ledger. To change the schema: a row at the end, never a change to one that
 * has been released. The columns of tenant and account are those of the switch tables with _ for -, those of sign_in
 * are sign_in_fields[]; a test compares them.
 */
static const char *const migrations[] = {
	/* 1 */
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE tenant (domain TEXT PRIMARY KEY, smtp_auth TEXT NOT NULL, security_defaults TEXT NOT NULL,"
	" oauth2_client_profile TEXT NOT NULL, auth_policy_basic_smtp TEXT NOT NULL, basic TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE account (address TEXT PRIMARY KEY, smtp_auth TEXT NOT NULL, auth_policy_basic_smtp TEXT NOT NULL,"
	" mfa TEXT NOT NULL, licensed TEXT NOT NULL, enabled TEXT NOT NULL, send_as TEXT NOT NULL,"
	" address_limits TEXT NOT NULL, from_rewrite TEXT NOT NULL, verifier TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE audit (number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL, object TEXT NOT NULL,"
	" what TEXT NOT NULL);"
	"CREATE INDEX audit_at ON audit (at_us);"
	"CREATE TABLE damaged (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, packed BLOB NOT NULL);"
	"CREATE TABLE sign_in (key INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, created_us INTEGER NOT NULL, event_id TEXT NOT NULL COLLATE NOCASE,"
	" user TEXT NOT NULL COLLATE NOCASE,"
	" tenant TEXT NOT NULL, ip TEXT NOT NULL, protocol INTEGER NOT NULL, mechanism INTEGER NOT NULL,"
	" tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL, ehlo TEXT NOT NULL, listener TEXT NOT NULL,"
	" device TEXT NOT NULL, policy_rule TEXT NOT NULL, error_code INTEGER NOT NULL, failure_reason TEXT NOT NULL,"
	" smtp_reply TEXT NOT NULL, app_id TEXT NOT NULL, app_name TEXT NOT NULL, source TEXT NOT NULL,"
	" correlation_id TEXT NOT NULL, ip_raw BLOB);"
	"CREATE TABLE bucket (log INTEGER NOT NULL, number INTEGER NOT NULL, late INTEGER NOT NULL, low INTEGER NOT NULL,"
	" high INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (log, number)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX sign_in_event_id ON sign_in (event_id);"
	"CREATE INDEX sign_in_user ON sign_in (bucket, user);"
	"CREATE INDEX sign_in_ip ON sign_in (bucket, ip_raw);"
	"CREATE INDEX sign_in_kind ON sign_in (protocol, error_code);"
	/* Addresses stand as domain@local, so that a domain is a range of the index. */
	"CREATE TABLE trace (key INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, id TEXT NOT NULL, sender TEXT NOT NULL,"
	" message_hash INTEGER NOT NULL, packed BLOB NOT NULL);"
	"CREATE UNIQUE INDEX trace_id ON trace (id);"
	"CREATE INDEX trace_sender ON trace (bucket, sender);"
	"CREATE INDEX trace_message ON trace (bucket, message_hash);"
	"CREATE TABLE trace_to (bucket INTEGER NOT NULL, address TEXT NOT NULL, key INTEGER NOT NULL,"
	" PRIMARY KEY (bucket, address, key)) WITHOUT ROWID;",
	/* 2: imported sign-ins */
	"ALTER TABLE sign_in ADD COLUMN more TEXT NOT NULL DEFAULT '';",
	/* 3: the report's counts, with what the log already holds (its messages are counted from now on), and the retirement */
	"CREATE TABLE report_client (id INTEGER PRIMARY KEY, sender TEXT NOT NULL, protocol INTEGER NOT NULL, ip TEXT NOT NULL,"
	" ehlo TEXT NOT NULL, source TEXT NOT NULL, UNIQUE (sender, protocol, ip, ehlo, source));"
	"CREATE TABLE report_day (day INTEGER NOT NULL, client INTEGER NOT NULL, tls_unknown INTEGER NOT NULL,"
	" tls_clear INTEGER NOT NULL, tls_10 INTEGER NOT NULL, tls_11 INTEGER NOT NULL, tls_12 INTEGER NOT NULL,"
	" tls_13 INTEGER NOT NULL, messages INTEGER NOT NULL, internal INTEGER NOT NULL, last_us INTEGER NOT NULL,"
	" PRIMARY KEY (day, client)) WITHOUT ROWID;"
	"INSERT INTO report_client (sender, protocol, ip, ehlo, source)"
	" SELECT DISTINCT user COLLATE BINARY, protocol, ip, ehlo, source FROM sign_in WHERE error_code = 0;"
	"INSERT INTO report_day SELECT s.created_us / 86400000000, c.id,"
	" sum(s.tls_version NOT IN ('1.0', '1.1', '1.2', '1.3') AND NOT (s.tls_version = '' AND s.source = 'gateway')),"
	" sum(s.tls_version = '' AND s.source = 'gateway'), sum(s.tls_version = '1.0'), sum(s.tls_version = '1.1'),"
	" sum(s.tls_version = '1.2'), sum(s.tls_version = '1.3'), 0, 0, max(s.created_us)"
	" FROM sign_in s JOIN report_client c ON c.sender = s.user COLLATE BINARY AND c.protocol = s.protocol AND c.ip = s.ip"
	" AND c.ehlo = s.ehlo AND c.source = s.source WHERE s.error_code = 0 GROUP BY 1, 2;"
	"CREATE TABLE retirement (tenant TEXT PRIMARY KEY, default_off TEXT NOT NULL, retired TEXT NOT NULL, enforce TEXT NOT NULL,"
	" applied TEXT NOT NULL) WITHOUT ROWID;",
	"ALTER TABLE account ADD COLUMN answer_after TEXT NOT NULL DEFAULT 'spool';",
	/* 5: notices; and since when accounts use Basic authentication: of those that do already nobody is told */
	"CREATE TABLE notice (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
	" severity TEXT NOT NULL, subject TEXT NOT NULL, tenant TEXT NOT NULL, created_us INTEGER NOT NULL, data TEXT NOT NULL,"
	" state TEXT NOT NULL, snoozed_until_us INTEGER NOT NULL, mailed_us INTEGER NOT NULL, posted_us INTEGER NOT NULL,"
	" post_attempts INTEGER NOT NULL, post_due_us INTEGER NOT NULL, trouble TEXT NOT NULL);"
	"CREATE INDEX notice_unsent ON notice (number) WHERE mailed_us = 0 OR posted_us = 0;"
	"CREATE INDEX notice_subject ON notice (kind, subject, created_us);"
	"CREATE TABLE basic_seen (account TEXT PRIMARY KEY COLLATE NOCASE, last_us INTEGER NOT NULL, since_us INTEGER NOT NULL,"
	" previous_us INTEGER NOT NULL, ip TEXT NOT NULL, ehlo TEXT NOT NULL, event_id TEXT NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX basic_untold ON basic_seen (since_us) WHERE told = 0;"
	"INSERT OR IGNORE INTO basic_seen SELECT c.sender, max(d.last_us), min(d.last_us), 0, '', '', '', 1"
	" FROM report_client c JOIN report_day d ON d.client = c.id WHERE c.protocol = 0 AND c.source = 'gateway'"
	" GROUP BY c.sender COLLATE NOCASE;",
	/* 6: routes that were added; a number is never given twice */
	("CREATE TABLE route (number INTEGER PRIMARY KEY AUTOINCREMENT, place INTEGER NOT NULL, tenant TEXT NOT NULL, sender TEXT NOT NULL,"
	 " size_over_bytes INTEGER NOT NULL, upstream TEXT NOT NULL);"),
};

static enum outcome number_of(struct ledger *ledger, const char *sql, int64_t *ret_number, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, str_of(sql), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return ledger_fault(ledger, N_("ledger: cannot read: %s"), fault);
	*ret_number = sqlite3_column_int64(statement, 0);
	return OUTCOME_OK;
}

/* An empty file is ours to fill; any other must say that it is a ledger, and be of a version that this program knows. */
static enum outcome version_of(struct ledger *ledger, const char *path, int64_t *ret_version, struct fault *fault)
{
	int64_t application = 0, tables = 0;
	enum outcome outcome = number_of(ledger, "PRAGMA application_id", &application, fault);

	if (outcome == OUTCOME_OK)
		outcome = number_of(ledger, "PRAGMA user_version", ret_version, fault);
	if (outcome == OUTCOME_OK)
		outcome = number_of(ledger, "SELECT count(*) FROM sqlite_schema", &tables, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (application != LEDGER_APPLICATION_ID && (application != 0 || tables != 0 || *ret_version != 0))
		return fault_set(fault, OUTCOME_NEVER, N_("%s is not a ledger of Sekisho; it was left as it is"), path);
	if (*ret_version > (int64_t)COUNT(migrations))
		return fault_set(fault, OUTCOME_NEVER,
				 N_("%s was written by a newer Sekisho (schema %d, this one knows %d); install that version again, or "
				    "restore a backup made before the upgrade"),
				 path, (int)*ret_version, (int)COUNT(migrations));
	return OUTCOME_OK;
}

static enum outcome node_choose(struct ledger *ledger, struct fault *fault)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO meta(name, value) VALUES ('node', %u)",
		       random_below(EVENT_ID_NODES));
	return ledger_run(ledger, sql, fault);
}

static enum outcome migrate(struct ledger *ledger, const char *path, struct fault *fault)
{
	char sql[128];
	int64_t version = 0;
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = version_of(ledger, path, &version, fault); /* another may have done it before we had the lock */
	for (size_t i = (size_t)version; i < COUNT(migrations) && outcome == OUTCOME_OK; i++)
		outcome = ledger_run(ledger, migrations[i], fault);
	(void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%zu", LEDGER_APPLICATION_ID,
		       COUNT(migrations));
	if (outcome == OUTCOME_OK)
		outcome = ledger_run(ledger, sql, fault);
	if (outcome == OUTCOME_OK)
		outcome = node_choose(ledger, fault);
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_schema_open(struct ledger *ledger, const char *path, struct fault *fault)
{
	int64_t version = 0, node = 0;
	enum outcome outcome = version_of(ledger, path, &version, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (version < (int64_t)COUNT(migrations)) {
		if (ledger->read_only)
			return fault_set(fault, OUTCOME_NEVER,
					 N_("%s is of an older version (schema %d, today's is %d); start the daemon once, or run "
					    "\"ledger migrate\""),
					 path, (int)version, (int)COUNT(migrations));
		outcome = migrate(ledger, path, fault);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	outcome = number_of(ledger, "SELECT value FROM meta WHERE name = 'node'", &node, fault);
	ledger->node = (uint32_t)node;
	return outcome;
}
