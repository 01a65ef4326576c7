#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "keep/report_query.h"
#include "keeper/consequence.h"
#include "keeper/mover.h"
#include "keeper/notice.h"
#include "keeper/retire.h"

static bool add_line(void *context, json_t *line)
{
	return ledger_job_row(context, line);
}

static void done(struct ledger_job *job)
{
	ledger_job_send_rows(job);
	api_end_outcome(job->call, job->outcome, &job->fault);
	free(job->state);
	ledger_job_free(job);
}

/* A job of the reader with a copy of `state` in it; NULL: the call has been ended. */
static struct ledger_job *job_with(struct api_call *call, bool writes, const void *state, size_t size)
{
	struct ledger_job *job = ledger_job_new(call, writes);

	if (!job)
		return NULL;
	job->state = malloc(size);
	job->done = done;
	if (job->state) {
		memcpy(job->state, state, size);
		return job;
	}
	ledger_job_free(job);
	api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
	return NULL;
}

/* What waits in the outbox is seen, too. */
static void on_moved(void *context, enum outcome outcome)
{
	(void)outcome;
	ledger_job_start(context);
}

/* --- report smtp-auth --- */

static enum outcome run_report(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	return report_query(ledger, job->state, add_line, job, fault);
}

void answer_report(struct api_call *call)
{
	struct report_question question = { .now_us = clock_real_us(), .language = call->language,
					    .upstream_basic = report_upstream_basic(call->keeper->settings) };
	struct ledger_job *job;
	struct fault fault;

	if (report_question_set(&question, api_number(call, "days", REPORT_DAYS_DEFAULT), str_of(api_text(call, "by")), &fault) != OUTCOME_OK) {
		api_fail(call, EX_USAGE, &fault);
		return;
	}
	job = job_with(call, false, &question, sizeof(question));
	if (!job)
		return;
	job->run = run_report;
	mover_flush(call->keeper->mover, on_moved, job);
}

/* --- retirement simulate --- */

struct simulate {
	struct simulate_question question;
	struct simulate_sum sum;
};

static enum outcome run_simulate(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct simulate *simulate = job->state;

	return simulate_query(ledger, &simulate->question, add_line, job, &simulate->sum, fault);
}

static void done_simulate(struct ledger_job *job)
{
	const struct simulate *simulate = job->state;
	const struct simulate_sum *sum = &simulate->sum;

	if (job->outcome == OUTCOME_OK)
		api_note(job->call,
			 N_("nothing was changed: %zu of %zu users by devices that signed in with basic authentication in the last %lld days would "
			    "be refused on %.10s; %zu of them are today already"),
			 sum->refused, sum->clients, (long long)simulate->question.days, api_text(job->call, "at"), sum->refused_before);
	done(job);
}

void answer_retirement_simulate(struct api_call *call)
{
	struct simulate simulate = { .question = { .now_us = clock_real_us(), .days = api_number(call, "days", 30), .language = call->language } };
	struct ledger_job *job;
	struct fault fault;

	if (!api_text(call, "at")) {
		api_fail_text(call, EX_USAGE, N_("say for which day: retirement simulate --at 2027-01-15"));
		return;
	}
	if (retirement_date_parse(str_of(api_text(call, "at")), &simulate.question.at_us, &fault) != OUTCOME_OK) {
		api_fail(call, EX_USAGE, &fault);
		return;
	}
	if (simulate.question.days < 1 || simulate.question.days > REPORT_DAYS_MAX) {
		api_fail_text(call, EX_USAGE, N_("the log is looked at over 1 to %d days, not %lld"), REPORT_DAYS_MAX,
			      (long long)simulate.question.days);
		return;
	}
	simulate.question.upstream_basic = report_upstream_basic(call->keeper->settings);
	job = job_with(call, false, &simulate, sizeof(simulate));
	if (!job)
		return;
	job->run = run_simulate;
	job->done = done_simulate;
	mover_flush(call->keeper->mover, on_moved, job);
}

/* --- retirement show --- */

static enum outcome run_show(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	return retirement_query(ledger, str_of(api_text(job->call, "tenant")), api_flag(job->call, "history"), clock_real_us(),
				job->call->language, add_line, job, fault);
}

void answer_retirement_show(struct api_call *call)
{
	const char *tenant = api_text(call, "tenant");
	struct ledger_job *job;

	if (tenant && !directory_tenant(&call->keeper->directory, str_of(tenant))) {
		api_fail_text(call, EX_USAGE, N_("there is no tenant \"%s\"; see: sekisho tenant list"), tenant);
		return;
	}
	job = ledger_job_new(call, false);
	if (!job)
		return;
	job->run = run_show;
	ledger_job_start(job);
}

/* --- retirement set --- */

struct change {
	struct retirement_plan plan;
	char what[256];
};

static enum outcome run_set(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	const struct change *change = job->state;

	return ledger_retirement_put(ledger, &change->plan, str_of(job->call->actor), str_of(change->what), fault);
}

static void done_set(struct ledger_job *job)
{
	const struct change *change = job->state;
	const struct retirement_plan *plan = &change->plan;

	if (job->outcome == OUTCOME_OK && !retire_put(job->call->keeper->retire, plan))
		job->outcome = fault_set(&job->fault, OUTCOME_LATER, N_("it is written, but the daemon is out of memory; restart it"));
	if (job->outcome == OUTCOME_OK) {
		notices_wake(job->call->keeper->notices);
		api_row(job->call, json_pack("{s:s,s:s,s:s,s:s}", "tenant", plan->tenant, "default-off", plan->default_off, "retired",
					     plan->retired, "enforce", plan->enforce ? "yes" : "no"));
		if (!plan->enforce)
			api_note(job->call, N_("this informs report, notices and simulate; it refuses nobody unless --enforce yes is set"));
	}
	done(job);
}

/* "--phase default-off --date 2027-01-15", "--date none". False: the call has been ended. */
static bool take_date(struct api_call *call, struct change *change)
{
	const char *phase = api_text(call, "phase");
	const char *date = api_text(call, "date");
	enum retirement_effect effect = RETIREMENT_UNCHANGED;
	struct fault fault;
	int64_t us;
	size_t len = strlen(change->what);
	char *into;

	if (!phase && !date)
		return true;
	if (!phase || !date || !retirement_effect_parse(str_of(phase), &effect) || effect == RETIREMENT_UNCHANGED) {
		api_fail_text(call, EX_USAGE, N_("a plan has a phase (default-off or retired) and its day: --phase default-off --date 2027-01-15"));
		return false;
	}
	if (strcmp(date, "none") != 0 && retirement_date_parse(str_of(date), &us, &fault) != OUTCOME_OK) {
		api_fail(call, EX_USAGE, &fault);
		return false;
	}
	into = effect == RETIREMENT_RETIRED ? change->plan.retired : change->plan.default_off;
	(void)snprintf(change->what + len, sizeof(change->what) - len, "retirement phase %s %s (was %s); ", phase, date,
		       into[0] ? into : "as scheduled");
	(void)str_copy(strcmp(date, "none") == 0 ? STR("") : str_of(date), RETIREMENT_DATE_MAX, into);
	return true;
}

static bool take_enforce(struct api_call *call, struct change *change)
{
	const char *enforce = api_text(call, "enforce");
	bool wanted = enforce && strcmp(enforce, "yes") == 0;
	size_t len = strlen(change->what);

	if (!enforce)
		return true;
	if (!wanted && strcmp(enforce, "no") != 0) {
		api_fail_text(call, EX_USAGE, N_("--enforce is yes or no, not \"%s\""), enforce);
		return false;
	}
	(void)snprintf(change->what + len, sizeof(change->what) - len, "retirement enforce %s (was %s); ", enforce,
		       change->plan.enforce ? "yes" : "no");
	if (wanted && !change->plan.enforce)
		change->plan.applied = RETIREMENT_UNCHANGED;
	change->plan.enforce = wanted;
	return true;
}

/* Nobody locks out a whole company by a day that has passed. False: the call has been ended. */
static bool may_go(struct api_call *call, const struct tenant *tenant, const struct change *change)
{
	enum retirement_effect effect;
	struct tenant then = *tenant; /* borrowed */

	if (!retirement_due(&change->plan, tenant->basic, clock_real_us(), &effect, &then.basic) || api_flag(call, "yes") ||
	    !consequence_locks_all_out(&call->keeper->directory, &then))
		return true;
	api_fail_text(call, EX_USAGE, N_("that day has come: this would at once refuse every account of %s that may sign in today; look with "
					 "retirement simulate, or say --yes"),
		      tenant->domain);
	return false;
}

void answer_retirement_set(struct api_call *call)
{
	const char *name = api_text(call, "tenant");
	const struct tenant *tenant = name ? directory_tenant(&call->keeper->directory, str_of(name)) : NULL;
	const struct retirement_plan *plan = tenant ? retire_plan(call->keeper->retire, str_of(name)) : NULL;
	struct change change = { .what = "" };
	enum retirement_effect today;
	struct ledger_job *job;

	if (!name) {
		api_fail_text(call, EX_USAGE, N_("say whose plan it is: retirement set --tenant contoso.example"));
		return;
	}
	if (!tenant) {
		api_fail_text(call, EX_USAGE, N_("there is no tenant \"%s\"; see: sekisho tenant list"), name);
		return;
	}
	if (plan)
		change.plan = *plan;
	(void)str_copy(str_of(tenant->domain), sizeof(change.plan.tenant), change.plan.tenant);
	if (!take_date(call, &change) || !take_enforce(call, &change))
		return;
	if (change.what[0] == '\0') {
		api_fail_text(call, EX_USAGE, N_("say what to set: --phase default-off --date 2027-01-15, or --enforce yes|no"));
		return;
	}
	change.what[strlen(change.what) - 2] = '\0'; /* the last "; " */
	/* A day that was put off comes again. */
	today = retirement_effect_at(&change.plan, clock_real_us(), NULL);
	if (change.plan.applied > today)
		change.plan.applied = today;
	if (!may_go(call, tenant, &change))
		return;
	job = job_with(call, true, &change, sizeof(change));
	if (!job)
		return;
	job->run = run_set;
	job->done = done_set;
	ledger_job_start(job);
}
