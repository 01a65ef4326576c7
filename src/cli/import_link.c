#include "cli/import_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "domain/settings.h"
#include "keep/staging.h"

#define CHUNK_ROWS_MAX 1000
#define CHUNK_BYTES_MAX (1000u << 10) /* within the 1 MiB that a request may have */
#define CHUNK_BYTES_FULL (CHUNK_BYTES_MAX - STAGING_ROW_BYTES_MAX - 64)
#define ANSWER_BYTES_MAX 4096
#define DAEMON_STARTS_MS 5000

static void ignore_row(void *context, json_t *row)
{
	(void)context;
	(void)row;
}

static int no_memory(const struct import_link *link)
{
	return cli_fail(link->cli, EX_TEMPFAIL, N_("out of memory"));
}

/* Ask on a connection of its own; its answer is for later. -1, or the connection. `args` are taken over. */
static int ask(const struct import_link *link, const char *verb, json_t *args, struct str body, unsigned wait_ms, bool *ret_refused)
{
	int fd = args ? ask_connect(link->path, wait_ms, ret_refused) : -1;

	if (fd != -1 && !ask_send(link->cli, fd, verb, args, body)) {
		(void)close(fd);
		fd = -1;
	}
	json_decref(args);
	return fd;
}

static int daemon_gone(const struct import_link *link)
{
	progress_hide(link->progress);
	return cli_fail(link->cli, EX_UNAVAILABLE, N_("the daemon went away; nothing was imported"));
}

/* --- the beginning --- */

/* One line of the answer, the connection stays open. */
static json_t *read_answer(int fd)
{
	char line[ANSWER_BYTES_MAX];
	size_t len = 0;

	while (len < sizeof(line)) {
		ssize_t got = read(fd, line + len, 1);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		if (line[len] == '\n')
			return json_loadb(line, len, 0, NULL);
		len++;
	}
	return NULL;
}

static int take_id(struct import_link *link)
{
	json_t *answer = read_answer(link->begin_fd);
	const char *id = json_string_value(json_object_get(json_object_get(answer, "row"), "import"));
	const char *text = json_string_value(json_object_get(answer, "text"));
	int exit_code = EX_OK;

	if (text)
		exit_code = cli_fail(link->cli, (int)json_integer_value(json_object_get(answer, "end")), "%s", text);
	else if (!id || !str_copy(str_of(id), sizeof(link->id), link->id))
		exit_code = cli_fail(link->cli, EX_UNAVAILABLE, N_("the daemon hung up; see its log"));
	json_decref(answer);
	return exit_code;
}

int import_link_begin(struct import_link *link, const struct cli *cli, const char *what, struct progress *progress)
{
	bool refused = false;
	int exit_code;

	*link = (struct import_link){ .cli = cli, .begin_fd = -1, .chunk_fd = -1, .progress = progress };
	buf_init(&link->packed, STAGING_ROW_BYTES_MAX);
	buf_init(&link->chunk, CHUNK_BYTES_MAX);
	exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &link->settings);
	if (exit_code != EX_OK)
		return exit_code;
	link->path = cli->socket ? cli->socket : link->settings->daemon.socket;
	link->begin_fd = ask(link, "import begin", json_pack("{s:s}", "what", what), STR(""), DAEMON_STARTS_MS, &refused);
	if (link->begin_fd == -1 && refused)
		return cli_fail(cli, EX_NOPERM, N_("you may not ask the daemon at %s: become root, or a member of its group"), link->path);
	if (link->begin_fd == -1)
		return cli_fail(cli, EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), link->path);
	return take_id(link);
}

/* --- rows --- */

static int await_chunk(struct import_link *link)
{
	int fd = link->chunk_fd;

	link->chunk_fd = -1;
	return fd == -1 ? EX_OK : ask_answers(link->cli, fd, ignore_row, NULL);
}

static int flush(struct import_link *link)
{
	bool refused;
	int exit_code = await_chunk(link);

	if (exit_code != EX_OK || link->chunk_rows == 0)
		return exit_code;
	link->chunk_fd = ask(link, "import rows", json_pack("{s:s}", "import", link->id), buf_str(&link->chunk), 0, &refused);
	if (link->chunk_fd == -1)
		return daemon_gone(link);
	link->rows += link->chunk_rows;
	link->chunk_rows = 0;
	buf_clear(&link->chunk);
	return EX_OK;
}

int import_link_add(struct import_link *link, const struct sign_in *row)
{
	buf_clear(&link->packed);
	if (!sign_in_print(&link->packed, row) || !staging_frame(&link->chunk, buf_str(&link->packed)))
		return no_memory(link);
	link->chunk_rows++;
	return link->chunk_rows == CHUNK_ROWS_MAX || link->chunk.len > CHUNK_BYTES_FULL ? flush(link) : EX_OK;
}

/* --- the end --- */

static void on_end_row(void *context, json_t *row)
{
	struct import_link *link = context;
	const json_t *moved = json_object_get(row, "moved");

	if (moved)
		progress_at(link->progress, (uint64_t)json_integer_value(moved));
	else
		link->added = (uint64_t)json_integer_value(json_object_get(row, "new"));
}

int import_link_end(struct import_link *link)
{
	bool refused;
	int fd, exit_code = flush(link);

	if (exit_code == EX_OK)
		exit_code = await_chunk(link);
	if (exit_code != EX_OK)
		return exit_code;
	progress_begin(link->progress, false, link->rows);
	fd = ask(link, "import end", json_pack("{s:s,s:I}", "import", link->id, "count", (json_int_t)link->rows), STR(""), 0, &refused);
	if (fd == -1)
		return daemon_gone(link);
	exit_code = ask_answers(link->cli, fd, on_end_row, link);
	progress_hide(link->progress);
	return exit_code;
}

void import_link_free(struct import_link *link)
{
	if (link->chunk_fd != -1)
		(void)close(link->chunk_fd);
	if (link->begin_fd != -1)
		(void)close(link->begin_fd);
	buf_done(&link->packed);
	buf_done(&link->chunk);
	settings_free(link->settings);
}
