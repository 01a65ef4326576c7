/* forecast: what will expire and how soon: days left as a calendar counts them, how urgent that is, in which order and in which
 * words it is told. Pure: the time and the zone's offsets are given in. */
#ifndef DOMAIN_FORECAST_H
#define DOMAIN_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/say.h"
#include "base/str.h"

enum forecast_kind {
	FORECAST_CLIENT_SECRET,
	FORECAST_CLIENT_CERTIFICATE,   /* what an upstream's application signs in with */
	FORECAST_REFRESH_TOKEN,
	FORECAST_ACCESS_TOKEN,
	FORECAST_LISTENER_CERTIFICATE,
	FORECAST_AUTHORITY,            /* an upstream's ca-file */
	FORECAST_KIND_COUNT
};

/* From the most urgent: over; by the next day; within 7, within 30 days; later. */
enum forecast_urgency {
	FORECAST_EXPIRED,
	FORECAST_DAY,
	FORECAST_WEEK,
	FORECAST_MONTH,
	FORECAST_FAR,
	FORECAST_URGENCY_COUNT
};

#define FORECAST_DATE_MAX 11 /* "2027-01-15" and its NUL */

struct forecast_item {
	enum forecast_kind kind;
	struct str name;    /* the upstream's or listener's */
	struct str subject; /* which of its: an application's ID, a certificate's common name, an account */
	struct str source;  /* where the date comes from: a file, "settings", "Graph", "vault" */
	int64_t expires_us; /* UTC */
	/* By forecast_judge: */
	int days_left;      /* in days of the calendar: 0 today, negative when that day is past */
	enum forecast_urgency urgency;
	char date[FORECAST_DATE_MAX]; /* the day in the zone given */
};

#define FORECAST_TEXT_MAX 1024

const char *forecast_kind_name(enum forecast_kind kind);             /* "client-secret" */
const char *forecast_urgency_name(enum forecast_urgency urgency);    /* "week" */
bool forecast_renews_itself(enum forecast_kind kind);                /* true: nobody need act, and its end is no finding */

/* Fill in days_left, urgency and date. The offsets, east of UTC, are those of the reader's zone now and at the end. */
void forecast_judge(struct forecast_item *item, int64_t now_us, int64_t now_offset_us, int64_t expires_offset_us);
/* The most urgent first, then by date, kind and name. */
void forecast_sort(struct forecast_item *items, size_t count);
/* One sentence: what ends, when, and what to do about it. */
void forecast_print(const struct forecast_item *item, enum language language, size_t size, char *ret_text);

#endif
