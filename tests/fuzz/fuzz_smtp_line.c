/* A line is found at the same place however its bytes come, holds no CR, LF or NUL and is no longer than it may be; a bad line is
 * dropped to the same place. */
#include <stdlib.h>

#include "wire/smtp_line.h"

#define LEN_MAX 40

static void check(struct str input, bool bare_lf_ends)
{
	struct str line = STR("");
	struct str part = STR("");
	enum smtp_line_fault fault = 0;
	enum smtp_line_fault part_fault = 0;
	size_t used = 0;
	size_t part_used = 0;
	bool ended = false;
	enum parse whole = smtp_line_parse(input, LEN_MAX, bare_lf_ends, &line, &used, &fault);
	enum parse parsed = PARSE_MORE;
	struct str rest;

	for (size_t len = 0; len <= input.len && parsed == PARSE_MORE; len++)
		parsed = smtp_line_parse((struct str){ input.ptr, len }, LEN_MAX, bare_lf_ends, &part, &part_used,
					 &part_fault);
	if (parsed != whole || fault != part_fault || line.len != part.len)
		abort();
	if (whole == PARSE_OK && (used != part_used || line.len > LEN_MAX || str_find(line, '\n') < line.len ||
				  str_find(line, '\r') < line.len || str_find(line, '\0') < line.len))
		abort();
	if (whole != PARSE_BAD)
		return;
	if (used == 0 || used != smtp_line_skip(input, bare_lf_ends, &ended))
		abort();
	/* Byte by byte from where the fault was seen. */
	rest = str_skip(input, part_used);
	for (size_t here = 1; !ended && part_used < used; here++) {
		size_t took = smtp_line_skip((struct str){ rest.ptr, here < rest.len ? here : rest.len }, bare_lf_ends, &ended);

		rest = str_skip(rest, took);
		part_used += took;
		here = took ? 0 : here;
	}
	if (part_used > used)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check((struct str){ (const char *)data, size }, false);
	check((struct str){ (const char *)data, size }, true);
	return 0;
}
