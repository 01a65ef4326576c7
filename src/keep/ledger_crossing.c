#include "keep/ledger_crossing.h"

static bool is_asked(const struct sign_in_filter *filter, enum sign_in_key wanted, bool also_negated)
{
	const struct sign_in_term *term;
	enum sign_in_key key;
	size_t at = 0;

	while ((term = sign_in_filter_next(filter, &at, &key))) {
		if (key == wanted && (also_negated || !term->negated))
			return true;
	}
	return false;
}

/* Protocols and codes are so few that the index helps where only negated ones are given, too. */
static bool kind_is_asked(const struct sign_in_filter *filter)
{
	return is_asked(filter, SIGN_IN_CLIENT_APP, true) || is_asked(filter, SIGN_IN_AUTH, true) ||
	       is_asked(filter, SIGN_IN_STATUS, true) || is_asked(filter, SIGN_IN_CODE, true);
}

enum outcome crossing_init(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   int64_t high, struct fault *fault)
{
	static const enum sign_in_key by_bucket[] = { SIGN_IN_USER, SIGN_IN_IP };
	enum outcome outcome = OUTCOME_OK;

	*crossing = (struct crossing){ 0 };
	if (is_asked(filter, SIGN_IN_ID, false))
		outcome = lanes_init_id(&crossing->lanes[crossing->lanes_count++], ledger, filter, low, fault);
	for (size_t i = 0; i < 2 && outcome == OUTCOME_OK; i++) {
		if (is_asked(filter, by_bucket[i], false))
			outcome = buckets_init(&crossing->buckets[crossing->buckets_count++], ledger, filter, by_bucket[i], low, high,
					       fault);
	}
	if (outcome == OUTCOME_OK && kind_is_asked(filter)) {
		struct lanes *lanes = &crossing->lanes[crossing->lanes_count++];

		outcome = lanes_init_kind(lanes, ledger, filter, low, fault);
		if (outcome == OUTCOME_OK && lanes->useless) {
			lanes_done(lanes);
			crossing->lanes_count--;
		}
	}
	return outcome;
}

void crossing_done(struct crossing *crossing)
{
	for (size_t i = 0; i < crossing->lanes_count; i++)
		lanes_done(&crossing->lanes[i]);
	for (size_t i = 0; i < crossing->buckets_count; i++)
		buckets_done(&crossing->buckets[i]);
	*crossing = (struct crossing){ 0 };
}

size_t crossing_count(const struct crossing *crossing)
{
	return crossing->lanes_count + crossing->buckets_count;
}

static enum outcome seek(struct crossing *crossing, size_t at, int64_t bound, bool *ret_found, int64_t *ret_key,
			 struct fault *fault)
{
	if (at < crossing->lanes_count)
		return lanes_seek(&crossing->lanes[at], bound, ret_found, ret_key, fault);
	return buckets_seek(&crossing->buckets[at - crossing->lanes_count], bound, ret_found, ret_key, fault);
}

enum outcome crossing_next(struct crossing *crossing, int64_t high, bool *ret_found, int64_t *ret_key, struct fault *fault)
{
	size_t count = crossing_count(crossing);
	size_t agree = 0;
	size_t at = 0;
	int64_t key = high;

	while (agree < count) {
		int64_t found_key;
		bool found;
		enum outcome outcome = seek(crossing, at, key, &found, &found_key, fault);

		if (outcome != OUTCOME_OK || !found) {
			*ret_found = false;
			return outcome;
		}
		agree = found_key == key ? agree + 1 : 1;
		key = found_key;
		at = (at + 1) % count;
	}
	*ret_found = true;
	*ret_key = key;
	return OUTCOME_OK;
}
