/*
 * ledger_crossing: which sign-in rows all indices that a filter concerns know, newest first. Two or more are crossed by leaping:
 * whoever is behind seeks to where the other stands. So the work follows what is found, however the rows lie, and not
 * what is kept.
 */
#ifndef KEEP_LEDGER_CROSSING_H
#define KEEP_LEDGER_CROSSING_H

#include "keep/ledger_buckets.h"
#include "keep/ledger_lanes.h"

/* What the buckets of a crossing are read for. */
struct crossing_look {
	const struct sign_in_filter *filter;
	enum sign_in_key key;
};

struct crossing {
	struct lanes lanes[2];     /* by event ID, by kind */
	size_t lanes_count;
	struct buckets buckets[2]; /* by user, by address */
	struct crossing_look looks[2];
	size_t buckets_count;
};

/* For keys from `low` to `high`. crossing_done() also after a failure. */
enum outcome crossing_init(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   int64_t high, struct fault *fault);
void crossing_done(struct crossing *crossing);
size_t crossing_count(const struct crossing *crossing); /* 0: no index helps, walk over the rows */

/* The greatest key that is at most `high`, which may only sink; *ret_found false: no more. The rows still have to be judged. */
enum outcome crossing_next(struct crossing *crossing, int64_t high, bool *ret_found, int64_t *ret_key, struct fault *fault);

#endif
