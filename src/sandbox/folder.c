#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/random.h"
#include "base/clock.h"
#include "sandbox/token_private.h"
#include "sys/jws_sign.h"
#include "wire/assertion.h"
#include "wire/jwt.h"

#define CA_FILE "ca.pem"
#define CA_KEY_FILE "ca-key.pem"
#define SECRET_FILE "client-secret"
#define SECRET_LEN 40
#define PEM_BYTES_MAX 65536
#define DAYS_LEFT_MIN 7 /* an authority that ends sooner is made anew */
#define NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"
#define NAMES_BAD "DNS:another-host.example"
#define APPLICATION_FILE "client-certificate.pem"
#define APPLICATION_KEY_FILE "client-key.pem"
#define FEDERATED_FILE "federated-token"
#define SERVICE_ACCOUNT_FILE "service-account.json"
#define PATH_BYTES 4096

enum outcome folder_take(struct sandbox *sandbox, const char *dir, struct fault *fault)
{
	CLEANUP(cleanup_free) char *absolute = NULL;

	if (folder_make(dir, fault) != OUTCOME_OK)
		return fault->outcome;
	absolute = realpath(dir, NULL);
	if (!absolute || !str_copy(str_of(absolute), sizeof(sandbox->dir), sandbox->dir))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(sandbox->dir), dir);
	sandbox->folder_fd = folder_open(sandbox->dir);
	if (sandbox->folder_fd == -1)
		return fault_errno(fault, "open folder", sandbox->dir);
	if (flock(sandbox->folder_fd, LOCK_EX | LOCK_NB) == -1)
		return fault_set(fault, OUTCOME_LATER, N_("another sandbox runs in %s; stop it, or give this one another --dir"), sandbox->dir);
	return OUTCOME_OK;
}

static enum outcome path_of(const struct sandbox *sandbox, const char *name, char ret_path[PATH_BYTES], struct fault *fault)
{
	if (path_join(sandbox->dir, str_of(name), PATH_BYTES, ret_path))
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_BYTES, sandbox->dir);
}

static enum outcome write_file(const struct sandbox *sandbox, const char *name, struct str text, mode_t mode, struct fault *fault)
{
	char path[PATH_BYTES];

	if (path_of(sandbox, name, path, fault) != OUTCOME_OK)
		return fault->outcome;
	return file_replace(path, text, mode, fault);
}

/* --- certificates --- */

/* The authority of the last start, with a leaf of its own making, so that whoever trusts ca.pem need not read it again. */
static bool load_authority(struct sandbox *sandbox)
{
	char path[PATH_BYTES];
	int days;

	if (path_of(sandbox, CA_FILE, path, NULL) == OUTCOME_OK &&
	    file_load(path, PEM_BYTES_MAX, &sandbox->authority.certificate, NULL) == OUTCOME_OK &&
	    path_of(sandbox, CA_KEY_FILE, path, NULL) == OUTCOME_OK &&
	    file_load_secret(path, PEM_BYTES_MAX, &sandbox->authority.key, NULL) == OUTCOME_OK &&
	    tls_days_left(buf_str(&sandbox->authority.certificate), CA_FILE, &days, NULL) == OUTCOME_OK && days >= DAYS_LEFT_MIN &&
	    certificate_make_leaf(&sandbox->authority, NAMES, CERTIFICATE_P256, &sandbox->leaf, NULL) == OUTCOME_OK)
		return true;
	certificate_done(&sandbox->authority);
	certificate_done(&sandbox->leaf);
	return false;
}

static enum outcome make_authority(struct sandbox *sandbox, struct fault *fault)
{
	if (certificate_make_authority("Sekisho SANDBOX CA", &sandbox->authority, fault) != OUTCOME_OK)
		return fault->outcome;
	return certificate_make_leaf(&sandbox->authority, NAMES, CERTIFICATE_P256, &sandbox->leaf, fault);
}

static enum outcome make_contexts(struct sandbox *sandbox, struct fault *fault)
{
	unsigned char ticket_key[TLS_TICKET_KEY_BYTES];
	struct certificate bad;
	struct tls_pair pair = { buf_str(&sandbox->leaf.certificate), buf_str(&sandbox->leaf.key), "SANDBOX" };
	enum outcome outcome;

	random_bytes(ticket_key, sizeof(ticket_key));
	if (tls_server_new(&pair, 1, TLS_VERSION_1_2, STR("SANDBOX"), ticket_key, &sandbox->tls, fault) != OUTCOME_OK ||
	    certificate_make_leaf(NULL, NAMES_BAD, CERTIFICATE_P256, &bad, fault) != OUTCOME_OK)
		return fault->outcome;
	pair.certificate = buf_str(&bad.certificate);
	pair.key = buf_str(&bad.key);
	random_bytes(ticket_key, sizeof(ticket_key)); /* no ticket of the one context is good for the other */
	outcome = tls_server_new(&pair, 1, TLS_VERSION_1_2, STR("SANDBOX"), ticket_key, &sandbox->tls_bad, fault);
	certificate_done(&bad);
	return outcome;
}

/* --- the registered application --- */

/* The same from one start to the next, so that settings that name it stay right. */
static enum outcome load_client(struct sandbox *sandbox, struct fault *fault)
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789~._-";
	struct buf secret = { 0 };
	char path[PATH_BYTES];

	(void)snprintf(sandbox->client_id, sizeof(sandbox->client_id), "5eb0c000-0000-4000-8000-00005a4db0ca");
	if (path_of(sandbox, SECRET_FILE, path, fault) != OUTCOME_OK)
		return fault->outcome;
	if (access(path, F_OK) == 0) {
		if (file_load_secret(path, sizeof(sandbox->client_secret) - 1, &secret, fault) != OUTCOME_OK)
			return fault->outcome;
		(void)str_copy(buf_str(&secret), sizeof(sandbox->client_secret), sandbox->client_secret);
		buf_wipe(&secret);
	}
	if (sandbox->client_secret[0])
		return OUTCOME_OK;
	for (size_t i = 0; i < SECRET_LEN; i++)
		sandbox->client_secret[i] = alphabet[random_below(sizeof(alphabet) - 1)];
	return OUTCOME_OK;
}

/* Likewise its certificate. */
static enum outcome load_application(struct sandbox *sandbox, struct fault *fault)
{
	char path[PATH_BYTES];
	int days;

	if (path_of(sandbox, APPLICATION_FILE, path, NULL) == OUTCOME_OK &&
	    file_load(path, PEM_BYTES_MAX, &sandbox->application.certificate, NULL) == OUTCOME_OK &&
	    path_of(sandbox, APPLICATION_KEY_FILE, path, NULL) == OUTCOME_OK &&
	    file_load_secret(path, PEM_BYTES_MAX, &sandbox->application.key, NULL) == OUTCOME_OK &&
	    tls_days_left(buf_str(&sandbox->application.certificate), APPLICATION_FILE, &days, NULL) == OUTCOME_OK && days >= DAYS_LEFT_MIN)
		return OUTCOME_OK;
	certificate_done(&sandbox->application);
	return certificate_make_leaf(NULL, NAMES_BAD, CERTIFICATE_RSA, &sandbox->application, fault);
}

/* A token as a federated identity provider would have signed it for the application. */
static bool federated_token_print(struct sandbox *sandbox, struct buf *out)
{
	struct jws_signer *signer = NULL;
	struct buf signature;
	const struct assertion assertion = {
		.algorithm = STR("RS256"), .issuer = STR(SANDBOX_FEDERATED_ISSUER), .subject = STR("system:serviceaccount:mail:sekisho"),
		.audience = STR("api://AzureADTokenExchange"), .now_s = clock_real_us() / 1000000, .lifetime_s = 86400,
	};
	bool printed;

	buf_init(&signature, JWS_SIGNATURE_MAX);
	printed = jws_signer_load(STR(""), buf_str(&sandbox->application.key), STR(""), "SANDBOX", &signer, NULL) == OUTCOME_OK &&
		  assertion_print(out, &assertion) && jws_sign(signer, JWS_RS256, buf_str(out), &signature) && buf_add_byte(out, '.') &&
		  base64url_print(out, buf_str(&signature));
	jws_signer_free(signer);
	buf_done(&signature);
	return printed;
}

enum outcome folder_load(struct sandbox *sandbox, struct fault *fault)
{
	if (!load_authority(sandbox) && make_authority(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	if (make_contexts(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	if (load_application(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	return load_client(sandbox, fault);
}

/* --- what others read --- */

/* The further ways to a token: a member, and the URL behind https://localhost:PORT or the file in D. */
static const struct {
	const char *name, *url, *file;
} ways[] = {
	{ "deviceCodeUrl", "/" SANDBOX_TENANT "/oauth2/v2.0/devicecode", NULL },
	{ "authorizeUrl", "/" SANDBOX_TENANT "/oauth2/v2.0/authorize", NULL },
	{ "devicePageUrl", "/device", NULL },
	{ "managedIdentityUrl", "/metadata/identity/oauth2/token", NULL },
	{ "certificateFile", NULL, APPLICATION_FILE },
	{ "keyFile", NULL, APPLICATION_KEY_FILE },
	{ "federatedTokenFile", NULL, FEDERATED_FILE },
	{ "serviceAccountFile", NULL, SERVICE_ACCOUNT_FILE },
};

static void describe_ways(const struct sandbox *sandbox, json_t *json)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		char text[PATH_BYTES];

		if (ways[i].url)
			(void)snprintf(text, sizeof(text), "https://localhost:%u%s", sandbox->https_port, ways[i].url);
		else if (path_of(sandbox, ways[i].file, text, NULL) != OUTCOME_OK)
			continue;
		(void)json_object_set_new(json, ways[i].name, json_string(text));
	}
	(void)json_object_set_new(json, "userScope", json_string(TOKEN_USER_SCOPE));
	(void)json_object_set_new(json, "person", json_string(TOKEN_PERSON));
}

static enum outcome write_description(const struct sandbox *sandbox, struct fault *fault)
{
	CLEANUP(cleanup_free) char *text = NULL;
	char secret_path[PATH_BYTES];
	char ca_path[PATH_BYTES];
	char token_url[256];
	char graph_url[128];
	json_t *json;

	if (path_of(sandbox, SECRET_FILE, secret_path, fault) != OUTCOME_OK || path_of(sandbox, CA_FILE, ca_path, fault) != OUTCOME_OK)
		return fault->outcome;
	(void)snprintf(token_url, sizeof(token_url), "https://localhost:%u/" SANDBOX_TENANT "/oauth2/v2.0/token", sandbox->https_port);
	(void)snprintf(graph_url, sizeof(graph_url), "https://localhost:%u/v1.0", sandbox->https_port);
	json = json_pack("{s:b,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "sandbox", 1, "smtpPort", (int)sandbox->smtp_port, "httpsPort",
			 (int)sandbox->https_port, "host", "localhost", "tenant", SANDBOX_TENANT, "tokenUrl", token_url, "graphUrl",
			 graph_url, "clientId", sandbox->client_id, "clientSecretFile", secret_path, "scope", SANDBOX_SCOPE, "graphScope",
			 SANDBOX_GRAPH_SCOPE, "caFile",
			 ca_path);
	describe_ways(sandbox, json);
	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!text)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	return write_file(sandbox, "sandbox.json", str_of(text), 0644, fault);
}

/* As Google's console gives the key of a service account. */
static enum outcome write_service_account(const struct sandbox *sandbox, struct fault *fault)
{
	json_t *json = json_pack("{s:s,s:s,s:s,s:s%,s:b}", "type", "service_account", "client_email", TOKEN_SERVICE_ACCOUNT, "private_key_id", "SANDBOX",
				 "private_key", sandbox->application.key.ptr, sandbox->application.key.len, "sandbox", 1);
	CLEANUP(cleanup_free) char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	if (!text)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	return write_file(sandbox, SERVICE_ACCOUNT_FILE, str_of(text), 0600, fault);
}

static enum outcome write_application(struct sandbox *sandbox, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf token = { .bytes_max = ASSERTION_BYTES_MAX };

	if (!federated_token_print(sandbox, &token))
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	if (write_file(sandbox, APPLICATION_FILE, buf_str(&sandbox->application.certificate), 0644, fault) != OUTCOME_OK ||
	    write_file(sandbox, APPLICATION_KEY_FILE, buf_str(&sandbox->application.key), 0600, fault) != OUTCOME_OK ||
	    write_service_account(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	return write_file(sandbox, FEDERATED_FILE, buf_str(&token), 0600, fault);
}

enum outcome folder_write(struct sandbox *sandbox, struct fault *fault)
{
	if (write_file(sandbox, CA_KEY_FILE, buf_str(&sandbox->authority.key), 0600, fault) != OUTCOME_OK ||
	    write_file(sandbox, CA_FILE, buf_str(&sandbox->authority.certificate), 0644, fault) != OUTCOME_OK ||
	    write_file(sandbox, SECRET_FILE, str_of(sandbox->client_secret), 0600, fault) != OUTCOME_OK || write_application(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	return write_description(sandbox, fault);
}
