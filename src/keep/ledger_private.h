/* ledger_private: what the files behind ledger.h share: the database handle and how SQLite's answers become outcomes. */
#ifndef KEEP_LEDGER_PRIVATE_H
#define KEEP_LEDGER_PRIVATE_H

#include <sqlite3.h>

#include "base/cleanup.h"
#include "keep/ledger.h"

#define LEDGER_APPLICATION_ID 0x536b7368 /* "Sksh", in the file's header */
#define LEDGER_PATH_MAX 4096

enum ledger_log { LEDGER_SIGN_INS, LEDGER_TRACES, LEDGER_LOG_COUNT };

/* The bucket that new rows go to, see ledger_buckets.h. */
struct ledger_bucket {
	int64_t number, low, high, rows;
	bool changed;
};

struct ledger {
	sqlite3 *db;
	bool read_only;
	uint32_t node;
	uint64_t sign_ins_added;
	/* Made once, since they run for every mail. */
	sqlite3_stmt *sign_in_add, *trace_add, *trace_to_add;
	struct ledger_bucket buckets[LEDGER_LOG_COUNT][2]; /* in time, late */
	struct ledger_report *report; /* made when first needed */
	struct ledger_basic *basic;   /* likewise */
};

/* Bring the schema to today's version, or refuse. */
enum outcome ledger_schema_open(struct ledger *ledger, const char *path, struct fault *fault);

/* `sentence` is an N_() whose %s takes SQLite's words; LATER for what may pass (busy, full, I/O, memory). */
enum outcome ledger_fault(struct ledger *ledger, const char *sentence, struct fault *fault);

/* One or more statements without parameters or rows. */
enum outcome ledger_run(struct ledger *ledger, const char *sql, struct fault *fault);
enum outcome ledger_prepare(struct ledger *ledger, struct str sql, sqlite3_stmt **ret_statement, struct fault *fault);
/* Step a statement that gives no rows, and make it ready for the next time. */
enum outcome ledger_step_done(struct ledger *ledger, sqlite3_stmt *statement, const char *sentence, struct fault *fault);

enum outcome ledger_begin(struct ledger *ledger, struct fault *fault);
/* Commit when `outcome` is OK, else undo; gives back what became of it. */
enum outcome ledger_end(struct ledger *ledger, enum outcome outcome, struct fault *fault);

void ledger_bind_str(sqlite3_stmt *statement, int at, struct str text); /* borrowed until the statement has been stepped */
struct str ledger_column_str(sqlite3_stmt *statement, int at);          /* borrowed until the next step */

/* Within the caller's transaction. */
enum outcome ledger_audit_add(struct ledger *ledger, struct str actor, struct str object, struct str what, struct fault *fault);

/*
 * Rows of sign-ins and traces lie in the order of their time: the key is the time in microseconds, and 8 bits more for
 * rows of the same microsecond (imports know whole seconds only). So a time needs no index of its own. Where a microsecond
 * is full, rows go to the next ones, up to LEDGER_KEY_DRIFT further.
 */
#define LEDGER_KEY_SLOTS 256
#define LEDGER_KEY_DRIFT 65536
#define LEDGER_US_MAX (INT64_C(1) << 54) /* the year 2540; what lies beyond is taken for that */
static inline int64_t ledger_key_first(int64_t us)
{
	return (us < 0 ? 0 : us > LEDGER_US_MAX ? LEDGER_US_MAX : us) * LEDGER_KEY_SLOTS;
}
int64_t ledger_key(int64_t us, struct str id); /* where to try first */
/* The key to try after `key` was taken by another row of `table`, for the `tries`th time; fewer than 0: there is none. */
int64_t ledger_key_next(struct ledger *ledger, const char *table, int64_t key, unsigned tries);

/* Rows of a batch, within its transaction. */
enum outcome ledger_sign_in_add(struct ledger *ledger, struct str packed, struct fault *fault);
enum outcome ledger_trace_add(struct ledger *ledger, struct str packed, struct fault *fault);
/* A row that cannot be read must not stop the batch: it is kept in its own table, and the audit says so. */
enum outcome ledger_set_aside(struct ledger *ledger, const char *kind, struct str packed, struct fault *fault);
/* The oldest rows of a log, in one go. */
enum outcome ledger_rows_expire(struct ledger *ledger, enum ledger_log log, int64_t before_us, size_t rows_max,
				size_t *ret_removed, struct fault *fault);
enum outcome ledger_traces_expire(struct ledger *ledger, int64_t before_us, size_t rows_max, size_t *ret_removed,
				  struct fault *fault);

/* The report's counts, within the caller's transaction. A trace is given before its row is added: one that is there already has
 * been counted. ledger_report_count() is for imports that have counts and no sign-ins. */
enum outcome ledger_report_sign_in(struct ledger *ledger, const struct sign_in *sign_in, struct fault *fault);
enum outcome ledger_report_trace(struct ledger *ledger, const struct trace *trace, struct fault *fault);
enum outcome ledger_report_count(struct ledger *ledger, const struct report_row *row, struct fault *fault);
enum outcome ledger_report_expire(struct ledger *ledger, int64_t before_us, struct fault *fault);
void ledger_report_forget(struct ledger *ledger); /* after a transaction that was undone */
void ledger_report_close(struct ledger *ledger);

/* Since when its account signs in with Basic authentication (ledger_notice.h), within the caller's transaction. */
enum outcome ledger_basic_sign_in(struct ledger *ledger, const struct sign_in *row, struct fault *fault);
enum outcome ledger_basic_told(struct ledger *ledger, struct str account, struct fault *fault);
void ledger_basic_forget(struct ledger *ledger); /* after a transaction that was undone */
void ledger_basic_close(struct ledger *ledger);

static inline void cleanup_statement(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

#endif
