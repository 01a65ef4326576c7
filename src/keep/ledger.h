/*
 * ledger: accounts, tenants, sign-ins, traces, audit. One interface for SQLite now and PostgreSQL later; calls wait for
 * the disk, so that the keeper makes them on a thread of its own. One handle belongs to one thread at a time.
 */
#ifndef KEEP_LEDGER_H
#define KEEP_LEDGER_H

#include "base/fault.h"
#include "domain/account.h"
#include "domain/report.h"
#include "domain/retirement.h"
#include "domain/route.h"
#include "domain/sign_in.h"
#include "domain/trace.h"

struct ledger;

/* STATE/ledger.db. Made, or migrated, when it is old; NEVER with a clear sentence when newer than this program or not a ledger.
 * `read_only`: for queries, also while the daemon runs or when it is down. */
enum outcome ledger_open(const char *state, bool read_only, struct ledger **ret_ledger, struct fault *fault);
void ledger_close(struct ledger *ledger);
uint32_t ledger_node(const struct ledger *ledger); /* this node's number for event IDs, chosen at random once */

/* Directory. `each` false: stop. */
enum outcome ledger_tenants(struct ledger *ledger, bool (*each)(void *context, const struct tenant *tenant), void *context,
			    struct fault *fault);
enum outcome ledger_accounts(struct ledger *ledger, bool (*each)(void *context, const struct account *account),
			     void *context, struct fault *fault);
/* Insert or replace, with an audit row in the same transaction. */
enum outcome ledger_tenant_put(struct ledger *ledger, const struct tenant *tenant, struct str actor, struct str what,
			       struct fault *fault);
enum outcome ledger_account_put(struct ledger *ledger, const struct account *account, struct str actor, struct str what,
				struct fault *fault);
enum outcome ledger_account_remove(struct ledger *ledger, struct str address, struct str actor, struct fault *fault);

struct audit_row {
	int64_t at_us;
	struct str actor; /* "root", "uid 1000" */
	struct str object;
	struct str what;  /* "smtp-auth off (was on)" */
};
/* Newest first. */
enum outcome ledger_audit(struct ledger *ledger, int64_t since_us, bool (*each)(void *context, const struct audit_row *row),
			  void *context, struct fault *fault);
/* A line for what is no change of the directory: an import. */
enum outcome ledger_audit_write(struct ledger *ledger, struct str actor, struct str object, struct str what, struct fault *fault);

/* A batch in one transaction; rows whose event ID is there already are left alone (idempotent). Packed as in sign_in.h / trace.h;
 * a trace of the same id is replaced. A row that cannot be read is set aside (table `damaged`, a line in the audit) and does
 * not stop the others. */
enum outcome ledger_rows_add(struct ledger *ledger, const struct str *sign_ins, size_t sign_ins_count,
			     const struct str *traces, size_t traces_count, struct fault *fault);
/* After NEVER: each in a transaction of its own, and who is refused alone is set aside (*ret_aside of them), as one that cannot be read.
 * Not OK: the ledger does not even take that, and whoever was not taken is to be tried again. */
enum outcome ledger_rows_sift(struct ledger *ledger, const struct str *sign_ins, size_t sign_ins_count,
			      const struct str *traces, size_t traces_count, size_t *ret_aside, struct fault *fault);

/* How many sign-ins have been added through this handle that were not there before. */
uint64_t ledger_sign_ins_added(const struct ledger *ledger);

/* Newest first, until `each` says false or count_max rows (0: all); *ret_begins_us: the oldest row kept (0: none). The row
 * that `each` is shown, and its strs, live until it returns. */
enum outcome ledger_sign_ins(struct ledger *ledger, const struct sign_in_filter *filter,
			     bool (*each)(void *context, const struct sign_in *row), void *context, int64_t *ret_begins_us,
			     struct fault *fault);

struct trace_filter {
	struct str from, to, message_id, id; /* empty: any; from and to: address or @domain */
	int64_t since_us;
	size_t count_max; /* 0: all */
};
/* Newest first. */
enum outcome ledger_traces(struct ledger *ledger, const struct trace_filter *filter,
			   bool (*each)(void *context, const struct trace *row), void *context, struct fault *fault);

/* Remove rows older than these times, at most rows_max in one go; *ret_removed says how many. */
enum outcome ledger_expire(struct ledger *ledger, int64_t sign_ins_before_us, int64_t traces_before_us, size_t rows_max,
			   size_t *ret_removed, struct fault *fault);
/*
 * The SMTP AUTH clients report, counted by day and client while ledger_rows_add() adds rows. `each` is shown each client of the days
 * from first to last (since 1970, UTC) once with its sums, or by_day each of its days; rows and strs live until it returns.
 */
enum outcome ledger_report(struct ledger *ledger, int64_t first_day, int64_t last_day, bool by_day,
			   bool (*each)(void *context, const struct report_row *row), void *context, struct fault *fault);

/* What tenants plan otherwise than the schedule; to put one is audited with `what` (empty: not). */
enum outcome ledger_retirement_plans(struct ledger *ledger, bool (*each)(void *context, const struct retirement_plan *plan),
				     void *context, struct fault *fault);
enum outcome ledger_retirement_put(struct ledger *ledger, const struct retirement_plan *plan, struct str actor, struct str what,
				   struct fault *fault);

/* The routes that were added, in the order in which they are asked, into an empty list. */
enum outcome ledger_routes(struct ledger *ledger, struct route_list *list, struct fault *fault);
/* With an audit row. `before`: the number of another; 0: as the last. *ret_number is one that no route ever had. */
enum outcome ledger_route_add(struct ledger *ledger, const struct route_settings *rule, uint64_t before, struct str actor,
			      uint64_t *ret_number, struct fault *fault);
enum outcome ledger_route_remove(struct ledger *ledger, uint64_t number, const struct route_settings *rule, struct str actor,
				 struct fault *fault);

enum outcome ledger_verify(struct ledger *ledger, struct fault *fault); /* integrity check */

#endif
