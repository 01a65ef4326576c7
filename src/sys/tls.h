/* tls: contexts for listeners and for upstreams (OpenSSL 3). */
#ifndef SYS_TLS_H
#define SYS_TLS_H

#include <openssl/ssl.h>

#include "base/fault.h"
#include "base/str.h"

#define TLS_TICKET_KEY_BYTES 80 /* name, HMAC key, AES key: shared by all gates, made by the supervisor */
#define TLS_CERTIFICATES_MAX 4

enum tls_version { TLS_VERSION_1_0 = 10, TLS_VERSION_1_1 = 11, TLS_VERSION_1_2 = 12, TLS_VERSION_1_3 = 13 };

struct tls_pair {
	struct str certificate; /* PEM, leaf first, chain behind it */
	struct str key;         /* PEM */
	const char *name;       /* the file's, for sentences */
};

/*
 * A listener's context: RSA and P-256 chains side by side, no renegotiation, no compression, server's cipher order,
 * tickets bound to `listener` (session id context) with the given keys, one ticket in TLS 1.3, RELEASE_BUFFERS. Below
 * TLS 1.2 the security level falls to 0, since old devices have nothing better. Without session cache.
 * NEVER with a sentence: unreadable certificate, key that does not belong, expired leaf (a warning is the caller's:
 * tls_days_left), chain out of order.
 */
enum outcome tls_server_new(const struct tls_pair *pairs, size_t count, enum tls_version least, struct str listener,
			    const unsigned char ticket_key[TLS_TICKET_KEY_BYTES], SSL_CTX **ret_context,
			    struct fault *fault);

/* For upstreams: TLS 1.2 at least, system roots plus `extra_roots` (PEM, may be empty), verification on. */
enum outcome tls_client_new(struct str extra_roots, SSL_CTX **ret_context, struct fault *fault);

/* Until the first certificate of `pem` ends; negative when it has. */
enum outcome tls_days_left(struct str pem, const char *name, int *ret_days, struct fault *fault);

const char *tls_version_name(const SSL *ssl); /* "TLSv1.3" → "1.3"; "" in clear */

#endif
