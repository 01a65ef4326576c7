#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_SECOND 1000000

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
	return (uint64_t)read_us(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

int64_t clock_real_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t clock_real_ms(void)
{
	return clock_real_us() / 1000;
}

static void split(int64_t real_us, struct tm *ret_parts, int *ret_us)
{
	int64_t us = real_us % US_PER_SECOND;
	time_t seconds = (time_t)(real_us / US_PER_SECOND);

	if (us < 0) {
		us += US_PER_SECOND;
		seconds--;
	}
	memset(ret_parts, 0, sizeof(*ret_parts));
	(void)gmtime_r(&seconds, ret_parts);
	*ret_us = (int)us;
}

void clock_rfc3339_print(int64_t real_us, char ret_text[CLOCK_RFC3339_MAX])
{
	struct tm parts;
	int us;

	split(real_us, &parts, &us);
	(void)snprintf(ret_text, CLOCK_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
		       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, us);
}

void clock_rfc5322_print(int64_t real_us, char ret_text[CLOCK_RFC5322_MAX])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm parts;
	int us;

	split(real_us, &parts, &us);
	(void)snprintf(ret_text, CLOCK_RFC5322_MAX, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000",
		       days + 3 * parts.tm_wday, parts.tm_mday, months + 3 * parts.tm_mon, parts.tm_year + 1900,
		       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/* Exactly `digits` decimal digits at the start of *rest. */
static bool take_number(struct str *rest, size_t digits, int *ret_value)
{
	uint64_t value;

	if (rest->len < digits || !str_to_u64((struct str){ rest->ptr, digits }, 9999, &value))
		return false;
	*ret_value = (int)value;
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

static int64_t take_fraction(struct str *rest)
{
	int64_t us = 0;
	int64_t unit = US_PER_SECOND / 10;

	if (!take_byte(rest, '.'))
		return 0;
	while (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
		us += unit * (rest->ptr[0] - '0');
		unit /= 10;
		*rest = str_skip(*rest, 1);
	}
	return us;
}

static bool take_zone(struct str *rest, int64_t *ret_us)
{
	int hours;
	int minutes;
	bool behind;

	*ret_us = 0;
	if (rest->len == 0 || take_byte(rest, 'Z') || take_byte(rest, 'z'))
		return true;
	behind = rest->ptr[0] == '-';
	if (!behind && rest->ptr[0] != '+')
		return false;
	*rest = str_skip(*rest, 1);
	if (!take_number(rest, 2, &hours) || !take_byte(rest, ':') || !take_number(rest, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*ret_us = (int64_t)(hours * 60 + minutes) * 60 * US_PER_SECOND * (behind ? -1 : 1);
	return true;
}

bool clock_rfc3339_parse(struct str text, int64_t *ret_real_us)
{
	struct tm parts = { .tm_isdst = 0 };
	struct tm again;
	int64_t fraction_us = 0;
	int64_t zone_us = 0;
	time_t seconds;

	if (!take_number(&text, 4, &parts.tm_year) || !take_byte(&text, '-') || !take_number(&text, 2, &parts.tm_mon) ||
	    !take_byte(&text, '-') || !take_number(&text, 2, &parts.tm_mday))
		return false;
	if (text.len > 0) {
		if (!take_byte(&text, 'T') && !take_byte(&text, 't') && !take_byte(&text, ' '))
			return false;
		if (!take_number(&text, 2, &parts.tm_hour) || !take_byte(&text, ':') ||
		    !take_number(&text, 2, &parts.tm_min))
			return false;
		if (take_byte(&text, ':') && !take_number(&text, 2, &parts.tm_sec))
			return false;
		fraction_us = take_fraction(&text);
		if (!take_zone(&text, &zone_us) || text.len > 0)
			return false;
	}
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	again = parts;
	seconds = timegm(&again);
	/* timegm turns 31 April into 1 May: a date that does not come back as it was is none. */
	if (again.tm_mday != parts.tm_mday || again.tm_mon != parts.tm_mon || again.tm_hour != parts.tm_hour ||
	    again.tm_min != parts.tm_min || again.tm_sec != parts.tm_sec)
		return false;
	*ret_real_us = (int64_t)seconds * US_PER_SECOND + fraction_us - zone_us;
	return true;
}

bool clock_span_parse(struct str text, int64_t *ret_us)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	uint64_t count;

	if (text.len < 2 || !str_to_u64((struct str){ text.ptr, text.len - 1 }, 1000000, &count))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (text.ptr[text.len - 1] == units[i].unit) {
			*ret_us = (int64_t)count * units[i].seconds * US_PER_SECOND;
			return true;
		}
	}
	return false;
}
