#include "keeper/consequence.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "domain/policy.h"
#include "keeper/mover.h"

#define DAYS 30
#define FEW 2 /* as many accounts are no company yet: who tries a switch on one copier is not asked twice */
#define DAY_US (86400ll * 1000000)

static bool allowed(const struct account *account, const struct tenant *tenant)
{
	struct policy_question question = {
		.protocol = AUTH_PROTOCOL_BASIC,
		.account = account,
		.tenant = tenant,
		.credentials_right = true,
	};
	enum policy_rule rule = policy_decide(&question);

	return rule == POLICY_ALLOWED || rule == POLICY_ADDRESS; /* where it comes from is not known here */
}

bool consequence_refuses(const struct directory *directory, const struct account *account, const struct consequence_change *change)
{
	const struct tenant *tenant = directory_tenant(directory, str_of(account->domain));
	const struct tenant *tenant_then = tenant;
	const struct account *account_then = account;

	if (!tenant || !allowed(account, tenant))
		return false;
	if (change->tenant && strcmp(change->tenant->domain, tenant->domain) == 0)
		tenant_then = change->tenant;
	if (change->account && strcmp(change->account->address, account->address) == 0)
		account_then = change->account;
	return !allowed(account_then, tenant_then);
}

bool consequence_locks_all_out(const struct directory *directory, const struct tenant *changed)
{
	struct consequence_change change = { .tenant = changed };
	const struct tenant *tenant = directory_tenant(directory, str_of(changed->domain));
	const struct account *account;
	size_t today = 0;
	size_t refused = 0;
	size_t at = 0;

	while (tenant && (account = table_next(&directory->accounts, &at))) {
		if (!str_eq_nocase(str_of(account->domain), str_of(changed->domain)) || !allowed(account, tenant))
			continue;
		today++;
		if (consequence_refuses(directory, account, &change))
			refused++;
	}
	return today > FEW && refused == today;
}

/* --- who signed in lately --- */

struct lately {
	struct tenant tenant;
	struct account account;
	bool of_tenant;
	struct table users; /* char *, by itself */
};

static bool add_user(void *context, const struct sign_in *row)
{
	struct lately *lately = context;
	char *name;

	if (row->error_code != 0 || row->protocol != AUTH_PROTOCOL_BASIC || table_find(&lately->users, row->user))
		return true;
	name = str_dup(row->user);
	if (!name || !table_put(&lately->users, str_of(name), name))
		free(name);
	return true;
}

static enum outcome run(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct sign_in_filter filter = { .since_us = clock_real_us() - DAYS * DAY_US };
	int64_t begins_us;

	if (!sign_in_filter_set(&filter, STR("status"), STR("success"), false, clock_real_us(), fault))
		return OUTCOME_NEVER;
	return ledger_sign_ins(ledger, &filter, add_user, job->state, &begins_us, fault);
}

static void lately_free(struct lately *lately)
{
	char *name;
	size_t at = 0;

	while ((name = table_next(&lately->users, &at)))
		free(name);
	table_done(&lately->users);
	if (lately->of_tenant)
		tenant_done(&lately->tenant);
	else
		account_done(&lately->account);
	free(lately);
}

static void lately_drop(void *lately)
{
	lately_free(lately);
}

static void done(struct ledger_job *job)
{
	struct lately *lately = job->state;
	struct api_call *call = job->call;
	struct consequence_change change = { .tenant = lately->of_tenant ? &lately->tenant : NULL,
					     .account = lately->of_tenant ? NULL : &lately->account };
	const char *name;
	size_t refused = 0;
	size_t at = 0;

	while (job->outcome == OUTCOME_OK && (name = table_next(&lately->users, &at))) {
		const struct account *account = directory_account(&call->keeper->directory, str_of(name));

		if (!account || !consequence_refuses(&call->keeper->directory, account, &change))
			continue;
		refused++;
		api_row(call, json_pack("{s:s,s:s}", "user", account->address, "afterwards", "refused"));
	}
	if (job->outcome == OUTCOME_OK)
		api_note(call, N_("nothing was changed: %zu of %zu accounts that signed in in the last %d days would be refused"),
			 refused, lately->users.count, DAYS);
	lately_free(lately);
	api_end_outcome(call, job->outcome, &job->fault);
	ledger_job_free(job);
}

static void on_moved(void *context, enum outcome outcome)
{
	struct ledger_job *job = context;

	(void)outcome;
	ledger_job_start(job);
}

void consequence_tell(struct api_call *call, const struct consequence_change *change)
{
	struct lately *lately = calloc(1, sizeof(*lately));
	struct ledger_job *job;
	bool copied;

	if (lately)
		lately->of_tenant = change->tenant != NULL;
	copied = lately && (change->tenant ? tenant_copy(change->tenant, &lately->tenant) : account_copy(change->account, &lately->account));
	if (!copied) {
		free(lately);
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	job = ledger_job_new(call, false);
	if (!job) {
		lately_free(lately);
		return;
	}
	job->state = lately;
	job->drop = lately_drop;
	job->run = run;
	job->done = done;
	mover_flush(call->keeper->mover, on_moved, job);
}
