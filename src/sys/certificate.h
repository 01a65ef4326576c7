/* certificate: an authority and certificates of our own making, for sandbox, demo and tests: never for the world outside. */
#ifndef SYS_CERTIFICATE_H
#define SYS_CERTIFICATE_H

#include "base/buf.h"
#include "base/fault.h"

enum certificate_kind { CERTIFICATE_P256, CERTIFICATE_RSA };

struct certificate {
	struct buf certificate; /* PEM */
	struct buf key;         /* PEM; wiped by certificate_done */
};

/* A self-signed authority named `name`, good for 90 days. */
enum outcome certificate_make_authority(const char *name, struct certificate *ret_authority, struct fault *fault);

/* A server's certificate, signed by `authority` (NULL: by itself), for the names given as OpenSSL writes them:
 * "DNS:localhost,IP:127.0.0.1,IP:::1". */
enum outcome certificate_make_leaf(const struct certificate *authority, const char *names, enum certificate_kind kind,
				   struct certificate *ret_leaf, struct fault *fault);
void certificate_done(struct certificate *certificate);

#endif
