#include "courier/proof.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "courier/signed_assertion.h"

#define SECRET_BYTES_MAX 4096
#define KEY_BYTES_MAX 65536
#define FEDERATED_BYTES_MAX 16384
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static enum outcome no_room(const struct grant_ask *ask, struct fault *fault)
{
	return fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), ask->upstream->name);
}

/* --- a secret --- */

static const char *secret_file(const struct grant_ask *ask)
{
	return ask->next_secret && ask->upstream->client_secret_file_next ? ask->upstream->client_secret_file_next : ask->upstream->client_secret_file;
}

static bool has_secret(const struct upstream_settings *upstream)
{
	return upstream->client_secret_file != NULL;
}

/* Read each time: an administrator who has put a new secret there need not reload. */
static enum outcome add_secret(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf secret = { 0 };

	if (file_load_secret(secret_file(ask), SECRET_BYTES_MAX, &secret, fault) != OUTCOME_OK)
		return fault->outcome;
	if (!oauth_form_add(&request->form, "client_secret", buf_str(&secret)) || !endpoint_secret(request, buf_str(&secret)))
		return no_room(ask, fault);
	return OUTCOME_OK;
}

/* --- an assertion --- */

static enum outcome add_assertion(const struct grant_ask *ask, struct endpoint_request *request, struct str token, struct fault *fault)
{
	if (!oauth_form_add(&request->form, "client_assertion_type", STR(ASSERTION_TYPE)) ||
	    !oauth_form_add(&request->form, "client_assertion", token) || !endpoint_secret(request, token))
		return no_room(ask, fault);
	return OUTCOME_OK;
}

static bool has_certificate(const struct upstream_settings *upstream)
{
	return upstream->certificate_file != NULL;
}

static enum outcome judge_dates(const struct grant_ask *ask, const struct jws_signer *signer, struct fault *fault)
{
	const char *file = ask->upstream->certificate_file;
	int64_t begins_s = 0, ends_s = 0, now_s = clock_real_us() / 1000000;
	char when[CLOCK_RFC3339_MAX];

	if (!jws_signer_dates(signer, &begins_s, &ends_s))
		return OUTCOME_OK;
	clock_rfc3339_print((now_s < begins_s ? begins_s : ends_s) * 1000000, when);
	if (now_s < begins_s)
		return fault_set(fault, OUTCOME_LATER, N_("the certificate %s is good only from %s on; is this machine's clock right?"), file, when);
	if (now_s >= ends_s)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("the certificate %s ended on %s; make a new one, register it with the app, and put it there"), file, when);
	return OUTCOME_OK;
}

static enum outcome load_signer(const struct grant_ask *ask, struct jws_signer **ret_signer, struct fault *fault)
{
	const struct upstream_settings *upstream = ask->upstream;
	CLEANUP(buf_wipe) struct buf certificate = { 0 };
	CLEANUP(buf_wipe) struct buf key = { 0 };
	CLEANUP(buf_wipe) struct buf password = { 0 };
	/* Without a key-file the key stands in it, too. */
	enum outcome outcome = (upstream->key_file ? file_load : file_load_private)(upstream->certificate_file, KEY_BYTES_MAX, &certificate, fault);

	if (outcome == OUTCOME_OK && upstream->key_file)
		outcome = file_load_secret(upstream->key_file, KEY_BYTES_MAX, &key, fault);
	if (outcome == OUTCOME_OK && upstream->certificate_password_file)
		outcome = file_load_secret(upstream->certificate_password_file, SECRET_BYTES_MAX, &password, fault);
	if (outcome == OUTCOME_OK)
		outcome = jws_signer_load(buf_str(&certificate), buf_str(&key), buf_str(&password), upstream->certificate_file, ret_signer, fault);
	return outcome;
}

int64_t proof_certificate_ends_us(const struct upstream_settings *upstream)
{
	const struct grant_ask ask = { .upstream = upstream };
	struct jws_signer *signer = NULL;
	int64_t begins_s = 0, ends_s = 0;

	if (upstream->certificate_file && load_signer(&ask, &signer, NULL) == OUTCOME_OK)
		(void)jws_signer_dates(signer, &begins_s, &ends_s);
	jws_signer_free(signer);
	return ends_s * 1000000;
}

bool proof_certificate_sha1(const struct upstream_settings *upstream, unsigned char ret_sha1[JWS_SHA1_BYTES])
{
	const struct grant_ask ask = { .upstream = upstream };
	struct jws_signer *signer = NULL;
	bool good = upstream->certificate_file && load_signer(&ask, &signer, NULL) == OUTCOME_OK && jws_signer_sha1(signer, ret_sha1);

	jws_signer_free(signer);
	return good;
}

/* Microsoft, "Microsoft identity platform application authentication certificate credentials". */
static enum outcome add_certificate(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	static const enum jws_algorithm algorithms[] = { [ASSERTION_PS256] = JWS_PS256, [ASSERTION_RS256] = JWS_RS256 };
	const struct upstream_settings *upstream = ask->upstream;
	CLEANUP(buf_wipe) struct buf token = { .bytes_max = ASSERTION_BYTES_MAX };
	struct jws_signer *signer = NULL;
	struct assertion assertion = {
		.issuer = str_of(upstream->client_id),
		.subject = str_of(upstream->client_id),
		.audience = str_of(upstream->token_url),
	};
	enum outcome outcome = load_signer(ask, &signer, fault);

	if (outcome == OUTCOME_OK)
		outcome = judge_dates(ask, signer, fault);
	if (outcome == OUTCOME_OK && !signed_assertion_print(&token, &assertion, signer, algorithms[upstream->assertion_algorithm]))
		outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	jws_signer_free(signer);
	return outcome == OUTCOME_OK ? add_assertion(ask, request, buf_str(&token), fault) : outcome;
}

static bool has_federated(const struct upstream_settings *upstream)
{
	return upstream->federated_token_file != NULL;
}

/* Whoever puts the token there replaces it before it ends: read each time. Kubernetes lets all in the pod read it. */
static enum outcome add_federated(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf token = { 0 };

	if (file_load(ask->upstream->federated_token_file, FEDERATED_BYTES_MAX, &token, fault) != OUTCOME_OK)
		return fault->outcome;
	if (str_trim(buf_str(&token)).len == 0)
		return fault_set(fault, OUTCOME_LATER, N_("the federated token in %s is empty"), ask->upstream->federated_token_file);
	return add_assertion(ask, request, str_trim(buf_str(&token)), fault);
}

static bool has_nothing(const struct upstream_settings *upstream)
{
	(void)upstream;
	return true;
}

/* A public client (RFC 6749, 2.1): its client_id alone. */
static enum outcome add_nothing(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	(void)ask;
	(void)request;
	(void)fault;
	return OUTCOME_OK;
}

/* The first that fits. */
static const struct {
	const char *name;
	bool (*fits)(const struct upstream_settings *upstream);
	enum outcome (*add)(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);
} rows[] = {
	{ "client-secret-file", has_secret, add_secret },
	{ "certificate-file", has_certificate, add_certificate },
	{ "federated-token-file", has_federated, add_federated },
	{ "nothing", has_nothing, add_nothing },
};

enum outcome proof_add(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	size_t at = 0;

	while (!rows[at].fits(ask->upstream))
		at++;
	if (!oauth_form_add(&request->form, "client_id", str_of(ask->upstream->client_id)))
		return no_room(ask, fault);
	return rows[at].add(ask, request, fault);
}

const char *proof_name(const struct grant_ask *ask)
{
	size_t at = 0;

	while (!rows[at].fits(ask->upstream))
		at++;
	return ask->next_secret ? "client-secret-file-next" : rows[at].name;
}

bool proof_other(struct grant_ask *ask, const struct oauth_answer *answer)
{
	static const unsigned of_secret[] = { 7000215, 7000222 }; /* wrong, expired */
	bool refused = answer->aadsts == 0 && str_eq(str_of(answer->error), STR("invalid_client"));

	for (size_t i = 0; i < sizeof(of_secret) / sizeof(*of_secret); i++)
		refused = refused || answer->aadsts == of_secret[i];
	if (!refused || (ask->tried & TRIED_OTHER_SECRET) || !ask->upstream->client_secret_file_next)
		return false;
	ask->tried |= TRIED_OTHER_SECRET;
	ask->next_secret = !ask->next_secret;
	return true;
}
