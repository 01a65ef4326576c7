#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "courier/grant.h"
#include "courier/signed_assertion.h"

#define KEY_FILE_BYTES_MAX 65536

static struct str member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? (struct str){ json_string_value(value), json_string_length(value) } : STR("");
}

static void wipe_json(json_t **json)
{
	struct str key = member(*json, "private_key");

	if (key.len > 0)
		explicit_bzero((char *)(uintptr_t)key.ptr, key.len); /* jansson frees it as it is */
	json_decref(*json);
}

/* Google, "Using OAuth 2.0 for server to server applications": RS256, the mailbox as sub, the scope within. */
static enum outcome add_assertion(const struct grant_ask *ask, const json_t *key, struct endpoint_request *request, struct fault *fault)
{
	const struct upstream_settings *upstream = ask->upstream;
	CLEANUP(buf_wipe) struct buf token = { .bytes_max = ASSERTION_BYTES_MAX };
	struct jws_signer *signer = NULL;
	struct assertion assertion = {
		.issuer = member(key, "client_email"),
		.subject = ask->mailbox,
		.audience = str_of(upstream->token_url),
		.scope = str_of(upstream->scope),
		.key_id = member(key, "private_key_id"),
	};
	enum outcome outcome = jws_signer_load(STR(""), member(key, "private_key"), STR(""), upstream->service_account_file, &signer, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (!signed_assertion_print(&token, &assertion, signer, JWS_RS256) || !oauth_form_add(&request->form, "assertion", buf_str(&token)) ||
	    !endpoint_secret(request, buf_str(&token)))
		outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	jws_signer_free(signer);
	return outcome;
}

enum outcome grant_google_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	const char *path = ask->upstream->service_account_file;
	CLEANUP(buf_wipe) struct buf text = { 0 };
	CLEANUP(wipe_json) json_t *key = NULL;

	if (file_load_secret(path, KEY_FILE_BYTES_MAX, &text, fault) != OUTCOME_OK)
		return fault->outcome;
	key = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!str_eq(member(key, "type"), STR("service_account")) || member(key, "client_email").len == 0 || member(key, "private_key").len == 0)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("%s is no key of a Google service account: make one as JSON in the Google Cloud console (IAM, service accounts, keys)"),
				 path);
	if (ask->mailbox.len == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("a service account signs in as one mailbox, and none is named"));
	if (!oauth_form_add(&request->form, "grant_type", STR("urn:ietf:params:oauth:grant-type:jwt-bearer")))
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	return add_assertion(ask, key, request, fault);
}
