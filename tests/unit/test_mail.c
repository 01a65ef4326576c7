/* The gateway's own mail: its parts in their places, whatever stands in them. */
#include <string.h>

#include "check.h"
#include "wire/mail.h"

static const struct str to[] = { { "admin@contoso.example", 21 }, { "second@contoso.example", 22 } };
static const struct mail_file file = { { "report.csv", 10 }, "text/csv; charset=utf-8", { "\xef\xbb\xbf\"a\"\r\n", 8 } };

static struct mail sample(void)
{
	return (struct mail){
		.from = STR("gateway@contoso.example"), .to = to, .to_count = 2, .subject = STR("お知らせ"), .message_id = STR("1@gw.example"),
		.mark = STR("AAAAAAAAAA BBBBBBBBBB"), .now_us = 1795480200000000, .text = STR("一行目\nline two"), .files = &file, .files_count = 1,
		.boundary = STR("b0"),
	};
}

static const char *printed(const struct mail *mail)
{
	static char text[65536];
	struct buf out = { .ptr = text, .cap = sizeof(text), .bytes_max = sizeof(text) - 1 };

	text[0] = '\0';
	if (!mail_print(&out, mail))
		return NULL;
	text[out.len] = '\0';
	return text;
}

static void check_whole(void)
{
	struct mail mail = sample();

	CHECK(strcmp(printed(&mail), "From: <gateway@contoso.example>\r\n"
				     "To: <admin@contoso.example>,\r\n <second@contoso.example>\r\n"
				     "Subject: =?UTF-8?B?44GK55+l44KJ44Gb?=\r\n"
				     "Date: Tue, 24 Nov 2026 00:30:00 +0000\r\n"
				     "Message-ID: <1@gw.example>\r\n"
				     "X-Sekisho-Notice: AAAAAAAAAA BBBBBBBBBB\r\n"
				     "Auto-Submitted: auto-generated\r\n"
				     "MIME-Version: 1.0\r\n"
				     "Content-Type: multipart/mixed;\r\n\tboundary=\"b0\"\r\n\r\n"
				     "--b0\r\n"
				     "Content-Type: text/plain; charset=utf-8\r\n"
				     "Content-Disposition: inline\r\n"
				     "Content-Transfer-Encoding: base64\r\n\r\n"
				     "5LiA6KGM55uuDQpsaW5lIHR3bw0K\r\n"
				     "--b0\r\n"
				     "Content-Type: text/csv; charset=utf-8\r\n"
				     "Content-Disposition: attachment; filename=\"report.csv\"\r\n"
				     "Content-Transfer-Encoding: base64\r\n\r\n"
				     "77u/ImEiDQo=\r\n"
				     "--b0--\r\n") == 0,
	      "whole: byte for byte");
}

static void check_refused(void)
{
	static const struct mail_file bad = { { "a\"; b", 5 }, "text/csv", { "x", 1 } };
	struct mail mail = sample();
	struct buf small;

	mail.to_count = 0;
	CHECK(!printed(&mail), "refused: to nobody");
	mail = sample();
	mail.boundary = STR("a b");
	CHECK(!printed(&mail), "refused: a boundary with a blank");
	mail = sample();
	mail.files = &bad;
	CHECK(!printed(&mail), "refused: a file's name with a quote");
	mail = sample();
	buf_init(&small, 300);
	CHECK(!mail_print(&small, &mail) && small.len == 0, "refused: no room, and nothing half");
	buf_done(&small);
}

static void check_hostile(void)
{
	struct mail mail = sample();
	const char *text;

	mail.subject = STR("a\r\nBcc: x@y\r\n\r\nbody\x1b[2J");
	mail.from = STR("a@b\r\nBcc: x@y");
	mail.mark = STR("A\r\nBcc: x@y");
	mail.message_id = STR("a> b");
	text = printed(&mail);
	CHECK(text && !strstr(text, "\r\nBcc") && !strstr(text, "\x1b") && !strstr(text, "Message-ID"), "hostile: no field of its own");
}

int main(void)
{
	check_whole();
	check_refused();
	check_hostile();
	return check_report();
}
