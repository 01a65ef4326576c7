#include "wire/token_view.h"

#include "base/say.h"
#include "wire/jwt.h"
#include "wire/text.h"

#define EPOCH_S_MAX 253402300799 /* the last second of the year 9999 */

/* Which claim fills which member: the first that is there. To add one: a row. */
static const struct {
	const char *claim;
	size_t offset, size;
} rows[] = {
#define ROW(claim_, member) { claim_, offsetof(struct token_view, member), sizeof(((struct token_view *)0)->member) }
	ROW("aud", audience),
	ROW("tid", tenant),
	ROW("iss", issuer),
	ROW("appid", app),
	ROW("azp", app),
	ROW("client_id", app),
	ROW("upn", user),
	ROW("preferred_username", user),
	ROW("unique_name", user),
	ROW("email", user),
	ROW("roles", roles),
	ROW("scp", scopes),
	ROW("scope", scopes),
#undef ROW
};

static struct str text_of(const json_t *value)
{
	return (struct str){ json_string_value(value), json_string_length(value) };
}

/* A text, or a list of texts with blanks between; only the first of a list where one is meant. */
static void take(const json_t *value, bool all, size_t size, char *ret_text)
{
	const json_t *one;
	struct buf joined;
	bool room;
	size_t at;

	buf_init(&joined, size - 1);
	room = !json_is_string(value) || text_clean_print(&joined, text_of(value));
	json_array_foreach(value, at, one) {
		room = room && json_is_string(one) && (joined.len == 0 || buf_add_byte(&joined, ' ')) && text_clean_print(&joined, text_of(one));
		if (!room || !all)
			break;
	}
	text_clean_copy(buf_str(&joined), size, ret_text); /* what was too long is cut at a character */
	buf_done(&joined);
}

static int64_t seconds_of(const json_t *value)
{
	json_int_t seconds = json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < (double)EPOCH_S_MAX
				     ? (json_int_t)json_real_value(value)
				     : json_integer_value(value);

	return seconds > 0 && seconds <= EPOCH_S_MAX ? (int64_t)seconds : 0;
}

void token_view_parse(struct str token, struct token_view *ret_view)
{
	struct jwt jwt;
	const char *why;

	*ret_view = (struct token_view){ 0 };
	if (!jwt_parse(token, &jwt, &why)) {
		ret_view->why_opaque = why;
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = (char *)ret_view + rows[i].offset;

		if (text[0] == '\0')
			take(json_object_get(jwt.claims, rows[i].claim), text != ret_view->audience, rows[i].size, text);
	}
	ret_view->issued_s = seconds_of(json_object_get(jwt.claims, "iat"));
	ret_view->expires_s = seconds_of(json_object_get(jwt.claims, "exp"));
	jwt_done(&jwt);
}

bool token_view_has(const char *list, struct str right)
{
	struct str rest = str_of(list);

	while (rest.len > 0) {
		if (str_eq_nocase(str_cut(&rest, ' '), right))
			return true;
	}
	return false;
}
