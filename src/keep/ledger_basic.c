/* ledger_basic: since when each account signs in with Basic authentication: written in the transaction that brings its sign-in, so that
 * no kill loses a beginning and none is told twice. Once an account and day, so that a sign-in costs a look-up in memory. */
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "domain/policy.h"
#include "keep/ledger_notice.h"
#include "keep/ledger_private.h"

#define CACHED_ACCOUNTS_MAX 65536
#define DAY_US (86400ll * 1000000)

struct cached {
	int64_t day;
	size_t len;
	char account[];
};

struct ledger_basic {
	struct table accounts; /* struct cached */
	sqlite3_stmt *put;
};

void ledger_basic_forget(struct ledger *ledger)
{
	struct cached *one;
	size_t at = 0;

	if (!ledger->basic)
		return;
	while ((one = table_next(&ledger->basic->accounts, &at)))
		free(one);
	table_done(&ledger->basic->accounts);
}

void ledger_basic_close(struct ledger *ledger)
{
	if (!ledger->basic)
		return;
	ledger_basic_forget(ledger);
	(void)sqlite3_finalize(ledger->basic->put);
	free(ledger->basic);
	ledger->basic = NULL;
}

/* A row of an import may be older than what is known: it begins nothing. */
#define BEGINS "excluded.last_us - last_us >= ?6"

static enum outcome prepare(struct ledger *ledger, struct fault *fault)
{
	enum outcome outcome;

	if (ledger->basic)
		return OUTCOME_OK;
	ledger->basic = calloc(1, sizeof(*ledger->basic));
	if (!ledger->basic)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	outcome = ledger_prepare(
		ledger,
		STR("INSERT INTO basic_seen (account, last_us, since_us, previous_us, ip, ehlo, event_id, told) "
		    "VALUES (?1, ?2, ?2, 0, ?3, ?4, ?5, 0) ON CONFLICT (account) DO UPDATE SET "
		    "previous_us = CASE WHEN " BEGINS " THEN last_us ELSE previous_us END, "
		    "since_us = CASE WHEN " BEGINS " THEN excluded.last_us ELSE since_us END, "
		    "ip = CASE WHEN " BEGINS " THEN excluded.ip ELSE ip END, "
		    "ehlo = CASE WHEN " BEGINS " THEN excluded.ehlo ELSE ehlo END, "
		    "event_id = CASE WHEN " BEGINS " THEN excluded.event_id ELSE event_id END, "
		    "told = CASE WHEN " BEGINS " THEN 0 ELSE told END, last_us = max(last_us, excluded.last_us)"),
		&ledger->basic->put, fault);
	if (outcome != OUTCOME_OK)
		ledger_basic_close(ledger);
	return outcome;
}

/* Not to have room for it costs a write more the next time. */
static void keep(struct ledger *ledger, struct str account, int64_t day)
{
	struct cached *one = table_find(&ledger->basic->accounts, account);

	if (one) {
		one->day = day;
		return;
	}
	if (ledger->basic->accounts.count >= CACHED_ACCOUNTS_MAX)
		ledger_basic_forget(ledger);
	one = malloc(sizeof(*one) + account.len);
	if (!one)
		return;
	one->day = day;
	one->len = account.len;
	memcpy(one->account, account.ptr, account.len);
	if (!table_put(&ledger->basic->accounts, (struct str){ one->account, one->len }, one))
		free(one);
}

enum outcome ledger_basic_sign_in(struct ledger *ledger, const struct sign_in *row, struct fault *fault)
{
	int64_t day = row->created_us / DAY_US;
	const struct cached *one;
	enum outcome outcome;

	if (row->protocol != AUTH_PROTOCOL_BASIC || row->error_code != 0 || !str_eq(row->source, STR("gateway")) || row->user.len == 0)
		return OUTCOME_OK;
	outcome = prepare(ledger, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	one = table_find(&ledger->basic->accounts, row->user);
	if (one && one->day == day)
		return OUTCOME_OK;
	ledger_bind_str(ledger->basic->put, 1, row->user);
	(void)sqlite3_bind_int64(ledger->basic->put, 2, row->created_us);
	ledger_bind_str(ledger->basic->put, 3, row->ip);
	ledger_bind_str(ledger->basic->put, 4, row->ehlo);
	ledger_bind_str(ledger->basic->put, 5, row->event_id);
	(void)sqlite3_bind_int64(ledger->basic->put, 6, NOTICE_BASIC_GAP_DAYS * DAY_US);
	outcome = ledger_step_done(ledger, ledger->basic->put, N_("ledger: cannot write a sign-in: %s"), fault);
	if (outcome == OUTCOME_OK)
		keep(ledger, row->user, day);
	return outcome;
}

enum outcome ledger_basic_starts(struct ledger *ledger, size_t count_max, bool (*each)(void *context, const struct basic_start *start),
				 void *context, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT account, ip, ehlo, event_id, since_us, previous_us FROM basic_seen WHERE told = 0 ORDER BY since_us LIMIT ?1"),
		&statement, fault);
	bool more = true;
	int code = SQLITE_DONE;

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)count_max);
	while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct basic_start start = {
			.account = ledger_column_str(statement, 0), .ip = ledger_column_str(statement, 1),
			.ehlo = ledger_column_str(statement, 2), .event_id = ledger_column_str(statement, 3),
			.since_us = sqlite3_column_int64(statement, 4), .previous_us = sqlite3_column_int64(statement, 5),
		};

		more = each(context, &start);
	}
	return !more || code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(ledger, N_("ledger: cannot read the notices: %s"), fault);
}

enum outcome ledger_basic_told(struct ledger *ledger, struct str account, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("UPDATE basic_seen SET told = 1 WHERE account = ?1"), &statement, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	ledger_bind_str(statement, 1, account);
	return ledger_step_done(ledger, statement, N_("ledger: cannot write a notice: %s"), fault);
}
