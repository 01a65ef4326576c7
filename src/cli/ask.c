#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/offline.h"
#include "cli/rows.h"
#include "domain/settings.h"

#define SYSTEM_SETTINGS "/etc/sekisho/sekisho.yaml"
#define TRY_EVERY_MS 50

int ask_settings(const struct cli *cli, struct settings **ret_settings)
{
	struct fault fault;

	if (settings_load(cli->config ? cli->config : SYSTEM_SETTINGS, ret_settings, &fault) != OUTCOME_OK)
		return cli_fault(cli, EX_CONFIG, &fault);
	return EX_OK;
}

int ask_connect(const char *socket_path, unsigned wait_ms, bool *ret_refused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timespec pause = { 0, TRY_EVERY_MS * 1000000l };
	uint64_t until_ms = clock_monotonic_ms() + wait_ms;

	*ret_refused = false;
	if (!str_copy(str_of(socket_path), sizeof(address.sun_path), address.sun_path))
		return -1;
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd != -1 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
		*ret_refused = errno == EACCES || errno == EPERM;
		if (fd != -1)
			(void)close(fd);
		if (*ret_refused || clock_monotonic_ms() >= until_ms)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
}

static bool send_all(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return false;
		bytes = str_skip(bytes, sent > 0 ? (size_t)sent : 0);
	}
	return true;
}

bool ask_send(const struct cli *cli, int fd, const char *verb, json_t *args, struct str body)
{
	json_t *question = json_pack("{s:s,s:s,s:O,s:I}", "verb", verb, "lang", cli->language == LANGUAGE_JA ? "ja" : "en", "args", args,
				     "body", (json_int_t)body.len);
	char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
	bool sent = text && send_all(fd, str_of(text)) && send_all(fd, STR("\n")) && send_all(fd, body);

	if (text)
		sodium_memzero(text, strlen(text)); /* a password may be in it */
	free(text);
	json_decref(question);
	return sent;
}

/* -1: more lines follow; else the exit code. */
static int on_line(const struct cli *cli, const json_t *line, void (*on_row)(void *context, json_t *row), void *context)
{
	json_t *row = json_object_get(line, "row");
	const char *note = json_string_value(json_object_get(line, "note"));
	const char *text = json_string_value(json_object_get(line, "text"));
	const json_t *end = json_object_get(line, "end");

	if (row)
		on_row(context, row);
	if (note)
		(void)fprintf(stderr, "%s\n", note);
	if (!end)
		return -1;
	if (text)
		(void)cli_fail(cli, 0, "%s", text);
	return (int)json_integer_value(end);
}

int ask_answers(const struct cli *cli, int fd, void (*on_row)(void *context, json_t *row), void *context)
{
	CLEANUP(cleanup_file) FILE *answers = fdopen(fd, "r");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int exit_code = -1;

	while (answers && exit_code == -1 && (len = getline(&line, &size, answers)) > 0) {
		json_t *answer = json_loadb(line, (size_t)len, 0, NULL);

		if (answer)
			exit_code = on_line(cli, answer, on_row, context);
		json_decref(answer);
	}
	if (exit_code == -1)
		return cli_fail(cli, EX_UNAVAILABLE, N_("the daemon hung up; see its log"));
	return exit_code;
}

int ask_question(const struct cli *cli, int fd, const char *verb, json_t *args, void (*on_row)(void *context, json_t *row),
		 void *context)
{
	if (ask_send(cli, fd, verb, args, STR("")))
		return ask_answers(cli, fd, on_row, context);
	(void)close(fd);
	return cli_fail(cli, EX_UNAVAILABLE, N_("the daemon hung up; see its log"));
}

static void on_row(void *context, json_t *row)
{
	rows_add(context, row);
}

static const char *socket_of(const struct cli *cli, const struct settings *settings)
{
	return cli->socket ? cli->socket : settings->daemon.socket;
}

static int ask_daemon(struct cli *cli, int fd)
{
	struct rows *rows = rows_new(cli);
	int exit_code;

	if (!rows) {
		(void)close(fd);
		return cli_fail(cli, EX_TEMPFAIL, N_("out of memory"));
	}
	if (json_is_true(json_object_get(cli->args, "follow")))
		rows_stream(rows);
	exit_code = ask_question(cli, fd, cli->verb->words, cli->args, on_row, rows);
	rows_end(rows);
	return exit_code;
}

int cli_ask(struct cli *cli)
{
	struct settings *settings = NULL;
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);
	const char *path;
	bool refused;
	int fd;

	if (exit_code != EX_OK)
		return exit_code;
	path = socket_of(cli, settings);
	fd = ask_connect(path, cli->verb->offline && settings ? 0 : ASK_DAEMON_STARTS_MS, &refused);
	if (fd != -1)
		exit_code = ask_daemon(cli, fd);
	else if (refused)
		exit_code = cli_fail(cli, EX_NOPERM, N_("you may not ask the daemon at %s: become root, or a member of its group"), path);
	else if (cli->verb->offline && settings)
		exit_code = offline_answer(cli, settings);
	else
		exit_code = cli_fail(cli, EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), path);
	settings_free(settings);
	return exit_code;
}
