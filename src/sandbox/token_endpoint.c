#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sandbox/https.h"
#include "sandbox/token_private.h"
#include "wire/oauth.h"

#define PAGE_SECONDS 600
#define URL_BYTES_MAX 4096
#define RETRY_AFTER "3"

/* One request that has come in whole. */
struct question {
	struct MHD_Connection *connection;
	const char *method;
	struct str path, form;
};

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status, json_t *json)
{
	static const char *const later[] = { "Retry-After", RETRY_AFTER, NULL };

	return https_send(connection, status, json, status == MHD_HTTP_TOO_MANY_REQUESTS ? later : NULL);
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *type, const char *text, const char *location)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", type);
	(void)MHD_add_response_header(response, "X-Sekisho", "SANDBOX");
	if (location)
		(void)MHD_add_response_header(response, "Location", location);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(const struct question *question, enum token_refusal refusal, const char *about)
{
	return send_json(question->connection, token_refusal_status(refusal), token_refusal_json(refusal, about));
}

static const char *argument(const struct question *question, const char *name)
{
	const char *value = MHD_lookup_connection_value(question->connection, MHD_GET_ARGUMENT_KIND, name);

	return value ? value : "";
}

/* --- what can be asked --- */

/* The tenant stands before Entra's endpoints. */
static bool is_our_tenant(const struct question *question, struct token_about *about)
{
	struct str rest = str_skip(question->path, 1);
	struct str tenant = str_cut(&rest, '/');

	(void)str_copy(tenant, sizeof(about->text), about->text);
	return str_eq_nocase(tenant, STR(SANDBOX_TENANT));
}

static enum MHD_Result answer_form(struct sandbox *sandbox, const struct question *question,
				   enum token_refusal (*take)(struct sandbox *sandbox, struct str form, struct token_about *about, json_t **ret_json))
{
	struct token_about about = { "" };
	enum token_refusal refusal;
	json_t *json = NULL;

	if (strcmp(question->method, "POST") != 0)
		return refuse(question, BAD_VERB, question->method);
	refusal = is_our_tenant(question, &about) ? take(sandbox, question->form, &about, &json) : NO_TENANT;
	if (refusal == NO_REFUSAL && json)
		return send_json(question->connection, 200, json);
	return refuse(question, refusal == NO_REFUSAL ? NO_ROOM : refusal, about.text);
}

static enum MHD_Result answer_token(struct sandbox *sandbox, const struct question *question)
{
	if (faults_strike(&sandbox->faults, FAULT_TOKEN_ENDPOINT_DOWN))
		return MHD_NO; /* hangs up */
	if (faults_strike(&sandbox->faults, FAULT_TOKEN_PAGE))
		return send_text(question->connection, 200, "text/html", "<!DOCTYPE html><title>SANDBOX firewall</title><p>Sign in to the network", NULL);
	if (faults_strike(&sandbox->faults, FAULT_TOKEN_NONSENSE))
		return send_text(question->connection, 200, "application/json", "{\"access_token\":", NULL);
	return answer_form(sandbox, question, token_grant_answer);
}

static enum MHD_Result answer_device_code(struct sandbox *sandbox, const struct question *question)
{
	return answer_form(sandbox, question, token_grant_device);
}

/* Where somebody would type in the code: ?user_code=… agrees, &refuse=1 does not. */
static enum MHD_Result answer_device_page(struct sandbox *sandbox, const struct question *question)
{
	bool known = people_decide(&sandbox->people, argument(question, "user_code"), argument(question, "refuse")[0] == '\0');

	return send_text(question->connection, known ? 200 : 404, "text/plain", known ? "SANDBOX: done\n" : "SANDBOX: no such code\n", NULL);
}

/* The page leads back at once: whoever opened it agrees. */
static enum MHD_Result answer_page(struct sandbox *sandbox, const struct question *question)
{
	const char *back = argument(question, "redirect_uri");
	struct people_item item;
	struct buf url;
	bool printed;
	enum MHD_Result result;

	if (strcmp(argument(question, "client_id"), sandbox->client_id) != 0)
		return refuse(question, BAD_CLIENT, argument(question, "client_id"));
	if (!str_starts(str_of(back), STR("http://localhost")) && !str_starts(str_of(back), STR("http://127.0.0.1")))
		return refuse(question, NO_FIELD, "redirect_uri");
	people_give(&sandbox->people, PEOPLE_PAGE, PAGE_SECONDS, argument(question, "code_challenge"), &item);
	buf_init(&url, URL_BYTES_MAX);
	printed = buf_add(&url, str_of(back)) && buf_add(&url, STR("?code=")) && buf_add(&url, str_of(item.value)) && buf_add(&url, STR("&state=")) &&
		  oauth_value_print(&url, str_of(argument(question, "state"))) && buf_add_byte(&url, '\0');
	result = printed ? send_text(question->connection, 302, "text/plain", "", url.ptr) : MHD_NO;
	buf_done(&url);
	return result;
}

/* The metadata service of a machine, and App Service's, which is told apart by its header. */
static enum MHD_Result answer_metadata(struct sandbox *sandbox, const struct question *question)
{
	const char *of_machine = MHD_lookup_connection_value(question->connection, MHD_HEADER_KIND, "Metadata");
	const char *of_service = MHD_lookup_connection_value(question->connection, MHD_HEADER_KIND, "X-IDENTITY-HEADER");
	json_t *json;
	char moment[32];

	if (faults_strike(&sandbox->faults, FAULT_METADATA_UPDATING))
		return refuse(question, UPDATING, "");
	if (!of_service && (!of_machine || strcmp(of_machine, "true") != 0))
		return refuse(question, NO_METADATA, "Metadata");
	if (strcmp(argument(question, "resource"), "https://outlook.office365.com") != 0)
		return refuse(question, NO_RESOURCE, argument(question, "resource"));
	json = token_grant_json(sandbox, "roles", "", false);
	if (json) {
		(void)snprintf(moment, sizeof(moment), "%lld",
			       (long long)(clock_real_us() / 1000000 + json_integer_value(json_object_get(json, "expires_in"))));
		(void)json_object_set_new(json, "expires_on", json_string(moment));
		(void)json_object_del(json, "expires_in"); /* App Service has only the moment */
	}
	return json ? send_json(question->connection, 200, json) : refuse(question, NO_ROOM, "");
}

/* What stands at the end of the path. To add something: a row. */
static const struct {
	const char *tail;
	enum MHD_Result (*answer)(struct sandbox *sandbox, const struct question *question);
} routes[] = {
	{ "/oauth2/v2.0/token", answer_token },
	{ "/oauth2/v2.0/devicecode", answer_device_code },
	{ "/oauth2/v2.0/authorize", answer_page },
	{ "/device", answer_device_page },
	{ "/metadata/identity/oauth2/token", answer_metadata },
};

enum MHD_Result token_endpoint_answer(struct sandbox *sandbox, const struct https_request *request)
{
	const struct question *question = &(struct question){ request->connection, request->method.ptr, request->path, request->body };

	if (request->too_long)
		return MHD_NO;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (str_ends_nocase(question->path, str_of(routes[i].tail)))
			return routes[i].answer(sandbox, question);
	}
	return send_json(question->connection, 404, json_pack("{s:s,s:b}", "error", "not_found", "sandbox", 1));
}
