/* token_view: what an access token says of itself, made fit for people's eyes. Nothing of it is verified, and the token is never in it. */
#ifndef WIRE_TOKEN_VIEW_H
#define WIRE_TOKEN_VIEW_H

#include <stdint.h>

#include "base/str.h"

struct token_view {
	const char *why_opaque;   /* N_(): why nothing can be seen; NULL: the claims below were read */
	char audience[256];       /* aud; the first of several */
	char tenant[64];          /* tid */
	char issuer[256];         /* iss */
	char app[128];            /* appid, else azp, else client_id */
	char user[256];           /* upn, else preferred_username, unique_name, email; "" in an application's token */
	char roles[512];          /* what an application may do, blanks between: "SMTP.SendAsApp" */
	char scopes[512];         /* what a user lets it do (scp, or RFC 8693's scope), blanks between: "SMTP.Send" */
	int64_t issued_s, expires_s; /* since 1970 (iat, exp); 0: not said */
};

/* RFC 7519, RFC 9068; Microsoft: "Access token claims reference". An opaque or encrypted token gives a view with why_opaque and nothing else. */
void token_view_parse(struct str token, struct token_view *ret_view);

/* Does `list` (roles or scopes) have `right`? Case does not count, as with Microsoft. */
bool token_view_has(const char *list, struct str right);

#endif
