/* However the bytes are cut, a message ends at the same place, which is the first CRLF.CRLF, and has the same text, with CRLF alone as
 * line ends. What we send on of it ends once, at its end, and is the same text to who reads it. */
#include <stdlib.h>
#include <string.h>

#include "wire/smtp_body.h"

#define BYTES_MAX (1 << 22)

/* Feed in pieces of `piece` bytes; the bytes used until the end, or of all of it. */
static size_t take(struct str raw, size_t piece, struct buf *text, bool *ret_end)
{
	struct smtp_body_in body;
	size_t here = 0;
	size_t used = 0;
	bool end = false;

	smtp_body_in_init(&body, SMTP_BARE_NEWLINE_NORMALIZE);
	while (!end && here < raw.len) {
		struct str run;
		size_t took;

		here = raw.len - here > piece ? here + piece : raw.len;
		do {
			took = smtp_body_in_feed(&body, (struct str){ raw.ptr + used, here - used }, &run, &end);
			used += took;
			if (took > here || !buf_add(text, run))
				abort();
		} while (took > 0 && !end);
		if (!end && here - used > 2)
			abort();
	}
	*ret_end = end;
	return used;
}

/* Where CRLF.CRLF ends, the CRLF of DATA counted; SIZE_MAX: nowhere. */
static size_t end_of(struct str raw)
{
	const char *at = memmem(raw.ptr, raw.len, "\r\n.\r\n", 5);

	if (str_starts(raw, STR(".\r\n")))
		return 3;
	return at ? (size_t)(at - raw.ptr) + 5 : SIZE_MAX;
}

static void check_clean(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r')) ||
		    (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] != '\n'))
			abort();
	}
}

/* Out in two parts and back in. */
static void check_out(struct str text, size_t cut)
{
	struct smtp_body_out body;
	struct buf wire, back;
	bool end;

	buf_init(&wire, BYTES_MAX);
	buf_init(&back, BYTES_MAX);
	smtp_body_out_init(&body);
	if (!smtp_body_out_add(&body, (struct str){ text.ptr, cut }, &wire) ||
	    !smtp_body_out_add(&body, str_skip(text, cut), &wire) || !smtp_body_out_end(&body, &wire))
		abort();
	check_clean(buf_str(&wire));
	if (end_of(buf_str(&wire)) != wire.len || take(buf_str(&wire), SIZE_MAX, &back, &end) != wire.len || !end)
		abort();
	/* Text of CRLF lines comes back as it is; anything else at least without a repair being due. */
	if (text.len && str_ends_nocase(text, STR("\r\n")) && str_find(text, '\r') < text.len) {
		bool clean = true;

		for (size_t i = 0; i < text.len; i++)
			clean = clean && (text.ptr[i] != '\n' || (i && text.ptr[i - 1] == '\r')) &&
				(text.ptr[i] != '\r' || (i + 1 < text.len && text.ptr[i + 1] == '\n'));
		if (clean && !str_eq(buf_str(&back), text))
			abort();
	}
	buf_done(&wire);
	buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size };
	size_t pieces[] = { 1, 2, 3, 7, 64 };
	struct buf whole, part;
	bool whole_end, end;
	size_t used;

	if (size == 0)
		return 0;
	buf_init(&whole, BYTES_MAX);
	buf_init(&part, BYTES_MAX);
	used = take(raw, SIZE_MAX, &whole, &whole_end);
	check_clean(buf_str(&whole));
	if (whole_end != (end_of(raw) != SIZE_MAX) || (whole_end && used != end_of(raw)))
		abort();
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		buf_clear(&part);
		if (take(raw, pieces[i], &part, &end) != used || end != whole_end ||
		    !str_eq(buf_str(&part), buf_str(&whole)))
			abort();
	}
	check_out(buf_str(&whole), data[0] % (whole.len + 1));
	check_out(raw, data[0] % (size + 1));
	buf_done(&whole);
	buf_done(&part);
	return 0;
}
