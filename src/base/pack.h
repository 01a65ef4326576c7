/* pack: a struct to bytes and back, by a table of its fields: for messages between our processes and for rows on their
 * way to the ledger. Little-endian, fixed order; the reader trusts nothing. */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum pack_kind {
	PACK_U8,   /* uint8_t, bool or a one-byte enum */
	PACK_U32,
	PACK_U64,
	PACK_I64,
	PACK_STR,  /* struct str, at most 4 GiB - 1 */
	PACK_BYTES /* a fixed array of `size` bytes */
};

struct pack_field {
	uint32_t offset;
	uint16_t size; /* of a PACK_BYTES array */
	uint8_t kind;
};

#define PACK_FIELD(type, member, pack_kind_)                                                                           \
	{ .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member), .kind = (pack_kind_) }

/* False: no room in `out`. */
bool pack_print(struct buf *out, const struct pack_field *fields, size_t count, const void *record)
	__attribute__((warn_unused_result));

/* Take a record off the start of *rest; its strs borrow from there. False: cut short. */
bool pack_parse(struct str *rest, const struct pack_field *fields, size_t count, void *ret_record)
	__attribute__((warn_unused_result));

#endif
