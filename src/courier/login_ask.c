#include "courier/login_ask.h"

#include <string.h>

#include <sodium.h>

#include "base/random.h"
#include "courier/proof.h"
#include "wire/oauth_authorize.h"

#define RANDOM_BYTES 32

struct pair {
	const char *name;
	struct str value;
	bool secret;
};

static enum outcome ask(const struct upstream_settings *upstream, const char *url, const struct pair *pairs, size_t count,
			struct endpoint_request *ret_request, struct fault *fault)
{
	const struct grant_ask who = { .upstream = upstream };
	enum outcome outcome = OUTCOME_OK;

	if (!endpoint_request_begin(ret_request, url))
		outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++) {
		if (!oauth_form_add(&ret_request->form, pairs[i].name, pairs[i].value) ||
		    (pairs[i].secret && !endpoint_secret(ret_request, pairs[i].value)))
			outcome = fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), upstream->name);
	}
	if (outcome == OUTCOME_OK)
		outcome = proof_add(&who, ret_request, fault);
	if (outcome != OUTCOME_OK)
		endpoint_request_done(ret_request);
	return outcome;
}

enum outcome login_ask_device(const struct upstream_settings *upstream, struct endpoint_request *ret_request, struct fault *fault)
{
	const struct pair pairs[] = { { "scope", str_of(upstream->scope), false } };

	return ask(upstream, upstream->device_code_url, pairs, 1, ret_request, fault);
}

enum outcome login_ask_poll(const struct upstream_settings *upstream, const char *device_code, struct endpoint_request *ret_request, struct fault *fault)
{
	const struct pair pairs[] = {
		{ "grant_type", STR("urn:ietf:params:oauth:grant-type:device_code"), false },
		{ "device_code", str_of(device_code), true },
	};

	return ask(upstream, upstream->token_url, pairs, 2, ret_request, fault);
}

enum outcome login_ask_redeem(const struct upstream_settings *upstream, const char *code, const char *redirect_url, const char *verifier,
			      struct endpoint_request *ret_request, struct fault *fault)
{
	const struct pair pairs[] = {
		{ "grant_type", STR("authorization_code"), false },
		{ "code", str_of(code), true },
		{ "redirect_uri", str_of(redirect_url), false },
		{ "code_verifier", str_of(verifier), true },
	};

	return ask(upstream, upstream->token_url, pairs, 4, ret_request, fault);
}

static void encode(const unsigned char bytes[RANDOM_BYTES], char ret_text[LOGIN_VERIFIER_MAX])
{
	(void)sodium_bin2base64(ret_text, LOGIN_VERIFIER_MAX, bytes, RANDOM_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void login_random_text(char ret_text[LOGIN_VERIFIER_MAX])
{
	unsigned char bytes[RANDOM_BYTES];

	random_bytes(bytes, sizeof(bytes));
	encode(bytes, ret_text);
	sodium_memzero(bytes, sizeof(bytes));
}

bool login_page_print(struct buf *out, const struct upstream_settings *upstream, const char *redirect_url, const char *state, const char *verifier)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char challenge[LOGIN_VERIFIER_MAX];
	const struct oauth_authorize authorize = {
		.url = str_of(upstream->authorize_url),
		.client_id = str_of(upstream->client_id),
		.redirect_url = str_of(redirect_url),
		.scope = str_of(upstream->scope),
		.state = str_of(state),
		.challenge = { challenge, 43 }, /* 32 bytes in base64url */
	};

	(void)crypto_hash_sha256(hash, (const unsigned char *)verifier, strlen(verifier));
	encode(hash, challenge);
	return oauth_authorize_print(out, &authorize);
}
