/* dsn_field: the fields of a delivery status notification. Whatever the value holds, one field comes out: ASCII, folded,
 * no line over 998 octets, ending in CRLF. All: false, no room. */
#ifndef WIRE_DSN_FIELD_H
#define WIRE_DSN_FIELD_H

#include "base/buf.h"
#include "base/str.h"

#define DSN_VALUE_MAX 4096 /* of one field; what is longer is cut */

/* "NAME: PREFIXvalue"; line ends in the value become folds, other bytes that are not printable ASCII '?'. */
bool dsn_field(struct buf *out, const char *name, struct str prefix, struct str value) __attribute__((warn_unused_result));

/* "NAME: <address>", for From and To. The one field that may hold UTF-8 (RFC 6532): its sender has such an address. */
bool dsn_field_address(struct buf *out, const char *name, struct str address) __attribute__((warn_unused_result));

/* The same for several, one a line. */
bool dsn_field_addresses(struct buf *out, const char *name, const struct str *addresses, size_t count) __attribute__((warn_unused_result));

/* "NAME: <id>", whether the id came with its <> or not; nothing when it is none (RFC 5322, 3.6.4). */
bool dsn_field_message_id(struct buf *out, const char *name, struct str id) __attribute__((warn_unused_result));

/* "NAME: rfc822; address", or "utf-8; …" with \x{…} for what is not ASCII (RFC 6533, 3). */
bool dsn_field_recipient(struct buf *out, const char *name, struct str address) __attribute__((warn_unused_result));

/* From ORCPT= as it was given, "type;xtext" (RFC 3464, 2.3.1); nothing when it is empty or malformed. */
bool dsn_field_original_recipient(struct buf *out, struct str orcpt) __attribute__((warn_unused_result));

/* From ENVID= as it was given, xtext (RFC 3464, 2.2.1); nothing when it is empty or malformed. */
bool dsn_field_envelope_id(struct buf *out, struct str envid) __attribute__((warn_unused_result));

#endif
