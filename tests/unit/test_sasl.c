/* sasl: the messages of each mechanism, good and malformed, and back. */
#include <string.h>

#include "check.h"
#include "text.h"
#include "wire/sasl.h"

#define NONE TEXT(""), TEXT(""), TEXT("")

static const struct {
	const char *label;
	enum sasl_mechanism mechanism;
	struct str raw;
	bool good;
	struct str authzid, user, secret;
} cases[] = {
	{ "plain", SASL_PLAIN, TEXT("\0u\0p"), true, TEXT(""), TEXT("u"), TEXT("p") },
	{ "plain: authzid", SASL_PLAIN, TEXT("z\0u\0p"), true, TEXT("z"), TEXT("u"), TEXT("p") },
	{ "plain: empty password", SASL_PLAIN, TEXT("\0u\0"), true, TEXT(""), TEXT("u"), TEXT("") },
	{ "plain: a password in Shift_JIS", SASL_PLAIN, TEXT("\0u\0\x95\xa1"), true, TEXT(""), TEXT("u"), TEXT("\x95\xa1") },
	{ "plain: UTF-8 user", SASL_PLAIN, TEXT("\0\xc3\xa9\0p"), true, TEXT(""), TEXT("\xc3\xa9"), TEXT("p") },
	{ "plain: nothing", SASL_PLAIN, TEXT(""), false, NONE },
	{ "plain: no NUL", SASL_PLAIN, TEXT("up"), false, NONE },
	{ "plain: one NUL", SASL_PLAIN, TEXT("u\0p"), false, NONE },
	{ "plain: three NULs", SASL_PLAIN, TEXT("\0u\0p\0"), false, NONE },
	{ "plain: no user", SASL_PLAIN, TEXT("\0\0p"), false, NONE },
	{ "plain: CR LF in the user", SASL_PLAIN, TEXT("\0u\r\nv\0p"), false, NONE },
	{ "plain: ESC in the authzid", SASL_PLAIN, TEXT("\x1b\0u\0p"), false, NONE },
	{ "plain: DEL in the user", SASL_PLAIN, TEXT("\0u\x7f\0p"), false, NONE },
	{ "plain: C1 in the user", SASL_PLAIN, TEXT("\0u\xc2\x9b\0p"), false, NONE },
	{ "plain: invalid UTF-8 in the user", SASL_PLAIN, TEXT("\0u\xff\0p"), false, NONE },
	{ "xoauth2", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t\1\1"), true, TEXT(""), TEXT("u"), TEXT("t") },
	{ "xoauth2: bearer", SASL_XOAUTH2, TEXT("user=u\1auth=bearer t\1\1"), true, TEXT(""), TEXT("u"), TEXT("t") },
	{ "xoauth2: one ^A at the end", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t\1"), false, NONE },
	{ "xoauth2: three", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t\1\1\1"), false, NONE },
	{ "xoauth2: none", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t"), false, NONE },
	{ "xoauth2: no token", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer \1\1"), false, NONE },
	{ "xoauth2: not bearer", SASL_XOAUTH2, TEXT("user=u\1auth=Basic t\1\1"), false, NONE },
	{ "xoauth2: no user", SASL_XOAUTH2, TEXT("user=\1auth=Bearer t\1\1"), false, NONE },
	{ "xoauth2: no user field", SASL_XOAUTH2, TEXT("auth=Bearer t\1\1"), false, NONE },
	{ "xoauth2: two users", SASL_XOAUTH2, TEXT("user=u\1user=v\1auth=Bearer t\1\1"), false, NONE },
	{ "xoauth2: a blank in the token", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t t\1\1"), false, NONE },
	{ "xoauth2: NUL", SASL_XOAUTH2, TEXT("user=u\1auth=Bearer t\0\1\1"), false, NONE },
	{ "xoauth2: nothing", SASL_XOAUTH2, TEXT(""), false, NONE },
	{ "oauthbearer", SASL_OAUTHBEARER, TEXT("n,a=u,\1host=h\1port=1\1auth=Bearer t\1\1"), true, TEXT("u"), TEXT("u"),
	  TEXT("t") },
	{ "oauthbearer: y", SASL_OAUTHBEARER, TEXT("y,a=u,\1auth=Bearer t\1\1"), true, TEXT("u"), TEXT("u"), TEXT("t") },
	{ "oauthbearer: escapes", SASL_OAUTHBEARER, TEXT("n,a=a=2Cb=3Dc,\1auth=Bearer t\1\1"), true, TEXT("a,b=c"),
	  TEXT("a,b=c"), TEXT("t") },
	{ "oauthbearer: token first", SASL_OAUTHBEARER, TEXT("n,a=u,\1auth=Bearer t\1host=h\1\1"), true, TEXT("u"),
	  TEXT("u"), TEXT("t") },
	{ "oauthbearer: binding", SASL_OAUTHBEARER, TEXT("p=tls-unique,a=u,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: no user", SASL_OAUTHBEARER, TEXT("n,,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: empty user", SASL_OAUTHBEARER, TEXT("n,a=,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: a comma short", SASL_OAUTHBEARER, TEXT("n,a=u\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: a comma more", SASL_OAUTHBEARER, TEXT("n,a=u,,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: lower-case escape", SASL_OAUTHBEARER, TEXT("n,a=u=2c,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: cut escape", SASL_OAUTHBEARER, TEXT("n,a=u=2,\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: no token", SASL_OAUTHBEARER, TEXT("n,a=u,\1host=h\1\1"), false, NONE },
	{ "oauthbearer: two tokens", SASL_OAUTHBEARER, TEXT("n,a=u,\1auth=Bearer t\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: no end", SASL_OAUTHBEARER, TEXT("n,a=u,\1auth=Bearer t\1"), false, NONE },
	{ "oauthbearer: text behind the end", SASL_OAUTHBEARER, TEXT("n,a=u,\1auth=Bearer t\1\1x"), false, NONE },
	{ "oauthbearer: a pair without a name", SASL_OAUTHBEARER, TEXT("n,a=u,\1=h\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: NUL in a pair", SASL_OAUTHBEARER, TEXT("n,a=u,\1host=\0\1auth=Bearer t\1\1"), false, NONE },
	{ "oauthbearer: nothing", SASL_OAUTHBEARER, TEXT(""), false, NONE },
};

static bool parse(enum sasl_mechanism mechanism, struct str raw, struct buf *keep, struct sasl_credentials *ret)
{
	if (mechanism == SASL_PLAIN)
		return sasl_plain_parse(raw, ret);
	return mechanism == SASL_XOAUTH2 ? sasl_xoauth2_parse(raw, ret) : sasl_oauthbearer_parse(raw, keep, ret);
}

static void check_print(void)
{
	struct sasl_credentials back;
	struct buf out, keep;

	buf_init(&out, 1000);
	buf_init(&keep, 1000);
	CHECK(sasl_plain_print(&out, STR("u"), STR("p")) && sasl_plain_parse(buf_str(&out), &back) &&
		      str_eq(back.user, STR("u")) && str_eq(back.secret, STR("p")),
	      "print: plain");
	buf_clear(&out);
	CHECK(sasl_xoauth2_print(&out, STR("u@x.example"), STR("t")) &&
		      str_eq(buf_str(&out), STR("user=u@x.example\1auth=Bearer t\1\1")),
	      "print: xoauth2");
	buf_clear(&out);
	CHECK(sasl_oauthbearer_print(&out, STR("a,b=c"), STR("h.example"), 587, STR("t")) &&
		      str_eq(buf_str(&out), STR("n,a=a=2Cb=3Dc,\1host=h.example\1port=587\1auth=Bearer t\1\1")) &&
		      sasl_oauthbearer_parse(buf_str(&out), &keep, &back) && str_eq(back.user, STR("a,b=c")),
	      "print: oauthbearer");
	buf_done(&out);
	buf_init(&out, 10);
	CHECK(!sasl_xoauth2_print(&out, STR("user"), STR("token")) && out.len == 0, "print: no room, nothing added");
	CHECK(!sasl_plain_print(&out, STR("user"), STR("token")) && out.len == 0, "print: no room for plain");
	CHECK(!sasl_oauthbearer_print(&out, STR("u"), STR("h"), 1, STR("t")) && out.len == 0,
	      "print: no room for oauthbearer");
	buf_done(&out);
	buf_done(&keep);
}

int main(void)
{
	static char long_user[SASL_USER_MAX + 1];
	enum sasl_mechanism mechanism;
	struct buf keep;

	buf_init(&keep, SASL_USER_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sasl_credentials got = { .authzid = STR(""), .user = STR(""), .secret = STR("") };
		bool good = parse(cases[i].mechanism, cases[i].raw, &keep, &got);

		CHECK(good == cases[i].good && str_eq(got.authzid, cases[i].authzid) &&
			      str_eq(got.user, cases[i].user) && str_eq(got.secret, cases[i].secret),
		      cases[i].label);
	}
	for (int i = 0; i < SASL_MECHANISM_COUNT; i++)
		CHECK(sasl_mechanism_parse(str_of(sasl_name((enum sasl_mechanism)i)), &mechanism) &&
			      (int)mechanism == i,
		      sasl_name((enum sasl_mechanism)i));
	CHECK(sasl_mechanism_parse(STR("xoauth2"), &mechanism) && mechanism == SASL_XOAUTH2, "mechanism: any case");
	CHECK(!sasl_mechanism_parse(STR("NTLM"), &mechanism), "mechanism: unknown");
	CHECK(!sasl_mechanism_parse(STR(""), &mechanism), "mechanism: none");
	memset(long_user, 'u', sizeof(long_user));
	CHECK(sasl_user_fits((struct str){ long_user, SASL_USER_MAX }), "user: as long as may be");
	CHECK(!sasl_user_fits((struct str){ long_user, SASL_USER_MAX + 1 }), "user: one more");
	CHECK(!sasl_user_fits(STR("")), "user: none");
	check_print();
	buf_done(&keep);
	return check_report();
}
