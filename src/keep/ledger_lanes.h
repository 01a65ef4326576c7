/*
 * ledger_lanes: which sign-in rows a filter's indices know, newest first, without reading a row that does not fit.
 *
 * A lane is one value of an index (a user, an address, a pair of protocol and error code) with its keys from new to old. The
 * lanes of one index that fit the filter are merged; two or three indices are crossed by leaping: whoever is behind seeks
 * to where the other stands. So the work follows what is found, however the rows lie, and not what is kept.
 */
#ifndef KEEP_LEDGER_LANES_H
#define KEEP_LEDGER_LANES_H

#include "keep/ledger_private.h"

#define LANES_MAX 512        /* of one index; with more the index is not asked: it would hardly choose */
#define LANES_VALUES_MAX 4096 /* values of an index that are looked at to find those that fit */
#define CROSSING_INDICES_MAX 4

struct lane {
	sqlite3_stmt *keys;
	int64_t key;  /* where it stands */
	bool begun, over;
};

struct lanes {
	struct lane *lanes;
	size_t count, cap;
};

struct crossing {
	struct lanes indices[CROSSING_INDICES_MAX];
	size_t count; /* 0: no index helps, walk over the rows */
	bool failed;
};

/* For keys from `low` to `high`. crossing_done() also after a failure. */
enum outcome crossing_init(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   int64_t high, struct fault *fault);
void crossing_done(struct crossing *crossing);

/* The greatest key, at most `high`, that all indices know; false: no more, or `failed`. `high` may only sink. */
bool crossing_next(struct crossing *crossing, int64_t high, int64_t *ret_key);

#endif
