/* oauth_authorize: the page on which a person signs in, and what its redirection brings back (RFC 6749, 4.1; PKCE: RFC 7636). */
#ifndef WIRE_OAUTH_AUTHORIZE_H
#define WIRE_OAUTH_AUTHORIZE_H

#include "wire/oauth.h"

#define OAUTH_REDIRECT_MAX 16384 /* the longest redirection that is read */
#define OAUTH_REDIRECT_CODE_MAX 8192

struct oauth_authorize {
	struct str url;       /* the endpoint's; a query of its own is kept */
	struct str client_id, redirect_url, scope, state;
	struct str challenge; /* base64url of SHA-256 of the verifier (S256) */
};

/* The URL to open. Google needs to be told that a refresh token is wanted (access_type, prompt), others need `prompt=consent` for
 * offline_access (OpenID Connect Core, 11); Entra takes both. False: no room. */
bool oauth_authorize_print(struct buf *out, const struct oauth_authorize *authorize) __attribute__((warn_unused_result));

struct oauth_redirect {
	char code[OAUTH_REDIRECT_CODE_MAX]; /* a secret */
	char state[256];
	char error[64], description[512];
};

/* A whole URL as pasted, or its path and query as an HTTP request has them. False: neither a code nor an error in it, or a field too long
 * or there twice. Wipe *ret_redirect. */
bool oauth_redirect_parse(struct str text, struct oauth_redirect *ret_redirect);

#endif
