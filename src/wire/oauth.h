/* oauth: requests to a token endpoint and its answers (RFC 6749; Microsoft identity platform v2.0; the metadata service of an Azure machine). */
#ifndef WIRE_OAUTH_H
#define WIRE_OAUTH_H

#include "base/buf.h"
#include "base/str.h"

#define OAUTH_TOKEN_MAX 16384
#define OAUTH_REFRESH_MAX 16384
#define OAUTH_ANSWER_MAX 65536
#define OAUTH_FORM_MAX (128u << 10)

/* application/x-www-form-urlencoded. Room is taken at once, since growing later would leave copies of the secrets behind. Wipe the form. */
bool oauth_form_begin(struct buf *ret_form) __attribute__((warn_unused_result));
/* An empty value is left out (RFC 6749, 4.4.2: scope may be). False: no room. */
bool oauth_form_add(struct buf *form, const char *name, struct str value) __attribute__((warn_unused_result));
bool oauth_value_print(struct buf *out, struct str value) __attribute__((warn_unused_result)); /* a value alone, for a URL's query */

struct oauth_answer {
	bool good;
	char *token;           /* owned by the answer; wiped by oauth_answer_done */
	char *refresh_token;   /* likewise; NULL: none was given */
	uint64_t expires_in_s; /* 0: the endpoint did not say; but perhaps: */
	int64_t expires_on_s;  /* since 1970, as the metadata service and App Service say it; 0: not said */
	char error[64];        /* "invalid_client" … */
	unsigned aadsts;       /* 7000215 …; 0: none */
	char description[512]; /* error_description's first line, controls removed; or our own N_() sentence */
	const char *why;       /* that N_() sentence, when the answer is none of OAuth's; else NULL */
	bool passing;          /* another try may help: temporarily_unavailable, server_error, slow_down, HTTP 429, 5xx, and
	                          the AADSTS numbers that pass (90033, 90055, 90006, 90024, 50196) */
};

/* `status` is the HTTP status, `body` its JSON. False: neither a token nor an OAuth error; `why` says what it was. */
bool oauth_answer_parse(unsigned status, struct str body, struct oauth_answer *ret_answer);
/* Star out `secret`, what we sent: no endpoint ought to send it back, and a log must not show it if one does. */
void oauth_answer_hide(struct oauth_answer *answer, struct str secret);
void oauth_answer_done(struct oauth_answer *answer);

/* What an AADSTS number means and what to do, N_() sentences; NULL: not known. */
const char *oauth_aadsts_explain(unsigned aadsts);
/* Likewise of a whole answer: by its number, else by its error's name (RFC 6749, 5.2; RFC 8628, 3.5; Google's). NULL: not known. */
const char *oauth_answer_explain(const struct oauth_answer *answer);

#endif
