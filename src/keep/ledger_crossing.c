#include "keep/ledger_crossing.h"

#include <string.h>

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

static bool in_domain(const void *domain, sqlite3_stmt *row)
{
	return str_ends_nocase(ledger_column_str(row, 1), *(const struct str *)domain);
}

/* A user, or all of them for those of a domain. */
static enum outcome read_user(struct buckets *buckets, struct bucket *bucket, const struct sign_in_term *term,
			      struct fault *fault)
{
	bool domain = str_starts(term->text, STR("@"));

	ledger_bind_str(buckets->keys, 3, domain ? STR("") : term->text);
	if (domain) /* to SQLite any blob is greater than any text */
		(void)sqlite3_bind_zeroblob(buckets->keys, 4, 0);
	else
		ledger_bind_str(buckets->keys, 4, term->text);
	return bucket_collect(buckets, bucket, domain ? in_domain : NULL, &term->text, fault);
}

/* From the first to the last address of a network. */
static enum outcome read_network(struct buckets *buckets, struct bucket *bucket, const struct sign_in_term *term,
				 struct fault *fault)
{
	unsigned char last[16];

	memcpy(last, term->cidr.ip, sizeof(last));
	for (unsigned bit = term->cidr.bits; bit < 128; bit++)
		last[bit / 8] |= (unsigned char)(0x80u >> bit % 8);
	(void)sqlite3_bind_blob(buckets->keys, 3, term->cidr.ip, sizeof(term->cidr.ip), SQLITE_STATIC);
	(void)sqlite3_bind_blob(buckets->keys, 4, last, sizeof(last), SQLITE_TRANSIENT);
	return bucket_collect(buckets, bucket, NULL, NULL, fault);
}

static enum outcome read_terms(struct buckets *buckets, struct bucket *bucket, struct fault *fault)
{
	const struct crossing_look *look = buckets->context;
	const struct sign_in_term *term;
	enum outcome outcome = OUTCOME_OK;
	enum sign_in_key key;
	size_t at = 0;

	while (outcome == OUTCOME_OK && (term = sign_in_filter_next(look->filter, &at, &key))) {
		if (key != look->key || term->negated)
			continue;
		outcome = key == SIGN_IN_USER ? read_user(buckets, bucket, term, fault)
					      : read_network(buckets, bucket, term, fault);
	}
	return outcome;
}

static enum outcome add_buckets(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter,
				enum sign_in_key key, int64_t low, int64_t high, struct fault *fault)
{
	struct buckets *buckets = &crossing->buckets[crossing->buckets_count];
	struct crossing_look *look = &crossing->looks[crossing->buckets_count];
	enum outcome outcome;

	crossing->buckets_count++;
	*look = (struct crossing_look){ filter, key };
	outcome = buckets_init(buckets, ledger, LEDGER_SIGN_INS,
			       key == SIGN_IN_USER ? STR("SELECT key, user FROM sign_in INDEXED BY sign_in_user WHERE bucket = ?1 AND "
							 "key >= ?2 AND user >= ?3 AND user <= ?4")
						   : STR("SELECT key FROM sign_in INDEXED BY sign_in_ip WHERE bucket = ?1 AND "
							 "key >= ?2 AND ip_raw >= ?3 AND ip_raw <= ?4"),
			       low, high, fault);
	buckets->read = read_terms;
	buckets->context = look;
	return outcome;
}

static enum outcome add_kinds(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter,
			      int64_t low, struct fault *fault)
{
	struct lanes *lanes = &crossing->lanes[crossing->lanes_count++];
	enum outcome outcome = lanes_init_kind(lanes, ledger, filter, low, fault);

	if (outcome == OUTCOME_OK && lanes->useless) {
		lanes_done(lanes);
		crossing->lanes_count--;
	}
	return outcome;
}

/* Then the rows have to be looked at. */
static bool id_is_within(const struct sign_in_filter *filter)
{
	const struct sign_in_term *term;
	enum sign_in_key key;
	size_t at = 0;

	while ((term = sign_in_filter_next(filter, &at, &key))) {
		if (key == SIGN_IN_ID && !term->negated && sign_in_id_is_within(term))
			return true;
	}
	return false;
}

enum outcome crossing_init(struct crossing *crossing, struct ledger *ledger, const struct sign_in_filter *filter, int64_t low,
			   int64_t high, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	*crossing = (struct crossing){ 0 };
	if (is_asked(filter, SIGN_IN_ID, false) && !id_is_within(filter))
		outcome = lanes_init_id(&crossing->lanes[crossing->lanes_count++], ledger, filter, low, fault);
	if (outcome == OUTCOME_OK && is_asked(filter, SIGN_IN_USER, false))
		outcome = add_buckets(crossing, ledger, filter, SIGN_IN_USER, low, high, fault);
	if (outcome == OUTCOME_OK && is_asked(filter, SIGN_IN_IP, false))
		outcome = add_buckets(crossing, ledger, filter, SIGN_IN_IP, low, high, fault);
	if (outcome == OUTCOME_OK && kind_is_asked(filter))
		outcome = add_kinds(crossing, ledger, filter, low, fault);
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
