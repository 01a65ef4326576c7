/* smtp_line: one command line out of a stream of bytes. */
#ifndef WIRE_SMTP_LINE_H
#define WIRE_SMTP_LINE_H

#include "base/str.h"
#include "wire/parse.h"

enum smtp_line_fault {
	SMTP_LINE_BARE_CR,
	SMTP_LINE_BARE_LF, /* also taken as a line's end when `bare_lf_ends` (devices): then no fault */
	SMTP_LINE_NUL,
	SMTP_LINE_LONG,
};

/*
 * RFC 5321, 2.3.8. OK: *ret_line is the line without its CRLF and *ret_used what it took of `input`. MORE: no end yet
 * and still within `len_max`. BAD: *ret_fault says why and *ret_used how many bytes belong to the bad line, as far as
 * it is here (to its line end, or all of `input` when that has not come: then the caller drops bytes until it comes).
 * A bare LF let through is how mail is smuggled; inside a command no client needs it, but old devices end lines so.
 */
enum parse smtp_line_parse(struct str input, size_t len_max, bool bare_lf_ends, struct str *ret_line, size_t *ret_used,
			   enum smtp_line_fault *ret_fault);

#endif
