/* ledger_retirement: what tenants plan for the end of Basic authentication. */
#include "keep/ledger_private.h"

enum outcome ledger_retirement_plans(struct ledger *ledger, bool (*each)(void *context, const struct retirement_plan *plan),
				     void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT tenant, default_off, retired, enforce, applied FROM retirement ORDER BY tenant"), &statement, fault);
	bool more = true;
	int code = SQLITE_DONE;

	while (outcome == OUTCOME_OK && more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct retirement_plan plan = { .enforce = str_eq(ledger_column_str(statement, 3), STR("yes")) };

		if (!str_copy(ledger_column_str(statement, 0), sizeof(plan.tenant), plan.tenant) ||
		    !str_copy(ledger_column_str(statement, 1), sizeof(plan.default_off), plan.default_off) ||
		    !str_copy(ledger_column_str(statement, 2), sizeof(plan.retired), plan.retired) ||
		    !retirement_effect_parse(ledger_column_str(statement, 4), &plan.applied)) {
			struct str tenant = ledger_column_str(statement, 0);

			return fault_set(fault, OUTCOME_NEVER, N_("ledger: the retirement plan of %.*s cannot be read"), STR_ARG(tenant));
		}
		more = each(context, &plan);
	}
	if (outcome == OUTCOME_OK && more && code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot read: %s"), fault);
	return outcome;
}

static enum outcome put(struct ledger *ledger, const struct retirement_plan *plan, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("INSERT OR REPLACE INTO retirement (tenant, default_off, retired, enforce, applied) VALUES (?1, ?2, ?3, ?4, ?5)"),
		&statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, str_of(plan->tenant));
	ledger_bind_str(statement, 2, str_of(plan->default_off));
	ledger_bind_str(statement, 3, str_of(plan->retired));
	ledger_bind_str(statement, 4, plan->enforce ? STR("yes") : STR("no"));
	ledger_bind_str(statement, 5, str_of(retirement_effect_name(plan->applied)));
	return ledger_step_done(ledger, statement, N_("ledger: cannot write: %s"), fault);
}

enum outcome ledger_retirement_put(struct ledger *ledger, const struct retirement_plan *plan, struct str actor, struct str what,
				   struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = put(ledger, plan, fault);
	if (outcome == OUTCOME_OK && what.len > 0)
		outcome = ledger_audit_add(ledger, actor, str_of(plan->tenant), what, fault);
	return ledger_end(ledger, outcome, fault);
}
