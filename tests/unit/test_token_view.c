/* token_view: what can be seen in a token, and that one which is no JWT shows nothing. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "check.h"
#include "wire/token_view.h"

static const struct {
	const char *label, *claims;
	struct token_view want;
} cases[] = {
	{ "an application's", "{\"aud\":\"https://outlook.office365.com\",\"iss\":\"https://sts.windows.net/t/\",\"tid\":\"t\",\"appid\":\"a\","
	  "\"roles\":[\"SMTP.SendAsApp\",\"Mail.Send\"],\"iat\":1700000000,\"exp\":1700003600}",
	  { .audience = "https://outlook.office365.com", .issuer = "https://sts.windows.net/t/", .tenant = "t", .app = "a",
	    .roles = "SMTP.SendAsApp Mail.Send", .issued_s = 1700000000, .expires_s = 1700003600 } },
	{ "a user's", "{\"aud\":[\"one\",\"two\"],\"azp\":\"b\",\"upn\":\"copier@contoso.example\",\"unique_name\":\"other\",\"scp\":\"SMTP.Send openid\"}",
	  { .audience = "one", .app = "b", .user = "copier@contoso.example", .scopes = "SMTP.Send openid" } },
	{ "another issuer's", "{\"client_id\":\"c\",\"scope\":\"smtp.send\",\"exp\":1.5e9}", { .app = "c", .scopes = "smtp.send", .expires_s = 1500000000 } },
	{ "odd types", "{\"aud\":7,\"tid\":null,\"roles\":[1,\"x\"],\"exp\":\"soon\",\"iat\":-5,\"upn\":{}}", { .audience = "" } },
	{ "controls", "{\"upn\":\"a\\u001b[2Jb\\nc\\u202ed\"}", { .user = "a[2Jb cd" } },
	{ "a time past all years", "{\"exp\":99999999999999}", { .expires_s = 0 } },
};

static void encode(const char *text, size_t size, char *ret_text)
{
	(void)sodium_bin2base64(ret_text, size, (const unsigned char *)text, strlen(text), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool is_same(const struct token_view *a, const struct token_view *b)
{
	return !a->why_opaque && strcmp(a->audience, b->audience) == 0 && strcmp(a->tenant, b->tenant) == 0 && strcmp(a->issuer, b->issuer) == 0 &&
	       strcmp(a->app, b->app) == 0 && strcmp(a->user, b->user) == 0 && strcmp(a->roles, b->roles) == 0 &&
	       strcmp(a->scopes, b->scopes) == 0 && a->issued_s == b->issued_s && a->expires_s == b->expires_s;
}

static void check_claims(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char claims[1024];
		char token[2048];
		struct token_view view;

		encode(cases[i].claims, sizeof(claims), claims);
		(void)snprintf(token, sizeof(token), "eyJhbGciOiJSUzI1NiJ9.%s.c2ln", claims);
		token_view_parse(str_of(token), &view);
		if (!CHECK(is_same(&view, &cases[i].want), cases[i].label))
			printf("# got aud %s app %s user %s roles %s scopes %s exp %jd\n", view.audience, view.app, view.user, view.roles, view.scopes,
			       (intmax_t)view.expires_s);
	}
}

static void check_opaque(void)
{
	static const char *const tokens[] = { "", "ya29.a0Af", "SANDBOX.abc", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.W10.c2ln",
					      "a.b.c.d.e" };

	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		struct token_view view;

		token_view_parse(str_of(tokens[i]), &view);
		CHECK(view.why_opaque && !view.audience[0] && !view.app[0] && !view.expires_s, tokens[i]);
	}
}

int main(void)
{
	check_claims();
	check_opaque();
	CHECK(token_view_has("SMTP.Send openid", STR("smtp.send")) && token_view_has("a b", STR("b")), "a right that is there");
	CHECK(!token_view_has("SMTP.SendAsApp", STR("SMTP.Send")) && !token_view_has("", STR("x")), "a right that is not");
	return check_report();
}
