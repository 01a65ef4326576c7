/* str and base64: cutting, comparing, numbers, UTF-8, and the strict alphabet. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/str.h"
#include "check.h"

static void check_cutting(void)
{
	struct str rest = STR("a,,b");
	struct str one = str_cut(&rest, ',');

	CHECK(str_eq(one, STR("a")) && str_eq(rest, STR(",b")), "cut: the first");
	one = str_cut(&rest, ',');
	CHECK(one.len == 0 && str_eq(rest, STR("b")), "cut: an empty one");
	one = str_cut(&rest, ',');
	CHECK(str_eq(one, STR("b")) && rest.len == 0, "cut: the last");
	one = str_cut(&rest, ',');
	CHECK(one.len == 0 && rest.len == 0, "cut: nothing left");
	CHECK(str_find(STR("abcb"), 'b') == 1 && str_find_last(STR("abcb"), 'b') == 3,
	      "find: first and last");
	CHECK(str_find(STR("abc"), 'x') == 3 && str_find((struct str){ NULL, 0 }, 'x') == 0, "find: nowhere");
	CHECK(str_eq(str_trim(STR(" \t\r\na b\n")), STR("a b")) && str_trim(STR(" \n")).len == 0, "trim");
	CHECK(str_eq(str_skip(STR("abc"), 1), STR("bc")) && str_skip(STR("abc"), 9).len == 0,
	      "skip: at most all");
}

static void check_comparing(void)
{
	CHECK(str_eq(STR("a"), STR("a")) && !str_eq(STR("a"), STR("A")) && !str_eq(STR("a"), STR("ab")),
	      "eq");
	CHECK(str_eq((struct str){ NULL, 0 }, STR("")), "eq: two empty ones");
	CHECK(str_eq_nocase(STR("MAIL"), STR("mAiL")) && !str_eq_nocase(STR("@"), STR("`")),
	      "eq_nocase: letters only");
	CHECK(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")), "eq_nocase: ASCII only");
	CHECK(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")), "starts");
	CHECK(str_ends_nocase(STR("x@B.example"), STR("@b.EXAMPLE")) && !str_ends_nocase(STR("b"), STR("ab")),
	      "ends_nocase");
	CHECK(str_eq_secret(STR("s3cret"), STR("s3cret")) && !str_eq_secret(STR("s3cret"), STR("s3creT")) &&
	              !str_eq_secret(STR("s3cret"), STR("s3cre")) && str_eq_secret(STR(""), STR("")),
	      "eq_secret");
	CHECK(str_of(NULL).len == 0 && str_of("ab").len == 2, "of");
}

static void check_numbers(void)
{
	static const struct {
		const char *label, *text;
		uint64_t value_max;
		bool good;
		uint64_t value;
	} cases[] = {
		{ "number: zero", "0", 10, true, 0 },
		{ "number: its ceiling", "10", 10, true, 10 },
		{ "number: one over", "11", 10, false, 0 },
		{ "number: leading zeros", "007", 10, true, 7 },
		{ "number: the largest", "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "number: one over the largest", "18446744073709551616", UINT64_MAX, false, 0 },
		{ "number: far over", "99999999999999999999999", UINT64_MAX, false, 0 },
		{ "number: empty", "", 10, false, 0 },
		{ "number: a sign", "+1", 10, false, 0 },
		{ "number: a blank", " 1", 10, false, 0 },
		{ "number: hexadecimal", "0x1", 100, false, 0 },
		{ "number: beyond ASCII", "\xd9\xa1", 10, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 77;
		bool good = str_to_u64(str_of(cases[i].text), cases[i].value_max, &value);

		CHECK(good == cases[i].good && value == (good ? cases[i].value : 77), cases[i].label);
	}
}

static void check_copies(void)
{
	char room[4];
	char *copy = str_dup_lower(STR("ÄBC"));

	CHECK(str_copy(STR("abc"), sizeof(room), room) && strcmp(room, "abc") == 0, "copy: it just fits");
	CHECK(!str_copy(STR("abcd"), sizeof(room), room) && room[0] == '\0',
	      "copy: one too long leaves nothing");
	CHECK(!str_copy((struct str){ "a\0b", 3 }, sizeof(room), room) && room[0] == '\0',
	      "copy: a NUL inside");
	CHECK(copy && strcmp(copy, "Äbc") == 0, "dup_lower: ASCII letters only");
	free(copy);
}

static void check_utf8(void)
{
	static const struct {
		const char *label, *text;
		bool good;
	} cases[] = {
		{ "utf8: empty", "", true },
		{ "utf8: Japanese", "複合機 ①", true },
		{ "utf8: the last character", "\xf4\x8f\xbf\xbf", true },
		{ "utf8: beyond the last", "\xf4\x90\x80\x80", false },
		{ "utf8: two bytes for a slash", "\xc0\xaf", false },
		{ "utf8: three bytes for a slash", "\xe0\x80\xaf", false },
		{ "utf8: four bytes where three do", "\xf0\x8f\xbf\xbf", false },
		{ "utf8: the first surrogate", "\xed\xa0\x80", false },
		{ "utf8: the last before them", "\xed\x9f\xbf", true },
		{ "utf8: a lone continuation", "\x80", false },
		{ "utf8: cut short", "\xe3\x81", false },
		{ "utf8: a wrong third byte", "\xe3\x81x", false },
		{ "utf8: 0xff", "\xff", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(str_is_utf8(str_of(cases[i].text)) == cases[i].good, cases[i].label);
	CHECK(str_is_ascii(STR("abc\x7f")) && !str_is_ascii(STR("\xc3\xa4")), "ascii");
}

static void check_base64(void)
{
	static const struct {
		const char *label, *text, *raw;
	} cases[] = {
		/* RFC 4648, section 10 */
		{ "base64: empty", "", "" },
		{ "base64: f", "Zg==", "f" },
		{ "base64: fo", "Zm8=", "fo" },
		{ "base64: foo", "Zm9v", "foo" },
		{ "base64: foob", "Zm9vYg==", "foob" },
		{ "base64: fooba", "Zm9vYmE=", "fooba" },
		{ "base64: foobar", "Zm9vYmFy", "foobar" },
	};
	static const char *const bad[] = { "Zg",    "Zg=",    "Zg===", "Z===", "Zh==",     "Zm9",
		                           "Zm 9v", "Zm9v\n", "Z-9v",  "=Zm9", "Zg==Zg==", "*" };
	struct buf out;

	buf_init(&out, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&out);
		CHECK(base64_print(&out, str_of(cases[i].raw)) &&
		              str_eq(buf_str(&out), str_of(cases[i].text)),
		      cases[i].label);
		buf_clear(&out);
		CHECK(base64_parse(str_of(cases[i].text), &out) &&
		              str_eq(buf_str(&out), str_of(cases[i].raw)),
		      cases[i].label);
	}
	buf_clear(&out);
	CHECK(buf_add(&out, STR("kept")), "base64: before the bad ones");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!base64_parse(str_of(bad[i]), &out) && str_eq(buf_str(&out), STR("kept")), "base64: refused, nothing added");
	buf_done(&out);
	buf_init(&out, 3);
	CHECK(!base64_print(&out, STR("f")) && out.len == 0, "base64: no room");
	buf_done(&out);
}

int main(void)
{
	check_cutting();
	check_comparing();
	check_numbers();
	check_copies();
	check_utf8();
	check_base64();
	return check_report();
}
