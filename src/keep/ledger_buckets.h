/*
 * ledger_buckets: sign-ins by user and by address, traces by address and message ID, indexed in buckets of a few thousand rows.
 *
 * An index over all rows would have a hot page for each user, and every row would make one more page of it dirty. Here the
 * index's first column is the row's bucket, so that only the newest bucket's few pages are ever written, however many
 * rows or users there are; who looks for a user asks one bucket after another, from the newest on.
 */
#ifndef KEEP_LEDGER_BUCKETS_H
#define KEEP_LEDGER_BUCKETS_H

#include "keep/ledger_private.h"

#define BUCKET_ROWS_MAX 4096

/* Which bucket the next rows of a log go to; read anew at the start of each batch. */
enum outcome ledger_buckets_begin(struct ledger *ledger, enum ledger_log log, struct fault *fault);
/* Before a row is written: its bucket. After it: counted. */
int64_t ledger_bucket_of(const struct ledger *ledger, enum ledger_log log, int64_t key);
enum outcome ledger_bucket_count(struct ledger *ledger, enum ledger_log log, int64_t key, struct fault *fault);
enum outcome ledger_buckets_end(struct ledger *ledger, enum ledger_log log, struct fault *fault);
/* Buckets whose rows are all older than `before`, a key. */
enum outcome ledger_buckets_expire(struct ledger *ledger, enum ledger_log log, int64_t before, struct fault *fault);

struct bucket {
	int64_t number, low, high; /* no row of it outside */
	int64_t *keys;             /* those that fit, rising; NULL: none, or not yet read */
	size_t count, cap;
};

/* The keys that one index knows to fit, bucket by bucket. */
struct buckets {
	struct ledger *ledger;
	sqlite3_stmt *keys;
	/* Binds to `keys` what is looked for, and calls bucket_collect(), once for each thing. */
	enum outcome (*read)(struct buckets *buckets, struct bucket *bucket, struct fault *fault);
	const void *context;    /* the reader's */
	struct bucket *buckets; /* by their high, sinking */
	size_t count;
	size_t first, next;     /* those before `first` are used up, those from `next` on not yet read */
};

/* `sql` selects keys of bucket ?1 that are at least ?2; ?3 and on are the reader's. For keys from `low` to `high`.
 * buckets_done() also after a failure. */
enum outcome buckets_init(struct buckets *buckets, struct ledger *ledger, enum ledger_log log, struct str sql, int64_t low,
			  int64_t high, struct fault *fault);
void buckets_done(struct buckets *buckets);

/* Add to the bucket the keys that the statement now gives, those that fit (NULL: all). */
enum outcome bucket_collect(struct buckets *buckets, struct bucket *bucket, bool (*fits)(const void *one, sqlite3_stmt *row),
			    const void *one, struct fault *fault);

/* The greatest key that is at most `bound`, which may only sink; *ret_found false: none. */
enum outcome buckets_seek(struct buckets *buckets, int64_t bound, bool *ret_found, int64_t *ret_key, struct fault *fault);

#endif
