#include "keep/ledger_buckets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

static enum outcome open_bucket_load(struct ledger *ledger, bool late, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	struct ledger_bucket *bucket = &ledger->buckets[late];
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("SELECT number, low, high, rows FROM bucket WHERE late = ?1 ORDER BY number DESC LIMIT 1"), &statement,
		fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	*bucket = (struct ledger_bucket){ .number = late };
	(void)sqlite3_bind_int(statement, 1, late);
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

enum outcome ledger_buckets_begin(struct ledger *ledger, struct fault *fault)
{
	enum outcome outcome = open_bucket_load(ledger, false, fault);

	return outcome == OUTCOME_OK ? open_bucket_load(ledger, true, fault) : outcome;
}

static enum outcome bucket_write(struct ledger *ledger, const struct ledger_bucket *bucket, bool late, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome;

	if (!bucket->changed)
		return OUTCOME_OK;
	outcome = ledger_prepare(
		ledger, STR("INSERT OR REPLACE INTO bucket (number, late, low, high, rows) VALUES (?1, ?2, ?3, ?4, ?5)"),
		&statement, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, bucket->number);
	(void)sqlite3_bind_int(statement, 2, late);
	(void)sqlite3_bind_int64(statement, 3, bucket->low);
	(void)sqlite3_bind_int64(statement, 4, bucket->high);
	(void)sqlite3_bind_int64(statement, 5, bucket->rows);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write a sign-in: %s"), fault);
}

enum outcome ledger_buckets_end(struct ledger *ledger, struct fault *fault)
{
	enum outcome outcome = bucket_write(ledger, &ledger->buckets[0], false, fault);

	return outcome == OUTCOME_OK ? bucket_write(ledger, &ledger->buckets[1], true, fault) : outcome;
}

/* Late rows have buckets of their own, or each bucket would reach over all times. */
static bool is_late(const struct ledger *ledger, int64_t key)
{
	return key < ledger->buckets[0].low - LATE_US * LEDGER_KEY_SLOTS; /* the low is 0 while there is none */
}

int64_t ledger_bucket_of(const struct ledger *ledger, int64_t key)
{
	return ledger->buckets[is_late(ledger, key)].number;
}

enum outcome ledger_bucket_count(struct ledger *ledger, int64_t key, struct fault *fault)
{
	bool late = is_late(ledger, key);
	struct ledger_bucket *bucket = &ledger->buckets[late];
	enum outcome outcome;

	bucket->low = bucket->rows == 0 || key < bucket->low ? key : bucket->low;
	bucket->high = bucket->rows == 0 || key > bucket->high ? key : bucket->high;
	bucket->rows++;
	bucket->changed = true;
	if (bucket->rows < BUCKET_ROWS_MAX)
		return OUTCOME_OK;
	outcome = bucket_write(ledger, bucket, late, fault);
	bucket_next(bucket);
	return outcome;
}

enum outcome ledger_buckets_expire(struct ledger *ledger, struct fault *fault)
{
	return ledger_run(ledger,
			  "DELETE FROM bucket WHERE high < coalesce((SELECT key FROM sign_in ORDER BY key LIMIT 1), "
			  "9223372036854775807)",
			  fault);
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

static enum outcome load_all(struct buckets *buckets, int64_t low, int64_t high, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	size_t cap = 0;
	int code = SQLITE_DONE;
	enum outcome outcome = ledger_prepare(
		buckets->ledger,
		STR("SELECT number, low, high FROM bucket WHERE high >= ?1 AND low <= ?2 ORDER BY high DESC"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, low);
	(void)sqlite3_bind_int64(statement, 2, high);
	while (outcome == OUTCOME_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct bucket bucket = { .number = sqlite3_column_int64(statement, 0),
					 .low = sqlite3_column_int64(statement, 1),
					 .high = sqlite3_column_int64(statement, 2) };

		outcome = bucket_add(buckets, &cap, &bucket, fault);
	}
	if (outcome == OUTCOME_OK && code != SQLITE_DONE)
		return ledger_fault(buckets->ledger, N_("ledger: cannot read the sign-ins: %s"), fault);
	return outcome;
}

enum outcome buckets_init(struct buckets *buckets, struct ledger *ledger, const struct sign_in_filter *filter,
			  enum sign_in_key key, int64_t low, int64_t high, struct fault *fault)
{
	enum outcome outcome;

	assert(key == SIGN_IN_USER || key == SIGN_IN_IP);
	*buckets = (struct buckets){ .ledger = ledger, .filter = filter, .key = key };
	outcome = ledger_prepare(ledger,
				 key == SIGN_IN_USER ? STR("SELECT key, user FROM sign_in INDEXED BY sign_in_user WHERE bucket = ?1 "
							   "AND user >= ?2 AND user <= ?3 AND key >= ?4")
						     : STR("SELECT key FROM sign_in INDEXED BY sign_in_ip WHERE bucket = ?1 "
							   "AND ip_raw >= ?2 AND ip_raw <= ?3 AND key >= ?4"),
				 &buckets->keys, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(buckets->keys, 4, low);
	return load_all(buckets, low, high, fault);
}

void buckets_done(struct buckets *buckets)
{
	for (size_t i = 0; i < buckets->count; i++)
		free(buckets->buckets[i].keys);
	free(buckets->buckets);
	(void)sqlite3_finalize(buckets->keys);
	*buckets = (struct buckets){ 0 };
}

/* The first and last address of a network, or the user; a domain is looked for among all users. */
static bool bind_term(struct buckets *buckets, const struct sign_in_term *term)
{
	struct cidr cidr = term->cidr;
	unsigned char last[16];

	if (buckets->key == SIGN_IN_USER) {
		bool domain = str_starts(term->text, STR("@"));

		ledger_bind_str(buckets->keys, 2, domain ? STR("") : term->text);
		if (domain) /* to SQLite any blob is greater than any text */
			(void)sqlite3_bind_zeroblob(buckets->keys, 3, 0);
		else
			ledger_bind_str(buckets->keys, 3, term->text);
		return domain;
	}
	memcpy(last, cidr.ip, sizeof(last));
	for (unsigned bit = cidr.bits; bit < 128; bit++)
		last[bit / 8] |= (unsigned char)(0x80u >> bit % 8);
	(void)sqlite3_bind_blob(buckets->keys, 2, cidr.ip, sizeof(cidr.ip), SQLITE_TRANSIENT);
	(void)sqlite3_bind_blob(buckets->keys, 3, last, sizeof(last), SQLITE_TRANSIENT);
	return false;
}

static enum outcome key_add(struct bucket *bucket, size_t *cap, int64_t key, struct fault *fault)
{
	if (bucket->count == *cap) {
		size_t wanted = *cap ? *cap * 4 : 16;
		int64_t *grown = realloc(bucket->keys, wanted * sizeof(*grown));

		if (!grown)
			return no_memory(fault);
		bucket->keys = grown;
		*cap = wanted;
	}
	bucket->keys[bucket->count++] = key;
	return OUTCOME_OK;
}

static enum outcome term_read(struct buckets *buckets, struct bucket *bucket, const struct sign_in_term *term, size_t *cap,
			      struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;
	bool domain = bind_term(buckets, term);
	int code = SQLITE_DONE;

	(void)sqlite3_bind_int64(buckets->keys, 1, bucket->number);
	while (outcome == OUTCOME_OK && (code = sqlite3_step(buckets->keys)) == SQLITE_ROW) {
		if (!domain || str_ends_nocase(ledger_column_str(buckets->keys, 1), term->text))
			outcome = key_add(bucket, cap, sqlite3_column_int64(buckets->keys, 0), fault);
	}
	if (outcome == OUTCOME_OK && code != SQLITE_DONE)
		outcome = ledger_fault(buckets->ledger, N_("ledger: cannot read the sign-ins: %s"), fault);
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
	const struct sign_in_term *term;
	enum outcome outcome = OUTCOME_OK;
	enum sign_in_key key;
	size_t at = 0, cap = 0;

	while (outcome == OUTCOME_OK && (term = sign_in_filter_next(buckets->filter, &at, &key))) {
		if (key == buckets->key && !term->negated)
			outcome = term_read(buckets, bucket, term, &cap, fault);
	}
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
