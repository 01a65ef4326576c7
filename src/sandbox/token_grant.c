#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/clock.h"
#include "sandbox/token_private.h"
#include "wire/jwt.h"

#define TOKEN_SECONDS 3599
#define EXPIRING_SECONDS 5
#define REFRESH_SECONDS (90 * 86400)
#define DEVICE_SECONDS 900
#define CLAIMS_BYTES_MAX 1024
#define PERSON_BYTES_MAX 400
#define INTERVAL_SECONDS 1 /* Entra's is 5: tests have no time */

/* Faults of the endpoint that strike whoever asks rightly, in the order in which they are looked at. To add one: a row. */
static const struct {
	enum sandbox_fault fault;
	enum token_refusal refusal;
	const char *about;
} faults[] = {
	{ FAULT_APP_DISABLED, APP_OFF, "5eb0c000-0000-4000-8000-00005a4db0ca" },
	{ FAULT_CONSENT_MISSING, NO_CONSENT, "5eb0c000-0000-4000-8000-00005a4db0ca" },
	{ FAULT_NO_RESOURCE, NO_RESOURCE, "https://outlook.office365.com" },
	{ FAULT_CLOCK_SKEW, ASSERTION_TIME, "" },
	{ FAULT_MFA_NEEDED, NEEDS_MFA, "00000002-0000-0ff1-ce00-000000000000" },
	{ FAULT_CONDITIONAL_ACCESS, BY_POLICY, "" },
	{ FAULT_PERSON_DISABLED, PERSON_OFF, "" },
	{ FAULT_TOKEN_THROTTLED, THROTTLED, "" },
};

/* --- the answer --- */

/* What a token may be for. The last is for whatever is asked else. */
static const struct right {
	const char *name, *audience_url, *claims;
	enum token_audience audience;
} all_rights[] = {
	{ "roles", "https://outlook.office365.com", "\"roles\":[\"SMTP.SendAsApp\"]", TOKEN_FOR_SMTP },
	{ "graph", "https://graph.microsoft.com", "\"roles\":[\"Mail.Send\",\"Mail.ReadWrite\"]", TOKEN_FOR_GRAPH },
	{ "scp", "https://outlook.office.com", "\"scp\":\"SMTP.Send\"", TOKEN_FOR_SMTP },
};

static const struct right *right_of(const char *name)
{
	size_t at = 0;

	while (at + 1 < sizeof(all_rights) / sizeof(*all_rights) && strcmp(name, all_rights[at].name) != 0)
		at++;
	return &all_rights[at];
}

/* "header.claims." as Entra's tokens begin: what an inspector can see. */
static bool head_print(struct sandbox *sandbox, const char *rights, const char *user, unsigned seconds, struct buf *out)
{
	const struct right *right = right_of(rights);
	json_int_t now_s = clock_real_us() / 1000000;
	char claims[CLAIMS_BYTES_MAX];
	char person[PERSON_BYTES_MAX] = "";

	if (user[0])
		(void)snprintf(person, sizeof(person), ",\"upn\":\"%s\"", user);
	(void)snprintf(claims, sizeof(claims),
		       "{\"aud\":\"%s\",\"iss\":\"https://sts.windows.net/" SANDBOX_TENANT "/\",\"tid\":\"" SANDBOX_TENANT "\",\"appid\":\"%s\","
		       "\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,%s%s,\"sandbox\":true}",
		       right->audience_url, sandbox->client_id, (long long)now_s, (long long)now_s, (long long)now_s + seconds, right->claims,
		       person);
	return base64url_print(out, STR("{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"SANDBOX\"}")) && buf_add_byte(out, '.') &&
	       base64url_print(out, str_of(claims)) && buf_add_byte(out, '.');
}

json_t *token_grant_json(struct sandbox *sandbox, const char *rights, const char *user, bool with_refresh_token)
{
	unsigned seconds = faults_strike(&sandbox->faults, FAULT_TOKEN_EXPIRING) ? EXPIRING_SECONDS : TOKEN_SECONDS;
	char token[TOKEN_LEN + 1];
	struct people_item refresh;
	struct buf head;
	json_t *json = NULL;

	buf_init(&head, TOKEN_LEN);
	if (head_print(sandbox, rights, user, seconds, &head) && tokens_issue(&sandbox->tokens, right_of(rights)->audience, seconds, buf_str(&head), token))
		json = json_pack("{s:s,s:i,s:i,s:s,s:b}", "token_type", "Bearer", "expires_in", (int)seconds, "ext_expires_in", (int)seconds,
				 "access_token", token, "sandbox", 1);
	buf_done(&head);
	if (json && with_refresh_token) {
		people_give(&sandbox->people, PEOPLE_REFRESH, REFRESH_SECONDS, "", &refresh);
		(void)json_object_set_new(json, "refresh_token", json_string(refresh.value));
		(void)json_object_set_new(json, "scope", json_string(TOKEN_USER_SCOPE));
	}
	return json;
}

/* --- grants --- */

/* Graph's own name, and where it stands here. */
static bool is_graph_scope(const struct sandbox *sandbox, const char *scope)
{
	char own[128];

	(void)snprintf(own, sizeof(own), "https://localhost:%u/.default", sandbox->https_port);
	return strcmp(scope, SANDBOX_GRAPH_SCOPE) == 0 || strcmp(scope, own) == 0;
}

static enum token_refusal take_client(struct sandbox *sandbox, struct str form, struct token_about *about)
{
	if (!token_form_value(form, "scope", about->text)) {
		(void)str_copy(STR("scope"), sizeof(about->text), about->text);
		return NO_FIELD;
	}
	return strcmp(about->text, SANDBOX_SCOPE) == 0 || is_graph_scope(sandbox, about->text) ? NO_REFUSAL : BAD_SCOPE;
}

static enum token_refusal take_refresh(struct sandbox *sandbox, struct str form, struct token_about *about)
{
	char token[TOKEN_VALUE_MAX];
	struct people_item item;

	about->text[0] = '\0';
	if (faults_strike(&sandbox->faults, FAULT_REFRESH_EXPIRED) || !token_form_value(form, "refresh_token", token) ||
	    !people_take(&sandbox->people, PEOPLE_REFRESH, token, &item))
		return OLD_REFRESH;
	return item.state == PEOPLE_OPEN ? NO_REFUSAL : USED_REFRESH;
}

static enum token_refusal take_device(struct sandbox *sandbox, struct str form, struct token_about *about)
{
	static const enum token_refusal refusals[] = {
		[PEOPLE_OPEN] = PENDING, [PEOPLE_AGREED] = NO_REFUSAL, [PEOPLE_REFUSED] = DECLINED, [PEOPLE_USED] = OLD_CODE,
	};
	char code[TOKEN_VALUE_MAX];
	struct people_item item;

	about->text[0] = '\0';
	if (!token_form_value(form, "device_code", code) || !people_take(&sandbox->people, PEOPLE_DEVICE, code, &item))
		return OLD_CODE;
	if (item.state == PEOPLE_OPEN && item.asked_ms && clock_monotonic_ms() - item.asked_ms < INTERVAL_SECONDS * 900)
		return TOO_FAST;
	return refusals[item.state];
}

/* RFC 7636, 4.6. */
static bool is_challenge_of(const char *challenge, const char *verifier)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct buf text;
	bool same;

	(void)SHA256((const unsigned char *)verifier, strlen(verifier), hash);
	buf_init(&text, 64);
	same = base64url_print(&text, (struct str){ (const char *)hash, sizeof(hash) }) && str_eq(buf_str(&text), str_of(challenge));
	buf_done(&text);
	return same;
}

static enum token_refusal take_page(struct sandbox *sandbox, struct str form, struct token_about *about)
{
	char value[TOKEN_VALUE_MAX];
	struct people_item item;

	about->text[0] = '\0';
	if (!token_form_value(form, "code", value) || !people_take(&sandbox->people, PEOPLE_PAGE, value, &item) || item.state != PEOPLE_OPEN)
		return USED_CODE;
	return token_form_value(form, "code_verifier", value) && is_challenge_of(item.challenge, value) ? NO_REFUSAL : BAD_VERIFIER;
}

static enum token_refusal take_service_account(struct sandbox *sandbox, struct str form, struct token_about *about)
{
	char assertion[TOKEN_VALUE_MAX];

	if (token_form_value(form, "assertion", assertion))
		return token_client_service_account(sandbox, str_of(assertion), about);
	(void)str_copy(STR("assertion"), sizeof(about->text), about->text);
	return NO_FIELD;
}

/* Who has to be proved beside the grant: the application; it, but its name will do; nobody, since the grant proves it. */
enum client { CLIENT_PROVED, CLIENT_NAMED, CLIENT_NONE };

/* To add a grant: a row, and the function it names. */
static const struct {
	const char *name;
	enum client client;
	bool of_person; /* whose token it is, and a refresh token comes with it */
	enum token_refusal (*take)(struct sandbox *sandbox, struct str form, struct token_about *about);
} grants[] = {
	{ "client_credentials", CLIENT_PROVED, false, take_client },
	{ "refresh_token", CLIENT_NAMED, true, take_refresh },
	{ "urn:ietf:params:oauth:grant-type:device_code", CLIENT_NAMED, true, take_device },
	{ "authorization_code", CLIENT_NAMED, true, take_page },
	{ "urn:ietf:params:oauth:grant-type:jwt-bearer", CLIENT_NONE, false, take_service_account },
};

static enum token_refusal strike(struct sandbox *sandbox, struct token_about *about)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (!faults_strike(&sandbox->faults, faults[i].fault))
			continue;
		(void)str_copy(str_of(faults[i].about), sizeof(about->text), about->text);
		return faults[i].refusal;
	}
	return NO_REFUSAL;
}

/* `about` is the scope that was asked for, or the mailbox that a service account signs in as. */
static json_t *answer_of(struct sandbox *sandbox, enum client client, bool of_person, const char *about)
{
	if (of_person)
		return token_grant_json(sandbox, "scp", TOKEN_PERSON, true);
	if (client == CLIENT_NONE)
		return token_grant_json(sandbox, "scp", about, false);
	return token_grant_json(sandbox, is_graph_scope(sandbox, about) ? "graph" : "roles", "", false);
}

/* The form's fields are looked at in the order in which Entra seems to: what is missing, who asks, with what, for what. */
enum token_refusal token_grant_answer(struct sandbox *sandbox, struct str form, struct token_about *about, json_t **ret_json)
{
	enum token_refusal refusal = NO_REFUSAL;
	size_t at = 0;

	if (!token_form_value(form, "grant_type", about->text)) {
		(void)str_copy(STR("grant_type"), sizeof(about->text), about->text);
		return NO_FIELD;
	}
	while (at < sizeof(grants) / sizeof(*grants) && strcmp(about->text, grants[at].name) != 0)
		at++;
	if (at == sizeof(grants) / sizeof(*grants))
		return BAD_GRANT;
	if (grants[at].client != CLIENT_NONE && !token_form_value(form, "client_id", about->text)) {
		(void)str_copy(STR("client_id"), sizeof(about->text), about->text);
		return NO_FIELD;
	}
	if (grants[at].client != CLIENT_NONE)
		refusal = token_client_judge(sandbox, form, grants[at].client == CLIENT_NAMED, about);
	if (refusal == NO_REFUSAL)
		refusal = strike(sandbox, about);
	if (refusal == NO_REFUSAL)
		refusal = grants[at].take(sandbox, form, about);
	if (refusal == NO_REFUSAL)
		*ret_json = answer_of(sandbox, grants[at].client, grants[at].of_person, about->text);
	return refusal;
}

enum token_refusal token_grant_device(struct sandbox *sandbox, struct str form, struct token_about *about, json_t **ret_json)
{
	enum token_refusal refusal = token_client_judge(sandbox, form, true, about);
	struct people_item item;
	char url[128];

	if (refusal != NO_REFUSAL)
		return refusal;
	if (!token_form_value(form, "scope", about->text) || !strstr(about->text, "SMTP.Send"))
		return BAD_SCOPE;
	people_give(&sandbox->people, PEOPLE_DEVICE, DEVICE_SECONDS, "", &item);
	(void)snprintf(url, sizeof(url), "https://localhost:%u/device", sandbox->https_port);
	*ret_json = json_pack("{s:s,s:s,s:s,s:i,s:i,s:s,s:b}", "device_code", item.value, "user_code", item.user_code, "verification_uri", url, "expires_in",
			      DEVICE_SECONDS, "interval", INTERVAL_SECONDS, "message", "SANDBOX: open the page with ?user_code=, no browser needed", "sandbox", 1);
	return NO_REFUSAL;
}
