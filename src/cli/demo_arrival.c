#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/demo.h"
#include "cli/rows.h"

#define FILE_BYTES_MAX (8u << 20)
#define ARRIVES_MS 15000
#define EMPTY_PATIENCE_MS 20

/* The one .eml in the sandbox's inbox, once it is there. */
static bool find_mail(const struct demo *demo, char ret_path[DEMO_PATH_MAX])
{
	uint64_t until_ms = clock_monotonic_ms() + ARRIVES_MS;
	char inbox[DEMO_PATH_MAX - 256 + 16];

	(void)snprintf(inbox, sizeof(inbox), "%s/S/inbox", demo->folder);
	while (clock_monotonic_ms() < until_ms) {
		DIR *folder = opendir(inbox);
		const struct dirent *entry;

		while (folder && (entry = readdir(folder))) {
			struct str name = str_of(entry->d_name);

			if (!str_ends_nocase(name, STR(".eml")))
				continue;
			(void)snprintf(ret_path, DEMO_PATH_MAX, "%s/%.200s", inbox, entry->d_name);
			(void)closedir(folder);
			return true;
		}
		if (folder)
			(void)closedir(folder);
		(void)nanosleep(&(struct timespec){ 0, EMPTY_PATIENCE_MS * 1000000L }, NULL);
	}
	return false;
}

/* Everything but one Received field at the top must be what the copier sent. */
static bool compare(const struct demo *demo, const char *path)
{
	CLEANUP(cleanup_buf) struct buf arrived = { 0 };
	struct str sent = buf_str(&demo->message);
	struct str top;
	struct fault fault;
	char text[512];

	if (file_load(path, FILE_BYTES_MAX, &arrived, &fault) != OUTCOME_OK) {
		(void)cli_fault(demo->cli, 1, &fault);
		return false;
	}
	if (arrived.len < sent.len || !str_eq(str_skip(buf_str(&arrived), arrived.len - sent.len), sent))
		return demo_failed(demo, N_("the message that arrived is not the one that was sent"));
	top = (struct str){ arrived.ptr, arrived.len - sent.len };
	if (!str_starts(top, STR("Received:")))
		return demo_failed(demo, N_("the message that arrived has something else than our Received field on top"));
	demo_fact(demo, N_("file"), path);
	(void)snprintf(text, sizeof(text), say(demo->cli->language, N_("%zu sent, %zu arrived: %zu of our Received field, the rest byte for byte the same")),
		       sent.len, arrived.len, top.len);
	demo_fact(demo, N_("bytes"), text);
	return true;
}

/* What the sandbox wrote down of the wire. */
static bool show_wire(const struct demo *demo)
{
	CLEANUP(cleanup_buf) struct buf lines = { 0 };
	char path[DEMO_PATH_MAX];
	struct str rest;

	(void)snprintf(path, sizeof(path), "%s/S/transcript.txt", demo->folder);
	if (file_load(path, FILE_BYTES_MAX, &lines, NULL) != OUTCOME_OK || lines.len == 0)
		return demo_failed(demo, N_("the sandbox wrote down nothing of the wire"));
	rest = buf_str(&lines);
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');

		(void)printf("    %.*s\n", STR_ARG(line));
	}
	return true;
}

/* The reply is in the trace once the message has left the queue. */
static void sent_reply(const struct demo *demo, size_t size, char *ret_text)
{
	uint64_t until_ms = clock_monotonic_ms() + ARRIVES_MS;
	char state[32] = "";

	ret_text[0] = '\0';
	while (strcmp(state, "sent") != 0 && clock_monotonic_ms() < until_ms) {
		json_t *row = NULL;

		if (demo_ask(demo, "trace", json_pack("{s:i}", "count", 1), &row) == 0 && row) {
			rows_text(row, "recipients.state", false, sizeof(state), state);
			rows_text(row, "recipients.reply", false, size, ret_text);
		}
		json_decref(row);
		(void)nanosleep(&(struct timespec){ 0, EMPTY_PATIENCE_MS * 1000000L }, NULL);
	}
}

static bool show_upstream(const struct demo *demo, const char *path)
{
	char envelope_path[DEMO_PATH_MAX];
	size_t stem = strlen(path) - strlen(".eml");
	json_t *envelope;
	char text[512];
	bool oauth;

	(void)snprintf(envelope_path, sizeof(envelope_path), "%.*s.json", (int)stem, path);
	envelope = json_load_file(envelope_path, 0, NULL);
	rows_text(envelope, "mechanism", false, sizeof(text), text);
	oauth = strcmp(text, "XOAUTH2") == 0;
	demo_fact(demo, N_("signed in upstream by"), text);
	rows_text(envelope, "authenticatedAs", false, sizeof(text), text);
	demo_fact(demo, N_("as"), text);
	rows_text(envelope, "from", false, sizeof(text), text);
	demo_fact(demo, "MAIL FROM", text);
	rows_text(envelope, "to", false, sizeof(text), text);
	demo_fact(demo, "RCPT TO", text);
	json_decref(envelope);
	sent_reply(demo, sizeof(text), text);
	if (!text[0])
		return demo_failed(demo, N_("the trace does not say that the mail was sent"));
	demo_fact(demo, N_("its reply, kept in the trace"), text);
	return oauth ? true : demo_failed(demo, N_("the mail did not go upstream by XOAUTH2"));
}

/* The gateway's own line about it: the log leaves when the keeper goes to sleep. */
static bool show_delivery(const struct demo *demo)
{
	uint64_t until_ms = clock_monotonic_ms() + ARRIVES_MS;
	char mark[64];

	(void)snprintf(mark, sizeof(mark), " event=delivery id=%s ", demo->queued_id);
	while (clock_monotonic_ms() < until_ms) {
		CLEANUP(cleanup_buf) struct buf log = { 0 };
		struct str rest;

		if (file_load(demo->gateway.log, FILE_BYTES_MAX, &log, NULL) != OUTCOME_OK)
			break;
		for (rest = buf_str(&log); rest.len > 0;) {
			struct str line = str_cut(&rest, '\n');

			if (!memmem(line.ptr, line.len, mark, strlen(mark)))
				continue;
			(void)printf("    %.*s\n", STR_ARG(line));
			return true;
		}
		(void)nanosleep(&(struct timespec){ 0, EMPTY_PATIENCE_MS * 1000000L }, NULL);
	}
	return demo_failed(demo, N_("the gateway's log does not tell of the delivery"));
}

/* What the stand-in counted; it writes that down once a second. */
static bool show_counts(const struct demo *demo)
{
	static const char *const shown[] = { "messages", "connections", "tokensIssued", "authAttempts", "authFailures", "authBeforeTls", "refused" };
	uint64_t until_ms = clock_monotonic_ms() + ARRIVES_MS;
	char path[DEMO_PATH_MAX];
	json_t *stats = NULL;

	(void)snprintf(path, sizeof(path), "%s/S/stats.json", demo->folder);
	while (json_integer_value(json_object_get(stats, "messages")) == 0 && clock_monotonic_ms() < until_ms) {
		(void)nanosleep(&(struct timespec){ 0, EMPTY_PATIENCE_MS * 1000000L }, NULL);
		json_decref(stats);
		stats = json_load_file(path, 0, NULL);
	}
	(void)printf("    stats.json:");
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		(void)printf(" %s %lld", shown[i], (long long)json_integer_value(json_object_get(stats, shown[i])));
	(void)printf("\n");
	if (json_integer_value(json_object_get(stats, "messages")) == 1 && json_integer_value(json_object_get(stats, "tokensIssued")) > 0 &&
	    json_integer_value(json_object_get(stats, "authBeforeTls")) == 0) {
		json_decref(stats);
		return true;
	}
	json_decref(stats);
	return demo_failed(demo, N_("the stand-in counted something else than one message with a token"));
}

bool demo_mail_arrives(struct demo *demo)
{
	char path[DEMO_PATH_MAX];

	if (!find_mail(demo, path))
		return demo_failed(demo, N_("no message arrived in the sandbox's inbox"));
	return show_upstream(demo, path) && show_wire(demo) && show_delivery(demo) && show_counts(demo) && compare(demo, path);
}
