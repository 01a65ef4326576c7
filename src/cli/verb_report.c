#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/report_html.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "domain/report.h"
#include "domain/settings.h"
#include "keep/report_query.h"

#define DAEMON_STARTS_MS 5000

static const struct column history_columns[] = {
	{ "asOf", N_("As of"), COLUMN_BOTH }, { "text", N_("Plan"), COLUMN_BOTH }, { "source", N_("Source"), COLUMN_BOTH }, { 0 },
};

/* --- as a page --- */

static void keep_row(void *context, json_t *row)
{
	(void)json_array_append(context, row);
}

static bool keep_line(void *context, json_t *line)
{
	return json_array_append_new(context, line) == 0;
}

static int read_ledger(const struct cli *cli, const struct settings *settings, const struct report_question *question, json_t *rows)
{
	struct ledger *ledger = NULL;
	struct fault fault;
	struct report_question local = *question;
	int exit_code = EX_OK;

	local.upstream_basic = report_upstream_basic(settings);
	if (ledger_open(settings->daemon.state, true, &ledger, &fault) != OUTCOME_OK ||
	    report_query(ledger, &local, keep_line, rows, &fault) != OUTCOME_OK)
		exit_code = cli_fault(cli, fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_UNAVAILABLE, &fault);
	ledger_close(ledger);
	return exit_code;
}

/* From the daemon, or with the daemon down from its ledger. */
static int collect(const struct cli *cli, const struct settings *settings, const struct report_question *question, json_t *rows)
{
	const char *path = cli->socket ? cli->socket : settings->daemon.socket;
	json_t *args = json_pack("{s:s,s:I}", "by", report_by_names[question->by], "days", (json_int_t)question->days);
	bool refused;
	int fd = ask_connect(path, settings ? 0 : DAEMON_STARTS_MS, &refused);
	int exit_code;

	if (fd != -1)
		exit_code = ask_question(cli, fd, "report smtp-auth", args, keep_row, rows);
	else if (refused)
		exit_code = cli_fail(cli, EX_NOPERM, N_("you may not ask the daemon at %s: become root, or a member of its group"), path);
	else if (settings)
		exit_code = read_ledger(cli, settings, question, rows);
	else
		exit_code = cli_fail(cli, EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), path);
	json_decref(args);
	return exit_code;
}

static int write_page(const struct cli *cli, const char *path, const struct report_page *page)
{
	CLEANUP(cleanup_buf) struct buf out;
	struct fault fault;

	buf_init(&out, REPORT_HTML_BYTES_MAX);
	if (!report_html_print(&out, page))
		return cli_fail(cli, EX_TEMPFAIL, N_("out of memory"));
	if (strcmp(path, "-") == 0)
		return fwrite(out.ptr, 1, out.len, stdout) == out.len ? EX_OK : EX_IOERR;
	if (file_replace(path, buf_str(&out), 0644, &fault) != OUTCOME_OK)
		return cli_fault(cli, EX_CANTCREAT, &fault);
	(void)fprintf(stderr, "%s\n", path);
	return EX_OK;
}

static int as_page(struct cli *cli, const char *path, struct report_question *question)
{
	struct settings *settings = NULL;
	struct report_page page = { .now_us = question->now_us, .days_count = question->days, .language = cli->language };
	json_t *senders = json_array();
	json_t *by_days = json_array();
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);

	page.senders = senders;
	page.days = by_days;
	question->by = REPORT_BY_SENDER; /* whatever --by said: a page has both */
	if (exit_code == EX_OK)
		exit_code = collect(cli, settings, question, senders);
	question->by = REPORT_BY_DAY;
	if (exit_code == EX_OK)
		exit_code = collect(cli, settings, question, by_days);
	if (exit_code == EX_OK)
		exit_code = write_page(cli, path, &page);
	json_decref(senders);
	json_decref(by_days);
	settings_free(settings);
	return exit_code;
}

/* --- the verbs --- */

static int ask_with(struct cli *cli, const struct column *shown)
{
	struct verb verb = *cli->verb;
	const struct verb *before = cli->verb;
	int exit_code;

	verb.columns = shown;
	cli->verb = &verb;
	exit_code = cli_ask(cli);
	cli->verb = before;
	return exit_code;
}

int verb_report(struct cli *cli)
{
	const json_t *days = json_object_get(cli->args, "days");
	const char *path = json_string_value(json_object_get(cli->args, "html"));
	struct report_question question = { .now_us = clock_real_us(), .language = cli->language };
	struct fault fault;

	if (report_question_set(&question, days ? json_integer_value(days) : REPORT_DAYS_DEFAULT,
				str_of(json_string_value(json_object_get(cli->args, "by"))), &fault) != OUTCOME_OK)
		return cli_fault(cli, EX_USAGE, &fault);
	return path ? as_page(cli, path, &question) : ask_with(cli, report_columns[question.by]);
}

int verb_retirement_show(struct cli *cli)
{
	bool history = json_is_true(json_object_get(cli->args, "history"));

	return ask_with(cli, history ? history_columns : cli->verb->columns);
}
