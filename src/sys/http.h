/* http: requests to the outside by libcurl's multi interface on the loop. HTTPS only, but for loopback hosts and, where it is said, the
 * machine's own metadata service. */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include "base/fault.h"
#include "base/str.h"
#include "sys/loop.h"

struct http;

struct http_request {
	const char *url;
	const char *ca_file;      /* added to the system's roots; NULL: only those */
	const char *proxy;        /* NULL: HTTPS_PROXY and NO_PROXY of the environment */
	struct str proxy_password; /* for the user in `proxy`'s URL; copied */
	bool metadata_service;    /* http to a link-local address (169.254.0.0/16) is let through, and never by a proxy */
	const char *const *headers; /* "Name: value", NULL-ended; may be NULL */
	struct str body;          /* POST when not empty; copied, wiped after use */
	unsigned timeout_ms;
	size_t answer_bytes_max;
};

struct http_answer {
	enum outcome outcome;     /* OK: there is a status; LATER: no answer, `fault` says why (name, connect, TLS, proxy, time) */
	unsigned status;
	struct str body;
	long retry_after_s;       /* -1: not given */
	struct fault fault;
};

struct http *http_new(struct loop *loop);
void http_free(struct http *http); /* requests under way end with LATER */

/* on_answer comes once, later. NEVER: not an https URL (or http to a host that is neither loopback nor let through). No redirects are
 * followed. */
enum outcome http_send(struct http *http, const struct http_request *request,
		       void (*on_answer)(void *context, const struct http_answer *answer), void *context,
		       struct fault *fault);

#endif
