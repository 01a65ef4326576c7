#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/bundle.h"
#include "cli/rows.h"
#include "cli/serve.h"
#include "cli/verbs.h"
#include "domain/settings.h"

#define PRINT_BYTES_MAX (4u << 20)

int verb_serve(struct cli *cli)
{
	if (!cli->config)
		return cli_fail(cli, EX_USAGE, N_("serve needs its settings: sekisho serve -c FILE"));
	return serve(cli->config, cli->language);
}

int verb_version(struct cli *cli)
{
	(void)printf(cli->form == CLI_JSON ? "{\"version\":\"%s\"}\n" : "sekisho %s\n", SEKISHO_VERSION);
	return EX_OK;
}

/* --- health: 0 while mail is taken; a daemon that is not there is 69, at once --- */

static void print_row(void *context, json_t *row)
{
	rows_add(context, row);
}

int verb_health(struct cli *cli)
{
	struct settings *settings = NULL;
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);
	const char *path = cli->socket ? cli->socket : settings ? settings->daemon.socket : "";
	struct rows *rows;
	bool refused;
	int fd;

	if (exit_code != EX_OK)
		return exit_code;
	fd = ask_connect(path, 0, &refused);
	if (fd == -1)
		exit_code = cli_fail(cli, refused ? EX_NOPERM : EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), path);
	rows = fd == -1 ? NULL : rows_new(cli);
	if (rows) {
		exit_code = ask_question(cli, fd, "health", cli->args, print_row, rows);
		rows_end(rows);
	}
	settings_free(settings);
	return exit_code;
}

/* --- config --- */

int verb_config_check(struct cli *cli)
{
	struct settings *settings = NULL;
	struct bundle bundle;
	struct fault fault;
	int exit_code = ask_settings(cli, &settings);

	if (exit_code != EX_OK)
		return exit_code;
	if (bundle_make(NULL, settings, &bundle, &fault) != OUTCOME_OK) {
		exit_code = cli_fault(cli, EX_CONFIG, &fault);
	} else {
		bundle_close(&bundle);
		(void)printf(say(cli->language, N_("%s is good: %zu listeners, %zu upstreams\n")), settings->file,
			     settings->listeners_count, settings->upstreams_count);
	}
	settings_free(settings);
	return exit_code;
}

/* Tried here first, certificates too: who asks for a reload is told what is wrong with it. */
int verb_reload(struct cli *cli)
{
	struct settings *settings = NULL;
	struct bundle bundle;
	struct fault fault;
	int exit_code = ask_settings(cli, &settings);

	if (exit_code != EX_OK)
		return exit_code;
	if (bundle_make(NULL, settings, &bundle, &fault) != OUTCOME_OK)
		exit_code = cli_fault(cli, EX_CONFIG, &fault);
	else
		bundle_close(&bundle);
	settings_free(settings);
	return exit_code == EX_OK ? cli_ask(cli) : exit_code;
}

int verb_config_show(struct cli *cli)
{
	CLEANUP(cleanup_buf) struct buf out = { .bytes_max = PRINT_BYTES_MAX };
	struct settings *settings = NULL;
	int exit_code = ask_settings(cli, &settings);

	if (exit_code != EX_OK)
		return exit_code;
	if (settings_print(settings, json_is_true(json_object_get(cli->args, "changed")), &out))
		(void)fwrite(out.ptr, 1, out.len, stdout);
	else
		exit_code = cli_fail(cli, EX_TEMPFAIL, N_("out of memory"));
	settings_free(settings);
	return exit_code;
}

int verb_config_explain(struct cli *cli)
{
	CLEANUP(cleanup_buf) struct buf out = { .bytes_max = PRINT_BYTES_MAX };
	const char *key = json_string_value(json_object_get(cli->args, "key"));

	if (settings_explain(str_of(key), cli->language, &out)) {
		(void)fwrite(out.ptr, 1, out.len, stdout);
		return EX_OK;
	}
	if (out.len == 0)
		return cli_fail(cli, EX_TEMPFAIL, N_("out of memory"));
	return cli_fail(cli, EX_USAGE, "%.*s", (int)out.len, out.ptr);
}

/* --- queue cat: bytes, not rows --- */

static void print_bytes(void *context, json_t *row)
{
	const unsigned char *text = (const unsigned char *)json_string_value(json_object_get(row, "bytes"));

	(void)context;
	/* One character a byte, as the daemon sent them: U+0080…00FF are two bytes here and one there. */
	while (text && *text) {
		bool two = *text >= 0x80 && text[1];

		(void)putchar(two ? (text[0] & 0x03) << 6 | (text[1] & 0x3f) : text[0]);
		text += two ? 2 : 1;
	}
}

int verb_queue_cat(struct cli *cli)
{
	struct settings *settings = NULL;
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);
	const char *path = cli->socket ? cli->socket : settings ? settings->daemon.socket : "";
	bool refused;
	int fd;

	if (exit_code != EX_OK)
		return exit_code;
	fd = ask_connect(path, 5000, &refused);
	if (fd == -1)
		exit_code = cli_fail(cli, refused ? EX_NOPERM : EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), path);
	else
		exit_code = ask_question(cli, fd, "queue cat", cli->args, print_bytes, NULL);
	settings_free(settings);
	return exit_code;
}
