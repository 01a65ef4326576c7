/* jwt: a JSON Web Token taken apart (RFC 7519, 7515): compact form, three parts, strict. Says nothing about whether it is genuine. */
#ifndef WIRE_JWT_H
#define WIRE_JWT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"

#define JWT_BYTES_MAX 16384
#define JWT_KID_MAX 256

struct jwt {
	struct str signed_part; /* header.claims as sent: what the signature covers; borrows from the token */
	char algorithm[16];     /* "RS256"; whatever it says: the verifier decides what it takes */
	char kid[JWT_KID_MAX];  /* "" : none */
	char thumbprint[64];    /* x5t#S256, in base64url; "" : none */
	json_t *claims;         /* owned */
	struct buf signature;   /* owned, raw */
};

/*
 * False, with a N_() sentence in *ret_why: not three parts (JWE has five), base64url with padding or stray bits, no JSON object, a
 * doubled key (RFC 7515, 4), no alg, `crit` (we know none), over JWT_BYTES_MAX. jku, x5u, jwk and x5c in the header are ignored:
 * keys come from the issuer's settings only (RFC 8725, 3.10).
 */
bool jwt_parse(struct str token, struct jwt *ret_jwt, const char **ret_why);
void jwt_done(struct jwt *jwt);

/* base64url without padding (RFC 7515, 2). */
bool base64url_parse(struct str text, struct buf *out) __attribute__((warn_unused_result));
bool base64url_print(struct buf *out, struct str raw) __attribute__((warn_unused_result)); /* false: no room */

#endif
