/* smtp_body: the message after 354, in and out: where it ends, which dots are stuffing, which line ends are repaired. */
#ifndef WIRE_SMTP_BODY_H
#define WIRE_SMTP_BODY_H

#include "base/buf.h"
#include "base/str.h"

enum smtp_bare_newline {
	SMTP_BARE_NEWLINE_NORMALIZE, /* becomes CRLF, is counted, never ends a message */
	SMTP_BARE_NEWLINE_REJECT,    /* the message is read to its end and refused */
};

struct smtp_body_in {
	enum smtp_bare_newline bare_newline;
	unsigned state;         /* private */
	uint64_t raw_bytes;     /* as they came, stuffing included */
	uint64_t bare_newlines; /* bare CR and bare LF seen */
};

void smtp_body_in_init(struct smtp_body_in *body, enum smtp_bare_newline bare_newline);

/*
 * Take what the start of `input` gives: *ret_run is a run of the message's own bytes, unstuffed and with only CRLF as
 * line end (borrowed from `input` or static; may be empty), the result is how much of `input` that used. *ret_end: the
 * message is over; the end is CRLF.CRLF in the raw bytes and nothing else (also ".CRLF" as the very first bytes: the
 * CRLF of DATA counts), looked for before any repair; it is no part of the message but for the first CRLF. A lone dot
 * on a line that only a repair made is text. 0: more input is needed, with what was not used at its start (at most two
 * bytes). CR CR LF, which some devices write, is one line end and one bare CR. NUL is text. Long lines are text.
 * However `input` is cut, the concatenated runs are the same. Fast on ordinary mail: runs are as long as the input.
 */
size_t smtp_body_in_feed(struct smtp_body_in *body, struct str input, struct str *ret_run, bool *ret_end);

/* Outbound (RFC 5321, 4.5.2): adds dots; turns any bare CR or LF into CRLF (none should be left); ends with CRLF . CRLF. */
struct smtp_body_out {
	unsigned state; /* private */
};

void smtp_body_out_init(struct smtp_body_out *body);
/* Add the wire form of `text` to `out`; may grow by a few bytes for each line. False: no room, nothing was added. */
bool smtp_body_out_add(struct smtp_body_out *body, struct str text, struct buf *out) __attribute__((warn_unused_result));
bool smtp_body_out_end(struct smtp_body_out *body, struct buf *out) __attribute__((warn_unused_result));

#endif
