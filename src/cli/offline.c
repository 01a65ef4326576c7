#include "cli/offline.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "cli/rows.h"
#include "domain/account.h"
#include "keep/ledger.h"
#include "keep/ledger_notice.h"
#include "keep/report_query.h"
#include "keep/spool.h"
#include "keep/spool_view.h"

#define ROWS_MAX 100000

/* What a reading of the ledger prints into. */
struct reading {
	struct cli *cli;
	const struct settings *settings;
	struct rows *rows;
	struct sign_in_filter sign_ins;
	struct trace_filter traces;
	json_t *outbox; /* rows that had not reached the ledger, newest first */
	size_t left;    /* how many more are wanted */
	bool found;
};

/* False: enough. */
static bool add(struct reading *reading, json_t *row)
{
	reading->found = true;
	if (row && reading->left > 0) {
		rows_add(reading->rows, row);
		reading->left--;
	}
	json_decref(row);
	return reading->left > 0;
}

/* --- sign-ins and traces: first what the outbox still holds, then the ledger --- */

static bool outbox_sign_in(void *context, enum spool_row_kind kind, struct str packed)
{
	struct reading *reading = context;
	struct sign_in row;

	if (kind == SPOOL_ROW_SIGN_IN && sign_in_parse(packed, &row) && sign_in_fits(&reading->sign_ins, &row))
		(void)json_array_insert_new(reading->outbox, 0, sign_in_json(&row)); /* they come oldest first */
	return true;
}

static bool ledger_sign_in_row(void *context, const struct sign_in *row)
{
	return add(context, sign_in_json(row));
}

static bool outbox_trace(void *context, enum spool_row_kind kind, struct str packed)
{
	struct reading *reading = context;
	struct trace row;

	if (kind == SPOOL_ROW_TRACE && trace_parse(packed, &row) &&
	    (reading->traces.id.len == 0 || str_eq_nocase(reading->traces.id, row.id)) && row.received_us >= reading->traces.since_us)
		(void)json_array_insert_new(reading->outbox, 0, trace_json(&row));
	return true;
}

static bool ledger_trace_row(void *context, const struct trace *row)
{
	return add(context, trace_json(row));
}

static void ask_newest(struct reading *reading)
{
	const json_t *count = json_object_get(reading->cli->args, "count");

	reading->left = count ? (size_t)json_integer_value(count) : SIGN_INS_COUNT_DEFAULT;
}

/* Those of the outbox are newer than any of the ledger. */
static enum outcome read_outbox(struct reading *reading, const char *state,
				bool (*each)(void *context, enum spool_row_kind kind, struct str packed), struct fault *fault)
{
	enum outcome outcome;
	json_t *row;
	size_t i;

	ask_newest(reading);
	reading->outbox = json_array();
	outcome = reading->outbox ? spool_outbox_read(state, each, reading, fault) : fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	json_array_foreach(reading->outbox, i, row)
		(void)add(reading, json_incref(row));
	json_decref(reading->outbox);
	return outcome;
}

static int read_filter(struct reading *reading)
{
	static const char *const objects[] = { "filter", "not" };
	const char *key;
	json_t *value;
	struct fault fault;

	for (int negated = 0; negated <= 1; negated++) {
		json_object_foreach(json_object_get(reading->cli->args, objects[negated]), key, value) {
			if (!sign_in_filter_set(&reading->sign_ins, str_of(key), str_of(json_string_value(value)), negated,
						clock_real_us(), &fault))
				return cli_fault(reading->cli, EX_USAGE, &fault);
		}
	}
	return EX_OK;
}

static enum outcome read_sign_ins(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	int64_t begins_us;

	if (read_outbox(reading, state, outbox_sign_in, fault) != OUTCOME_OK)
		return fault->outcome;
	reading->sign_ins.count_max = reading->left;
	return ledger_sign_ins(ledger, &reading->sign_ins, ledger_sign_in_row, reading, &begins_us, fault);
}

static struct str text_of(const struct reading *reading, const char *name)
{
	return str_of(json_string_value(json_object_get(reading->cli->args, name)));
}

static enum outcome read_traces(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	reading->traces = (struct trace_filter){
		.from = text_of(reading, "from"),
		.to = text_of(reading, "to"),
		.message_id = text_of(reading, "message-id"),
		.id = text_of(reading, "id"),
		.since_us = json_integer_value(json_object_get(reading->cli->args, "sinceUs")),
	};
	if (read_outbox(reading, state, outbox_trace, fault) != OUTCOME_OK)
		return fault->outcome;
	reading->traces.count_max = reading->left;
	return ledger_traces(ledger, &reading->traces, ledger_trace_row, reading, fault);
}

/* --- tenants and users --- */

static json_t *switches_json(const char *kind, const char *name, const struct switch_row *rows, size_t count, const void *object)
{
	json_t *json = json_pack("{s:s}", kind, name);
	char value[SWITCH_TEXT_MAX];

	for (size_t i = 0; json && i < count; i++) {
		if (rows[i].get(object, value, sizeof(value)))
			(void)json_object_set_new(json, rows[i].name, json_string(value));
	}
	return json;
}

static bool wanted(const struct reading *reading, const char *argument, const char *name)
{
	struct str given = text_of(reading, argument);

	return given.len == 0 || str_eq_nocase(given, str_of(name));
}

static bool tenant_row(void *context, const struct tenant *tenant)
{
	struct reading *reading = context;

	if (wanted(reading, "tenant", tenant->domain))
		(void)add(reading, switches_json("tenant", tenant->domain, tenant_switches, tenant_switches_count, tenant));
	return true;
}

static bool user_row(void *context, const struct account *account)
{
	struct reading *reading = context;

	if (wanted(reading, "user", account->address) && wanted(reading, "tenant", account->domain))
		(void)add(reading, switches_json("user", account->address, account_switches, account_switches_count, account));
	return true;
}

static enum outcome read_tenants(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	(void)state;
	return ledger_tenants(ledger, tenant_row, reading, fault);
}

static enum outcome read_users(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	(void)state;
	return ledger_accounts(ledger, user_row, reading, fault);
}

static bool queue_row(void *context, const struct spool_view *view)
{
	return add(context, spool_view_json(view, false));
}

static enum outcome read_queue(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	(void)ledger;
	return spool_views_read(state, queue_row, reading, fault);
}

static bool report_line(void *context, json_t *line)
{
	return add(context, line);
}

/* What waits in the outbox is not counted yet: an orderly stop leaves nothing there. */
static enum outcome read_report(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	const json_t *days = json_object_get(reading->cli->args, "days");
	struct report_question question = { .now_us = clock_real_us(), .language = reading->cli->language,
					    .upstream_basic = report_upstream_basic(reading->settings) };

	(void)state;
	if (report_question_set(&question, days ? json_integer_value(days) : REPORT_DAYS_DEFAULT, text_of(reading, "by"), fault) != OUTCOME_OK)
		return fault->outcome;
	return report_query(ledger, &question, report_line, reading, fault);
}

static bool notice_row(void *context, const struct notice *notice)
{
	struct reading *reading = context;

	return add(reading, notice_row_json(notice, reading->cli->language, clock_real_us()));
}

static enum outcome read_notices(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault)
{
	const json_t *args = reading->cli->args;
	struct notice_filter filter = { .all = json_is_true(json_object_get(args, "all")), .now_us = clock_real_us(),
					.count_max = (size_t)json_integer_value(json_object_get(args, "count")) };

	(void)state;
	return ledger_notices(ledger, &filter, notice_row, reading, fault);
}

/* To answer another verb without the daemon: a row, and `offline` in main.c's. */
static const struct {
	const char *words;
	enum outcome (*read)(struct reading *reading, struct ledger *ledger, const char *state, struct fault *fault);
	bool one; /* a single thing was asked for: not to find it is wrong usage */
} readers[] = {
	{ "report smtp-auth", read_report, false }, { "notices list", read_notices, false },
	{ "queue list", read_queue, false },  { "mailq", read_queue, false },
	{ "signins", read_sign_ins, false },  { "trace", read_traces, false },   { "tenant list", read_tenants, false },
	{ "tenant show", read_tenants, true }, { "user list", read_users, false }, { "user show", read_users, true },
};

int offline_answer(struct cli *cli, const struct settings *settings)
{
	struct reading reading = { .cli = cli, .settings = settings, .left = ROWS_MAX };
	struct ledger *ledger = NULL;
	struct fault fault;
	int exit_code = read_filter(&reading);
	bool one = false;

	if (exit_code != EX_OK)
		return exit_code;
	if (ledger_open(settings->daemon.state, true, &ledger, &fault) != OUTCOME_OK)
		return cli_fault(cli, fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_UNAVAILABLE, &fault);
	(void)fprintf(stderr, "%s\n", say(cli->language, N_("the daemon is not running; this is read from its ledger")));
	reading.rows = rows_new(cli);
	for (size_t i = 0; reading.rows && i < sizeof(readers) / sizeof(*readers); i++) {
		if (strcmp(readers[i].words, cli->verb->words) != 0)
			continue;
		one = readers[i].one;
		if (readers[i].read(&reading, ledger, settings->daemon.state, &fault) != OUTCOME_OK)
			exit_code = cli_fault(cli, EX_TEMPFAIL, &fault);
	}
	if (reading.rows)
		rows_end(reading.rows);
	ledger_close(ledger);
	if (exit_code == EX_OK && one && !reading.found)
		return cli_fail(cli, EX_USAGE, N_("there is no such tenant or user; see: sekisho tenant list, sekisho user list"));
	return exit_code;
}
