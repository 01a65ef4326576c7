/* smtp_reply: our replies printed, a server's read. */
#include <ctype.h>
#include <string.h>

#include "check.h"
#include "text.h"
#include "wire/smtp_reply.h"

static void check_print(void)
{
	static const struct {
		const char *label;
		struct smtp_reply reply;
		const char *want;
	} cases[] = {
		{ "print: plain", { 250, TEXT("2.0.0"), TEXT("OK"), TEXT("") }, "250 2.0.0 OK\r\n" },
		{ "print: no enhanced code", { 354, TEXT(""), TEXT("Go"), TEXT("") }, "354 Go\r\n" },
		{ "print: an empty challenge keeps its blank", { 334, TEXT(""), TEXT(""), TEXT("") }, "334 \r\n" },
		{ "print: nothing but codes", { 250, TEXT("2.0.0"), TEXT(""), TEXT("") }, "250 2.0.0\r\n" },
		{ "print: lines", { 535, TEXT("5.7.139"), TEXT("a\nb"), TEXT("K7") },
		  "535-5.7.139 a\r\n535 5.7.139 b [K7]\r\n" },
		{ "print: an empty last line", { 250, TEXT(""), TEXT("a\n"), TEXT("") }, "250-a\r\n250 \r\n" },
		{ "print: controls cannot break out", { 550, TEXT("5.0.0"), TEXT("a\r250 b\x1b\x7f"), TEXT("\r\n") },
		  "550 5.0.0 a?250 b?? [??]\r\n" },
		{ "print: NUL", { 550, TEXT("5.0.0"), TEXT("a\0b"), TEXT("") }, "550 5.0.0 a?b\r\n" },
		{ "print: UTF-8", { 550, TEXT("5.0.0"), TEXT("\xe9\x96\xa2"), TEXT("") }, "550 5.0.0 \xe9\x96\xa2\r\n" },
	};
	struct buf out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = strlen(cases[i].want);

		buf_init(&out, 1000);
		CHECK(smtp_reply_print(&out, &cases[i].reply) && str_eq(buf_str(&out), str_of(cases[i].want)),
		      cases[i].label);
		buf_done(&out);
		buf_init(&out, len - 1);
		CHECK(!smtp_reply_print(&out, &cases[i].reply) && out.len == 0, cases[i].label);
		buf_done(&out);
	}
}

/* RFC 2034, 4: the class of the enhanced code is the first digit of the other; and no reply needs cleaning. */
static void check_table(void)
{
	char label[40];

	for (int id = 0; id < SMTP_REPLY_COUNT; id++) {
		struct smtp_reply reply = smtp_reply_of((enum smtp_reply_id)id);
		bool good = reply.code >= 200 && reply.code < 600 && reply.text.len > 0;

		if (reply.enhanced.len)
			good = good && reply.enhanced.ptr[0] == (char)('0' + reply.code / 100);
		for (size_t i = 0; i < reply.text.len; i++)
			good = good && (isprint((unsigned char)reply.text.ptr[i]) || reply.text.ptr[i] == '\n');
		(void)snprintf(label, sizeof(label), "table: row %d, %u", id, reply.code);
		CHECK(good, label);
	}
}

#define OK(code, enhanced, text, used) PARSE_OK, (code), (enhanced), (text), (used)
#define BAD PARSE_BAD, 0, "", "", 0
#define MORE PARSE_MORE, 0, "", "", 0

static void check_parse(void)
{
	static const struct {
		const char *label;
		struct str input;
		enum parse want;
		unsigned code;
		const char *enhanced, *text;
		size_t used;
	} cases[] = {
		{ "parse: one line", TEXT("250 2.1.0 Sender OK\r\n354 "), OK(250, "2.1.0", "Sender OK", 21) },
		{ "parse: a bare code", TEXT("250\r\n"), OK(250, "", "", 5) },
		{ "parse: a code and a blank", TEXT("334 \r\n"), OK(334, "", "", 6) },
		{ "parse: bare LF", TEXT("250 hi\n"), OK(250, "", "hi", 7) },
		{ "parse: lines", TEXT("250-a\r\n250-b\r\n250 c\r\n"), OK(250, "", "a\nb\nc", 21) },
		{ "parse: an empty line inside", TEXT("250-\r\n250 c\r\n"), OK(250, "", "\nc", 13) },
		{ "parse: enhanced on each", TEXT("535-5.7.139 a\r\n535 5.7.139 b\r\n"), OK(535, "5.7.139", "a\nb", 30) },
		{ "parse: enhanced on the last only", TEXT("535-a\r\n535 5.7.3 b\r\n"), OK(535, "", "a\n5.7.3 b", 20) },
		{ "parse: enhanced differ", TEXT("550-5.7.1 a\r\n550 5.7.2 b\r\n"),
		  OK(550, "", "5.7.1 a\n5.7.2 b", 26) },
		{ "parse: enhanced and nothing else", TEXT("250 2.0.0\r\n"), OK(250, "2.0.0", "", 11) },
		{ "parse: a number with dots is none", TEXT("250 2.0.0.1 x\r\n"), OK(250, "", "2.0.0.1 x", 15) },
		{ "parse: an enhanced class of 3 is none", TEXT("250 3.0.0 x\r\n"), OK(250, "", "3.0.0 x", 13) },
		{ "parse: an enhanced of four digits is none", TEXT("250 2.0.1000 x\r\n"), OK(250, "", "2.0.1000 x", 16) },
		{ "parse: codes differ, the last counts", TEXT("250-a\r\n550 b\r\n"), OK(550, "", "a\nb", 14) },
		{ "parse: controls", TEXT("250 a\x1b" "b\0c\rd\r\n"), OK(250, "", "a?b?c?d", 13) },
		{ "parse: nothing yet", TEXT(""), MORE },
		{ "parse: half a code", TEXT("25"), MORE },
		{ "parse: a line without its end", TEXT("250 OK"), MORE },
		{ "parse: half an end", TEXT("250\r"), MORE },
		{ "parse: the last line is missing", TEXT("250-a\r\n"), MORE },
		{ "parse: the last line is half here", TEXT("250-a\r\n25"), MORE },
		{ "parse: HTTP", TEXT("HTTP/1.1 400 Bad Request\r\n"), BAD },
		{ "parse: TLS", TEXT("\x15\x03\x01"), BAD },
		{ "parse: 1xx", TEXT("150 x\r\n"), BAD },
		{ "parse: 6xx", TEXT("6"), BAD },
		{ "parse: two digits", TEXT("25\r\n"), BAD },
		{ "parse: four digits", TEXT("2500 x\r\n"), BAD },
		{ "parse: an empty line", TEXT("\r\n"), BAD },
		{ "parse: a second line that is none", TEXT("250-a\r\nb\r\n"), BAD },
	};
	struct buf keep;

	buf_init(&keep, SMTP_REPLY_BYTES_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct smtp_reply reply = { .enhanced = STR(""), .text = STR("") };
		size_t used = 0;
		enum parse parsed = smtp_reply_parse(cases[i].input, &keep, &reply, &used);

		CHECK(parsed == cases[i].want && reply.code == cases[i].code && used == cases[i].used &&
			      str_eq(reply.enhanced, str_of(cases[i].enhanced)) &&
			      str_eq(reply.text, str_of(cases[i].text)),
		      cases[i].label);
	}
	buf_done(&keep);
}

/* A server that never stops: refused at the ceiling, whether its lines end or not. */
static void check_endless(void)
{
	static char text[SMTP_REPLY_BYTES_MAX + 100];
	struct smtp_reply reply;
	struct buf keep;
	size_t used;

	buf_init(&keep, SMTP_REPLY_BYTES_MAX);
	memset(text, 'a', sizeof(text));
	memcpy(text, "250-", 4);
	CHECK(smtp_reply_parse((struct str){ text, 1000 }, &keep, &reply, &used) == PARSE_MORE, "endless: not yet");
	CHECK(smtp_reply_parse((struct str){ text, sizeof(text) }, &keep, &reply, &used) == PARSE_BAD,
	      "endless: one line");
	for (size_t i = 0; i + 10 <= sizeof(text); i += 10)
		memcpy(text + i, "250-aaaa\r\n", 10);
	CHECK(smtp_reply_parse((struct str){ text, 1000 }, &keep, &reply, &used) == PARSE_MORE, "endless: not yet");
	CHECK(smtp_reply_parse((struct str){ text, sizeof(text) }, &keep, &reply, &used) == PARSE_BAD,
	      "endless: many lines");
	buf_done(&keep);
}

int main(void)
{
	check_print();
	check_table();
	check_parse();
	check_endless();
	return check_report();
}
