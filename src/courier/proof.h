/* proof: how the application itself proves who it is, whatever it asks for: a secret (or one of two), a certificate, a federated token, or
 * nothing (RFC 6749, 2.3; RFC 7523, 2.2). To add one: a row in proof.c, and a function. */
#ifndef COURIER_PROOF_H
#define COURIER_PROOF_H

#include "courier/grant.h"
#include "sys/jws_sign.h"

/* Adds client_id and the proof to the form. NEVER, LATER: a file cannot be read, a certificate has ended: a sentence. */
enum outcome proof_add(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);

/* The endpoint refused: is there another credential, not tried yet? Then *ask is changed to it. */
bool proof_other(struct grant_ask *ask, const struct oauth_answer *answer);

/* When the certificate that the application signs in with ends, PEM or PKCS#12, since 1970. 0: there is none, or it cannot be read. */
int64_t proof_certificate_ends_us(const struct upstream_settings *upstream);

/* SHA-1 of that certificate's DER, by which Entra knows it. False: likewise. */
bool proof_certificate_sha1(const struct upstream_settings *upstream, unsigned char ret_sha1[JWS_SHA1_BYTES]);

/* "client-secret-file", "certificate-file" … for the log. */
const char *proof_name(const struct grant_ask *ask);

#endif
