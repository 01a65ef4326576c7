#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "sandbox/graph_private.h"

#define MESSAGE_BYTES_MAX (300u << 20)
#define ATTACHMENT_BYTES_MAX (150u << 20)  /* Microsoft, attachment: createUploadSession */
#define ATTACHMENT_BYTES_MIN 3000000
#define DRAFTS_MAX 1000

/* A message that waits in its mailbox to be sent. Under the graph's mutex. */
struct graph_draft {
	char id[64];
	char mailbox[512];
	struct buf mime;
	struct graph_attachment *attachments;
};

static const struct graph_reply created = { 201, NULL, NULL, NULL };
static const struct graph_reply no_item = { 404, "ErrorItemNotFound", "The specified object was not found in the store.", NULL };
static const struct graph_reply bad_request = { 400, "BadRequest", "The request is not what is wanted here.", NULL };
static const struct graph_reply no_room = { 507, "ErrorInsufficientResources", "There is no room.", NULL };

static void draft_free(struct graph_draft *draft)
{
	struct graph_attachment *next;

	for (struct graph_attachment *one = draft->attachments; one; one = next) {
		next = one->next;
		buf_done(&one->bytes);
		free(one);
	}
	buf_done(&draft->mime);
	free(draft);
}

void graph_drafts_done(struct sandbox *sandbox)
{
	struct graph_draft *draft;
	size_t at = 0;

	while ((draft = table_next(&sandbox->graph.drafts, &at)))
		draft_free(draft);
	table_done(&sandbox->graph.drafts);
}

enum MHD_Result graph_draft_new(struct sandbox *sandbox, const struct graph_visit *visit)
{
	static const struct graph_reply bad_base64 = { 400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.",
						       NULL };
	struct sandbox_graph *graph = &sandbox->graph;
	struct graph_draft *draft = calloc(1, sizeof(*draft));
	char id[64];
	bool kept;

	if (!draft)
		return graph_say(visit->request, &no_room, NULL, NULL);
	buf_init(&draft->mime, MESSAGE_BYTES_MAX);
	(void)str_copy(str_of(visit->mailbox), sizeof(draft->mailbox), draft->mailbox);
	if (!graph_decode(visit->request->body, &draft->mime)) {
		draft_free(draft);
		return graph_say(visit->request, &bad_base64, NULL, NULL);
	}
	(void)pthread_mutex_lock(&graph->mutex);
	(void)snprintf(draft->id, sizeof(draft->id), "AAMkSANDBOX%llu-%08x=", (unsigned long long)++graph->last_id, random_below(UINT32_MAX));
	(void)str_copy(str_of(draft->id), sizeof(id), id);
	kept = graph->drafts.count < DRAFTS_MAX && table_put(&graph->drafts, str_of(draft->id), draft);
	(void)pthread_mutex_unlock(&graph->mutex);
	if (!kept) {
		draft_free(draft);
		return graph_say(visit->request, &no_room, NULL, NULL);
	}
	return graph_say(visit->request, &created, json_pack("{s:s,s:b,s:b}", "id", id, "isDraft", 1, "sandbox", 1), NULL);
}

/* --- what is done with it; each with the mutex held, and the reply in *ret_json when it has one --- */

static const struct graph_reply *attach(struct sandbox *sandbox, struct graph_draft *draft, struct str body, bool session, json_t **ret_json)
{
	json_t *json = json_loadb(body.ptr, body.len, 0, NULL);
	const json_t *item = session ? json_object_get(json, "AttachmentItem") : json;
	const char *name = json_string_value(json_object_get(item, "name"));
	const char *type = json_string_value(json_object_get(item, "contentType"));
	const char *content = json_string_value(json_object_get(item, "contentBytes"));
	json_int_t size = json_integer_value(json_object_get(item, "size"));
	struct graph_attachment *attachment = calloc(1, sizeof(*attachment));
	const struct graph_reply *reply = &bad_request;
	char url[160];

	if (!attachment || !name || (session ? size < ATTACHMENT_BYTES_MIN || size > ATTACHMENT_BYTES_MAX : !content))
		goto out;
	buf_init(&attachment->bytes, ATTACHMENT_BYTES_MAX);
	(void)str_copy(str_of(name), sizeof(attachment->name), attachment->name);
	(void)str_copy(str_of(type ? type : "application/octet-stream"), sizeof(attachment->type), attachment->type);
	attachment->size = session ? (uint64_t)size : 0;
	if (!session && !graph_decode(str_of(content), &attachment->bytes) && content[0])
		goto out;
	if (session) {
		(void)snprintf(attachment->session, sizeof(attachment->session), "%llu-%08x", (unsigned long long)++sandbox->graph.last_id,
			       random_below(UINT32_MAX));
		(void)snprintf(url, sizeof(url), "https://localhost:%u/upload/%s/%s", sandbox->https_port, draft->id, attachment->session);
		*ret_json = json_pack("{s:s,s:s,s:[s]}", "uploadUrl", url, "expirationDateTime", "2099-01-01T00:00:00Z", "nextExpectedRanges",
				      "0-");
	} else {
		*ret_json = json_pack("{s:s,s:s}", "id", "AAMkATTACHMENT=", "name", name);
	}
	attachment->next = draft->attachments;
	draft->attachments = attachment;
	attachment = NULL;
	reply = &created;
out:
	free(attachment);
	json_decref(json);
	return reply;
}

/* NULL: sent, the draft is gone. */
static const struct graph_reply *send_draft(struct sandbox *sandbox, struct graph_draft *draft)
{
	static const struct graph_reply unfinished = { 400, "ErrorUploadNotFinished", "An attachment is not whole yet.", NULL };
	const struct graph_reply *refusal;

	for (struct graph_attachment *one = draft->attachments; one; one = one->next) {
		if (one->session[0])
			return &unfinished;
		if (!graph_attach(&draft->mime, one))
			return &bad_request;
	}
	refusal = graph_deliver(sandbox, draft->mailbox, buf_str(&draft->mime));
	if (refusal)
		return refusal;
	(void)table_take(&sandbox->graph.drafts, str_of(draft->id));
	draft_free(draft);
	return NULL;
}

enum MHD_Result graph_draft_change(struct sandbox *sandbox, const struct graph_visit *visit)
{
	static const struct graph_reply gone = { 204, NULL, NULL, NULL };
	struct str what = visit->rest;
	struct str id;
	struct graph_draft *draft;
	const struct graph_reply *reply = &bad_request;
	json_t *json = NULL;

	(void)str_cut(&what, '/');
	id = str_cut(&what, '/');
	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	draft = table_find(&sandbox->graph.drafts, id);
	if (!draft || strcmp(draft->mailbox, visit->mailbox) != 0) {
		reply = &no_item;
	} else if (str_eq(visit->request->method, STR("DELETE"))) {
		(void)table_take(&sandbox->graph.drafts, id);
		draft_free(draft);
		reply = &gone;
	} else if (str_eq_nocase(what, STR("attachments"))) {
		reply = attach(sandbox, draft, visit->request->body, false, &json);
	} else if (str_eq_nocase(what, STR("attachments/createUploadSession"))) {
		reply = attach(sandbox, draft, visit->request->body, true, &json);
	} else if (str_eq_nocase(what, STR("send"))) {
		reply = send_draft(sandbox, draft);
	}
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);
	return reply ? graph_say(visit->request, reply, json, NULL) : graph_sent(sandbox, visit->request);
}

/* --- the pieces of a file --- */

static struct graph_attachment *session_find(struct sandbox *sandbox, struct str path)
{
	struct str id;
	const struct graph_draft *draft;

	path = str_skip(path, sizeof("/upload/") - 1);
	id = str_cut(&path, '/');
	draft = table_find(&sandbox->graph.drafts, id);
	for (struct graph_attachment *one = draft ? draft->attachments : NULL; one; one = one->next) {
		if (path.len > 0 && str_eq(path, str_of(one->session)))
			return one;
	}
	return NULL;
}

/* "bytes 0-3276799/20000000": in order, and no more than is there. */
static bool range_fits(const struct graph_attachment *attachment, const char *range, size_t body_len)
{
	struct str rest = str_of(range);
	uint64_t from, to, total;

	if (!str_starts(rest, STR("bytes ")))
		return false;
	rest = str_skip(rest, 6);
	return str_to_u64(str_cut(&rest, '-'), MESSAGE_BYTES_MAX, &from) && str_to_u64(str_cut(&rest, '/'), MESSAGE_BYTES_MAX, &to) &&
	       str_to_u64(rest, MESSAGE_BYTES_MAX, &total) && from == attachment->got && to >= from && to - from + 1 == body_len &&
	       to < total && total == attachment->size;
}

enum MHD_Result graph_upload_answer(struct sandbox *sandbox, const struct https_request *request)
{
	static const struct graph_reply more = { 200, NULL, NULL, NULL };
	static const struct graph_reply bad_range = { 416, "InvalidRange", "The range is not the one expected.", NULL };
	static const struct graph_reply failed = { 500, "ErrorInternalServerError", "An internal server error occurred.", NULL };
	static const struct graph_reply no_credentials = { 401, "Unauthorized", "This URL is asked without Authorization.", NULL };
	const char *range = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Range");
	const struct graph_reply *reply = &more;
	struct graph_attachment *attachment;
	json_t *json = NULL;
	char next[32];

	if (MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Authorization"))
		return graph_say(request, &no_credentials, NULL, NULL);
	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	attachment = session_find(sandbox, request->path);
	if (!attachment || !str_eq(request->method, STR("PUT"))) {
		reply = &no_item;
	} else if (request->too_long || !range_fits(attachment, range, request->body.len)) {
		reply = &bad_range;
	} else if (attachment->got > 0 && faults_strike(&sandbox->faults, FAULT_GRAPH_UPLOAD)) {
		reply = &failed;
	} else if (!buf_add(&attachment->bytes, request->body)) {
		reply = &no_room;
	} else {
		attachment->got += request->body.len;
		(void)snprintf(next, sizeof(next), "%llu-", (unsigned long long)attachment->got);
		if (attachment->got == attachment->size)
			attachment->session[0] = '\0';
		else
			json = json_pack("{s:s,s:[s]}", "expirationDateTime", "2099-01-01T00:00:00Z", "nextExpectedRanges", next);
		reply = attachment->session[0] ? &more : &created;
	}
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);
	return graph_say(request, reply, json, reply == &created ? "https://localhost/attachment" : NULL);
}
