/* Sign-in records: packed, as JSON and CSV; and the filter's sentences. (What it finds: test_ledger_sign_in.) */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/policy.h"
#include "domain/sign_in.h"

static struct sign_in sample(void)
{
	return (struct sign_in){
		.created_us = 1795500000123456, .event_id = STR("9AB2223456"), .user = STR("copier@contoso.example"),
		.tenant = STR("contoso.example"), .ip = STR("192.0.2.7"), .protocol = AUTH_PROTOCOL_BASIC, .mechanism = 0,
		.tls_version = STR("1.2"), .tls_cipher = STR("ECDHE-RSA-AES256-GCM-SHA384"),
		.ehlo = STR("=HYPERLINK(\"http://x\",\"a\")"), .listener = STR("submission"),
		.device = STR("3F\xe3\x81\xae\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f"), .policy_rule = STR("smtp-auth-tenant"),
		.error_code = 530032, .failure_reason = STR("blocked"), .smtp_reply = STR("535 5.7.139 x [9AB2223456]"),
		.source = STR("gateway"), .correlation_id = STR("c1"),
	};
}

static void test_pack(void)
{
	CLEANUP(cleanup_buf) struct buf packed;
	CLEANUP(cleanup_buf) struct buf again;
	struct sign_in row = sample(), back;
	unsigned taken = 0;

	buf_init(&packed, 65536);
	buf_init(&again, 65536);
	CHECK(sign_in_print(&packed, &row) && sign_in_parse(buf_str(&packed), &back) && sign_in_print(&again, &back) &&
		      str_eq(buf_str(&packed), buf_str(&again)),
	      "packed and back, the same");
	for (size_t len = 0; len < packed.len; len++)
		taken += sign_in_parse((struct str){ packed.ptr, len }, &back);
	CHECK(taken == 0, "cut short: none");
	CHECK(buf_add_byte(&packed, 0) && !sign_in_parse(buf_str(&packed), &back), "one byte too many");
	row.protocol = 7;
	buf_clear(&packed);
	CHECK(sign_in_print(&packed, &row) && !sign_in_parse(buf_str(&packed), &back), "no such protocol");
	row.protocol = AUTH_PROTOCOL_NONE;
	row.mechanism = 9;
	buf_clear(&packed);
	CHECK(sign_in_print(&packed, &row) && !sign_in_parse(buf_str(&packed), &back), "no such mechanism");
	row.mechanism = SIGN_IN_MECHANISM_NONE;
	buf_clear(&packed);
	CHECK(sign_in_print(&packed, &row) && sign_in_parse(buf_str(&packed), &back), "no mechanism");
}

static const char *text_of(json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "(none)";
}

static void test_json(void)
{
	static const struct {
		const char *name, *want;
	} texts[] = {
		{ "id", "9AB2223456" }, { "eventId", "9AB2223456" }, { "createdDateTime", "2026-11-24T06:00:00.123456Z" },
		{ "userPrincipalName", "copier@contoso.example" }, { "ipAddress", "192.0.2.7" },
		{ "clientAppUsed", "Authenticated SMTP" }, { "authenticationProtocol", "basic" }, { "mechanism", "LOGIN" },
		{ "tlsVersion", "1.2" }, { "policyRule", "smtp-auth-tenant" }, { "source", "gateway" }, { "correlationId", "c1" },
		{ "authenticationRequirement", "singleFactorAuthentication" }, { "conditionalAccessStatus", "notApplied" },
		{ "smtpReply", "535 5.7.139 x [9AB2223456]" }, { "ehlo", "=HYPERLINK(\"http://x\",\"a\")" },
		{ "listener", "submission" }, { "appId", "" }, { "appDisplayName", "" }, { "resourceDisplayName", "Sekisho" },
		{ "tlsCipher", "ECDHE-RSA-AES256-GCM-SHA384" }, { "tenant", "contoso.example" },
	};
	struct sign_in row = sample();
	json_t *json = sign_in_json(&row);
	json_t *status = json_object_get(json, "status");

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(strcmp(text_of(json, texts[i].name), texts[i].want) == 0, texts[i].name);
	CHECK(json_integer_value(json_object_get(status, "errorCode")) == 530032, "status.errorCode");
	CHECK(strcmp(text_of(status, "failureReason"), "blocked") == 0, "status.failureReason");
	CHECK(strstr(text_of(status, "additionalDetails"), "tenant set DOMAIN smtp-auth on"), "status.additionalDetails");
	CHECK(json_is_true(json_object_get(json, "isInteractive")), "isInteractive");
	json_decref(json);
}

static void test_cells(void)
{
	static const struct {
		const char *label;
		struct str text;
		const char *want;
	} cases[] = {
		{ "plain", { "abc", 3 }, "\"abc\"" },
		{ "empty", { "", 0 }, "\"\"" },
		{ "quotes", { "a\"b", 3 }, "\"a\"\"b\"" },
		{ "comma and line ends stay inside", { "a,b\r\nc", 6 }, "\"a,b\r\nc\"" },
		{ "=", { "=1+1", 4 }, "\"'=1+1\"" },
		{ "+", { "+1", 2 }, "\"'+1\"" },
		{ "-", { "-1", 2 }, "\"'-1\"" },
		{ "@", { "@SUM(A1)", 8 }, "\"'@SUM(A1)\"" },
		{ "tab", { "\t=1", 3 }, "\"'\t=1\"" },
		{ "CR", { "\r=1", 3 }, "\"'\r=1\"" },
		{ "LF", { "\n=1", 3 }, "\"'\n=1\"" },
		{ "full-width =", { "\xef\xbc\x9d" "1", 4 }, "\"'\xef\xbc\x9d" "1\"" },
		{ "full-width +", { "\xef\xbc\x8b" "1", 4 }, "\"'\xef\xbc\x8b" "1\"" },
		{ "full-width -", { "\xef\xbc\x8d" "1", 4 }, "\"'\xef\xbc\x8d" "1\"" },
		{ "full-width @", { "\xef\xbc\xa0" "1", 4 }, "\"'\xef\xbc\xa0" "1\"" },
		{ "a quote before =", { "\"=1", 3 }, "\"\"\"=1\"" },
		{ "= further on is harmless", { "a=1", 3 }, "\"a=1\"" },
		{ "NUL and ESC", { "a\0b\x1b" "c", 5 }, "\"a\xef\xbf\xbd" "b\xef\xbf\xbd" "c\"" },
		{ "NUL before =", { "\0=1", 3 }, "\"\xef\xbf\xbd=1\"" },
		{ "no UTF-8", { "\xff\xe3\x81", 3 }, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "Japanese", { "\xe8\xa4\x87", 3 }, "\"\xe8\xa4\x87\"" },
	};
	CLEANUP(cleanup_buf) struct buf out;
	struct buf tight;

	buf_init(&out, 65536);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&out);
		CHECK(csv_cell(&out, cases[i].text, true) && str_eq(buf_str(&out), str_of(cases[i].want)), cases[i].label);
	}
	buf_clear(&out);
	CHECK(csv_cell(&out, STR("a"), true) && csv_cell(&out, STR("b"), false) && str_eq(buf_str(&out), STR("\"a\",\"b\"")),
	      "a comma between cells");
	buf_init(&tight, 5);
	CHECK(buf_add(&tight, STR("xy")) && !csv_cell(&tight, STR("abc"), true) && str_eq(buf_str(&tight), STR("xy")),
	      "no room: as it was");
	buf_done(&tight);
}

static void test_sentences(void)
{
	static const struct {
		const char *key, *value, *words; /* NULL: taken */
	} cases[] = {
		{ "user", "copier@contoso.example", NULL }, { "user", "", "user needs a value" },
		{ "usr", "x", "did you mean \"user\"" }, { "banana", "x", "There are: since, until, user" },
		{ "ip", "192.0.2.7", NULL }, { "ip", "192.0.2.0/24", NULL }, { "ip", "2001:db8::/32", NULL },
		{ "ip", "192.0.2.1/24", "\"192.0.2.1/24\" is no address" }, { "ip", "here", "no network" },
		{ "client-app", "smtp", NULL }, { "client-app", "SMTP", NULL }, { "client-app", "Authenticated SMTP", NULL },
		{ "client-app", "legacy authentication clients", NULL },
		{ "client-app", "Authentcated SMTP", "did you mean \"Authenticated SMTP\"" },
		{ "auth", "Basic", NULL }, { "auth", "oath", "did you mean \"oauth\"" }, { "auth", "ntlm", "It takes: basic, oauth, none" },
		{ "status", "failure", NULL }, { "status", "failed", "did you mean \"failure\"" },
		{ "code", "50126", NULL }, { "code", "AADSTS50126", NULL }, { "code", "-1", "is no error code" },
		{ "code", "999999999999", "is no error code" },
		{ "id", "9ab 222-3456", NULL }, { "id", "7e1f2f9a-0000-4000-8000-000000000000", NULL },
		{ "id", "not an id", "is no event ID" },
		{ "since", "7d", NULL }, { "since", "2026-11-24", NULL }, { "until", "2026-11-24T08:30:00+09:00", NULL },
		{ "since", "yesterday", "\"yesterday\" is no time" }, { "until", "2026-02-30", "is no time" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sign_in_filter filter = { 0 };
		struct fault fault = { 0 };
		char label[128];

		(void)snprintf(label, sizeof(label), "%s=%s", cases[i].key, cases[i].value);
		CHECK(sign_in_filter_set(&filter, str_of(cases[i].key), str_of(cases[i].value), false, 1795500000000000, &fault) ==
			      (cases[i].words == NULL),
		      label);
		if (cases[i].words && !CHECK(strstr(fault.text[LANGUAGE_EN], cases[i].words), label))
			printf("# %s\n", fault.text[LANGUAGE_EN]);
	}
}

static void test_times(void)
{
	struct sign_in_filter filter = { 0 };
	struct sign_in row = sample();
	struct fault fault;
	int64_t now = row.created_us + 3600000000;

	CHECK(sign_in_filter_set(&filter, STR("since"), STR("1h"), false, now, &fault) && filter.since_us == row.created_us &&
		      sign_in_fits(&filter, &row),
	      "since a time takes that time");
	CHECK(sign_in_filter_set(&filter, STR("since"), STR("59m"), false, now, &fault) && !sign_in_fits(&filter, &row),
	      "the narrower of two");
	filter = (struct sign_in_filter){ 0 };
	CHECK(sign_in_filter_set(&filter, STR("until"), STR("1h"), false, now, &fault) && !sign_in_fits(&filter, &row),
	      "until a time leaves that time out");
	filter = (struct sign_in_filter){ 0 };
	CHECK(sign_in_filter_set(&filter, STR("since"), STR("59m"), true, now, &fault) && filter.until_us && !filter.since_us &&
		      sign_in_fits(&filter, &row),
	      "not since is until");
	for (unsigned i = 0; i < SIGN_IN_FILTER_MORE_MAX + 1; i++)
		CHECK(sign_in_filter_set(&filter, STR("code"), STR("1"), true, now, &fault), "one more value");
	CHECK(!sign_in_filter_set(&filter, STR("code"), STR("1"), true, now, &fault) &&
		      strstr(fault.text[LANGUAGE_EN], "too many filters"),
	      "and one too many");
}

/* A spelled-out ID is found as it is kept. */
static void test_id(void)
{
	struct sign_in_filter filter = { 0 };
	struct sign_in row = sample();
	struct fault fault;

	CHECK(sign_in_filter_set(&filter, STR("id"), STR("9ab-2223 456"), false, 0, &fault) && sign_in_fits(&filter, &row),
	      "small letters and blanks");
}

int main(void)
{
	test_pack();
	test_json();
	test_cells();
	test_sentences();
	test_times();
	test_id();
	return check_report();
}
