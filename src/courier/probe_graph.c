#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "courier/failure_graph.h"
#include "courier/probe_private.h"
#include "wire/graph_answer.h"

#define REPLY_MS 30000
#define URL_BYTES_MAX 8192
#define AUTHORIZATION_BYTES_MAX 20480
#define PROXY_PASSWORD_MAX 1000
#define MESSAGE_BYTES_MAX 32768

/* --- an answer --- */

static void keep_answer(struct probe *probe, const struct http_answer *answer, const struct graph_error *error)
{
	(void)snprintf(probe->reply, sizeof(probe->reply), "HTTP %u%s%s%s%s", answer->status, error->code[0] ? " " : "", error->code,
		       error->message[0] ? ": " : "", error->message);
}

/* NULL: it is what was hoped for. Else what it means. */
static const struct failure_verdict *judge(struct probe *probe, const struct http_answer *answer, unsigned hoped)
{
	struct graph_error error = { .code = "" };

	if (answer->outcome != OUTCOME_OK) {
		probe_say(probe, "%s", answer->fault.text[probe->options.language]);
		return &failure_graph_decide(GRAPH_UNREACHED, STR(""), STR(""))->verdict;
	}
	(void)graph_error_parse(answer->body, &error);
	keep_answer(probe, answer, &error);
	if (answer->status == hoped)
		return NULL;
	/* Microsoft, "Get user": to read it takes a permission of its own, which sending does not need. */
	if (hoped == 200 && probe->may_send && str_eq(str_of(error.code), STR("Authorization_RequestDenied"))) {
		probe_say_more(probe, N_(": Graph answers; the app may not read users, which sending does not need"));
		return NULL;
	}
	return &failure_graph_decide(answer->status, str_of(error.code), str_of(error.message))->verdict;
}

static void end_step(struct probe *probe, const struct failure_verdict *verdict)
{
	if (verdict && verdict->meaning == FAILURE_REFRESH_TOKEN) /* Exchange refuses one for other reasons */
		probe_fail(probe, "graph-token-refused", verdict->explain);
	else if (verdict)
		probe_fail(probe, verdict->cause, verdict->explain);
	else
		probe_ok(probe);
}

static void on_user(void *context, const struct http_answer *answer)
{
	struct probe *probe = context;

	probe_say(probe, "%.*s", STR_ARG(probe_sender(probe)->mailbox));
	end_step(probe, judge(probe, answer, 200));
}

static void on_sent(void *context, const struct http_answer *answer)
{
	struct probe *probe = context;

	probe_say(probe, "<%.*s>", STR_ARG(probe->options.recipient));
	end_step(probe, judge(probe, answer, 202));
}

/* --- a request --- */

static void fail_unsaid(struct probe *probe, const struct fault *fault)
{
	probe_say(probe, "%s", fault->text[probe->options.language]);
	probe_fail(probe, "graph-not-asked", NULL);
}

/* `message` empty: GET. */
static void ask(struct probe *probe, struct str token, const char *behind, struct str message,
		void (*on_answer)(void *context, const struct http_answer *answer))
{
	const struct upstream_settings *settings = probe->settings;
	CLEANUP(buf_wipe) struct buf authorization = { .bytes_max = AUTHORIZATION_BYTES_MAX };
	CLEANUP(buf_wipe) struct buf proxy_password = { 0 };
	CLEANUP(cleanup_buf) struct buf url = { .bytes_max = URL_BYTES_MAX };
	const char *headers[] = { NULL, message.len ? "Content-Type: text/plain" : NULL, NULL };
	struct http_request request = {
		.ca_file = settings->ca_file, .proxy = settings->proxy, .headers = headers, .body = message, .timeout_ms = REPLY_MS,
		.answer_bytes_max = GRAPH_ANSWER_MAX,
	};
	struct fault fault;

	(void)fault_set(&fault, OUTCOME_LATER, N_("out of memory"));
	if (settings->proxy && settings->proxy_password_file &&
	    file_load_secret(settings->proxy_password_file, PROXY_PASSWORD_MAX, &proxy_password, &fault) != OUTCOME_OK) {
		fail_unsaid(probe, &fault);
		return;
	}
	request.proxy_password = buf_str(&proxy_password);
	if (!graph_url_print(settings, probe_sender(probe)->mailbox, &url) || !buf_add(&url, str_of(behind)) || !buf_add_byte(&url, '\0') ||
	    !buf_add_format(&authorization, "Authorization: Bearer %.*s", STR_ARG(token)) || !buf_add_byte(&authorization, '\0')) {
		fail_unsaid(probe, &fault);
		return;
	}
	request.url = url.ptr;
	headers[0] = authorization.ptr;
	if (http_send(probe->courier->http, &request, on_answer, probe, &fault) != OUTCOME_OK)
		fail_unsaid(probe, &fault);
}

/* Within the request's own time; that it does not come at all is no case. */
static void on_no_answer(struct probe *probe)
{
	http_cancel(probe->courier->http, probe);
	token_cancel(probe->courier->tokens, probe);
	probe_say(probe, N_("the server did not answer in time"));
	probe_fail(probe, "no-answer", NULL);
}

static void on_token_to_look(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	if (outcome == OUTCOME_OK)
		ask(context, token->value, "?$select=id", STR(""), on_user);
	else
		fail_unsaid(context, fault);
}

static void on_token_to_send(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct probe *probe = context;
	CLEANUP(cleanup_buf) struct buf mime = { .bytes_max = MESSAGE_BYTES_MAX };
	struct fault memory;

	(void)fault_set(&memory, OUTCOME_LATER, N_("out of memory"));
	if (outcome != OUTCOME_OK)
		fail_unsaid(probe, fault);
	else if (!probe_write_message(probe) || !base64_print(&mime, buf_str(&probe->body)))
		fail_unsaid(probe, &memory);
	else
		ask(probe, token->value, "/sendMail", buf_str(&mime), on_sent);
}

static void with_token(struct probe *probe, void (*on_token)(void *context, enum outcome outcome, const struct token *token,
							     const struct fault *fault))
{
	if (!probe_sender(probe)) {
		probe_say(probe, N_("no account's mail goes this way: add one, or name a sender with --from"));
		probe_tell(probe, PROBE_WARN, "no-account", NULL);
		probe_end(probe);
		return;
	}
	probe_wait(probe, REPLY_MS + 1000, on_no_answer);
	token_get_for(probe->courier->tokens, probe->settings, &probe->courier->settings->limits, probe_sender(probe)->mailbox, on_token, probe);
}

void probe_begin_graph(struct probe *probe)
{
	with_token(probe, on_token_to_look);
}

void probe_begin_graph_send(struct probe *probe)
{
	with_token(probe, on_token_to_send);
}
