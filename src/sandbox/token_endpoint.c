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
#define PATH_TAIL "/oauth2/v2.0/token"

/* What Entra answers that is no token (Microsoft, error codes). A %s is what it is about. To add one: a row. */
enum refusal {
	NO_REFUSAL, NO_TENANT, NO_FIELD, NO_SECRET, BAD_VERB, BAD_GRANT, BAD_CLIENT, BAD_SECRET, OLD_SECRET, BAD_SCOPE, NO_ROOM, REFUSAL_COUNT
};

static const struct {
	unsigned status, code;
	const char *error, *description;
} refusals[REFUSAL_COUNT] = {
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
};

/* --- the form --- */

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 0x20);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded: the value of `name`, decoded. False: not there, empty, or with a NUL in it. */
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

/* The form's fields are looked at in the order in which Entra seems to: what is missing, who asks, with what secret, for what.
 * `about` holds what the refusal names, and a secret never. */
static enum refusal judge_form(struct sandbox *sandbox, struct str form, char about[VALUE_BYTES_MAX])
{
	static const char *const needed[] = { "grant_type", "client_id", "scope" };
	char secret[VALUE_BYTES_MAX];
	bool right;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!form_value(form, needed[i], about)) {
			(void)str_copy(str_of(needed[i]), VALUE_BYTES_MAX, about);
			return NO_FIELD;
		}
	}
	if (form_value(form, "grant_type", about) && strcmp(about, "client_credentials") != 0)
		return BAD_GRANT;
	if (!form_value(form, "client_id", about) || strcmp(about, sandbox->client_id) != 0)
		return BAD_CLIENT;
	if (!form_value(form, "client_secret", secret)) {
		(void)str_copy(STR("client_secret"), VALUE_BYTES_MAX, about);
		return NO_SECRET;
	}
	right = strcmp(secret, sandbox->client_secret) == 0;
	explicit_bzero(secret, sizeof(secret));
	if (!right || faults_strike(&sandbox->faults, FAULT_WRONG_SECRET))
		return BAD_SECRET;
	if (faults_strike(&sandbox->faults, FAULT_EXPIRED_SECRET))
		return OLD_SECRET;
	return form_value(form, "scope", about) && strcmp(about, SANDBOX_SCOPE) == 0 ? NO_REFUSAL : BAD_SCOPE;
}

static enum refusal judge(struct sandbox *sandbox, const char *method, struct str path, struct str form, char about[VALUE_BYTES_MAX])
{
	struct str tenant = { path.ptr + 1, path.len - 1 - (sizeof(PATH_TAIL) - 1) };

	if (strcmp(method, "POST") != 0) {
		(void)str_copy(str_of(method), VALUE_BYTES_MAX, about);
		return BAD_VERB;
	}
	if (!str_eq_nocase(tenant, STR(SANDBOX_TENANT))) {
		(void)str_copy(tenant, VALUE_BYTES_MAX, about);
		return NO_TENANT;
	}
	return judge_form(sandbox, form, about);
}

/* --- the answer --- */

/* Whatever the client said comes back as UTF-8, at most a line of it. */
static json_t *refusal_json(enum refusal refusal, const char *about)
{
	char when[CLOCK_RFC3339_MAX];
	char id[40];
	char text[1024];
	char description[1536];
	char shown[256];

	(void)snprintf(shown, sizeof(shown), "%s", str_is_ascii(str_of(about)) ? about : "?");
	clock_rfc3339_print(clock_real_us(), when);
	(void)snprintf(id, sizeof(id), "%08x-0000-4000-8000-0000%08x", random_below(UINT32_MAX), random_below(UINT32_MAX));
	(void)snprintf(text, sizeof(text), refusals[refusal].description, shown);
	(void)snprintf(description, sizeof(description), "AADSTS%u: %s SANDBOX\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		       refusals[refusal].code, text, id, id, when);
	(void)snprintf(text, sizeof(text), "https://login.microsoftonline.com/error?code=%u", refusals[refusal].code);
	return json_pack("{s:s,s:s,s:[i],s:s,s:s,s:s,s:s,s:b}", "error", refusals[refusal].error, "error_description", description,
			 "error_codes", (int)refusals[refusal].code, "timestamp", when, "trace_id", id, "correlation_id", id, "error_uri",
			 text, "sandbox", 1);
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

static enum MHD_Result answer(struct sandbox *sandbox, struct MHD_Connection *connection, const char *method, struct str path,
			      struct str form)
{
	char about[VALUE_BYTES_MAX] = "";
	enum refusal refusal;
	json_t *json = NULL;

	if (path.len <= sizeof(PATH_TAIL) || !str_ends_nocase(path, STR(PATH_TAIL)))
		return send_json(connection, 404, json_pack("{s:s,s:b}", "error", "not_found", "sandbox", 1));
	refusal = judge(sandbox, method, path, form, about);
	if (refusal == NO_REFUSAL)
		json = token_json(sandbox);
	if (json)
		return send_json(connection, 200, json);
	if (refusal == NO_REFUSAL)
		refusal = NO_ROOM;
	return send_json(connection, refusals[refusal].status, refusal_json(refusal, about));
}

/* --- libmicrohttpd's side --- */

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **request)
{
	struct sandbox *sandbox = context;
	struct buf *form = *request;

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
	return answer(sandbox, connection, method, str_of(path), buf_str(form));
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
		sandbox->https = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_TLS, (uint16_t)port, NULL, NULL, on_request,
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
