#include "domain/forecast.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define DAY_US (86400ll * 1000000)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Each sentence takes subject (or source, a file), name, day, and (while there are any) the days left. To add a kind: an enum value
 * and a row. */
static const struct kind {
	const char *name;
	bool renews_itself;
	bool by_source;
	const char *soon; /* N_() */
	const char *over; /* N_() */
} kinds[] = {
	[FORECAST_CLIENT_SECRET] = {
		"client-secret", false, false,
		N_("the client secret of application %s, upstream %s, expires on %s (days left: %d): make a new one in the app's registration in Entra, "
		   "put it into the secret file and reload"),
		N_("the client secret of application %s, upstream %s, expired on %s: make a new one in the app's registration in Entra, put it into the "
		   "secret file and reload") },
	[FORECAST_CLIENT_CERTIFICATE] = {
		"client-certificate", false, true,
		N_("the certificate %s that upstream %s signs in with expires on %s (days left: %d): register a new one with the app in "
		   "Entra, put it in place and reload"),
		N_("the certificate %s that upstream %s signs in with expired on %s: register a new one with the app in Entra, put it in "
		   "place and reload") },
	[FORECAST_REFRESH_TOKEN] = {
		"refresh-token", false, false,
		N_("the sign-in of %s at upstream %s ends on %s unless it is used before (days left: %d): sekisho upstream login renews it"),
		N_("the sign-in of %s at upstream %s ended on %s: sign in again with sekisho upstream login") },
	[FORECAST_ACCESS_TOKEN] = {
		"access-token", true, false,
		N_("the access token for %s, upstream %s, ends on %s (days left: %d) and is renewed by itself"),
		N_("the access token for %s, upstream %s, ended on %s and is renewed by itself") },
	[FORECAST_LISTENER_CERTIFICATE] = {
		"listener-certificate", false, true,
		N_("the certificate %s of listener %s expires on %s (days left: %d): put a new one in its place and reload"),
		N_("the certificate %s of listener %s expired on %s, and devices may refuse to connect: put a new one in its place and "
		   "reload") },
	[FORECAST_AUTHORITY] = {
		"authority", false, true,
		N_("the last certificate in %s, ca-file of upstream %s, expires on %s (days left: %d): get the new one of that authority "
		   "and reload"),
		N_("every certificate in %s, ca-file of upstream %s, has expired, the last on %s: get the new one of that authority and "
		   "reload") },
};
static_assert(COUNT(kinds) == FORECAST_KIND_COUNT, "a row for each kind");

/* Each holds up to so many days left. */
static const struct {
	const char *name;
	int days_max;
} urgencies[] = {
	[FORECAST_EXPIRED] = { "expired", 0 }, /* by the time, not by the day */
	[FORECAST_DAY] = { "day", 1 },
	[FORECAST_WEEK] = { "week", 7 },
	[FORECAST_MONTH] = { "month", 30 },
	[FORECAST_FAR] = { "far", 0 },
};
static_assert(COUNT(urgencies) == FORECAST_URGENCY_COUNT, "a row for each urgency");

const char *forecast_kind_name(enum forecast_kind kind)
{
	return kinds[kind].name;
}

const char *forecast_urgency_name(enum forecast_urgency urgency)
{
	return urgencies[urgency].name;
}

bool forecast_renews_itself(enum forecast_kind kind)
{
	return kinds[kind].renews_itself;
}

static int64_t day_number(int64_t local_us)
{
	return local_us >= 0 ? local_us / DAY_US : -((-local_us + DAY_US - 1) / DAY_US);
}

void forecast_judge(struct forecast_item *item, int64_t now_us, int64_t now_offset_us, int64_t expires_offset_us)
{
	char text[CLOCK_RFC3339_MAX];

	item->days_left = (int)(day_number(item->expires_us + expires_offset_us) - day_number(now_us + now_offset_us));
	item->urgency = item->expires_us <= now_us ? FORECAST_EXPIRED : FORECAST_DAY;
	while (item->urgency != FORECAST_EXPIRED && item->urgency < FORECAST_FAR && item->days_left > urgencies[item->urgency].days_max)
		item->urgency++;
	clock_rfc3339_print(item->expires_us + expires_offset_us, text);
	(void)str_copy((struct str){ text, FORECAST_DATE_MAX - 1 }, sizeof(item->date), item->date);
}

static int compare_text(struct str a, struct str b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		if (a.ptr[i] != b.ptr[i])
			return (unsigned char)a.ptr[i] < (unsigned char)b.ptr[i] ? -1 : 1;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static int compare(const void *one, const void *other)
{
	const struct forecast_item *a = one;
	const struct forecast_item *b = other;
	int order;

	if (a->expires_us != b->expires_us)
		return a->expires_us < b->expires_us ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = compare_text(a->name, b->name);
	return order ? order : compare_text(a->subject, b->subject);
}

/* By date is by urgency too: what ends sooner is never less urgent. */
void forecast_sort(struct forecast_item *items, size_t count)
{
	if (count > 0)
		qsort(items, count, sizeof(*items), compare);
}

static void copy_for_people(struct str text, size_t size, char *ret_text)
{
	if (text.len == 0 || !str_copy(text, size, ret_text))
		(void)str_copy(STR("?"), size, ret_text);
}

void forecast_print(const struct forecast_item *item, enum language language, size_t size, char *ret_text)
{
	const struct kind *kind = &kinds[item->kind];
	char subject[512], name[256];

	/* Copied: a run of bytes would count as two arguments. */
	copy_for_people(kind->by_source ? item->source : item->subject, sizeof(subject), subject);
	copy_for_people(item->name, sizeof(name), name);
	if (item->urgency == FORECAST_EXPIRED)
		(void)snprintf(ret_text, size, say(language, kind->over), subject, name, item->date);
	else
		(void)snprintf(ret_text, size, say(language, kind->soon), subject, name, item->date, item->days_left);
}
