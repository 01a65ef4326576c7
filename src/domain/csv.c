#include "domain/csv.h"

#define REPLACEMENT STR("\xef\xbf\xbd")

static bool starts_formula(struct str text)
{
	static const char *const starts[] = {
		"=", "+", "-", "@", "\t", "\r", "\n",
		"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0", /* U+FF1D U+FF0B U+FF0D U+FF20 */
		"\xe2\x88\x92", /* U+2212, the minus sign that a Japanese keyboard gives */
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		if (str_starts(text, str_of(starts[i])))
			return true;
	}
	return false;
}

/* How many bytes the character at the start of `text` has; 0 when it cannot stand in a cell. */
static size_t character(struct str text)
{
	unsigned char byte = (unsigned char)text.ptr[0];

	if (byte < 0x20 || byte == 0x7f)
		return byte == '\t' || byte == '\r' || byte == '\n';
	for (size_t bytes = 1; bytes <= 4 && bytes <= text.len; bytes++) {
		if (str_is_utf8((struct str){ text.ptr, bytes }))
			return bytes;
	}
	return 0;
}

/* How many bytes at the start of `text` may stand in a cell as they are. */
static size_t plain_run(struct str text)
{
	size_t run = 0;

	while (run < text.len && text.ptr[run] != '"') {
		unsigned char byte = (unsigned char)text.ptr[run];
		size_t bytes = byte >= 0x20 && byte < 0x7f ? 1 : character(str_skip(text, run));

		if (bytes == 0)
			break;
		run += bytes;
	}
	return run;
}

static bool cell_add(struct buf *out, struct str text, bool first)
{
	if ((!first && !buf_add_byte(out, ',')) || !buf_add_byte(out, '"'))
		return false;
	if (starts_formula(text) && !buf_add_byte(out, '\''))
		return false;
	while (text.len > 0) {
		size_t run = plain_run(text);

		if (!buf_add(out, (struct str){ text.ptr, run }))
			return false;
		text = str_skip(text, run);
		if (text.len == 0)
			break;
		if (!buf_add(out, text.ptr[0] == '"' ? STR("\"\"") : REPLACEMENT))
			return false;
		text = str_skip(text, 1);
	}
	return buf_add_byte(out, '"');
}

bool csv_cell(struct buf *out, struct str text, bool first)
{
	size_t before = out->len;

	if (cell_add(out, text, first))
		return true;
	out->len = before;
	return false;
}
