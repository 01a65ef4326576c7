/* What a mechanism's parser takes, printed, is taken the same again; the user is one that fits, the secret has no NUL. */
#include <stdlib.h>

#include "wire/sasl.h"

static bool parse(enum sasl_mechanism mechanism, struct str raw, struct buf *keep, struct sasl_credentials *ret)
{
	if (mechanism == SASL_PLAIN)
		return sasl_plain_parse(raw, ret);
	return mechanism == SASL_XOAUTH2 ? sasl_xoauth2_parse(raw, ret) : sasl_oauthbearer_parse(raw, keep, ret);
}

static bool print(struct buf *out, const struct sasl_credentials *credentials)
{
	if (credentials->mechanism == SASL_PLAIN)
		return sasl_plain_print(out, credentials->user, credentials->secret);
	if (credentials->mechanism == SASL_XOAUTH2)
		return sasl_xoauth2_print(out, credentials->user, credentials->secret);
	return sasl_oauthbearer_print(out, credentials->user, STR("h"), 587, credentials->secret);
}

static void check(enum sasl_mechanism mechanism, struct str raw)
{
	struct sasl_credentials credentials, again;
	struct buf keep, out, again_keep;

	buf_init(&keep, 1 << 20);
	buf_init(&again_keep, 1 << 20);
	buf_init(&out, 1 << 20);
	if (parse(mechanism, raw, &keep, &credentials)) {
		if (credentials.mechanism != mechanism || !sasl_user_fits(credentials.user) ||
		    !sasl_secret_fits(credentials.secret) || !print(&out, &credentials) ||
		    !parse(mechanism, buf_str(&out), &again_keep, &again) ||
		    !str_eq(again.user, credentials.user) || !str_eq(again.secret, credentials.secret))
			abort();
		if (mechanism != SASL_PLAIN && credentials.secret.len == 0)
			abort();
	}
	buf_done(&keep);
	buf_done(&again_keep);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size };
	enum sasl_mechanism mechanism;

	check(SASL_PLAIN, raw);
	check(SASL_XOAUTH2, raw);
	check(SASL_OAUTHBEARER, raw);
	if (sasl_mechanism_parse(raw, &mechanism) && !str_eq_nocase(raw, str_of(sasl_name(mechanism))))
		abort();
	return 0;
}
