/* header: the scan of a header section, whole and in bites, and the mailboxes of From. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "wire/header.h"

static const struct {
	const char *label;
	const char *message;
	const char *from, *subject, *id;
	unsigned from_count, received;
	bool loop, ended, eight_bit;
} scans[] = {
	{ "plain", "From: a@x\r\nSubject: hi\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n", "a@x", "hi", "<1@x>", 1, 0, false, true, false },
	{ "any case, blanks around", "fRoM:   a@x  \r\nSUBJECT:\thi\t\r\n\r\n", "a@x", "hi", "", 1, 0, false, true, false },
	{ "a blank before the colon", "From : a@x\r\n\r\n", "a@x", "", "", 1, 0, false, true, false },
	{ "folded", "Subject: one\r\n two\r\n\tthree\r\nFrom:\r\n a@x\r\n\r\n", "a@x", "one two\tthree", "", 1, 0, false, true, false },
	{ "two From: the first is kept, both are counted", "From: a@x\r\nFrom: b@y\r\n b2\r\n\r\n", "a@x", "", "", 2, 0, false, true, false },
	{ "a name that only begins so", "From-Line: no\r\nFro: no\r\nFrom: a@x\r\n\r\n", "a@x", "", "", 1, 0, false, true, false },
	{ "a very long name", "X234567890123456789012345678901234567890: 1\r\nFrom: a@x\r\n\r\n", "a@x", "", "", 1, 0, false, true, false },
	{ "lines without a colon are passed over", "junk\r\n more junk: x\r\nFrom a@x\r\nFrom: b@x\r\n\r\n", "b@x", "", "", 1, 0, false, true, false },
	{ "a continuation of nothing", " From: a@x\r\nFrom: b@x\r\n\r\n", "a@x", "", "", 2, 0, false, true, false },
	{ "a name that is folded", "From\r\n \r\n : a@x\r\nFrom\r\nSubject: b\r\n: c\r\n\r\n", "a@x", "b", "", 1, 0, false, true, false },
	{ "a first line of blanks ends nothing", " \r\nFrom: b@x\r\n\r\n", "b@x", "", "", 1, 0, false, true, false },
	{ "what no name may hold hides none", "\xef\xbb\xbf" "F\x01rom\xa0: a@x\r\n\r\n", "a@x", "", "", 1, 0, false, true, true },
	{ "nothing behind the empty line is looked at", "Subject: s\r\n\r\nFrom: a@x\r\n", "", "s", "", 0, 0, false, true, false },
	{ "no body", "From: a@x\r\n", "a@x", "", "", 1, 0, false, false, false },
	{ "no header", "\r\nFrom: a@x\r\n", "", "", "", 0, 0, false, true, false },
	{ "eight bits in the body", "From: a@x\r\n\r\ncaf\xe9\r\n", "a@x", "", "", 1, 0, false, true, true },
	{ "eight bits in the header", "Subject: caf\xe9\r\n\r\n", "", "caf\xe9", "", 0, 0, false, true, true },
	{ "Received is counted", "Received: from a\r\n\tby b\r\nReceived: c\r\nX-Received: d\r\n\r\n", "", "", "", 0, 2, false, true, false },
	{ "our own mark", "Received: from a\r\n\tby b (Sekisho mark77) with SMTP\r\n\r\n", "", "", "", 0, 1, true, true, false },
	{ "our own mark at a line's end", "Received: by b mark77\r\n\r\n", "", "", "", 0, 1, true, true, false },
	{ "a longer word is not our mark", "Received: by b mark777 amark77 mark77.x mark7 7\r\n\r\n", "", "", "", 0, 1, false, true, false },
	{ "our mark elsewhere is nothing", "Subject: mark77\r\n\r\nmark77\r\n", "", "mark77", "", 0, 0, false, true, false },
	{ "a bare CR at a line's start", "\rFrom: a@x\r\nFrom: b@x\r\n\r\n", "b@x", "", "", 1, 0, false, true, false },
};

static void scan(struct header_scan *scan, struct str message, size_t bite)
{
	header_scan_init(scan, STR("mark77"));
	while (message.len > 0) {
		struct str run = { message.ptr, message.len < bite ? message.len : bite };

		if (!header_scan_feed(scan, run))
			abort();
		message = str_skip(message, run.len);
	}
}

static void check_scans(void)
{
	static const size_t bites[] = { SIZE_MAX, 1, 3 };

	for (size_t i = 0; i < sizeof(scans) / sizeof(*scans); i++) {
		for (size_t k = 0; k < 3; k++) {
			struct header_scan got;

			scan(&got, str_of(scans[i].message), bites[k]);
			CHECK(str_eq(buf_str(&got.value[HEADER_FROM]), str_of(scans[i].from)) &&
			      str_eq(buf_str(&got.value[HEADER_SUBJECT]), str_of(scans[i].subject)) &&
			      str_eq(buf_str(&got.value[HEADER_MESSAGE_ID]), str_of(scans[i].id)), scans[i].label);
			CHECK(got.count[HEADER_FROM] == scans[i].from_count && got.received == scans[i].received &&
			      got.loop_mark == scans[i].loop && got.ended == scans[i].ended &&
			      got.eight_bit == scans[i].eight_bit, scans[i].label);
			header_scan_done(&got);
		}
	}
}

static void check_ceiling(void)
{
	struct header_scan got;
	static char line[100000];

	memset(line, 'x', sizeof(line));
	header_scan_init(&got, STR("m"));
	CHECK(header_scan_feed(&got, STR("Subject: ")), "ceiling: begins");
	for (int i = 0; i < 100; i++) /* 10 MB on one line */
		CHECK(header_scan_feed(&got, (struct str){ line, sizeof(line) }), "ceiling: goes on");
	CHECK(header_scan_feed(&got, STR("\r\nFrom: a@x\r\n\r\n")), "ceiling: ends");
	CHECK(got.value[HEADER_SUBJECT].len == HEADER_VALUE_MAX && got.cut[HEADER_SUBJECT], "ceiling: cut and marked");
	CHECK(str_eq(buf_str(&got.value[HEADER_FROM]), STR("a@x")) && !got.cut[HEADER_FROM], "ceiling: the next field is whole");
	header_scan_done(&got);
}

static const struct {
	const char *label;
	const char *value;
	const char *want; /* NULL: cannot be read */
} lists[] = {
	{ "bare", "a@x.example", "a@x.example" },
	{ "angle", "<a@x.example>", "a@x.example" },
	{ "name", "Copier 2F <a@x.example>", "a@x.example" },
	{ "quoted name", "\"Copier, 2F\" <a@x.example>", "a@x.example" },
	{ "quoted name with an address in it", "\"b@y.example\" <a@x.example>", "a@x.example" },
	{ "quoted pair", "\"a \\\" <b@y.example>\" <a@x.example>", "a@x.example" },
	{ "encoded name", "=?UTF-8?B?44GC?= <a@x.example>", "a@x.example" },
	{ "comments", "(one (two) \\) three) a@x.example (<b@y.example>)", "a@x.example" },
	{ "comment inside", "<a(c)@x.example>", "a@x.example" },
	{ "blanks around the joints", "a @ x . example", "a@x.example" },
	{ "two", "a@x.example, B <b@y.example>", "a@x.example\nb@y.example" },
	{ "empty elements", ", a@x.example,,b@y.example,", "a@x.example\nb@y.example" },
	{ "two in brackets without a comma", "<a@x.example> <b@y.example>", "a@x.example\nb@y.example" },
	{ "group", "team: a@x.example, <b@y.example>;", "a@x.example\nb@y.example" },
	{ "group and more", "team: a@x.example; , c@z.example", "a@x.example\nc@z.example" },
	{ "empty group", "undisclosed-recipients:;", NULL },
	{ "a comma in a name without quotes", "Tanaka, Taro <a@x.example>", "a@x.example" },
	{ "route", "<@r.example,@s.example:a@x.example>", "a@x.example" },
	{ "quoted local part", "\"a b\"@x.example", "\"a b\"@x.example" },
	{ "domain literal", "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "Shift_JIS name with a [ byte", "\x83X\x83L\x83\x83\x83i\x81[ <a@x.example>", "a@x.example" },
	{ "Shift_JIS quoted name with a backslash byte", "\"\x95\x5c\" <a@x.example>", "a@x.example" },
	{ "ISO-2022-JP name", "\x1b$BJ#9g5!\x1b(B <a@x.example>", "a@x.example" },
	{ "ISO-2022-JP name with @ < and quote bytes", "\x1b$B@\"<(%9\x1b(B <a@x.example>", "a@x.example" },
	{ "ISO-2022-JP in quotes", "\"\x1b$B@\"<(%9\x1b(B\" <a@x.example>", "a@x.example" },
	{ "an address hidden in ISO-2022-JP", "\x1b$B<b@y.example>!\x1b(B <a@x.example>", NULL },
	{ "ISO-2022-JP that never ends", "\x1b$B@\"<(%9 <a@x.example>", NULL },
	{ "UTF-8 name", "\"\xe8\xa1\xa8\" <a@x.example>", "a@x.example" },
	{ "nothing", "", NULL },
	{ "blank", "  \t ", NULL },
	{ "only a name", "Copier", NULL },
	{ "an address as a name", "b@y.example <a@x.example>", "b@y.example\na@x.example" },
	{ "an address among the words of a name", "Scan (c@z) b@y.example 2F <a@x.example>", "b@y.example\na@x.example" },
	{ "an address in parts as a name", "b @ (c) y . example <a@x.example>", "b@y.example\na@x.example" },
	{ "a quoted one", "\"b\"@y.example <a@x.example>", "\"b\"@y.example\na@x.example" },
	{ "an @ that is no address", "Scan @ 2F <a@x.example>", "a@x.example" },
	{ "a group whose name is an address", "b@y.example: a@x.example;", NULL },
	{ "unclosed bracket", "<a@x.example", NULL },
	{ "unclosed quotes", "\"Copier <a@x.example>", NULL },
	{ "unclosed comment", "a@x.example (b", NULL },
	{ "bracket in bracket", "<<a@x.example>>", NULL },
	{ "empty brackets", "Copier <>", NULL },
	{ "two words and an @", "Copier a@x.example", NULL },
	{ "a good one beside a bad one", "a@x.example, <@>", NULL },
	{ "words at the end", "a@x.example, Copier", NULL },
	{ "a line end in it", "<a@x.example\r\n b@y>", NULL },
	{ "three, when two are allowed", "a@x.example, b@x.example, c@x.example", NULL },
};

static void check_lists(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct buf keep;
		bool read;

		buf_init(&keep, 4096);
		read = header_addresses_parse(str_of(lists[i].value), 2, &keep);
		if (!CHECK(read == (lists[i].want != NULL) && str_eq(buf_str(&keep), str_of(lists[i].want)), lists[i].label))
			printf("# got %d \"%.*s\"\n", read, STR_ARG(buf_str(&keep)));
		buf_done(&keep);
	}
}

/* Content bombs (CVE-2024-23184 and others): 200,000 of each; a quadratic way would take half an hour. */
static const char *const bombs[] = {
	"To: a@b,\r\n", "From: a@b,\r\n", " a@b,\r\n", "Received: x\r\n", "X", " ", "\r", ":", "(", ")", "\"", "\\", "<", ">", "<a@b>", ",",
	";", "a:", "[", "@", "@[", "a@b.example,", "\x81[", "=?", "=?a?b?", "=?utf-8?q?=?", "=?utf-8?q?a?= ", "=?utf-8?b?a?==?iso-8859-1?q?b?=",
	"\x1b$B", "\x1b", "\x1b(I", "\xe3\x81", "\xff", "?=",
};

static void check_bombs(void)
{
	for (size_t i = 0; i < sizeof(bombs) / sizeof(*bombs); i++) {
		struct str one = str_of(bombs[i]);
		struct str parts[3] = { STR("From: "), { NULL, 0 }, STR("\r\n\r\n") };
		struct header_scan got;
		struct buf bomb, out;
		clock_t began = clock();

		buf_init(&bomb, one.len * 200000);
		while (buf_add(&bomb, one))
			continue;
		parts[1] = buf_str(&bomb);
		header_scan_init(&got, STR("m"));
		for (size_t k = 0; k < 3; k++) {
			if (!header_scan_feed(&got, parts[k]))
				abort();
		}
		for (int field = 0; field < HEADER_FIELD_COUNT; field++)
			CHECK(got.value[field].cap <= HEADER_VALUE_MAX, "bomb: within the ceiling");
		buf_init(&out, 4096);
		(void)header_addresses_parse(parts[1], 100, &out);
		buf_clear(&out);
		(void)rfc2047_parse(parts[1], &out);
		CHECK(clock() - began < 20 * CLOCKS_PER_SEC, "bomb: in time");
		buf_done(&out);
		buf_done(&bomb);
		header_scan_done(&got);
	}
}

int main(void)
{
	check_bombs();
	check_scans();
	check_ceiling();
	check_lists();
	return check_report();
}
