#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "sandbox/token_private.h"
#include "sys/jws.h"
#include "wire/jwt.h"

#define ASSERTION_S_MAX 900
#define SKEW_S_MAX 300

static struct str claim(const struct jwt *jwt, const char *name)
{
	const json_t *value = json_object_get(jwt->claims, name);

	return json_is_string(value) ? (struct str){ json_string_value(value), json_string_length(value) } : STR("");
}

static int64_t moment(const struct jwt *jwt, const char *name)
{
	return json_integer_value(json_object_get(jwt->claims, name));
}

/* Signed with the key of the registered certificate, and saying which (x5t#S256); a federated token needs not to say. */
static bool is_signed(struct sandbox *sandbox, const struct jwt *jwt, bool federated)
{
	unsigned char thumbprint[32];
	struct jws_key *key = jws_key_certificate(buf_str(&sandbox->application.certificate), thumbprint);
	enum jws_algorithm algorithm;
	struct buf text;
	bool good;

	buf_init(&text, 64);
	good = key && base64url_print(&text, (struct str){ (const char *)thumbprint, sizeof(thumbprint) }) &&
	       (federated || str_eq(buf_str(&text), str_of(jwt->thumbprint))) && jws_algorithm_parse(str_of(jwt->algorithm), &algorithm) &&
	       jws_verify(key, algorithm, jwt->signed_part, buf_str(&jwt->signature));
	buf_done(&text);
	jws_key_free(key);
	return good;
}

static void own_url(const struct sandbox *sandbox, char ret_url[256])
{
	(void)snprintf(ret_url, 256, "https://localhost:%u/" SANDBOX_TENANT "/oauth2/v2.0/token", sandbox->https_port);
}

static enum token_refusal judge_claims(struct sandbox *sandbox, const struct jwt *jwt, bool federated, char *about)
{
	int64_t now_s = clock_real_us() / 1000000;
	int64_t ends_s = moment(jwt, "exp");
	char audience[256];
	char id[PEOPLE_VALUE_MAX];

	own_url(sandbox, audience);
	if (faults_strike(&sandbox->faults, FAULT_CLOCK_SKEW) || ends_s <= now_s - SKEW_S_MAX || moment(jwt, "nbf") > now_s + SKEW_S_MAX) {
		(void)snprintf(about, TOKEN_VALUE_MAX, "Current time: %lld, expiry time of assertion %lld.", (long long)now_s, (long long)ends_s);
		return ASSERTION_TIME;
	}
	if (!str_eq(claim(jwt, "aud"), federated ? STR("api://AzureADTokenExchange") : str_of(audience)))
		return ASSERTION_AUDIENCE;
	if (federated)
		return NO_REFUSAL;
	if (!str_eq(claim(jwt, "iss"), str_of(sandbox->client_id)) || !str_eq(claim(jwt, "sub"), str_of(sandbox->client_id)) ||
	    ends_s > now_s + ASSERTION_S_MAX)
		return BAD_ASSERTION;
	if (!str_copy(claim(jwt, "jti"), sizeof(id), id) || !people_note_assertion(&sandbox->people, id, 2 * ASSERTION_S_MAX))
		return ASSERTION_AGAIN;
	return NO_REFUSAL;
}

static enum token_refusal judge_assertion(struct sandbox *sandbox, struct str assertion, char *about)
{
	const char *why;
	enum token_refusal refusal;
	bool federated;
	struct jwt jwt;

	about[0] = '\0';
	if (!jwt_parse(assertion, &jwt, &why)) {
		(void)snprintf(about, TOKEN_VALUE_MAX, "%s", why);
		return BAD_ASSERTION;
	}
	federated = str_eq(claim(&jwt, "iss"), STR(SANDBOX_FEDERATED_ISSUER));
	refusal = is_signed(sandbox, &jwt, federated) ? judge_claims(sandbox, &jwt, federated, about) : BAD_ASSERTION;
	jwt_done(&jwt);
	return refusal;
}

enum token_refusal token_client_service_account(struct sandbox *sandbox, struct str assertion, struct token_about *ret_user)
{
	int64_t now_s = clock_real_us() / 1000000;
	char audience[256];
	struct jwt jwt;
	const char *why;
	bool good;

	ret_user->text[0] = '\0';
	if (!jwt_parse(assertion, &jwt, &why))
		return BAD_ASSERTION;
	own_url(sandbox, audience);
	good = is_signed(sandbox, &jwt, true) && str_eq(claim(&jwt, "iss"), STR(TOKEN_SERVICE_ACCOUNT)) && str_eq(claim(&jwt, "aud"), str_of(audience)) &&
	       str_eq(claim(&jwt, "scope"), STR(TOKEN_GOOGLE_SCOPE)) && str_ends_nocase(claim(&jwt, "sub"), STR("@" SANDBOX_TENANT)) &&
	       moment(&jwt, "exp") > now_s && moment(&jwt, "exp") <= now_s + 3600 && str_copy(claim(&jwt, "sub"), sizeof(ret_user->text), ret_user->text);
	jwt_done(&jwt);
	return good ? NO_REFUSAL : BAD_ASSERTION;
}

static enum token_refusal judge_secret(struct sandbox *sandbox, const char *secret)
{
	if (strcmp(secret, sandbox->client_secret) != 0 || faults_strike(&sandbox->faults, FAULT_WRONG_SECRET))
		return BAD_SECRET;
	return faults_strike(&sandbox->faults, FAULT_EXPIRED_SECRET) ? OLD_SECRET : NO_REFUSAL;
}

enum token_refusal token_client_judge(struct sandbox *sandbox, struct str form, bool may_be_public, struct token_about *about)
{
	char proof[TOKEN_VALUE_MAX];
	enum token_refusal refusal;

	if (!token_form_value(form, "client_id", about->text) || strcmp(about->text, sandbox->client_id) != 0)
		return BAD_CLIENT;
	if (token_form_value(form, "client_assertion", proof))
		return judge_assertion(sandbox, str_of(proof), about->text);
	if (!token_form_value(form, "client_secret", proof)) {
		(void)str_copy(STR("client_secret"), sizeof(about->text), about->text);
		return may_be_public ? NO_REFUSAL : NO_SECRET;
	}
	refusal = judge_secret(sandbox, proof);
	explicit_bzero(proof, sizeof(proof));
	return refusal;
}
