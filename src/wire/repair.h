/*
 * repair: what copiers write wrong, put right as a message streams by. Every repair is a switch; without one nothing is
 * changed. The header section is held whole (up to a ceiling), the beginning of a plain text as well, since only the
 * body says which charset it has and whether its lines are too long; the rest flows through. Time is linear.
 *
 * Signed mail (S/MIME, PGP, DKIM) is never repaired: it stays byte for byte. Only `from_rewrite`, which is no repair
 * but the identity that an account was given, is applied to it as well.
 */
#ifndef WIRE_REPAIR_H
#define WIRE_REPAIR_H

#include "base/buf.h"
#include "base/str.h"

/* The switches, by their bit in the settings and in what is told; then what is only told. To add a switch: a value here,
 * its name in repair.c and in domain/settings_table.c, a row in passes[] (repair_header.c). */
enum repair_kind {
	REPAIR_MISSING_DATE,       /* Date, made of the time of receipt */
	REPAIR_BAD_DATE,           /* a Date that RFC 5322, 3.3 does not know; without a zone */
	REPAIR_MISSING_MESSAGE_ID,
	REPAIR_MISSING_FROM,       /* From, made of the envelope's sender */
	REPAIR_QUOTED_AT,          /* display names that need quotes: user@x <user@x>; Tanaka, Taro <t@x> */
	REPAIR_ANGLE_BRACKETS,     /* Name user@x; <user@x; a@x; b@x */
	REPAIR_RAW_HEADERS,        /* UTF-8, Shift_JIS, EUC-JP, ISO-2022-JP as they are → RFC 2047, RFC 2231 */
	REPAIR_DUPLICATE_FIELDS,   /* RFC 5322, 3.6: at most one of each */
	REPAIR_BROKEN_LINES,       /* lines of the header section that are no fields; no empty line behind it */
	REPAIR_NUL_BYTES,
	REPAIR_MIME_VERSION,
	REPAIR_MISSING_CHARSET,
	REPAIR_LONG_LINES,         /* over 998 bytes (RFC 5322, 2.1.1) */
	REPAIR_SWITCH_COUNT,
	REPAIR_BARE_NEWLINE = REPAIR_SWITCH_COUNT, /* told only: wire/smtp_body did it */
	REPAIR_FROM_REWRITE,       /* told only */
	REPAIR_NOT_SIGNED,         /* told only: something was switched on and left, for the mail is signed */
	REPAIR_NOT_LARGE,          /* told only: left, for the header section is over its ceiling */
	REPAIR_COUNT
};

#define REPAIR_BIT(kind) (1u << (kind))

const char *repair_name(enum repair_kind kind); /* "missing-date" */

/* "repair:missing-date repair:long-lines unrepaired:signed", for the trace; unknown bits are left out. False: no room. */
bool repair_note_print(struct buf *out, unsigned done) __attribute__((warn_unused_result));

/* What repairs are made of. Copied. */
struct repair_facts {
	struct str hostname;     /* for Message-ID */
	struct str event_id;     /* unique for ever: the other half */
	struct str sender;       /* of the envelope, for a missing From */
	struct str from_rewrite; /* empty: none */
	int64_t received_us;
};

struct repair;

/* NULL: out of memory. `look_bytes_max`: how much of a plain text is held to learn its charset and its longest line. */
struct repair *repair_new(unsigned switches, const struct repair_facts *facts, size_t header_bytes_max,
			  size_t look_bytes_max);
void repair_free(struct repair *repair);

/* The next run of the message (CRLF lines, cut anywhere); what can go on is added to `out`, which may grow by what was
 * held and four times `run`. False: out of memory. */
bool repair_feed(struct repair *repair, struct str run, struct buf *out) __attribute__((warn_unused_result));
bool repair_end(struct repair *repair, struct buf *out) __attribute__((warn_unused_result));

unsigned repair_done(const struct repair *repair);      /* REPAIR_BIT()s, whole after the end */
bool repair_not_rewritten(const struct repair *repair); /* From had to be rewritten and the header section is too large */

#endif
