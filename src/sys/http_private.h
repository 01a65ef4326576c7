/* http_private: one request, shared by http.c and http_body.c. */
#ifndef SYS_HTTP_PRIVATE_H
#define SYS_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "sys/http.h"

#define NAME_BYTES_MAX 256

/* One request, from http_send to its answer. */
struct call {
	struct call *next, *before;
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *body; /* ours, wiped at the end */
	size_t body_len;
	ssize_t (*source)(void *context, uint64_t offset, char *into, size_t room);
	uint64_t source_bytes, source_at;
	struct buf answer;
	bool too_long;
	char host[NAME_BYTES_MAX];
	char words[CURL_ERROR_SIZE]; /* curl's own */
	void (*on_answer)(void *context, const struct http_answer *answer);
	void *context;
};

struct http {
	struct loop *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct call *calls;
};

/* What the request says behind its header: `body`, or what `source` makes. False: memory is short. */
bool http_set_body(struct call *call, const struct http_request *request);

#endif
