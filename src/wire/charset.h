/* charset: text in the charsets that mail names, as UTF-8. Only charsets of a table are handed to iconv: some of glibc's
 * own end in an assertion or a loop on chosen bytes, and the label comes from a stranger. */
#ifndef WIRE_CHARSET_H
#define WIRE_CHARSET_H

#include "base/buf.h"
#include "base/str.h"

/* Add `text`, written in `charset` (an RFC 2047 label, any case, "*language" ignored), as UTF-8; what does not decode becomes
 * U+FFFD. ISO-2022-JP is read as CP50221, Shift_JIS as CP932. An unknown label is guessed at. False: no room. */
bool charset_parse(struct str charset, struct str text, struct buf *out) __attribute__((warn_unused_result));

/* Add unlabelled text: ISO-2022-JP when its escapes are there, else UTF-8, else EUC-JP, else CP932,
 * else Latin-1. False: no room. */
bool charset_guess(struct str text, struct buf *out) __attribute__((warn_unused_result));

/* What charset_guess takes it for, as a name for Content-Type: US-ASCII, ISO-2022-JP, UTF-8, EUC-JP, Shift_JIS, ISO-8859-1. */
const char *charset_name(struct str text);

/* Load what guessing needs and keep it, before files can no longer be opened. False: this system lacks some of it. */
bool charset_hold(void);

#endif
