#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "sandbox/token_private.h"

/* What Entra answers that is no token (Microsoft, error codes). A %s is what it is about. To add one: a row. */
static const struct {
	unsigned status, code;
	const char *error, *description;
} refusals[TOKEN_REFUSAL_COUNT] = {
	[NO_TENANT] = { 400, 90002, "invalid_request",
			"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud." },
	[NO_FIELD] = { 400, 900144, "invalid_request", "The request body must contain the following parameter: '%s'." },
	[NO_SECRET] = { 401, 7000218, "invalid_client",
			"The request body must contain the following parameter: 'client_assertion' or '%s'." },
	[BAD_VERB] = { 400, 900561, "invalid_request", "The endpoint only accepts POST requests. Received a %s request." },
	[BAD_GRANT] = { 400, 70003, "unsupported_grant_type", "The app requested an unsupported grant type '%s'." },
	[BAD_CLIENT] = { 400, 700016, "unauthorized_client",
			 "Application with identifier '%s' was not found in the directory '" SANDBOX_TENANT "'." },
	[BAD_SECRET] = { 401, 7000215, "invalid_client",
			 "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
			 "client secret ID, for a secret added to app '%s'." },
	[OLD_SECRET] = { 401, 7000222, "invalid_client", "The provided client secret keys for app '%s' are expired." },
	[BAD_SCOPE] = { 400, 70011, "invalid_scope",
			"The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not "
			"valid. The scope %s is not valid." },
	[NO_ROOM] = { 503, 90033, "temporarily_unavailable", "A transient error has occurred. Please try again." },
	[BAD_ASSERTION] = { 401, 700027, "invalid_client", "Client assertion failed signature validation. %s" },
	[ASSERTION_TIME] = { 401, 700024, "invalid_client", "Client assertion is not within its valid time range. %s" },
	[ASSERTION_AUDIENCE] = { 401, 700023, "invalid_client", "Client assertion audience claim does not match Realm issuer. %s" },
	[ASSERTION_AGAIN] = { 401, 50012, "invalid_client", "Authentication failed. The assertion was used before. %s" },
	[NO_CONSENT] = { 400, 65001, "invalid_grant",
			 "The user or administrator has not consented to use the application with ID '%s'. Send an interactive authorization "
			 "request for this user and resource." },
	[APP_OFF] = { 400, 7000112, "unauthorized_client", "Application '%s' is disabled." },
	[NO_RESOURCE] = { 400, 500011, "invalid_resource", "The resource principal named %s was not found in the tenant named " SANDBOX_TENANT "." },
	[NEEDS_MFA] = { 400, 50076, "invalid_grant",
			"Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor "
			"authentication to access '%s'." },
	[BY_POLICY] = { 400, 53003, "invalid_grant",
			"Access has been blocked by Conditional Access policies. The access policy does not allow token issuance. %s" },
	[PERSON_OFF] = { 400, 50057, "invalid_grant", "The user account is disabled. %s" },
	[OLD_REFRESH] = { 400, 700082, "invalid_grant", "The refresh token has expired due to inactivity. %s" },
	[USED_REFRESH] = { 400, 70000, "invalid_grant", "The provided refresh token was used before, and a newer one was given. %s" },
	[USED_CODE] = { 400, 54005, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new valid code. %s" },
	[BAD_VERIFIER] = { 400, 501481, "invalid_grant",
			   "The Code_Verifier does not match the code_challenge supplied in the authorization request. %s" },
	[PENDING] = { 400, 70016, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling. %s" },
	[DECLINED] = { 400, 70018, "authorization_declined", "The end user denied the authorization request. %s" },
	[TOO_FAST] = { 400, 0, "slow_down", "Poll more slowly. %s" },
	[OLD_CODE] = { 400, 70019, "expired_token", "Verification code expired. Have the user retry the sign-in. %s" },
	[THROTTLED] = { 429, 90055, "temporarily_unavailable", "The tenant has exceeded its request limit. %s" },
	[NO_METADATA] = { 400, 0, "invalid_request", "Required metadata header not specified: %s" },
	[UPDATING] = { 410, 0, "gone", "The metadata service is being updated. %s" },
};

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 0x20);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool token_form_value(struct str form, const char *name, char ret_value[TOKEN_VALUE_MAX])
{
	while (form.len > 0) {
		struct str pair = str_cut(&form, '&');
		struct str key = str_cut(&pair, '=');
		size_t len = 0;

		if (!str_eq(key, str_of(name)))
			continue;
		for (size_t i = 0; i < pair.len && len + 1 < TOKEN_VALUE_MAX; i++) {
			bool escaped = pair.ptr[i] == '%' && i + 2 < pair.len && hex(pair.ptr[i + 1]) >= 0 && hex(pair.ptr[i + 2]) >= 0;

			if (escaped)
				ret_value[len++] = (char)(unsigned char)(hex(pair.ptr[i + 1]) << 4 | hex(pair.ptr[i + 2]));
			else
				ret_value[len++] = pair.ptr[i] == '+' ? ' ' : pair.ptr[i];
			i += escaped ? 2 : 0;
		}
		ret_value[len] = '\0';
		return len > 0 && strlen(ret_value) == len;
	}
	ret_value[0] = '\0';
	return false;
}

unsigned token_refusal_status(enum token_refusal refusal)
{
	return refusals[refusal].status;
}

/* Whatever the client said comes back as UTF-8, at most a line of it. */
json_t *token_refusal_json(enum token_refusal refusal, const char *about)
{
	unsigned code = refusals[refusal].code;
	char when[CLOCK_RFC3339_MAX];
	char id[40];
	char text[1024];
	char description[1536];
	char number[32] = "";
	char shown[256];
	json_t *json;

	(void)snprintf(shown, sizeof(shown), "%s", str_is_ascii(str_of(about)) ? about : "?");
	clock_rfc3339_print(clock_real_us(), when);
	(void)snprintf(id, sizeof(id), "%08x-0000-4000-8000-0000%08x", random_below(UINT32_MAX), random_below(UINT32_MAX));
	(void)snprintf(text, sizeof(text), refusals[refusal].description, shown);
	if (code)
		(void)snprintf(number, sizeof(number), "AADSTS%u: ", code);
	(void)snprintf(description, sizeof(description), "%s%s SANDBOX\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s", number, text, id, id, when);
	(void)snprintf(text, sizeof(text), "https://login.microsoftonline.com/error?code=%u", code);
	json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "error", refusals[refusal].error, "error_description", description, "timestamp", when,
			 "trace_id", id, "correlation_id", id, "error_uri", text, "sandbox", 1);
	if (json && code)
		(void)json_object_set_new(json, "error_codes", json_pack("[i]", (int)code));
	return json;
}
