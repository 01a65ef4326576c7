#include "keep/plan_view.h"

#include <stdlib.h>

#include "base/cleanup.h"

/* Each adds a copy; false, and the view is not whole, without memory. */
static bool add_tenant(void *context, const struct tenant *tenant)
{
	struct plan_view *view = context;
	struct tenant *copy = calloc(1, sizeof(*copy));

	if (copy && tenant_copy(tenant, copy) && table_put(&view->tenants, str_of(copy->domain), copy))
		return true;
	if (copy)
		tenant_done(copy);
	free(copy);
	return false;
}

static bool add_plan(void *context, const struct retirement_plan *plan)
{
	struct plan_view *view = context;
	struct retirement_plan *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *plan;
	if (table_put(&view->plans, str_of(copy->tenant), copy))
		return true;
	free(copy);
	return false;
}

static bool add_account(void *context, const struct account *account)
{
	struct plan_view *view = context;
	struct account *copy = calloc(1, sizeof(*copy));

	if (copy && account_copy(account, copy) && table_put(&view->accounts, str_of(copy->address), copy))
		return true;
	if (copy)
		account_done(copy);
	free(copy);
	return false;
}

/* Whether memory ended the walk. */
struct walk {
	struct plan_view *view;
	bool cut;
};

static bool each_tenant(void *context, const struct tenant *tenant)
{
	struct walk *walk = context;

	walk->cut = !add_tenant(walk->view, tenant);
	return !walk->cut;
}

static bool each_plan(void *context, const struct retirement_plan *plan)
{
	struct walk *walk = context;

	walk->cut = !add_plan(walk->view, plan);
	return !walk->cut;
}

static bool each_account(void *context, const struct account *account)
{
	struct walk *walk = context;

	walk->cut = !add_account(walk->view, account);
	return !walk->cut;
}

enum outcome plan_view_load(struct plan_view *view, struct ledger *ledger, bool with_accounts, struct fault *fault)
{
	struct walk walk = { .view = view };
	enum outcome outcome;

	table_init(&view->tenants);
	table_init(&view->plans);
	table_init(&view->accounts);
	outcome = ledger_tenants(ledger, each_tenant, &walk, fault);
	if (outcome == OUTCOME_OK && !walk.cut)
		outcome = ledger_retirement_plans(ledger, each_plan, &walk, fault);
	if (outcome == OUTCOME_OK && !walk.cut && with_accounts)
		outcome = ledger_accounts(ledger, each_account, &walk, fault);
	if (outcome == OUTCOME_OK && walk.cut)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	return outcome;
}

void plan_view_done(struct plan_view *view)
{
	struct tenant *tenant;
	struct account *account;
	void *plan;
	size_t at = 0;

	while ((tenant = table_next(&view->tenants, &at))) {
		tenant_done(tenant);
		free(tenant);
	}
	at = 0;
	while ((plan = table_next(&view->plans, &at)))
		free(plan);
	at = 0;
	while ((account = table_next(&view->accounts, &at))) {
		account_done(account);
		free(account);
	}
	table_done(&view->tenants);
	table_done(&view->plans);
	table_done(&view->accounts);
}

static const void *find(const struct table *table, struct str name)
{
	CLEANUP(cleanup_free) char *key = str_dup_lower(name);

	return key ? table_find(table, str_of(key)) : NULL;
}

const struct tenant *plan_view_tenant(const struct plan_view *view, struct str domain)
{
	return find(&view->tenants, domain);
}

const struct retirement_plan *plan_view_plan(const struct plan_view *view, struct str domain)
{
	return find(&view->plans, domain);
}

const struct account *plan_view_account(const struct plan_view *view, struct str address)
{
	return find(&view->accounts, address);
}
