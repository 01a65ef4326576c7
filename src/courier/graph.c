#include "courier/graph_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "courier/failure_graph.h"
#include "wire/graph_mime.h"

#define HEAD_RUN_BYTES 16384
#define URL_BYTES_MAX 4096
#define AUTHORIZATION_BYTES_MAX 65536

/* --- life --- */

static void free_names(struct graph_call *call)
{
	free(call->base);
	free(call->ca_file);
	free(call->proxy);
	free(call->proxy_password_file);
}

void graph_free(struct graph_call *call)
{
	struct mailbox *mailbox = call->mailbox;
	struct graph_call **at = &mailbox->graph_calls;
	bool begun = call->begun;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	mailbox->slots--;
	if (call->waits_for_token)
		token_cancel(mailbox->courier->tokens, call);
	http_cancel(mailbox->courier->http, call);
	buf_wipe(&call->authorization);
	graph_plan_cancel(call);
	graph_requoted_done(&call->requoted);
	buf_done(&call->head);
	buf_done(&call->empty_part);
	buf_done(&call->json);
	free(call->files);
	free(call->upload_url);
	free(call->ending);
	free_names(call);
	free(call);
	if (begun) /* else who gave the work goes on by himself */
		mailbox_give_room(mailbox);
}

static bool copy_name(const char *name, char **ret_copy)
{
	*ret_copy = name ? str_dup(str_of(name)) : NULL;
	return *ret_copy || !name;
}

static struct str graph_given(const struct upstream_settings *settings)
{
	struct str given = str_of(settings->graph_url);

	while (given.len > 0 && given.ptr[given.len - 1] == '/')
		given.len--;
	return given;
}

bool graph_root_print(const struct upstream_settings *settings, struct buf *out)
{
	struct str given = graph_given(settings);

	return buf_add(out, given) &&
	       (str_ends_nocase(given, STR("/v1.0")) || str_ends_nocase(given, STR("/beta")) || buf_add(out, STR("/v1.0")));
}

bool graph_url_print(const struct upstream_settings *settings, struct str mailbox, struct buf *out)
{
	return graph_root_print(settings, out) && buf_add(out, STR("/users/")) && graph_path_print(out, mailbox);
}

static bool make_base(struct graph_call *call, const struct upstream_settings *settings)
{
	CLEANUP(buf_done) struct buf url = { 0 };
	struct str given = graph_given(settings);
	struct str host;

	buf_init(&url, URL_BYTES_MAX);
	if (!graph_url_print(settings, call->mailbox->address, &url))
		return false;
	host = str_skip(given, str_find(given, ':') + 3);
	host.len = str_find(host, '/');
	host.len = str_find(host, ':');
	(void)str_copy(host, sizeof(call->host), call->host);
	call->base = str_dup(buf_str(&url));
	return call->base && copy_name(settings->ca_file, &call->ca_file) && copy_name(settings->proxy, &call->proxy) &&
	       copy_name(settings->proxy_password_file, &call->proxy_password_file);
}

static struct graph_call *call_new(struct mailbox *mailbox, const struct upstream *upstream, struct work *work)
{
	struct graph_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->mailbox = mailbox;
	call->upstream = upstream;
	call->work = work;
	call->message = work->job;
	call->requoted.fd = -1;
	call->silence_s = mailbox->courier->settings->limits.upstream_reply_seconds_max;
	buf_init(&call->authorization, AUTHORIZATION_BYTES_MAX);
	buf_init(&call->head, 2 * GRAPH_MIME_HEAD_MAX);
	buf_init(&call->empty_part, 256);
	buf_init(&call->json, 4096);
	call->request_bytes_max = upstream->settings->graph_request_bytes_max;
	if (!make_base(call, upstream->settings)) {
		free_names(call);
		free(call);
		return NULL;
	}
	call->next = mailbox->graph_calls;
	mailbox->graph_calls = call;
	mailbox->slots++;
	return call;
}

/* --- the header section --- */

static bool name_recipients(struct graph_mime *mime, const struct work *work)
{
	bool good = graph_mime_init(mime, work->message.recipients_count);

	for (size_t i = 0; good && i < work->message.recipients_count; i++)
		good = graph_mime_recipient(mime, work->message.recipients[i].address);
	return good;
}

/* How much of the body is header section goes to *ret_from. BAD: longer than it may be; MORE: the file cannot be read. */
static enum parse read_head(struct graph_mime *mime, const struct courier_job *job, uint64_t *ret_from)
{
	char run[HEAD_RUN_BYTES];
	uint64_t from = 0;

	while (from < job->size_bytes) {
		ssize_t got = graph_body_read(job, from, run, sizeof(run));
		size_t used;
		enum parse end;

		if (got <= 0)
			return PARSE_MORE;
		used = (size_t)got;
		end = graph_mime_feed(mime, (struct str){ run, (size_t)got }, &used);
		from += used;
		if (end == PARSE_BAD)
			return PARSE_BAD;
		if (end == PARSE_OK)
			break;
	}
	*ret_from = from;
	return PARSE_OK;
}

void graph_take_whole(struct graph_call *call)
{
	call->source = (struct graph_source){ .job = &call->message };
	graph_source_add_text(&call->source, buf_str(&call->head));
	graph_source_add_body(&call->source, call->body_from, call->message.size_bytes);
}

/* False: the call has ended. */
static bool make_head(struct graph_call *call)
{
	CLEANUP(graph_mime_done) struct graph_mime mime = { 0 };
	struct graph_mime_outcome outcome;
	char sentence[600];

	if (!name_recipients(&mime, call->work)) {
		graph_give_up(call, "out of memory for the recipients");
		return false;
	}
	switch (read_head(&mime, &call->work->job, &call->body_from)) {
	case PARSE_MORE:
		graph_give_up(call, "the body could not be read");
		return false;
	case PARSE_BAD:
		graph_refuse(call, GRAPH_LONG_HEADER, NULL);
		return false;
	case PARSE_OK:
		break;
	}
	if (!graph_mime_print(&mime, &call->head, &outcome)) {
		graph_give_up(call, "out of memory for the header");
		return false;
	}
	if (outcome.foreign > 0 && call->upstream->settings->header_recipients_refuse) {
		(void)snprintf(sentence, sizeof(sentence), "The header names %s, to whom the message was not sent: Microsoft Graph would mail it "
			       "there as well (header-recipients: refuse).", outcome.name[0] ? outcome.name : "recipients that cannot be read");
		graph_refuse(call, GRAPH_NAMES_OTHERS, sentence);
		return false;
	}
	graph_take_whole(call);
	return true;
}

/* --- the token --- */

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct graph_call *call = context;

	call->waits_for_token = false;
	if (outcome != OUTCOME_OK) {
		courier_pause_for_token(call->mailbox, fault);
		graph_give_up(call, fault->text[LANGUAGE_EN]);
		return;
	}
	buf_wipe(&call->authorization);
	call->token_generation = token->generation;
	if (!buf_add(&call->authorization, STR("Authorization: Bearer ")) || !buf_add(&call->authorization, token->value) ||
	    !buf_add_byte(&call->authorization, '\0')) {
		graph_give_up(call, "the token does not fit into a request");
		return;
	}
	graph_request(call, call->next_step);
}

void graph_with_token(struct graph_call *call, enum graph_step step)
{
	struct courier *courier = call->mailbox->courier;

	if (!call->upstream) {
		graph_give_up(call, "the settings have changed");
		return;
	}
	call->step = GRAPH_TOKEN;
	call->next_step = step;
	call->waits_for_token = true;
	token_get_for(courier->tokens, call->upstream->settings, &courier->settings->limits, call->mailbox->address, on_token, call);
}

/* --- as a carrier --- */

static bool carry(struct mailbox *mailbox, struct upstream *upstream, struct work *work)
{
	struct graph_call *call = call_new(mailbox, upstream, work);

	if (!call)
		return false;
	if (make_head(call)) {
		bool requote = upstream->settings->quoted_printable_base64 && graph_requote_is_worth(buf_str(&call->head));

		if (call->source.bytes <= call->request_bytes_max && !requote)
			graph_with_token(call, GRAPH_SEND);
		else if (!graph_plan(call, requote))
			graph_give_up(call, "out of memory for a large message");
	}
	/* It may have ended already. */
	for (struct graph_call *one = mailbox->graph_calls; one; one = one->next)
		one->begun = true;
	return true;
}

/* What is under way has copies of what it needs of the settings; what waits for a token of theirs has not. */
static void age(struct mailbox *mailbox)
{
	struct graph_call *next;

	for (struct graph_call *call = mailbox->graph_calls; call; call = next) {
		next = call->next;
		call->upstream = NULL;
		if (call->step == GRAPH_TOKEN)
			graph_give_up(call, "the settings have changed");
	}
}

static void abandon(struct mailbox *mailbox, const char *why)
{
	struct graph_call *next;

	for (struct graph_call *call = mailbox->graph_calls; call; call = next) {
		next = call->next;
		graph_give_up(call, why);
	}
}

const struct carrier graph_carrier = { .carry = carry, .age = age, .abandon = abandon };
