/* However a message is cut into runs, the same comes out; each of its parts decodes to the same as before, by a reader that shares nothing with
 * the code; and nothing is left in quoted-printable to write anew. */
#include "../unit/mime_decode.h"
#include "wire/requote.h"

static bool run(struct str message, size_t head_len, size_t bite, struct requote *requote, struct buf *out)
{
	struct str body = str_skip(message, head_len);
	bool good;

	buf_init(out, 16u << 20);
	good = requote_init(requote, (struct str){ message.ptr, head_len }, out);
	while (good && body.len > 0) {
		struct str piece = { body.ptr, body.len < bite ? body.len : bite };

		good = requote_feed(requote, piece, out);
		body = str_skip(body, piece.len);
	}
	if (requote->verdict == REQUOTE_NO_MEMORY)
		abort();
	return good && requote_end(requote, out);
}

/* Behind the first empty line; 0: there is none. */
static size_t head_of(struct str message)
{
	for (size_t at = 0; at + 1 < message.len; at += str_find(str_skip(message, at), '\n') + 1) {
		if (message.ptr[at] == '\r' && message.ptr[at + 1] == '\n')
			return at + 2;
	}
	return 0;
}

static void check_same_parts(struct str before, struct str after)
{
	struct buf parts_before, parts_after;

	buf_init(&parts_before, 16u << 20);
	buf_init(&parts_after, 16u << 20);
	decode_message(before, false, &parts_before);
	decode_message(after, false, &parts_after);
	if (!str_eq(buf_str(&parts_before), buf_str(&parts_after)))
		abort();
	buf_done(&parts_before);
	buf_done(&parts_after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct requote whole, bitten, again;
	struct str message = { (const char *)data, size };
	struct buf out, out_bitten, out_again;
	size_t head_len = head_of(message);
	bool good;

	if (head_len == 0)
		return 0;
	good = run(message, head_len, SIZE_MAX, &whole, &out);
	if (good != run(message, head_len, 1, &bitten, &out_bitten) || whole.verdict != bitten.verdict || whole.parts != bitten.parts ||
	    (good && !str_eq(buf_str(&out), buf_str(&out_bitten))))
		abort();
	if (good && whole.parts == 0 && !str_eq(buf_str(&out), message))
		abort();
	if (good && whole.parts > 0) {
		check_same_parts(message, buf_str(&out));
		if (run(buf_str(&out), head_of(buf_str(&out)), SIZE_MAX, &again, &out_again) && again.parts > 0)
			abort();
		requote_done(&again);
		buf_done(&out_again);
	}
	requote_done(&whole);
	requote_done(&bitten);
	buf_done(&out);
	buf_done(&out_bitten);
	return 0;
}
