#include "keep/ledger_buckets.h"

#include <xxhash.h>

#define ADDRESS_MAX 1024

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
					 STR("INSERT INTO trace (key, bucket, id, sender, message_hash, packed) "
					     "VALUES (?1, ?6, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET sender = excluded.sender, "
					     "message_hash = excluded.message_hash, packed = excluded.packed RETURNING key, bucket"),
					 &ledger->trace_add, fault);
	if (outcome == OUTCOME_OK && !ledger->trace_to_add)
		outcome = ledger_prepare(ledger, STR("INSERT OR IGNORE INTO trace_to (bucket, address, key) VALUES (?3, ?1, ?2)"),
					 &ledger->trace_to_add, fault);
	return outcome;
}

/* Where a row lies. */
struct place {
	int64_t key, bucket;
};

/* Where another message has the key, the next is tried. A row of the same id stays where it is and is written over. */
static enum outcome insert(struct ledger *ledger, int64_t key, struct place *ret_place, struct fault *fault)
{
	for (unsigned tries = 0; key >= 0; key = ledger_key_next(ledger, "trace", key, tries++)) {
		enum outcome outcome;
		int code;

		(void)sqlite3_bind_int64(ledger->trace_add, 1, key);
		(void)sqlite3_bind_int64(ledger->trace_add, 6, ledger_bucket_of(ledger, LEDGER_TRACES, key));
		code = sqlite3_step(ledger->trace_add);
		if (code == SQLITE_ROW) {
			*ret_place = (struct place){ sqlite3_column_int64(ledger->trace_add, 0),
						     sqlite3_column_int64(ledger->trace_add, 1) };
			outcome = ledger_step_done(ledger, ledger->trace_add, N_("ledger: cannot write a trace: %s"), fault);
			if (outcome == OUTCOME_OK && ret_place->key == key)
				outcome = ledger_bucket_count(ledger, LEDGER_TRACES, key, fault);
			return outcome;
		}
		(void)sqlite3_reset(ledger->trace_add);
		if (code != SQLITE_CONSTRAINT_PRIMARYKEY && code != SQLITE_CONSTRAINT_ROWID)
			break;
	}
	return ledger_fault(ledger, N_("ledger: cannot write a trace: %s"), fault);
}

static enum outcome add_recipients(struct ledger *ledger, struct str packed, struct place place, struct fault *fault)
{
	struct trace_recipient recipient;
	char room[ADDRESS_MAX];
	enum outcome outcome = OUTCOME_OK;

	while (outcome == OUTCOME_OK && trace_recipient_next(&packed, &recipient)) {
		ledger_bind_str(ledger->trace_to_add, 1, address_key(recipient.address, room));
		(void)sqlite3_bind_int64(ledger->trace_to_add, 2, place.key);
		(void)sqlite3_bind_int64(ledger->trace_to_add, 3, place.bucket);
		outcome = ledger_step_done(ledger, ledger->trace_to_add, N_("ledger: cannot write a trace: %s"), fault);
	}
	return outcome;
}

enum outcome ledger_trace_add(struct ledger *ledger, struct str packed, struct fault *fault)
{
	struct trace trace;
	struct place place = { 0 };
	char room[ADDRESS_MAX];
	enum outcome outcome;

	if (!trace_parse(packed, &trace))
		return ledger_set_aside(ledger, "trace", packed, fault);
	outcome = prepare_adds(ledger, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_report_trace(ledger, &trace, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(ledger->trace_add, 2, trace.id);
	ledger_bind_str(ledger->trace_add, 3, address_key(trace.from, room));
	(void)sqlite3_bind_int64(ledger->trace_add, 4, message_hash(trace.message_id));
	(void)sqlite3_bind_blob64(ledger->trace_add, 5, packed.ptr, packed.len, SQLITE_STATIC);
	outcome = insert(ledger, ledger_key(trace.received_us, trace.id), &place, fault);
	return outcome == OUTCOME_OK ? add_recipients(ledger, trace.recipients, place, fault) : outcome;
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

/* What the filter's narrowest part looks for in the buckets; the rows themselves are judged by fits(). */
struct look {
	struct str sql;
	struct str from, to;
	int64_t hash;
	char room[2][ADDRESS_MAX];
};

/* A domain is all that begins with "domain@"; the next character after @ ends it. */
static void look_for_address(struct look *look, struct str address)
{
	look->from = address_key(address, look->room[0]);
	look->to = address_key(address, look->room[1]);
	if (str_starts(address, STR("@")) && look->to.len > 0)
		look->room[1][look->to.len - 1] = '@' + 1;
}

/* False: nothing that an index knows. */
static bool look_for(const struct trace_filter *filter, struct look *ret_look)
{
	*ret_look = (struct look){ 0 };
	if (filter->message_id.len) {
		ret_look->sql = STR("SELECT key FROM trace INDEXED BY trace_message WHERE bucket = ?1 AND key >= ?2 AND "
				    "message_hash = ?5");
		ret_look->hash = message_hash(filter->message_id);
	} else if (filter->to.len) {
		ret_look->sql = STR("SELECT key FROM trace_to WHERE bucket = ?1 AND key >= ?2 AND address >= ?3 AND address <= ?4");
		look_for_address(ret_look, filter->to);
	} else if (filter->from.len) {
		ret_look->sql = STR("SELECT key FROM trace INDEXED BY trace_sender WHERE bucket = ?1 AND key >= ?2 AND "
				    "sender >= ?3 AND sender <= ?4");
		look_for_address(ret_look, filter->from);
	}
	return ret_look->sql.len > 0;
}

static enum outcome read_look(struct buckets *buckets, struct bucket *bucket, struct fault *fault)
{
	const struct look *look = buckets->context;

	if (look->from.len == 0) {
		(void)sqlite3_bind_int64(buckets->keys, 5, look->hash);
	} else {
		ledger_bind_str(buckets->keys, 3, look->from);
		ledger_bind_str(buckets->keys, 4, look->to);
	}
	return bucket_collect(buckets, bucket, NULL, NULL, fault);
}

struct search {
	struct ledger *ledger;
	const struct trace_filter *filter;
	bool (*each)(void *context, const struct trace *row);
	void *context;
	size_t count;
};

/* False: enough. */
static bool offer(struct search *search, sqlite3_stmt *statement)
{
	struct str packed = { sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0) };
	struct trace trace;

	if (!trace_parse(packed, &trace) || !fits(search->filter, &trace))
		return true;
	return search->each(search->context, &trace) && ++search->count != search->filter->count_max;
}

/* All rows of that statement, which is newest first. */
static enum outcome walk(struct search *search, struct str sql, int64_t low, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(search->ledger, sql, &statement, fault);
	int code;

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, low);
	if (search->filter->id.len)
		ledger_bind_str(statement, 2, search->filter->id);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!offer(search, statement))
			return OUTCOME_OK;
	}
	return code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(search->ledger, N_("ledger: cannot read the traces: %s"), fault);
}

static enum outcome follow(struct search *search, struct buckets *buckets, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(search->ledger, STR("SELECT packed FROM trace WHERE key = ?1"), &statement, fault);
	int64_t key = INT64_MAX;
	bool more = true;

	while (outcome == OUTCOME_OK && more) {
		outcome = buckets_seek(buckets, key, &more, &key, fault);
		if (outcome != OUTCOME_OK || !more)
			break;
		(void)sqlite3_bind_int64(statement, 1, key);
		if (sqlite3_step(statement) == SQLITE_ROW)
			more = offer(search, statement);
		(void)sqlite3_reset(statement);
		key--;
	}
	return outcome;
}

static enum outcome find(struct search *search, struct fault *fault)
{
	int64_t low = search->filter->since_us ? ledger_key_first(search->filter->since_us) : INT64_MIN + 1;
	struct look look;
	struct buckets buckets;
	enum outcome outcome;

	if (search->filter->id.len)
		return walk(search, STR("SELECT packed FROM trace WHERE id = ?2 AND key >= ?1"), low, fault);
	if (!look_for(search->filter, &look))
		return walk(search, STR("SELECT packed FROM trace WHERE key >= ?1 ORDER BY key DESC"), low, fault);
	outcome = buckets_init(&buckets, search->ledger, LEDGER_TRACES, look.sql, low, INT64_MAX, fault);
	buckets.read = read_look;
	buckets.context = &look;
	if (outcome == OUTCOME_OK)
		outcome = follow(search, &buckets, fault);
	buckets_done(&buckets);
	return outcome;
}

enum outcome ledger_traces(struct ledger *ledger, const struct trace_filter *filter,
			   bool (*each)(void *context, const struct trace *row), void *context, struct fault *fault)
{
	struct search search = { .ledger = ledger, .filter = filter, .each = each, .context = context };
	enum outcome outcome;

	/* One state of the log for all its statements. */
	if (sqlite3_exec(ledger->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fault(ledger, N_("ledger: cannot read the traces: %s"), fault);
	outcome = find(&search, fault);
	(void)sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL);
	return outcome;
}

/* The recipients of the oldest rows first, while the rows still name them. */
static enum outcome forget_recipients(struct ledger *ledger, int64_t before, size_t rows_max, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *forget = NULL;
	char room[ADDRESS_MAX];
	int code = SQLITE_DONE;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT key, packed, bucket FROM trace WHERE key < ?1 ORDER BY key LIMIT ?2"), &rows, fault);

	if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(ledger, STR("DELETE FROM trace_to WHERE address = ?1 AND key = ?2 AND bucket = ?3"), &forget, fault);
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
			(void)sqlite3_bind_int64(forget, 3, sqlite3_column_int64(rows, 2));
			outcome = ledger_step_done(ledger, forget, N_("ledger: cannot remove old traces: %s"), fault);
		}
	}
	return outcome != OUTCOME_OK || code == SQLITE_DONE ? outcome : ledger_fault(ledger, N_("ledger: cannot read the traces: %s"), fault);
}

enum outcome ledger_traces_expire(struct ledger *ledger, int64_t before_us, size_t rows_max, size_t *ret_removed,
				  struct fault *fault)
{
	enum outcome outcome = forget_recipients(ledger, ledger_key_first(before_us), rows_max, fault);

	return outcome == OUTCOME_OK ? ledger_rows_expire(ledger, LEDGER_TRACES, before_us, rows_max, ret_removed, fault)
				     : outcome;
}
