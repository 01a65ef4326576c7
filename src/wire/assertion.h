/* assertion: a JSON Web Token by which an application proves who it is, before it is signed (RFC 7523; Microsoft: "certificate credentials";
 * Google: "OAuth 2.0 for server to server applications"). */
#ifndef WIRE_ASSERTION_H
#define WIRE_ASSERTION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define ASSERTION_BYTES_MAX 8192

struct assertion {
	struct str algorithm;  /* "PS256" */
	struct str thumbprint; /* x5t#S256: raw bytes; empty: none */
	struct str key_id;     /* kid; empty: none */
	struct str issuer, subject, audience;
	struct str id;         /* jti: never twice the same; empty: none */
	struct str scope;      /* Google has it in here; empty: none */
	int64_t now_s;
	unsigned lifetime_s;
};

/* "header.claims", both in base64url: what is to be signed. False: no room, or a text that is no UTF-8 or has a NUL. */
bool assertion_print(struct buf *out, const struct assertion *assertion) __attribute__((warn_unused_result));

#endif
