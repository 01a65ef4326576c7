/* Whatever stands in a mail's strings, it keeps its parts and fields: CRLF lines of at most 998 octets, as many delimiters as parts and
 * the end, no field that was not asked for. The strings are parted by 0xff. */
#include <stdlib.h>
#include <string.h>

#include "wire/mail.h"

static size_t count_of(struct str text, const char *what)
{
	size_t count = 0;
	size_t len = strlen(what);

	for (const char *at = text.ptr; (at = memmem(at, (size_t)(text.ptr + text.len - at), what, len)); at += len)
		count++;
	return count;
}

static void check_lines(struct str text)
{
	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		if (line.len == 0 || line.len > 999 || str_find(line, '\r') != line.len - 1)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct str to[2];
	struct mail_file file = { .name = STR("a.csv"), .type = "text/csv" };
	struct mail mail = { .boundary = STR("B0unDary"), .to = to, .to_count = 2, .files = &file, .files_count = 1 };
	struct str *const strings[] = { &mail.from, &to[0], &to[1], &mail.subject, &mail.message_id, &mail.mark, &mail.text, &file.bytes };
	struct buf out;
	const char *end;

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		*strings[i] = str_cut(&input, '\xff');
	buf_init(&out, 1 << 22);
	if (!mail_print(&out, &mail))
		abort();
	check_lines(buf_str(&out));
	if (count_of(buf_str(&out), "\r\n--B0unDary\r\n") != 2 || count_of(buf_str(&out), "\r\n--B0unDary--\r\n") != 1)
		abort();
	end = memmem(out.ptr, out.len, "\r\n\r\n", 4);
	if (!end || count_of((struct str){ out.ptr, (size_t)(end - out.ptr) }, "\r\nContent-Type: ") != 1 ||
	    count_of((struct str){ out.ptr, (size_t)(end - out.ptr) }, "\nBcc:") != 0)
		abort();
	buf_done(&out);
	return 0;
}
