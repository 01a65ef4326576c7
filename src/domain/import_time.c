#include "domain/import_time.h"

#include <stdio.h>

#include "base/clock.h"

/* The date as it stands. */
struct date {
	unsigned numbers[3];
	char separator; /* the first of the two */
};

struct clock_time {
	unsigned hour, minute, second, us;
};

static bool take_number(struct str *rest, size_t digits_max, unsigned *ret_number)
{
	size_t digits = 0;
	uint64_t number;

	while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
		digits++;
	if (digits > digits_max || !str_to_u64((struct str){ rest->ptr, digits }, 9999, &number))
		return false;
	*ret_number = (unsigned)number;
	*rest = str_skip(*rest, digits);
	return true;
}

static bool take_byte(struct str *rest, char byte)
{
	if (rest->len == 0 || rest->ptr[0] != byte)
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static bool take_text(struct str *rest, struct str text)
{
	if (!str_starts_nocase(*rest, text))
		return false;
	*rest = str_skip(*rest, text.len);
	return true;
}

/* A blank, or one of those that browsers put between time and AM. */
static void skip_blanks(struct str *rest)
{
	while (take_byte(rest, ' ') || take_byte(rest, ',') || take_byte(rest, 'T') || take_text(rest, STR("\xc2\xa0")) ||
	       take_text(rest, STR("\xe2\x80\xaf")) || take_text(rest, STR("\xe3\x80\x80")))
		continue;
}

static bool take_date(struct str *rest, struct date *date)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!take_number(rest, 4, &date->numbers[i]))
			return false;
		if (i == 2)
			continue;
		if (rest->len == 0 || (rest->ptr[0] != '/' && rest->ptr[0] != '.' && rest->ptr[0] != '-'))
			return false;
		date->separator = i ? date->separator : rest->ptr[0];
		*rest = str_skip(*rest, 1);
		(void)take_byte(rest, ' '); /* "4. 12. 2025" */
	}
	return true;
}

static bool year_first(const struct date *date)
{
	return date->numbers[0] > 31;
}

static enum date_order order_of(const struct date *date)
{
	if (date->separator == '.' || date->numbers[0] > 12)
		return DATE_ORDER_DAY_FIRST;
	return date->numbers[1] > 12 ? DATE_ORDER_MONTH_FIRST : DATE_ORDER_OPEN;
}

enum date_order import_time_order(struct str text)
{
	struct date date;

	text = str_trim(text);
	return take_date(&text, &date) && !year_first(&date) ? order_of(&date) : DATE_ORDER_OPEN;
}

bool import_time_is_open(struct str text)
{
	struct date date;

	text = str_trim(text);
	return take_date(&text, &date) && !year_first(&date) && order_of(&date) == DATE_ORDER_OPEN;
}

bool date_order_parse(struct str text, enum date_order *ret_order)
{
	if (str_eq_nocase(text, STR("mdy")))
		*ret_order = DATE_ORDER_MONTH_FIRST;
	else if (str_eq_nocase(text, STR("dmy")))
		*ret_order = DATE_ORDER_DAY_FIRST;
	else
		return false;
	return true;
}

static const struct half {
	const char *name;
	bool after_noon;
} halves[] = {
	{ "AM", false }, { "PM", true }, { "a.m.", false }, { "p.m.", true },
	{ "\xe5\x8d\x88\xe5\x89\x8d", false }, { "\xe5\x8d\x88\xe5\xbe\x8c", true },
};

static const struct half *take_half(struct str *rest)
{
	skip_blanks(rest);
	for (size_t i = 0; i < sizeof(halves) / sizeof(*halves); i++) {
		if (take_text(rest, str_of(halves[i].name)))
			return &halves[i];
	}
	return NULL;
}

static void take_fraction(struct str *rest, unsigned *ret_us)
{
	unsigned unit = 100000;

	if (!take_byte(rest, '.'))
		return;
	for (; rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9'; *rest = str_skip(*rest, 1), unit /= 10)
		*ret_us += unit * (unsigned)(rest->ptr[0] - '0');
}

static bool take_clock(struct str *rest, struct clock_time *time)
{
	const struct half *half = take_half(rest);

	skip_blanks(rest);
	if (rest->len == 0)
		return !half; /* a date alone: midnight */
	if (!take_number(rest, 2, &time->hour) || !take_byte(rest, ':') || !take_number(rest, 2, &time->minute) ||
	    (take_byte(rest, ':') && !take_number(rest, 2, &time->second)))
		return false;
	take_fraction(rest, &time->us);
	if (!half)
		half = take_half(rest);
	if (half && (time->hour > 12 || (time->hour == 0 && half->after_noon)))
		return false;
	if (half)
		time->hour = time->hour % 12 + (half->after_noon ? 12 : 0);
	return true;
}

/* "Z", "UTC", "+09:00" or nothing, as RFC 3339 writes it. */
static struct str zone_of(struct str rest, bool *ret_zone)
{
	skip_blanks(&rest);
	*ret_zone = rest.len > 0;
	return str_eq_nocase(rest, STR("UTC")) || str_eq_nocase(rest, STR("GMT")) || rest.len == 0 ? STR("Z") : rest;
}

bool import_time_parse(struct str text, enum date_order order, int64_t *ret_us, bool *ret_zone)
{
	struct str rest = str_trim(text);
	struct clock_time time = { 0 };
	struct date date;
	unsigned year, month, day;
	struct str zone;
	char plain[80];

	if (rest.len > 19 && clock_rfc3339_parse(rest, ret_us)) { /* the usual, and the fastest */
		*ret_zone = rest.ptr[rest.len - 1] == 'Z' || rest.ptr[rest.len - 6] == '+' || rest.ptr[rest.len - 6] == '-';
		return true;
	}
	if (!take_date(&rest, &date) || !take_clock(&rest, &time))
		return false;
	if (!year_first(&date) && order_of(&date) != DATE_ORDER_OPEN && order == DATE_ORDER_OPEN)
		order = order_of(&date);
	year = date.numbers[year_first(&date) ? 0 : 2];
	month = date.numbers[year_first(&date) || order == DATE_ORDER_DAY_FIRST || date.separator == '.' ? 1 : 0];
	day = date.numbers[year_first(&date) ? 2 : order == DATE_ORDER_DAY_FIRST || date.separator == '.' ? 0 : 1];
	year += year < 100 ? 2000 : 0;
	zone = zone_of(rest, ret_zone);
	if (month > 12 || day > 31 || zone.len > 6)
		return false;
	(void)snprintf(plain, sizeof(plain), "%04u-%02u-%02uT%02u:%02u:%02u.%06u%.*s", year, month, day, time.hour, time.minute,
		       time.second, time.us, STR_ARG(zone));
	return clock_rfc3339_parse(str_of(plain), ret_us);
}
