/*
 * ledger_buckets: sign-ins by user and by address, indexed in buckets of a few thousand rows each.
 *
 * An index over all rows would have a hot page for each user, and every row would make one more page of it dirty. Here the
 * index's first column is the row's bucket, so that only the newest bucket's few pages are ever written, however many
 * rows or users there are; who looks for a user asks one bucket after another, from the newest on.
 */
#ifndef KEEP_LEDGER_BUCKETS_H
#define KEEP_LEDGER_BUCKETS_H

#include "keep/ledger_private.h"

#define BUCKET_ROWS_MAX 4096

/* Which bucket the next rows go to; read anew at the start of each batch. */
enum outcome ledger_buckets_begin(struct ledger *ledger, struct fault *fault);
/* Before a row is written: its bucket. After it: counted. */
int64_t ledger_bucket_of(const struct ledger *ledger, int64_t key);
enum outcome ledger_bucket_count(struct ledger *ledger, int64_t key, struct fault *fault);
enum outcome ledger_buckets_end(struct ledger *ledger, struct fault *fault);
/* Buckets whose rows are all gone. */
enum outcome ledger_buckets_expire(struct ledger *ledger, struct fault *fault);

struct bucket {
	int64_t number, low, high; /* no row of it outside */
	int64_t *keys;             /* those that fit, rising; NULL: not yet read */
	size_t count;
};

/* The keys of one index that fit the filter's plain values for it, bucket by bucket. */
struct buckets {
	struct ledger *ledger;
	const struct sign_in_filter *filter;
	enum sign_in_key key;
	sqlite3_stmt *keys;
	struct bucket *buckets; /* by their high, sinking */
	size_t count;
	size_t first, next;     /* those before `first` are used up, those from `next` on not yet read */
};

/* `key`: SIGN_IN_USER or SIGN_IN_IP; for keys from `low` to `high`. buckets_done() also after a failure. */
enum outcome buckets_init(struct buckets *buckets, struct ledger *ledger, const struct sign_in_filter *filter,
			  enum sign_in_key key, int64_t low, int64_t high, struct fault *fault);
void buckets_done(struct buckets *buckets);

/* The greatest key that is at most `bound`, which may only sink; *ret_found false: none. */
enum outcome buckets_seek(struct buckets *buckets, int64_t bound, bool *ret_found, int64_t *ret_key, struct fault *fault);

#endif
