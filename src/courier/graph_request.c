#include "courier/graph_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/random.h"

#define PROXY_PASSWORD_MAX 1000
#define URL_BYTES_MAX 8192

/* RFC 9562, 5.4. */
static void make_id(char ret_id[GRAPH_ID_BYTES])
{
	unsigned char bytes[16];
	size_t at = 0;

	random_bytes(bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++)
		at += (size_t)snprintf(ret_id + at, GRAPH_ID_BYTES - at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

static ssize_t message_base64(void *context, uint64_t offset, char *into, size_t room)
{
	const struct graph_call *call = context;

	return graph_source_base64(&call->source, offset, into, room);
}

/* Microsoft, "user: sendMail", in MIME format. */
static bool make_send(struct graph_call *call, struct http_request *request, struct buf *url)
{
	request->source = message_base64;
	request->source_bytes = graph_source_base64_bytes(&call->source);
	return buf_add_format(url, "%s/sendMail", call->base);
}

/* Microsoft, "Create message", in MIME format. */
static bool make_draft(struct graph_call *call, struct http_request *request, struct buf *url)
{
	request->source = message_base64;
	request->source_bytes = graph_source_base64_bytes(&call->source);
	return buf_add_format(url, "%s/messages", call->base);
}

/* --- the files of a draft --- */

static bool add_draft_url(const struct graph_call *call, struct buf *url, const char *rest)
{
	return buf_add_format(url, "%s/messages/", call->base) && graph_path_print(url, str_of(call->draft)) && buf_add(url, str_of(rest));
}

static bool print_json(struct graph_call *call, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	bool good;

	buf_clear(&call->json);
	good = text && buf_add(&call->json, str_of(text));
	free(text);
	json_decref(json);
	return good;
}

/* Microsoft, "attachment: createUploadSession". */
static bool make_session(struct graph_call *call, struct http_request *request, struct buf *url)
{
	const struct graph_part *file = &call->files[call->file];

	if (!print_json(call, json_pack("{s:{s:s,s:s,s:s,s:I}}", "AttachmentItem", "attachmentType", "file", "name", file->name, "contentType",
					file->type, "size", (json_int_t)file->bytes)))
		return false;
	request->body = buf_str(&call->json);
	return add_draft_url(call, url, "/attachments/createUploadSession");
}

/* The body may have to be said again from its start: over another connection, or after a 401. */
static void rewind_to(struct graph_call *call, uint64_t offset)
{
	if (offset == 0)
		call->cursor = call->mark;
}

static ssize_t chunk_bytes(void *context, uint64_t offset, char *into, size_t room)
{
	struct graph_call *call = context;

	rewind_to(call, offset);
	return graph_part_bytes(&call->message, &call->files[call->file], &call->cursor, into, room);
}

static bool make_chunk(struct graph_call *call, struct http_request *request, struct buf *url)
{
	uint64_t bytes = call->files[call->file].bytes;
	uint64_t left = bytes - call->mark.done;

	request->method = "PUT";
	request->source = chunk_bytes;
	request->source_bytes = left < GRAPH_CHUNK_BYTES ? left : GRAPH_CHUNK_BYTES;
	buf_clear(&call->json);
	return buf_add(url, str_of(call->upload_url)) &&
	       buf_add_format(&call->json, "Content-Range: bytes %llu-%llu/%llu", (unsigned long long)call->mark.done,
			      (unsigned long long)(call->mark.done + request->source_bytes - 1), (unsigned long long)bytes) &&
	       buf_add_byte(&call->json, '\0');
}

#define JSON_TAIL "\"}"

/* {…,"contentBytes":" as printed, the file's letters, and "} */
static ssize_t file_json(void *context, uint64_t offset, char *into, size_t room)
{
	struct graph_call *call = context;
	const struct graph_part *file = &call->files[call->file];
	uint64_t tail_at = call->json.len + file->letters;

	rewind_to(call, offset);
	if (offset < call->json.len) {
		size_t take = call->json.len - (size_t)offset < room ? call->json.len - (size_t)offset : room;

		memcpy(into, call->json.ptr + offset, take);
		return (ssize_t)take;
	}
	if (offset < tail_at)
		return graph_part_letters(&call->message, file, &call->cursor, into, tail_at - offset < room ? (size_t)(tail_at - offset) : room);
	into[0] = JSON_TAIL[offset - tail_at];
	return 1;
}

/* Microsoft, "Add attachment". */
static bool make_file(struct graph_call *call, struct http_request *request, struct buf *url)
{
	const struct graph_part *file = &call->files[call->file];

	if (!print_json(call, json_pack("{s:s,s:s,s:s,s:s}", "@odata.type", "#microsoft.graph.fileAttachment", "name", file->name, "contentType",
					file->type, "contentBytes", "")))
		return false;
	call->json.len -= sizeof(JSON_TAIL) - 1;
	request->source = file_json;
	request->source_bytes = call->json.len + file->letters + sizeof(JSON_TAIL) - 1;
	return add_draft_url(call, url, "/attachments");
}

static bool make_send_draft(struct graph_call *call, struct http_request *request, struct buf *url)
{
	request->method = "POST";
	return add_draft_url(call, url, "/send");
}

static bool make_discard(struct graph_call *call, struct http_request *request, struct buf *url)
{
	request->method = "DELETE";
	return add_draft_url(call, url, "");
}

#define TEXT_PLAIN "Content-Type: text/plain"
#define JSON "Content-Type: application/json"
#define BYTES "Content-Type: application/octet-stream"
#define NO_BODY "Content-Length: 0"

/* What is asked, and which statuses are a yes; Content-Range stands in call->json. To add a step: an enum value, and a row. */
static const struct {
	bool (*make)(struct graph_call *call, struct http_request *request, struct buf *url);
	const char *content;
	bool without_token;
	unsigned yes[3];
} steps[GRAPH_STEP_COUNT] = {
	[GRAPH_SEND] = { make_send, TEXT_PLAIN, false, { 202 } },
	[GRAPH_DRAFT] = { make_draft, TEXT_PLAIN, false, { 201 } },
	[GRAPH_SESSION] = { make_session, JSON, false, { 201, 200 } },
	[GRAPH_CHUNK] = { make_chunk, BYTES, true, { 200, 201, 202 } },
	[GRAPH_FILE] = { make_file, JSON, false, { 201 } },
	[GRAPH_SEND_DRAFT] = { make_send_draft, NO_BODY, false, { 202 } },
	[GRAPH_DISCARD] = { make_discard, NO_BODY, false, { 204 } },
};

bool graph_is_yes(const struct graph_call *call, unsigned status)
{
	const unsigned *yes = steps[call->step].yes;

	return status && (status == yes[0] || status == yes[1] || status == yes[2]);
}

/* --- one after the other --- */

static void next_file(struct graph_call *call)
{
	const struct graph_part *file = &call->files[call->file];

	if (call->file == call->files_count) {
		graph_request(call, GRAPH_SEND_DRAFT);
		return;
	}
	call->mark = call->cursor = (struct graph_cursor){ .at = file->body_from };
	graph_request(call, file->bytes < GRAPH_SESSION_BYTES_MIN ? GRAPH_FILE : GRAPH_SESSION);
}

void graph_next(struct graph_call *call, struct str body)
{
	char url[URL_BYTES_MAX];

	switch (call->step) {
	case GRAPH_DRAFT:
		if (!graph_member(body, "id", sizeof(call->draft), call->draft))
			graph_give_up(call, "Microsoft Graph made a draft without saying its id");
		else
			next_file(call);
		break;
	case GRAPH_SESSION:
		free(call->upload_url);
		call->upload_url = graph_member(body, "uploadUrl", sizeof(url), url) ? str_dup(str_of(url)) : NULL;
		if (!call->upload_url)
			graph_give_up(call, "Microsoft Graph opened an upload session without saying its address");
		else
			graph_request(call, GRAPH_CHUNK);
		break;
	case GRAPH_CHUNK:
		call->mark = call->cursor;
		if (call->mark.done < call->files[call->file].bytes) {
			graph_request(call, GRAPH_CHUNK);
			break;
		}
		call->file++;
		next_file(call);
		break;
	case GRAPH_FILE:
		call->file++;
		next_file(call);
		break;
	case GRAPH_TOKEN:
	case GRAPH_SEND:
	case GRAPH_SEND_DRAFT:
	case GRAPH_DISCARD:
	case GRAPH_STEP_COUNT:
		graph_accepted(call);
		break;
	}
}

void graph_request(struct graph_call *call, enum graph_step step)
{
	struct courier *courier = call->mailbox->courier;
	CLEANUP(buf_done) struct buf url = { 0 };
	CLEANUP(buf_wipe) struct buf proxy_password = { 0 };
	char id[64 + GRAPH_ID_BYTES];
	const char *headers[6] = { id, "return-client-request-id: true", steps[step].content, NULL };
	struct http_request request = {
		.ca_file = call->ca_file,
		.proxy = call->proxy,
		.headers = headers,
		.silence_s = (unsigned)call->silence_s,
		.answer_bytes_max = GRAPH_ANSWER_MAX,
	};
	struct fault fault;
	bool ready;

	call->step = step;
	make_id(call->request_id);
	(void)snprintf(id, sizeof(id), "client-request-id: %s", call->request_id);
	buf_init(&url, URL_BYTES_MAX);
	(void)fault_set(&fault, OUTCOME_LATER, N_("out of memory for a request to Microsoft Graph"));
	ready = steps[step].make(call, &request, &url) && buf_add_byte(&url, '\0');
	request.url = url.ptr;
	headers[3] = steps[step].without_token ? call->json.ptr : call->authorization.ptr;
	if (ready && call->proxy && call->proxy_password_file) {
		ready = file_load_secret(call->proxy_password_file, PROXY_PASSWORD_MAX, &proxy_password, &fault) == OUTCOME_OK;
		request.proxy_password = buf_str(&proxy_password);
	}
	if (ready && http_send(courier->http, &request, graph_on_answer, call, &fault) == OUTCOME_OK)
		return;
	/* No memory, a URL that is none, a password that cannot be read: nothing was said. */
	call->step = GRAPH_TOKEN;
	mailbox_pause_upstream(call->mailbox, 15000, str_of(fault.text[LANGUAGE_EN]));
	graph_give_up(call, fault.text[LANGUAGE_EN]);
}
