/* smtp_param: the parameters of MAIL and RCPT, and xtext. */
#include <string.h>

#include "check.h"
#include "text.h"
#include "wire/smtp_param.h"

static const struct {
	const char *label, *text;
	enum smtp_param_fault want;
	const char *bad;
} mails[] = {
	{ "mail: none", "", SMTP_PARAM_OK, "" },
	{ "mail: blanks", " \t ", SMTP_PARAM_OK, "" },
	{ "mail: all", " SIZE=1 BODY=7BIT SMTPUTF8 RET=FULL ENVID=a AUTH=<>", SMTP_PARAM_OK, "" },
	{ "mail: lower case, many blanks", "  size=1   body=8bitmime ", SMTP_PARAM_OK, "" },
	{ "mail: unknown", " X=1", SMTP_PARAM_UNKNOWN, "X" },
	{ "mail: RCPT's", " NOTIFY=NEVER", SMTP_PARAM_UNKNOWN, "NOTIFY" },
	{ "mail: twice", " SIZE=1 size=1", SMTP_PARAM_DOUBLED, "size" },
	{ "mail: size not a number", " SIZE=1k", SMTP_PARAM_BAD, "SIZE" },
	{ "mail: size below nought", " SIZE=-1", SMTP_PARAM_BAD, "SIZE" },
	{ "mail: size of nothing", " SIZE=", SMTP_PARAM_BAD, "SIZE" },
	{ "mail: size alone", " SIZE", SMTP_PARAM_BAD, "SIZE" },
	{ "mail: BINARYMIME is not offered", " BODY=BINARYMIME", SMTP_PARAM_BAD, "BODY" },
	{ "mail: a value where none belongs", " SMTPUTF8=YES", SMTP_PARAM_BAD, "SMTPUTF8" },
	{ "mail: half a return", " RET=HALF", SMTP_PARAM_BAD, "RET" },
	{ "mail: envid not xtext", " ENVID=a+0a", SMTP_PARAM_BAD, "ENVID" },
	{ "mail: envid hides CR", " ENVID=a+0D", SMTP_PARAM_BAD, "ENVID" },
	{ "mail: no name", " =1", SMTP_PARAM_BAD, "" },
	{ "mail: odd name", " A_B=1", SMTP_PARAM_BAD, "A_B" },
	{ "mail: two equal signs", " ENVID=a=b", SMTP_PARAM_BAD, "ENVID" },
};

static const struct {
	const char *label, *text;
	enum smtp_param_fault want;
	unsigned notify;
} rcpts[] = {
	{ "rcpt: none", "", SMTP_PARAM_OK, 0 },
	{ "rcpt: never", " NOTIFY=NEVER", SMTP_PARAM_OK, SMTP_NOTIFY_NEVER },
	{ "rcpt: all but never", " NOTIFY=SUCCESS,FAILURE,DELAY", SMTP_PARAM_OK,
	  SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY },
	{ "rcpt: never and more", " NOTIFY=NEVER,DELAY", SMTP_PARAM_BAD, 0 },
	{ "rcpt: comma at the end", " NOTIFY=DELAY,", SMTP_PARAM_BAD, 0 },
	{ "rcpt: comma at the start", " NOTIFY=,DELAY", SMTP_PARAM_BAD, 0 },
	{ "rcpt: a word of its own", " NOTIFY=ALWAYS", SMTP_PARAM_BAD, 0 },
	{ "rcpt: orcpt", " ORCPT=rfc822;a+2Bb@c.example", SMTP_PARAM_OK, 0 },
	{ "rcpt: orcpt without a type", " ORCPT=;a@b", SMTP_PARAM_BAD, 0 },
	{ "rcpt: orcpt without an address", " ORCPT=rfc822;", SMTP_PARAM_BAD, 0 },
	{ "rcpt: orcpt with a type that is none", " ORCPT=rfc 822;a", SMTP_PARAM_BAD, 0 },
	{ "rcpt: orcpt hides LF", " ORCPT=rfc822;a+0Ab", SMTP_PARAM_BAD, 0 },
	{ "rcpt: orcpt is 8-bit", " ORCPT=rfc822;\xc3\xa9", SMTP_PARAM_BAD, 0 },
	{ "rcpt: MAIL's", " SIZE=1", SMTP_PARAM_UNKNOWN, 0 },
};

static void check_values(void)
{
	struct smtp_mail_params mail;
	struct smtp_rcpt_params rcpt;
	struct str bad;
	char text[800] = " ENVID=";

	CHECK(smtp_mail_params_parse(STR(" SIZE=18446744073709551615 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2B"), &mail,
				     &bad) == SMTP_PARAM_OK &&
		      mail.size_given && mail.size == UINT64_MAX && mail.body_8bit && mail.utf8 &&
		      mail.ret == SMTP_RET_HDRS && str_eq(mail.envid, STR("a+2B")),
	      "mail: what came of it");
	CHECK(smtp_mail_params_parse(STR(" SIZE=18446744073709551616"), &mail, &bad) == SMTP_PARAM_OK &&
		      mail.size == UINT64_MAX,
	      "mail: a size too large for a number");
	CHECK(smtp_mail_params_parse(STR(""), &mail, &bad) == SMTP_PARAM_OK && !mail.size_given &&
		      mail.ret == SMTP_RET_UNSET && mail.envid.len == 0,
	      "mail: nothing given");
	CHECK(smtp_rcpt_params_parse(STR(" ORCPT=rfc822;a@b"), &rcpt, &bad) == SMTP_PARAM_OK &&
		      str_eq(rcpt.orcpt, STR("rfc822;a@b")),
	      "rcpt: what came of it");
	memset(text + 7, 'e', 101);
	CHECK(smtp_mail_params_parse((struct str){ text, 107 }, &mail, &bad) == SMTP_PARAM_OK, "mail: envid of 100");
	CHECK(smtp_mail_params_parse((struct str){ text, 108 }, &mail, &bad) == SMTP_PARAM_BAD, "mail: envid of 101");
	memcpy(text, " ORCPT=x;", 9);
	memset(text + 9, 'e', 600);
	CHECK(smtp_rcpt_params_parse((struct str){ text, 507 }, &rcpt, &bad) == SMTP_PARAM_OK, "rcpt: orcpt of 500");
	CHECK(smtp_rcpt_params_parse((struct str){ text, 508 }, &rcpt, &bad) == SMTP_PARAM_BAD, "rcpt: orcpt of 501");
}

static void check_xtext(void)
{
	static const struct {
		const char *label;
		struct str text, raw;
		bool good;
	} cases[] = {
		{ "xtext: plain", TEXT("abc"), TEXT("abc"), true },
		{ "xtext: plus and equals", TEXT("+2B+3D"), TEXT("+="), true },
		{ "xtext: blank and 8-bit", TEXT("+20+FF"), TEXT(" \xff"), true },
		{ "xtext: empty", TEXT(""), TEXT(""), true },
		{ "xtext: lower case", TEXT("+2b"), TEXT(""), false },
		{ "xtext: cut short", TEXT("a+2"), TEXT(""), false },
		{ "xtext: not hex", TEXT("+G1"), TEXT(""), false },
		{ "xtext: CR", TEXT("+0D"), TEXT(""), false },
		{ "xtext: LF", TEXT("a+0A"), TEXT(""), false },
		{ "xtext: NUL", TEXT("+00"), TEXT(""), false },
		{ "xtext: a raw blank", TEXT("a b"), TEXT(""), false },
		{ "xtext: a raw equals", TEXT("a=b"), TEXT(""), false },
		{ "xtext: raw 8-bit", TEXT("\xe3\x81\x82"), TEXT(""), false },
	};
	struct buf out, back;

	buf_init(&out, 1024);
	buf_init(&back, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good;

		buf_clear(&out);
		buf_clear(&back);
		good = xtext_parse(cases[i].text, &out);
		CHECK(good == cases[i].good && str_eq(buf_str(&out), cases[i].raw), cases[i].label);
		if (good)
			CHECK(xtext_print(&back, cases[i].raw) && str_eq(buf_str(&back), cases[i].text),
			      cases[i].label);
	}
	buf_done(&out);
	buf_done(&back);
	buf_init(&out, 2);
	CHECK(!xtext_print(&out, STR("a+")) && out.len == 0, "xtext: no room, nothing added");
	CHECK(!xtext_parse(STR("abc"), &out) && out.len == 0, "xtext: no room to parse, nothing added");
	buf_done(&out);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(mails) / sizeof(*mails); i++) {
		struct smtp_mail_params params;
		struct str bad = STR("");

		CHECK(smtp_mail_params_parse(str_of(mails[i].text), &params, &bad) == mails[i].want, mails[i].label);
		if (mails[i].want != SMTP_PARAM_OK)
			CHECK(str_eq(bad, str_of(mails[i].bad)), mails[i].label);
	}
	for (size_t i = 0; i < sizeof(rcpts) / sizeof(*rcpts); i++) {
		struct smtp_rcpt_params params = { 0 };
		struct str bad;
		bool good = smtp_rcpt_params_parse(str_of(rcpts[i].text), &params, &bad) == rcpts[i].want;

		CHECK(good && params.notify == rcpts[i].notify, rcpts[i].label);
	}
	check_values();
	check_xtext();
	return check_report();
}
