/* token_fetch: one token asked for, from the request to the answer: with the other of two credentials when the first is refused, and what comes with the
 * token put away. */
#ifndef COURIER_TOKEN_FETCH_H
#define COURIER_TOKEN_FETCH_H

#include "courier/grant.h"

struct token_fetch;

struct token_result {
	char *value;          /* taken over by the receiver, who wipes it; NULL: there is none, `fault` says why */
	uint64_t lifetime_s;
	bool next_secret;     /* the credential that worked */
	bool passing;         /* another try soon may help */
	uint64_t wait_ms;     /* what the endpoint asked for; 0: nothing */
	struct fault fault;
};

struct token_fetch_request {
	struct http *http;
	struct vault *vault;
	const struct upstream_settings *upstream; /* borrowed until token_fetch_orphan or the end */
	const struct limits *limits;              /* likewise */
	struct str mailbox;                       /* copied */
	bool next_secret;                         /* what worked last */
};

/* on_end comes once, later. LATER, NEVER: no request could be made. */
enum outcome token_fetch_start(const struct token_fetch_request *request, void (*on_end)(void *context, struct token_result *result),
			       void *context, struct token_fetch **ret_fetch, struct fault *fault);
/* The settings go: nothing more is asked with them, and on_end does not come; a refresh token that is under way is still kept,
 * unless somebody has signed in anew by then. */
void token_fetch_orphan(struct token_fetch *fetch);

#endif
