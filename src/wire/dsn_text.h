/* dsn_text: what a delivery status notification says to people, in Japanese and English. */
#ifndef WIRE_DSN_TEXT_H
#define WIRE_DSN_TEXT_H

#include "base/buf.h"
#include "wire/dsn.h"

/* Both languages on one line, then the original's subject; UTF-8, still to be encoded. False: no room. */
bool dsn_subject_print(struct buf *out, const struct dsn *dsn) __attribute__((warn_unused_result));

/* The whole text in dsn->first, then in the other language: UTF-8, CRLF lines. False: no room. */
bool dsn_text_print(struct buf *out, const struct dsn *dsn) __attribute__((warn_unused_result));

#endif
