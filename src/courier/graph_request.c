#include "courier/graph_private.h"

#include <stdio.h>

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
static void make_send(struct graph_call *call, struct http_request *request, char url[URL_BYTES_MAX])
{
	(void)snprintf(url, URL_BYTES_MAX, "%s/sendMail", call->base);
	request->source = message_base64;
	request->source_bytes = graph_source_base64_bytes(&call->source);
}

/* To add a step: an enum value, and a row. */
static const struct {
	void (*make)(struct graph_call *call, struct http_request *request, char url[URL_BYTES_MAX]);
	const char *content_type;
} steps[GRAPH_STEP_COUNT] = {
	[GRAPH_SEND] = { make_send, "Content-Type: text/plain" },
};

void graph_request(struct graph_call *call, enum graph_step step)
{
	struct courier *courier = call->mailbox->courier;
	char url[URL_BYTES_MAX], id[64 + GRAPH_ID_BYTES];
	const char *const headers[] = { call->authorization.ptr, steps[step].content_type, id, "return-client-request-id: true", NULL };
	struct http_request request = {
		.url = url,
		.ca_file = call->ca_file,
		.proxy = call->proxy,
		.headers = headers,
		.silence_s = (unsigned)call->silence_s,
		.answer_bytes_max = GRAPH_ANSWER_MAX,
	};
	CLEANUP(buf_wipe) struct buf proxy_password = { 0 };
	struct fault fault;
	bool ready = true;

	call->step = step;
	make_id(call->request_id);
	(void)snprintf(id, sizeof(id), "client-request-id: %s", call->request_id);
	steps[step].make(call, &request, url);
	if (call->proxy && call->proxy_password_file) {
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
