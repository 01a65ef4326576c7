/* jws: public keys of token issuers (RFC 7517, 7518) and signatures made with them. The algorithm is the caller's choice, never the
 * token's alone (RFC 8725, 3.1). */
#ifndef SYS_JWS_H
#define SYS_JWS_H

#include <stdbool.h>

#include "base/str.h"

enum jws_algorithm { JWS_RS256, JWS_PS256, JWS_ES256, JWS_ALGORITHM_COUNT };

struct jws_key; /* a public key */

bool jws_algorithm_parse(struct str name, enum jws_algorithm *ret_algorithm); /* exact case; false: another, "none" too */
const char *jws_algorithm_name(enum jws_algorithm algorithm);

/* From a JWK's members as raw bytes: RSA modulus (2048 … 8192 bits) and exponent; P-256 coordinates (32 bytes each, on the curve). NULL: not
 * such a key. */
struct jws_key *jws_key_rsa(struct str modulus, struct str exponent);
struct jws_key *jws_key_p256(struct str x, struct str y);
/* Of a certificate in PEM; its thumbprint is SHA-256 of the DER (x5t#S256: RFC 7515, 4.1.8). NULL: no certificate with an RSA key. */
struct jws_key *jws_key_certificate(struct str pem, unsigned char ret_thumbprint[32]);
void jws_key_free(struct jws_key *key);

/* Is `signature` the key's, over `text`, by `algorithm`? False also when the key is of another kind. ES256: r and s, 32 bytes each, neither 0. */
bool jws_verify(const struct jws_key *key, enum jws_algorithm algorithm, struct str text, struct str signature);

#endif
