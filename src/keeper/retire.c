#include "keeper/retire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define LOOK_EVERY_MS 1000

struct retire {
	struct keeper *keeper;
	struct table plans; /* struct retirement_plan, by tenant */
	bool busy;          /* one change at a time */
	uint64_t looked_ms;
	bool cut;           /* memory was short while reading */
};

/* One tenant's change, on the scribe's thread. */
struct step {
	struct worker_job job; /* first */
	struct retire *retire;
	struct tenant tenant;  /* as it is to be */
	bool changed;
	bool begun; /* told to the directory */
	struct retirement_plan plan;
	char what[256];
	struct fault fault;
	enum outcome outcome;
};

static bool each_plan(void *context, const struct retirement_plan *plan)
{
	struct retire *retire = context;

	retire->cut = !retire_put(retire, plan);
	return !retire->cut;
}

struct retire *retire_new(struct keeper *keeper, struct fault *fault)
{
	struct retire *retire = calloc(1, sizeof(*retire));
	enum outcome outcome;

	(void)fault_set(fault, OUTCOME_LATER, N_("out of memory at the start"));
	if (!retire)
		return NULL;
	retire->keeper = keeper;
	table_init(&retire->plans);
	outcome = ledger_retirement_plans(keeper->ledger_read, each_plan, retire, fault);
	if (outcome == OUTCOME_OK && !retire->cut)
		return retire;
	retire_free(retire);
	return NULL;
}

void retire_free(struct retire *retire)
{
	void *plan;
	size_t at = 0;

	if (!retire)
		return;
	while ((plan = table_next(&retire->plans, &at)))
		free(plan);
	table_done(&retire->plans);
	free(retire);
}

static struct retirement_plan *find(const struct retire *retire, struct str tenant)
{
	CLEANUP(cleanup_free) char *key = str_dup_lower(tenant);

	return key ? table_find(&retire->plans, str_of(key)) : NULL;
}

const struct retirement_plan *retire_plan(const struct retire *retire, struct str tenant)
{
	return find(retire, tenant);
}

bool retire_put(struct retire *retire, const struct retirement_plan *plan)
{
	struct retirement_plan *there = find(retire, str_of(plan->tenant));
	struct retirement_plan *copy;

	if (there) {
		*there = *plan;
		return true;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = *plan;
	if (table_put(&retire->plans, str_of(copy->tenant), copy))
		return true;
	free(copy);
	return false;
}

/* --- the day has come --- */

static void run(struct worker_job *job)
{
	struct step *step = (struct step *)job;
	struct ledger *ledger = step->retire->keeper->ledger;

	/* The tenant first: to be told twice does no harm, to be skipped would. */
	step->outcome = OUTCOME_OK;
	if (step->changed)
		step->outcome = ledger_tenant_put(ledger, &step->tenant, STR("retirement"), str_of(step->what), &step->fault);
	if (step->outcome == OUTCOME_OK)
		step->outcome = ledger_retirement_put(ledger, &step->plan, STR("retirement"), STR(""), &step->fault);
}

static void step_free(struct step *step)
{
	if (step->begun)
		directory_change_ends(&step->retire->keeper->directory, str_of(step->tenant.domain));
	tenant_done(&step->tenant);
	free(step);
}

static void on_done(struct worker_job *job)
{
	struct step *step = (struct step *)job;
	struct retire *retire = step->retire;
	struct retirement_plan *plan = find(retire, str_of(step->plan.tenant));

	retire->busy = false;
	if (step->outcome != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "retirement not carried out", LOG_TEXT("tenant", step->plan.tenant),
			  LOG_TEXT("reason", step->fault.text[LANGUAGE_EN]));
	else if (step->changed && !directory_put_tenant(&retire->keeper->directory, &step->tenant))
		log_event(LOG_LEVEL_ERROR, "out of memory; restart the daemon", LOG_TEXT("tenant", step->plan.tenant));
	else if (step->changed)
		log_event(LOG_LEVEL_WARNING, "retirement", LOG_TEXT("tenant", step->plan.tenant), LOG_TEXT("what", step->what));
	if (step->outcome == OUTCOME_OK && plan)
		plan->applied = step->plan.applied;
	step_free(step);
}

static void start(struct retire *retire, const struct retirement_plan *plan, const struct tenant *tenant, enum retirement_effect effect,
		  enum basic_state basic)
{
	const struct switch_row *row = switch_find(tenant_switches, tenant_switches_count, STR("basic"));
	struct step *step = calloc(1, sizeof(*step));
	char before[32] = "", after[32] = "", date[RETIREMENT_DATE_MAX];

	if (!step || !tenant_copy(tenant, &step->tenant)) {
		free(step); /* the next tick tries again */
		return;
	}
	step->retire = retire;
	step->begun = directory_change_begins(&retire->keeper->directory, str_of(step->tenant.domain));
	if (!step->begun) { /* an administrator is changing it: the next tick sees what became of that */
		step_free(step);
		return;
	}
	step->job = (struct worker_job){ .run = run, .done = on_done };
	step->plan = *plan;
	step->plan.applied = effect;
	step->tenant.basic = basic;
	step->changed = basic != tenant->basic;
	(void)row->get(tenant, before, sizeof(before));
	(void)row->get(&step->tenant, after, sizeof(after));
	(void)retirement_effect_at(plan, clock_real_us(), date);
	(void)snprintf(step->what, sizeof(step->what), "basic %s (was %s); retirement phase %s of %s, enforced", after, before,
		       retirement_effect_name(effect), date);
	retire->busy = worker_add(retire->keeper->scribe, &step->job);
	if (!retire->busy)
		step_free(step);
}

void retire_tick(struct retire *retire)
{
	const struct retirement_plan *plan;
	size_t at = 0;

	if (retire->busy || clock_monotonic_ms() - retire->looked_ms < LOOK_EVERY_MS)
		return;
	retire->looked_ms = clock_monotonic_ms();
	while (!retire->busy && (plan = table_next(&retire->plans, &at))) {
		const struct tenant *tenant = directory_tenant(&retire->keeper->directory, str_of(plan->tenant));
		enum retirement_effect effect;
		enum basic_state basic;

		if (tenant && retirement_due(plan, tenant->basic, clock_real_us(), &effect, &basic))
			start(retire, plan, tenant, effect, basic);
	}
}
