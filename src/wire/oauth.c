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

static bool add_form_value(struct buf *out, struct str value)
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

bool oauth_request_print(struct buf *out, const struct oauth_request *request)
{
	const struct {
		struct str name;
		struct str value;
	} pairs[] = {
		{ STR("grant_type="), STR("client_credentials") },
		{ STR("&client_id="), request->client_id },
		{ STR("&client_secret="), request->client_secret },
		{ STR("&scope="), request->scope },
	};

	/* Room for the longest form first: growing later would leave copies of the secret behind. */
	if (!buf_room(out, 64 + 3 * (request->client_id.len + request->client_secret.len + request->scope.len)))
		return false;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (pairs[i].value.len == 0)
			continue; /* RFC 6749, 4.4.2: scope may be left out */
		if (!buf_add(out, pairs[i].name) || !add_form_value(out, pairs[i].value))
			return false;
	}
	return true;
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
static bool token_fits(struct str token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
			return false;
	}
	return token.len > 0 && token.len <= OAUTH_TOKEN_MAX;
}

static bool take_token(const json_t *json, struct oauth_answer *answer)
{
	struct str token = member(json, "access_token");
	struct str type = member(json, "token_type");

	if (type.len > 0 && !str_eq_nocase(type, STR("Bearer"))) {
		describe(answer, STR(N_("the token endpoint gave a token that is not of the type Bearer")));
	} else if (!token_fits(token)) {
		describe(answer, STR(N_("the token endpoint gave a token that is too long or holds odd characters")));
	} else {
		answer->token = str_dup(token);
		answer->expires_in_s = seconds_of(json_object_get(json, "expires_in"));
		answer->good = answer->token != NULL;
		if (!answer->good)
			answer->passing = true; /* out of memory */
	}
	if (token.len > 0)
		explicit_bzero((char *)(uintptr_t)token.ptr, token.len); /* jansson frees it as it is */
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

bool oauth_answer_parse(unsigned status, struct str body, struct oauth_answer *ret_answer)
{
	CLEANUP(cleanup_json) json_t *json = NULL;

	*ret_answer = (struct oauth_answer){ .passing = status == TOO_MANY_REQUESTS || status >= 500 };
	if (body.len <= OAUTH_ANSWER_MAX && body.len > 0)
		json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json)) {
		describe(ret_answer, body.len > OAUTH_ANSWER_MAX
					     ? STR(N_("the token endpoint's answer is too long"))
					     : STR(N_("the token endpoint's answer is not a JSON object")));
		return false;
	}
	if (status >= 200 && status < 300 && json_object_get(json, "access_token"))
		return take_token(json, ret_answer);
	if (take_error(json, ret_answer))
		return true;
	describe(ret_answer, STR(N_("the token endpoint's answer holds neither a token nor an error")));
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

void oauth_answer_done(struct oauth_answer *answer)
{
	if (answer->token)
		explicit_bzero(answer->token, strlen(answer->token));
	free(answer->token);
	answer->token = NULL;
}
