/* header: a look at the header section of a message as it streams by (RFC 5322, 2.2): only the few fields a gateway
 * needs, each with a ceiling, in time linear to its bytes and in bounded memory. */
#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include "base/buf.h"
#include "base/str.h"

enum header_field {
	HEADER_FROM, HEADER_SENDER, HEADER_RESENT_FROM, HEADER_RESENT_SENDER, /* who somebody may take for its sender */
	HEADER_SENDERS_COUNT,
	HEADER_SUBJECT = HEADER_SENDERS_COUNT, HEADER_MESSAGE_ID, HEADER_DATE, HEADER_FIELD_COUNT
};

#define HEADER_VALUE_MAX 8192 /* of one field, unfolded; what is longer is cut and marked */

struct header_scan {
	struct buf value[HEADER_FIELD_COUNT]; /* raw, unfolded; the first of its name */
	unsigned count[HEADER_FIELD_COUNT];   /* how often the field stands */
	bool cut[HEADER_FIELD_COUNT];
	unsigned received;                    /* Received fields: a loop shows here (RFC 5321, 6.3) */
	bool loop_mark;                       /* a Received field has `own_mark` (letters, digits, - _ .) as a word of its own */
	bool ended;                           /* the empty line was seen */
	bool eight_bit;                       /* a byte over 127 in header or body (fed until the end) */
	unsigned state;                       /* private, as below */
	bool begun, name_open;                /* private: the section's first line was seen; a name still waits for its colon */
	struct str own_mark;
	char name[32];
	size_t name_len;
	size_t mark_at;
	int field;
};

void header_scan_init(struct header_scan *scan, struct str own_mark);
void header_scan_done(struct header_scan *scan);
/* The next run of the message, CRLF lines, cut anywhere. False: out of memory. A field is seen wherever some reader may see one:
 * blanks before the first line's name or before a colon, controls, NUL or 8-bit bytes inside a name do not hide it. */
bool header_scan_feed(struct header_scan *scan, struct str run) __attribute__((warn_unused_result));

/* The mailboxes of a From or Sender value (RFC 5322, 3.4: comments, quoted names, groups, several), at most addresses_max,
 * each as a bare address in `keep`, parted by '\n'; an address that stands unquoted in a display name is one of them. False, and
 * nothing kept: none can be read, there are more, or something in the list claims to be an address and is none (who is named
 * must not be guessed at). */
bool header_addresses_parse(struct str value, size_t addresses_max, struct buf *keep);

/* A Subject for people: RFC 2047 words decoded to UTF-8 (ISO-2022-JP as CP50221 so that ①㈱髙 come out, Shift_JIS as CP932,
 * the charsets of charset.c's table), words cut inside a character joined, raw 8-bit guessed as UTF-8, else CP932, else
 * Latin-1; controls removed. False: cut by `out`'s ceiling, at a character. Uses iconv: not for the sandboxed gate. */
bool rfc2047_parse(struct str value, struct buf *out);
/* An unstructured value as UTF-8 base64 words, folded at 76 columns, for DSN and notices. */
bool rfc2047_print(struct buf *out, struct str utf8) __attribute__((warn_unused_result));

#endif
