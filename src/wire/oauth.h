/* oauth: requests to and answers of a token endpoint (RFC 6749, 4.4; Microsoft identity platform v2.0). */
#ifndef WIRE_OAUTH_H
#define WIRE_OAUTH_H

#include "base/buf.h"
#include "base/str.h"

#define OAUTH_TOKEN_MAX 16384
#define OAUTH_ANSWER_MAX 65536

struct oauth_request { /* client credentials with a secret */
	struct str client_id;
	struct str client_secret;
	struct str scope;
};

/* application/x-www-form-urlencoded. Holds the secret: wipe it. False: no room. */
bool oauth_request_print(struct buf *out, const struct oauth_request *request) __attribute__((warn_unused_result));

struct oauth_answer {
	bool good;
	char *token;          /* owned by the answer; wiped by oauth_answer_done */
	uint64_t expires_in_s; /* 0: the endpoint did not say */
	char error[64];       /* "invalid_client" … */
	unsigned aadsts;      /* 7000215 …; 0: none */
	char description[512];/* error_description's first line, controls removed; or our own N_() sentence */
	bool passing;         /* another try may help: temporarily_unavailable, server_error, slow_down, HTTP 429, 5xx, and
	                         the AADSTS numbers that pass (90033, 90055, 90006, 90024, 50196) */
};

/* `status` is the HTTP status, `body` its JSON. False: neither a token nor an OAuth error; description says what it was. */
bool oauth_answer_parse(unsigned status, struct str body, struct oauth_answer *ret_answer);
/* Star out `secret`, what we sent: no endpoint ought to send it back, and a log must not show it if one does. */
void oauth_answer_hide(struct oauth_answer *answer, struct str secret);
void oauth_answer_done(struct oauth_answer *answer);

/* What an AADSTS number means and what to do, N_() sentences; NULL: not known. */
const char *oauth_aadsts_explain(unsigned aadsts);

#endif
