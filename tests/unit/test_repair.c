/* repair: each case whole and in bites, twice over (the second time nothing is left to do), and what only a program can write. */
#include "wire/repair.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "domain/settings_rows.h"
#include "repair_cases.h"

#define RECEIVED_US 1795478430000000 /* 2026-11-24T00:00:30Z */
#define HEADER_MAX 65536
#define LOOK_MAX 4096

static unsigned repair_all(unsigned switches, const char *from_rewrite, struct str text, size_t bite, struct buf *out, bool *ret_not)
{
	struct repair_facts facts = {
		.hostname = STR("gate.example"),
		.event_id = STR("K7M2P9QRST"),
		.sender = STR("copier@contoso.example"),
		.from_rewrite = str_of(from_rewrite),
		.received_us = RECEIVED_US,
	};
	struct repair *repair = repair_new(switches, &facts, HEADER_MAX, LOOK_MAX);
	unsigned told;

	buf_init(out, 1u << 26);
	while (text.len > 0) {
		struct str run = { text.ptr, text.len < bite ? text.len : bite };

		if (!repair || !repair_feed(repair, run, out))
			abort();
		text = str_skip(text, run.len);
	}
	if (!repair_end(repair, out))
		abort();
	told = repair_done(repair);
	if (ret_not)
		*ret_not = repair_not_rewritten(repair);
	repair_free(repair);
	return told;
}

static bool comes_out(const struct repair_case *row, const char *from_rewrite, size_t bite)
{
	const unsigned kept = B(NOT_SIGNED) | B(NOT_LARGE);
	struct buf once, twice;
	unsigned told = repair_all(row->switches, from_rewrite, str_of(row->before), bite, &once, NULL);
	bool same = str_eq(buf_str(&once), str_of(row->after)) && told == row->told;

	if (!same)
		printf("# told %x, wanted %x; came out:\n# %.*s\n", told, row->told, (int)once.len, once.ptr);
	told = repair_all(row->switches, from_rewrite, buf_str(&once), bite, &twice, NULL);
	if (same && (!str_eq(buf_str(&once), buf_str(&twice)) || (told & ~kept))) {
		printf("# the second time %x:\n# %.*s\n", told, (int)twice.len, twice.ptr);
		same = false;
	}
	buf_done(&once);
	buf_done(&twice);
	return same;
}

static void check_table(const struct repair_case *rows, size_t count, const char *from_rewrite)
{
	for (size_t i = 0; i < count; i++)
		CHECK(comes_out(&rows[i], from_rewrite, SIZE_MAX) && comes_out(&rows[i], from_rewrite, 1) &&
			      comes_out(&rows[i], from_rewrite, 7),
		      rows[i].label);
}
#define CHECK_TABLE(rows, from_rewrite) check_table(rows, sizeof(rows) / sizeof(*(rows)), from_rewrite)

/* --- long ones, put together from pieces --- */

struct piece {
	const char *text;
	size_t times;
};

static void compose(struct buf *out, const struct piece *pieces)
{
	buf_init(out, 1u << 24);
	for (; pieces->text; pieces++) {
		for (size_t i = 0; i < pieces->times; i++) {
			if (!buf_add(out, str_of(pieces->text)))
				abort();
		}
	}
}

static const struct {
	const char *label;
	unsigned switches;
	struct piece before[8], after[12];
	unsigned told;
} long_ones[] = {
	{ "a line of 998 stays", B(LONG_LINES), { { FROM "\r\n", 1 }, { "x", 998 }, { "\r\n", 1 } }, { { FROM "\r\n", 1 }, { "x", 998 }, { "\r\n", 1 } }, 0 },
	{ "a text with a line of 999 becomes quoted-printable", B(LONG_LINES), { { FROM "\r\na=b \r\n", 1 }, { "x", 999 }, { "\r\n", 1 } },
	  { { FROM "Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\na=3Db=20\r\n", 1 },
	    { "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=\r\n", 13 }, { "x", 24 }, { "\r\n", 1 } },
	  B(LONG_LINES) },
	{ "8bit becomes quoted-printable", B(LONG_LINES),
	  { { "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", 1 }, { "\xe3\x82\xb9", 400 }, { "\r\n", 1 } },
	  { { "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", 1 },
	    { "=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=\r\n=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9="
	      "E3=82=B9=E3=82=\r\n=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9", 1 },
	    { "=\r\n=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=\r\n=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9="
	      "E3=82=B9=E3=82=\r\n=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9=E3=82=B9", 15 },
	    { "\r\n", 1 } }, B(LONG_LINES) },
	{ "base64 in one line is wrapped", B(LONG_LINES),
	  { { "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1 }, { "QUJD", 500 }, { "\r\n", 1 } },
	  { { "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1 }, { "QUJD", 249 }, { "QU\r\nJD", 1 }, { "QUJD", 249 },
	    { "\r\nQUJD\r\n", 1 } }, B(LONG_LINES) },
	{ "in parts a line is wrapped behind a blank", B(LONG_LINES),
	  { { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1 }, { "word ", 300 }, { "\r\n--b--\r\n", 1 } },
	  { { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1 }, { "word ", 199 }, { "\r\n", 1 }, { "word ", 101 }, { "\r\n--b--\r\n", 1 } },
	  B(LONG_LINES) },
	{ "no character is cut", B(LONG_LINES),
	  { { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1 }, { "\xe3\x82\xb9", 400 }, { "\r\n--b--\r\n", 1 } },
	  { { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1 }, { "\xe3\x82\xb9", 332 }, { "\r\n", 1 }, { "\xe3\x82\xb9", 68 },
	    { "\r\n--b--\r\n", 1 } }, B(LONG_LINES) },
	{ "quoted-printable gets soft line ends, no code is cut", B(LONG_LINES),
	  { { "Content-Transfer-Encoding: quoted-printable\r\n\r\n", 1 }, { "=E3", 400 }, { "\r\n", 1 } },
	  { { "Content-Transfer-Encoding: quoted-printable\r\n\r\n", 1 }, { "=E3", 332 }, { "=\r\n", 1 }, { "=E3", 68 }, { "\r\n", 1 } }, B(LONG_LINES) },
	{ "a long line that comes late is wrapped", B(LONG_LINES), { { FROM "\r\n", 1 }, { "short\r\n", 1000 }, { "x", 1500 }, { "\r\n", 1 } },
	  { { FROM "\r\n", 1 }, { "short\r\n", 1000 }, { "x", 998 }, { "\r\n", 1 }, { "x", 502 }, { "\r\n", 1 } }, B(LONG_LINES) },
	{ "a long field is folded at its blanks", B(LONG_LINES), { { "Subject: ", 1 }, { "word ", 250 }, { "end\r\n" END, 1 } },
	  { { "Subject: word word word word word word word word word word word word word\r\n", 1 },
	    { " word word word word word word word word word word word word word word word\r\n", 15 },
	    { " word word word word word word word word word word word word end\r\n" END, 1 } }, B(LONG_LINES) },
	{ "a long list is folded at its commas", B(LONG_LINES), { { "To: ", 1 }, { "abcdefghijklmno@x.example,", 60 }, { "z@x.example\r\n" END, 1 } },
	  { { "To: abcdefghijklmno@x.example,abcdefghijklmno@x.example,\r\n", 1 },
	    { " abcdefghijklmno@x.example,abcdefghijklmno@x.example,\r\n", 28 },
	    { " abcdefghijklmno@x.example,abcdefghijklmno@x.example,z@x.example\r\n" END, 1 } }, B(LONG_LINES) },
	{ "a field of one word is cut at 998", B(LONG_LINES), { { "X-A:", 1 }, { "h", 2000 }, { "\r\n" END, 1 } },
	  { { "X-A:", 1 }, { "h", 993 }, { "\r\n ", 1 }, { "h", 997 }, { "\r\n ", 1 }, { "h", 10 }, { "\r\n" END, 1 } }, B(LONG_LINES) },
	/* What is opened and never closed is not looked for to the end each time: quadratic, these would outlast the test's time. */
	{ "sixty thousand comments that are never closed", B(QUOTED_AT), { { "To: ", 1 }, { "(a ", 20000 }, { "\r\n" END, 1 } },
	  { { "To: ", 1 }, { "(a ", 20000 }, { "\r\n" END, 1 } }, 0 },
	{ "as many brackets", B(QUOTED_AT), { { "To: ", 1 }, { "<", 60000 }, { "\r\n" END, 1 } }, { { "To: ", 1 }, { "<", 60000 }, { "\r\n" END, 1 } }, 0 },
	{ "a section over the ceiling goes on as it came", ALL, { { "From: a@b <a@b>\r\n", 1 }, { "X: y\r\n", 11000 }, { END, 1 } },
	  { { "From: a@b <a@b>\r\n", 1 }, { "X: y\r\n", 11000 }, { END, 1 } }, B(NOT_LARGE) },
	{ "so does one of too many fields", ALL, { { "From: a@b <a@b>\r\n", 1 }, { "X: y\r\n", 5000 }, { END, 1 } },
	  { { "From: a@b <a@b>\r\n", 1 }, { "X: y\r\n", 5000 }, { END, 1 } }, B(NOT_LARGE) },
};

static void check_long_ones(void)
{
	for (size_t i = 0; i < sizeof(long_ones) / sizeof(*long_ones); i++) {
		static const size_t bites[] = { SIZE_MAX, 1, 997, 1000 };
		struct buf before, after, got;
		bool same = true;

		compose(&before, long_ones[i].before);
		compose(&after, long_ones[i].after);
		for (size_t k = 0; k < sizeof(bites) / sizeof(*bites) && same; k++) {
			unsigned told = repair_all(long_ones[i].switches, "", buf_str(&before), bites[k], &got, NULL);

			same = told == long_ones[i].told && str_eq(buf_str(&got), buf_str(&after));
			if (!same)
				printf("# told %x; came out:\n# %.*s\n", told, (int)(got.len < 3000 ? got.len : 3000), got.ptr);
			buf_done(&got);
		}
		CHECK(same, long_ones[i].label);
		buf_done(&before);
		buf_done(&after);
	}
}

static void check_nul(void)
{
	static const char before[] = "Sub\0ject: a\0b\r\n\r\n\0one\0\r\n\0\0two\r\n";
	static const char signed_mail[] = "DKIM-Signature: x\r\nX: a\0b\r\n\r\nc\0d\r\n";
	struct buf got;
	unsigned told = repair_all(B(NUL_BYTES), "", (struct str){ before, sizeof(before) - 1 }, 1, &got, NULL);

	CHECK(told == B(NUL_BYTES) && str_eq(buf_str(&got), STR("Subject: ab\r\n\r\none\r\ntwo\r\n")), "NUL is taken out of header and body");
	buf_done(&got);
	told = repair_all(ALL, "", (struct str){ signed_mail, sizeof(signed_mail) - 1 }, 1, &got, NULL);
	CHECK(told == B(NOT_SIGNED) && str_eq(buf_str(&got), (struct str){ signed_mail, sizeof(signed_mail) - 1 }), "and stays in signed mail");
	buf_done(&got);
}

static void check_not_rewritten(void)
{
	const struct piece large[] = { { "From: a@b <a@b>\r\n", 1 }, { "X: y\r\n", 11000 }, { END, 1 }, { NULL, 0 } };
	struct buf before, got;
	bool not_rewritten = false;

	compose(&before, large);
	(void)repair_all(0, "shared@x.example", buf_str(&before), 4096, &got, &not_rewritten);
	CHECK(not_rewritten, "a From that cannot be rewritten is told");
	buf_done(&got);
	(void)repair_all(0, "shared@x.example", STR(FROM END), 4096, &got, &not_rewritten);
	CHECK(!not_rewritten, "one that could is not");
	buf_done(&got);
	buf_done(&before);
}

/* domain/settings_table.c has the switches by number, since it does not know wire. */
static void check_names(void)
{
	const struct settings_row *row = settings_row_find(SECTION_LISTENERS, STR("repairs"));
	struct buf note;

	for (unsigned i = 0; i < REPAIR_SWITCH_COUNT; i++)
		CHECK(row->choices[i].value == i && strcmp(row->choices[i].name, repair_name((enum repair_kind)i)) == 0, repair_name((enum repair_kind)i));
	CHECK(row->choices[REPAIR_SWITCH_COUNT].value == REPAIR_NONE, "no setting without its repair");
	buf_init(&note, 1024);
	CHECK(repair_note_print(&note, B(MISSING_DATE) | B(BARE_NEWLINE) | B(NOT_LARGE) | 1u << 31) &&
		      str_eq(buf_str(&note), STR("repair:missing-date repair:bare-newline unrepaired:header-too-large")),
	      "the note");
	buf_done(&note);
}

int main(void)
{
	CHECK_TABLE(missing, "");
	CHECK_TABLE(dates, "");
	CHECK_TABLE(names, "");
	CHECK_TABLE(raw, "");
	CHECK_TABLE(doubled, "");
	CHECK_TABLE(lines, "");
	CHECK_TABLE(bodies, "");
	CHECK_TABLE(untouched, "");
	CHECK_TABLE(whole, "");
	CHECK_TABLE(rewritten, "shared@x.example");
	check_long_ones();
	check_nul();
	check_not_rewritten();
	check_names();
	return check_report();
}
