/* Whatever a device sends (with CRLF alone as line end, as smtp_body leaves it), and however it is cut: repaired in bites it is
 * the same; repaired once more it stays, where the whole body is looked at (by its beginning alone, which the repair has
 * changed, may be decided otherwise); no bare CR or LF comes of it; with LONG_LINES no line is over 998; without a switch, or
 * signed, not a byte is changed; and a body never becomes a header: what is told of From, Sender and Reply-To was said there. */
#include <stdlib.h>
#include <string.h>

#include "wire/header.h"
#include "wire/repair.h"

#define ALL ((1u << REPAIR_SWITCH_COUNT) - 1)
#define HEADER_MAX 4096
#define LOOK_MAX 1024
#define LOOK_ALL (SIZE_MAX / 8)
#define LINE_MAX_BYTES 998

static unsigned repair_all(unsigned switches, struct str rewrite, struct str text, size_t look, size_t bite, struct buf *out)
{
	struct repair_facts facts = {
		.hostname = STR("gate.example"),
		.event_id = STR("K7M2P9QRST"),
		.sender = STR("c@x.example"),
		.from_rewrite = rewrite,
		.received_us = 1795478430000000,
	};
	struct repair *repair = repair_new(switches, &facts, HEADER_MAX, look);
	unsigned told;

	buf_init(out, 1u << 24);
	while (text.len > 0) {
		struct str run = { text.ptr, text.len < bite ? text.len : bite };

		if (!repair_feed(repair, run, out))
			abort();
		text = str_skip(text, run.len);
	}
	if (!repair_end(repair, out))
		abort();
	told = repair_done(repair);
	if (rewrite.len > 0 && !repair_not_rewritten(repair) && repair_done(repair) == 0 && !memmem(out->ptr, out->len, "x.example", 9))
		abort();
	repair_free(repair);
	return told;
}

static void check_lines(struct str text, bool short_lines)
{
	size_t line = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n') {
			if (i == 0 || text.ptr[i - 1] != '\r' || (short_lines && line > LINE_MAX_BYTES + 1))
				abort();
			line = 0;
			continue;
		}
		if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] != '\n')
			abort();
		line++;
	}
	if (short_lines && line > LINE_MAX_BYTES)
		abort();
}

/* CRLF for every line end, the last one included: what repair is given. */
static void normalize(struct str raw, struct buf *out)
{
	buf_init(out, raw.len * 2 + 2);
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] == '\r')
			continue;
		if ((raw.ptr[i] == '\n' && !buf_add_byte(out, '\r')) || !buf_add_byte(out, raw.ptr[i]))
			abort();
	}
	if (out->len > 0 && out->ptr[out->len - 1] != '\n' && !buf_add(out, STR("\r\n")))
		abort();
}

/* After from_rewrite there is one From, and it is that. */
static void check_rewritten(struct str text)
{
	struct buf out, found;
	struct header_scan scan;
	unsigned told = repair_all(0, STR("shared@x.example"), text, LOOK_MAX, SIZE_MAX, &out);

	header_scan_init(&scan, STR(""));
	buf_init(&found, 65536);
	if (!header_scan_feed(&scan, buf_str(&out)))
		abort();
	if (!(told & REPAIR_BIT(REPAIR_NOT_LARGE)) && scan.count[HEADER_FROM] == 1 && !scan.cut[HEADER_FROM] &&
	    (!header_addresses_parse(buf_str(&scan.value[HEADER_FROM]), 64, &found) ||
	     !str_eq_nocase(buf_str(&found), STR("shared@x.example"))))
		abort();
	header_scan_done(&scan);
	buf_done(&found);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text, once, bitten, twice;
	unsigned switches, told;

	if (size < 2)
		return 0;
	switches = ((unsigned)data[0] | (unsigned)data[1] << 8) & ALL;
	if (switches % 3 == 0)
		switches = ALL;
	normalize((struct str){ (const char *)data + 2, size - 2 }, &text);
	told = repair_all(switches, STR(""), buf_str(&text), LOOK_MAX, SIZE_MAX, &once);
	if (repair_all(switches, STR(""), buf_str(&text), LOOK_MAX, 1, &bitten) != told || !str_eq(buf_str(&once), buf_str(&bitten)))
		abort();
	buf_done(&bitten);
	check_lines(buf_str(&once), switches & REPAIR_BIT(REPAIR_LONG_LINES) &&
					    !(told & (REPAIR_BIT(REPAIR_NOT_SIGNED) | REPAIR_BIT(REPAIR_NOT_LARGE))));
	if (told & (REPAIR_BIT(REPAIR_NOT_SIGNED) | REPAIR_BIT(REPAIR_NOT_LARGE)) && !str_eq(buf_str(&once), buf_str(&text)))
		abort();
	if (told == 0 && !str_eq(buf_str(&once), buf_str(&text)))
		abort();
	buf_done(&once);
	(void)repair_all(switches, STR(""), buf_str(&text), LOOK_ALL, SIZE_MAX, &once);
	(void)repair_all(switches, STR(""), buf_str(&once), LOOK_ALL, SIZE_MAX, &twice);
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
	buf_done(&twice);
	(void)repair_all(0, STR(""), buf_str(&text), LOOK_MAX, 7, &twice);
	if (!str_eq(buf_str(&text), buf_str(&twice)))
		abort();
	check_rewritten(buf_str(&text));
	buf_done(&twice);
	buf_done(&once);
	buf_done(&text);
	return 0;
}
