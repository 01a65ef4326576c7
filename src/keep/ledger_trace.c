#include "keep/ledger_private.h"

#include <xxhash.h>

#define ADDRESS_MAX 1024
#define SQL_MAX 1024
#define MATCHES_MAX 20000ll /* so many keys of one address are sorted; with more it is quicker to walk from the newest */

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

/* "a@b.example" → "b.example@a", in lower case: a domain's addresses stand together. Cut at ADDRESS_MAX. */
static struct str address_key(struct str address, char room[ADDRESS_MAX])
{
	size_t at = str_find_last(address, '@');
	struct str domain = str_skip(address, at < address.len ? at + 1 : 0);
	struct str local = { address.ptr, at < address.len ? at : 0 };
	struct buf whole = { .ptr = room, .cap = ADDRESS_MAX, .bytes_max = ADDRESS_MAX };

	if (!buf_add(&whole, domain) || !buf_add_byte(&whole, '@') || !buf_add(&whole, local))
		return (struct str){ room, whole.len };
	for (size_t i = 0; i < whole.len; i++) {
		if (room[i] >= 'A' && room[i] <= 'Z')
			room[i] = (char)(room[i] + ('a' - 'A'));
	}
	return buf_str(&whole);
}

/* Of a Message-ID with or without its brackets. The row itself is compared before it is shown. */
static struct str without_brackets(struct str message_id)
{
	message_id = str_trim(message_id);
	if (message_id.len >= 2 && message_id.ptr[0] == '<' && message_id.ptr[message_id.len - 1] == '>')
		return (struct str){ message_id.ptr + 1, message_id.len - 2 };
	return message_id;
}

static int64_t message_hash(struct str message_id)
{
	message_id = without_brackets(message_id);
	return (int64_t)XXH3_64bits(message_id.ptr, message_id.len);
}

static enum outcome prepare_adds(struct ledger *ledger, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	if (!ledger->trace_add)
		outcome = ledger_prepare(ledger,
					 STR("INSERT INTO trace (key, id, sender, message_hash, packed) VALUES (?1, ?2, ?3, ?4, ?5) "
					     "ON CONFLICT (id) DO UPDATE SET sender = excluded.sender, "
					     "message_hash = excluded.message_hash, packed = excluded.packed RETURNING key"),
					 &ledger->trace_add, fault);
	if (outcome == OUTCOME_OK && !ledger->trace_to_add)
		outcome = ledger_prepare(ledger, STR("INSERT OR IGNORE INTO trace_to (address, key) VALUES (?1, ?2)"),
					 &ledger->trace_to_add, fault);
	return outcome;
}

/* Where another message has the key, the next is tried; *ret_key is the one under which it lies. */
static enum outcome insert(struct ledger *ledger, int64_t key, int64_t *ret_key, struct fault *fault)
{
	for (unsigned tries = 0; key >= 0; key = ledger_key_next(ledger, "trace", key, tries++)) {
		int code;

		(void)sqlite3_bind_int64(ledger->trace_add, 1, key);
		code = sqlite3_step(ledger->trace_add);
		if (code == SQLITE_ROW) {
			*ret_key = sqlite3_column_int64(ledger->trace_add, 0);
			return ledger_step_done(ledger, ledger->trace_add, N_("ledger: cannot write a trace: %s"), fault);
		}
		(void)sqlite3_reset(ledger->trace_add);
		if (code != SQLITE_CONSTRAINT_PRIMARYKEY && code != SQLITE_CONSTRAINT_ROWID)
			break;
	}
	return ledger_fault(ledger, N_("ledger: cannot write a trace: %s"), fault);
}

static enum outcome add_recipients(struct ledger *ledger, struct str packed, int64_t key, struct fault *fault)
{
	struct trace_recipient recipient;
	char room[ADDRESS_MAX];
	enum outcome outcome = OUTCOME_OK;

	while (outcome == OUTCOME_OK && trace_recipient_next(&packed, &recipient)) {
		ledger_bind_str(ledger->trace_to_add, 1, address_key(recipient.address, room));
		(void)sqlite3_bind_int64(ledger->trace_to_add, 2, key);
		outcome = ledger_step_done(ledger, ledger->trace_to_add, N_("ledger: cannot write a trace: %s"), fault);
	}
	return outcome;
}

enum outcome ledger_trace_add(struct ledger *ledger, struct str packed, struct fault *fault)
{
	struct trace trace;
	char room[ADDRESS_MAX];
	int64_t key = 0;
	enum outcome outcome;

	if (!trace_parse(packed, &trace))
		return ledger_set_aside(ledger, "trace", packed, fault);
	outcome = prepare_adds(ledger, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(ledger->trace_add, 2, trace.id);
	ledger_bind_str(ledger->trace_add, 3, address_key(trace.from, room));
	(void)sqlite3_bind_int64(ledger->trace_add, 4, message_hash(trace.message_id));
	(void)sqlite3_bind_blob64(ledger->trace_add, 5, packed.ptr, packed.len, SQLITE_STATIC);
	outcome = insert(ledger, ledger_key(trace.received_us, trace.id), &key, fault);
	return outcome == OUTCOME_OK ? add_recipients(ledger, trace.recipients, key, fault) : outcome;
}

static bool address_fits(struct str wanted, struct str address)
{
	if (str_starts(wanted, STR("@")))
		return str_ends_nocase(address, wanted);
	return str_eq_nocase(wanted, address);
}

static bool fits(const struct trace_filter *filter, const struct trace *trace)
{
	struct trace_recipient recipient;
	struct str rest = trace->recipients;
	bool found = filter->to.len == 0;

	if (trace->received_us < filter->since_us || (filter->id.len && !str_eq_nocase(filter->id, trace->id)) ||
	    (filter->from.len && !address_fits(filter->from, trace->from)) ||
	    (filter->message_id.len &&
	     !str_eq(without_brackets(filter->message_id), without_brackets(trace->message_id))))
		return false;
	while (!found && trace_recipient_next(&rest, &recipient))
		found = address_fits(filter->to, recipient.address);
	return found;
}

/* Where the keys of a filter's narrowest part come from; the rows themselves are judged by fits(). */
struct source {
	const char *keys; /* a SELECT of keys from ?1 (to ?2) on; NULL: all rows */
	struct str from, to;
	int64_t hash;
	char room[2][ADDRESS_MAX + 1];
};

/* A domain is all that begins with "domain@"; the next character after @ ends it. */
static void source_address(struct source *source, struct str address)
{
	source->from = address_key(address, source->room[0]);
	source->to = address_key(address, source->room[1]);
	if (str_starts(address, STR("@")) && source->to.len > 0)
		source->room[1][source->to.len - 1] = '@' + 1;
}

static void source_of(const struct trace_filter *filter, struct source *ret_source)
{
	*ret_source = (struct source){ 0 };
	if (filter->id.len) {
		ret_source->keys = "SELECT key FROM trace WHERE id = ?1";
		ret_source->from = filter->id;
	} else if (filter->message_id.len) {
		ret_source->keys = "SELECT key FROM trace WHERE message_hash = ?4";
		ret_source->hash = message_hash(filter->message_id);
	} else if (filter->to.len) {
		ret_source->keys = "SELECT key FROM trace_to WHERE address >= ?1 AND address <= ?2";
		source_address(ret_source, filter->to);
	} else if (filter->from.len) {
		ret_source->keys = "SELECT key FROM trace WHERE sender >= ?1 AND sender <= ?2";
		source_address(ret_source, filter->from);
	}
}

static void source_bind(sqlite3_stmt *statement, const struct source *source, int64_t low)
{
	if (source->keys) {
		ledger_bind_str(statement, 1, source->from);
		ledger_bind_str(statement, 2, source->to);
		(void)sqlite3_bind_int64(statement, 4, source->hash);
	}
	(void)sqlite3_bind_int64(statement, 3, low);
}

static enum outcome prepare_format(struct ledger *ledger, const char *format, const char *keys, sqlite3_stmt **ret_statement,
				   struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;

	buf_init(&sql, SQL_MAX);
	if (!buf_add_format(&sql, format, keys))
		return no_memory(fault);
	return ledger_prepare(ledger, buf_str(&sql), ret_statement, fault);
}

/* Few enough to be sorted? */
static enum outcome is_narrow(struct ledger *ledger, const struct source *source, int64_t low, bool *ret_narrow,
			      struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		prepare_format(ledger, "SELECT count(*) FROM (%s AND key >= ?3 LIMIT ?5)", source->keys, &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	source_bind(statement, source, low);
	(void)sqlite3_bind_int64(statement, 5, MATCHES_MAX);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return ledger_fault(ledger, N_("ledger: cannot read the traces: %s"), fault);
	*ret_narrow = sqlite3_column_int64(statement, 0) < MATCHES_MAX;
	return OUTCOME_OK;
}

static enum outcome show(struct ledger *ledger, sqlite3_stmt *statement, const struct trace_filter *filter,
			 bool (*each)(void *context, const struct trace *row), void *context, struct fault *fault)
{
	size_t count = 0;
	bool more = true;
	int code = SQLITE_DONE;

	while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct str packed = { sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0) };
		struct trace trace;

		if (!trace_parse(packed, &trace) || !fits(filter, &trace))
			continue;
		more = each(context, &trace) && ++count != filter->count_max;
	}
	return !more || code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(ledger, N_("ledger: cannot read the traces: %s"), fault);
}

enum outcome ledger_traces(struct ledger *ledger, const struct trace_filter *filter,
			   bool (*each)(void *context, const struct trace *row), void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	struct source source;
	bool narrow = false;
	int64_t low = filter->since_us ? ledger_key_first(filter->since_us) : INT64_MIN;
	enum outcome outcome = OUTCOME_OK;

	source_of(filter, &source);
	if (source.keys)
		outcome = is_narrow(ledger, &source, low, &narrow, fault);
	if (outcome == OUTCOME_OK && narrow)
		outcome = prepare_format(ledger,
					 "SELECT packed FROM trace WHERE key IN (%s) AND key >= ?3 ORDER BY key DESC", source.keys,
					 &statement, fault);
	else if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(ledger, STR("SELECT packed FROM trace WHERE key >= ?3 ORDER BY key DESC"), &statement,
					 fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	source_bind(statement, &source, low);
	return show(ledger, statement, filter, each, context, fault);
}

/* The recipients of the oldest rows first, while the rows still name them. */
static enum outcome forget_recipients(struct ledger *ledger, int64_t before, size_t rows_max, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *forget = NULL;
	char room[ADDRESS_MAX];
	int code = SQLITE_DONE;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT key, packed FROM trace WHERE key < ?1 ORDER BY key LIMIT ?2"), &rows, fault);

	if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(ledger, STR("DELETE FROM trace_to WHERE address = ?1 AND key = ?2"), &forget, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(rows, 1, before);
	(void)sqlite3_bind_int64(rows, 2, (int64_t)rows_max);
	while (outcome == OUTCOME_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
		struct str packed = { sqlite3_column_blob(rows, 1), (size_t)sqlite3_column_bytes(rows, 1) };
		struct trace trace = { 0 };
		struct trace_recipient recipient;

		(void)trace_parse(packed, &trace);
		while (outcome == OUTCOME_OK && trace_recipient_next(&trace.recipients, &recipient)) {
			ledger_bind_str(forget, 1, address_key(recipient.address, room));
			(void)sqlite3_bind_int64(forget, 2, sqlite3_column_int64(rows, 0));
			outcome = ledger_step_done(ledger, forget, N_("ledger: cannot remove old traces: %s"), fault);
		}
	}
	return outcome != OUTCOME_OK || code == SQLITE_DONE ? outcome : ledger_fault(ledger, N_("ledger: cannot read the traces: %s"), fault);
}

enum outcome ledger_traces_expire(struct ledger *ledger, int64_t before_us, size_t rows_max, size_t *ret_removed,
				  struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	int64_t before = ledger_key_first(before_us);
	enum outcome outcome = forget_recipients(ledger, before, rows_max, fault);

	if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(
			ledger, STR("DELETE FROM trace WHERE key IN (SELECT key FROM trace WHERE key < ?1 ORDER BY key LIMIT ?2)"),
			&statement, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, before);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)rows_max);
	outcome = ledger_step_done(ledger, statement, N_("ledger: cannot remove old traces: %s"), fault);
	if (outcome == OUTCOME_OK)
		*ret_removed = (size_t)sqlite3_changes(ledger->db);
	return outcome;
}
