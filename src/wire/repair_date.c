#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "wire/repair_private.h"

#define DATE_BYTES_MAX 128
#define ZONE_NONE INT32_MIN
#define ZONE_STEP_MINUTES 15

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char days[] = "sunmontuewedthufrisat";

struct date {
	int year, month, day; /* month from 1; 0: not seen */
	int hour, minute, second;
	bool has_time;
	int32_t zone_minutes;
	int weekday; /* as written; -1: none */
};

/* RFC 5322, 4.3; JST is what copiers write. To add a zone: a row. */
static const struct {
	const char *name;
	int32_t minutes;
} zones[] = {
	{ "gmt", 0 },    { "ut", 0 },     { "utc", 0 },    { "z", 0 },      { "jst", 540 },  { "kst", 540 },
	{ "est", -300 }, { "edt", -240 }, { "cst", -360 }, { "cdt", -300 }, { "mst", -420 }, { "mdt", -360 },
	{ "pst", -480 }, { "pdt", -420 }, { "cet", 60 },   { "cest", 120 },
};

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int month_days(int year, int month)
{
	static const int all[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return all[month - 1] + (month == 2 && leap);
}

static int weekday_of(const struct date *date)
{
	return (int)((days_of(date->year, date->month, date->day) + 4) % 7);
}

static int64_t seconds_of(const struct date *date)
{
	return days_of(date->year, date->month, date->day) * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
	return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* A number of at most four digits at the start of *rest; *ret_digits 0: none. */
static int number_of(struct str *rest, size_t *ret_digits)
{
	int value = 0;

	for (*ret_digits = 0; rest->len > 0 && is_digit(rest->ptr[0]) && *ret_digits < 5; (*ret_digits)++) {
		value = value * 10 + (rest->ptr[0] - '0');
		*rest = str_skip(*rest, 1);
	}
	return value;
}

/* Which of the names of three letters `word` begins with, from 1; 0: none. */
static int named(const char *names, struct str word)
{
	for (int i = 0; word.len >= 3 && names[i * 3]; i++) {
		if (str_eq_nocase((struct str){ names + i * 3, 3 }, (struct str){ word.ptr, 3 }))
			return i + 1;
	}
	return 0;
}

static int full_year(int year, size_t digits)
{
	if (digits == 2)
		return year < 50 ? 2000 + year : 1900 + year;
	return digits == 3 ? 1900 + year : year;
}

/* "09:00", "09:00:30.5"; the hour was read. */
static bool time_parse(struct str *rest, int hour, struct date *date)
{
	size_t digits;

	date->hour = hour;
	*rest = str_skip(*rest, 1);
	date->minute = number_of(rest, &digits);
	if (digits != 2)
		return false;
	if (str_starts(*rest, STR(":"))) {
		*rest = str_skip(*rest, 1);
		date->second = number_of(rest, &digits);
		if (digits == 0 || digits > 2)
			return false;
	}
	if (rest->len > 1 && (rest->ptr[0] == '.' || rest->ptr[0] == ',') && is_digit(rest->ptr[1])) {
		do
			*rest = str_skip(*rest, 1);
		while (rest->len > 0 && is_digit(rest->ptr[0]));
	}
	date->has_time = true;
	return true;
}

/* "+0900", "-05:00", "+9". */
static bool offset_parse(struct str *rest, struct date *date)
{
	int sign = rest->ptr[0] == '-' ? -1 : 1;
	size_t digits;
	int value;

	*rest = str_skip(*rest, 1);
	value = number_of(rest, &digits);
	if (digits == 0 || digits > 4)
		return false;
	if (digits <= 2) {
		int minutes = 0;

		if (rest->len > 2 && rest->ptr[0] == ':' && is_digit(rest->ptr[1])) {
			*rest = str_skip(*rest, 1);
			minutes = number_of(rest, &digits);
		}
		value = value * 100 + minutes;
	}
	if (value % 100 > 59 || value / 100 > 14)
		return false;
	date->zone_minutes = sign * (value / 100 * 60 + value % 100);
	return true;
}

static bool word_parse(struct str *rest, struct date *date)
{
	struct str word = { rest->ptr, 0 };

	while (word.len < rest->len && is_letter(rest->ptr[word.len]))
		word.len++;
	*rest = str_skip(*rest, word.len);
	if (date->has_time) {
		for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
			if (str_eq_nocase(word, str_of(zones[i].name))) {
				date->zone_minutes = zones[i].minutes;
				return true;
			}
		}
		if (str_eq_nocase(word, STR("am")) || str_eq_nocase(word, STR("pm"))) {
			bool pm = (word.ptr[0] | 0x20) == 'p';

			date->hour = date->hour % 12 + (pm ? 12 : 0);
			return true;
		}
	}
	if (str_eq_nocase(word, STR("t")))
		return true; /* RFC 3339 */
	if (named(months, word) && !date->month) {
		date->month = named(months, word);
		return true;
	}
	if (named(days, word) && date->weekday < 0) {
		date->weekday = named(days, word) - 1;
		return true;
	}
	return false;
}

/* A number that is no time: "2026-11-24" and "2026/11/24" in one go; else a day, then a year. */
static bool digits_parse(struct str *rest, int value, size_t digits, struct date *date)
{
	char parted = rest->len > 1 && is_digit(rest->ptr[1]) ? rest->ptr[0] : ' ';

	if (digits == 4 && !date->year && (parted == '-' || parted == '/' || parted == '.')) {
		date->year = value;
		*rest = str_skip(*rest, 1);
		date->month = number_of(rest, &digits);
		if (!str_starts(*rest, (struct str){ &parted, 1 }))
			return false;
		*rest = str_skip(*rest, 1);
		date->day = number_of(rest, &digits);
		return digits > 0;
	}
	if (!date->day && digits <= 2)
		date->day = value;
	else if (!date->year && digits >= 2 && digits <= 4)
		date->year = full_year(value, digits);
	else
		return false;
	return true;
}

static bool part_parse(struct str *rest, struct date *date)
{
	char byte = rest->ptr[0];
	size_t digits;
	int value;

	if (is_letter(byte))
		return word_parse(rest, date);
	if (date->has_time && (byte == '+' || byte == '-'))
		return offset_parse(rest, date);
	if (!is_digit(byte)) {
		*rest = str_skip(*rest, 1);
		return byte == ' ' || byte == '\t' || byte == ',' || byte == '-' || byte == '.';
	}
	value = number_of(rest, &digits);
	if (rest->len > 0 && rest->ptr[0] == ':' && !date->has_time && digits <= 2)
		return time_parse(rest, value, date);
	return digits_parse(rest, value, digits, date);
}

/* Any order of day, month, year, time and zone that says which is which. */
static bool date_parse(struct str value, struct date *ret_date)
{
	struct date date = { .zone_minutes = ZONE_NONE, .weekday = -1 };
	struct str rest = value;

	while (rest.len > 0 && rest.ptr[0] != '(') {
		if (!part_parse(&rest, &date))
			return false;
	}
	if (!date.has_time || date.year < 1970 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1 ||
	    date.day > month_days(date.year, date.month) || date.hour > 23 || date.minute > 59 || date.second > 60)
		return false;
	*ret_date = date;
	return true;
}

/* RFC 5322, 3.3, with the alphabetic zones of 4.3: "[Mon, ]2 Jan 2026 09:00[:00] +0900 [(JST)]". */
static bool is_good(struct str value, const struct date *date)
{
	struct str rest = value;
	size_t digits;

	if (date->weekday >= 0) {
		if (date->weekday != weekday_of(date) || value.len < 4 || value.ptr[3] != ',')
			return false;
		rest = str_trim(str_skip(value, 4));
	}
	(void)number_of(&rest, &digits);
	if (digits == 0 || digits > 2 || rest.len < 6 || !repair_is_blank(rest.ptr[0]))
		return false;
	rest = str_trim(rest);
	if (!named(months, rest) || !repair_is_blank(rest.ptr[3]))
		return false;
	rest = str_trim(str_skip(rest, 3));
	(void)number_of(&rest, &digits);
	if (digits != 4 || rest.len < 7 || !repair_is_blank(rest.ptr[0]))
		return false;
	rest = str_trim(rest);
	if (rest.ptr[2] != ':' || (rest.len > 8 && rest.ptr[5] == ':' && rest.ptr[8] != ' ' && rest.ptr[8] != '\t'))
		return false;
	rest = str_trim(str_skip(rest, str_find(rest, ' ')));
	if (date->zone_minutes == ZONE_NONE || rest.len == 0)
		return false;
	if (is_letter(rest.ptr[0])) { /* one word, and a comment at most */
		struct str word = str_cut(&rest, ' ');

		rest = str_trim(rest);
		return !str_eq_nocase(word, STR("am")) && !str_eq_nocase(word, STR("pm")) && (rest.len == 0 || rest.ptr[0] == '(');
	}
	return rest.len >= 5 && !is_letter(rest.ptr[4]) && rest.ptr[3] != ':' && (rest.len == 5 || !is_digit(rest.ptr[5]));
}

/*
 * A device that names no zone was, as a rule, set to the time on its wall: then the zone is the one that makes it the time
 * of receipt, give or take a few minutes. *ret_known false: there is none (RFC 5322, 3.3: -0000).
 */
static int32_t zone_guess(const struct date *date, int64_t received_us, bool *ret_known)
{
	int64_t ahead = seconds_of(date) - received_us / 1000000;
	int64_t half = ZONE_STEP_MINUTES * 60 / 2;
	int64_t steps = (ahead + (ahead < 0 ? -half : half)) / (ZONE_STEP_MINUTES * 60);

	*ret_known = steps * ZONE_STEP_MINUTES >= -720 && steps * ZONE_STEP_MINUTES <= 840;
	return *ret_known ? (int32_t)(steps * ZONE_STEP_MINUTES) : 0;
}

static void date_print(const struct date *date, int64_t received_us, char ret_text[DATE_BYTES_MAX])
{
	static const char day_names[] = "SunMonTueWedThuFriSat";
	static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int32_t zone = date->zone_minutes;
	bool known = true;

	if (zone == ZONE_NONE)
		zone = zone_guess(date, received_us, &known);
	(void)snprintf(ret_text, DATE_BYTES_MAX, "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02d%02d",
		       day_names + weekday_of(date) * 3, date->day, month_names + (date->month - 1) * 3, date->year, date->hour,
		       date->minute, date->second, zone < 0 || !known ? '-' : '+', (int)((zone < 0 ? -zone : zone) / 60),
		       (int)((zone < 0 ? -zone : zone) % 60));
}

/* One Date that says something: put right, or named otherwise where nobody can read it. Answers whether it is one still. */
static bool date_mend(struct repair_header *header, struct repair_field *field)
{
	struct str value = repair_value(header, field);
	char text[DATE_BYTES_MAX];
	struct date date;
	bool known = date_parse(value, &date);

	if (known && is_good(value, &date))
		return true;
	if (known) {
		date_print(&date, header->facts.received_us, text);
		repair_set(header, field, str_of(text));
	} else {
		repair_rename(header, field, STR("X-Original-Date"));
	}
	repair_tell(header, REPAIR_BAD_DATE);
	return known;
}

void repair_date(struct repair_header *header)
{
	bool bad = repair_is_on(header, REPAIR_BAD_DATE);
	bool missing = repair_is_on(header, REPAIR_MISSING_DATE);
	bool has_date = false, unreadable = false;
	char now[CLOCK_RFC5322_MAX];

	for (size_t i = 0; i < header->count && !header->failed; i++) {
		struct repair_field *field = &header->fields[i];

		if (!str_eq_nocase(field->name, STR("date")))
			continue;
		if (repair_value(header, field).len > 0) {
			bool is_date = !bad || date_mend(header, field);

			has_date |= is_date;
			unreadable |= !is_date;
		} else if (missing) {
			repair_drop(field);
			repair_tell(header, REPAIR_MISSING_DATE);
		}
	}
	if (has_date || !(missing || unreadable))
		return;
	clock_rfc5322_print(header->facts.received_us, now);
	repair_add(header, STR("Date"), str_of(now));
	if (!unreadable)
		repair_tell(header, REPAIR_MISSING_DATE);
}
