/* spool_schema: connections to spool.db, their statements, and what to do with a file of another version. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keep/spool_private.h"

#define APPLICATION_ID 0x53656b69 /* "Seki" */
#define WRITER_CACHE_KIB 8192
#define READER_CACHE_KIB 2048
#define BUSY_MS_MAX 2000

/* migrations[n] leads from schema n to n+1. To change the schema: add a row, raise SPOOL_SCHEMA. */
static const char *const migrations[] = {
	/* Bodies apart, so that the window of a lane is dense; results only of recipients that are finished while others wait. */
	"CREATE TABLE message("
	" id INTEGER PRIMARY KEY, route TEXT NOT NULL, mailbox TEXT NOT NULL, due_us INTEGER NOT NULL,"
	" state INTEGER NOT NULL, attempts INTEGER NOT NULL, delay_told INTEGER NOT NULL, done_count INTEGER NOT NULL,"
	" body_file INTEGER, last_reply TEXT NOT NULL, note TEXT NOT NULL, envelope BLOB NOT NULL);"
	"CREATE INDEX message_due ON message(route, mailbox, due_us) WHERE state <> 2;" /* 2: SPOOL_HELD */
	"CREATE INDEX message_body_file ON message(body_file) WHERE body_file IS NOT NULL;"
	"CREATE TABLE body(id INTEGER PRIMARY KEY, checksum BLOB NOT NULL, recipients BLOB, bytes BLOB);" /* bytes NULL: in a file */
	"CREATE TABLE result(message INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL,"
	" at_us INTEGER NOT NULL, reply TEXT NOT NULL, upstream TEXT NOT NULL, PRIMARY KEY(message, number)) WITHOUT ROWID;"
	"CREATE TABLE outbox(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, packed BLOB NOT NULL);"
	"CREATE TABLE tally(one INTEGER PRIMARY KEY, group_number INTEGER NOT NULL, ready INTEGER NOT NULL,"
	" deferred INTEGER NOT NULL, held INTEGER NOT NULL, bytes INTEGER NOT NULL, outbox_rows INTEGER NOT NULL,"
	" outbox_next INTEGER NOT NULL, reserved INTEGER NOT NULL);"
	"INSERT INTO tally VALUES(1, 0, 0, 0, 0, 0, 0, 1, 1);",
	/* Lanes by account too, so that one account's thousands stand in nobody's way; what the courier must know after a start. */
	"ALTER TABLE message ADD COLUMN account TEXT NOT NULL DEFAULT '';"
	"DROP INDEX message_due;"
	"CREATE INDEX message_due ON message(route, mailbox, account, due_us) WHERE state <> 2;"
	"CREATE TABLE note(name TEXT PRIMARY KEY, at_us INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;",
};

static_assert(sizeof(migrations) / sizeof(*migrations) == SPOOL_SCHEMA, "a migration for each schema");
static_assert(SPOOL_HELD == 2, "the index over what is not held says 2");
static_assert(SPOOL_READY == 0 && SPOOL_DEFERRED == 1, "SQL_MESSAGES_RETRY says so");

#define MESSAGE_COLUMNS "id, route, mailbox, due_us, state, attempts, delay_told, done_count, last_reply, note, envelope"

#define LANE_SELECT "SELECT route, mailbox, account, due_us FROM message INDEXED BY message_due WHERE state <> 2"

static const char *const statement_texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_SAVEPOINT] = "SAVEPOINT item",
	[SQL_SAVEPOINT_RELEASE] = "RELEASE item",
	[SQL_SAVEPOINT_ROLLBACK] = "ROLLBACK TO item",
	[SQL_TALLY_GET] = "SELECT group_number, ready, deferred, held, bytes, outbox_rows, outbox_next, reserved FROM tally"
			  " WHERE one = 1",
	[SQL_TALLY_SET] = "UPDATE tally SET group_number = ?1, ready = ?2, deferred = ?3, held = ?4, bytes = ?5,"
			  " outbox_rows = ?6, outbox_next = ?7, reserved = ?8 WHERE one = 1",
	[SQL_MESSAGE_ADD] = "INSERT INTO message VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12)",
	[SQL_MESSAGE_GET] = "SELECT " MESSAGE_COLUMNS " FROM message WHERE id = ?1",
	[SQL_MESSAGE_CHANGE] = "UPDATE message SET due_us = ?2, state = ?3, attempts = ?4, delay_told = ?5, done_count = ?6,"
			       " last_reply = ?7, note = ?8 WHERE id = ?1",
	[SQL_MESSAGES_RETRY] = "UPDATE message SET due_us = ?1, state = 0 WHERE state = 1",
	[SQL_ROUTE_RETRY] = "UPDATE message INDEXED BY message_due SET due_us = ?1, state = 0 WHERE state <> 2 AND route = ?2 AND state = 1",
	[SQL_MESSAGE_REMOVE] = "DELETE FROM message WHERE id = ?1",
	[SQL_MESSAGE_OLDEST] = "SELECT " MESSAGE_COLUMNS " FROM message ORDER BY id LIMIT 1",
	[SQL_BODY_ADD] = "INSERT INTO body VALUES(?1, ?2, ?3, ?4)",
	[SQL_BODY_GET] = "SELECT checksum, bytes FROM body WHERE id = ?1",
	[SQL_BODY_RECIPIENTS] = "SELECT recipients FROM body WHERE id = ?1",
	[SQL_BODY_REMOVE] = "DELETE FROM body WHERE id = ?1",
	[SQL_BODY_FILE_OWNER] = "SELECT id FROM message WHERE body_file = ?1 LIMIT 1",
	[SQL_BODY_FILE_OWNER_ROW] = "SELECT id FROM message NOT INDEXED WHERE body_file = ?1 LIMIT 1",
	[SQL_RESULT_PUT] = "INSERT OR REPLACE INTO result VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_RESULT_GET] = "SELECT number, state, at_us, reply, upstream FROM result WHERE message = ?1 ORDER BY number",
	[SQL_RESULT_REMOVE] = "DELETE FROM result WHERE message = ?1",
	[SQL_OUTBOX_ADD] = "INSERT INTO outbox VALUES(?1, ?2, ?3)",
	[SQL_OUTBOX_GET] = "SELECT number, kind, packed FROM outbox ORDER BY number LIMIT ?1",
	[SQL_OUTBOX_REMOVE] = "DELETE FROM outbox WHERE number <= ?1",
	/* One comparison a statement: of (a, b) > (?, ?) SQLite seeks only the first and walks over all that are equal in it. */
	[SQL_LANE_NEXT_ACCOUNT] = LANE_SELECT " AND route = ?1 AND mailbox = ?2 AND account > ?3 ORDER BY account, due_us LIMIT 1",
	[SQL_LANE_NEXT_MAILBOX] = LANE_SELECT " AND route = ?1 AND mailbox > ?2 ORDER BY mailbox, account, due_us LIMIT 1",
	[SQL_LANE_NEXT_ROUTE] = LANE_SELECT " AND route > ?1 ORDER BY route, mailbox, account, due_us LIMIT 1",
	[SQL_WAITING] = "SELECT mailbox, count(*) FROM message INDEXED BY message_due WHERE state <> 2 AND route = ?1 GROUP BY mailbox",
	[SQL_LANE_SAME_DUE] = "SELECT " MESSAGE_COLUMNS " FROM message INDEXED BY message_due WHERE state <> 2"
			      " AND route = ?1 AND mailbox = ?2 AND account = ?3 AND due_us = ?4 AND id > ?5 ORDER BY id",
	[SQL_LANE_LATER_DUE] = "SELECT " MESSAGE_COLUMNS " FROM message INDEXED BY message_due WHERE state <> 2"
			       " AND route = ?1 AND mailbox = ?2 AND account = ?3 AND due_us > ?4 ORDER BY due_us, id",
	[SQL_NOTE_PUT] = "INSERT OR REPLACE INTO note VALUES(?1, ?2, ?3)",
	[SQL_NOTE_REMOVE] = "DELETE FROM note WHERE name = ?1",
	[SQL_NOTES_GET] = "SELECT name, at_us, text FROM note",
	[SQL_LIST] = "SELECT " MESSAGE_COLUMNS " FROM message WHERE id < ?1 ORDER BY id DESC",
	[SQL_FREE_PAGES] = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
};

sqlite3_stmt *spool_statement(struct spool_connection *connection, enum spool_statement which)
{
	sqlite3_stmt **statement = &connection->statements[which];

	if (!*statement)
		(void)sqlite3_prepare_v3(connection->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
					 NULL);
	return *statement;
}

int spool_statement_run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int code_of_reset = sqlite3_reset(statement);

	if (code == SQLITE_DONE || code == SQLITE_ROW)
		return code_of_reset;
	return code;
}

int spool_run(struct spool_connection *connection, enum spool_statement which)
{
	sqlite3_stmt *statement = spool_statement(connection, which);

	return statement ? spool_statement_run(statement) : sqlite3_extended_errcode(connection->db);
}

void spool_bind_text(sqlite3_stmt *statement, int at, struct str text)
{
	(void)sqlite3_bind_text64(statement, at, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void spool_bind_blob(sqlite3_stmt *statement, int at, struct str bytes)
{
	(void)sqlite3_bind_blob64(statement, at, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

struct str spool_column(sqlite3_stmt *statement, int at)
{
	const char *bytes = sqlite3_column_blob(statement, at); /* text too: as it is stored, without a closing NUL */

	return (struct str){ bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at) };
}

enum spool_trouble spool_trouble_of(struct spool_connection *connection, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SPOOL_FINE;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_CORRUPT: /* of the pages that this one needs; others may be whole */
	case SQLITE_RANGE:
	case SQLITE_ERROR:
		return SPOOL_ITEM_BAD;
	case SQLITE_FULL:
		return SPOOL_FULL;
	default:
		/* SQLite knows ENOSPC; a used-up quota it calls an I/O error. */
		return connection->db && sqlite3_system_errno(connection->db) == EDQUOT ? SPOOL_FULL : SPOOL_BROKEN;
	}
}

enum outcome spool_fault(struct spool_connection *connection, int code, const char *path, struct fault *fault)
{
	int error = connection->db ? sqlite3_system_errno(connection->db) : 0;

	switch (code & 0xff) {
	case SQLITE_FULL:
		return fault_set(fault, OUTCOME_LATER, N_("the disk that holds %s is full: make room there"), path);
	case SQLITE_NOTADB:
		return fault_set(fault, OUTCOME_NEVER,
				 N_("%s is not a spool of Sekisho: move it away, or restore it from a backup"), path);
	case SQLITE_CORRUPT:
		return fault_set(fault, OUTCOME_NEVER, N_("%s is damaged: move it away, or restore it from a backup"), path);
	case SQLITE_BUSY:
		return fault_set(fault, OUTCOME_LATER, N_("another program holds %s locked: close it"), path);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return fault_set(fault, OUTCOME_LATER, N_("the disk fails under %s: %s (%s)"), path, sqlite3_errstr(code),
				 error ? strerror(error) : "SQLite");
	default:
		return fault_set(fault, OUTCOME_LATER, N_("the spool %s answers: %s"), path, sqlite3_errstr(code));
	}
}

static int number_of(sqlite3 *db, const char *query, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int migrate(sqlite3 *db, int64_t version)
{
	for (; version < SPOOL_SCHEMA; version++) {
		char mark[128];
		int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

		(void)snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			       APPLICATION_ID, (int)version + 1);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db, mark, NULL, NULL, NULL);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

/* Whose is this file, and of which version? Nothing in it is changed before that is known. */
static enum outcome make_fit(struct spool_connection *connection, const char *path, struct fault *fault)
{
	sqlite3 *db = connection->db;
	int64_t version = 0, application = 0, objects = 0;
	int code = number_of(db, "PRAGMA user_version", &version);

	if (code == SQLITE_OK)
		code = number_of(db, "PRAGMA application_id", &application);
	if (code == SQLITE_OK)
		code = number_of(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (code != SQLITE_OK)
		return spool_fault(connection, code, path, fault);
	if (objects > 0 && application != APPLICATION_ID)
		return spool_fault(connection, SQLITE_NOTADB, path, fault);
	if (version > SPOOL_SCHEMA)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("the spool %s was written by a newer Sekisho (schema %d, this one knows %d): "
				    "install that version, or move the spool away"),
				 path, (int)version, SPOOL_SCHEMA);
	code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = migrate(db, version);
	return code == SQLITE_OK ? OUTCOME_OK : spool_fault(connection, code, path, fault);
}

/* Checkpoints are the writer's own affair, also on close: after a failure nothing may be written before it is known what is there. */
static int tune(struct spool_connection *connection, bool reader)
{
	char text[512];

	(void)sqlite3_extended_result_codes(connection->db, 1);
	(void)sqlite3_busy_timeout(connection->db, BUSY_MS_MAX);
	(void)sqlite3_db_config(connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_wal_autocheckpoint(connection->db, 0);
	(void)snprintf(text, sizeof(text),
		       "PRAGMA page_size = 4096; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
		       /* Debian's SQLite writes zeros over freed pages: a third of all that would be written. */
		       "PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 33554432; PRAGMA cell_size_check = ON;"
		       "PRAGMA cache_size = -%d; PRAGMA query_only = %d",
		       reader ? READER_CACHE_KIB : WRITER_CACHE_KIB, reader);
	connection->synchronous_full = true;
	return sqlite3_exec(connection->db, text, NULL, NULL, NULL);
}

enum outcome spool_connection_open(struct spool_connection *connection, const char *path, bool reader,
				   struct fault *fault)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | (reader ? 0 : SQLITE_OPEN_CREATE);
	enum outcome outcome = OUTCOME_OK;
	int code;

	*connection = (struct spool_connection){ 0 };
	code = sqlite3_open_v2(path, &connection->db, flags, NULL);
	if (code == SQLITE_OK)
		code = tune(connection, reader);
	if (code != SQLITE_OK)
		outcome = spool_fault(connection, code, path, fault);
	else if (!reader)
		outcome = make_fit(connection, path, fault);
	if (outcome != OUTCOME_OK)
		spool_connection_close(connection);
	return outcome;
}

void spool_connection_close(struct spool_connection *connection)
{
	for (int i = 0; i < SQL_COUNT; i++)
		(void)sqlite3_finalize(connection->statements[i]);
	(void)sqlite3_close(connection->db);
	*connection = (struct spool_connection){ 0 };
}
