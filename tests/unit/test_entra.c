/* Sign-ins as Entra exports them: columns by name, members of JSON, times of all kinds, what concerns SMTP AUTH. */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "check.h"
#include "domain/entra.h"
#include "domain/policy.h"

static struct arena arena;

static bool is(struct str text, const char *want)
{
	if (str_eq(text, str_of(want)))
		return true;
	printf("# is \"%.*s\"\n", STR_ARG(text));
	return false;
}

/* --- names --- */

static void test_names(void)
{
	static const struct {
		const char *name;
		enum entra_field want;
	} names[] = {
		{ "Date (UTC)", ENTRA_TIME }, { "Application ID ", ENTRA_APP_ID }, { "Sign-in error code", ENTRA_CODE },
		{ "IP address", ENTRA_IP }, { "createdDateTime", ENTRA_TIME }, { "TimeGenerated [UTC]", ENTRA_TIME_LOGGED },
		{ "CLIENT APP", ENTRA_CLIENT }, { "クライアント アプリ", ENTRA_CLIENT }, { "日付 (UTC)", ENTRA_TIME },
		{ "ユーザー名", ENTRA_USER }, { "ユーザー　名", ENTRA_USER }, { "IP アドレス", ENTRA_IP }, { "状態", ENTRA_STATUS },
	};
	enum entra_field field;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK(entra_field_of(str_of(names[i].name), &field) && field == names[i].want, names[i].name);
	/* Neighbours that must not be taken for those. */
	CHECK(!entra_field_of(STR("IP address (seen by resource)"), &field), "the resource's view of the address");
	CHECK(!entra_field_of(STR("Global Secure Access IP address"), &field), "another address");
	CHECK(!entra_field_of(STR("User"), &field), "the display name");
	CHECK(!entra_field_of(STR("Resource tenant ID"), &field), "a tenant");
	CHECK(!entra_field_of(STR(""), &field), "no name");
}

static void test_header(void)
{
	const struct csv_record bad = { .cells = { STR("Request ID"), STR("Username") }, .count = 2 };
	const struct csv_record other = { .cells = { STR("a"), STR("b") }, .count = 2 };
	const struct csv_record doubled = {
		.cells = { STR("Date (UTC)"), STR("Username"), STR("Status"), STR("Username") }, .count = 4
	};
	const struct csv_record row = {
		.cells = { STR("2026-11-20T08:19:41Z"), STR("a@b.example"), STR("Success"), STR("x@y.example") }, .count = 4
	};
	struct entra_columns columns;
	struct entra_record record;
	struct fault fault;
	const char *lacks = NULL;

	CHECK(!entra_columns_read(&bad, &columns, &lacks) && lacks && strcmp(lacks, "the time") == 0, "a header without a time");
	CHECK(!entra_columns_read(&other, &columns, &lacks) && !lacks, "no header at all");
	CHECK(entra_columns_read(&doubled, &columns, &lacks) && columns.utc, "a doubled column");
	CHECK(entra_of_csv(&columns, &row, &arena, &record, &fault) && is(record.values[ENTRA_USER], "a@b.example"),
	      "of a doubled column the first counts");
	columns.count = 5;
	CHECK(!entra_of_csv(&columns, &row, &arena, &record, &fault) && strstr(fault.text[LANGUAGE_EN], "4 cells where the header has 5"),
	      "a cell too few");
}

/* --- times --- */

static void test_times(void)
{
	static const struct {
		const char *text;
		enum date_order order;
		const char *want; /* NULL: none */
		bool zone;
	} times[] = {
		{ "2025-12-04T08:19:41Z", DATE_ORDER_OPEN, "2025-12-04T08:19:41.000000Z", true },
		{ "2025-12-04T08:19:41.0729893-05:00", DATE_ORDER_OPEN, "2025-12-04T13:19:41.072989Z", true },
		{ "2025-12-04 08:19:41", DATE_ORDER_OPEN, "2025-12-04T08:19:41.000000Z", false },
		{ "12/4/2025, 8:19:41 AM", DATE_ORDER_OPEN, "2025-12-04T08:19:41.000000Z", false },
		{ "12/4/2025, 8:19:41.123 PM", DATE_ORDER_OPEN, "2025-12-04T20:19:41.123000Z", false },
		{ "12/4/2025, 12:19:41 AM", DATE_ORDER_MONTH_FIRST, "2025-12-04T00:19:41.000000Z", false },
		{ "12/4/2025, 8:19:41\xe2\x80\xafPM", DATE_ORDER_MONTH_FIRST, "2025-12-04T20:19:41.000000Z", false },
		{ "4/12/2025 08:19:41", DATE_ORDER_DAY_FIRST, "2025-12-04T08:19:41.000000Z", false },
		{ "04.12.2025, 08:19:41", DATE_ORDER_OPEN, "2025-12-04T08:19:41.000000Z", false },
		{ "04.12.2025, 08:19:41", DATE_ORDER_MONTH_FIRST, "2025-12-04T08:19:41.000000Z", false },
		{ "2025/12/04 8:19:41", DATE_ORDER_DAY_FIRST, "2025-12-04T08:19:41.000000Z", false },
		{ "2025/12/4 午後8:19:41", DATE_ORDER_OPEN, "2025-12-04T20:19:41.000000Z", false },
		{ "2025/12/4 午前0:19:41", DATE_ORDER_OPEN, "2025-12-04T00:19:41.000000Z", false },
		{ "31/12/2025 08:19", DATE_ORDER_OPEN, "2025-12-31T08:19:00.000000Z", false },
		{ "12/31/2025 08:19 UTC", DATE_ORDER_OPEN, "2025-12-31T08:19:00.000000Z", true },
		{ "12/31/2025 08:19 +09:00", DATE_ORDER_OPEN, "2025-12-30T23:19:00.000000Z", true },
		{ "31/12/2025 08:19", DATE_ORDER_MONTH_FIRST, NULL, false },
		{ "12/31/2025 08:19", DATE_ORDER_DAY_FIRST, NULL, false },
		{ "2/30/2025 08:19", DATE_ORDER_MONTH_FIRST, NULL, false },
		{ "12/4/2025 13:19 PM", DATE_ORDER_OPEN, NULL, false },
		{ "12/4/2025 25:19", DATE_ORDER_OPEN, NULL, false },
		{ "yesterday", DATE_ORDER_OPEN, NULL, false },
		{ "", DATE_ORDER_OPEN, NULL, false },
		{ "1764836381", DATE_ORDER_OPEN, NULL, false },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		char text[CLOCK_RFC3339_MAX] = "";
		bool zone = false;
		int64_t us;
		bool good = import_time_parse(str_of(times[i].text), times[i].order, &us, &zone);

		if (good)
			clock_rfc3339_print(us, text);
		if (!CHECK(good ? times[i].want && strcmp(text, times[i].want) == 0 && zone == times[i].zone : !times[i].want, times[i].text))
			printf("# %s %d\n", text, zone);
	}
	CHECK(import_time_order(STR("13/4/2025 1:00")) == DATE_ORDER_DAY_FIRST, "no month 13: the day first");
	CHECK(import_time_order(STR("4/13/2025 1:00")) == DATE_ORDER_MONTH_FIRST, "the month first");
	CHECK(import_time_is_open(STR("4/12/2025 1:00")) && import_time_order(STR("4/12/2025 1:00")) == DATE_ORDER_OPEN, "either");
	CHECK(!import_time_is_open(STR("2025-04-12T01:00:00Z")) && !import_time_is_open(STR("4.12.2025")), "never in doubt");
}

/* --- JSON --- */

static const char diagnostic[] =
	"{\"time\":\"2026-11-20T08:20:00Z\",\"category\":\"NonInteractiveUserSignInLogs\",\"resultType\":\"50126\","
	"\"resultDescription\":\"Invalid username or password\",\"callerIpAddress\":\"198.51.100.9\",\"correlationId\":\"c-1\",\"Level\":4,"
	"\"properties\":{\"id\":\"0f8fad5b-d9cb-469f-a165-70867728950e\",\"createdDateTime\":\"2026-11-20T08:19:41.5Z\","
	"\"userPrincipalName\":\"Copier@Contoso.example\",\"clientAppUsed\":\"SMTP\",\"ipAddress\":\"192.0.2.7\",\"userAgent\":\"BAV2ROPC\","
	"\"status\":{\"errorCode\":50126,\"failureReason\":\"Error validating credentials\"},\"location\":{\"city\":\"x\"}}}";

static void test_json(void)
{
	struct entra_record record;
	struct fault fault;

	CHECK(entra_of_json(STR(diagnostic), &arena, &record, &fault), "a diagnostic record");
	CHECK(is(record.values[ENTRA_TIME], "2026-11-20T08:19:41.5Z") && is(record.values[ENTRA_IP], "192.0.2.7") &&
		      is(record.values[ENTRA_REASON], "Error validating credentials") && is(record.values[ENTRA_CODE], "50126") &&
		      is(record.values[ENTRA_CATEGORY], "NonInteractiveUserSignInLogs"),
	      "what properties say goes before what is around them");
	CHECK(!entra_of_json(STR("{\"a\":}"), &arena, &record, &fault) && strstr(fault.text[LANGUAGE_EN], "no JSON"), "no JSON");
	CHECK(entra_of_json(STR("{\"properties\":\"{\\\"id\\\":\\\"x\\\"}\",\"status\":\"Success\",\"isInteractive\":false,"
				"\"signInEventTypes\":[\"nonInteractiveUser\"]}"),
			    &arena, &record, &fault) &&
		      is(record.values[ENTRA_ID], "x") && is(record.values[ENTRA_STATUS], "Success") &&
		      is(record.values[ENTRA_INTERACTIVE], "false") && is(record.values[ENTRA_CATEGORY], "nonInteractiveUser"),
	      "properties as text, flags, lists");
}

/* --- what is taken, and as what --- */

static struct entra_record sample(const char *client, const char *protocol, const char *agent)
{
	struct entra_record record = { 0 };

	record.values[ENTRA_TIME] = STR("2026-11-20T08:19:41Z");
	record.values[ENTRA_ID] = STR("0f8fad5b-d9cb-469f-a165-70867728950e");
	record.values[ENTRA_USER] = STR("Copier@Contoso.example");
	record.values[ENTRA_STATUS] = STR("Success");
	record.values[ENTRA_IP] = STR("192.0.2.7");
	record.values[ENTRA_RESOURCE] = STR("Office 365 Exchange Online");
	record.values[ENTRA_CLIENT] = str_of(client);
	record.values[ENTRA_PROTOCOL] = str_of(protocol);
	record.values[ENTRA_USER_AGENT] = str_of(agent);
	return record;
}

static void test_verdicts(void)
{
	static const struct {
		const char *client, *protocol, *agent;
		bool all;
		enum entra_verdict want;
		uint8_t as;
	} rows[] = {
		{ "Authenticated SMTP", "none", "BAV2ROPC", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "Authenticated SMTP", "", "", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "SMTP", "ropc", "", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "Other clients; SMTP", "", "", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "認証済み SMTP", "", "", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "SMTP", "oAuth2", "", false, ENTRA_TAKEN, AUTH_PROTOCOL_OAUTH },
		{ "SMTP", "oAuth2", "BAV2ROPC", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "Other clients", "", "BAV2ROPC", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "", "", "bav2ropc", false, ENTRA_TAKEN, AUTH_PROTOCOL_BASIC },
		{ "IMAP4", "", "BAV2ROPC", false, ENTRA_LEFT_OUT, 0 },
		{ "Other clients", "", "Outlook", false, ENTRA_LEFT_OUT, 0 },
		{ "Mobile Apps and Desktop clients", "oAuth2", "x", false, ENTRA_UNTOLD, 0 },
		{ "IMAP4", "", "BAV2ROPC", true, ENTRA_TAKEN, AUTH_PROTOCOL_NONE },
		{ "Browser", "", "", true, ENTRA_TAKEN, AUTH_PROTOCOL_OAUTH },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct entra_record record = sample(rows[i].client, rows[i].protocol, rows[i].agent);
		struct sign_in row = { 0 };
		struct fault fault;
		bool zone;
		char label[128];

		(void)snprintf(label, sizeof(label), "%s, %s, %s%s", rows[i].client, rows[i].protocol, rows[i].agent, rows[i].all ? ", all" : "");
		CHECK(entra_sign_in(&record, &(struct entra_options){ .all = rows[i].all }, &arena, &row, &zone, &fault) == rows[i].want &&
			      row.protocol == rows[i].as,
		      label);
	}
}

static enum entra_verdict take(const struct entra_record *record, struct sign_in *row, struct fault *fault)
{
	bool zone;

	return entra_sign_in(record, &(struct entra_options){ 0 }, &arena, row, &zone, fault);
}

static void test_row(void)
{
	struct entra_record record = sample("Authenticated SMTP", "", "BAV2ROPC");
	struct sign_in row, again;
	struct fault fault;
	json_t *json;

	record.values[ENTRA_REASON] = STR("Other.");
	record.values[ENTRA_ACCESS] = STR("Not Applied");
	CHECK(take(&record, &row, &fault) == ENTRA_TAKEN, "a row");
	CHECK(is(row.user, "copier@contoso.example") && is(row.tenant, "contoso.example") && is(row.source, "entra") &&
		      row.error_code == 0 && row.failure_reason.len == 0,
	      "user, tenant, source; a success has no reason");
	CHECK(is(row.event_id, "6b00029d-0f8fad5b-d9cb-469f-a165-70867728950e") &&
		      is(sign_in_request_id(&row), "0f8fad5b-d9cb-469f-a165-70867728950e"),
	      "its ID");
	json = sign_in_json(&row);
	CHECK(strcmp(json_string_value(json_object_get(json, "id")), "0f8fad5b-d9cb-469f-a165-70867728950e") == 0, "id is the request ID");
	CHECK(strcmp(json_string_value(json_object_get(json, "conditionalAccessStatus")), "Not Applied") == 0, "what Entra says stands");
	CHECK(json_is_null(json_object_get(json, "isInteractive")), "what nobody knows is null");
	json_decref(json);
	record.values[ENTRA_ID] = STR("");
	CHECK(take(&record, &row, &fault) == ENTRA_TAKEN && take(&record, &again, &fault) == ENTRA_TAKEN &&
		      str_eq(row.event_id, again.event_id) && row.event_id.len > 40,
	      "without a request ID: a hash, the same each time");
	record.values[ENTRA_IP] = STR("192.0.2.8");
	CHECK(take(&record, &again, &fault) == ENTRA_TAKEN && !str_eq(row.event_id, again.event_id), "another row, another hash");
	record.values[ENTRA_STATUS] = STR("Failure");
	CHECK(take(&record, &row, &fault) == ENTRA_TAKEN && row.error_code > 0 && row.failure_reason.len > 0,
	      "a failure without a number is no success");
}

static void test_bad(void)
{
	static const struct {
		enum entra_field field;
		const char *value, *says;
	} rows[] = {
		{ ENTRA_TIME, "", "no time" },
		{ ENTRA_TIME, "soon", "\"soon\" is no time" },
		{ ENTRA_STATUS, "", "neither a status nor an error code" },
		{ ENTRA_CODE, "AADSTS", "no error code" },
		{ ENTRA_IP, "300.1.1.1", "no IP address" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct entra_record record = sample("SMTP", "", "");
		struct sign_in row;
		struct fault fault;

		record.values[rows[i].field] = str_of(rows[i].value);
		CHECK(take(&record, &row, &fault) == ENTRA_BAD && strstr(fault.text[LANGUAGE_EN], rows[i].says), rows[i].says);
	}
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	test_names();
	test_header();
	test_times();
	test_json();
	test_verdicts();
	test_row();
	test_bad();
	arena_free_all(&arena);
	return check_report();
}
