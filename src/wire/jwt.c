#include "wire/jwt.h"

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/say.h"

bool base64url_parse(struct str text, struct buf *out)
{
	size_t size = text.len / 4 * 3 + 3;
	size_t len = 0;
	char *room = buf_room(out, size);

	/* libsodium reads a byte over 127 as if it were a letter. */
	if (!room || !str_is_ascii(text) ||
	    sodium_base642bin((unsigned char *)room, size, text.ptr, text.len, NULL, &len, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return false;
	buf_grew(out, len);
	return true;
}

bool base64url_print(struct buf *out, struct str raw)
{
	size_t size = sodium_base64_encoded_len(raw.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *room = buf_room(out, size);

	if (!room)
		return false;
	(void)sodium_bin2base64(room, size, (const unsigned char *)raw.ptr, raw.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_grew(out, size - 1); /* without its NUL */
	return true;
}

static json_t *part_json(struct str part)
{
	CLEANUP(cleanup_buf) struct buf text = { .bytes_max = JWT_BYTES_MAX };
	json_t *json = NULL;

	if (base64url_parse(part, &text))
		json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	return json;
}

/* A member that is a string, and short enough. Absent: "" and true. */
static bool take_text(const json_t *object, const char *name, size_t size, char *ret_text)
{
	const json_t *value = json_object_get(object, name);

	ret_text[0] = '\0';
	if (!value)
		return true;
	return json_is_string(value) &&
	       str_copy((struct str){ json_string_value(value), json_string_length(value) }, size, ret_text);
}

static bool take_header(struct str part, struct jwt *jwt, const char **ret_why)
{
	json_t *header = part_json(part);
	bool good = false;

	if (!header)
		*ret_why = N_("the token's header is no JSON object in base64url");
	else if (json_object_get(header, "crit"))
		*ret_why = N_("the token demands an extension that is not known here (crit)");
	else if (!take_text(header, "alg", sizeof(jwt->algorithm), jwt->algorithm) || jwt->algorithm[0] == '\0')
		*ret_why = N_("the token names no signature algorithm (alg)");
	else if (!take_text(header, "kid", sizeof(jwt->kid), jwt->kid))
		*ret_why = N_("the token's key name (kid) is no text, or too long");
	else if (!take_text(header, "x5t#S256", sizeof(jwt->thumbprint), jwt->thumbprint))
		*ret_why = N_("the token's thumbprint (x5t#S256) is no text, or too long");
	else
		good = true;
	json_decref(header);
	return good;
}

bool jwt_parse(struct str token, struct jwt *ret_jwt, const char **ret_why)
{
	struct str rest = token;
	struct str header = str_cut(&rest, '.');
	struct str claims = str_cut(&rest, '.');
	struct jwt jwt = { .signed_part = { token.ptr, header.len + 1 + claims.len } };

	buf_init(&jwt.signature, JWT_BYTES_MAX);
	*ret_why = N_("the token is no JSON Web Token: it has not three parts");
	if (token.len > JWT_BYTES_MAX || header.len == 0 || claims.len == 0 || rest.len == 0 || str_find(rest, '.') < rest.len)
		return false;
	if (!take_header(header, &jwt, ret_why))
		return false;
	jwt.claims = part_json(claims);
	if (!jwt.claims) {
		*ret_why = N_("the token's claims are no JSON object in base64url");
	} else if (!base64url_parse(rest, &jwt.signature) || jwt.signature.len == 0) {
		*ret_why = N_("the token's signature is not base64url");
	} else {
		*ret_jwt = jwt;
		return true;
	}
	jwt_done(&jwt);
	return false;
}

void jwt_done(struct jwt *jwt)
{
	json_decref(jwt->claims);
	jwt->claims = NULL;
	buf_done(&jwt->signature);
}
