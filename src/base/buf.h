/* buf: bytes that grow up to a ceiling. Every adder answers false, and adds nothing, over the ceiling or out of memory. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t bytes_max;
};

void buf_init(struct buf *buf, size_t bytes_max); /* takes no memory yet */
void buf_done(struct buf *buf);                   /* gives its memory back; may be used again */
void buf_wipe(struct buf *buf);                   /* like buf_done, for secrets: zeroed first */
void buf_clear(struct buf *buf);                  /* empty, memory kept */

bool buf_add(struct buf *buf, struct str text) __attribute__((warn_unused_result));
bool buf_add_byte(struct buf *buf, char byte) __attribute__((warn_unused_result));
bool buf_add_format(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Room for `count` more bytes to write at the returned place; buf_grew() says how many were written. NULL: no room. */
char *buf_room(struct buf *buf, size_t count);
void buf_grew(struct buf *buf, size_t count);

void buf_eat(struct buf *buf, size_t count); /* drop the first `count` bytes */
struct str buf_str(const struct buf *buf);   /* borrowed until the next change */

#endif
