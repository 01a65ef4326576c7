/* Whatever strangers put into a notification's strings, it keeps its parts and fields: CRLF lines of at most 998 octets, three
 * delimiters and the end, one Final-Recipient for each recipient. The strings are parted by 0xff. */
#include <stdlib.h>
#include <string.h>

#include "wire/dsn.h"

static size_t count_of(struct str text, const char *what)
{
	size_t count = 0;
	size_t len = strlen(what);

	for (const char *at = text.ptr; (at = memmem(at, (size_t)(text.ptr + text.len - at), what, len)); at += len)
		count++;
	return count;
}

/* Between the second delimiter and the third. */
static struct str status_part(struct str text)
{
	static const char delimiter[] = "\r\n--B0unDary\r\n";
	size_t len = strlen(delimiter);
	const char *begin = memmem(text.ptr, text.len, delimiter, len);
	const char *end;

	begin = memmem(begin + len, (size_t)(text.ptr + text.len - begin) - len, delimiter, len);
	end = memmem(begin + len, (size_t)(text.ptr + text.len - begin) - len, delimiter, len);
	return (struct str){ begin, (size_t)(end - begin) };
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
	struct dsn_recipient recipients[2] = { 0 };
	struct dsn dsn = { .boundary = STR("B0unDary"), .recipients = recipients, .recipients_count = 2 };
	struct str *const strings[] = {
		&recipients[0].reply, &recipients[0].address, &recipients[0].orcpt, &recipients[0].remote_mta,
		&recipients[0].status, &recipients[1].address, &recipients[1].reply, &dsn.subject, &dsn.original_id, &dsn.envid,
		&dsn.event_id, &dsn.from, &dsn.to, &dsn.hostname, &dsn.message_id, &dsn.original,
	};
	struct buf out;

	if (size < 1)
		return 0;
	recipients[0].action = (enum dsn_action)(data[0] % DSN_ACTION_COUNT);
	recipients[0].remote = data[0] & 4;
	recipients[1].action = (enum dsn_action)((data[0] >> 3) % DSN_ACTION_COUNT);
	recipients[1].retry_until_us = recipients[0].last_attempt_us = (int64_t)size << 30;
	dsn.full = data[0] & 64;
	dsn.first = data[0] & 128 ? LANGUAGE_JA : LANGUAGE_EN;
	input = str_skip(input, 1);
	for (size_t i = 0; i + 1 < sizeof(strings) / sizeof(*strings); i++)
		*strings[i] = str_cut(&input, '\xff');
	dsn.original = input;
	buf_init(&out, 1 << 20);
	if (!dsn_print(&out, &dsn))
		abort();
	check_lines(buf_str(&out));
	if (count_of(buf_str(&out), "\r\n--B0unDary") != 4 || count_of(buf_str(&out), "\r\n--B0unDary--\r\n") != 1)
		abort();
	if (count_of(status_part(buf_str(&out)), "\r\nFinal-Recipient: ") != 2)
		abort();
	buf_done(&out);
	return 0;
}
