/* jwks: a key set as an issuer publishes it (RFC 7517, 5), each key as raw bytes. */
#ifndef WIRE_JWKS_H
#define WIRE_JWKS_H

#include "base/buf.h"
#include "wire/jwt.h"

#define JWKS_BYTES_MAX (256u << 10)
#define JWKS_KEYS_MAX 64

enum jwk_kind { JWK_RSA, JWK_P256 };

struct jwk {
	enum jwk_kind kind;
	struct str kid;
	struct str first, second; /* RSA: modulus, exponent; P-256: x, y */
};

/* Calls `each` for every signing key that can be used here (others are passed over), at most JWKS_KEYS_MAX. False: no key set. */
bool jwks_parse(struct str text, void (*each)(void *context, const struct jwk *key), void *context);

#endif
