/* Notices: on which days a date is told, in which words, and that each kind's sentences have the same names in both languages. */
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "check.h"
#include "domain/notice_list.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NOTHING 999u

static int64_t us_of(const char *text)
{
	int64_t us = 0;

	CHECK(clock_rfc3339_parse(str_of(text), &us), text);
	return us;
}

static void check_days(void)
{
	static const int64_t tokyo = 9 * 3600 * 1000000ll, honolulu = -10 * 3600 * 1000000ll;
	const struct {
		const char *label, *at, *date;
		int64_t offset, want;
	} cases[] = {
		{ "days: the same day", "2026-12-31T12:00:00Z", "2026-12-31", 0, 0 },
		{ "days: the day before", "2026-12-30T23:59:59Z", "2026-12-31", 0, 1 },
		{ "days: in Tokyo it is already that day", "2026-12-30T15:00:00Z", "2026-12-31", tokyo, 0 },
		{ "days: in Tokyo a second earlier it is not", "2026-12-30T14:59:59Z", "2026-12-31", tokyo, 1 },
		{ "days: in Honolulu it is still the day before", "2026-12-31T09:59:59Z", "2026-12-31", honolulu, 1 },
		{ "days: over the leap day of 2028", "2028-02-28T12:00:00Z", "2028-03-01", 0, 2 },
		{ "days: no leap day in 2027", "2027-02-28T12:00:00Z", "2027-03-01", 0, 1 },
		{ "days: past", "2027-01-02T00:00:00Z", "2026-12-31", 0, -2 },
		{ "days: 90 before", "2026-10-02T00:00:00Z", "2026-12-31", 0, 90 },
		{ "days: before 1970", "1969-12-31T23:00:00Z", "1970-01-01", 0, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t left = notice_day(us_of(cases[i].date), 0) - notice_day(us_of(cases[i].at), cases[i].offset);

		if (!CHECK(left == cases[i].want, cases[i].label))
			printf("# %lld\n", (long long)left);
	}
}

static void check_retirement(void)
{
	static const struct {
		int64_t days_left;
		unsigned want;
	} cases[] = {
		{ 1000, NOTHING }, { 91, NOTHING }, { 90, 90 }, { 89, 90 }, { 31, 90 }, { 30, 30 }, { 29, 30 }, { 8, 30 },
		{ 7, 7 },          { 6, 7 },        { 2, 7 },   { 1, 1 },   { 0, 1 },   { -1, NOTHING }, { -1000, NOTHING },
	};
	char label[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned mark = NOTHING;
		bool due = notice_retirement_due(RETIREMENT_DAY, false, cases[i].days_left, &mark);

		(void)snprintf(label, sizeof(label), "retirement: %lld days before", (long long)cases[i].days_left);
		CHECK(mark == cases[i].want && due == (mark != NOTHING), label);
		mark = NOTHING;
		(void)notice_retirement_due(RETIREMENT_MONTH_END, false, cases[i].days_left, &mark);
		CHECK(mark == cases[i].want, label);
		/* What concerns nobody who is here, or has no day, is told once. */
		for (int k = 0; k < 2; k++) {
			mark = NOTHING;
			due = notice_retirement_due(k ? RETIREMENT_HALF_YEAR : RETIREMENT_DAY, k == 0, cases[i].days_left, &mark);
			CHECK(due == (cases[i].days_left >= 0 && cases[i].days_left <= 30) && mark == (due ? 30 : NOTHING), label);
		}
	}
	CHECK(notice_retirement_severity(90, 5) == NOTICE_INFO && notice_retirement_severity(30, 1) == NOTICE_WARNING &&
		      notice_retirement_severity(7, 1) == NOTICE_CRITICAL && notice_retirement_severity(1, 0) == NOTICE_INFO,
	      "retirement: the nearer the graver, and nobody there is no danger");
}

static void check_expiry(void)
{
	static const struct {
		int64_t days_left;
		bool ended;
		unsigned want;
	} cases[] = {
		{ 31, false, NOTHING }, { 30, false, 30 }, { 8, false, 30 }, { 7, false, 7 },  { 2, false, 7 }, { 1, false, 1 },
		{ 0, false, 1 },        { 0, true, 0 },    { -1, true, 0 },  { -400, true, 0 },
	};
	char label[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned mark = NOTHING;
		bool due = notice_expiry_due(cases[i].days_left, cases[i].ended, &mark);

		(void)snprintf(label, sizeof(label), "expiry: %lld days before%s", (long long)cases[i].days_left, cases[i].ended ? ", ended" : "");
		CHECK(mark == cases[i].want && due == (mark != NOTHING), label);
	}
	CHECK(notice_expiry_severity(30) == NOTICE_INFO && notice_expiry_severity(7) == NOTICE_WARNING &&
		      notice_expiry_severity(1) == NOTICE_CRITICAL && notice_expiry_severity(0) == NOTICE_CRITICAL,
	      "expiry: the nearer the graver");
}

/* How often each {name} stands in a sentence: the same in another language, or a fact is lost there. */
static bool same_names(const char *english, const char *japanese)
{
	for (struct str rest = str_of(english); rest.len > 0;) {
		size_t open = str_find(rest, '{');
		char name[64];

		rest = str_skip(rest, open);
		if (rest.len == 0)
			break;
		if (!str_copy((struct str){ rest.ptr, str_find(rest, '}') + 1 }, sizeof(name), name) || !strstr(japanese, name))
			return false;
		rest = str_skip(rest, 1);
	}
	return true;
}

static void check_sentences(void)
{
	for (enum notice_kind kind = 0; kind < NOTICE_KIND_COUNT; kind++) {
		const char *sentences[2];
		enum notice_kind parsed;

		notice_sentences(kind, &sentences[0], &sentences[1]);
		for (size_t i = 0; i < 2; i++) {
			const char *japanese = say(LANGUAGE_JA, sentences[i]);

			CHECK(same_names(sentences[i], japanese) && same_names(japanese, sentences[i]), notice_kind_name(kind));
			CHECK(strcmp(japanese, sentences[i]) != 0 || strcmp(sentences[i], "{sentence}") == 0, notice_kind_name(kind));
		}
		CHECK(notice_kind_parse(str_of(notice_kind_name(kind)), &parsed) && parsed == kind, notice_kind_name(kind));
	}
	CHECK(notice_quiet_us(NOTICE_LOCKED_ACCOUNT) > 0 && notice_quiet_us(NOTICE_RETIREMENT) == 0, "sentences: who is quiet");
	CHECK(notice_waits(&(struct notice){ .kind = NOTICE_EXPIRY, .severity = NOTICE_CRITICAL }) &&
		      notice_waits(&(struct notice){ .kind = NOTICE_FIRST_BASIC, .severity = NOTICE_INFO }) &&
		      !notice_waits(&(struct notice){ .kind = NOTICE_LOCKED_ACCOUNT, .severity = NOTICE_WARNING }),
	      "sentences: who waits for company");
	CHECK(!notice_is_mailed(NOTICE_MAIL_UNSENT) && notice_is_mailed(NOTICE_REPORT_UNSENT),
	      "sentences: that mail does not go is not mailed");
}

static void check_words(void)
{
	static const struct {
		const char *label, *data, *english, *japanese;
	} cases[] = {
		{ "words: a text", "{\"account\":\"copier@contoso.example\"}", "copier@contoso.example signs in with basic authentication",
		  "copier@contoso.example が基本認証でサインインしました" },
		{ "words: a name that is not there stays", "{}", "{account} signs in with basic authentication",
		  "{account} が基本認証でサインインしました" },
		{ "words: a number", "{\"account\":7}", "7 signs in with basic authentication", "7 が基本認証でサインインしました" },
		{ "words: two languages", "{\"account\":{\"en\":\"he\",\"ja\":\"彼\"}}", "he signs in with basic authentication",
		  "彼 が基本認証でサインインしました" },
		{ "words: a sentence with a name in it", "{\"account\":{\"en\":\"{a}\",\"ja\":\"{a}\"},\"a\":\"x\"}",
		  "x signs in with basic authentication", "x が基本認証でサインインしました" },
		{ "words: no circle", "{\"account\":{\"en\":\"{account}\",\"ja\":\"{account}\"}}", "{account} signs in with basic authentication",
		  "{account} が基本認証でサインインしました" },
		{ "words: no second line", "{\"account\":\"a\\r\\nBcc: x\\u001b[2J\"}", "a  Bcc: x [2J signs in with basic authentication",
		  "a  Bcc: x [2J が基本認証でサインインしました" },
		{ "words: a list", "{\"account\":[{\"a\":\"1\",\"b\":\"2\"},{\"a\":\"3\"}]}", "  1  2\n  3 signs in with basic authentication",
		  "  1  2\n  3 が基本認証でサインインしました" },
		{ "words: no JSON", "nonsense", "{account} signs in with basic authentication", "{account} が基本認証でサインインしました" },
		{ "words: braces of others", "{\"account\":\"{ip} {\"}", "{ip} { signs in with basic authentication",
		  "{ip} { が基本認証でサインインしました" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct notice notice = { .kind = NOTICE_FIRST_BASIC, .data = str_of(cases[i].data) };
		struct buf english, japanese;

		buf_init(&english, 4096);
		buf_init(&japanese, 4096);
		if (!CHECK(notice_title(&notice, LANGUAGE_EN, &english) && notice_title(&notice, LANGUAGE_JA, &japanese) &&
				   str_eq(buf_str(&english), str_of(cases[i].english)) && str_eq(buf_str(&japanese), str_of(cases[i].japanese)),
			   cases[i].label))
			printf("# %.*s / %.*s\n", STR_ARG(buf_str(&english)), STR_ARG(buf_str(&japanese)));
		buf_done(&english);
		buf_done(&japanese);
	}
}

static void check_json(void)
{
	struct notice_list *list = notice_list_new();
	json_t *row;

	CHECK(list && notice_list_draft(list, NOTICE_TEST, "k", STR("host"), STR(""), 1000000, json_pack("{s:s}", "host", "gw")), "json: a draft");
	row = notice_row_json(&list->items[0], LANGUAGE_EN, 2000000);
	CHECK(strcmp(json_string_value(json_object_get(row, "title")), "Test: notices of gw reach you") == 0, "json: its title");
	CHECK(strcmp(json_string_value(json_object_get(row, "state")), "open") == 0 && json_is_null(json_object_get(row, "mailedDateTime")),
	      "json: how it stands");
	json_decref(row);
	list->items[0].state = NOTICE_SNOOZED;
	list->items[0].snoozed_until_us = 2000000;
	CHECK(notice_is_open(&list->items[0], 2000000) && !notice_is_open(&list->items[0], 1999999), "json: a snooze ends");
	while (list->count < NOTICE_LIST_MAX && notice_list_add(list, &list->items[0]))
		;
	CHECK(list->count == NOTICE_LIST_MAX && !notice_list_add(list, &list->items[0]), "json: a list has a ceiling");
	CHECK(!notice_list_draft(list, NOTICE_TEST, "k", STR(""), STR(""), 1, NULL), "json: no data, no draft");
	notice_list_free(list);
}

int main(void)
{
	check_days();
	check_retirement();
	check_expiry();
	check_sentences();
	check_words();
	check_json();
	return check_report();
}
