#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "sandbox/sandbox_private.h"

#define REQUEST_BYTES_MAX 65536
#define VALUE_BYTES_MAX 16384
#define TOKEN_SECONDS 3599
#define EXPIRING_SECONDS 5
#define PATH "/" SANDBOX_TENANT "/oauth2/v2.0/token"

/* What Entra answers that is no token (facts: reference-error-codes). To add one: a row. */
enum refusal { NO_REFUSAL, NO_TENANT, NO_FIELD, BAD_GRANT, BAD_CLIENT, BAD_SECRET, OLD_SECRET, BAD_SCOPE, NO_ROOM, REFUSAL_COUNT };

static const struct {
	unsigned status, code;
	const char *error, *description;
} refusals[REFUSAL_COUNT] = {
	[NO_TENANT] = { 400, 90002, "invalid_request",
			"Tenant was not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud." },
	[NO_FIELD] = { 400, 900144, "invalid_request", "The request body must contain client_id, client_secret, scope and grant_type." },
	[BAD_GRANT] = { 400, 70003, "unsupported_grant_type", "The app requested an unsupported grant type." },
	[BAD_CLIENT] = { 400, 700016, "unauthorized_client", "Application was not found in the directory 'contoso.example'." },
	[BAD_SECRET] = { 401, 7000215, "invalid_client",
			 "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
			 "client secret ID, for a secret added to the app." },
	[OLD_SECRET] = { 401, 7000222, "invalid_client", "The provided client secret keys for the app are expired." },
	[BAD_SCOPE] = { 400, 70011, "invalid_scope", "The provided value for the input parameter 'scope' is not valid." },
	[NO_ROOM] = { 503, 90033, "temporarily_unavailable", "A transient error has occurred. Please try again." },
};

/* --- the form --- */

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 0x20);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded: the value of `name`, decoded. False: not there, or too long. */
static bool form_value(struct str form, const char *name, char ret_value[VALUE_BYTES_MAX])
{
	while (form.len > 0) {
		struct str pair = str_cut(&form, '&');
		struct str key = str_cut(&pair, '=');
		size_t len = 0;

		if (!str_eq(key, str_of(name)))
			continue;
		for (size_t i = 0; i < pair.len && len + 1 < VALUE_BYTES_MAX; i++) {
			bool escaped = pair.ptr[i] == '%' && i + 2 < pair.len && hex(pair.ptr[i + 1]) >= 0 && hex(pair.ptr[i + 2]) >= 0;

			ret_value[len++] = escaped ? (char)(hex(pair.ptr[i + 1]) << 4 | hex(pair.ptr[i + 2])) :
						     pair.ptr[i] == '+' ? ' ' : pair.ptr[i];
			i += escaped ? 2 : 0;
		}
		ret_value[len] = '\0';
		return len > 0;
	}
	ret_value[0] = '\0';
	return false;
}

static enum refusal judge(struct sandbox *sandbox, const char *path, struct str form)
{
	char value[VALUE_BYTES_MAX];

	if (strcmp(path, PATH) != 0)
		return NO_TENANT;
	if (!form_value(form, "grant_type", value))
		return NO_FIELD;
	if (strcmp(value, "client_credentials") != 0)
		return BAD_GRANT;
	if (!form_value(form, "client_id", value))
		return NO_FIELD;
	if (strcmp(value, sandbox->client_id) != 0)
		return BAD_CLIENT;
	if (!form_value(form, "client_secret", value))
		return NO_FIELD;
	if (strcmp(value, sandbox->client_secret) != 0 || faults_strike(&sandbox->faults, FAULT_WRONG_SECRET))
		return BAD_SECRET;
	if (faults_strike(&sandbox->faults, FAULT_EXPIRED_SECRET))
		return OLD_SECRET;
	if (!form_value(form, "scope", value))
		return NO_FIELD;
	return strcmp(value, SANDBOX_SCOPE) == 0 ? NO_REFUSAL : BAD_SCOPE;
}

/* --- the answer --- */

static json_t *refusal_json(enum refusal refusal)
{
	char when[CLOCK_RFC3339_MAX];
	char id[40];
	char description[1024];
	char uri[128];

	clock_rfc3339_print(clock_real_us(), when);
	(void)snprintf(id, sizeof(id), "%08x-0000-4000-8000-%012x", random_below(UINT32_MAX), random_below(UINT32_MAX));
	(void)snprintf(description, sizeof(description), "AADSTS%u: %s SANDBOX\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		       refusals[refusal].code, refusals[refusal].description, id, id, when);
	(void)snprintf(uri, sizeof(uri), "https://login.microsoftonline.com/error?code=%u", refusals[refusal].code);
	return json_pack("{s:s,s:s,s:[i],s:s,s:s,s:s,s:s,s:b}", "error", refusals[refusal].error, "error_description", description,
			 "error_codes", (int)refusals[refusal].code, "timestamp", when, "trace_id", id, "correlation_id", id, "error_uri",
			 uri, "sandbox", 1);
}

static json_t *token_json(struct sandbox *sandbox)
{
	unsigned seconds = faults_strike(&sandbox->faults, FAULT_TOKEN_EXPIRING) ? EXPIRING_SECONDS : TOKEN_SECONDS;
	char token[TOKEN_LEN + 1];

	if (!tokens_issue(&sandbox->tokens, seconds, token))
		return NULL;
	return json_pack("{s:s,s:i,s:i,s:s,s:b}", "token_type", "Bearer", "expires_in", (int)seconds, "ext_expires_in", (int)seconds,
			 "access_token", token, "sandbox", 1);
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response =
		text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
	enum MHD_Result result = MHD_NO;

	json_decref(json);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(response, "X-Sekisho", "SANDBOX");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct sandbox *sandbox, struct MHD_Connection *connection, const char *path, struct str form)
{
	enum refusal refusal = judge(sandbox, path, form);
	json_t *json = refusal == NO_REFUSAL ? token_json(sandbox) : NULL;

	if (json)
		return send_json(connection, 200, json);
	if (refusal == NO_REFUSAL)
		refusal = NO_ROOM;
	return send_json(connection, refusals[refusal].status, refusal_json(refusal));
}

/* --- libmicrohttpd's side --- */

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **request)
{
	struct sandbox *sandbox = context;
	struct buf *form = *request;
	enum MHD_Result result;

	(void)version;
	if (!form) {
		form = malloc(sizeof(*form));
		if (!form)
			return MHD_NO;
		buf_init(form, REQUEST_BYTES_MAX);
		*request = form;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		bool taken = buf_add(form, (struct str){ upload, *upload_size });

		*upload_size = 0;
		return taken ? MHD_YES : MHD_NO;
	}
	if (faults_strike(&sandbox->faults, FAULT_TOKEN_ENDPOINT_DOWN))
		return MHD_NO; /* hangs up */
	if (strcmp(method, "POST") != 0)
		return send_json(connection, 405, json_pack("{s:s,s:b}", "error", "invalid_request", "sandbox", 1));
	result = answer(sandbox, connection, path, buf_str(form));
	return result;
}

static void on_done(void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
	struct buf *form = *request;

	(void)context;
	(void)connection;
	(void)why;
	if (!form)
		return;
	buf_wipe(form); /* the client secret was in it */
	free(form);
	*request = NULL;
}

enum outcome token_endpoint_open(struct sandbox *sandbox, unsigned port, struct fault *fault)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *key = str_dup(buf_str(&sandbox->leaf.key));
	char *certificate = str_dup(buf_str(&sandbox->leaf.certificate));
	const union MHD_DaemonInfo *info;

	if (key && certificate)
		sandbox->https = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, (uint16_t)port, NULL, NULL, on_request,
						  sandbox, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_KEY, key,
						  MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
						  MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
	free(key);
	free(certificate);
	info = sandbox->https ? MHD_get_daemon_info(sandbox->https, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	if (!info)
		return fault_set(fault, OUTCOME_LATER, N_("the sandbox's token endpoint cannot listen on 127.0.0.1 port %u; is it in use?"), port);
	sandbox->https_port = info->port;
	return OUTCOME_OK;
}

void token_endpoint_close(struct sandbox *sandbox)
{
	if (sandbox->https)
		MHD_stop_daemon(sandbox->https);
	sandbox->https = NULL;
}
