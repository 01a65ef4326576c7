/* ledger_route: the routes that an administrator has added; those of the settings file are not here. */
#include "keep/ledger_private.h"

#include <stdio.h>

enum outcome ledger_routes(struct ledger *ledger, struct route_list *list, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT number, tenant, sender, size_over_bytes, upstream FROM route ORDER BY place, number"), &statement, fault);
	int code = SQLITE_DONE;

	while (outcome == OUTCOME_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct route_settings rule = {
			.tenant = (const char *)sqlite3_column_text(statement, 1),
			.from = (const char *)sqlite3_column_text(statement, 2),
			.size_over_bytes = (uint64_t)sqlite3_column_int64(statement, 3),
			.upstream = (const char *)sqlite3_column_text(statement, 4),
		};

		if (!rule.upstream || !route_list_put(list, list->count, (uint64_t)sqlite3_column_int64(statement, 0), &rule))
			return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	}
	if (outcome == OUTCOME_OK && code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot read: %s"), fault);
	return outcome;
}

static enum outcome audit(struct ledger *ledger, struct str actor, uint64_t number, const char *verb, const struct route_settings *rule,
			  uint64_t before, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf what;
	char object[ROUTE_ID_MAX + 8];

	buf_init(&what, ROUTE_TEXT_MAX);
	(void)snprintf(object, sizeof(object), "route r%llu", (unsigned long long)number);
	if (!buf_add_format(&what, "%s: ", verb) || !route_print(rule, &what) ||
	    (before && !buf_add_format(&what, " --before r%llu", (unsigned long long)before)))
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	return ledger_audit_add(ledger, actor, str_of(object), buf_str(&what), fault);
}

/* One statement with a number in it. */
static enum outcome run(struct ledger *ledger, struct str sql, uint64_t number, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, sql, &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)number);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write: %s"), fault);
}

static enum outcome insert(struct ledger *ledger, const struct route_settings *rule, uint64_t before, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("INSERT INTO route (place, tenant, sender, size_over_bytes, upstream) VALUES (coalesce("
		    "(SELECT place - 1 FROM route WHERE number = ?1), (SELECT coalesce(max(place), 0) + 1 FROM route)), ?2, ?3, ?4, ?5)"),
		&statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)before);
	ledger_bind_str(statement, 2, rule->tenant ? str_of(rule->tenant) : STR(""));
	ledger_bind_str(statement, 3, rule->from ? str_of(rule->from) : STR(""));
	(void)sqlite3_bind_int64(statement, 4, (int64_t)rule->size_over_bytes);
	ledger_bind_str(statement, 5, str_of(rule->upstream));
	return ledger_step_done(ledger, statement, N_("ledger: cannot write: %s"), fault);
}

enum outcome ledger_route_add(struct ledger *ledger, const struct route_settings *rule, uint64_t before, struct str actor,
			      uint64_t *ret_number, struct fault *fault)
{
	uint64_t number = 0;
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (before) /* whoever stands there, and behind, makes room */
		outcome = run(ledger, STR("UPDATE route SET place = place + 1 WHERE place >= (SELECT place FROM route WHERE number = ?1)"),
			      before, fault);
	if (outcome == OUTCOME_OK)
		outcome = insert(ledger, rule, before, fault);
	if (outcome == OUTCOME_OK) {
		number = (uint64_t)sqlite3_last_insert_rowid(ledger->db);
		outcome = audit(ledger, actor, number, "added", rule, before, fault);
	}
	outcome = ledger_end(ledger, outcome, fault);
	if (outcome == OUTCOME_OK)
		*ret_number = number;
	return outcome;
}

enum outcome ledger_route_remove(struct ledger *ledger, uint64_t number, const struct route_settings *rule, struct str actor,
				 struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = run(ledger, STR("DELETE FROM route WHERE number = ?1"), number, fault);
	if (outcome == OUTCOME_OK && sqlite3_changes(ledger->db) == 0)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("there is no route r%llu; see: sekisho route list"), (unsigned long long)number);
	if (outcome == OUTCOME_OK)
		outcome = audit(ledger, actor, number, "removed", rule, 0, fault);
	return ledger_end(ledger, outcome, fault);
}
