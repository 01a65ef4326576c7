#include "wire/oauth_authorize.h"

#include <string.h>

#include "wire/text.h"

bool oauth_authorize_print(struct buf *out, const struct oauth_authorize *authorize)
{
	const struct {
		const char *name;
		struct str value;
	} pairs[] = {
		{ "client_id", authorize->client_id },
		{ "response_type", STR("code") },
		{ "redirect_uri", authorize->redirect_url },
		{ "scope", authorize->scope },
		{ "state", authorize->state },
		{ "code_challenge", authorize->challenge },
		{ "code_challenge_method", STR("S256") },
		{ "access_type", STR("offline") },
		{ "prompt", STR("consent") },
	};
	char mark = str_find(authorize->url, '?') < authorize->url.len ? '&' : '?';

	if (!buf_add(out, authorize->url))
		return false;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (pairs[i].value.len == 0)
			continue;
		if (!buf_add_byte(out, mark) || !buf_add(out, str_of(pairs[i].name)) || !buf_add_byte(out, '=') ||
		    !oauth_value_print(out, pairs[i].value))
			return false;
		mark = '&';
	}
	return true;
}

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 0x20);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* False: too long, a broken escape, or a NUL. */
static bool decode(struct str value, size_t size, char *ret_text)
{
	size_t len = 0;

	for (size_t i = 0; i < value.len; i++) {
		char byte = value.ptr[i] == '+' ? ' ' : value.ptr[i];

		if (byte == '%') {
			if (i + 2 >= value.len || hex(value.ptr[i + 1]) < 0 || hex(value.ptr[i + 2]) < 0)
				return false;
			byte = (char)(unsigned char)(hex(value.ptr[i + 1]) << 4 | hex(value.ptr[i + 2]));
			i += 2;
		}
		if (byte == '\0' || len + 1 == size)
			return false;
		ret_text[len++] = byte;
	}
	ret_text[len] = '\0';
	return true;
}

static bool take(struct oauth_redirect *redirect, struct str name, struct str value)
{
	char description[1024];
	const struct {
		const char *name;
		char *text;
		size_t size;
	} fields[] = {
		{ "code", redirect->code, sizeof(redirect->code) },
		{ "state", redirect->state, sizeof(redirect->state) },
		{ "error", redirect->error, sizeof(redirect->error) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (!str_eq(name, str_of(fields[i].name)))
			continue;
		return fields[i].text[0] == '\0' && decode(value, fields[i].size, fields[i].text);
	}
	if (str_eq(name, STR("error_description")) && decode(text_cut(value, sizeof(description) - 1), sizeof(description), description)) {
		struct str rest = str_of(description);

		text_clean_copy(str_trim(str_cut(&rest, '\n')), sizeof(redirect->description), redirect->description);
	}
	return true;
}

bool oauth_redirect_parse(struct str text, struct oauth_redirect *ret_redirect)
{
	struct str rest = str_trim(text);
	struct str query;
	bool good = rest.len <= OAUTH_REDIRECT_MAX;

	*ret_redirect = (struct oauth_redirect){ 0 };
	(void)str_cut(&rest, '?');
	query = str_cut(&rest, '#');
	while (good && query.len > 0) {
		struct str pair = str_cut(&query, '&');
		struct str name = str_cut(&pair, '=');

		good = take(ret_redirect, name, pair);
	}
	for (size_t i = 0; good && ret_redirect->error[i]; i++)
		good = ret_redirect->error[i] > ' ' && ret_redirect->error[i] < 0x7f;
	if (good && (ret_redirect->code[0] == '\0') != (ret_redirect->error[0] == '\0'))
		return true;
	explicit_bzero(ret_redirect, sizeof(*ret_redirect));
	return false;
}
