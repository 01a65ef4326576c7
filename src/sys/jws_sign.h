/* jws_sign: a private key with its certificate, and signatures made with it (RFC 7515, 7518), for an application that proves who it is. */
#ifndef SYS_JWS_SIGN_H
#define SYS_JWS_SIGN_H

#include "base/buf.h"
#include "base/fault.h"
#include "sys/jws.h"

#define JWS_THUMBPRINT_BYTES 32
#define JWS_SHA1_BYTES 20
#define JWS_SIGNATURE_MAX 1024 /* RSA of 8192 bits */

struct jws_signer;

/*
 * `certificate` is PEM, or PKCS#12 with its key; `key` is PEM, or empty when it stands in `certificate`. An empty `certificate` makes a
 * signer without one. `password` is for PKCS#12 and for an encrypted key; empty: none. `name` is for sentences. NEVER: unreadable, wrong password,
 * key and certificate that do not belong together, no RSA key of at least 2048 bits.
 */
enum outcome jws_signer_load(struct str certificate, struct str key, struct str password, const char *name, struct jws_signer **ret_signer,
			     struct fault *fault);
void jws_signer_free(struct jws_signer *signer);

/* When its certificate begins and ends, in seconds since 1970. False: it has none. */
bool jws_signer_dates(const struct jws_signer *signer, int64_t *ret_begins_s, int64_t *ret_ends_s);
/* SHA-256 of the certificate's DER: what x5t#S256 holds (RFC 7515, 4.1.8). False: it has none. */
bool jws_signer_thumbprint(const struct jws_signer *signer, unsigned char ret_thumbprint[JWS_THUMBPRINT_BYTES]);
/* Likewise SHA-1, which is what Entra calls its thumbprint: a name, and no proof of anything. */
bool jws_signer_sha1(const struct jws_signer *signer, unsigned char ret_sha1[JWS_SHA1_BYTES]);

/* RS256 or PS256 over `text`, added to `out`. False: out of memory. */
bool jws_sign(const struct jws_signer *signer, enum jws_algorithm algorithm, struct str text, struct buf *out) __attribute__((warn_unused_result));

#endif
