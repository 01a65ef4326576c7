#include <string.h>

#include "domain/settings_rows.h"

/* One upstream, while it is checked. */
struct question {
	const struct settings_reader *reader;
	size_t at;
	const struct upstream_settings *upstream;
};

static bool is_given(const struct question *question, const char *key)
{
	return settings_is_given(question->reader, SECTION_UPSTREAMS, question->at, key);
}

static bool is_cloud(const struct question *question, const char *name)
{
	return str_eq(str_of(question->upstream->cloud), str_of(name));
}

/* The machine's identity needs neither tenant nor application. */
static bool is_managed(const struct question *question)
{
	return question->upstream->managed_identity;
}

/* The cloud's own URL may be written out: it is what `config show` prints. */
static bool is_token_url_foreign(const struct question *question)
{
	char text[SETTINGS_TEXT_MAX + 1];
	const struct settings_row *row = settings_row_find(SECTION_UPSTREAMS, STR("token-url"));

	return is_given(question, "token-url") && !is_cloud(question, "custom") &&
	       !(settings_default(row, question->upstream, sizeof(text), text) && str_eq(str_of(text), str_of(question->upstream->token_url)));
}

static bool lacks_token_url(const struct question *question)
{
	return !is_managed(question) && !question->upstream->token_url && is_cloud(question, "custom");
}

static bool lacks_tenant(const struct question *question)
{
	return !is_managed(question) && !question->upstream->token_url;
}

static bool lacks_client(const struct question *question)
{
	return !is_managed(question) && !question->upstream->service_account_file && !question->upstream->client_id;
}

/* With how many things the application itself could sign in. */
static unsigned credentials(const struct question *question)
{
	const struct upstream_settings *upstream = question->upstream;

	const bool given[] = { upstream->client_secret_file, upstream->certificate_file, upstream->federated_token_file,
			       upstream->service_account_file, upstream->managed_identity };
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
		count += given[i];
	return count;
}

static bool lacks_credential(const struct question *question)
{
	return question->upstream->flow == FLOW_NONE && credentials(question) == 0;
}

static bool has_several(const struct question *question)
{
	return credentials(question) > 1;
}

static bool has_flow_and_own_identity(const struct question *question)
{
	const struct upstream_settings *upstream = question->upstream;

	return upstream->flow != FLOW_NONE && (upstream->managed_identity || upstream->service_account_file);
}

static bool has_lone_next(const struct question *question)
{
	return question->upstream->client_secret_file_next && !question->upstream->client_secret_file;
}

static bool has_lone_key(const struct question *question)
{
	return question->upstream->key_file && !question->upstream->certificate_file;
}

static bool has_lone_password(const struct question *question)
{
	return question->upstream->certificate_password_file && !question->upstream->certificate_file;
}

static bool has_lone_managed_url(const struct question *question)
{
	return question->upstream->managed_identity_url && !question->upstream->managed_identity;
}

static bool lacks_device_code_url(const struct question *question)
{
	return question->upstream->flow == FLOW_DEVICE_CODE && !question->upstream->device_code_url;
}

static bool lacks_authorize_url(const struct question *question)
{
	return question->upstream->flow == FLOW_AUTH_CODE && !question->upstream->authorize_url;
}

/* Google, "OAuth 2.0 for TV and Limited-Input Device Applications", allowed scopes: mail is not among them. */
static bool is_gmail_by_device_code(const struct question *question)
{
	return question->upstream->flow == FLOW_DEVICE_CODE && is_cloud(question, "google");
}

static bool has_user(const struct question *question)
{
	return is_given(question, "user");
}

static bool has_password_file(const struct question *question)
{
	return is_given(question, "password-file");
}

/* In the order in which they are asked: what is missing first. The sentence is told with the upstream's name. To add one: a row. */
static const struct {
	bool (*is_wrong)(const struct question *);
	const char *key, *sentence;
} rules[] = {
	{ is_token_url_foreign, "token-url", N_("upstream %s: token-url implies cloud: custom; leave out cloud, or token-url") },
	{ lacks_token_url, "cloud", N_("upstream %s: cloud: custom needs token-url") },
	{ lacks_tenant, "tenant", N_("upstream %s needs tenant, the Entra tenant's ID or domain, or a token-url") },
	{ lacks_client, "client-id", N_("upstream %s needs client-id, the application's ID") },
	{ lacks_credential, "client-secret-file",
	  N_("upstream %s has nothing to sign in with: it needs client-secret-file, certificate-file, federated-token-file, managed-identity: yes, "
	     "service-account-file, or flow: device-code or auth-code") },
	{ has_several, "auth",
	  N_("upstream %s has several things to sign in with: keep one of client-secret-file, certificate-file, federated-token-file, "
	     "managed-identity and service-account-file") },
	{ has_flow_and_own_identity, "flow",
	  N_("upstream %s: with flow a person signs in; leave out managed-identity and service-account-file, or flow") },
	{ has_lone_next, "client-secret-file-next", N_("upstream %s: client-secret-file-next needs client-secret-file beside it") },
	{ has_lone_key, "key-file", N_("upstream %s: key-file needs certificate-file") },
	{ has_lone_password, "certificate-password-file", N_("upstream %s: certificate-password-file needs certificate-file") },
	{ has_lone_managed_url, "managed-identity-url", N_("upstream %s: managed-identity-url needs managed-identity: yes") },
	{ lacks_device_code_url, "flow", N_("upstream %s: flow: device-code needs device-code-url") },
	{ lacks_authorize_url, "flow", N_("upstream %s: flow: auth-code needs authorize-url") },
	{ is_gmail_by_device_code, "flow", N_("upstream %s: Google gives no mail by device code; use flow: auth-code, or service-account-file") },
	{ has_user, "user", N_("upstream %s: user needs auth: login or plain") },
	{ has_password_file, "password-file", N_("upstream %s: password-file needs auth: login or plain") },
};

enum outcome settings_check_oauth(struct settings_reader *reader, size_t at)
{
	const struct question question = { reader, at, &reader->settings->upstreams[at] };

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (rules[i].is_wrong(&question))
			return SETTINGS_BLAME(reader, settings_mark_of(reader, SECTION_UPSTREAMS, at, rules[i].key), rules[i].sentence,
					      question.upstream->name);
	}
	return OUTCOME_OK;
}
