/* verb_notice: one notice as people read it: its text on lines of its own, then how it stands with it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/ask.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "domain/settings.h"

#define DAEMON_STARTS_MS 5000
#define LINE_BYTES_MAX 4096

static void keep_row(void *context, json_t *row)
{
	(void)json_array_append(context, row);
}

/* What a stranger's device called itself must not steer the terminal. */
static void print_line(struct str line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char byte = (unsigned char)line.ptr[i];
		bool c1 = byte == 0xc2 && i + 1 < line.len && (unsigned char)line.ptr[i + 1] >= 0x80 && (unsigned char)line.ptr[i + 1] < 0xa0;

		(void)putchar(byte < 0x20 || byte == 0x7f || c1 ? '?' : byte);
		i += c1;
	}
	(void)putchar('\n');
}

static void print_text(const json_t *row, const char *name)
{
	struct str text = str_of(json_string_value(json_object_get(row, name)));

	while (text.len > 0)
		print_line(str_cut(&text, '\n'));
	(void)putchar('\n');
}

static void print_notice(const struct cli *cli, const json_t *row)
{
	static const char *const facts[] = { "id", "kind", "severity", "tenant", "subject", "createdDateTime", "state", "snoozedUntilDateTime",
					     "mailedDateTime", "postedDateTime", "postAttempts", "trouble" };
	char value[LINE_BYTES_MAX];

	if (cli->form != CLI_TABLE) {
		(void)json_dumpf(row, stdout, JSON_COMPACT);
		(void)putchar('\n');
		return;
	}
	print_text(row, "title");
	print_text(row, "text");
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		rows_text(row, facts[i], true, sizeof(value), value);
		if (value[0] == '\0')
			continue;
		(void)printf("%-22s ", facts[i]);
		print_line(str_of(value));
	}
}

int verb_notices_show(struct cli *cli)
{
	struct settings *settings = NULL;
	json_t *rows = json_array();
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);
	const char *path = cli->socket ? cli->socket : settings ? settings->daemon.socket : "";
	bool refused = false;
	int fd = exit_code == EX_OK ? ask_connect(path, DAEMON_STARTS_MS, &refused) : -1;

	if (fd != -1)
		exit_code = ask_question(cli, fd, cli->verb->words, cli->args, keep_row, rows);
	else if (refused)
		exit_code = cli_fail(cli, EX_NOPERM, N_("you may not ask the daemon at %s: become root, or a member of its group"), path);
	else if (exit_code == EX_OK)
		exit_code = cli_fail(cli, EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), path);
	if (json_array_size(rows) > 0)
		print_notice(cli, json_array_get(rows, 0));
	json_decref(rows);
	settings_free(settings);
	return exit_code;
}
