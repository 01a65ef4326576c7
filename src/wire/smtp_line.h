/* smtp_line: one command line out of a stream of bytes. */
#ifndef WIRE_SMTP_LINE_H
#define WIRE_SMTP_LINE_H

#include "base/str.h"
#include "wire/parse.h"

enum smtp_line_fault {
	SMTP_LINE_BARE_CR, /* CR CR LF is taken as a line's end when `bare_lf_ends`: then no fault */
	SMTP_LINE_BARE_LF, /* also taken as a line's end when `bare_lf_ends` (devices): then no fault */
	SMTP_LINE_NUL,
	SMTP_LINE_LONG,
};

/*
 * RFC 5321, 2.3.8. OK: *ret_line is the line without its CRLF and *ret_used what it took of `input`. MORE: no end yet
 * and still within `len_max`, CRLF not counted. BAD: *ret_fault says why, the first fault alone, and *ret_used is what
 * smtp_line_skip() says: until its line end has come, the caller drops bytes by that.
 * A bare LF let through is how mail is smuggled; inside a command no client needs it, but old devices end lines so.
 */
enum parse smtp_line_parse(struct str input, size_t len_max, bool bare_lf_ends, struct str *ret_line, size_t *ret_used,
			   enum smtp_line_fault *ret_fault);

/* How many bytes at the start of `input` belong to the bad line that is being dropped; *ret_ended: its end is among them. The
 * end is CRLF, so that what stands behind a bare LF is no command of its own; with `bare_lf_ends` any LF. */
size_t smtp_line_skip(struct str input, bool bare_lf_ends, bool *ret_ended);

#endif
