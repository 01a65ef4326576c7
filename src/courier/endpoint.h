/* endpoint: one request to an upstream's token endpoint or to one beside it: its trust, its proxy, its time, and what of it no log may show. */
#ifndef COURIER_ENDPOINT_H
#define COURIER_ENDPOINT_H

#include "base/buf.h"
#include "base/fault.h"
#include "domain/settings.h"
#include "sys/http.h"
#include "wire/oauth.h"

#define ENDPOINT_SECRET_MAX 65536
#define ENDPOINT_HEADERS_MAX 2

struct endpoint_request {
	struct buf url;
	struct buf form;                           /* POST; empty: GET */
	struct buf headers[ENDPOINT_HEADERS_MAX];  /* "Name: value"; empty: none */
	struct buf secrets;                        /* what was sent, a NUL after each: starred out of whatever comes back */
	bool metadata_service;                     /* the machine's own: see sys/http */
};

bool endpoint_request_begin(struct endpoint_request *ret_request, const char *url) __attribute__((warn_unused_result)); /* false: out of memory */
void endpoint_request_done(struct endpoint_request *request); /* wipes it */
bool endpoint_secret(struct endpoint_request *request, struct str secret) __attribute__((warn_unused_result)); /* false: no room */
void endpoint_hide(const struct buf *secrets, struct oauth_answer *answer);
bool endpoint_was_sent(const struct buf *secrets, struct str secret); /* is it one of them? */
bool endpoint_header(struct endpoint_request *request, unsigned at, const char *name, struct str value) __attribute__((warn_unused_result));

/* What http_send does. The request stays the caller's. */
enum outcome endpoint_send(struct http *http, const struct upstream_settings *upstream, const struct limits *limits,
			   const struct endpoint_request *request, void (*on_answer)(void *context, const struct http_answer *answer),
			   void *context, struct fault *fault);

#endif
