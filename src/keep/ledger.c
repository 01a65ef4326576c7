#include "keep/ledger_buckets.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define FILE_NAME "ledger.db"
#define BUSY_MS_MAX 5000

/*
 * FULL: the outbox forgets a row once it is here, and its forgetting may reach the disk first; one sync a batch is cheap. The log is
 * folded in every 16 MiB, so that pages that change often are copied once.
 */
#define SETTINGS                                                                                                       \
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096; "                         \
	"PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"

static bool may_pass(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
	case SQLITE_INTERRUPT:
	case SQLITE_PROTOCOL:
		return true;
	default:
		return false;
	}
}

enum outcome ledger_fault(struct ledger *ledger, const char *sentence, struct fault *fault)
{
	int code = ledger->db ? sqlite3_extended_errcode(ledger->db) : SQLITE_NOMEM;

	return fault_set(fault, may_pass(code) ? OUTCOME_LATER : OUTCOME_NEVER, sentence,
			 ledger->db ? sqlite3_errmsg(ledger->db) : sqlite3_errstr(code));
}

enum outcome ledger_run(struct ledger *ledger, const char *sql, struct fault *fault)
{
	return sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OUTCOME_OK
									     : ledger_fault(ledger, N_("ledger: cannot write: %s"), fault);
}

enum outcome ledger_prepare(struct ledger *ledger, struct str sql, sqlite3_stmt **ret_statement, struct fault *fault)
{
	if (sqlite3_prepare_v3(ledger->db, sql.ptr, (int)sql.len, 0, ret_statement, NULL) != SQLITE_OK)
		return ledger_fault(ledger, N_("ledger: cannot read: %s"), fault);
	return OUTCOME_OK;
}

enum outcome ledger_step_done(struct ledger *ledger, sqlite3_stmt *statement, const char *sentence, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	if (sqlite3_step(statement) != SQLITE_DONE)
		outcome = ledger_fault(ledger, sentence, fault);
	(void)sqlite3_reset(statement);
	return outcome;
}

enum outcome ledger_begin(struct ledger *ledger, struct fault *fault)
{
	if (ledger->read_only)
		return fault_set(fault, OUTCOME_NEVER, N_("ledger: it was opened for reading only"));
	return ledger_run(ledger, "BEGIN IMMEDIATE", fault);
}

enum outcome ledger_end(struct ledger *ledger, enum outcome outcome, struct fault *fault)
{
	if (outcome == OUTCOME_OK)
		outcome = ledger_run(ledger, "COMMIT", fault);
	/* A full disk or an I/O error may have undone it already. */
	if (outcome != OUTCOME_OK && !sqlite3_get_autocommit(ledger->db))
		(void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	if (outcome != OUTCOME_OK) {
		ledger_report_forget(ledger);
		ledger_basic_forget(ledger);
	}
	return outcome;
}

void ledger_bind_str(sqlite3_stmt *statement, int at, struct str text)
{
	(void)sqlite3_bind_text64(statement, at, text.len ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

struct str ledger_column_str(sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return text ? (struct str){ text, (size_t)sqlite3_column_bytes(statement, at) } : STR("");
}

int64_t ledger_key(int64_t us, struct str id)
{
	uint32_t hash = 2166136261u; /* FNV-1a: spreads the ids of one microsecond over its slots */

	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ (unsigned char)id.ptr[i]) * 16777619u;
	return ledger_key_first(us) + (hash ^ hash >> 16) % LEDGER_KEY_SLOTS;
}

/* The neighbour first; then, where it is crowded, behind the last of the crowd. */
int64_t ledger_key_next(struct ledger *ledger, const char *table, int64_t key, unsigned tries)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	char sql[128];

	if (tries < 4)
		return key + 1;
	(void)snprintf(sql, sizeof(sql), "SELECT max(key) + 1 FROM %s WHERE key >= ?1 AND key < ?2", table);
	if (tries > 4 || ledger_prepare(ledger, str_of(sql), &statement, NULL) != OUTCOME_OK)
		return -1;
	(void)sqlite3_bind_int64(statement, 1, key);
	(void)sqlite3_bind_int64(statement, 2, key + LEDGER_KEY_DRIFT);
	return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
}

/* "file:PATH?QUERY" with what a URI would take for its own escaped. */
static bool uri_print(const char *path, const char *query, size_t size, char *ret_uri)
{
	size_t len = (size_t)snprintf(ret_uri, size, "file:");

	for (const char *at = path; *at; at++) {
		bool plain = *at != '%' && *at != '?' && *at != '#';

		if (len + 4 > size)
			return false;
		len += (size_t)snprintf(ret_uri + len, size - len, plain ? "%c" : "%%%02X", (unsigned char)*at);
	}
	return (size_t)snprintf(ret_uri + len, size - len, "?%s", query) < size - len;
}

static int try_open(struct ledger *ledger, const char *path, const char *query, int flags)
{
	char uri[3 * LEDGER_PATH_MAX];
	int code;

	(void)sqlite3_close_v2(ledger->db);
	ledger->db = NULL;
	if (!uri_print(path, query, sizeof(uri), uri))
		return SQLITE_CANTOPEN;
	code = sqlite3_open_v2(uri, &ledger->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK)
		return code;
	(void)sqlite3_busy_timeout(ledger->db, BUSY_MS_MAX);
	(void)sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sqlite3_exec(ledger->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

static bool has_log(const char *path)
{
	char log[LEDGER_PATH_MAX + 8];
	struct stat about;

	(void)snprintf(log, sizeof(log), "%s-wal", path);
	return stat(log, &about) == 0 && about.st_size > 0;
}

/* A reader of WAL wants the shared memory file, which it may be unable to make: when everything is in the main file, it can
 * be read as it stands. */
static enum outcome open_for_reading(struct ledger *ledger, const char *path, struct fault *fault)
{
	int code;

	if (access(path, F_OK) == -1 && errno == ENOENT)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no ledger yet: %s is made when the daemon first starts"), path);
	if (access(path, R_OK) == -1)
		return fault_errno(fault, "open", path);
	code = try_open(ledger, path, "mode=ro", SQLITE_OPEN_READONLY);
	if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY) {
		if (has_log(path))
			return fault_set(fault, OUTCOME_NEVER,
					 N_("%s was left by a daemon that did not end in order, and only root or the daemon's user can "
					    "read it so; start the daemon, or read it as one of them"),
					 path);
		code = try_open(ledger, path, "mode=ro&immutable=1", SQLITE_OPEN_READONLY);
	}
	return code == SQLITE_OK ? OUTCOME_OK : ledger_fault(ledger, N_("ledger: cannot open: %s"), fault);
}

static enum outcome open_for_writing(struct ledger *ledger, const char *path, struct fault *fault)
{
	/* Made here and not by SQLite: it holds verifiers, and its log takes over these rights. */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		return fault_errno(fault, "open", path);
	if (try_open(ledger, path, "mode=rw", SQLITE_OPEN_READWRITE) != SQLITE_OK)
		return ledger_fault(ledger, N_("ledger: cannot open: %s"), fault);
	return OUTCOME_OK;
}

enum outcome ledger_open(const char *state, bool read_only, struct ledger **ret_ledger, struct fault *fault)
{
	char path[LEDGER_PATH_MAX];
	struct ledger *ledger;
	enum outcome outcome;

	if (!path_join(state, STR(FILE_NAME), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), LEDGER_PATH_MAX, state);
	ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while opening %s"), path);
	ledger->read_only = read_only;
	outcome = read_only ? open_for_reading(ledger, path, fault) : open_for_writing(ledger, path, fault);
	/* Who it is comes before any setting: a file that is not ours stays as it is. */
	if (outcome == OUTCOME_OK)
		outcome = ledger_schema_open(ledger, path, fault);
	else if (ledger->db && (sqlite3_errcode(ledger->db) & 0xff) == SQLITE_NOTADB)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("%s is not a ledger of Sekisho; it was left as it is"), path);
	if (outcome == OUTCOME_OK && !read_only)
		outcome = ledger_run(ledger, SETTINGS, fault);
	if (outcome != OUTCOME_OK) {
		ledger_close(ledger);
		return outcome;
	}
	*ret_ledger = ledger;
	return OUTCOME_OK;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	(void)sqlite3_finalize(ledger->sign_in_add);
	(void)sqlite3_finalize(ledger->trace_add);
	(void)sqlite3_finalize(ledger->trace_to_add);
	ledger_report_close(ledger);
	ledger_basic_close(ledger);
	(void)sqlite3_close(ledger->db);
	free(ledger);
}

uint32_t ledger_node(const struct ledger *ledger)
{
	return ledger->node;
}

uint64_t ledger_sign_ins_added(const struct ledger *ledger)
{
	return ledger->sign_ins_added;
}

enum outcome ledger_set_aside(struct ledger *ledger, const char *kind, struct str packed, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	char what[128];
	enum outcome outcome = ledger_prepare(ledger, STR("INSERT INTO damaged(kind, packed) VALUES (?1, ?2)"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, str_of(kind));
	(void)sqlite3_bind_blob64(statement, 2, packed.ptr, packed.len, SQLITE_STATIC);
	outcome = ledger_step_done(ledger, statement, N_("ledger: cannot set a damaged row aside: %s"), fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)snprintf(what, sizeof(what), "a damaged %s row of %zu bytes was set aside", kind, packed.len);
	return ledger_audit_add(ledger, STR("ledger"), STR("outbox"), str_of(what), fault);
}

static enum outcome add_all(struct ledger *ledger, enum ledger_log log, const struct str *rows, size_t count,
			    struct fault *fault)
{
	enum outcome outcome;

	if (count == 0)
		return OUTCOME_OK;
	outcome = ledger_buckets_begin(ledger, log, fault);
	if (outcome == OUTCOME_OK && log == LEDGER_TRACES) /* a message's sign-in is looked for in the newest of them */
		outcome = ledger_buckets_begin(ledger, LEDGER_SIGN_INS, fault);
	for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++)
		outcome = log == LEDGER_SIGN_INS ? ledger_sign_in_add(ledger, rows[i], fault)
						 : ledger_trace_add(ledger, rows[i], fault);
	return outcome == OUTCOME_OK ? ledger_buckets_end(ledger, log, fault) : outcome;
}

enum outcome ledger_rows_add(struct ledger *ledger, const struct str *sign_ins, size_t sign_ins_count,
			     const struct str *traces, size_t traces_count, struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = add_all(ledger, LEDGER_SIGN_INS, sign_ins, sign_ins_count, fault);
	if (outcome == OUTCOME_OK)
		outcome = add_all(ledger, LEDGER_TRACES, traces, traces_count, fault);
	return ledger_end(ledger, outcome, fault);
}

static const struct {
	const char *remove, *oldest;
} logs[] = {
	[LEDGER_SIGN_INS] = { "DELETE FROM sign_in WHERE key IN (SELECT key FROM sign_in WHERE key < ?1 ORDER BY key LIMIT ?2)",
			      "SELECT key FROM sign_in ORDER BY key LIMIT 1" },
	[LEDGER_TRACES] = { "DELETE FROM trace WHERE key IN (SELECT key FROM trace WHERE key < ?1 ORDER BY key LIMIT ?2)",
			    "SELECT key FROM trace ORDER BY key LIMIT 1" },
};
static_assert(sizeof(logs) / sizeof(*logs) == LEDGER_LOG_COUNT, "each log expires");

enum outcome ledger_rows_expire(struct ledger *ledger, enum ledger_log log, int64_t before_us, size_t rows_max,
				size_t *ret_removed, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *remove = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *oldest = NULL;
	enum outcome outcome = ledger_prepare(ledger, str_of(logs[log].remove), &remove, fault);

	if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(ledger, str_of(logs[log].oldest), &oldest, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(remove, 1, ledger_key_first(before_us));
	(void)sqlite3_bind_int64(remove, 2, (int64_t)rows_max);
	outcome = ledger_step_done(ledger, remove, N_("ledger: cannot remove old rows: %s"), fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	*ret_removed = (size_t)sqlite3_changes(ledger->db);
	return ledger_buckets_expire(ledger, log,
				     sqlite3_step(oldest) == SQLITE_ROW ? sqlite3_column_int64(oldest, 0) : INT64_MAX, fault);
}

enum outcome ledger_expire(struct ledger *ledger, int64_t sign_ins_before_us, int64_t traces_before_us, size_t rows_max,
			   size_t *ret_removed, struct fault *fault)
{
	size_t sign_ins = 0, traces = 0;
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = ledger_rows_expire(ledger, LEDGER_SIGN_INS, sign_ins_before_us, rows_max, &sign_ins, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_traces_expire(ledger, traces_before_us, rows_max - sign_ins, &traces, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_report_expire(ledger, sign_ins_before_us, fault);
	outcome = ledger_end(ledger, outcome, fault);
	if (outcome == OUTCOME_OK)
		*ret_removed = sign_ins + traces;
	return outcome;
}

enum outcome ledger_verify(struct ledger *ledger, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("PRAGMA integrity_check(1)"), &statement, fault);
	struct str found;

	if (outcome != OUTCOME_OK)
		return outcome;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return ledger_fault(ledger, N_("ledger: cannot check: %s"), fault);
	found = ledger_column_str(statement, 0);
	if (str_eq(found, STR("ok")))
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_NEVER, N_("the ledger is damaged: %.*s; bring it back from a backup"), STR_ARG(found));
}
