#include "domain/sign_in.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "domain/nearest.h"
#include "domain/policy.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TEXT_MAX 1024
#define CODE_MAX 99999999

static const char *const key_names[] = { "user", "ip", "client-app", "auth", "status", "code", "id", "since", "until" };
static_assert(COUNT(key_names) == SIGN_IN_KEY_COUNT + 2, "the keys in the order of their enum, then the two times");

#define KEYS "since, until, user, ip, client-app, auth, status, code, id"

/* The words that a key takes, and what they stand for. "smtp" and "legacy" are what the portal's filter calls Basic. */
#define WORDS_MAX 8

static const struct words {
	const char *all;
	struct {
		const char *name;
		uint32_t code;
	} rows[WORDS_MAX];
} client_apps = {
	"smtp, Authenticated SMTP, legacy, Mobile Apps and Desktop clients, Unknown",
	{ { "smtp", AUTH_PROTOCOL_BASIC },
	  { "Authenticated SMTP", AUTH_PROTOCOL_BASIC },
	  { "legacy", AUTH_PROTOCOL_BASIC },
	  { "Legacy Authentication Clients", AUTH_PROTOCOL_BASIC },
	  { "Mobile Apps and Desktop clients", AUTH_PROTOCOL_OAUTH },
	  { "Unknown", AUTH_PROTOCOL_NONE } },
}, protocols = {
	"basic, oauth, none",
	{ { "basic", AUTH_PROTOCOL_BASIC }, { "oauth", AUTH_PROTOCOL_OAUTH }, { "none", AUTH_PROTOCOL_NONE } },
}, statuses = { "success, failure", { { "success", 0 }, { "failure", 1 } } };

static bool word_parse(const char *key, struct str value, const struct words *words, uint32_t *ret_code, struct fault *fault)
{
	const char *names[WORDS_MAX];
	size_t count = 0;
	struct str near;

	for (; count < WORDS_MAX && words->rows[count].name; count++) {
		names[count] = words->rows[count].name;
		if (str_eq_nocase(value, str_of(names[count]))) {
			*ret_code = words->rows[count].code;
			return true;
		}
	}
	near = nearest(value, names, count);
	if (near.len)
		(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no value for %s: did you mean \"%.*s\"? It takes: %s"),
				STR_ARG(value), key, STR_ARG(near), words->all);
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no value for %s. It takes: %s"), STR_ARG(value), key,
				words->all);
	return false;
}

static bool code_parse(struct str value, uint32_t *ret_code, struct fault *fault)
{
	uint64_t code;

	if (str_starts_nocase(value, STR("AADSTS")))
		value = str_skip(value, 6);
	if (!str_to_u64(value, CODE_MAX, &code)) {
		(void)fault_set(fault, OUTCOME_NEVER,
				N_("\"%.*s\" is no error code: write its number, 50126 or AADSTS50126; 0 is success"),
				STR_ARG(value));
		return false;
	}
	*ret_code = (uint32_t)code;
	return true;
}

static bool ip_term_parse(struct str value, struct cidr *ret_cidr, struct fault *fault)
{
	if (cidr_parse(value, ret_cidr))
		return true;
	(void)fault_set(fault, OUTCOME_NEVER,
			N_("\"%.*s\" is no address and no network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32; what is "
			   "behind the prefix must be 0"),
			STR_ARG(value));
	return false;
}

/* The letters and digits of one of ours, or any other name without blanks: an imported row keeps its own. */
static bool id_parse(struct str value, char ret_id[EVENT_ID_LEN + 1], struct fault *fault)
{
	if (event_id_parse(value, ret_id))
		return true;
	ret_id[0] = '\0';
	if (value.len <= 64 && str_is_ascii(value) && str_find(value, ' ') == value.len)
		return true;
	(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no event ID: it is the %d letters and digits in brackets at the "
						 "end of the reply that the device got"),
			STR_ARG(value), EVENT_ID_LEN);
	return false;
}

static bool term_parse(enum sign_in_key key, struct str value, struct sign_in_term *ret_term, struct fault *fault)
{
	const char *name = key_names[key];

	if (value.len == 0 || value.len > TEXT_MAX) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("%s needs a value of 1 to %d bytes"), name, TEXT_MAX);
		return false;
	}
	switch (key) {
	case SIGN_IN_USER:
		return true;
	case SIGN_IN_IP:
		return ip_term_parse(value, &ret_term->cidr, fault);
	case SIGN_IN_CLIENT_APP:
		return word_parse(name, value, &client_apps, &ret_term->code, fault);
	case SIGN_IN_AUTH:
		return word_parse(name, value, &protocols, &ret_term->code, fault);
	case SIGN_IN_STATUS:
		return word_parse(name, value, &statuses, &ret_term->code, fault);
	case SIGN_IN_CODE:
		return code_parse(value, &ret_term->code, fault);
	case SIGN_IN_ID:
		return id_parse(value, ret_term->id, fault);
	case SIGN_IN_KEY_COUNT:
		break;
	}
	return false;
}

static bool time_set(struct sign_in_filter *filter, bool is_since, struct str value, int64_t now_us, struct fault *fault)
{
	int64_t time_us;

	if (clock_span_parse(value, &time_us)) {
		time_us = now_us - time_us;
	} else if (!clock_rfc3339_parse(value, &time_us)) {
		(void)fault_set(fault, OUTCOME_NEVER,
				N_("\"%.*s\" is no time: write 2026-11-24, 2026-11-24T08:30:00+09:00, or how long ago: 90s, 15m, "
				   "1h, 7d, 2w"),
				STR_ARG(value));
		return false;
	}
	if (time_us <= 0)
		time_us = 1; /* 0 would mean: open */
	if (is_since && time_us > filter->since_us)
		filter->since_us = time_us;
	if (!is_since && (filter->until_us == 0 || time_us < filter->until_us))
		filter->until_us = time_us;
	return true;
}

static bool no_such_key(struct str key, struct fault *fault)
{
	struct str near = nearest(key, key_names, COUNT(key_names));

	if (near.len)
		(void)fault_set(fault, OUTCOME_NEVER, N_("there is no filter \"%.*s\": did you mean \"%.*s\"? There are: %s"),
				STR_ARG(key), STR_ARG(near), KEYS);
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("there is no filter \"%.*s\". There are: %s"), STR_ARG(key), KEYS);
	return false;
}

static const size_t term_offsets[] = {
	[SIGN_IN_USER] = offsetof(struct sign_in_filter, user),
	[SIGN_IN_IP] = offsetof(struct sign_in_filter, ip),
	[SIGN_IN_CLIENT_APP] = offsetof(struct sign_in_filter, client_app),
	[SIGN_IN_AUTH] = offsetof(struct sign_in_filter, auth),
	[SIGN_IN_STATUS] = offsetof(struct sign_in_filter, status),
	[SIGN_IN_CODE] = offsetof(struct sign_in_filter, code),
	[SIGN_IN_ID] = offsetof(struct sign_in_filter, id),
};
static_assert(COUNT(term_offsets) == SIGN_IN_KEY_COUNT, "a named term for each key");

bool sign_in_filter_set(struct sign_in_filter *filter, struct str key, struct str value, bool negated, int64_t now_us,
			struct fault *fault)
{
	struct sign_in_term term = { .given = true, .negated = negated };
	struct sign_in_term *named;
	size_t at = 0;

	/* Not since a time is until it, and the other way round. */
	if (str_eq(key, STR("since")) || str_eq(key, STR("until")))
		return time_set(filter, str_eq(key, STR("since")) != negated, value, now_us, fault);
	while (at < SIGN_IN_KEY_COUNT && !str_eq(key, str_of(key_names[at])))
		at++;
	if (at == SIGN_IN_KEY_COUNT)
		return no_such_key(key, fault);
	term.text = str_trim(value);
	if (!term_parse((enum sign_in_key)at, term.text, &term, fault))
		return false;
	named = (struct sign_in_term *)((char *)filter + term_offsets[at]);
	if (!named->given) {
		*named = term;
		return true;
	}
	if (filter->more_count == SIGN_IN_FILTER_MORE_MAX) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("too many filters: at most %d values beside the first of each"),
				SIGN_IN_FILTER_MORE_MAX);
		return false;
	}
	filter->more[filter->more_count].key = (enum sign_in_key)at;
	filter->more[filter->more_count++].term = term;
	return true;
}

const struct sign_in_term *sign_in_filter_next(const struct sign_in_filter *filter, size_t *at, enum sign_in_key *ret_key)
{
	while (*at < SIGN_IN_KEY_COUNT) {
		const char *named = (const char *)filter + term_offsets[*at];
		const struct sign_in_term *term = (const struct sign_in_term *)named;

		*ret_key = (enum sign_in_key)(*at)++;
		if (term->given)
			return term;
	}
	if (*at - SIGN_IN_KEY_COUNT < filter->more_count) {
		size_t more = (*at)++ - SIGN_IN_KEY_COUNT;

		*ret_key = filter->more[more].key;
		return &filter->more[more].term;
	}
	return NULL;
}

#define REQUEST_ID_LEN 36 /* a GUID */

bool sign_in_id_is_within(const struct sign_in_term *term)
{
	return !term->id[0] && term->text.len == REQUEST_ID_LEN;
}

static bool term_fits(enum sign_in_key key, const struct sign_in_term *term, const struct sign_in *row)
{
	unsigned char ip[16];

	switch (key) {
	case SIGN_IN_USER:
		return str_starts(term->text, STR("@")) ? str_ends_nocase(row->user, term->text)
							: str_eq_nocase(row->user, term->text);
	case SIGN_IN_IP:
		return ip_parse(row->ip, ip) && cidr_has(&term->cidr, ip);
	case SIGN_IN_CLIENT_APP:
	case SIGN_IN_AUTH:
		return row->protocol == term->code;
	case SIGN_IN_STATUS:
		return (row->error_code != 0) == (term->code != 0);
	case SIGN_IN_CODE:
		return row->error_code == term->code;
	case SIGN_IN_ID:
		return str_eq_nocase(row->event_id, term->id[0] ? str_of(term->id) : term->text) ||
		       (sign_in_id_is_within(term) && str_eq_nocase(sign_in_request_id(row), term->text));
	case SIGN_IN_KEY_COUNT:
		break;
	}
	return false;
}

bool sign_in_fits_keys(const struct sign_in_filter *filter, unsigned keys, const struct sign_in *row)
{
	unsigned asked = 0; /* keys of which a plain value was given … */
	unsigned found = 0; /* … and those of which one fitted */
	const struct sign_in_term *term;
	enum sign_in_key key;
	size_t at = 0;

	while ((term = sign_in_filter_next(filter, &at, &key))) {
		bool fits;

		if (!(keys & 1u << key))
			continue;
		fits = term_fits(key, term, row);
		if (term->negated && fits)
			return false;
		asked |= term->negated ? 0 : 1u << key;
		found |= term->negated || !fits ? 0 : 1u << key;
	}
	return asked == found;
}

bool sign_in_fits(const struct sign_in_filter *filter, const struct sign_in *row)
{
	if ((filter->since_us && row->created_us < filter->since_us) ||
	    (filter->until_us && row->created_us >= filter->until_us))
		return false;
	return sign_in_fits_keys(filter, ~0u, row);
}
