#include "keep/ledger_lanes.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "domain/policy.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define STEPS_MAX 8 /* so many keys are stepped over before it is cheaper to seek */
#define SQL_MAX 256
#define BIT(key) (1u << (key))

enum value_form { VALUE_TEXT, VALUE_BLOB, VALUE_PAIR };

/* One index of sign_in. To add one: a row below, and a migration that makes it. */
struct index {
	unsigned about;    /* the keys of the filter that a value of it can judge */
	bool also_negated; /* has so few values that it helps where only negated ones are given */
	enum value_form form;
	const char *next;  /* the value at or after ?1 (?2), with >= or > for %s; up to ?3 */
	const char *keys;  /* keys of value ?3 (?4) from ?1 down to ?2 */
	void (*load)(sqlite3_value *const *value, struct sign_in *row, char *room);
};

#define KEYS_OF(name, value)                                                                                           \
	"SELECT key FROM sign_in INDEXED BY " name " WHERE " value " AND key <= ?1 AND key >= ?2 ORDER BY key DESC"

static void load_id(sqlite3_value *const *value, struct sign_in *row, char *room)
{
	(void)room;
	row->event_id = str_of((const char *)sqlite3_value_text(value[0]));
}

static void load_user(sqlite3_value *const *value, struct sign_in *row, char *room)
{
	(void)room;
	row->user = str_of((const char *)sqlite3_value_text(value[0]));
}

static void load_ip(sqlite3_value *const *value, struct sign_in *row, char *room)
{
	const void *raw = sqlite3_value_blob(value[0]);

	room[0] = '\0';
	if (raw && sqlite3_value_bytes(value[0]) == 16)
		(void)inet_ntop(AF_INET6, raw, room, INET6_ADDRSTRLEN);
	row->ip = str_of(room);
}

static void load_kind(sqlite3_value *const *value, struct sign_in *row, char *room)
{
	(void)room;
	row->protocol = (uint8_t)sqlite3_value_int(value[0]);
	row->error_code = (uint32_t)sqlite3_value_int64(value[1]);
}

static const struct index indices[] = {
	{ BIT(SIGN_IN_ID), false, VALUE_TEXT,
	  "SELECT event_id FROM sign_in WHERE event_id %s ?1 AND event_id <= ?3 ORDER BY event_id LIMIT 1",
	  KEYS_OF("sign_in_event_id", "event_id = ?3"), load_id },
	{ BIT(SIGN_IN_USER), false, VALUE_TEXT,
	  "SELECT user FROM sign_in WHERE user %s ?1 AND user <= ?3 ORDER BY user LIMIT 1",
	  KEYS_OF("sign_in_user", "user = ?3"), load_user },
	{ BIT(SIGN_IN_IP), false, VALUE_BLOB,
	  "SELECT ip_raw FROM sign_in WHERE ip_raw %s ?1 AND ip_raw <= ?3 ORDER BY ip_raw LIMIT 1",
	  KEYS_OF("sign_in_ip", "ip_raw = ?3"), load_ip },
	{ BIT(SIGN_IN_CLIENT_APP) | BIT(SIGN_IN_AUTH) | BIT(SIGN_IN_STATUS) | BIT(SIGN_IN_CODE), true, VALUE_PAIR,
	  "SELECT protocol, error_code FROM sign_in WHERE (protocol, error_code) %s (?1, ?2) ORDER BY protocol, error_code "
	  "LIMIT 1",
	  KEYS_OF("sign_in_kind", "protocol = ?3 AND error_code = ?4"), load_kind },
};
static_assert(COUNT(indices) <= CROSSING_INDICES_MAX, "room to cross them all");

/* From where to where values are looked at; a pair has them all. */
struct range {
	struct str from, to;
	bool open; /* no end */
	unsigned char first[16], last[16];
};

static void range_of(const struct index *index, const struct sign_in_term *term, struct range *ret_range)
{
	struct range *range = ret_range;

	*range = (struct range){ .from = term->text, .to = term->text };
	if (index->about == BIT(SIGN_IN_ID) && term->id[0])
		range->from = range->to = str_of(term->id);
	if (index->about == BIT(SIGN_IN_USER) && str_starts(term->text, STR("@"))) {
		range->from = STR("");
		range->open = true;
	}
	if (index->form != VALUE_BLOB)
		return;
	for (unsigned bit = 0; bit < 128; bit++) {
		unsigned char mask = (unsigned char)(0x80u >> bit % 8);

		if (bit >= term->cidr.bits || (term->cidr.ip[bit / 8] & mask))
			range->last[bit / 8] |= mask;
	}
	memcpy(range->first, term->cidr.ip, sizeof(range->first));
	range->from = (struct str){ (const char *)range->first, sizeof(range->first) };
	range->to = (struct str){ (const char *)range->last, sizeof(range->last) };
}

/* The work of finding the lanes of one index. */
struct collection {
	struct ledger *ledger;
	const struct sign_in_filter *filter;
	const struct index *index;
	int64_t low, high;
	struct lanes *lanes;
	size_t looked_at;
	bool useless; /* too many values */
};

static void values_free(sqlite3_value **values)
{
	sqlite3_value_free(values[0]);
	sqlite3_value_free(values[1]);
	values[0] = values[1] = NULL;
}

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

static enum outcome lane_add(struct collection *collection, sqlite3_value *const *values, struct fault *fault)
{
	struct lanes *lanes = collection->lanes;
	enum outcome outcome;
	struct lane *lane;

	if (lanes->count == lanes->cap) {
		size_t cap = lanes->cap ? lanes->cap * 2 : 16;
		struct lane *grown = realloc(lanes->lanes, cap * sizeof(*grown));

		if (!grown)
			return no_memory(fault);
		lanes->lanes = grown;
		lanes->cap = cap;
	}
	lane = &lanes->lanes[lanes->count];
	*lane = (struct lane){ 0 };
	outcome = ledger_prepare(collection->ledger, str_of(collection->index->keys), &lane->keys, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	lanes->count++;
	(void)sqlite3_bind_int64(lane->keys, 2, collection->low);
	(void)sqlite3_bind_value(lane->keys, 3, values[0]);
	if (collection->index->form == VALUE_PAIR)
		(void)sqlite3_bind_value(lane->keys, 4, values[1]);
	return OUTCOME_OK;
}

static enum outcome prepare_next(struct collection *collection, const char *operator, sqlite3_stmt **ret_statement,
				 struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;
	struct str rest = str_of(collection->index->next);
	struct str before;

	buf_init(&sql, SQL_MAX);
	before = str_cut(&rest, '%'); /* the only one, before its s */
	if (!buf_add(&sql, before) || !buf_add(&sql, str_of(operator)) || !buf_add(&sql, str_skip(rest, 1)))
		return no_memory(fault);
	return ledger_prepare(collection->ledger, buf_str(&sql), ret_statement, fault);
}

static void bind_edge(sqlite3_stmt *statement, int at, const struct index *index, struct str edge)
{
	if (index->form == VALUE_BLOB)
		(void)sqlite3_bind_blob(statement, at, edge.ptr, (int)edge.len, SQLITE_STATIC);
	else
		ledger_bind_str(statement, at, edge);
}

static void bind_range(sqlite3_stmt *statement, const struct index *index, const struct range *range, bool from)
{
	if (index->form == VALUE_PAIR) {
		if (from) {
			(void)sqlite3_bind_int(statement, 1, -1);
			(void)sqlite3_bind_int(statement, 2, -1);
		}
		return;
	}
	if (from)
		bind_edge(statement, 1, index, range->from);
	if (range->open) /* to SQLite any blob is greater than any text */
		(void)sqlite3_bind_zeroblob(statement, 3, 0);
	else
		bind_edge(statement, 3, index, range->to);
}

/* Step to the next value; *ret_found false: there is none. */
static enum outcome next_value(struct collection *collection, sqlite3_stmt *statement, sqlite3_value **values,
			       bool *ret_found, struct fault *fault)
{
	int code = sqlite3_step(statement);
	enum outcome outcome = OUTCOME_OK;

	values_free(values);
	*ret_found = code == SQLITE_ROW;
	if (code == SQLITE_ROW) {
		values[0] = sqlite3_value_dup(sqlite3_column_value(statement, 0));
		if (collection->index->form == VALUE_PAIR)
			values[1] = sqlite3_value_dup(sqlite3_column_value(statement, 1));
		if (!values[0] || (collection->index->form == VALUE_PAIR && !values[1]))
			outcome = no_memory(fault);
	} else if (code != SQLITE_DONE) {
		outcome = ledger_fault(collection->ledger, "read the sign-ins", fault);
	}
	(void)sqlite3_reset(statement);
	return outcome;
}

static enum outcome look_at(struct collection *collection, sqlite3_value *const *values, struct fault *fault)
{
	struct sign_in row = { 0 };
	char room[INET6_ADDRSTRLEN];

	if (++collection->looked_at > LANES_VALUES_MAX) {
		collection->useless = true;
		return OUTCOME_OK;
	}
	collection->index->load(values, &row, room);
	if (!sign_in_fits_keys(collection->filter, collection->index->about, &row))
		return OUTCOME_OK;
	if (collection->lanes->count == LANES_MAX) {
		collection->useless = true;
		return OUTCOME_OK;
	}
	return lane_add(collection, values, fault);
}

static enum outcome collect_range(struct collection *collection, const struct range *range, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *first = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *next = NULL;
	sqlite3_value *values[2] = { NULL, NULL };
	bool found = false;
	enum outcome outcome = prepare_next(collection, ">=", &first, fault);

	if (outcome == OUTCOME_OK)
		outcome = prepare_next(collection, ">", &next, fault);
	if (outcome == OUTCOME_OK) {
		bind_range(first, collection->index, range, true);
		bind_range(next, collection->index, range, false);
		outcome = next_value(collection, first, values, &found, fault);
	}
	while (outcome == OUTCOME_OK && found && !collection->useless) {
		outcome = look_at(collection, values, fault);
		(void)sqlite3_bind_value(next, 1, values[0]);
		if (collection->index->form == VALUE_PAIR)
			(void)sqlite3_bind_value(next, 2, values[1]);
		if (outcome == OUTCOME_OK)
			outcome = next_value(collection, next, values, &found, fault);
	}
	values_free(values);
	return outcome;
}

/* Is there anything in the filter that this index can answer better than a walk? */
static bool is_asked(const struct index *index, const struct sign_in_filter *filter)
{
	const struct sign_in_term *term;
	enum sign_in_key key;
	size_t at = 0;

	while ((term = sign_in_filter_next(filter, &at, &key))) {
		if ((index->about & BIT(key)) && (index->also_negated || !term->negated))
			return true;
	}
	return false;
}

static enum outcome collect(struct collection *collection, struct fault *fault)
{
	const struct sign_in_term *term;
	enum outcome outcome = OUTCOME_OK;
	enum sign_in_key key;
	struct range range = { .open = true };
	size_t at = 0;

	if (collection->index->form == VALUE_PAIR)
		return collect_range(collection, &range, fault);
	while (outcome == OUTCOME_OK && !collection->useless && (term = sign_in_filter_next(collection->filter, &at, &key))) {
		if (!(collection->index->about & BIT(key)) || term->negated)
			continue;
		range_of(collection->index, term, &range);
		outcome = collect_range(collection, &range, fault);
	}
	return outcome;
}

static void lanes_done(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		(void)sqlite3_finalize(lanes->lanes[i].keys);
	free(lanes->lanes);
	*lanes = (struct lanes){ 0 };
}

enum outcome crossing_init(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   int64_t high, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	*crossing = (struct crossing){ 0 };
	for (size_t i = 0; i < COUNT(indices) && outcome == OUTCOME_OK; i++) {
		struct lanes *lanes = &crossing->indices[crossing->count];
		struct collection collection = { .ledger = ledger, .filter = filter, .index = &indices[i], .low = low,
						 .high = high, .lanes = lanes };

		if (!is_asked(&indices[i], filter))
			continue;
		crossing->count++;
		outcome = collect(&collection, fault);
		if (collection.useless) {
			lanes_done(lanes);
			crossing->count--;
		}
	}
	return outcome;
}

void crossing_done(struct crossing *crossing)
{
	for (size_t i = 0; i < crossing->count; i++)
		lanes_done(&crossing->indices[i]);
	crossing->count = 0;
}

/* To the greatest key that is at most `bound`. */
static bool lane_seek(struct lane *lane, int64_t bound)
{
	int code = SQLITE_ROW;

	for (unsigned steps = 0; lane->begun && steps < STEPS_MAX && code == SQLITE_ROW && lane->key > bound; steps++) {
		code = sqlite3_step(lane->keys);
		lane->key = sqlite3_column_int64(lane->keys, 0);
	}
	if (code == SQLITE_ROW && (!lane->begun || lane->key > bound)) {
		(void)sqlite3_reset(lane->keys);
		(void)sqlite3_bind_int64(lane->keys, 1, bound);
		code = sqlite3_step(lane->keys);
		lane->key = sqlite3_column_int64(lane->keys, 0);
		lane->begun = true;
	}
	lane->over = code != SQLITE_ROW;
	return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* The greatest key of any of the lanes that is at most `bound`; false: none. */
static bool lanes_seek(struct crossing *crossing, struct lanes *lanes, int64_t bound, int64_t *ret_key)
{
	bool found = false;

	for (size_t i = 0; i < lanes->count; i++) {
		struct lane *lane = &lanes->lanes[i];

		if (!lane->over && (!lane->begun || lane->key > bound) && !lane_seek(lane, bound)) {
			crossing->failed = true;
			return false;
		}
		if (lane->over || (found && lane->key <= *ret_key))
			continue;
		*ret_key = lane->key;
		found = true;
	}
	return found;
}

bool crossing_next(struct crossing *crossing, int64_t high, int64_t *ret_key)
{
	size_t agree = 0;
	size_t at = 0;
	int64_t key = high;

	while (agree < crossing->count) {
		int64_t found = INT64_MIN;

		if (!lanes_seek(crossing, &crossing->indices[at], key, &found))
			return false;
		agree = found == key ? agree + 1 : 1;
		key = found;
		at = (at + 1) % crossing->count;
	}
	*ret_key = key;
	return true;
}
