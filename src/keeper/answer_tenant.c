#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "keeper/answer_directory.h"
#include "keeper/consequence.h"

static json_t *tenant_json(const struct tenant *tenant)
{
	return answer_switches_json("tenant", tenant->domain, tenant_switches, tenant_switches_count, tenant);
}

void answer_tenant_list(struct api_call *call)
{
	const struct tenant *tenant;
	size_t at = 0;

	while ((tenant = table_next(&call->keeper->directory.tenants, &at)))
		api_row(call, tenant_json(tenant));
	api_end(call, EX_OK);
}

static const struct tenant *find(struct api_call *call, const char **ret_name)
{
	const struct tenant *tenant;

	*ret_name = api_text(call, "tenant");
	tenant = *ret_name ? directory_tenant(&call->keeper->directory, str_of(*ret_name)) : NULL;
	if (!tenant)
		api_fail_text(call, EX_USAGE, N_("there is no tenant \"%s\"; see: sekisho tenant list"), *ret_name ? *ret_name : "");
	return tenant;
}

void answer_tenant_show(struct api_call *call)
{
	const char *name;
	const struct tenant *tenant = find(call, &name);

	if (!tenant)
		return;
	api_row(call, tenant_json(tenant));
	api_end(call, EX_OK);
}

/* --- changes: to the ledger first, then into memory --- */

struct change {
	struct tenant tenant;
	struct directory *begun; /* told of it; NULL: not yet */
	char what[512];
};

static enum outcome run_change(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	const struct change *change = job->state;

	return ledger_tenant_put(ledger, &change->tenant, str_of(job->call->actor), str_of(change->what), fault);
}

static void change_free(struct change *change)
{
	if (change->begun)
		directory_change_ends(change->begun, str_of(change->tenant.domain));
	tenant_done(&change->tenant);
	free(change);
}

static void change_drop(void *change)
{
	change_free(change);
}

static void done_change(struct ledger_job *job)
{
	struct change *change = job->state;

	if (job->outcome == OUTCOME_OK) {
		if (directory_put_tenant(&job->call->keeper->directory, &change->tenant))
			api_row(job->call, tenant_json(&change->tenant));
		else
			job->outcome = fault_set(&job->fault, OUTCOME_LATER, N_("it is written, but the daemon is out of memory; restart it"));
	}
	api_end_outcome(job->call, job->outcome, &job->fault);
	change_free(change);
	ledger_job_free(job);
}

static void start_change(struct api_call *call, struct change *change)
{
	struct directory *directory = &call->keeper->directory;
	struct ledger_job *job;

	if (!directory_change_begins(directory, str_of(change->tenant.domain))) {
		api_fail_text(call, EX_TEMPFAIL, N_("another change of %s is being written; try again"), change->tenant.domain);
		change_free(change);
		return;
	}
	change->begun = directory;
	job = ledger_job_new(call, true);
	if (!job) {
		change_free(change);
		return;
	}
	job->state = change;
	job->drop = change_drop;
	job->run = run_change;
	job->done = done_change;
	ledger_job_start(job);
}

void answer_tenant_add(struct api_call *call)
{
	struct str name = str_of(api_text(call, "tenant"));
	struct change *change = calloc(1, sizeof(*change));
	struct fault fault;

	if (!change) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	tenant_init(&change->tenant);
	if (!tenant_domain_set(&change->tenant, name)) {
		api_fail_text(call, EX_DATAERR, N_("\"%.*s\" is no domain name; a tenant is named by its mail domain, such as contoso.example"),
			      STR_ARG(name));
		change_free(change);
		return;
	}
	if (directory_tenant(&call->keeper->directory, name)) {
		api_fail_text(call, EX_DATAERR, N_("there is a tenant \"%.*s\" already; change it with: sekisho tenant set"), STR_ARG(name));
		change_free(change);
		return;
	}
	if (api_flag(call, "exchange-defaults"))
		change->tenant.smtp_auth = false;
	(void)str_copy(STR("tenant added"), sizeof(change->what), change->what);
	if (!answer_set_switches(call, tenant_switches, tenant_switches_count, &change->tenant, change->what, sizeof(change->what), &fault)) {
		api_fail(call, EX_DATAERR, &fault);
		change_free(change);
		return;
	}
	start_change(call, change);
}

/* The portal asks why security defaults are turned off; so do we. */
static bool reason_given(struct api_call *call, const struct tenant *before, struct change *change)
{
	const char *reason = api_text(call, "reason");
	size_t len = strlen(change->what);

	if (!before->security_defaults || change->tenant.security_defaults)
		return true;
	if (!reason && !api_flag(call, "yes")) {
		api_fail_text(call, EX_USAGE, N_("turning security defaults off needs a reason, which goes into the audit trail: --reason TEXT"));
		return false;
	}
	(void)snprintf(change->what + len, sizeof(change->what) - len, "; reason: %s", reason ? reason : "not stated");
	return true;
}

/* Nobody locks out a whole company by a slip of the hand. False: the call has been ended. */
static bool all_may_go(struct api_call *call, const struct change *change)
{
	if (api_flag(call, "yes") || !consequence_locks_all_out(&call->keeper->directory, &change->tenant))
		return true;
	api_fail_text(call, EX_USAGE, N_("this would refuse every account of %s that may sign in today; look with --dry-run, or say --yes"),
		      change->tenant.domain);
	return false;
}

void answer_tenant_set(struct api_call *call)
{
	const char *name;
	const struct tenant *tenant = find(call, &name);
	struct change *change = tenant ? calloc(1, sizeof(*change)) : NULL;
	struct fault fault;

	if (!tenant)
		return;
	if (!change || !tenant_copy(tenant, &change->tenant)) {
		free(change);
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	if (!answer_set_switches(call, tenant_switches, tenant_switches_count, &change->tenant, change->what, sizeof(change->what), &fault)) {
		api_fail(call, EX_DATAERR, &fault);
		change_free(change);
	} else if (api_flag(call, "dry-run")) {
		consequence_tell(call, &(struct consequence_change){ .tenant = &change->tenant });
		change_free(change);
	} else if (!reason_given(call, tenant, change) || !all_may_go(call, change)) {
		change_free(change);
	} else {
		answer_tell_real_tenant(call, tenant_switches, tenant_switches_count, change->tenant.domain);
		start_change(call, change);
	}
}
