#include "courier/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "courier/courier_private.h"
#include "courier/proof.h"
#include "courier/token_fetch.h"
#include "wire/graph_answer.h"
#include "wire/graph_application.h"

#define LOOK_EVERY_MS 1000
#define AGAIN_MS (24u * 3600 * 1000)
#define AGAIN_SOON_MS (3600u * 1000) /* nothing was to be reached */
#define OWN_TOKEN_AFTER_MS 60000     /* where mail has a token for Graph it comes with the first message */
#define ANSWER_MS 20000
#define SECRET_BYTES_MAX 4096
#define PROXY_PASSWORD_MAX 1000
#define URL_BYTES_MAX 4096
#define SCOPE_BYTES_MAX 1024
#define AUTHORIZATION_BYTES_MAX 20480
#define OK 200
#define UNAUTHORIZED 401
#define FORBIDDEN 403
#define NOT_FOUND 404

struct credentials_desk {
	struct courier *courier;
	struct upstream *upstream;         /* whose are being asked for; NULL: nobody's */
	struct upstream_settings settings; /* its, with a scope of Graph's */
	struct token_fetch *fetch;         /* NULL: none is under way */
	char scope[SCOPE_BYTES_MAX];
	uint64_t looked_ms, began_ms;      /* began: with these settings */
};

static const char *const state_names[CREDENTIALS_STATE_COUNT] = {
	[CREDENTIALS_UNASKED] = "unasked", [CREDENTIALS_READ] = "read", [CREDENTIALS_FOREIGN] = "none of ours",
	[CREDENTIALS_DENIED] = "not permitted", [CREDENTIALS_UNREACHED] = "not reached",
};

bool credentials_asks(const struct upstream_settings *settings)
{
	struct str date = str_of(settings->client_secret_expires);
	bool by_token = settings->kind == UPSTREAM_GRAPH ||
			(settings->kind == UPSTREAM_SMTP && (settings->auth == UPSTREAM_XOAUTH2 || settings->auth == UPSTREAM_OAUTHBEARER));

	return by_token && settings->graph_url && settings->client_id && settings->token_url && settings->flow == FLOW_NONE &&
	       !settings->managed_identity && (settings->client_secret_file || settings->certificate_file) &&
	       (date.len == 0 || str_eq(date, STR("ask")));
}

/* --- the end of a question --- */

static void log_change(const struct upstream *upstream, enum credentials_state before)
{
	const struct credentials *credentials = &upstream->credentials;
	bool why = credentials->state == CREDENTIALS_DENIED || credentials->state == CREDENTIALS_UNREACHED;

	if (credentials->state != before) /* once, not each day */
		log_event(LOG_LEVEL_INFO, "dates of credentials", LOG_TEXT("upstream", upstream->settings->name),
			  LOG_TEXT("graph", state_names[credentials->state]), LOG_TEXT("reason", why ? credentials->fault.text[LANGUAGE_EN] : ""));
}

static void end(struct credentials_desk *desk, enum credentials_state state)
{
	struct upstream *upstream = desk->upstream;
	struct credentials *credentials = &upstream->credentials;
	enum credentials_state before = credentials->state;

	credentials->state = state;
	credentials->readings++;
	credentials->due_ms = clock_monotonic_ms() + (state == CREDENTIALS_UNREACHED ? AGAIN_SOON_MS : AGAIN_MS);
	desk->upstream = NULL;
	log_change(upstream, before);
}

static int64_t secret_ends_us(const struct graph_application *application, const char *file)
{
	CLEANUP(buf_wipe) struct buf secret = { 0 };

	if (!file || file_load_secret(file, SECRET_BYTES_MAX, &secret, NULL) != OUTCOME_OK)
		return 0;
	return graph_secret_ends_us(application, buf_str(&secret), clock_real_us());
}

static void take(struct credentials_desk *desk, const struct graph_application *application)
{
	const struct upstream_settings *settings = desk->upstream->settings;
	struct courier_ends *ends = &desk->upstream->credentials.ends;
	unsigned char sha1[GRAPH_SHA1_BYTES];

	*ends = (struct courier_ends){
		.secret_us = secret_ends_us(application, settings->client_secret_file),
		.secret_next_us = secret_ends_us(application, settings->client_secret_file_next),
	};
	if (proof_certificate_sha1(settings, sha1))
		ends->certificate_us = graph_certificate_ends_us(application, sha1);
	end(desk, ends->secret_us || ends->secret_next_us || ends->certificate_us ? CREDENTIALS_READ : CREDENTIALS_FOREIGN);
}

static void on_answer(void *context, const struct http_answer *answer)
{
	static struct graph_application application; /* too large for a stack, and one at a time */
	struct credentials_desk *desk = context;
	struct fault *fault = &desk->upstream->credentials.fault;
	struct graph_error error;

	if (answer->outcome != OUTCOME_OK) {
		*fault = answer->fault;
		end(desk, CREDENTIALS_UNREACHED);
		return;
	}
	if (answer->status == OK && graph_application_parse(answer->body, &application)) {
		take(desk, &application);
		return;
	}
	(void)graph_error_parse(answer->body, &error);
	(void)fault_set(fault, OUTCOME_LATER, N_("Microsoft Graph answered HTTP %u %s: %s"), answer->status, error.code, error.message);
	end(desk, answer->status == UNAUTHORIZED || answer->status == FORBIDDEN || answer->status == NOT_FOUND ? CREDENTIALS_DENIED :
														 CREDENTIALS_UNREACHED);
}

/* --- a question --- */

/* Microsoft, "Get application". Keys come only when they are asked for, and count against a limit of their own. */
static bool print_url(const struct upstream_settings *settings, struct buf *out)
{
	return graph_root_print(settings, out) && buf_add(out, STR("/applications(appId='")) &&
	       graph_path_print(out, str_of(settings->client_id)) && buf_add(out, STR("')?$select=passwordCredentials")) &&
	       (!settings->certificate_file || buf_add(out, STR(",keyCredentials"))) && buf_add_byte(out, '\0');
}

static enum outcome ask(struct credentials_desk *desk, struct str token, struct fault *fault)
{
	const struct upstream_settings *settings = desk->upstream->settings;
	CLEANUP(buf_wipe) struct buf authorization = { .bytes_max = AUTHORIZATION_BYTES_MAX };
	CLEANUP(buf_wipe) struct buf proxy_password = { 0 };
	CLEANUP(cleanup_buf) struct buf url = { .bytes_max = URL_BYTES_MAX };
	const char *headers[] = { NULL, "Accept: application/json", NULL };
	struct http_request request = {
		.ca_file = settings->ca_file, .proxy = settings->proxy, .headers = headers, .timeout_ms = ANSWER_MS, .answer_bytes_max = GRAPH_ANSWER_MAX,
	};

	if (settings->proxy && settings->proxy_password_file &&
	    file_load_secret(settings->proxy_password_file, PROXY_PASSWORD_MAX, &proxy_password, fault) != OUTCOME_OK)
		return fault->outcome;
	request.proxy_password = buf_str(&proxy_password);
	if (!print_url(settings, &url) || !buf_add_format(&authorization, "Authorization: Bearer %.*s", STR_ARG(token)) ||
	    !buf_add_byte(&authorization, '\0'))
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a request to Microsoft Graph"));
	request.url = url.ptr;
	headers[0] = authorization.ptr;
	return http_send(desk->courier->http, &request, on_answer, desk, fault);
}

static void go_on(struct credentials_desk *desk, enum outcome outcome, struct str token, const struct fault *fault)
{
	struct fault *kept = &desk->upstream->credentials.fault;

	if (outcome == OUTCOME_OK)
		outcome = ask(desk, token, kept);
	else
		*kept = *fault;
	if (outcome != OUTCOME_OK)
		end(desk, CREDENTIALS_UNREACHED);
}

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	go_on(context, outcome, token ? token->value : STR(""), fault);
}

static void on_own_token(void *context, struct token_result *result)
{
	struct credentials_desk *desk = context;

	desk->fetch = NULL;
	desk->upstream->credentials.next_secret = result->next_secret;
	go_on(desk, result->value ? OUTCOME_OK : OUTCOME_LATER, str_of(result->value), &result->fault);
	if (result->value)
		explicit_bzero(result->value, strlen(result->value));
	free(result->value);
	result->value = NULL;
}

/* "https://graph.microsoft.com/.default": what Graph is called where it stands. */
static bool make_scope(struct credentials_desk *desk)
{
	struct str url = str_of(desk->settings.graph_url);
	size_t host = str_find(url, ':') + 3;
	struct buf scope;
	bool made;

	if (desk->settings.kind == UPSTREAM_GRAPH)
		return true;
	if (host > url.len)
		return false;
	url.len = host + str_find(str_skip(url, host), '/');
	buf_init(&scope, sizeof(desk->scope));
	made = buf_add(&scope, url) && buf_add(&scope, STR("/.default")) && str_copy(buf_str(&scope), sizeof(desk->scope), desk->scope);
	buf_done(&scope);
	desk->settings.scope = desk->scope;
	return made;
}

static void start(struct credentials_desk *desk, struct upstream *upstream)
{
	struct courier *courier = desk->courier;
	const struct token_fetch_request request = {
		.http = courier->http,
		.vault = courier->vault,
		.upstream = &desk->settings,
		.limits = &courier->settings->limits,
		.mailbox = STR(""),
		.next_secret = upstream->credentials.next_secret && upstream->settings->client_secret_file_next,
	};
	struct fault fault;

	desk->upstream = upstream;
	if (upstream->settings->kind == UPSTREAM_GRAPH && token_expires_us(courier->tokens, str_of(upstream->settings->name)) > 0) {
		token_get(courier->tokens, upstream->settings, &courier->settings->limits, on_token, desk);
		return;
	}
	/* One of its own, so that nothing that goes wrong with it is remembered against the mail's. */
	desk->settings = *upstream->settings;
	(void)fault_set(&fault, OUTCOME_LATER, N_("out of memory for a token"));
	if (!make_scope(desk) || token_fetch_start(&request, on_own_token, desk, &desk->fetch, &fault) != OUTCOME_OK)
		go_on(desk, OUTCOME_LATER, STR(""), &fault);
}

/* --- when --- */

static void add_change(const char *path, int64_t *newest_us)
{
	struct stat status;
	int64_t changed_us;

	if (!path || stat(path, &status) == -1)
		return;
	changed_us = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
	if (changed_us > *newest_us)
		*newest_us = changed_us;
}

/* Another secret: what was known was of the one before. */
static void look_at_files(struct upstream *upstream)
{
	struct credentials *credentials = &upstream->credentials;
	int64_t newest_us = 0;

	add_change(upstream->settings->client_secret_file, &newest_us);
	add_change(upstream->settings->client_secret_file_next, &newest_us);
	add_change(upstream->settings->certificate_file, &newest_us);
	if (newest_us == credentials->files_us)
		return;
	if (credentials->files_us)
		credentials->ends = (struct courier_ends){ 0 };
	credentials->files_us = newest_us;
	credentials->due_ms = 0;
}

static bool is_due(const struct credentials_desk *desk, const struct upstream *upstream, uint64_t now_ms)
{
	const struct token_store *tokens = desk->courier->tokens;

	if (now_ms < upstream->credentials.due_ms)
		return false;
	return upstream->settings->kind != UPSTREAM_GRAPH || token_expires_us(tokens, str_of(upstream->settings->name)) > 0 ||
	       now_ms - desk->began_ms >= OWN_TOKEN_AFTER_MS;
}

void credentials_tick(struct credentials_desk *desk)
{
	struct courier *courier = desk->courier;
	uint64_t now_ms = clock_monotonic_ms();

	if (courier->draining || desk->upstream || now_ms - desk->looked_ms < LOOK_EVERY_MS)
		return;
	desk->looked_ms = now_ms;
	for (size_t i = 0; i < courier->upstreams_count && !desk->upstream; i++) {
		struct upstream *upstream = &courier->upstreams[i];

		if (!credentials_asks(upstream->settings))
			continue;
		look_at_files(upstream);
		if (is_due(desk, upstream, now_ms))
			start(desk, upstream);
	}
}

void credentials_hurry(struct credentials_desk *desk, struct credentials *credentials)
{
	credentials->due_ms = 0;
	desk->looked_ms = 0;
}

void credentials_abort(struct credentials_desk *desk)
{
	if (desk->fetch)
		token_fetch_orphan(desk->fetch);
	desk->fetch = NULL;
	if (desk->upstream) {
		token_cancel(desk->courier->tokens, desk);
		http_cancel(desk->courier->http, desk);
	}
	desk->upstream = NULL;
	desk->began_ms = clock_monotonic_ms();
}

struct credentials_desk *credentials_desk_new(struct courier *courier)
{
	struct credentials_desk *desk = calloc(1, sizeof(*desk));

	if (desk) {
		desk->courier = courier;
		desk->began_ms = clock_monotonic_ms();
	}
	return desk;
}

void credentials_desk_free(struct credentials_desk *desk)
{
	if (!desk)
		return;
	credentials_abort(desk);
	free(desk);
}

bool courier_ends(struct courier *courier, struct str upstream_name, struct courier_ends *ret_ends)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);

	if (!upstream || !credentials_asks(upstream->settings))
		return false;
	*ret_ends = upstream->credentials.ends;
	return true;
}
