#include "sys/http_private.h"

#include <stdlib.h>
#include <string.h>

/* CURLOPT_READFUNCTION */
static size_t on_room(char *into, size_t size, size_t count, void *context)
{
	struct call *call = context;
	uint64_t left = call->source_bytes - call->source_at;
	size_t room = size * count < left ? size * count : (size_t)left;
	ssize_t made = room ? call->source(call->context, call->source_at, into, room) : 0;

	if (made < 0)
		return CURL_READFUNC_ABORT;
	call->source_at += (uint64_t)made;
	return (size_t)made;
}

/* CURLOPT_SEEKFUNCTION: a kept connection turned out to be closed, and the body goes over another one. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct call *call = context;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > call->source_bytes)
		return CURL_SEEKFUNC_FAIL;
	call->source_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool set_source(struct call *call, const struct http_request *request)
{
	call->source = request->source;
	call->source_bytes = request->source_bytes;
	return curl_easy_setopt(call->easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->source_bytes) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_room) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_READDATA, call) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call) == CURLE_OK;
}

static bool set_body(struct call *call, struct str body)
{
	if (body.len == 0)
		return true;
	call->body = malloc(body.len);
	if (!call->body)
		return false;
	memcpy(call->body, body.ptr, body.len);
	call->body_len = body.len;
	return curl_easy_setopt(call->easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
	       curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body) == CURLE_OK;
}

bool http_set_body(struct call *call, const struct http_request *request)
{
	return request->source ? set_source(call, request) : set_body(call, request->body);
}

struct str http_header(const struct http_answer *said, const char *name)
{
	struct curl_header *field;

	if (!said->header || curl_easy_header(said->header, name, 0, CURLH_HEADER, -1, &field) != CURLHE_OK)
		return STR("");
	return str_of(field->value);
}
