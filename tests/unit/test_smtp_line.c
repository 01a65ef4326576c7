/* smtp_line: where a command line ends, and what is none. */
#include <string.h>

#include "check.h"
#include "text.h"
#include "wire/smtp_line.h"

#define OK(text, bytes) PARSE_OK, (text), (bytes), 0
#define BAD(why, bytes) PARSE_BAD, "", (bytes), (why)
#define MORE PARSE_MORE, "", 0, 0

static const struct {
	const char *label;
	struct str input;
	bool bare_lf_ends;
	enum parse want;
	const char *line;
	size_t used;
	enum smtp_line_fault fault;
} cases[] = {
	{ "a line", TEXT("NOOP\r\nQUIT\r\n"), false, OK("NOOP", 6) },
	{ "an empty line", TEXT("\r\n"), false, OK("", 2) },
	{ "nothing", TEXT(""), false, MORE },
	{ "no end yet", TEXT("NOOP"), false, MORE },
	{ "half an end", TEXT("NOOP\r"), false, MORE },
	{ "half an end, lenient", TEXT("NOOP\r"), true, MORE },
	{ "bare LF", TEXT("NOOP\nX\r\nQ"), false, BAD(SMTP_LINE_BARE_LF, 8) },
	{ "bare LF at the end", TEXT("NOOP\n"), false, BAD(SMTP_LINE_BARE_LF, 5) },
	{ "bare LF, lenient", TEXT("NOOP\nQUIT\r\n"), true, OK("NOOP", 5) },
	{ "bare CR", TEXT("NO\rOP\r\nQ"), false, BAD(SMTP_LINE_BARE_CR, 7) },
	{ "bare CR, lenient", TEXT("NO\rOP\nQ"), true, BAD(SMTP_LINE_BARE_CR, 6) },
	{ "CR CR LF", TEXT("NOOP\r\r\nQ"), false, BAD(SMTP_LINE_BARE_CR, 7) },
	{ "CR CR LF, lenient", TEXT("NOOP\r\r\nQ"), true, OK("NOOP", 7) },
	{ "CR CR, lenient: not yet", TEXT("NOOP\r\r"), true, MORE },
	{ "CR CR X, lenient", TEXT("NOOP\r\rX"), true, BAD(SMTP_LINE_BARE_CR, 7) },
	{ "CR CR, strict: the last may be half an end", TEXT("NOOP\r\r"), false, BAD(SMTP_LINE_BARE_CR, 5) },
	{ "NUL", TEXT("NO\0P\r\nQ"), false, BAD(SMTP_LINE_NUL, 6) },
	{ "NUL, the end not here", TEXT("NO\0P"), false, BAD(SMTP_LINE_NUL, 4) },
	{ "as long as may be", TEXT("0123456789\r\n"), false, OK("0123456789", 12) },
	{ "as long as may be, the end not here", TEXT("0123456789"), false, MORE },
	{ "one more", TEXT("0123456789a\r\nQ"), false, BAD(SMTP_LINE_LONG, 13) },
	{ "one more, the end not here", TEXT("0123456789a"), false, BAD(SMTP_LINE_LONG, 11) },
	{ "one more, half its end here", TEXT("0123456789a\r"), false, BAD(SMTP_LINE_LONG, 11) },
	{ "one more, lenient", TEXT("0123456789a\nQ"), true, BAD(SMTP_LINE_LONG, 12) },
	{ "the first fault counts", TEXT("01\0" "3456789abcdef\r\n"), false, BAD(SMTP_LINE_NUL, 18) },
	{ "8-bit is text", TEXT("\xff\xfe\r\n"), false, OK("\xff\xfe", 4) },
};

static void check_skip(void)
{
	static const struct {
		const char *label;
		struct str input;
		bool bare_lf_ends;
		size_t used;
		bool ended;
	} skips[] = {
		{ "skip: to CRLF", TEXT("abc\r\nNOOP"), false, 5, true },
		{ "skip: past bare LF", TEXT("a\nb\r\nNOOP"), false, 5, true },
		{ "skip: to bare LF, lenient", TEXT("a\nb\r\n"), true, 2, true },
		{ "skip: no end, a CR is kept", TEXT("abc\r"), false, 3, false },
		{ "skip: LF as the first byte", TEXT("\nab\r\n"), false, 5, true },
		{ "skip: a CR alone", TEXT("\r"), false, 0, false },
		{ "skip: nothing", TEXT(""), false, 0, false },
	};

	for (size_t i = 0; i < sizeof(skips) / sizeof(*skips); i++) {
		bool ended = !skips[i].ended;
		size_t used = smtp_line_skip(skips[i].input, skips[i].bare_lf_ends, &ended);

		CHECK(used == skips[i].used && ended == skips[i].ended, skips[i].label);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str line = STR("");
		size_t used = 0;
		enum smtp_line_fault fault = 0;
		enum parse parsed = smtp_line_parse(cases[i].input, 10, cases[i].bare_lf_ends, &line, &used, &fault);

		CHECK(parsed == cases[i].want && str_eq(line, str_of(cases[i].line)) && used == cases[i].used &&
			      fault == cases[i].fault,
		      cases[i].label);
	}
	check_skip();
	return check_report();
}
