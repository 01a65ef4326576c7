/* A server's reply is found at the same place however its bytes come, and what was read of it, printed, is read the same again. */
#include <stdlib.h>

#include "wire/smtp_reply.h"

static void check_again(const struct smtp_reply *reply)
{
	struct smtp_reply again;
	struct buf wire, keep;
	size_t used;

	buf_init(&wire, 4 * SMTP_REPLY_BYTES_MAX);
	buf_init(&keep, SMTP_REPLY_BYTES_MAX);
	if (!smtp_reply_print(&wire, reply))
		abort();
	if (wire.len < SMTP_REPLY_BYTES_MAX &&
	    (smtp_reply_parse(buf_str(&wire), &keep, &again, &used) != PARSE_OK || used != wire.len ||
	     again.code != reply->code || !str_eq(again.enhanced, reply->enhanced) || !str_eq(again.text, reply->text)))
		abort();
	buf_done(&wire);
	buf_done(&keep);
}

/* Any text and event ID come out as lines of their own code, and in no other way. */
static void check_print(struct str text)
{
	struct smtp_reply reply = { .code = 550, .enhanced = STR("5.7.1"), .text = text, .event_id = text };
	struct buf wire;
	struct str rest;

	buf_init(&wire, 1 << 22);
	if (!smtp_reply_print(&wire, &reply))
		abort();
	rest = buf_str(&wire);
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');

		if (!str_starts(line, rest.len ? STR("550-5.7.1") : STR("550 5.7.1")) ||
		    str_find(line, '\r') + 1 != line.len || str_find(line, '\0') != line.len)
			abort();
	}
	buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct smtp_reply reply, part;
	struct buf keep, part_keep;
	size_t used = 0;
	size_t part_used = 0;
	enum parse whole, parsed = PARSE_MORE;

	buf_init(&keep, SMTP_REPLY_BYTES_MAX);
	buf_init(&part_keep, SMTP_REPLY_BYTES_MAX);
	whole = smtp_reply_parse(input, &keep, &reply, &used);
	for (size_t len = 0; len <= size && parsed == PARSE_MORE; len++)
		parsed = smtp_reply_parse((struct str){ input.ptr, len }, &part_keep, &part, &part_used);
	if (parsed != whole || used != part_used)
		abort();
	if (whole == PARSE_OK) {
		if (part.code != reply.code || !str_eq(part.text, reply.text))
			abort();
		check_again(&reply);
	}
	check_print(input);
	buf_done(&keep);
	buf_done(&part_keep);
	return 0;
}
