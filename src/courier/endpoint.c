#include "courier/endpoint.h"

#include "base/cleanup.h"
#include "base/file.h"

#define URL_BYTES_MAX 8192
#define HEADER_BYTES_MAX 8192
#define PROXY_PASSWORD_MAX 1000

bool endpoint_request_begin(struct endpoint_request *ret_request, const char *url)
{
	*ret_request = (struct endpoint_request){ 0 };
	buf_init(&ret_request->url, URL_BYTES_MAX);
	buf_init(&ret_request->secrets, ENDPOINT_SECRET_MAX);
	for (size_t i = 0; i < ENDPOINT_HEADERS_MAX; i++)
		buf_init(&ret_request->headers[i], HEADER_BYTES_MAX);
	return oauth_form_begin(&ret_request->form) && buf_add(&ret_request->url, str_of(url));
}

void endpoint_request_done(struct endpoint_request *request)
{
	buf_done(&request->url);
	buf_wipe(&request->form);
	buf_wipe(&request->secrets);
	for (size_t i = 0; i < ENDPOINT_HEADERS_MAX; i++)
		buf_wipe(&request->headers[i]);
}

bool endpoint_secret(struct endpoint_request *request, struct str secret)
{
	/* Room for all at once: growing later would leave copies behind. */
	return (request->secrets.ptr || buf_room(&request->secrets, ENDPOINT_SECRET_MAX)) && buf_add(&request->secrets, secret) &&
	       buf_add_byte(&request->secrets, '\0');
}

void endpoint_hide(const struct buf *secrets, struct oauth_answer *answer)
{
	struct str rest = buf_str(secrets);

	while (rest.len > 0)
		oauth_answer_hide(answer, str_cut(&rest, '\0'));
}

bool endpoint_was_sent(const struct buf *secrets, struct str secret)
{
	struct str rest = buf_str(secrets);
	bool found = false;

	while (rest.len > 0 && !found)
		found = str_eq_secret(secret, str_cut(&rest, '\0'));
	return found && secret.len > 0;
}

bool endpoint_header(struct endpoint_request *request, unsigned at, const char *name, struct str value)
{
	struct buf *header = &request->headers[at];

	return buf_add(header, str_of(name)) && buf_add(header, STR(": ")) && buf_add(header, value) && buf_add_byte(header, '\0');
}

enum outcome endpoint_send(struct http *http, const struct upstream_settings *upstream, const struct limits *limits,
			   const struct endpoint_request *request, void (*on_answer)(void *context, const struct http_answer *answer),
			   void *context, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf proxy_password = { 0 };
	CLEANUP(cleanup_free) char *url = str_dup(buf_str(&request->url));
	const char *headers[ENDPOINT_HEADERS_MAX + 1] = { NULL };
	struct http_request sent = {
		.url = url,
		.ca_file = upstream->ca_file,
		.proxy = request->metadata_service ? NULL : upstream->proxy,
		.metadata_service = request->metadata_service,
		.headers = headers,
		.body = buf_str(&request->form),
		.timeout_ms = (unsigned)limits->token_seconds_max * 1000,
		.answer_bytes_max = OAUTH_ANSWER_MAX,
	};
	size_t count = 0;

	if (!url)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	if (sent.proxy && upstream->proxy_password_file) {
		if (file_load_secret(upstream->proxy_password_file, PROXY_PASSWORD_MAX, &proxy_password, fault) != OUTCOME_OK)
			return fault->outcome;
		sent.proxy_password = buf_str(&proxy_password);
	}
	for (size_t i = 0; i < ENDPOINT_HEADERS_MAX; i++) {
		if (request->headers[i].len > 0)
			headers[count++] = request->headers[i].ptr;
	}
	return http_send(http, &sent, on_answer, context, fault);
}
