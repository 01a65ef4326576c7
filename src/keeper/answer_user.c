#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sodium/utils.h>

#include "domain/policy.h"
#include "keep/password.h"
#include "keeper/admit.h"
#include "keeper/answer_directory.h"
#include "keeper/consequence.h"

static json_t *user_json(const struct keeper *keeper, const struct account *account)
{
	json_t *json = answer_switches_json("user", account->address, account_switches, account_switches_count, account);
	const struct tenant *tenant = directory_tenant(&keeper->directory, str_of(account->domain));
	const char *from;

	if (json && tenant) {
		bool on = policy_smtp_auth(tenant, account, &from);

		(void)json_object_set_new(json, "tenant", json_string(tenant->domain));
		(void)json_object_set_new(json, "smtp-auth-effective", json_string(on ? "on" : "off"));
		(void)json_object_set_new(json, "smtp-auth-from", json_string(from));
		(void)json_object_set_new(json, "password", json_string(str_of(account->verifier).len == 0 ? "none" :
								       password_is_fast(account->verifier) ? "generated" : "set"));
	}
	return json;
}

static bool in_tenant(const struct account *account, const char *tenant)
{
	return !tenant || str_eq_nocase(str_of(account->domain), str_of(tenant));
}

void answer_user_list(struct api_call *call)
{
	const char *tenant = api_text(call, "tenant");
	const struct account *account;
	size_t at = 0;

	while ((account = table_next(&call->keeper->directory.accounts, &at))) {
		if (in_tenant(account, tenant))
			api_row(call, user_json(call->keeper, account));
	}
	api_end(call, EX_OK);
}

static const struct account *find(struct api_call *call)
{
	const char *name = api_text(call, "user");
	const struct account *account = name ? directory_account(&call->keeper->directory, str_of(name)) : NULL;

	if (!account)
		api_fail_text(call, EX_USAGE, N_("there is no user \"%s\"; see: sekisho user list"), name ? name : "");
	return account;
}

void answer_user_show(struct api_call *call)
{
	const struct account *account = find(call);

	if (!account)
		return;
	api_row(call, user_json(call->keeper, account));
	api_end(call, EX_OK);
}

/* --- changes: to the ledger first, then into memory --- */

struct change {
	struct account account;
	struct directory *begun; /* told of it; NULL: not yet */
	char what[1024];
	char *password;   /* to be hashed on the thread; NULL: unchanged */
	bool generated, remove;
};

static void change_free(struct change *change)
{
	if (change->begun)
		directory_change_ends(change->begun, str_of(change->account.address));
	account_done(&change->account);
	if (change->password)
		sodium_memzero(change->password, strlen(change->password));
	free(change->password);
	free(change);
}

static void change_drop(void *change)
{
	change_free(change);
}

static enum outcome run_change(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct change *change = job->state;
	char verifier[PASSWORD_VERIFIER_MAX];
	struct str actor = str_of(job->call->actor);

	if (change->remove)
		return ledger_account_remove(ledger, str_of(change->account.address), actor, fault);
	if (change->password) {
		if (password_verifier_make(job->call->keeper->password_key, str_of(change->password), change->generated, verifier,
					   fault) != OUTCOME_OK)
			return fault->outcome;
		free(change->account.verifier);
		change->account.verifier = str_dup(str_of(verifier));
		if (!change->account.verifier)
			return fault_set(fault, OUTCOME_LATER, N_("the daemon is out of memory; try again"));
	}
	return ledger_account_put(ledger, &change->account, actor, str_of(change->what), fault);
}

static void show_changed(struct api_call *call, const struct change *change)
{
	json_t *json = user_json(call->keeper, &change->account);

	/* The one time that anybody sees it. */
	if (json && change->generated)
		(void)json_object_set_new(json, "generatedPassword", json_string(change->password));
	api_row(call, json);
}

static void done_change(struct ledger_job *job)
{
	struct change *change = job->state;
	struct keeper *keeper = job->call->keeper;

	if (job->outcome == OUTCOME_OK && change->remove) {
		directory_remove_account(&keeper->directory, str_of(change->account.address));
	} else if (job->outcome == OUTCOME_OK) {
		if (directory_put_account(&keeper->directory, &change->account))
			show_changed(job->call, change);
		else
			job->outcome = fault_set(&job->fault, OUTCOME_LATER, N_("it is written, but the daemon is out of memory; restart it"));
	}
	if (job->outcome == OUTCOME_OK)
		admit_forget(keeper->admit, str_of(change->account.address), change->password != NULL);
	api_end_outcome(job->call, job->outcome, &job->fault);
	change_free(change);
	ledger_job_free(job);
}

static void start_change(struct api_call *call, struct change *change)
{
	struct directory *directory = &call->keeper->directory;
	struct ledger_job *job;

	if (!directory_change_begins(directory, str_of(change->account.address))) {
		api_fail_text(call, EX_TEMPFAIL, N_("another change of %s is being written; try again"), change->account.address);
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

/* From args: "password", or "generate". False: neither was given. */
static bool take_password(const struct api_call *call, struct change *change)
{
	const char *given = api_text(call, "password");

	if (api_flag(call, "generate")) {
		change->password = malloc(PASSWORD_GENERATED_LEN + 1);
		change->generated = true;
		if (change->password)
			password_generate(change->password);
		return change->password != NULL;
	}
	change->password = given ? str_dup(str_of(given)) : NULL;
	return change->password != NULL;
}

static struct change *change_of(struct api_call *call, const struct account *account)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change && (account ? account_copy(account, &change->account) : (account_init(&change->account), true)))
		return change;
	free(change);
	api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
	return NULL;
}

/* False: the call has been ended. */
static bool name_new_user(struct api_call *call, struct change *change)
{
	struct str name = str_of(api_text(call, "user"));

	if (!account_address_set(&change->account, name))
		api_fail_text(call, EX_DATAERR, N_("\"%.*s\" is no address; a user signs in as local@domain"), STR_ARG(name));
	else if (directory_account(&call->keeper->directory, name))
		api_fail_text(call, EX_DATAERR, N_("there is a user \"%.*s\" already; change it with: sekisho user set"), STR_ARG(name));
	else if (!directory_tenant(&call->keeper->directory, str_of(change->account.domain)))
		api_fail_text(call, EX_DATAERR, N_("there is no tenant \"%s\"; make it first: sekisho tenant add %s"),
			      change->account.domain, change->account.domain);
	else
		return true;
	return false;
}

void answer_user_add(struct api_call *call)
{
	struct change *change = change_of(call, NULL);
	struct fault fault;

	if (!change)
		return;
	if (!name_new_user(call, change)) {
		change_free(change);
		return;
	}
	if (!take_password(call, change)) {
		api_fail_text(call, EX_USAGE, N_("a user needs a password: --generate, --password-file FILE, or --password-stdin"));
		change_free(change);
		return;
	}
	(void)str_copy(change->generated ? STR("user added, password generated") : STR("user added"), sizeof(change->what), change->what);
	if (!answer_set_switches(call, account_switches, account_switches_count, &change->account, change->what, sizeof(change->what), &fault)) {
		api_fail(call, EX_DATAERR, &fault);
		change_free(change);
		return;
	}
	start_change(call, change);
}

void answer_user_set(struct api_call *call)
{
	const struct account *account = find(call);
	struct change *change = account ? change_of(call, account) : NULL;
	struct fault fault;

	if (!change)
		return;
	if (!answer_set_switches(call, account_switches, account_switches_count, &change->account, change->what, sizeof(change->what), &fault)) {
		api_fail(call, EX_DATAERR, &fault);
		change_free(change);
		return;
	}
	if (api_flag(call, "dry-run")) {
		consequence_tell(call, &(struct consequence_change){ .account = &change->account });
		change_free(change);
		return;
	}
	answer_tell_real_tenant(call, account_switches, account_switches_count, change->account.address);
	start_change(call, change);
}

void answer_user_passwd(struct api_call *call)
{
	const struct account *account = find(call);
	struct change *change = account ? change_of(call, account) : NULL;

	if (!change)
		return;
	if (!take_password(call, change)) {
		api_fail_text(call, EX_USAGE, N_("a user needs a password: --generate, --password-file FILE, or --password-stdin"));
		change_free(change);
		return;
	}
	(void)str_copy(change->generated ? STR("password generated") : STR("password set"), sizeof(change->what), change->what);
	start_change(call, change);
}

void answer_user_remove(struct api_call *call)
{
	const struct account *account = find(call);
	struct change *change = account ? change_of(call, account) : NULL;

	if (!change)
		return;
	change->remove = true;
	start_change(call, change);
}
