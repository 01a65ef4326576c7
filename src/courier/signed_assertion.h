/* signed_assertion: an assertion made whole: printed, signed with a private key, fresh each time. */
#ifndef COURIER_SIGNED_ASSERTION_H
#define COURIER_SIGNED_ASSERTION_H

#include "base/fault.h"
#include "sys/jws_sign.h"
#include "wire/assertion.h"

/* Fills in thumbprint, id, time and lifetime of *assertion (algorithm, too) and adds "header.claims.signature" to `out`. False: out of memory, or a text
 * that is no UTF-8. */
bool signed_assertion_print(struct buf *out, struct assertion *assertion, const struct jws_signer *signer, enum jws_algorithm algorithm)
	__attribute__((warn_unused_result));

#endif
