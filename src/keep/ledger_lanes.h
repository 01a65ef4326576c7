/*
 * ledger_lanes: sign-ins by what has few values: protocol and error code together, and the event ID, which has one row.
 *
 * A lane is one value of an index with its keys from new to old; the lanes that fit the filter are merged.
 */
#ifndef KEEP_LEDGER_LANES_H
#define KEEP_LEDGER_LANES_H

#include "keep/ledger_private.h"

#define LANES_MAX 256 /* with more values than that the index is not asked: it would hardly choose */

struct lane {
	sqlite3_stmt *keys;
	int64_t key; /* where it stands */
	bool begun, over;
};

struct lanes {
	struct ledger *ledger;
	const struct sign_in_filter *filter;
	int64_t low;
	struct lane *lanes;
	size_t count, cap;
	bool useless; /* more than LANES_MAX */
};

/* Of the event IDs that the filter asks for; of the pairs of protocol and error code that fit it. lanes_done() also after a
 * failure. */
enum outcome lanes_init_id(struct lanes *lanes, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   struct fault *fault);
enum outcome lanes_init_kind(struct lanes *lanes, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			     struct fault *fault);
void lanes_done(struct lanes *lanes);

/* The greatest key that is at most `bound`, which may only sink; *ret_found false: none. */
enum outcome lanes_seek(struct lanes *lanes, int64_t bound, bool *ret_found, int64_t *ret_key, struct fault *fault);

#endif
