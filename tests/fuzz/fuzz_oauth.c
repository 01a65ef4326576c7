/* Whatever a token endpoint sends: a good answer has a token that fits between ^A, any other none; the words are UTF-8 without
 * controls. And a request gives its values back. */
#include <stdlib.h>
#include <string.h>

#include "wire/oauth.h"

static void check_text(const char *text, size_t size)
{
	struct str all = str_of(text);

	if (all.len >= size || !str_is_utf8(all))
		abort();
	for (size_t i = 0; i < all.len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
	}
}

static void check_answer(unsigned status, struct str body)
{
	struct oauth_answer answer;
	bool read = oauth_answer_parse(status, body, &answer);

	if (answer.good != (answer.token != NULL) || (answer.refresh_token && !answer.good) || (answer.good && (!read || status < 200 || status > 299)))
		abort();
	if (answer.token && (strlen(answer.token) > OAUTH_TOKEN_MAX || answer.token[0] == '\0' ||
			     strpbrk(answer.token, "\1\r\n \t")))
		abort();
	if (!answer.good && answer.description[0] == '\0' && answer.error[0] == '\0' && !read)
		abort();
	check_text(answer.error, sizeof(answer.error));
	check_text(answer.description, sizeof(answer.description));
	oauth_answer_hide(&answer, STR("AADSTS"));
	if (strstr(answer.description, "AADSTS"))
		abort();
	oauth_answer_done(&answer);
}

static void check_request(struct str secret)
{
	struct str rest;
	struct buf out;
	size_t at = 0;

	if (secret.len > OAUTH_FORM_MAX / 4)
		return;
	if (!oauth_form_begin(&out) || !oauth_form_add(&out, "client_id", STR("id")) || !oauth_form_add(&out, "client_secret", secret) ||
	    !oauth_form_add(&out, "scope", STR("scope")))
		abort();
	rest = buf_str(&out);
	(void)str_cut(&rest, '&');
	rest = secret.len > 0 ? str_skip(str_cut(&rest, '&'), strlen("client_secret=")) : STR("");
	for (size_t i = 0; i < rest.len; i++, at++) {
		char byte = rest.ptr[i];

		if (byte == '%') {
			char hex[3] = { rest.ptr[i + 1], rest.ptr[i + 2], '\0' };

			byte = (char)strtoul(hex, NULL, 16);
			i += 2;
		}
		if (at >= secret.len || byte != secret.ptr[at])
			abort();
	}
	if (at != secret.len)
		abort();
	buf_wipe(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned statuses[] = { 200, 400, 401, 429, 503, 201 };
	struct str input = { (const char *)data, size };

	if (size < 1)
		return 0;
	check_answer(statuses[data[0] % 6], str_skip(input, 1));
	check_request(input);
	return 0;
}
