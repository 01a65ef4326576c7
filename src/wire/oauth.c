#include "wire/oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/say.h"
#include "wire/oauth_aadsts.h"
#include "wire/text.h"

#define TOO_MANY_REQUESTS 429
#define EXPIRES_IN_S_MAX (366u * 86400)
#define EPOCH_S_MAX 253402300799 /* the last second of the year 9999 */

bool oauth_value_print(struct buf *out, struct str value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];
		bool plain = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
			     byte == '-' || byte == '.' || byte == '_';
		char coded[] = { '%', hex[byte >> 4], hex[byte & 15] };

		if (!(plain ? buf_add_byte(out, (char)byte) : buf_add(out, (struct str){ coded, sizeof(coded) })))
			return false;
	}
	return true;
}

bool oauth_form_begin(struct buf *ret_form)
{
	buf_init(ret_form, OAUTH_FORM_MAX);
	return buf_room(ret_form, OAUTH_FORM_MAX) != NULL;
}

bool oauth_form_add(struct buf *form, const char *name, struct str value)
{
	if (value.len == 0)
		return true;
	return (form->len == 0 || buf_add_byte(form, '&')) && buf_add(form, str_of(name)) && buf_add_byte(form, '=') &&
	       oauth_value_print(form, value);
}

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static struct str member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? (struct str){ json_string_value(value), json_string_length(value) } : STR("");
}

/* The first line only: after it come trace and correlation ids. */
static void describe(struct oauth_answer *answer, struct str text)
{
	text_clean_copy(str_trim(str_cut(&text, '\n')), sizeof(answer->description), answer->description);
}

/* The answer is none that OAuth knows: our own words. */
static void blame(struct oauth_answer *answer, const char *why)
{
	answer->why = why;
	describe(answer, str_of(why));
}

/* A number, or digits in a string as the older endpoint writes it; 0: not said. */
static uint64_t seconds_of(const json_t *value)
{
	uint64_t seconds = 0;

	if (json_is_integer(value) && json_integer_value(value) > 0)
		seconds = (uint64_t)json_integer_value(value);
	else if (json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < EXPIRES_IN_S_MAX)
		seconds = (uint64_t)json_real_value(value);
	else if (json_is_string(value) &&
		 !str_to_u64(str_of(json_string_value(value)), EXPIRES_IN_S_MAX, &seconds))
		seconds = 0;
	return seconds > EXPIRES_IN_S_MAX ? EXPIRES_IN_S_MAX : seconds;
}

/* It is going to stand in "auth=Bearer …" between ^A: RFC 6750's characters, and other visible ones that issuers use. */
static bool token_fits(struct str token, size_t bytes_max)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
			return false;
	}
	return token.len > 0 && token.len <= bytes_max;
}

static int64_t moment_of(const json_t *value)
{
	uint64_t moment = 0;

	if (json_is_integer(value) && json_integer_value(value) > 0)
		moment = (uint64_t)json_integer_value(value);
	else if (!json_is_string(value) || !str_to_u64(str_of(json_string_value(value)), EPOCH_S_MAX, &moment))
		moment = 0;
	return moment <= EPOCH_S_MAX ? (int64_t)moment : 0;
}

/* jansson frees a text as it is. */
static void wipe(struct str text)
{
	if (text.len > 0)
		explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

static bool take_token(const json_t *json, struct oauth_answer *answer)
{
	struct str token = member(json, "access_token");
	struct str refresh = member(json, "refresh_token");
	struct str type = member(json, "token_type");

	if (type.len > 0 && !str_eq_nocase(type, STR("Bearer"))) {
		blame(answer, N_("the token endpoint gave a token that is not of the type Bearer"));
	} else if (!token_fits(token, OAUTH_TOKEN_MAX) || (refresh.len > 0 && !token_fits(refresh, OAUTH_REFRESH_MAX))) {
		blame(answer, N_("the token endpoint gave a token that is too long or holds odd characters"));
	} else {
		answer->token = str_dup(token);
		answer->refresh_token = refresh.len > 0 ? str_dup(refresh) : NULL;
		answer->expires_in_s = seconds_of(json_object_get(json, "expires_in"));
		answer->expires_on_s = moment_of(json_object_get(json, "expires_on"));
		answer->good = answer->token && (refresh.len == 0 || answer->refresh_token);
		answer->passing = !answer->good; /* out of memory */
	}
	wipe(token);
	wipe(refresh);
	wipe(member(json, "id_token"));
	if (!answer->good)
		oauth_answer_done(answer);
	return answer->good;
}

static unsigned aadsts_of(const json_t *json, struct str description)
{
	const json_t *code = json_array_get(json_object_get(json, "error_codes"), 0);
	struct str prefix = STR("AADSTS");
	uint64_t number = 0;
	size_t digits = 0;

	if (json_is_integer(code) && json_integer_value(code) > 0 && json_integer_value(code) < UINT32_MAX)
		return (unsigned)json_integer_value(code);
	if (!str_starts(description, prefix))
		return 0;
	description = str_skip(description, prefix.len);
	while (digits < description.len && description.ptr[digits] >= '0' && description.ptr[digits] <= '9')
		digits++;
	return str_to_u64((struct str){ description.ptr, digits }, UINT32_MAX, &number) ? (unsigned)number : 0;
}

static bool take_error(const json_t *json, struct oauth_answer *answer)
{
	static const char *const passing[] = { "temporarily_unavailable", "server_error", "slow_down" };
	struct str error = member(json, "error");
	struct str description = member(json, "error_description");

	if (error.len == 0)
		return false;
	text_clean_copy(error, sizeof(answer->error), answer->error);
	answer->aadsts = aadsts_of(json, description);
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		answer->passing |= str_eq(error, str_of(passing[i]));
	answer->passing |= oauth_aadsts_passing(answer->aadsts);
	describe(answer, description.len > 0 ? description : error);
	return true;
}

/* A page for people comes from a proxy, a firewall, a captive portal, or an address that is no token endpoint. */
static const char *not_json(struct str body)
{
	struct str text = str_trim(body);

	if (text.len > 0 && text.ptr[0] == '<')
		return N_("a page for people came in place of the token endpoint's answer: is token-url right, and does a proxy or firewall stand "
			  "between?");
	return N_("the token endpoint's answer is not a JSON object");
}

bool oauth_answer_parse(unsigned status, struct str body, struct oauth_answer *ret_answer)
{
	CLEANUP(cleanup_json) json_t *json = NULL;

	*ret_answer = (struct oauth_answer){ .passing = status == TOO_MANY_REQUESTS || status >= 500 };
	if (body.len <= OAUTH_ANSWER_MAX && body.len > 0)
		json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json)) {
		blame(ret_answer, body.len > OAUTH_ANSWER_MAX ? N_("the token endpoint's answer is too long") : not_json(body));
		return false;
	}
	if (status >= 200 && status < 300 && json_object_get(json, "access_token"))
		return take_token(json, ret_answer);
	if (take_error(json, ret_answer))
		return true;
	blame(ret_answer, N_("the token endpoint's answer holds neither a token nor an error"));
	return false;
}

void oauth_answer_hide(struct oauth_answer *answer, struct str secret)
{
	struct str text = str_of(answer->description);

	if (secret.len < 4) /* what is shorter stands in ordinary words */
		return;
	for (size_t at = 0; at + secret.len <= text.len; at++) {
		if (memcmp(answer->description + at, secret.ptr, secret.len) == 0)
			memset(answer->description + at, '*', secret.len);
	}
}

static void drop(char **token)
{
	if (*token)
		explicit_bzero(*token, strlen(*token));
	free(*token);
	*token = NULL;
}

void oauth_answer_done(struct oauth_answer *answer)
{
	drop(&answer->token);
	drop(&answer->refresh_token);
}
