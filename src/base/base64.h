/* base64: RFC 4648, section 4 (standard alphabet, padded), strict in decoding. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/buf.h"

/* Add the encoding of `raw` to `out`. False: no room. */
bool base64_print(struct buf *out, struct str raw) __attribute__((warn_unused_result));

/* Add what `text` encodes to `out`. False: a byte outside the alphabet, bad padding, stray bits, or no room;
 * then `out` is as it was. */
bool base64_parse(struct str text, struct buf *out) __attribute__((warn_unused_result));

#endif
