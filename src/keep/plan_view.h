/* plan_view: tenants, their retirement plans and, when asked, their accounts as one question of the ledger sees them. */
#ifndef KEEP_PLAN_VIEW_H
#define KEEP_PLAN_VIEW_H

#include "base/table.h"
#include "keep/ledger.h"

struct plan_view {
	struct table tenants;  /* struct tenant, by domain */
	struct table plans;    /* struct retirement_plan, by tenant */
	struct table accounts; /* struct account, by address; empty unless asked for */
};

/* plan_view_done() also after a failure. */
enum outcome plan_view_load(struct plan_view *view, struct ledger *ledger, bool with_accounts, struct fault *fault);
void plan_view_done(struct plan_view *view);

/* By name in any case; NULL: none. */
const struct tenant *plan_view_tenant(const struct plan_view *view, struct str domain);
const struct retirement_plan *plan_view_plan(const struct plan_view *view, struct str domain);
const struct account *plan_view_account(const struct plan_view *view, struct str address);

#endif
