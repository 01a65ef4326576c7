#include "wire/smtp_line.h"

#include <string.h>

size_t smtp_line_skip(struct str input, bool bare_lf_ends, bool *ret_ended)
{
	size_t at = str_find(input, '\n');

	while (!bare_lf_ends && at < input.len && (at == 0 || input.ptr[at - 1] != '\r'))
		at += 1 + str_find(str_skip(input, at + 1), '\n');
	*ret_ended = at < input.len;
	if (*ret_ended)
		return at + 1;
	/* A CR at the end stays: with the LF that may follow it is the line's end. */
	return input.len && input.ptr[input.len - 1] == '\r' ? input.len - 1 : input.len;
}

/* The line end that the CR at `at` begins: its length, 0 for a bare CR. False: not yet to be told. */
static bool end_bytes(struct str input, size_t at, bool bare_lf_ends, size_t *ret_bytes)
{
	struct str end = str_skip(input, at);

	*ret_bytes = 0;
	if (end.len == 1)
		return false;
	if (end.ptr[1] == '\n')
		*ret_bytes = 2;
	else if (bare_lf_ends && end.ptr[1] == '\r' && end.len == 2)
		return false;
	else if (bare_lf_ends && end.ptr[1] == '\r' && end.ptr[2] == '\n')
		*ret_bytes = 3;
	return true;
}

enum parse smtp_line_parse(struct str input, size_t len_max, bool bare_lf_ends, struct str *ret_line, size_t *ret_used,
			   enum smtp_line_fault *ret_fault)
{
	size_t end = 0;
	size_t at;
	bool ended;

	for (at = 0; at < input.len; at++) {
		char byte = input.ptr[at];

		if (byte == '\r' && !end_bytes(input, at, bare_lf_ends, &end))
			return PARSE_MORE;
		if (byte == '\n' && bare_lf_ends)
			end = 1;
		if (byte == '\r' || byte == '\n' || byte == '\0' || at == len_max)
			break;
	}
	if (at == input.len)
		return PARSE_MORE;
	if (end > 0) {
		*ret_line = (struct str){ input.ptr, at };
		*ret_used = at + end;
		return PARSE_OK;
	}
	*ret_fault = input.ptr[at] == '\r'   ? SMTP_LINE_BARE_CR
		     : input.ptr[at] == '\n' ? SMTP_LINE_BARE_LF
		     : input.ptr[at] == '\0' ? SMTP_LINE_NUL
					     : SMTP_LINE_LONG;
	*ret_used = smtp_line_skip(input, bare_lf_ends, &ended);
	return PARSE_BAD;
}
