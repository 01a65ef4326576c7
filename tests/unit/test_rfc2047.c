/* rfc2047: subjects as devices write them, read and printed. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire/header.h"

#define SCAN "\xe3\x80\x90\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f\xe3\x80\x91\xe2\x91\xa0\xe3\x82\xb9\xe3\x82\xad\xe3\x83\xa3\xe3\x83\xb3"
#define KANA "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88" /* テスト */

static const struct {
	const char *label, *value, *want;
} cases[] = {
	{ "plain", "Scan from 2F", "Scan from 2F" },
	{ "nothing", "", "" },
	{ "base64", "=?UTF-8?B?44OG44K544OI?=", KANA },
	{ "base64 without padding", "=?utf-8?b?44OG44K544OIIQ?=", KANA "!" },
	{ "quoted", "=?utf-8?Q?=E3=83=86=E3=82=B9=e3=83=88_1?=", KANA " 1" },
	{ "quoted with a blank", "=?iso-8859-1?Q?caf=E9 au lait?=", "caf\xc3\xa9 au lait" },
	{ "language tag", "=?us-ascii*en?Q?hi?=", "hi" },
	{ "text around", "Re: =?UTF-8?B?44OG?= end", "Re: \xe3\x83\x86 end" },
	{ "blanks between words vanish", "=?UTF-8?B?44OG?= \t =?UTF-8?B?44K5?=", "\xe3\x83\x86\xe3\x82\xb9" },
	{ "a character cut in two words", "=?UTF-8?B?44OG44I=?= =?UTF-8?B?uQ==?=", "\xe3\x83\x86\xe3\x82\xb9" },
	{ "JIS with a NEC circle, one word", "=?ISO-2022-JP?B?GyRCIVpKIzlnNSEhWy0hJTklLSVjJXMbKEI=?=", SCAN },
	{ "JIS raw", "\x1b$B!ZJ#9g5!![-!%9%-%c%s\x1b(B", SCAN },
	{ "JIS: company in brackets", "=?iso-2022-jp?B?GyRCLWobKEI=?=", "\xe3\x88\xb1" },
	{ "JIS: IBM's tall kanji", "=?iso-2022-jp?B?GyRCfGIbKEI=?=", "\xe9\xab\x99" },
	{ "JIS: X 0212 and back", "=?iso-2022-jp-1?B?GyRCJUYbJChEMCEbJEIlOQ==?=", "\xe3\x83\x86\xe4\xb8\x82\xe3\x82\xb9" },
	{ "JIS: NEC's mark for a number", "=?iso-2022-jp?B?GyRCLWIbKEI=?=", "\xe2\x84\x96" },
	{ "JIS: broken", "=?iso-2022-jp?Q?=1B$B!=1B(Ba?=", "!a" },
	{ "JIS: half-width kana", "=?iso-2022-jp?B?GyhJQz0bKEI=?=", "\xef\xbe\x83\xef\xbd\xbd" },
	{ "JIS in two words, shifted back between", "=?ISO-2022-JP?B?GyRCJUYbKEI=?= =?ISO-2022-JP?B?GyRCJTkbKEI=?=", "\xe3\x83\x86\xe3\x82\xb9" },
	{ "Shift_JIS word", "=?Shift_JIS?B?gXmVoY2Hi0CBeodAg1iDTIODg5M=?=", SCAN },
	{ "Shift_JIS raw", "\x81y\x95\xa1\x8d\x87\x8b@\x81z\x87@\x83X\x83L\x83\x83\x83\x93", SCAN },
	{ "EUC-JP word", "=?EUC-JP?B?pcaluaXI?=", KANA },
	{ "UTF-8 raw", SCAN, SCAN },
	{ "Latin-1 raw", "caf\xe9", "caf\xc3\xa9" },
	{ "Windows-1252", "=?windows-1252?Q?=93a=94?=", "\xe2\x80\x9c" "a\xe2\x80\x9d" },
	{ "GB2312", "=?gb2312?B?suLK1A==?=", "\xe6\xb5\x8b\xe8\xaf\x95" },
	{ "unknown charset: guessed", "=?x-nobody?B?44OG?=", "\xe3\x83\x86" },
	{ "a charset that is a path", "=?../../x//TRANSLIT?Q?a?=", "a" },
	{ "not a word", "=?UTF-8?X?aa?= =?UTF-8?B?", "=?UTF-8?X?aa?= =?UTF-8?B?" },
	{ "an empty word", "a =?UTF-8?B?" "?= b", "a  b" },
	{ "line ends and controls inside a word", "=?utf-8?Q?a=0D=0ABcc:=00_x=1B[31m?=", "a  Bcc: x[31m" },
	{ "marks that turn the direction", "=?utf-8?Q?a=E2=80=AEb?=", "ab" },
	{ "broken UTF-8 in a word", "=?utf-8?Q?a=E3=83b?=", "a\xef\xbf\xbd\xef\xbf\xbd" "b" },
	{ "broken Shift_JIS in a word", "=?shift_jis?Q?a=81?=", "a\xef\xbf\xbd" },
};

static void check_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out;

		buf_init(&out, 4096);
		if (!CHECK(rfc2047_parse(str_of(cases[i].value), &out) && str_eq(buf_str(&out), str_of(cases[i].want)), cases[i].label))
			printf("# got \"%.*s\"\n", STR_ARG(buf_str(&out)));
		buf_done(&out);
	}
}

static void check_ceiling(void)
{
	struct buf out;

	buf_init(&out, 8); /* two characters of three bytes, not two and two thirds */
	CHECK(!rfc2047_parse(STR(KANA), &out), "ceiling: says it was cut");
	CHECK(str_eq(buf_str(&out), STR("\xe3\x83\x86\xe3\x82\xb9")), "ceiling: cut at a character");
	buf_done(&out);
	buf_init(&out, 3);
	CHECK(!rfc2047_parse(STR("abcdef"), &out) && str_eq(buf_str(&out), STR("abc")), "ceiling: plain text fills it");
	buf_done(&out);
}

/* Printed and read again it is the same; no line is over 76 columns, each word within 75. */
static void check_print(void)
{
	static const char *const texts[] = {
		"", "a", KANA, SCAN SCAN SCAN SCAN SCAN SCAN SCAN SCAN SCAN,
		"A long subject in plain English that takes more than one encoded word to say what it has to say",
		"\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8\xf0\x9f\x96\xa8",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct buf printed, again;
		struct str rest;
		bool short_lines = true;

		buf_init(&printed, 4096);
		buf_init(&again, 4096);
		CHECK(buf_add(&printed, STR("Subject: ")) && rfc2047_print(&printed, str_of(texts[i])), "print: fits");
		CHECK(rfc2047_parse(str_skip(buf_str(&printed), 9), &again) && str_eq(buf_str(&again), str_of(texts[i])),
		      "print: reads back the same");
		for (rest = buf_str(&printed); rest.len > 0;)
			short_lines &= str_trim(str_cut(&rest, '\n')).len <= 76;
		CHECK(short_lines && str_is_ascii(buf_str(&printed)), "print: short ASCII lines");
		buf_done(&printed);
		buf_done(&again);
	}
}

int main(void)
{
	check_cases();
	check_ceiling();
	check_print();
	return check_report();
}
