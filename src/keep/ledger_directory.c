#include "keep/ledger_private.h"

#include <string.h>

#include "base/clock.h"

#define SQL_MAX 4096

/* One of the two tables of the directory: its key, its switches, and for accounts the verifier behind them. */
struct kind {
	const char *table, *key;
	const struct switch_row *switches;
	const size_t *switches_count;
	const char *tail; /* one more column; NULL: none */
};
static const struct kind tenants = { "tenant", "domain", tenant_switches, &tenant_switches_count, NULL };
static const struct kind accounts = { "account", "address", account_switches, &account_switches_count, "verifier" };

/* "smtp-auth" is the column smtp_auth. */
static bool add_column(struct buf *sql, const char *name)
{
	for (; *name; name++) {
		if (!buf_add_byte(sql, *name == '-' ? '_' : *name))
			return false;
	}
	return true;
}

static bool add_columns(struct buf *sql, const struct kind *kind)
{
	if (!buf_add(sql, str_of(kind->key)))
		return false;
	for (size_t i = 0; i < *kind->switches_count; i++) {
		if (!buf_add(sql, STR(", ")) || !add_column(sql, kind->switches[i].name))
			return false;
	}
	return !kind->tail || (buf_add(sql, STR(", ")) && buf_add(sql, str_of(kind->tail)));
}

static enum outcome no_memory(struct fault *fault)
{
	return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
}

static enum outcome prepare_select(struct ledger *ledger, const struct kind *kind, sqlite3_stmt **ret_statement,
				   struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;

	buf_init(&sql, SQL_MAX);
	if (!buf_add(&sql, STR("SELECT ")) || !add_columns(&sql, kind) ||
	    !buf_add_format(&sql, " FROM %s ORDER BY 1", kind->table))
		return no_memory(fault);
	return ledger_prepare(ledger, buf_str(&sql), ret_statement, fault);
}

static enum outcome prepare_put(struct ledger *ledger, const struct kind *kind, sqlite3_stmt **ret_statement,
				struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sql;
	size_t columns = 1 + *kind->switches_count + (kind->tail ? 1 : 0);

	buf_init(&sql, SQL_MAX);
	if (!buf_add_format(&sql, "INSERT OR REPLACE INTO %s (", kind->table) || !add_columns(&sql, kind) ||
	    !buf_add(&sql, STR(") VALUES (?1")))
		return no_memory(fault);
	for (size_t i = 2; i <= columns; i++) {
		if (!buf_add_format(&sql, ", ?%zu", i))
			return no_memory(fault);
	}
	if (!buf_add_byte(&sql, ')'))
		return no_memory(fault);
	return ledger_prepare(ledger, buf_str(&sql), ret_statement, fault);
}

/* The switches of one row, as text through their own table; a word that is none of theirs means a damaged row. */
static enum outcome switches_load(sqlite3_stmt *statement, const struct kind *kind, void *object, struct fault *fault)
{
	for (size_t i = 0; i < *kind->switches_count; i++) {
		struct str value = ledger_column_str(statement, (int)i + 1);

		if (!kind->switches[i].set(object, value)) {
			struct str key = ledger_column_str(statement, 0);

			return fault_set(fault, OUTCOME_NEVER, N_("ledger: %s of %.*s is \"%.*s\", which is none of its values"),
					 kind->switches[i].name, STR_ARG(key), STR_ARG(value));
		}
	}
	return OUTCOME_OK;
}

enum outcome ledger_tenants(struct ledger *ledger, bool (*each)(void *context, const struct tenant *tenant), void *context,
			    struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = prepare_select(ledger, &tenants, &statement, fault);
	bool more = true;
	int code = SQLITE_DONE;

	while (outcome == OUTCOME_OK && more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct tenant tenant;

		tenant_init(&tenant);
		outcome = tenant_domain_set(&tenant, ledger_column_str(statement, 0)) ? OUTCOME_OK : no_memory(fault);
		if (outcome == OUTCOME_OK)
			outcome = switches_load(statement, &tenants, &tenant, fault);
		if (outcome == OUTCOME_OK)
			more = each(context, &tenant);
		tenant_done(&tenant);
	}
	if (outcome == OUTCOME_OK && more && code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot read the tenants: %s"), fault);
	return outcome;
}

static enum outcome account_load(sqlite3_stmt *statement, struct account *account, struct fault *fault)
{
	enum outcome outcome;

	if (!account_address_set(account, ledger_column_str(statement, 0)))
		return no_memory(fault);
	account->verifier = str_dup(ledger_column_str(statement, 1 + (int)account_switches_count));
	if (!account->verifier)
		return no_memory(fault);
	outcome = switches_load(statement, &accounts, account, fault);
	return outcome;
}

enum outcome ledger_accounts(struct ledger *ledger, bool (*each)(void *context, const struct account *account),
			     void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = prepare_select(ledger, &accounts, &statement, fault);
	bool more = true;
	int code = SQLITE_DONE;

	while (outcome == OUTCOME_OK && more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct account account;

		account_init(&account);
		outcome = account_load(statement, &account, fault);
		if (outcome == OUTCOME_OK)
			more = each(context, &account);
		account_done(&account);
	}
	if (outcome == OUTCOME_OK && more && code != SQLITE_DONE)
		return ledger_fault(ledger, N_("ledger: cannot read the accounts: %s"), fault);
	return outcome;
}

enum outcome ledger_audit_add(struct ledger *ledger, struct str actor, struct str object, struct str what, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("INSERT INTO audit(at_us, actor, object, what) VALUES (?1, ?2, ?3, ?4)"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, clock_real_us());
	ledger_bind_str(statement, 2, actor);
	ledger_bind_str(statement, 3, object);
	ledger_bind_str(statement, 4, what);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write the audit trail: %s"), fault);
}

enum outcome ledger_audit_write(struct ledger *ledger, struct str actor, struct str object, struct str what, struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	return ledger_end(ledger, ledger_audit_add(ledger, actor, object, what, fault), fault);
}

static enum outcome put_row(struct ledger *ledger, const struct kind *kind, const char *key, const void *object,
			    const char *tail, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	char value[SWITCH_TEXT_MAX];
	enum outcome outcome = prepare_put(ledger, kind, &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, str_of(key));
	for (size_t i = 0; i < *kind->switches_count; i++) {
		if (!kind->switches[i].get(object, value, sizeof(value)))
			return fault_set(fault, OUTCOME_NEVER, N_("%s of %s is longer than %d bytes"), kind->switches[i].name, key,
					 SWITCH_TEXT_MAX - 1);
		(void)sqlite3_bind_text(statement, (int)i + 2, value, -1, SQLITE_TRANSIENT);
	}
	if (kind->tail)
		ledger_bind_str(statement, (int)*kind->switches_count + 2, str_of(tail));
	return ledger_step_done(ledger, statement, N_("ledger: cannot write the directory: %s"), fault);
}

static enum outcome put(struct ledger *ledger, const struct kind *kind, const char *key, const void *object, const char *tail,
			struct str actor, struct str what, struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = put_row(ledger, kind, key, object, tail, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_audit_add(ledger, actor, str_of(key), what, fault);
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_tenant_put(struct ledger *ledger, const struct tenant *tenant, struct str actor, struct str what,
			       struct fault *fault)
{
	return put(ledger, &tenants, tenant->domain, tenant, NULL, actor, what, fault);
}

enum outcome ledger_account_put(struct ledger *ledger, const struct account *account, struct str actor, struct str what,
				struct fault *fault)
{
	return put(ledger, &accounts, account->address, account, account->verifier, actor, what, fault);
}

static enum outcome remove_row(struct ledger *ledger, struct str address, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("DELETE FROM account WHERE address = ?1"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, address);
	outcome = ledger_step_done(ledger, statement, N_("ledger: cannot remove the account: %s"), fault);
	if (outcome == OUTCOME_OK && sqlite3_changes(ledger->db) == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no account %.*s"), STR_ARG(address));
	return outcome;
}

enum outcome ledger_account_remove(struct ledger *ledger, struct str address, struct str actor, struct fault *fault)
{
	CLEANUP(cleanup_free) char *lower = str_dup_lower(address);
	enum outcome outcome;

	if (!lower)
		return no_memory(fault);
	outcome = ledger_begin(ledger, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = remove_row(ledger, str_of(lower), fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_audit_add(ledger, actor, str_of(lower), STR("removed"), fault);
	return ledger_end(ledger, outcome, fault);
}

enum outcome ledger_audit(struct ledger *ledger, int64_t since_us, bool (*each)(void *context, const struct audit_row *row),
			  void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	bool more = true;
	int code = SQLITE_DONE;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT at_us, actor, object, what FROM audit WHERE at_us >= ?1 ORDER BY at_us DESC, number DESC"),
		&statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, since_us);
	while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct audit_row row = { sqlite3_column_int64(statement, 0), ledger_column_str(statement, 1),
					 ledger_column_str(statement, 2), ledger_column_str(statement, 3) };

		more = each(context, &row);
	}
	return !more || code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(ledger, N_("ledger: cannot read the audit trail: %s"), fault);
}
