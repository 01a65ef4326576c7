#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/graph_private.h"

#define PATH_HEAD "/v1.0/users/"
#define REQUESTS_OF_A_MAILBOX 4 /* Microsoft, throttling limits */
#define HANG_SECONDS 10
#define SLOW_US 500000

struct graph_mailbox {
	unsigned under_way;
	char address[];
};

/* What goes wrong before anything is done, in the order in which it is looked at. To add one: a row. */
static const struct {
	enum sandbox_fault fault;
	struct graph_reply reply;
} faults_before[] = {
	{ FAULT_GRAPH_NONSENSE, { 404, NULL, NULL, NULL } },
	{ FAULT_GRAPH_401, { 401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.", NULL } },
	{ FAULT_GRAPH_429, { 429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", "2" } },
	{ FAULT_GRAPH_503, { 503, "ServiceUnavailable", "The service is temporarily unavailable.", "2" } },
	{ FAULT_GRAPH_500, { 500, "ErrorInternalServerError", "An internal server error occurred. The operation failed.", NULL } },
	{ FAULT_GRAPH_403, { 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.", NULL } },
	{ FAULT_GRAPH_POLICY,
	  { 403, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.", NULL } },
	{ FAULT_GRAPH_NO_MAILBOX,
	  { 404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.", NULL } },
	{ FAULT_GRAPH_NO_USER, { 404, "ErrorInvalidUser", "The requested user is invalid.", NULL } },
	{ FAULT_GRAPH_413, { 413, "RequestEntityTooLarge", "The request is too large.", NULL } },
	{ FAULT_GRAPH_SEND_AS,
	  { 403, "ErrorSendAsDenied",
	    "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending "
	    "account. Cannot submit message.", NULL } },
	{ FAULT_GRAPH_QUOTA, { 400, "ErrorQuotaExceeded", "The mailbox is full.", NULL } },
	{ FAULT_GRAPH_SIZE, { 400, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.", NULL } },
	{ FAULT_GRAPH_RECIPIENTS,
	  { 400, "ErrorInvalidRecipients",
	    "At least one recipient is not valid., A message can't be sent because it contains no recipients.", NULL } },
	{ FAULT_GRAPH_200, { 200, NULL, NULL, NULL } },
};

void graph_init(struct sandbox *sandbox)
{
	(void)pthread_mutex_init(&sandbox->graph.mutex, NULL);
}

void graph_done(struct sandbox *sandbox)
{
	struct graph_mailbox *mailbox;
	size_t at = 0;

	while ((mailbox = table_next(&sandbox->graph.mailboxes, &at)))
		free(mailbox);
	table_done(&sandbox->graph.mailboxes);
	graph_drafts_done(sandbox);
}

/* --- saying --- */

static void print_id(char ret_id[40])
{
	(void)snprintf(ret_id, 40, "%08x-%04x-4%03x-8%03x-%08x%04x", random_below(UINT32_MAX), random_below(0x10000), random_below(0x1000),
		       random_below(0x1000), random_below(UINT32_MAX), random_below(0x10000));
}

static json_t *error_json(const struct graph_reply *reply, const char *id, const char *theirs)
{
	char when[CLOCK_RFC3339_MAX];

	if (!reply->code)
		return NULL;
	clock_rfc3339_print(clock_real_us(), when);
	return json_pack("{s:{s:s,s:s,s:{s:s,s:s,s:s}}}", "error", "code", reply->code, "message", reply->message, "innerError", "date", when,
			 "request-id", id, "client-request-id", theirs);
}

enum MHD_Result graph_say(const struct https_request *request, const struct graph_reply *reply, json_t *json, const char *location)
{
	const char *theirs = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "client-request-id");
	const char *headers[9] = { NULL };
	char id[40];
	size_t count = 0;

	print_id(id);
	theirs = theirs && strlen(theirs) < 64 ? theirs : id;
	headers[count++] = "request-id";
	headers[count++] = id;
	headers[count++] = "client-request-id";
	headers[count++] = theirs;
	if (reply->retry_after) {
		headers[count++] = "Retry-After";
		headers[count++] = reply->retry_after;
	}
	if (location) {
		headers[count++] = "Location";
		headers[count++] = location;
	}
	return https_send(request->connection, reply->status, json ? json : error_json(reply, id, theirs), headers);
}

/* --- who asks, for whom --- */

static bool mailbox_of(struct str path, char ret_mailbox[512], struct str *ret_rest)
{
	if (!str_starts(path, STR(PATH_HEAD)))
		return false;
	*ret_rest = str_skip(path, sizeof(PATH_HEAD) - 1);
	return str_copy(str_cut(ret_rest, '/'), 512, ret_mailbox) && ret_mailbox[0];
}

static struct graph_mailbox *mailbox_find(struct sandbox_graph *graph, const char *address)
{
	struct graph_mailbox *mailbox = table_find(&graph->mailboxes, str_of(address));

	if (mailbox)
		return mailbox;
	mailbox = calloc(1, sizeof(*mailbox) + strlen(address) + 1);
	if (!mailbox)
		return NULL;
	memcpy(mailbox->address, address, strlen(address) + 1);
	if (table_put(&graph->mailboxes, str_of(mailbox->address), mailbox))
		return mailbox;
	free(mailbox);
	return NULL;
}

void graph_count(struct sandbox *sandbox, struct str path, int change)
{
	struct sandbox_graph *graph = &sandbox->graph;
	struct graph_mailbox *mailbox;
	char address[512];
	struct str rest;

	if (!mailbox_of(path, address, &rest))
		return;
	(void)pthread_mutex_lock(&graph->mutex);
	mailbox = mailbox_find(graph, address);
	if (mailbox) {
		mailbox->under_way += (unsigned)change;
		graph->requests += change > 0 ? 1 : 0;
		if (mailbox->under_way > graph->requests_per_mailbox_max)
			graph->requests_per_mailbox_max = mailbox->under_way;
	}
	(void)pthread_mutex_unlock(&graph->mutex);
}

static bool one_too_many(struct sandbox *sandbox, const char *address)
{
	const struct graph_mailbox *mailbox;
	bool over;

	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	mailbox = mailbox_find(&sandbox->graph, address);
	over = mailbox && mailbox->under_way > REQUESTS_OF_A_MAILBOX;
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);
	return over;
}

/* In the order of asking: the token, the mailbox, the limits, the faults. NULL: let in. */
static const struct graph_reply *judge(struct sandbox *sandbox, const struct graph_visit *visit)
{
	static const struct graph_reply no_token = { 401, "InvalidAuthenticationToken", "Access token is empty.", NULL };
	static const struct graph_reply bad_token = { 401, "InvalidAuthenticationToken",
						      "Access token validation failure. Invalid audience.", NULL };
	static const struct graph_reply no_user = { 404, "ErrorInvalidUser", "The requested user is invalid.", NULL };
	static const struct graph_reply throttled = { 429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", "1" };
	static const struct graph_reply too_long = { 413, "BadRequest", "The maximum request length supported is 4MB.", NULL };
	const char *given = MHD_lookup_connection_value(visit->request->connection, MHD_HEADER_KIND, "Authorization");

	if (!given || !str_starts(str_of(given), STR("Bearer ")))
		return &no_token;
	if (!tokens_is_good(&sandbox->tokens, TOKEN_FOR_GRAPH, str_skip(str_of(given), 7)))
		return &bad_token;
	if (!str_ends_nocase(str_of(visit->mailbox), STR("@" SANDBOX_TENANT)))
		return &no_user;
	if (one_too_many(sandbox, visit->mailbox))
		return &throttled;
	for (size_t i = 0; i < sizeof(faults_before) / sizeof(*faults_before); i++) {
		if (faults_strike(&sandbox->faults, faults_before[i].fault))
			return &faults_before[i].reply;
	}
	return visit->request->too_long ? &too_long : NULL;
}

/* --- sendMail --- */

static ssize_t half_an_answer(void *context, uint64_t at, char *into, size_t room)
{
	(void)context;
	if (at > 0 || room == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	into[0] = '{';
	return 1;
}

static enum MHD_Result say_half(struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_from_callback(64, 64, half_an_answer, NULL, NULL);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, 202, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result graph_sent(struct sandbox *sandbox, const struct https_request *request)
{
	static const struct graph_reply accepted = { 202, NULL, NULL, NULL };
	static const struct graph_reply timeout = { 504, "GatewayTimeout", "The operation timed out.", NULL };

	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	sandbox->graph.messages++;
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);
	if (faults_strike(&sandbox->faults, FAULT_GRAPH_CUT))
		return MHD_NO;
	if (faults_strike(&sandbox->faults, FAULT_GRAPH_HALF))
		return say_half(request->connection);
	if (faults_strike(&sandbox->faults, FAULT_GRAPH_HANG))
		(void)sleep(HANG_SECONDS);
	if (faults_strike(&sandbox->faults, FAULT_GRAPH_504))
		return graph_say(request, &timeout, NULL, NULL);
	return graph_say(request, &accepted, NULL, NULL);
}

static enum MHD_Result send_mail(struct sandbox *sandbox, const struct graph_visit *visit)
{
	static const struct graph_reply bad_base64 = { 400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.",
						       NULL };
	const struct graph_reply *refusal = &bad_base64;
	struct buf mime;
	bool decoded;

	buf_init(&mime, GRAPH_REQUEST_BYTES_MAX);
	decoded = graph_decode(visit->request->body, &mime);
	if (decoded)
		refusal = graph_deliver(sandbox, visit->mailbox, buf_str(&mime));
	buf_done(&mime);
	return refusal ? graph_say(visit->request, refusal, NULL, NULL) : graph_sent(sandbox, visit->request);
}

static enum MHD_Result show_user(struct sandbox *sandbox, const struct graph_visit *visit)
{
	static const struct graph_reply found = { 200, NULL, NULL, NULL };
	char id[40];

	(void)sandbox;
	print_id(id);
	return graph_say(visit->request, &found, json_pack("{s:s}", "id", id), NULL);
}

/* What can be done, by what stands behind the mailbox. To add something: a row. */
static const struct {
	const char *method, *path;
	bool whole; /* the path ends there */
	enum MHD_Result (*run)(struct sandbox *sandbox, const struct graph_visit *visit);
} actions[] = {
	{ "GET", "", true, show_user },
	{ "POST", "sendMail", true, send_mail },
	{ "POST", "messages", true, graph_draft_new },
	{ "POST", "messages/", false, graph_draft_change },
	{ "DELETE", "messages/", false, graph_draft_change },
};

enum MHD_Result graph_answer(struct sandbox *sandbox, const struct https_request *request)
{
	static const struct graph_reply unknown = { 400, "BadRequest", "Resource not found for the segment.", NULL };
	struct graph_visit visit = { .request = request };
	const struct graph_reply *refusal;

	if (!mailbox_of(request->path, visit.mailbox, &visit.rest))
		return graph_say(request, &unknown, NULL, NULL);
	if (faults_strike(&sandbox->faults, FAULT_GRAPH_SLOW))
		(void)usleep(SLOW_US);
	refusal = judge(sandbox, &visit);
	if (refusal) {
		(void)pthread_mutex_lock(&sandbox->graph.mutex);
		sandbox->graph.throttled += refusal->status == 429 ? 1 : 0;
		(void)pthread_mutex_unlock(&sandbox->graph.mutex);
		log_event(LOG_LEVEL_INFO, "SANDBOX Graph refuses", LOG_TEXT("mailbox", visit.mailbox), LOG_NUMBER("status", refusal->status));
		return graph_say(request, refusal, NULL, NULL);
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		bool fits = actions[i].whole ? str_eq_nocase(visit.rest, str_of(actions[i].path)) :
					       str_starts_nocase(visit.rest, str_of(actions[i].path));

		if (fits && str_eq(request->method, str_of(actions[i].method)))
			return actions[i].run(sandbox, &visit);
	}
	return graph_say(request, &unknown, NULL, NULL);
}
