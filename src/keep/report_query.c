#include "keep/report_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/table.h"
#include "domain/json_text.h"
#include "domain/nearest.h"
#include "keep/plan_view.h"

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

bool report_upstream_basic(const struct settings *settings)
{
	for (size_t i = 0; i < settings->upstreams_count; i++) {
		if (settings->upstreams[i].auth == UPSTREAM_LOGIN || settings->upstreams[i].auth == UPSTREAM_PLAIN)
			return true;
	}
	return false;
}

enum outcome report_question_set(struct report_question *question, int64_t days, struct str by, struct fault *fault)
{
	struct str near;

	if (days < REPORT_DAYS_MIN || days > REPORT_DAYS_MAX)
		return fault_set(fault, OUTCOME_NEVER, N_("the report is over %d to %d days, not %lld; write --days %d"), REPORT_DAYS_MIN,
				 REPORT_DAYS_MAX, (long long)days, days < REPORT_DAYS_MIN ? REPORT_DAYS_MIN : REPORT_DAYS_MAX);
	question->days = days;
	question->by = REPORT_BY_SENDER;
	if (by.len == 0 || report_by_parse(by, &question->by))
		return OUTCOME_OK;
	near = nearest(by, report_by_names, REPORT_BY_COUNT);
	if (near.len > 0)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no report by \"%.*s\"; did you mean --by %.*s?"), STR_ARG(by), STR_ARG(near));
	return fault_set(fault, OUTCOME_NEVER, N_("there is no report by \"%.*s\"; write --by sender, domain, device, tls or day"), STR_ARG(by));
}

struct reading {
	struct report *report;
	bool good;
};

static bool add(void *context, const struct report_row *row)
{
	struct reading *reading = context;

	reading->good = report_add(reading->report, row);
	return reading->good;
}

/* Already now, or as soon as this gateway carries out what the tenant plans. */
static bool refuses(void *context, struct str domain)
{
	const struct plan_view *view = context;
	const struct tenant *tenant = plan_view_tenant(view, domain);
	const struct retirement_plan *plan = plan_view_plan(view, domain);

	return tenant && (tenant->basic == BASIC_DEFAULT_OFF || tenant->basic == BASIC_RETIRED || (plan && plan->enforce));
}

enum outcome report_query(struct ledger *ledger, const struct report_question *question, bool (*each)(void *context, json_t *line),
			  void *context, struct fault *fault)
{
	int64_t today = question->now_us / REPORT_DAY_US;
	struct plan_view view;
	struct reading reading = { .good = true };
	enum outcome outcome = plan_view_load(&view, ledger, false, fault);

	reading.report = report_new(question->by, question->upstream_basic, refuses, &view);
	if (outcome == OUTCOME_OK && !reading.report)
		outcome = no_memory(fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_report(ledger, today - question->days + 1, today, question->by == REPORT_BY_DAY, add, &reading, fault);
	if (outcome == OUTCOME_OK && (!reading.good || !report_lines(reading.report, question->language, each, context)))
		outcome = no_memory(fault);
	report_free(reading.report);
	plan_view_done(&view);
	return outcome;
}

/* --- the phases --- */

static json_t *phase_json(const struct retirement_phase *phase, const char *date, enum retirement_exact exact, bool own, int64_t now_us,
			  enum language language)
{
	const struct retirement_revision *newest = &retirement_history[retirement_history_count - 1];
	json_t *json = json_object();
	char when[64];
	int64_t at_us = INT64_MAX;

	(void)retirement_date_parse(str_of(date), &at_us, NULL);
	retirement_when_print(date, exact, language, sizeof(when), when);
	if (json_put(json, "phase", json_string(phase->id)) && json_put(json, "date", json_string(date)) &&
	    json_put(json, "when", json_string(when)) && json_put(json, "effect", json_string(retirement_effect_name(phase->effect))) &&
	    json_put(json, "tenants", json_string(phase->new_tenants_only ? "new" : "existing")) &&
	    json_put(json, "come", json_boolean(at_us <= now_us)) && json_put(json, "text", json_string(say(language, phase->text))) &&
	    json_put(json, "source", json_string(own ? "tenant" : newest->source)) &&
	    json_put(json, "asOf", json_string(own ? "" : newest->as_of)))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *revision_json(const struct retirement_revision *revision, enum language language)
{
	json_t *json = json_object();

	if (json_put(json, "asOf", json_string(revision->as_of)) && json_put(json, "text", json_string(say(language, revision->text))) &&
	    json_put(json, "source", json_string(revision->source)))
		return json;
	json_decref(json);
	return NULL;
}

/* The tenant's own date for this phase; NULL: the schedule's. */
static const char *own_date(const struct retirement_plan *plan, const struct retirement_phase *phase)
{
	bool is_the_one = plan && strcmp(phase->id, "default-off") == 0 && plan->default_off[0];

	return is_the_one ? plan->default_off : NULL;
}

static const struct retirement_phase retired_phase = {
	"retired", "", RETIREMENT_DAY, RETIREMENT_RETIRED, false,
	N_("Basic authentication for SMTP AUTH is gone for this tenant, as it plans for itself."),
};

static enum outcome show_phases(const struct retirement_plan *plan, int64_t now_us, enum language language,
				bool (*each)(void *context, json_t *line), void *context, struct fault *fault)
{
	bool more = true;

	for (size_t i = 0; i < retirement_schedule_count && more; i++) {
		const struct retirement_phase *phase = &retirement_schedule[i];
		const char *own = own_date(plan, phase);
		json_t *json = phase_json(phase, own ? own : phase->date, own ? RETIREMENT_DAY : phase->exact, own != NULL, now_us, language);

		if (!json)
			return no_memory(fault);
		more = each(context, json);
	}
	if (more && plan && plan->retired[0]) {
		json_t *json = phase_json(&retired_phase, plan->retired, RETIREMENT_DAY, true, now_us, language);

		if (!json)
			return no_memory(fault);
		(void)each(context, json);
	}
	return OUTCOME_OK;
}

enum outcome retirement_query(struct ledger *ledger, struct str tenant, bool history, int64_t now_us, enum language language,
			      bool (*each)(void *context, json_t *line), void *context, struct fault *fault)
{
	struct plan_view view;
	enum outcome outcome;

	if (history) {
		for (size_t i = retirement_history_count; i-- > 0;) { /* lists print newest first */
			json_t *json = revision_json(&retirement_history[i], language);

			if (!json)
				return no_memory(fault);
			if (!each(context, json))
				break;
		}
		return OUTCOME_OK;
	}
	outcome = plan_view_load(&view, ledger, false, fault);
	if (outcome == OUTCOME_OK && tenant.len > 0 && !plan_view_tenant(&view, tenant))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("there is no tenant \"%.*s\"; see: sekisho tenant list"), STR_ARG(tenant));
	if (outcome == OUTCOME_OK)
		outcome = show_phases(plan_view_plan(&view, tenant), now_us, language, each, context, fault);
	plan_view_done(&view);
	return outcome;
}
