#include "keep/ledger_lanes.h"

#include <stdlib.h>

#include "domain/policy.h"

#define STEPS_MAX 8 /* so many keys are stepped over before it is cheaper to seek */
#define PROTOCOLS (AUTH_PROTOCOL_NONE + 1)
#define KINDS                                                                                                          \
	(1u << SIGN_IN_CLIENT_APP | 1u << SIGN_IN_AUTH | 1u << SIGN_IN_STATUS | 1u << SIGN_IN_CODE)

static enum outcome lane_add(struct lanes *lanes, struct str sql, struct lane **ret_lane, struct fault *fault)
{
	enum outcome outcome;
	struct lane *lane;

	if (lanes->count == lanes->cap) {
		size_t cap = lanes->cap ? lanes->cap * 2 : 16;
		struct lane *grown = realloc(lanes->lanes, cap * sizeof(*grown));

		if (!grown)
			return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
		lanes->lanes = grown;
		lanes->cap = cap;
	}
	lane = &lanes->lanes[lanes->count];
	*lane = (struct lane){ 0 };
	outcome = ledger_prepare(lanes->ledger, sql, &lane->keys, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	lanes->count++;
	(void)sqlite3_bind_int64(lane->keys, 2, lanes->low);
	*ret_lane = lane;
	return OUTCOME_OK;
}

enum outcome lanes_init_id(struct lanes *lanes, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   struct fault *fault)
{
	const struct sign_in_term *term;
	enum outcome outcome = OUTCOME_OK;
	enum sign_in_key key;
	struct lane *lane;
	size_t at = 0;

	*lanes = (struct lanes){ .ledger = ledger, .filter = filter, .low = low };
	while (outcome == OUTCOME_OK && (term = sign_in_filter_next(filter, &at, &key))) {
		if (key != SIGN_IN_ID || term->negated)
			continue;
		outcome = lane_add(lanes,
				   STR("SELECT key FROM sign_in INDEXED BY sign_in_event_id WHERE event_id = ?3 AND key <= ?1 AND "
				       "key >= ?2 ORDER BY key DESC"),
				   &lane, fault);
		if (outcome == OUTCOME_OK)
			ledger_bind_str(lane->keys, 3, term->id[0] ? str_of(term->id) : term->text);
	}
	return outcome;
}

static enum outcome kind_look_at(struct lanes *lanes, int protocol, int64_t code, struct fault *fault)
{
	struct sign_in row = { .protocol = (uint8_t)protocol, .error_code = (uint32_t)code };
	enum outcome outcome;
	struct lane *lane;

	if (!sign_in_fits_keys(lanes->filter, KINDS, &row))
		return OUTCOME_OK;
	if (lanes->count == LANES_MAX) {
		lanes->useless = true;
		return OUTCOME_OK;
	}
	outcome = lane_add(lanes,
			   STR("SELECT key FROM sign_in INDEXED BY sign_in_kind WHERE protocol = ?3 AND error_code = ?4 AND "
			       "key <= ?1 AND key >= ?2 ORDER BY key DESC"),
			   &lane, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int(lane->keys, 3, protocol);
	(void)sqlite3_bind_int64(lane->keys, 4, code);
	return OUTCOME_OK;
}

/* From one error code to the next, without the rows between them. */
enum outcome lanes_init_kind(struct lanes *lanes, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			     struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *next = NULL;
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("SELECT error_code FROM sign_in INDEXED BY sign_in_kind WHERE protocol = ?1 AND error_code > ?2 "
		    "ORDER BY error_code LIMIT 1"),
		&next, fault);

	*lanes = (struct lanes){ .ledger = ledger, .filter = filter, .low = low };
	for (int protocol = 0; protocol < PROTOCOLS && outcome == OUTCOME_OK; protocol++) {
		int64_t code = -1;

		while (outcome == OUTCOME_OK && !lanes->useless) {
			int step;

			(void)sqlite3_bind_int(next, 1, protocol);
			(void)sqlite3_bind_int64(next, 2, code);
			step = sqlite3_step(next);
			code = sqlite3_column_int64(next, 0);
			(void)sqlite3_reset(next);
			if (step != SQLITE_ROW)
				break;
			outcome = kind_look_at(lanes, protocol, code, fault);
		}
	}
	return outcome;
}

void lanes_done(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		(void)sqlite3_finalize(lanes->lanes[i].keys);
	free(lanes->lanes);
	*lanes = (struct lanes){ 0 };
}

/* To the greatest key that is at most `bound`. False: SQLite could not. */
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

enum outcome lanes_seek(struct lanes *lanes, int64_t bound, bool *ret_found, int64_t *ret_key, struct fault *fault)
{
	int64_t best = INT64_MIN;
	bool found = false;

	for (size_t i = 0; i < lanes->count; i++) {
		struct lane *lane = &lanes->lanes[i];

		if (!lane->over && (!lane->begun || lane->key > bound) && !lane_seek(lane, bound))
			return ledger_fault(lanes->ledger, N_("ledger: cannot read the sign-ins: %s"), fault);
		if (lane->over)
			continue;
		best = !found || lane->key > best ? lane->key : best;
		found = true;
	}
	*ret_found = found;
	*ret_key = best;
	return OUTCOME_OK;
}
