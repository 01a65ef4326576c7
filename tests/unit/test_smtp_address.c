/* smtp_address: what is a mailbox and what is none. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire/smtp_address.h"

#define BAD NULL, ""

static const struct {
	const char *label, *text;
	bool postmaster;
	const char *whole, *rest; /* NULL: no path */
} paths[] = {
	{ "a path", "<a@b.example>", false, "a@b.example", "" },
	{ "with parameters", "<a@b.example> SIZE=1", false, "a@b.example", " SIZE=1" },
	{ "blanks before", " \t<a@b.example>", false, "a@b.example", "" },
	{ "no brackets", "a@b.example SIZE=1", false, "a@b.example", " SIZE=1" },
	{ "null path", "<>", false, "", "" },
	{ "null path with parameters", "<> RET=FULL", false, "", " RET=FULL" },
	{ "nothing is no null path", "", false, BAD },
	{ "blanks are none", "  ", false, BAD },
	{ "route", "<@x.example,@y.example:a@b.example>", false, "a@b.example", "" },
	{ "route without an address", "<@x.example:>", false, BAD },
	{ "route without a colon", "<@x.example,@y.example>", false, BAD },
	{ "route of nothing", "<@:a@b.example>", false, BAD },
	{ "route with a blank", "<@x.example, @y.example:a@b.example>", false, BAD },
	{ "postmaster", "<postmaster>", true, "postmaster", "" },
	{ "Postmaster, no brackets", "PostMaster NOTIFY=NEVER", true, "PostMaster", " NOTIFY=NEVER" },
	{ "postmaster as a sender", "<postmaster>", false, BAD },
	{ "postmaster@", "<postmaster@b.example>", true, "postmaster@b.example", "" },
	{ "postmasters", "<postmasters>", true, BAD },
	{ "no @", "<ab>", false, BAD },
	{ "two @", "<a@b@c.example>", false, BAD },
	{ "no local part", "<@b.example>", false, BAD },
	{ "no domain", "<a@>", false, BAD },
	{ "not closed", "<a@b.example", false, BAD },
	{ "closed, not opened", "a@b.example>", false, BAD },
	{ "text behind it", "<a@b.example>SIZE=1", false, BAD },
	{ "display name", "Copier <a@b.example>", false, BAD },
	{ "group", "<undisclosed:;>", false, BAD },
	{ "blank inside", "<a@b .example>", false, BAD },
	{ "quoted local part", "<\"a b>@\"@b.example>", false, "\"a b>@\"@b.example", "" },
	{ "quoted pair", "<\"a\\\"b\\\\\"@b.example>", false, "\"a\\\"b\\\\\"@b.example", "" },
	{ "empty quoted local part", "<\"\"@b.example>", false, BAD },
	{ "quote not closed", "<\"a@b.example>", false, BAD },
	{ "quote ends in a backslash", "<\"a\\", false, BAD },
	{ "text behind the quote", "<\"a\"b@c.example>", false, BAD },
	{ "control in the quote", "<\"a\tb\"@c.example>", false, BAD },
	{ "comment", "<a(b)@c.example>", false, BAD },
	{ "dots anywhere", "<.a..b.@docomo.ne.jp>", false, ".a..b.@docomo.ne.jp", "" },
	{ "every other sign", "<!#$%&'*+-/=?^_`{|}~@c.example>", false, "!#$%&'*+-/=?^_`{|}~@c.example", "" },
	{ "underscore in a domain", "<a@my_host>", false, "a@my_host", "" },
	{ "label begins with a hyphen", "<a@-b.example>", false, BAD },
	{ "label ends with a hyphen", "<a@b-.example>", false, BAD },
	{ "domain ends with a hyphen", "<a@b->", false, BAD },
	{ "hyphens inside", "<a@b--c.example>", false, "a@b--c.example", "" },
	{ "two dots in a domain", "<a@b..example>", false, BAD },
	{ "dot at a domain's end", "<a@b.example.>", false, BAD },
	{ "UTF-8", "<\xc3\xa9@\xe4\xbe\x8b.jp>", false, "\xc3\xa9@\xe4\xbe\x8b.jp", "" },
	{ "over-long UTF-8", "<\xc0\xaf@b.example>", false, BAD },
	{ "C1 control", "<\xc2\x85@b.example>", false, BAD },
	{ "IPv4 literal", "<a@[192.0.2.1]>", false, "a@[192.0.2.1]", "" },
	{ "IPv4 literal of three", "<a@[192.0.2]>", false, BAD },
	{ "IPv4 literal of five", "<a@[192.0.2.1.1]>", false, BAD },
	{ "IPv4 literal over 255", "<a@[192.0.2.256]>", false, BAD },
	{ "IPv6 literal", "<a@[IPv6:2001:db8::1]>", false, "a@[IPv6:2001:db8::1]", "" },
	{ "IPv6 in full", "<a@[ipv6:1:2:3:4:5:6:7:8]>", false, "a@[ipv6:1:2:3:4:5:6:7:8]", "" },
	{ "IPv6 with a tail", "<a@[IPv6:::ffff:192.0.2.1]>", false, "a@[IPv6:::ffff:192.0.2.1]", "" },
	{ "IPv6 any", "<a@[IPv6:::]>", false, "a@[IPv6:::]", "" },
	{ "IPv6 ends in a gap", "<a@[IPv6:2001:db8::]>", false, "a@[IPv6:2001:db8::]", "" },
	{ "IPv6 of seven", "<a@[IPv6:1:2:3:4:5:6:7]>", false, BAD },
	{ "IPv6 of nine", "<a@[IPv6:1:2:3:4:5:6:7:8:9]>", false, BAD },
	{ "IPv6 with two gaps", "<a@[IPv6:1::2::3]>", false, BAD },
	{ "IPv6 with a colon at the end", "<a@[IPv6:1::2:]>", false, BAD },
	{ "IPv6 zone", "<a@[IPv6:fe80::1%lo]>", false, BAD },
	{ "IPv6 without its tag", "<a@[2001:db8::1]>", false, BAD },
	{ "literal not closed", "<a@[192.0.2.1>", false, BAD },
	{ "literal of nothing", "<a@[]>", false, BAD },
};

static void check_lengths(void)
{
	char local[80];
	char text[512];
	struct smtp_address address;

	memset(local, 'a', sizeof(local));
	for (size_t len = 63; len <= 65; len++) {
		(void)snprintf(text, sizeof(text), "%.*s@b.example", (int)len, local);
		CHECK(smtp_address_parse(str_of(text), &address) == (len <= SMTP_LOCAL_MAX), "local part of 63 to 65");
		(void)snprintf(text, sizeof(text), "a@%.*s.example", (int)len, local);
		CHECK(smtp_address_parse(str_of(text), &address) == (len <= 63), "label of 63 to 65");
	}
	for (size_t len = 254; len <= 256; len++) {
		text[0] = 'a';
		text[1] = '@';
		for (size_t i = 0; i < len; i++)
			text[2 + i] = i % 50 == 49 ? '.' : 'b';
		CHECK(smtp_address_parse((struct str){ text, 2 + len }, &address) == (len <= SMTP_DOMAIN_MAX),
		      "domain of 254 to 256");
	}
}

int main(void)
{
	struct smtp_address address;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct str rest = STR("");
		enum parse parsed =
			smtp_path_parse(str_of(paths[i].text), paths[i].postmaster, &address, &rest);

		CHECK(parsed == (paths[i].whole ? PARSE_OK : PARSE_BAD), paths[i].label);
		if (parsed == PARSE_OK)
			CHECK(str_eq(address.whole, str_of(paths[i].whole)) && str_eq(rest, str_of(paths[i].rest)),
			      paths[i].label);
	}
	CHECK(smtp_address_parse(STR("a@b.example"), &address) && str_eq(address.local, STR("a")) &&
		      str_eq(address.domain, STR("b.example")) && !address.utf8,
	      "address: its parts");
	CHECK(smtp_address_parse(STR("\xc3\xa9@b.example"), &address) && address.utf8, "address: utf8");
	CHECK(!smtp_address_parse(STR("a@b.example "), &address), "address: nothing behind it");
	CHECK(!smtp_address_parse(STR("a\0@b.example"), &address), "address: NUL");
	CHECK(!smtp_address_parse(STR(""), &address), "address: nothing");
	CHECK(smtp_address_eq(STR("A@B.example"), STR("a@b.EXAMPLE")), "eq: case");
	CHECK(!smtp_address_eq(STR("a@b.example"), STR("a@b.exampl")), "eq: length");
	check_lengths();
	return check_report();
}
