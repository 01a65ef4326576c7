#include "keep/ledger_private.h"

#include <assert.h>
#include <string.h>

#include "keep/ledger_crossing.h"

#define SQL_MAX 4096
#define FIRST_COLUMN 3 /* of the fields, behind key, ip_raw and bucket */

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

/* The columns of sign_in_fields[], in its order. */
static bool add_columns(struct buf *sql)
{
	for (size_t i = 0; i < sign_in_fields_count; i++) {
		if (!buf_add_format(sql, "%s%s", i ? ", " : "", sign_in_fields[i].column))
			return false;
	}
	return true;
}

static enum outcome prepare_add(struct ledger *ledger, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;

	buf_init(&sql, SQL_MAX);
	if (!buf_add(&sql, STR("INSERT INTO sign_in (key, ip_raw, bucket, ")) || !add_columns(&sql) ||
	    !buf_add(&sql, STR(") VALUES (?1, ?2, ?3")))
		return no_memory(fault);
	for (size_t i = 0; i < sign_in_fields_count; i++) {
		if (!buf_add_format(&sql, ", ?%zu", i + FIRST_COLUMN + 1))
			return no_memory(fault);
	}
	if (!buf_add(&sql, STR(") ON CONFLICT (event_id) DO NOTHING")))
		return no_memory(fault);
	return ledger_prepare(ledger, buf_str(&sql), &ledger->sign_in_add, fault);
}

static void bind_field(sqlite3_stmt *statement, int at, const struct sign_in_field *field, const struct sign_in *row)
{
	const char *member = (const char *)row + field->pack.offset;
	struct str text;
	uint32_t narrow;
	int64_t wide;

	switch ((enum pack_kind)field->pack.kind) {
	case PACK_STR:
		memcpy(&text, member, sizeof(text));
		ledger_bind_str(statement, at, text);
		return;
	case PACK_U8:
		(void)sqlite3_bind_int(statement, at, *(const uint8_t *)member);
		return;
	case PACK_U32:
		memcpy(&narrow, member, sizeof(narrow));
		(void)sqlite3_bind_int64(statement, at, narrow);
		return;
	case PACK_I64:
	case PACK_U64:
		memcpy(&wide, member, sizeof(wide));
		(void)sqlite3_bind_int64(statement, at, wide);
		return;
	case PACK_BYTES: /* no sign-in field is */
		break;
	}
	assert(false);
}

static void load_field(sqlite3_stmt *statement, int at, const struct sign_in_field *field, struct sign_in *row)
{
	char *member = (char *)row + field->pack.offset;
	struct str text;
	uint32_t narrow;
	int64_t wide;

	switch ((enum pack_kind)field->pack.kind) {
	case PACK_STR:
		text = ledger_column_str(statement, at);
		memcpy(member, &text, sizeof(text));
		return;
	case PACK_U8:
		*(uint8_t *)member = (uint8_t)sqlite3_column_int(statement, at);
		return;
	case PACK_U32:
		narrow = (uint32_t)sqlite3_column_int64(statement, at);
		memcpy(member, &narrow, sizeof(narrow));
		return;
	case PACK_I64:
	case PACK_U64:
		wide = sqlite3_column_int64(statement, at);
		memcpy(member, &wide, sizeof(wide));
		return;
	case PACK_BYTES: /* no sign-in field is */
		break;
	}
	assert(false);
}

/* The columns of `statement` from the first on are those of sign_in_fields[]; the row borrows until its next step. */
static void row_load(sqlite3_stmt *statement, struct sign_in *ret_row)
{
	*ret_row = (struct sign_in){ 0 };
	for (size_t i = 0; i < sign_in_fields_count; i++)
		load_field(statement, (int)i, &sign_in_fields[i], ret_row);
}

/* A row that is there already is left alone by the statement; where another row has the key, the next is tried. */
static enum outcome insert(struct ledger *ledger, int64_t key, const struct sign_in *row, struct fault *fault)
{
	enum outcome outcome;
	int code = SQLITE_OK;

	for (unsigned tries = 0; key >= 0; key = ledger_key_next(ledger, "sign_in", key, tries++)) {
		(void)sqlite3_bind_int64(ledger->sign_in_add, 1, key);
		(void)sqlite3_bind_int64(ledger->sign_in_add, 3, ledger_bucket_of(ledger, LEDGER_SIGN_INS, key));
		code = sqlite3_step(ledger->sign_in_add);
		(void)sqlite3_reset(ledger->sign_in_add);
		if (code == SQLITE_DONE)
			break;
		if (code != SQLITE_CONSTRAINT_PRIMARYKEY && code != SQLITE_CONSTRAINT_ROWID)
			break;
	}
	if (code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot write a sign-in: %s"), fault);
	if (sqlite3_changes(ledger->db) == 0)
		return OUTCOME_OK;
	ledger->sign_ins_added++;
	outcome = ledger_bucket_count(ledger, LEDGER_SIGN_INS, key, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_report_sign_in(ledger, row, fault);
	return outcome == OUTCOME_OK ? ledger_basic_sign_in(ledger, row, fault) : outcome;
}

enum outcome ledger_sign_in_add(struct ledger *ledger, struct str packed, struct fault *fault)
{
	struct sign_in row;
	unsigned char ip[16];
	enum outcome outcome;

	if (!sign_in_parse(packed, &row))
		return ledger_set_aside(ledger, "sign-in", packed, fault);
	if (!ledger->sign_in_add) {
		outcome = prepare_add(ledger, fault);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	for (size_t i = 0; i < sign_in_fields_count; i++)
		bind_field(ledger->sign_in_add, (int)i + FIRST_COLUMN + 1, &sign_in_fields[i], &row);
	if (ip_parse(row.ip, ip))
		(void)sqlite3_bind_blob(ledger->sign_in_add, 2, ip, sizeof(ip), SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(ledger->sign_in_add, 2);
	return insert(ledger, ledger_key(row.created_us, row.event_id), &row, fault);
}

static enum outcome oldest(struct ledger *ledger, int64_t *ret_us, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(ledger, STR("SELECT created_us FROM sign_in ORDER BY key LIMIT 1"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	*ret_us = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	return OUTCOME_OK;
}

/* The key of the row at the cursor. A cursor that has expired meanwhile stands before all that is left. */
static enum outcome cursor_key(struct ledger *ledger, struct str id, int64_t *ret_key, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(ledger, STR("SELECT key FROM sign_in WHERE event_id = ?1"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, id);
	*ret_key = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	return OUTCOME_OK;
}

/* Which keys the filter's times and cursor leave: low ≤ key ≤ high. */
static enum outcome range_of(struct ledger *ledger, const struct sign_in_filter *filter, int64_t *ret_low, int64_t *ret_high,
			     struct fault *fault)
{
	int64_t cursor;
	enum outcome outcome;

	*ret_low = filter->since_us ? ledger_key_first(filter->since_us) : INT64_MIN + 1;
	*ret_high = filter->until_us ? ledger_key_first(filter->until_us) + LEDGER_KEY_DRIFT : INT64_MAX;
	if (filter->before_id.len == 0)
		return OUTCOME_OK;
	outcome = cursor_key(ledger, filter->before_id, &cursor, fault);
	if (outcome == OUTCOME_OK && cursor <= *ret_high)
		*ret_high = cursor - 1;
	return outcome;
}

struct search {
	struct ledger *ledger;
	const struct sign_in_filter *filter;
	bool (*each)(void *context, const struct sign_in *row);
	void *context;
	size_t count;
};

/* False: enough. */
static bool offer(struct search *search, sqlite3_stmt *statement)
{
	struct sign_in row;

	row_load(statement, &row);
	if (!sign_in_fits(search->filter, &row))
		return true;
	if (!search->each(search->context, &row))
		return false;
	return ++search->count != search->filter->count_max;
}

static enum outcome prepare_rows(struct ledger *ledger, const char *where, sqlite3_stmt **ret_statement, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;

	buf_init(&sql, SQL_MAX);
	if (!buf_add(&sql, STR("SELECT ")) || !add_columns(&sql) || !buf_add_format(&sql, " FROM sign_in WHERE %s", where))
		return no_memory(fault);
	return ledger_prepare(ledger, buf_str(&sql), ret_statement, fault);
}

/* No index knows better: all rows of the range, newest first. */
static enum outcome walk(struct search *search, int64_t low, int64_t high, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	int code;
	enum outcome outcome =
		prepare_rows(search->ledger, "key >= ?1 AND key <= ?2 ORDER BY key DESC", &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, low);
	(void)sqlite3_bind_int64(statement, 2, high);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!offer(search, statement))
			return OUTCOME_OK;
	}
	return code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(search->ledger, N_("ledger: cannot read the sign-ins: %s"), fault);
}

/* The rows whose keys the crossing gives. */
static enum outcome follow(struct search *search, struct crossing *crossing, int64_t high, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = prepare_rows(search->ledger, "key = ?1", &statement, fault);
	bool more = true;

	while (outcome == OUTCOME_OK && more) {
		int64_t key;

		outcome = crossing_next(crossing, high, &more, &key, fault);
		if (outcome != OUTCOME_OK || !more)
			break;
		(void)sqlite3_bind_int64(statement, 1, key);
		if (sqlite3_step(statement) == SQLITE_ROW)
			more = offer(search, statement);
		(void)sqlite3_reset(statement);
		high = key - 1;
	}
	return outcome;
}

static enum outcome find(struct search *search, int64_t *ret_begins_us, struct fault *fault)
{
	struct crossing crossing;
	int64_t low, high;
	enum outcome outcome = oldest(search->ledger, ret_begins_us, fault);

	if (outcome == OUTCOME_OK)
		outcome = range_of(search->ledger, search->filter, &low, &high, fault);
	if (outcome != OUTCOME_OK || low > high)
		return outcome;
	outcome = crossing_init(&crossing, search->ledger, search->filter, low, high, fault);
	if (outcome == OUTCOME_OK)
		outcome = crossing_count(&crossing) ? follow(search, &crossing, high, fault) : walk(search, low, high, fault);
	crossing_done(&crossing);
	return outcome;
}

enum outcome ledger_sign_ins(struct ledger *ledger, const struct sign_in_filter *filter,
			     bool (*each)(void *context, const struct sign_in *row), void *context, int64_t *ret_begins_us,
			     struct fault *fault)
{
	struct search search = { .ledger = ledger, .filter = filter, .each = each, .context = context };
	int64_t begins_us = 0;
	enum outcome outcome;

	/* One state of the log for all its statements. */
	if (sqlite3_exec(ledger->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fault(ledger, N_("ledger: cannot read the sign-ins: %s"), fault);
	outcome = find(&search, &begins_us, fault);
	(void)sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL);
	if (outcome == OUTCOME_OK)
		*ret_begins_us = begins_us;
	return outcome;
}
