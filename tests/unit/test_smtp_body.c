/* smtp_body: where a message ends, what its bytes are, and that what goes out can be read as nothing else. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "text.h"
#include "wire/smtp_body.h"

/* Feed `raw` as it would come: at most `piece` bytes more at a time, cut once at `cut`. */
static bool take(struct str raw, enum smtp_bare_newline mode, size_t piece, size_t cut, struct buf *ret_text,
		 size_t *ret_used, uint64_t *ret_bare)
{
	struct smtp_body_in body;
	size_t here = 0;
	size_t used = 0;
	bool end = false;

	smtp_body_in_init(&body, mode);
	buf_clear(ret_text);
	while (!end && here < raw.len) {
		size_t next = raw.len - here > piece ? here + piece : raw.len;
		struct str run;
		size_t took;

		here = here < cut && cut < next ? cut : next;
		do {
			took = smtp_body_in_feed(&body, (struct str){ raw.ptr + used, here - used }, &run, &end);
			used += took;
			if (took > here || !buf_add(ret_text, run))
				abort();
		} while (took > 0 && !end);
	}
	*ret_used = used;
	*ret_bare = body.bare_newlines;
	return end && body.raw_bytes == used;
}

static const struct {
	const char *label;
	struct str raw, text;
	uint64_t bare;
} cases[] = {
	{ "empty", TEXT(".\r\n"), TEXT(""), 0 },
	{ "one line", TEXT("a\r\n.\r\n"), TEXT("a\r\n"), 0 },
	{ "stuffed dot", TEXT("..a\r\n..\r\n.\r\n"), TEXT(".a\r\n.\r\n"), 0 },
	{ "stuffed as the first byte", TEXT("..\r\n.\r\n"), TEXT(".\r\n"), 0 },
	{ "a dot dropped, not stuffed", TEXT(".a\r\n.\r\n"), TEXT("a\r\n"), 0 },
	{ "dots inside a line", TEXT("a.\r\nb..\r\n.\r\n"), TEXT("a.\r\nb..\r\n"), 0 },
	{ "blank lines", TEXT("\r\n\r\n.\r\n"), TEXT("\r\n\r\n"), 0 },
	{ "bare LF", TEXT("a\nb\r\n.\r\n"), TEXT("a\r\nb\r\n"), 1 },
	{ "bare CR", TEXT("a\rb\r\n.\r\n"), TEXT("a\r\nb\r\n"), 1 },
	{ "CR CR LF", TEXT("a\r\r\nb\r\r\n.\r\n"), TEXT("a\r\nb\r\n"), 2 },
	{ "CR CR CR LF", TEXT("a\r\r\r\n.\r\n"), TEXT("a\r\n\r\n"), 2 },
	{ "CR CR", TEXT("a\r\rb\r\n.\r\n"), TEXT("a\r\n\r\nb\r\n"), 2 },
	{ "LF CR", TEXT("a\n\rb\r\n.\r\n"), TEXT("a\r\n\r\nb\r\n"), 2 },
	{ "a stuffed dot behind a bare LF is not unstuffed", TEXT("a\n..b\r\n.\r\n"), TEXT("a\r\n..b\r\n"), 1 },
	{ "a dot behind a bare CR", TEXT("a\r.b\r\n.\r\n"), TEXT("a\r\n.b\r\n"), 1 },
	{ "a lone dot, then bare LF", TEXT(".\nb\r\n.\r\n"), TEXT(".\r\nb\r\n"), 1 },
	{ "a lone dot, then bare CR", TEXT(".\rb\r\n.\r\n"), TEXT(".\r\nb\r\n"), 1 },
	{ "a lone dot, then CR CR LF", TEXT(".\r\r\nb\r\n.\r\n"), TEXT(".\r\nb\r\n"), 1 },
	{ "a lone dot, then CR CR LF, then the end", TEXT(".\r\r\n.\r\n"), TEXT(".\r\n"), 1 },
	{ "LF . LF", TEXT("a\n.\nb\r\n.\r\n"), TEXT("a\r\n.\r\nb\r\n"), 2 },
	{ "NUL", TEXT("\0.\0\r\n.\r\n"), TEXT("\0.\0\r\n"), 0 },
	{ "dot NUL", TEXT(".\0\r\n.\r\n"), TEXT("\0\r\n"), 0 },
};

static void check_in(void)
{
	struct buf text;
	uint64_t bare;
	size_t used;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good = true;

		for (size_t cut = 0; cut < cases[i].raw.len + 2; cut++) {
			size_t piece = cut == cases[i].raw.len + 1 ? 1 : SIZE_MAX;

			good = good && take(cases[i].raw, SMTP_BARE_NEWLINE_NORMALIZE, piece, cut, &text, &used, &bare) &&
			       used == cases[i].raw.len && bare == cases[i].bare &&
			       str_eq(buf_str(&text), cases[i].text);
		}
		CHECK(good, cases[i].label);
	}
	CHECK(!take(STR("a\r\n."), SMTP_BARE_NEWLINE_REJECT, 1, 0, &text, &used, &bare), "not ended: dot");
	CHECK(!take(STR("a\r\n.\r"), SMTP_BARE_NEWLINE_REJECT, 1, 0, &text, &used, &bare), "not ended: dot CR");
	CHECK(take(STR("a\r\n.\r\nQUIT\r\n"), SMTP_BARE_NEWLINE_REJECT, SIZE_MAX, 0, &text, &used, &bare) && used == 6,
	      "what stands behind the end is left");
	buf_done(&text);
}

/* No bare CR or LF, no line that begins with a single dot but the last, CRLF.CRLF once and at the end. */
static bool is_clean(struct str wire)
{
	for (size_t i = 0; i < wire.len; i++) {
		bool start = i == 0 || wire.ptr[i - 1] == '\n';

		if (wire.ptr[i] == '\n' && (i == 0 || wire.ptr[i - 1] != '\r'))
			return false;
		if (wire.ptr[i] == '\r' && (i + 1 == wire.len || wire.ptr[i + 1] != '\n'))
			return false;
		if (start && wire.ptr[i] == '.' && (i + 1 == wire.len || wire.ptr[i + 1] != '.'))
			return i + 3 == wire.len && memcmp(wire.ptr + i, ".\r\n", 3) == 0;
	}
	return false;
}

static bool put(struct str text, size_t cut, struct buf *out)
{
	struct smtp_body_out body;

	smtp_body_out_init(&body);
	buf_clear(out);
	return smtp_body_out_add(&body, (struct str){ text.ptr, cut }, out) &&
	       smtp_body_out_add(&body, str_skip(text, cut), out) && smtp_body_out_end(&body, out);
}

static void check_out(void)
{
	static const struct {
		const char *label;
		struct str text, wire;
	} outs[] = {
		{ "out: nothing", TEXT(""), TEXT(".\r\n") },
		{ "out: a line", TEXT("a\r\n"), TEXT("a\r\n.\r\n") },
		{ "out: no line end at the end", TEXT("a"), TEXT("a\r\n.\r\n") },
		{ "out: dots", TEXT(".\r\n..a\r\n.b"), TEXT("..\r\n...a\r\n..b\r\n.\r\n") },
		{ "out: bare LF", TEXT("a\n.\nb"), TEXT("a\r\n..\r\nb\r\n.\r\n") },
		{ "out: bare CR", TEXT("a\r.\rb\r"), TEXT("a\r\n..\r\nb\r\n.\r\n") },
		{ "out: CR at the end", TEXT("a\r"), TEXT("a\r\n.\r\n") },
		{ "out: CR CR LF", TEXT("a\r\r\n"), TEXT("a\r\n\r\n.\r\n") },
	};
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(outs) / sizeof(*outs); i++) {
		bool good = true;

		for (size_t cut = 0; cut <= outs[i].text.len; cut++)
			good = good && put(outs[i].text, cut, &out) && str_eq(buf_str(&out), outs[i].wire) &&
			       is_clean(buf_str(&out));
		CHECK(good, outs[i].label);
	}
	buf_done(&out);
}

static void check_out_room(void)
{
	struct smtp_body_out body;
	struct buf out;
	bool good = true;

	for (size_t room = 0; room < 8; room++) { /* "..a\r\n..\r\n" needs 9 */
		smtp_body_out_init(&body);
		buf_init(&out, room);
		good = good && !smtp_body_out_add(&body, STR(".a\n.\n"), &out) && out.len == 0;
		buf_done(&out);
		buf_init(&out, 9);
		good = good && smtp_body_out_add(&body, STR(".a\n.\n"), &out) && str_eq(buf_str(&out), STR("..a\r\n..\r\n"));
		buf_done(&out);
	}
	CHECK(good, "out: no room, nothing added, and then as if never tried");
}

/* Bar P1: whatever stands for the end and is not, as the last of a text or its first bytes, at every cut, in both modes: one
 * message, all of the bytes in it, and nothing in what we would send on that a lenient server could take for its end. */
static void check_smuggling(void)
{
	static const struct {
		const char *label;
		struct str end;
	} ends[] = {
		{ "smuggling: LF . LF", TEXT("\n.\n") },		    { "smuggling: LF . CRLF", TEXT("\n.\r\n") },
		{ "smuggling: CRLF . LF", TEXT("\r\n.\n") },	    { "smuggling: CR . CR", TEXT("\r.\r") },
		{ "smuggling: LF . CR", TEXT("\n.\r") },		    { "smuggling: CR . LF", TEXT("\r.\n") },
		{ "smuggling: CR . CRLF", TEXT("\r.\r\n") },	    { "smuggling: CRLF . CR", TEXT("\r\n.\r") },
		{ "smuggling: CRLF NUL . CRLF", TEXT("\r\n\0.\r\n") }, { "smuggling: CRLF . NUL CRLF", TEXT("\r\n.\0\r\n") },
		{ "smuggling: CRLF . CRCRLF", TEXT("\r\n.\r\r\n") }, { "smuggling: CRCRLF . CRCRLF", TEXT("\r\r\n.\r\r\n") },
	};
	struct buf raw, text, whole, out;

	buf_init(&raw, 4096);
	buf_init(&text, 4096);
	buf_init(&whole, 4096);
	buf_init(&out, 8192);
	for (size_t i = 0; i < 4 * sizeof(ends) / sizeof(*ends); i++) {
		struct str end = ends[i / 4].end;
		bool first = i & 1;
		enum smtp_bare_newline mode = i & 2 ? SMTP_BARE_NEWLINE_REJECT : SMTP_BARE_NEWLINE_NORMALIZE;
		struct str rest = STR("MAIL FROM:<smug@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nsmuggled\r\n.\r\n");
		uint64_t bare;
		size_t used;
		bool good;

		buf_clear(&raw);
		good = (first || buf_add(&raw, STR("Subject: x\r\n\r\nhi"))) && buf_add(&raw, end) && buf_add(&raw, rest);
		good = good && take(buf_str(&raw), mode, SIZE_MAX, 0, &whole, &used, &bare) && used == raw.len;
		good = good && put(buf_str(&whole), whole.len / 2, &out) && is_clean(buf_str(&out));
		good = good && (bare > 0 || memchr(end.ptr, '\0', end.len));
		for (size_t cut = 0; cut <= raw.len; cut++)
			good = good && take(buf_str(&raw), mode, cut == 0 ? 1 : SIZE_MAX, cut, &text, &used, &bare) &&
			       used == raw.len && str_eq(buf_str(&text), buf_str(&whole));
		CHECK(good, ends[i / 4].label);
	}
	buf_done(&raw);
	buf_done(&text);
	buf_done(&whole);
	buf_done(&out);
}

/* First bytes ".\r" and ".\n" alone, then the rest of what looks like an end. */
static void check_long(void)
{
	size_t len = 3 << 20;
	char *raw = malloc(len + 3);
	struct buf text;
	uint64_t bare;
	size_t used;

	if (!raw)
		abort();
	buf_init(&text, 2 * len);
	memset(raw, 'x', len);
	memcpy(raw + len - 2, "\r\n.\r\n", 5);
	CHECK(take((struct str){ raw, len + 3 }, SMTP_BARE_NEWLINE_NORMALIZE, 65536, 0, &text, &used, &bare) &&
		      text.len == len && used == len + 3,
	      "one line of 3 MiB");
	memset(raw, '\n', len - 2);
	CHECK(take((struct str){ raw, len + 3 }, SMTP_BARE_NEWLINE_NORMALIZE, SIZE_MAX, 0, &text, &used, &bare) &&
		      bare == len - 2,
	      "3 MiB of bare LF, in time");
	memset(raw, '\r', len - 2);
	CHECK(take((struct str){ raw, len + 3 }, SMTP_BARE_NEWLINE_NORMALIZE, SIZE_MAX, 0, &text, &used, &bare) &&
		      bare == len - 2,
	      "3 MiB of bare CR, in time");
	free(raw);
	buf_done(&text);
}

int main(void)
{
	check_in();
	check_out();
	check_out_room();
	check_smuggling();
	check_long();
	return check_report();
}
