/* bearer: do the claims of a genuine token let its bearer send mail as this account? Pure: issuer's settings, claims, the
 * account's name and the time go in (RFC 7519, 4.1; RFC 8725; Microsoft identity platform, access token claims). */
#ifndef DOMAIN_BEARER_H
#define DOMAIN_BEARER_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"

#define ISSUER_AUDIENCES_MAX 8
#define BEARER_SKEW_SECONDS 300 /* clocks differ: Entra allows as much */

struct text_list {
	const char *items[ISSUER_AUDIENCES_MAX];
	size_t count;
};

/* One row of the settings' `issuers`. */
struct issuer_settings {
	const char *name;
	const char *issuer;       /* iss, exactly */
	const char *jwks_url;
	const char *ca_file;      /* NULL: the system's roots */
	struct text_list audiences;
	unsigned algorithms;      /* bits in the order of enum jws_algorithm: RS256, PS256, ES256 */
	const char *tenant_id;    /* tid must be it; NULL: not asked (no Entra) */
	const char *scope;        /* in scp or scope, for a user's token: SMTP.Send */
	const char *role;         /* in roles, for an application's: SMTP.SendAsApp; NULL: none may */
	const char *domain;       /* the accounts it speaks for: this tenant's only; NULL: any */
};

enum bearer_verdict {
	BEARER_GOOD,
	BEARER_MALFORMED,     /* no JWT, or a part of the wrong kind */
	BEARER_ISSUER,        /* nobody we know */
	BEARER_ALGORITHM,     /* not one that the settings name */
	BEARER_KEY,           /* the issuer has no such key */
	BEARER_SIGNATURE,
	BEARER_AUDIENCE,
	BEARER_TENANT,
	BEARER_EXPIRED,
	BEARER_NOT_YET,
	BEARER_PERMISSION,    /* neither the scope nor the role */
	BEARER_IDENTITY,      /* a user's token that is another user's, or names nobody */
	BEARER_DOMAIN,        /* the issuer does not speak for this account's tenant */
	BEARER_VERDICT_COUNT
};

struct bearer_answer {
	const char *cause;    /* id: "token-audience" */
	unsigned error_code;  /* AADSTS */
	const char *reason;   /* for the log, English */
	const char *details;  /* N_(): what it means and what to do */
	bool unproven;        /* nothing shows that a known issuer made it: anybody could have */
};

/* `user` is the name given beside the token, `domain` its tenant. Who the token is for: an application (role) may send as any account of the
 * issuer's domain; a user only as upn, else preferred_username (never `email`, which others may choose). */
enum bearer_verdict bearer_decide(const struct issuer_settings *issuer, const json_t *claims, struct str user, struct str domain,
				  int64_t now_s);
const struct bearer_answer *bearer_answer_of(enum bearer_verdict verdict);

/* For the sign-in row: appid or azp, and app_displayname; "" when absent. Borrowed from claims. */
struct str bearer_app_id(const json_t *claims);
struct str bearer_app_name(const json_t *claims);

#endif
