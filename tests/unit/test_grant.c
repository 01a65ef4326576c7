/* grant, proof: which settings ask for a token in which way, and which credential is tried next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "courier/grant.h"
#include "courier/proof.h"

#define URL "https://login.example/t/oauth2/v2.0/token"

static const struct {
	const char *label;
	struct upstream_settings upstream;
	const char *grant, *proof;
	bool of_mailbox;
} cases[] = {
	{ "a secret", { .client_secret_file = "s" }, "client credentials", "client-secret-file", false },
	{ "a certificate", { .certificate_file = "c" }, "client credentials", "certificate-file", false },
	{ "a federated token", { .federated_token_file = "f" }, "client credentials", "federated-token-file", false },
	{ "a machine", { .managed_identity = true }, "managed identity", "nothing", false },
	{ "a person", { .flow = FLOW_DEVICE_CODE }, "refresh token", "nothing", false },
	{ "a person, and an application with a secret", { .flow = FLOW_AUTH_CODE, .client_secret_file = "s" }, "refresh token", "client-secret-file", false },
	{ "Google's account", { .service_account_file = "g" }, "service account", "nothing", true },
};

static void check_table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct grant *grant = grant_of(&cases[i].upstream);
		const struct grant_ask ask = { .upstream = &cases[i].upstream };

		CHECK(strcmp(grant->name, cases[i].grant) == 0 && strcmp(proof_name(&ask), cases[i].proof) == 0 && grant->of_mailbox == cases[i].of_mailbox,
		      cases[i].label);
	}
}

static void check_names(void)
{
	const struct upstream_settings mine = { .name = "m", .token_url = URL, .client_id = "a" };
	struct upstream_settings other = mine;
	char one[GRANT_VAULT_NAME_MAX], two[GRANT_VAULT_NAME_MAX];

	CHECK(grant_vault_name(&mine, sizeof(one), one) && grant_vault_name(&other, sizeof(two), two) && strcmp(one, two) == 0, "the same identity, the same name");
	other.client_id = "b";
	CHECK(grant_vault_name(&other, sizeof(two), two) && strcmp(one, two) != 0, "another application never gets its refresh token");
	other = mine;
	other.token_url = "https://evil.example/token";
	CHECK(grant_vault_name(&other, sizeof(two), two) && strcmp(one, two) != 0, "nor does another endpoint");
}

static void check_other_secret(void)
{
	const struct upstream_settings both = { .client_secret_file = "s", .client_secret_file_next = "t" };
	const struct upstream_settings single = { .client_secret_file = "s" };
	struct grant_ask ask = { .upstream = &both };
	struct grant_ask alone = { .upstream = &single };
	struct oauth_answer wrong = { .error = "invalid_client", .aadsts = 7000215 };
	struct oauth_answer scope = { .error = "invalid_scope", .aadsts = 70011 };

	CHECK(!proof_other(&ask, &scope) && !ask.next_secret, "another refusal tries no other secret");
	CHECK(proof_other(&ask, &wrong) && ask.next_secret, "a wrong one tries the other");
	CHECK(!proof_other(&ask, &wrong), "and then nothing more");
	CHECK(!proof_other(&alone, &wrong), "with one secret there is no other");
	ask = (struct grant_ask){ .upstream = &both, .next_secret = true };
	wrong.aadsts = 7000222;
	CHECK(proof_other(&ask, &wrong) && !ask.next_secret, "an expired one likewise, back to the first");
	ask = (struct grant_ask){ .upstream = &both };
	CHECK(proof_other(&ask, &(struct oauth_answer){ .error = "invalid_client" }), "an issuer without numbers");
}

static void check_hiding(void)
{
	struct endpoint_request request;
	struct oauth_answer answer = { .description = "you sent s3cret-one and t0ken-two" };

	CHECK(endpoint_request_begin(&request, URL) && endpoint_secret(&request, STR("s3cret-one")) && endpoint_secret(&request, STR("t0ken-two")),
	      "two secrets in one request");
	endpoint_hide(&request.secrets, &answer);
	CHECK(strcmp(answer.description, "you sent ********** and *********") == 0, "both are starred out of what comes back");
	endpoint_request_done(&request);
}

/* What an answer brings while other things happen. */
static void check_keeping(void)
{
	char folder[] = "/tmp/test_grant.XXXXXX";
	const struct {
		const char *label, *sent, *kept;
	} answers[] = {
		{ "asked for with the newest one", "two", "new" },
		{ "asked for with the one before, which was tried again", "one", "new" },
		{ "somebody has signed in anew: what the old session brings is nobody's", "before that", "two" },
		{ "no refresh token was sent at all", NULL, "two" },
	};

	if (!mkdtemp(folder))
		return;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct vault *vault = vault_new(folder);
		struct endpoint_request request;
		struct vault_view view = { 0 };
		struct fault fault;
		char name[2] = { (char)('a' + i), '\0' };

		CHECK(endpoint_request_begin(&request, URL) && endpoint_secret(&request, STR("the application's")) &&
		      (!answers[i].sent || endpoint_secret(&request, str_of(answers[i].sent))), answers[i].label);
		CHECK(vault_put(vault, str_of(name), STR("one"), 1, &fault) == OUTCOME_OK && vault_put(vault, str_of(name), STR("two"), 2, &fault) == OUTCOME_OK &&
		      grant_user_keep(vault, str_of(name), &request.secrets, STR("new"), &fault) == OUTCOME_OK &&
		      vault_get(vault, str_of(name), &view, &fault) == OUTCOME_OK && str_eq(view.value, str_of(answers[i].kept)), answers[i].label);
		endpoint_request_done(&request);
		vault_free(vault);
	}
}

/* The whole course: a fetch with the old session's token is under way, somebody else signs in, and then its answer comes. */
static void check_new_sign_in(void)
{
	char folder[] = "/tmp/test_grant.XXXXXX";
	struct endpoint_request old;
	struct vault_view view = { 0 };
	struct vault *vault;
	struct fault fault;

	if (!mkdtemp(folder))
		return;
	vault = vault_new(folder);
	CHECK(endpoint_request_begin(&old, URL) && endpoint_secret(&old, STR("hers")), "hers is sent");
	CHECK(vault_put_anew(vault, STR("m"), STR("hers"), 1, &fault) == OUTCOME_OK && vault_put_anew(vault, STR("m"), STR("his"), 2, &fault) == OUTCOME_OK,
	      "and he signs in meanwhile");
	CHECK(grant_user_keep(vault, STR("m"), &old.secrets, STR("hers, rotated"), &fault) == OUTCOME_OK &&
	      vault_get(vault, STR("m"), &view, &fault) == OUTCOME_OK && str_eq(view.value, STR("his")) && view.before.len == 0,
	      "her answer changes nothing");
	endpoint_request_done(&old);
	vault_free(vault);
}

int main(void)
{
	check_table();
	check_names();
	check_other_secret();
	check_hiding();
	check_keeping();
	check_new_sign_in();
	return check_report();
}
