/* Whatever a subject is, what people see of it is UTF-8 without controls, within the ceiling; and what is printed of that reads
 * back the same, on short ASCII lines. Covers rfc2047, charset and text. */
#include <stdlib.h>
#include <string.h>

#include "wire/header.h"
#include "wire/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = { (const char *)data, size };
	struct buf shown, printed, again, cut;
	struct str lines;

	buf_init(&shown, size * 4 + 16);
	buf_init(&printed, size * 12 + 64);
	buf_init(&again, size * 4 + 16);
	buf_init(&cut, size / 2);
	if (!rfc2047_parse(value, &shown) || !str_is_utf8(buf_str(&shown)))
		abort();
	for (size_t i = 0; i < shown.len; i++) {
		if ((unsigned char)shown.ptr[i] < ' ' || shown.ptr[i] == 0x7f)
			abort();
	}
	(void)rfc2047_parse(value, &cut);
	if (!str_starts(buf_str(&shown), buf_str(&cut)) || !str_is_utf8(buf_str(&cut)))
		abort();
	if (!rfc2047_print(&printed, buf_str(&shown)) || !str_is_ascii(buf_str(&printed)))
		abort();
	for (lines = buf_str(&printed); lines.len > 0;) {
		struct str line = str_cut(&lines, '\n');

		if (line.len > 77 || (lines.len > 0 && line.ptr[line.len - 1] != '\r'))
			abort();
	}
	if (!rfc2047_parse(buf_str(&printed), &again) || !str_eq(buf_str(&again), buf_str(&shown)))
		abort();
	buf_done(&shown);
	buf_done(&printed);
	buf_done(&again);
	buf_done(&cut);
	return 0;
}
