#include "keep/ledger_buckets.h"

#include <stdlib.h>

/* Rows that are older than the newest bucket by more than this are late: an import's, not ones on their way. */
#define LATE_US INT64_C(3600000000)

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

/* Even numbers are in time, odd ones late. The old low stays, so that is_late() knows a late row while the new one is empty. */
static void bucket_next(struct ledger_bucket *bucket)
{
	*bucket = (struct ledger_bucket){ .number = bucket->number + 2, .low = bucket->low };
}

static enum outcome open_bucket_load(struct ledger *ledger, enum ledger_log log, bool late, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	struct ledger_bucket *bucket = &ledger->buckets[log][late];
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("SELECT number, low, high, rows FROM bucket WHERE log = ?1 AND late = ?2 ORDER BY number DESC LIMIT 1"),
		&statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	*bucket = (struct ledger_bucket){ .number = late };
	(void)sqlite3_bind_int64(statement, 1, log);
	(void)sqlite3_bind_int(statement, 2, late);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return OUTCOME_OK;
	*bucket = (struct ledger_bucket){ .number = sqlite3_column_int64(statement, 0),
					  .low = sqlite3_column_int64(statement, 1),
					  .high = sqlite3_column_int64(statement, 2),
					  .rows = sqlite3_column_int64(statement, 3) };
	if (bucket->rows >= BUCKET_ROWS_MAX)
		bucket_next(bucket);
	return OUTCOME_OK;
}

enum outcome ledger_buckets_begin(struct ledger *ledger, enum ledger_log log, struct fault *fault)
{
	enum outcome outcome = open_bucket_load(ledger, log, false, fault);

	return outcome == OUTCOME_OK ? open_bucket_load(ledger, log, true, fault) : outcome;
}

static enum outcome bucket_write(struct ledger *ledger, enum ledger_log log, bool late, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	const struct ledger_bucket *bucket = &ledger->buckets[log][late];
	enum outcome outcome;

	if (!bucket->changed)
		return OUTCOME_OK;
	outcome = ledger_prepare(
		ledger,
		STR("INSERT OR REPLACE INTO bucket (log, number, late, low, high, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
		&statement, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, log);
	(void)sqlite3_bind_int64(statement, 2, bucket->number);
	(void)sqlite3_bind_int(statement, 3, late);
	(void)sqlite3_bind_int64(statement, 4, bucket->low);
	(void)sqlite3_bind_int64(statement, 5, bucket->high);
	(void)sqlite3_bind_int64(statement, 6, bucket->rows);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write: %s"), fault);
}

enum outcome ledger_buckets_end(struct ledger *ledger, enum ledger_log log, struct fault *fault)
{
	enum outcome outcome = bucket_write(ledger, log, false, fault);

	return outcome == OUTCOME_OK ? bucket_write(ledger, log, true, fault) : outcome;
}

/* Late rows have buckets of their own, or each bucket would reach over all times. */
static bool is_late(const struct ledger *ledger, enum ledger_log log, int64_t key)
{
	return key < ledger->buckets[log][0].low - LATE_US * LEDGER_KEY_SLOTS; /* the low is 0 while there is none */
}

int64_t ledger_bucket_of(const struct ledger *ledger, enum ledger_log log, int64_t key)
{
	return ledger->buckets[log][is_late(ledger, log, key)].number;
}

enum outcome ledger_bucket_count(struct ledger *ledger, enum ledger_log log, int64_t key, struct fault *fault)
{
	bool late = is_late(ledger, log, key);
	struct ledger_bucket *bucket = &ledger->buckets[log][late];
	enum outcome outcome;

	bucket->low = bucket->rows == 0 || key < bucket->low ? key : bucket->low;
	bucket->high = bucket->rows == 0 || key > bucket->high ? key : bucket->high;
	bucket->rows++;
	bucket->changed = true;
	if (bucket->rows < BUCKET_ROWS_MAX)
		return OUTCOME_OK;
	outcome = bucket_write(ledger, log, late, fault);
	bucket_next(bucket);
	return outcome;
}

enum outcome ledger_buckets_expire(struct ledger *ledger, enum ledger_log log, int64_t before, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(ledger, STR("DELETE FROM bucket WHERE log = ?1 AND high < ?2"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, log);
	(void)sqlite3_bind_int64(statement, 2, before);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write: %s"), fault);
}

static enum outcome bucket_add(struct buckets *buckets, size_t *cap, const struct bucket *bucket, struct fault *fault)
{
	if (buckets->count == *cap) {
		size_t wanted = *cap ? *cap * 2 : 64;
		struct bucket *grown = realloc(buckets->buckets, wanted * sizeof(*grown));

		if (!grown)
			return no_memory(fault);
		buckets->buckets = grown;
		*cap = wanted;
	}
	buckets->buckets[buckets->count++] = *bucket;
	return OUTCOME_OK;
}

enum outcome buckets_init(struct buckets *buckets, struct ledger *ledger, enum ledger_log log, struct str sql, int64_t low,
			  int64_t high, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	size_t cap = 0;
	int code = SQLITE_DONE;
	enum outcome outcome;

	*buckets = (struct buckets){ .ledger = ledger };
	outcome = ledger_prepare(ledger, sql, &buckets->keys, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_prepare(ledger,
					 STR("SELECT number, low, high FROM bucket WHERE log = ?1 AND high >= ?2 AND low <= ?3 "
					     "ORDER BY high DESC"),
					 &statement, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(buckets->keys, 2, low);
	(void)sqlite3_bind_int64(statement, 1, log);
	(void)sqlite3_bind_int64(statement, 2, low);
	(void)sqlite3_bind_int64(statement, 3, high);
	while (outcome == OUTCOME_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct bucket bucket = { .number = sqlite3_column_int64(statement, 0),
					 .low = sqlite3_column_int64(statement, 1),
					 .high = sqlite3_column_int64(statement, 2) };

		outcome = bucket_add(buckets, &cap, &bucket, fault);
	}
	if (outcome == OUTCOME_OK && code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot read: %s"), fault);
	return outcome;
}

void buckets_done(struct buckets *buckets)
{
	for (size_t i = 0; i < buckets->count; i++)
		free(buckets->buckets[i].keys);
	free(buckets->buckets);
	(void)sqlite3_finalize(buckets->keys);
	*buckets = (struct buckets){ 0 };
}

static enum outcome key_add(struct bucket *bucket, int64_t key, struct fault *fault)
{
	if (bucket->count == bucket->cap) {
		size_t wanted = bucket->cap ? bucket->cap * 4 : 16;
		int64_t *grown = realloc(bucket->keys, wanted * sizeof(*grown));

		if (!grown)
			return no_memory(fault);
		bucket->keys = grown;
		bucket->cap = wanted;
	}
	bucket->keys[bucket->count++] = key;
	return OUTCOME_OK;
}

enum outcome bucket_collect(struct buckets *buckets, struct bucket *bucket, bool (*fits)(const void *one, sqlite3_stmt *row),
			    const void *one, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;
	int code = SQLITE_DONE;

	(void)sqlite3_bind_int64(buckets->keys, 1, bucket->number);
	while (outcome == OUTCOME_OK && (code = sqlite3_step(buckets->keys)) == SQLITE_ROW) {
		if (!fits || fits(one, buckets->keys))
			outcome = key_add(bucket, sqlite3_column_int64(buckets->keys, 0), fault);
	}
	if (outcome == OUTCOME_OK && code != SQLITE_DONE)
		outcome = ledger_fault(buckets->ledger, N_("ledger: cannot read: %s"), fault);
	(void)sqlite3_reset(buckets->keys);
	return outcome;
}

static int rising(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static enum outcome bucket_read(struct buckets *buckets, struct bucket *bucket, struct fault *fault)
{
	enum outcome outcome = buckets->read(buckets, bucket, fault);

	if (bucket->count > 1)
		qsort(bucket->keys, bucket->count, sizeof(*bucket->keys), rising);
	return outcome;
}

/* Drop what is greater than `bound`; true: the greatest that is left is in *ret_key. */
static bool bucket_seek(struct bucket *bucket, int64_t bound, int64_t *ret_key)
{
	while (bucket->count > 0 && bucket->keys[bucket->count - 1] > bound)
		bucket->count--;
	if (bucket->count > 0) {
		*ret_key = bucket->keys[bucket->count - 1];
		return true;
	}
	free(bucket->keys);
	bucket->keys = NULL;
	bucket->cap = 0;
	return false;
}

enum outcome buckets_seek(struct buckets *buckets, int64_t bound, bool *ret_found, int64_t *ret_key, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;
	int64_t best = INT64_MIN;
	bool found = false;

	for (size_t i = buckets->first; i < buckets->count; i++) {
		struct bucket *bucket = &buckets->buckets[i];
		int64_t key;

		if (i >= buckets->next) {
			if (found && bucket->high <= best)
				break; /* nor do those behind it reach higher */
			buckets->next = i + 1;
			if (bucket->low <= bound)
				outcome = bucket_read(buckets, bucket, fault);
			if (outcome != OUTCOME_OK)
				return outcome;
		}
		if (bucket_seek(bucket, bound, &key)) {
			best = !found || key > best ? key : best;
			found = true;
		} else if (i == buckets->first) {
			buckets->first++;
		}
	}
	*ret_found = found;
	*ret_key = best;
	return OUTCOME_OK;
}
