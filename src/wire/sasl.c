#include "wire/sasl.h"

#include <assert.h>

#define CONTROL_A '\001'

/* To add a mechanism: a name in the enum, a row here, its parser, and a row in smtp_auth.c. */
static const char *const names[] = {
	[SASL_LOGIN] = "LOGIN",
	[SASL_PLAIN] = "PLAIN",
	[SASL_XOAUTH2] = "XOAUTH2",
	[SASL_OAUTHBEARER] = "OAUTHBEARER",
};
static_assert(sizeof(names) / sizeof(*names) == SASL_MECHANISM_COUNT, "name each mechanism");

const char *sasl_name(enum sasl_mechanism mechanism)
{
	return names[mechanism];
}

bool sasl_mechanism_parse(struct str name, enum sasl_mechanism *ret_mechanism)
{
	for (int i = 0; i < SASL_MECHANISM_COUNT; i++) {
		if (str_eq_nocase(name, str_of(names[i]))) {
			*ret_mechanism = (enum sasl_mechanism)i;
			return true;
		}
	}
	return false;
}

/* C0, DEL and, as UTF-8, C1. */
static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		if (byte < 0x20 || byte == 0x7f)
			return true;
		if (byte == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
			return true;
	}
	return false;
}

bool sasl_user_fits(struct str user)
{
	return user.len > 0 && user.len <= SASL_USER_MAX && str_is_utf8(user) && !has_control(user);
}

bool sasl_secret_fits(struct str secret)
{
	return str_find(secret, '\0') == secret.len;
}

bool sasl_plain_parse(struct str raw, struct sasl_credentials *ret_credentials)
{
	struct sasl_credentials credentials = { .mechanism = SASL_PLAIN };

	if (str_find(raw, '\0') == raw.len)
		return false;
	credentials.authzid = str_cut(&raw, '\0');
	if (str_find(raw, '\0') == raw.len)
		return false;
	credentials.user = str_cut(&raw, '\0');
	credentials.secret = raw;
	if (!sasl_user_fits(credentials.user) || !sasl_secret_fits(credentials.secret) ||
	    (credentials.authzid.len && !sasl_user_fits(credentials.authzid)))
		return false;
	*ret_credentials = credentials;
	return true;
}

/* RFC 6750, 2.1, a little wider: whatever prints. */
static bool token_fits(struct str token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
			return false;
	}
	return token.len > 0;
}

/* "auth=Bearer TOKEN": the token, empty when it is not that. */
static struct str bearer_parse(struct str field)
{
	struct str with = STR("auth=Bearer ");

	if (!str_starts_nocase(field, with) || !token_fits(str_skip(field, with.len)))
		return STR("");
	return str_skip(field, with.len);
}

bool sasl_xoauth2_parse(struct str raw, struct sasl_credentials *ret_credentials)
{
	struct sasl_credentials credentials = { .mechanism = SASL_XOAUTH2 };
	struct str user = str_cut(&raw, CONTROL_A);

	if (!str_starts_nocase(user, STR("user=")) || str_find(raw, CONTROL_A) == raw.len)
		return false;
	credentials.user = str_skip(user, STR("user=").len);
	credentials.secret = bearer_parse(str_cut(&raw, CONTROL_A));
	if (!sasl_user_fits(credentials.user) || credentials.secret.len == 0 || !str_eq(raw, STR("\001")))
		return false;
	*ret_credentials = credentials;
	return true;
}

/* RFC 5801, 4 saslname: "=2C" and "=3D" undone; any other "=" is malformed. */
static bool saslname_parse(struct str text, struct buf *keep)
{
	while (text.len > 0) {
		size_t plain = str_find(text, '=');
		bool comma = str_starts(str_skip(text, plain), STR("=2C"));

		if (!buf_add(keep, (struct str){ text.ptr, plain }))
			return false;
		text = str_skip(text, plain);
		if (text.len == 0)
			break;
		if (!comma && !str_starts(text, STR("=3D")))
			return false;
		if (!buf_add_byte(keep, comma ? ',' : '='))
			return false;
		text = str_skip(text, 3);
	}
	return true;
}

/* The key=value pairs behind the gs2 header, each closed by ^A, and one more ^A: the one bearer token among them. */
static struct str pairs_parse(struct str pairs)
{
	struct str token = STR("");

	while (str_find(pairs, CONTROL_A) < pairs.len) {
		struct str pair = str_cut(&pairs, CONTROL_A);
		size_t equals = str_find(pair, '=');

		if (pair.len == 0)
			return pairs.len == 0 ? token : STR("");
		if (equals == 0 || equals == pair.len || has_control(pair))
			return STR("");
		if (!str_starts_nocase(pair, STR("auth=")))
			continue;
		if (token.len)
			return STR("");
		token = bearer_parse(pair);
		if (token.len == 0)
			return STR("");
	}
	return STR("");
}

bool sasl_oauthbearer_parse(struct str raw, struct buf *keep, struct sasl_credentials *ret_credentials)
{
	struct sasl_credentials credentials = { .mechanism = SASL_OAUTHBEARER };
	struct str head = str_cut(&raw, CONTROL_A);
	struct str binding = str_cut(&head, ',');
	struct str name = str_cut(&head, ',');

	if ((!str_eq(binding, STR("n")) && !str_eq(binding, STR("y"))) || head.len != 0 ||
	    !str_starts(name, STR("a=")) || name.ptr + name.len + 1 != head.ptr)
		return false;
	buf_clear(keep);
	if (!saslname_parse(str_skip(name, 2), keep))
		return false;
	credentials.user = buf_str(keep);
	credentials.authzid = credentials.user;
	credentials.secret = pairs_parse(raw);
	if (!sasl_user_fits(credentials.user) || credentials.secret.len == 0)
		return false;
	*ret_credentials = credentials;
	return true;
}

bool sasl_plain_print(struct buf *out, struct str user, struct str password)
{
	size_t before = out->len;

	if (buf_add_byte(out, '\0') && buf_add(out, user) && buf_add_byte(out, '\0') && buf_add(out, password))
		return true;
	out->len = before;
	return false;
}

bool sasl_xoauth2_print(struct buf *out, struct str user, struct str token)
{
	size_t before = out->len;

	if (buf_add(out, STR("user=")) && buf_add(out, user) && buf_add(out, STR("\001auth=Bearer ")) &&
	    buf_add(out, token) && buf_add(out, STR("\001\001")))
		return true;
	out->len = before;
	return false;
}

static bool saslname_print(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		struct str byte = { name.ptr + i, 1 };

		if (byte.ptr[0] == ',')
			byte = STR("=2C");
		else if (byte.ptr[0] == '=')
			byte = STR("=3D");
		if (!buf_add(out, byte))
			return false;
	}
	return true;
}

bool sasl_oauthbearer_print(struct buf *out, struct str user, struct str host, unsigned port, struct str token)
{
	size_t before = out->len;

	if (buf_add(out, STR("n,a=")) && saslname_print(out, user) && buf_add(out, STR(",\001host=")) &&
	    buf_add(out, host) && buf_add_format(out, "\001port=%u\001auth=Bearer ", port) && buf_add(out, token) &&
	    buf_add(out, STR("\001\001")))
		return true;
	out->len = before;
	return false;
}
