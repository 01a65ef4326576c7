/* graph_application: the application's registration as Graph shows it: its secrets by their first three characters, its certificate. There is
 * always an earlier secret that has ended, and a next one, whose hint is "nxt". */
#include <stdio.h>

#include <openssl/pem.h>

#include "base/base64.h"
#include "base/clock.h"
#include "sandbox/graph_private.h"

#define DAY_US (86400ll * 1000000)
#define SECRET_DAYS 180
#define NEXT_DAYS 360
#define HINT_BYTES 3

static void days_print(int days, char ret_text[CLOCK_RFC3339_MAX])
{
	clock_rfc3339_print(clock_real_us() / DAY_US * DAY_US + days * DAY_US, ret_text);
}

static json_t *secret_json(const char *name, struct str hint, int days)
{
	char ends[CLOCK_RFC3339_MAX], begins[CLOCK_RFC3339_MAX];

	days_print(days, ends);
	days_print(-SECRET_DAYS, begins);
	return json_pack("{s:n,s:s,s:s,s:s%,s:s,s:n,s:s}", "customKeyIdentifier", "displayName", name, "endDateTime", ends, "hint", hint.ptr, hint.len,
			 "keyId", "5eb0c000-0000-4000-8000-000000000001", "secretText", "startDateTime", begins);
}

static json_t *secrets_json(struct sandbox *sandbox)
{
	struct str own = { sandbox->client_secret, HINT_BYTES };
	json_t *list = json_array();

	if (faults_strike(&sandbox->faults, FAULT_APPLICATION_OTHER))
		own = STR("\xc3\xb6\xc3\xb6\xc3\xb6"); /* no character of its alphabet */
	(void)json_array_append_new(list, secret_json("earlier", own, -1));
	(void)json_array_append_new(list, secret_json("sekisho", own, SECRET_DAYS));
	(void)json_array_append_new(list, secret_json("next", STR("nxt"), NEXT_DAYS));
	return list;
}

/* By its thumbprint, as Entra names a certificate that was uploaded without a name. Its entry ends before it does itself. */
static json_t *certificate_json(struct sandbox *sandbox)
{
	struct str pem = buf_str(&sandbox->application.certificate);
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char sha1[EVP_MAX_MD_SIZE];
	char ends[CLOCK_RFC3339_MAX];
	struct buf text;
	unsigned len = 0;
	json_t *json = NULL;

	buf_init(&text, 64);
	days_print(NEXT_DAYS / 12, ends);
	if (certificate && X509_digest(certificate, EVP_sha1(), sha1, &len) == 1 && base64_print(&text, (struct str){ (char *)sha1, len }))
		json = json_pack("{s:s%,s:s,s:s,s:n,s:s,s:s}", "customKeyIdentifier", text.ptr, text.len, "displayName", "CN=SANDBOX", "endDateTime",
				 ends, "key", "type", "AsymmetricX509Cert", "usage", "Verify");
	buf_done(&text);
	X509_free(certificate);
	BIO_free(bio);
	return json;
}

/* Only what $select names. */
static json_t *application_json(struct sandbox *sandbox, const char *select)
{
	json_t *json = json_pack("{s:s}", "@odata.context", "https://graph.microsoft.com/v1.0/$metadata#applications/$entity");
	json_t *keys = NULL;

	if (strstr(select, "passwordCredentials"))
		(void)json_object_set_new(json, "passwordCredentials", secrets_json(sandbox));
	if (strstr(select, "keyCredentials")) {
		keys = json_array();
		(void)json_array_append_new(keys, certificate_json(sandbox));
		(void)json_object_set_new(json, "keyCredentials", keys);
	}
	return json;
}

enum MHD_Result graph_application_answer(struct sandbox *sandbox, const struct https_request *request)
{
	static const struct graph_reply found = { 200, NULL, NULL, NULL };
	static const struct graph_reply bad_token = { 401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.", NULL };
	static const struct graph_reply denied = { 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", NULL };
	static const struct graph_reply unknown = { 404, "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property "
						    "objects are not present.", NULL };
	const char *given = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Authorization");
	const char *select = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "$select");
	char path[128];

	(void)snprintf(path, sizeof(path), "/v1.0/applications(appId='%s')", sandbox->client_id);
	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	sandbox->graph.applications++;
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);
	if (!given || !str_starts(str_of(given), STR("Bearer ")) || !tokens_is_good(&sandbox->tokens, TOKEN_FOR_GRAPH, str_skip(str_of(given), 7)))
		return graph_say(request, &bad_token, NULL, NULL);
	if (faults_strike(&sandbox->faults, FAULT_APPLICATION_DENIED))
		return graph_say(request, &denied, NULL, NULL);
	if (!str_eq(request->path, str_of(path)) || !str_eq(request->method, STR("GET")))
		return graph_say(request, &unknown, NULL, NULL);
	return graph_say(request, &found, application_json(sandbox, select ? select : ""), NULL);
}
