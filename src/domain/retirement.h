/* retirement: when Basic authentication for SMTP AUTH ends, as data: Microsoft's schedule, its history, and what a tenant plans of
 * its own. Pure: phases inform; who carries one out is the keeper, and only where a tenant says `enforce`. */
#ifndef DOMAIN_RETIREMENT_H
#define DOMAIN_RETIREMENT_H

#include <stdint.h>

#include "base/fault.h"
#include "base/str.h"
#include "domain/account.h"

/* In the order in which they come. */
enum retirement_effect { RETIREMENT_UNCHANGED, RETIREMENT_DEFAULT_OFF, RETIREMENT_RETIRED, RETIREMENT_EFFECT_COUNT };
/* What a date stands for: itself, the last day of its month, the half-year that it begins. */
enum retirement_exact { RETIREMENT_DAY, RETIREMENT_MONTH_END, RETIREMENT_HALF_YEAR };

struct retirement_phase {
	const char *id;              /* "default-off" */
	const char *date;            /* "2026-12-31" */
	enum retirement_exact exact;
	enum retirement_effect effect;
	bool new_tenants_only;       /* those made from that day on; the others stay as they are */
	const char *text;            /* N_() */
};

/* One revision of the plan, newest last. */
struct retirement_revision {
	const char *as_of;
	const char *source;
	const char *text; /* N_() */
};

extern const struct retirement_phase retirement_schedule[]; /* by date; of the newest revision */
extern const size_t retirement_schedule_count;
extern const struct retirement_revision retirement_history[];
extern const size_t retirement_history_count;

#define RETIREMENT_DATE_MAX 11 /* "2027-01-15" and its NUL */
#define RETIREMENT_TENANT_MAX 256

/* What a tenant plans otherwise; "" in a date: as the schedule has it (which gives no date for `retired`). */
struct retirement_plan {
	char tenant[RETIREMENT_TENANT_MAX];
	char default_off[RETIREMENT_DATE_MAX];
	char retired[RETIREMENT_DATE_MAX];
	bool enforce;                     /* the gateway changes the tenant's `basic` when the day comes */
	enum retirement_effect applied;   /* how far it has done so: what the administrator changes later stays */
};

const char *retirement_effect_name(enum retirement_effect effect); /* "default-off" */
bool retirement_effect_parse(struct str name, enum retirement_effect *ret_effect);

/* What holds at that time for tenants that exist today. `plan` NULL: none of its own. *ret_date (may be NULL): since when, "" for
 * unchanged. */
enum retirement_effect retirement_effect_at(const struct retirement_plan *plan, int64_t at_us, char ret_date[RETIREMENT_DATE_MAX]);
/* A tenant's state then: what was switched on again survives default-off, nothing survives retired. */
enum basic_state retirement_basic_at(enum basic_state today, enum retirement_effect effect);
/* Has this plan something to carry out: *ret_basic is what the tenant is to be. False: nothing, or not to be enforced. */
bool retirement_due(const struct retirement_plan *plan, enum basic_state today, int64_t now_us, enum retirement_effect *ret_effect,
		    enum basic_state *ret_basic);

/* "2027-01-15" → its first microsecond, UTC. NEVER with a sentence that has the nearest date of that form. */
enum outcome retirement_date_parse(struct str text, int64_t *ret_us, struct fault *fault);
/* "end of December 2026" as people of that language write it. */
void retirement_when_print(const char *date, enum retirement_exact exact, enum language language, size_t size, char *ret_text);

#endif
