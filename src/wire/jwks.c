#include "wire/jwks.h"

#include <string.h>

#include "base/cleanup.h"

#define MEMBER_BYTES_MAX 2048

static struct str member(const json_t *key, const char *name)
{
	return str_of(json_string_value(json_object_get(key, name)));
}

/* RFC 7517, 4.2: `use` may be absent; a key for encryption is none for signatures. */
static bool is_for_signing(const json_t *key)
{
	struct str use = member(key, "use");

	return use.len == 0 || str_eq(use, STR("sig"));
}

static void take(const json_t *key, void (*each)(void *context, const struct jwk *key), void *context)
{
	bool rsa = str_eq(member(key, "kty"), STR("RSA"));
	bool p256 = str_eq(member(key, "kty"), STR("EC")) && str_eq(member(key, "crv"), STR("P-256"));
	CLEANUP(cleanup_buf) struct buf first = { .bytes_max = MEMBER_BYTES_MAX };
	CLEANUP(cleanup_buf) struct buf second = { .bytes_max = MEMBER_BYTES_MAX };
	struct jwk one = { .kind = rsa ? JWK_RSA : JWK_P256, .kid = member(key, "kid") };

	if ((!rsa && !p256) || !is_for_signing(key) || one.kid.len > JWT_KID_MAX ||
	    !base64url_parse(member(key, rsa ? "n" : "x"), &first) || !base64url_parse(member(key, rsa ? "e" : "y"), &second))
		return;
	one.first = buf_str(&first);
	one.second = buf_str(&second);
	each(context, &one);
}

bool jwks_parse(struct str text, void (*each)(void *context, const struct jwk *key), void *context)
{
	json_t *set = text.len <= JWKS_BYTES_MAX ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *keys = json_object_get(set, "keys");
	bool good = json_is_array(keys);

	for (size_t i = 0; good && i < json_array_size(keys) && i < JWKS_KEYS_MAX; i++)
		take(json_array_get(keys, i), each, context);
	json_decref(set);
	return good;
}
