#include "keep/notice_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "domain/json_text.h"
#include "domain/policy.h"
#include "keep/ledger_notice.h"
#include "keep/plan_view.h"
#include "keep/report_query.h"

#define STARTS_MAX 50 /* a time */

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

/* --- who is still on Basic authentication --- */

struct clients {
	struct str domain;    /* "": all */
	json_t *devices;      /* of each account, by name */
	struct table accounts; /* char *, by itself */
	bool cut;
};

static bool count_account(struct clients *clients, struct str account)
{
	char *name;

	if (table_find(&clients->accounts, account))
		return true;
	name = str_dup(account);
	if (name && table_put(&clients->accounts, str_of(name), name))
		return true;
	free(name);
	return false;
}

static bool add_client(void *context, const struct report_row *row)
{
	struct clients *clients = context;
	json_t *device;

	if (row->protocol != AUTH_PROTOCOL_BASIC || (clients->domain.len && !str_eq_nocase(report_domain(row->sender), clients->domain)))
		return true;
	device = json_object();
	clients->cut = !count_account(clients, row->sender) || !json_put(device, "account", json_text(row->sender)) ||
		       !json_put(device, "ip", json_text(row->ip)) || !json_put(device, "ehlo", json_text(row->ehlo)) ||
		       !json_put(device, "lastSeen", json_time(row->last_us)) || json_array_append(clients->devices, device) == -1;
	json_decref(device);
	return !clients->cut;
}

static int compare_devices(const void *left, const void *right)
{
	const json_t *const *a = left;
	const json_t *const *b = right;
	int order = strcmp(json_string_value(json_object_get(*a, "account")), json_string_value(json_object_get(*b, "account")));

	return order ? order : -strcmp(json_string_value(json_object_get(*a, "lastSeen")), json_string_value(json_object_get(*b, "lastSeen")));
}

/* By account, the newest device first, as many as a notice names. NULL: out of memory. */
static json_t *devices_sorted(const json_t *devices)
{
	size_t count = json_array_size(devices);
	json_t **sorted = calloc(count + 1, sizeof(json_t *));
	json_t *list = json_array();
	bool good = sorted && list;

	for (size_t i = 0; good && i < count; i++)
		sorted[i] = json_array_get(devices, i);
	if (good)
		qsort(sorted, count, sizeof(json_t *), compare_devices);
	for (size_t i = 0; good && i < count && i < NOTICE_NAMES_MAX; i++)
		good = json_array_append(list, sorted[i]) == 0;
	free(sorted);
	if (good)
		return list;
	json_decref(list);
	return NULL;
}

static enum outcome clients_put(struct ledger *ledger, int64_t now_us, struct str domain, json_t *data, size_t *ret_count, struct fault *fault)
{
	struct clients clients = { .domain = domain, .devices = json_array() };
	int64_t today = now_us / REPORT_DAY_US;
	size_t count, at = 0;
	enum outcome outcome;
	char *name;

	table_init(&clients.accounts);
	outcome = clients.devices ? ledger_report(ledger, today - NOTICE_REPORT_DAYS + 1, today, false, add_client, &clients, fault)
				  : no_memory(fault);
	*ret_count = clients.accounts.count;
	count = json_array_size(clients.devices);
	if (outcome == OUTCOME_OK &&
	    (clients.cut || !json_put(data, "devices", devices_sorted(clients.devices)) ||
	     !json_put(data, "count", json_integer((json_int_t)*ret_count)) ||
	     !json_put(data, "more", count > NOTICE_NAMES_MAX ? notice_words(N_("These are not all: see sekisho report smtp-auth.")) : json_string(""))))
		outcome = no_memory(fault);
	while ((name = table_next(&clients.accounts, &at)))
		free(name);
	table_done(&clients.accounts);
	json_decref(clients.devices);
	return outcome;
}

/* --- retirement --- */

struct phases {
	struct ledger *ledger;
	int64_t now_us, today;
	struct notice_list *drafts;
};

static enum outcome draft(const struct phases *phases, const struct retirement_phase *phase, struct str tenant, int64_t days_left,
			  unsigned mark, const char *key, struct fault *fault)
{
	json_t *data = json_object();
	size_t accounts = 0;
	enum outcome outcome = data ? OUTCOME_OK : no_memory(fault);

	if (outcome == OUTCOME_OK &&
	    (!json_put(data, "phase", json_string(phase->id)) || !json_put(data, "date", json_string(phase->date)) ||
	     !json_put(data, "days", json_integer((json_int_t)days_left)) || !json_put(data, "mark", json_integer(mark)) ||
	     !json_put(data, "sentence", notice_words(phase->text)) ||
	     !json_put(data, "tenant", tenant.len ? json_text(tenant) : notice_words(N_("all tenants")))))
		outcome = no_memory(fault);
	if (outcome == OUTCOME_OK)
		outcome = clients_put(phases->ledger, phases->now_us, tenant, data, &accounts, fault);
	if (outcome != OUTCOME_OK) {
		json_decref(data);
		return outcome;
	}
	if (notice_list_draft(phases->drafts, NOTICE_RETIREMENT, key, tenant.len ? tenant : str_of(phase->id), tenant, phases->now_us, data))
		phases->drafts->items[phases->drafts->count - 1].severity = notice_retirement_severity(mark, accounts);
	return OUTCOME_OK;
}

static enum outcome look(const struct phases *phases, const struct retirement_phase *phase, struct str tenant, struct fault *fault)
{
	char key[NOTICE_KEY_MAX];
	int64_t date_us, days_left;
	unsigned mark;
	bool known = false;
	enum outcome outcome;

	if (retirement_date_parse(str_of(phase->date), &date_us, NULL) != OUTCOME_OK)
		return OUTCOME_OK;
	days_left = notice_day(date_us, 0) - phases->today; /* a day of the calendar, whatever the zone */
	if (!notice_retirement_due(phase->exact, phase->new_tenants_only, days_left, &mark))
		return OUTCOME_OK;
	(void)snprintf(key, sizeof(key), "retirement/%.*s/%s/%s/%u", STR_ARG(tenant), phase->id, phase->date, mark);
	outcome = ledger_notice_has(phases->ledger, str_of(key), &known, fault);
	return outcome == OUTCOME_OK && !known ? draft(phases, phase, tenant, days_left, mark, key, fault) : outcome;
}

/* Those of the schedule, with the tenant's own date where it has one, and its own end. */
static enum outcome look_tenant(const struct phases *phases, struct str tenant, const struct retirement_plan *plan, struct fault *fault)
{
	struct retirement_phase retired = {
		"retired", plan ? plan->retired : "", RETIREMENT_DAY, RETIREMENT_RETIRED, false,
		N_("Basic authentication for SMTP AUTH is gone for this tenant, as it plans for itself."),
	};
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < retirement_schedule_count && outcome == OUTCOME_OK; i++) {
		struct retirement_phase phase = retirement_schedule[i];

		if (phase.effect == RETIREMENT_UNCHANGED || phase.new_tenants_only || phase.exact == RETIREMENT_HALF_YEAR)
			continue;
		if (plan && plan->default_off[0] && phase.effect == RETIREMENT_DEFAULT_OFF)
			phase.date = plan->default_off;
		outcome = look(phases, &phase, tenant, fault);
	}
	return outcome == OUTCOME_OK && retired.date[0] ? look(phases, &retired, tenant, fault) : outcome;
}

/* Those that change nothing for a tenant that is here: told once for all. */
static enum outcome look_general(const struct phases *phases, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < retirement_schedule_count && outcome == OUTCOME_OK; i++) {
		const struct retirement_phase *phase = &retirement_schedule[i];

		if (phase->new_tenants_only || phase->exact == RETIREMENT_HALF_YEAR)
			outcome = look(phases, phase, STR(""), fault);
	}
	return outcome;
}

enum outcome notice_query_retirement(struct ledger *ledger, int64_t now_us, int64_t today, struct notice_list *drafts, struct fault *fault)
{
	struct phases phases = { ledger, now_us, today, drafts };
	struct plan_view view;
	const struct tenant *tenant;
	size_t at = 0;
	enum outcome outcome = plan_view_load(&view, ledger, false, fault);

	while (outcome == OUTCOME_OK && (tenant = table_next(&view.tenants, &at)))
		outcome = look_tenant(&phases, str_of(tenant->domain), plan_view_plan(&view, str_of(tenant->domain)), fault);
	plan_view_done(&view);
	return outcome == OUTCOME_OK ? look_general(&phases, fault) : outcome;
}

/* --- who began --- */

struct starts {
	int64_t now_us;
	struct notice_list *drafts;
};

static bool add_start(void *context, const struct basic_start *start)
{
	struct starts *starts = context;
	json_t *data = json_object();
	char key[NOTICE_KEY_MAX];
	bool good = json_put(data, "account", json_text(start->account)) && json_put(data, "at", json_time(start->since_us)) &&
		    json_put(data, "ip", json_text(start->ip)) && json_put(data, "ehlo", json_text(start->ehlo)) &&
		    json_put(data, "eventId", json_text(start->event_id)) && json_put(data, "previous", json_time(start->previous_us)) &&
		    json_put(data, "before", start->previous_us ? notice_words(N_("It had not done so since {previous}.")) :
								  notice_words(N_("It had never done so before.")));

	if (!good) {
		json_decref(data);
		return false;
	}
	(void)snprintf(key, sizeof(key), "first-basic/%.*s/%lld", STR_ARG(start->account), (long long)start->since_us);
	return notice_list_draft(starts->drafts, NOTICE_FIRST_BASIC, key, start->account, report_domain(start->account), starts->now_us, data);
}

enum outcome notice_query_basic(struct ledger *ledger, int64_t now_us, struct notice_list *drafts, struct fault *fault)
{
	struct starts starts = { now_us, drafts };

	return ledger_basic_starts(ledger, STARTS_MAX, add_start, &starts, fault);
}

/* --- the report as a file --- */

struct file {
	struct buf *out;
	enum language language;
};

static bool add_line(void *context, json_t *line)
{
	struct file *file = context;
	bool added = column_csv(file->out, report_columns[REPORT_BY_SENDER], line, file->language);

	json_decref(line);
	return added;
}

enum outcome notice_query_report(struct ledger *ledger, int64_t now_us, bool upstream_basic, enum language language, struct buf *out,
				 struct fault *fault)
{
	struct file file = { out, language };
	struct report_question question = { .by = REPORT_BY_SENDER, .now_us = now_us, .days = NOTICE_REPORT_DAYS,
					    .upstream_basic = upstream_basic, .language = language };

	if (!column_csv(out, report_columns[REPORT_BY_SENDER], NULL, language))
		return no_memory(fault);
	return report_query(ledger, &question, add_line, &file, fault);
}
