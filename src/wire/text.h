/* text: words of strangers made fit for people's eyes: valid UTF-8 without anything that steers a screen. */
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include "base/buf.h"
#include "base/str.h"

/* How many bytes the UTF-8 character at the start of `text` has (RFC 3629); 0: none stands there. */
size_t text_character(struct str text);

/* Add `text`: a byte that is no UTF-8 becomes U+FFFD, tab, CR and LF a space; other controls (C0, DEL, C1) and marks that
 * turn the direction or break the line (U+2028 to 202E, 2066 to 2069, 200E, 200F, 061C) are left out. False: cut at a
 * character by the ceiling of `out`, which stays valid. */
bool text_clean_print(struct buf *out, struct str text) __attribute__((warn_unused_result));

/* The same into an array of `size` bytes (at least 1), NUL-terminated, cut at a character. */
void text_clean_copy(struct str text, size_t size, char *ret_text);

/* The longest start of `text` within bytes_max that does not end inside a character. */
struct str text_cut(struct str text, size_t bytes_max);

#endif
