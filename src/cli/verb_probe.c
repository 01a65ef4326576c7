#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "domain/settings.h"

/* `upstream test`: a line a step, as it comes. */

#define TEXT_BYTES_MAX 4096

struct printing {
	const struct cli *cli;
	struct rows *rows; /* NULL: for people */
};

static void print_step(const struct cli *cli, const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	const char *color = !cli->color || !state ? "" : state[0] == 'f' ? "\x1b[31m" : state[0] == 'w' ? "\x1b[33m" : "\x1b[32m";
	char step[32], ms[32], text[TEXT_BYTES_MAX], reply[TEXT_BYTES_MAX];

	rows_text(row, "step", false, sizeof(step), step);
	rows_text(row, "ms", false, sizeof(ms), ms);
	rows_text(row, "text", false, sizeof(text), text);
	rows_text(row, "reply", false, sizeof(reply), reply);
	rows_make_safe(text);
	rows_make_safe(reply);
	(void)printf("%-8s  %s%-4s%s  %6s ms  %s%s%s\n", step, color, state ? state : "", cli->color ? "\x1b[0m" : "", ms, text,
		     text[0] && reply[0] ? ": " : "", reply);
	(void)fflush(stdout);
}

static void on_row(void *context, json_t *row)
{
	const struct printing *printing = context;

	if (printing->rows)
		rows_add(printing->rows, row);
	else
		print_step(printing->cli, row);
}

int verb_upstream_test(struct cli *cli)
{
	struct settings *settings = NULL;
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);
	struct printing printing = { .cli = cli };
	const char *path = cli->socket ? cli->socket : settings ? settings->daemon.socket : "";
	bool refused;
	int fd;

	if (exit_code != EX_OK)
		return exit_code;
	fd = ask_connect(path, ASK_DAEMON_STARTS_MS, &refused);
	if (fd == -1)
		exit_code = cli_fail(cli, refused ? EX_NOPERM : EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"),
				     path);
	if (fd != -1 && cli->form != CLI_TABLE) {
		printing.rows = rows_new(cli);
		if (printing.rows)
			rows_stream(printing.rows);
	}
	if (fd != -1)
		exit_code = ask_question(cli, fd, cli->verb->words, cli->args, on_row, &printing);
	if (printing.rows)
		rows_end(printing.rows);
	settings_free(settings);
	return exit_code;
}
