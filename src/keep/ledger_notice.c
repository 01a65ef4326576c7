#include "keep/ledger_notice.h"

#include <stdio.h>

#include "keep/ledger_private.h"

#define COLUMNS "key, id, kind, severity, subject, tenant, created_us, data, state, snoozed_until_us, mailed_us, posted_us, " \
		"post_attempts, post_due_us, trouble"
#define OPEN "(state = 'open' OR (state = 'snoozed' AND snoozed_until_us <= ?1))"

static const char *const write_sentence = N_("ledger: cannot write a notice: %s");
static const char *const read_sentence = N_("ledger: cannot read the notices: %s");

static enum outcome add(struct ledger *ledger, const struct notice *notice, bool *ret_made, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger,
		STR("INSERT INTO notice (" COLUMNS ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open', 0, ?9, 0, 0, 0, '' WHERE NOT EXISTS "
		    "(SELECT 1 FROM notice WHERE kind = ?3 AND subject = ?5 AND created_us > ?10) ON CONFLICT DO NOTHING"),
		&statement, fault);
	int64_t quiet_us = notice_quiet_us(notice->kind);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, notice->key);
	ledger_bind_str(statement, 2, notice->id);
	ledger_bind_str(statement, 3, str_of(notice_kind_name(notice->kind)));
	ledger_bind_str(statement, 4, str_of(notice_severity_name(notice->severity)));
	ledger_bind_str(statement, 5, notice->subject);
	ledger_bind_str(statement, 6, notice->tenant);
	(void)sqlite3_bind_int64(statement, 7, notice->created_us);
	ledger_bind_str(statement, 8, notice->data);
	(void)sqlite3_bind_int64(statement, 9, notice_is_mailed(notice->kind) ? 0 : NOTICE_NEVER);
	(void)sqlite3_bind_int64(statement, 10, quiet_us ? notice->created_us - quiet_us : INT64_MAX);
	outcome = ledger_step_done(ledger, statement, write_sentence, fault);
	if (outcome == OUTCOME_OK)
		*ret_made = sqlite3_changes(ledger->db) > 0;
	return outcome;
}

enum outcome ledger_notices_make(struct ledger *ledger, const struct notice *notices, size_t count, bool *ret_made, struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++) {
		outcome = add(ledger, &notices[i], &ret_made[i], fault);
		if (outcome == OUTCOME_OK && notices[i].kind == NOTICE_FIRST_BASIC)
			outcome = ledger_basic_told(ledger, notices[i].subject, fault);
	}
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_notice_has(struct ledger *ledger, struct str key, bool *ret_has, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("SELECT 1 FROM notice WHERE key = ?1"), &statement, fault);
	int code;

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, key);
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return ledger_fault(ledger, read_sentence, fault);
	*ret_has = code == SQLITE_ROW;
	return OUTCOME_OK;
}

/* False: a newer version's, or damaged. */
static bool load(sqlite3_stmt *statement, struct notice *ret_notice)
{
	*ret_notice = (struct notice){
		.key = ledger_column_str(statement, 0),
		.id = ledger_column_str(statement, 1),
		.subject = ledger_column_str(statement, 4),
		.tenant = ledger_column_str(statement, 5),
		.created_us = sqlite3_column_int64(statement, 6),
		.data = ledger_column_str(statement, 7),
		.snoozed_until_us = sqlite3_column_int64(statement, 9),
		.mailed_us = sqlite3_column_int64(statement, 10),
		.posted_us = sqlite3_column_int64(statement, 11),
		.post_attempts = (uint32_t)sqlite3_column_int64(statement, 12),
		.post_due_us = sqlite3_column_int64(statement, 13),
		.trouble = ledger_column_str(statement, 14),
	};
	return notice_kind_parse(ledger_column_str(statement, 2), &ret_notice->kind) &&
	       notice_severity_parse(ledger_column_str(statement, 3), &ret_notice->severity) &&
	       notice_state_parse(ledger_column_str(statement, 8), &ret_notice->state);
}

static struct str sql_of(const struct notice_filter *filter)
{
	if (filter->id.len > 0)
		return STR("SELECT " COLUMNS " FROM notice WHERE id = ?2");
	if (filter->kind.len > 0)
		return STR("SELECT " COLUMNS " FROM notice INDEXED BY notice_subject WHERE kind = ?4 AND state IN ('open', 'snoozed')"
			   " ORDER BY number DESC LIMIT ?3");
	if (filter->unsent)
		return STR("SELECT " COLUMNS " FROM notice INDEXED BY notice_unsent WHERE (mailed_us = 0 OR posted_us = 0) AND " OPEN
			   " ORDER BY number LIMIT ?3");
	if (filter->all)
		return STR("SELECT " COLUMNS " FROM notice ORDER BY number DESC LIMIT ?3");
	return STR("SELECT " COLUMNS " FROM notice WHERE " OPEN " ORDER BY number DESC LIMIT ?3");
}

enum outcome ledger_notices(struct ledger *ledger, const struct notice_filter *filter,
			    bool (*each)(void *context, const struct notice *notice), void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, sql_of(filter), &statement, fault);
	struct notice notice;
	bool more = true;
	int code = SQLITE_DONE;

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, filter->now_us);
	ledger_bind_str(statement, 2, filter->id);
	ledger_bind_str(statement, 4, filter->kind);
	(void)sqlite3_bind_int64(statement, 3, filter->count_max ? (int64_t)filter->count_max : -1);
	while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (load(statement, &notice))
			more = each(context, &notice);
	}
	return !more || code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(ledger, read_sentence, fault);
}

enum outcome ledger_notices_open(struct ledger *ledger, int64_t now_us, size_t *ret_count, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("SELECT count(*) FROM notice WHERE " OPEN), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, now_us);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return ledger_fault(ledger, read_sentence, fault);
	*ret_count = (size_t)sqlite3_column_int64(statement, 0);
	return OUTCOME_OK;
}

/* For each of them, in one transaction: `sql` takes its ID as ?1, and `us` where it has a ?2. */
static enum outcome for_each_id(struct ledger *ledger, struct str sql, const struct str *ids, size_t count, int64_t us, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = ledger_prepare(ledger, sql, &statement, fault);
	for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++) {
		ledger_bind_str(statement, 1, ids[i]);
		(void)sqlite3_bind_int64(statement, 2, us);
		outcome = ledger_step_done(ledger, statement, write_sentence, fault);
	}
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_notices_mailed(struct ledger *ledger, const struct str *ids, size_t count, int64_t mailed_us, struct fault *fault)
{
	return for_each_id(ledger, STR("UPDATE notice SET mailed_us = ?2 WHERE id = ?1"), ids, count, mailed_us, fault);
}

enum outcome ledger_notice_posted(struct ledger *ledger, const struct notice *notice, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("UPDATE notice SET posted_us = ?1, post_attempts = ?2, post_due_us = ?3, trouble = ?4 WHERE id = ?5"),
		&statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, notice->posted_us);
	(void)sqlite3_bind_int64(statement, 2, notice->post_attempts);
	(void)sqlite3_bind_int64(statement, 3, notice->post_due_us);
	ledger_bind_str(statement, 4, notice->trouble);
	ledger_bind_str(statement, 5, notice->id);
	return ledger_step_done(ledger, statement, write_sentence, fault);
}

enum outcome ledger_notices_over(struct ledger *ledger, const struct str *ids, size_t count, struct fault *fault)
{
	return for_each_id(ledger, STR("UPDATE notice SET state = 'over' WHERE id = ?1 AND state IN ('open', 'snoozed')"), ids, count, 0, fault);
}

static enum outcome state_write(struct ledger *ledger, struct str id, enum notice_state state, int64_t until_us, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(ledger, STR("UPDATE notice SET state = ?1, snoozed_until_us = ?2 WHERE id = ?3"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, str_of(notice_state_name(state)));
	(void)sqlite3_bind_int64(statement, 2, until_us);
	ledger_bind_str(statement, 3, id);
	outcome = ledger_step_done(ledger, statement, write_sentence, fault);
	if (outcome == OUTCOME_OK && sqlite3_changes(ledger->db) == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no notice %.*s; see: sekisho notices list --all"), STR_ARG(id));
	return outcome;
}

enum outcome ledger_notice_state(struct ledger *ledger, struct str id, enum notice_state state, int64_t until_us, struct str actor,
				 struct fault *fault)
{
	char what[64];
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)snprintf(what, sizeof(what), "notice %s", notice_state_name(state));
	outcome = state_write(ledger, id, state, until_us, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_audit_add(ledger, actor, id, str_of(what), fault);
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_notices_expire(struct ledger *ledger, int64_t before_us, int64_t now_us, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("DELETE FROM notice WHERE created_us < ?2 AND NOT " OPEN), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, now_us);
	(void)sqlite3_bind_int64(statement, 2, before_us);
	return ledger_step_done(ledger, statement, write_sentence, fault);
}
