/* tls_inspect: a client context that also keeps what the server showed: its certificates, and which of them was found wanting. It
 * verifies exactly as tls_client_new's does. */
#ifndef SYS_TLS_INSPECT_H
#define SYS_TLS_INSPECT_H

#include "sys/certificate_view.h"

#define TLS_INSPECTION_MAX 8 /* certificates kept of a chain */

struct tls_inspection {
	struct certificate_view chain[TLS_INSPECTION_MAX]; /* the server's own first */
	size_t count;
	size_t wrong; /* with `failed`: which of them */
	bool failed;
};

/* *inspection is filled in by the next handshake, and must outlive the context. */
enum outcome tls_inspect_new(struct str extra_roots, struct tls_inspection *inspection, SSL_CTX **ret_context, struct fault *fault);

#endif
