/* http: requests to the outside by libcurl's multi interface on the loop. HTTPS only, but for loopback hosts and, where it is said, the
 * machine's own metadata service. */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include <sys/types.h>

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
	const char *method;       /* NULL: POST with a body, else GET */
	struct str body;          /* copied, wiped after use */
	/* A body of `source_bytes` that is made while it goes, instead of `body`: fills `into` with up to `room` bytes (never 0) that stand at
	 * `offset`, which starts again from 0 when the request has to be made anew. How many; -1: it cannot be gone on with. */
	ssize_t (*source)(void *context, uint64_t offset, char *into, size_t room);
	uint64_t source_bytes;
	unsigned timeout_ms;      /* for all of it; 0: no end while bytes move … */
	unsigned silence_s;       /* … and none may move for so long; 0: any time */
	size_t answer_bytes_max;
};

struct http_answer {
	enum outcome outcome;     /* OK: there is a status; LATER: no answer, `fault` says why (name, connect, TLS, proxy, time) */
	unsigned status;
	unsigned broken_status;   /* of an answer that broke off behind its status; else 0 */
	struct str body;
	long retry_after_s;       /* -1: not given */
	bool body_sent;           /* all of the request had left: whatever went wrong then, it may have been done */
	struct fault fault;
	void *header;             /* private: for http_header */
};

/* A header field of the answer, the first of its name; "" when it has none. Borrowed for the call of on_answer. */
struct str http_header(const struct http_answer *answer, const char *name);

struct http *http_new(struct loop *loop);
void http_free(struct http *http); /* requests under way end with LATER */

/* on_answer comes once, later, with `context`, unless http_cancel. NEVER: not an https URL (or http to a host that is neither loopback
 * nor let through). No redirects are followed. */
enum outcome http_send(struct http *http, const struct http_request *request,
		       void (*on_answer)(void *context, const struct http_answer *answer), void *context,
		       struct fault *fault);
/* What was sent with that context is given up, and nothing is heard of it. */
void http_cancel(struct http *http, const void *context);

#endif
