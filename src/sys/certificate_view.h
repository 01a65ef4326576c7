/* certificate_view: what a certificate says of itself: whose it is, who signed it, for which names, from when to when. */
#ifndef SYS_CERTIFICATE_VIEW_H
#define SYS_CERTIFICATE_VIEW_H

#include <openssl/ssl.h>

#include "base/fault.h"
#include "base/str.h"

#define CERTIFICATE_NAME_MAX 256
#define CERTIFICATE_NAMES_MAX 512

struct certificate_view {
	char subject[CERTIFICATE_NAME_MAX]; /* "CN=…,O=…" (RFC 2253), controls escaped */
	char common_name[CERTIFICATE_NAME_MAX]; /* what people call it: its CN, else the subject */
	char issuer[CERTIFICATE_NAME_MAX];
	char names[CERTIFICATE_NAMES_MAX];  /* DNS names and IP addresses it is for, parted by blanks; "" : none */
	int64_t not_before_us, not_after_us;
	bool self_signed;
};

void certificate_view_of(X509 *certificate, struct certificate_view *ret_view);

/* Each certificate of a PEM text in its order; each() answers whether to go on. NEVER with a sentence when there is none that can
 * be read; `name` is the file's. */
enum outcome certificate_view_each(struct str pem, const char *name, bool (*each)(void *context, const struct certificate_view *view),
				   void *context, struct fault *fault);

#endif
