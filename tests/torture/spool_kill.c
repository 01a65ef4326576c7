/*
 * spool_kill: commits, loads and settles until it is killed, and says on stdout what was answered, a line at once each; for
 * test_spool_kill.py.
 *
 *   spool_kill STATE work [early]   "ack ID" once a message is committed, "settling ID" before it is settled, "gone ID" after.
 *                                   early: the negative control, "ack ID" as soon as it is handed over
 *   spool_kill STATE list           "have ID" for each message whose body is whole, "bad ID" for each other; "count N"
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "keep/spool.h"

#define IN_FLIGHT_MAX 20
#define LARGE_EVERY 10 /* each tenth body lies in a file */
#define BYTES_SMALL 4000
#define BYTES_LARGE 90000
#define LIST_A_TIME 500

static struct loop loop;
static struct spool *spool;
static bool early;
static unsigned in_flight;
static uint64_t have_before_id;
static size_t asked, answered, listed;

struct one {
	uint64_t id;
	bool has_body_file;
};

static void say_line(const char *word, uint64_t id)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%s %" PRIu64 "\n", word, id);

	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		exit(1);
}

static size_t body_len(uint64_t id)
{
	return id % LARGE_EVERY == 0 ? BYTES_LARGE : BYTES_SMALL;
}

static void fill(char *body, uint64_t id)
{
	uint64_t dice = id * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < body_len(id); i++) {
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		body[i] = (char)(dice >> 56);
	}
}

static void pump(void);

static void on_settled(void *context, enum outcome outcome, const struct fault *fault)
{
	struct one *one = context;

	(void)fault;
	if (outcome == OUTCOME_OK)
		say_line("gone", one->id);
	free(one);
	pump();
}

static void settle(struct one *one)
{
	static const uint32_t done;
	static const struct trace_recipient as = { .state = TRACE_SENT };
	struct spool_fate fate = { .id = one->id, .attempts = 1, .done = &done, .done_as = &as, .done_count = 1, .finished = true,
				   .has_body_file = one->has_body_file };

	say_line("settling", one->id);
	if (!spool_settle(spool, &fate, on_settled, one))
		free(one);
}

static void on_committed(void *context, enum outcome outcome, const struct fault *fault)
{
	struct one *one = context;

	(void)fault;
	in_flight--;
	if (outcome == OUTCOME_OK && !early)
		say_line("ack", one->id);
	if (outcome == OUTCOME_OK && one->id % 4 != 0)
		settle(one);
	else
		free(one);
	pump();
}

static bool body_into_file(struct str body, uint64_t *ret_body_file)
{
	struct fault fault;
	int fd;

	if (spool_body_create(spool, ret_body_file, &fd, &fault) != OUTCOME_OK)
		return false;
	if (write(fd, body.ptr, body.len) != (ssize_t)body.len)
		exit(1);
	(void)close(fd);
	return true;
}

static void commit_one(void)
{
	static char bytes[BYTES_LARGE];
	static const struct spool_recipient recipient = { .address = { "someone@example.net", 19 } };
	struct one *one = malloc(sizeof(*one));
	struct spool_message message = { .sender = STR("copier@contoso.example"), .route = STR("exchange"),
					 .mailbox = STR("copier@contoso.example"), .received_us = clock_real_us(),
					 .recipients = &recipient, .recipients_count = 1 };

	if (!one)
		exit(1);
	message.id = spool_count_next(spool);
	fill(bytes, message.id);
	message.size_bytes = body_len(message.id);
	message.body = (struct str){ bytes, body_len(message.id) };
	spool_checksum(message.body, message.checksum);
	*one = (struct one){ .id = message.id };
	if (message.id % LARGE_EVERY == 0) {
		if (!body_into_file(message.body, &message.body_file))
			exit(1);
		message.body = STR("");
		one->has_body_file = true;
	}
	if (!spool_commit(spool, &message, on_committed, one))
		exit(1);
	in_flight++;
	if (early)
		say_line("ack", message.id);
}

static void pump(void)
{
	while (in_flight < IN_FLIGHT_MAX)
		commit_one();
}

/* --- list --- */

static void list_more(void);

static void on_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	static char want[BYTES_LARGE], got[BYTES_LARGE];
	uint64_t *id = context;
	bool right = outcome == OUTCOME_OK && body->size_bytes == body_len(*id);

	(void)fault;
	fill(want, *id);
	if (right && body->fd >= 0)
		right = pread(body->fd, got, sizeof(got), 0) == (ssize_t)body->size_bytes && memcmp(got, want, body->size_bytes) == 0;
	else if (right)
		right = memcmp(body->bytes.ptr, want, body->size_bytes) == 0;
	if (outcome == OUTCOME_OK && body->fd >= 0)
		(void)close(body->fd);
	say_line(right ? "have" : "bad", *id);
	free(id);
	if (++answered == asked)
		list_more();
}

static void on_views(void *context, const struct spool_view *views, size_t count)
{
	(void)context;
	asked = count;
	answered = 0;
	listed += count;
	if (count == 0)
		loop_stop(&loop);
	for (size_t i = 0; i < count; i++) {
		uint64_t *id = malloc(sizeof(*id));

		if (!id)
			exit(1);
		*id = have_before_id = views[i].message.id;
		spool_body_load(spool, *id, on_body, id);
	}
}

static void list_more(void)
{
	spool_list(spool, 0, have_before_id, LIST_A_TIME, on_views, NULL);
}

int main(int argc, char **argv)
{
	struct spool_options options = { .state = argc > 1 ? argv[1] : "", .ballast_bytes = 1u << 20, .sync_workers = 2 };
	struct spool_counts counts;
	struct fault fault;
	bool work = argc > 2 && strcmp(argv[2], "work") == 0;

	early = argc > 3 && strcmp(argv[3], "early") == 0;
	if (argc < 3 || (!work && strcmp(argv[2], "list") != 0)) {
		(void)fputs("spool_kill STATE work [early] | STATE list\n", stderr);
		return 64;
	}
	loop_init(&loop);
	if (spool_open(&loop, &options, &spool, &fault) != OUTCOME_OK) {
		(void)fprintf(stderr, "spool_kill: %s\n", fault.text[LANGUAGE_EN]);
		return 1;
	}
	if (work)
		pump();
	else
		list_more();
	loop_run(&loop);
	spool_counts(spool, &counts);
	say_line("count", counts.messages[SPOOL_READY] + counts.messages[SPOOL_DEFERRED]);
	spool_close(spool);
	loop_done(&loop);
	return counts.messages[SPOOL_HELD] || counts.messages[SPOOL_READY] + counts.messages[SPOOL_DEFERRED] != listed;
}
