#include "wire/assertion.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "wire/jwt.h"

#define CLOCK_SLACK_S 60 /* nbf lies so far back: the endpoint's clock may be a little behind */

static bool set_text(json_t *object, const char *name, struct str text)
{
	if (text.len == 0)
		return true;
	return !memchr(text.ptr, 0, text.len) && json_object_set_new(object, name, json_stringn(text.ptr, text.len)) == 0;
}

static bool print_part(struct buf *out, json_t *part)
{
	char *text = part ? json_dumps(part, JSON_COMPACT) : NULL;
	bool printed = text && base64url_print(out, str_of(text));

	free(text);
	json_decref(part);
	return printed;
}

static json_t *header_of(const struct assertion *assertion)
{
	struct buf thumbprint;
	json_t *header = json_pack("{s:s%,s:s}", "alg", assertion->algorithm.ptr, assertion->algorithm.len, "typ", "JWT");

	buf_init(&thumbprint, 64);
	if (!header || !set_text(header, "kid", assertion->key_id) ||
	    (assertion->thumbprint.len > 0 && (!base64url_print(&thumbprint, assertion->thumbprint) ||
					       !set_text(header, "x5t#S256", buf_str(&thumbprint))))) {
		json_decref(header);
		header = NULL;
	}
	buf_done(&thumbprint);
	return header;
}

static json_t *claims_of(const struct assertion *assertion)
{
	json_int_t now_s = (json_int_t)assertion->now_s;
	json_t *claims = json_pack("{s:I,s:I,s:I}", "iat", now_s, "nbf", now_s - CLOCK_SLACK_S, "exp", now_s + assertion->lifetime_s);

	if (claims && set_text(claims, "aud", assertion->audience) && set_text(claims, "iss", assertion->issuer) &&
	    set_text(claims, "sub", assertion->subject) && set_text(claims, "jti", assertion->id) &&
	    set_text(claims, "scope", assertion->scope))
		return claims;
	json_decref(claims);
	return NULL;
}

bool assertion_print(struct buf *out, const struct assertion *assertion)
{
	return print_part(out, header_of(assertion)) && buf_add_byte(out, '.') && print_part(out, claims_of(assertion));
}
