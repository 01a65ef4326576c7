/*
 * spool_bench: what a message costs in the spool. Answers in JSON lines.
 *
 *   spool_bench STATE fill COUNT                queue COUNT messages of 4 KiB, due tomorrow, in 1,000 lanes
 *   spool_bench STATE fill COUNT ACCOUNTS       the same, due now, of one mailbox and so many accounts: as many lanes
 *   spool_bench STATE flow IN_FLIGHT COUNT      IN_FLIGHT wait for their commit; beside it each is loaded (head and body) and settled as
 *                                              sent, and the outbox is emptied
 *   spool_bench STATE start                     open, first lanes, first window, memory; from a process that has done nothing else
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "keep/spool.h"

#define BODY_BYTES 4096
#define WINDOW 128
#define UNDELIVERED_MAX 2000
#define DAY_US (86400LL * 1000000)

struct flow {
	struct loop loop;
	struct spool *spool;
	uint64_t want, begun, committed, finished;
	uint64_t in_flight_max;
	uint64_t accounts; /* 0: one, with many mailboxes */
	int64_t after_due_us;
	uint64_t after_id;
	uint64_t unloaded; /* committed and not yet in a window */
	bool loading, moving, filling;
	uint64_t commit_us_sum, commit_us_worst;
	char body[BODY_BYTES];
};

struct one {
	struct flow *flow;
	uint64_t id, began_us;
};

static void die(const char *what, const struct fault *fault)
{
	(void)fprintf(stderr, "spool_bench: %s: %s\n", what, fault ? fault->text[LANGUAGE_EN] : "refused");
	exit(1);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static uint64_t status_kib(const char *file, const char *key)
{
	char line[256];
	uint64_t kib = 0;
	FILE *status = fopen(file, "re");

	while (status && fgets(line, sizeof(line), status)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtoull(line + strlen(key), NULL, 10);
	}
	if (status)
		(void)fclose(status);
	return kib;
}

static void pump(struct flow *flow);

/* --- commit --- */

static void on_committed(void *context, enum outcome outcome, const struct fault *fault)
{
	struct one *one = context;
	struct flow *flow = one->flow;
	uint64_t took_us = clock_monotonic_us() - one->began_us;

	if (outcome != OUTCOME_OK)
		die("commit", fault);
	free(one);
	flow->commit_us_sum += took_us;
	if (took_us > flow->commit_us_worst)
		flow->commit_us_worst = took_us;
	flow->committed++;
	flow->unloaded++;
	if (flow->filling)
		flow->finished++;
	pump(flow);
}

static void commit_one(struct flow *flow)
{
	struct one *one = malloc(sizeof(*one));
	char mailbox[64], account[64], event_id[16];
	struct spool_recipient recipient = { .address = STR("someone@example.net") };
	struct spool_message message = {
		.tenant = STR("contoso.example"),
		.sender = STR("copier@contoso.example"),
		.subject = STR("=?ISO-2022-JP?B?GyRCIVo=?= scan of page 1"),
		.message_id = STR("<20261124083000.123456@copier.contoso.example>"),
		.route = STR("exchange"),
		.received_us = clock_real_us(),
		.size_bytes = BODY_BYTES,
		.recipients = &recipient,
		.recipients_count = 1,
	};

	if (!one)
		die("memory", NULL);
	message.id = spool_count_next(flow->spool);
	(void)snprintf(mailbox, sizeof(mailbox), flow->filling ? "copier-%03u@contoso.example" : "flow-%03u@contoso.example",
		       flow->filling && !flow->accounts ? (unsigned)(message.id % 1000) : 0);
	(void)snprintf(account, sizeof(account), "copier%.*s%.*" PRIu64 "@contoso.example", flow->accounts ? 1 : 0, "-",
		       flow->accounts ? 6 : 0, flow->accounts ? message.id % flow->accounts : 0);
	message.account = str_of(account);
	(void)snprintf(event_id, sizeof(event_id), "%010" PRIu64, message.id);
	message.mailbox = str_of(mailbox);
	message.event_id = str_of(event_id);
	message.due_us = message.received_us + (flow->filling && !flow->accounts ? DAY_US : 0);
	message.expires_us = message.received_us + 2 * DAY_US;
	message.body = (struct str){ flow->body, sizeof(flow->body) };
	memcpy(flow->body, &message.id, sizeof(message.id));
	spool_checksum(message.body, message.checksum);
	*one = (struct one){ flow, message.id, clock_monotonic_us() };
	if (!spool_commit(flow->spool, &message, on_committed, one))
		die("commit", NULL);
	flow->begun++;
}

/* --- load and settle --- */

static void on_settled(void *context, enum outcome outcome, const struct fault *fault)
{
	struct flow *flow = context;

	if (outcome != OUTCOME_OK)
		die("settle", fault);
	flow->finished++;
	pump(flow);
}

static void on_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	struct one *one = context;
	struct trace_recipient as = { .state = TRACE_SENT,
				      .reply = STR("250 2.0.0 OK <20261124083000.123456@copier.contoso.example>"),
				      .at_us = clock_real_us(),
				      .upstream = STR("exchange") };
	uint32_t done = 0;
	struct spool_fate fate = { .id = one->id, .attempts = 1, .done = &done, .done_as = &as, .done_count = 1,
				   .finished = true };

	if (outcome != OUTCOME_OK || body->bytes.len != BODY_BYTES)
		die("body", fault);
	if (!spool_settle(one->flow->spool, &fate, on_settled, one->flow))
		die("settle", NULL);
	free(one);
}

static void on_heads(void *context, const struct spool_head *heads, size_t count, bool whole)
{
	struct flow *flow = context;

	(void)whole;
	flow->loading = false;
	for (size_t i = 0; i < count; i++) {
		struct one *one = malloc(sizeof(*one));

		if (!one || heads[i].message.recipients_count != 1)
			die("head", NULL);
		*one = (struct one){ flow, heads[i].message.id, 0 };
		flow->after_due_us = heads[i].message.due_us;
		flow->after_id = heads[i].message.id;
		flow->unloaded--;
		spool_body_load(flow->spool, one->id, on_body, one);
	}
	pump(flow);
}

static void on_forgotten(void *context, enum outcome outcome, const struct fault *fault)
{
	struct flow *flow = context;

	if (outcome != OUTCOME_OK)
		die("forget", fault);
	flow->moving = false;
	pump(flow);
}

static void on_rows(void *context, const struct spool_row *rows, size_t count)
{
	struct flow *flow = context;

	if (count == 0)
		flow->moving = false;
	else if (flow->finished < flow->want && !spool_rows_forget(flow->spool, rows[count - 1].number, on_forgotten, flow))
		die("forget", NULL);
}

static void pump(struct flow *flow)
{
	struct spool_counts counts;

	while (flow->begun < flow->want && flow->begun - flow->committed < flow->in_flight_max &&
	       flow->begun - flow->finished < UNDELIVERED_MAX)
		commit_one(flow);
	if (flow->finished == flow->want) {
		loop_stop(&flow->loop);
		return;
	}
	if (flow->filling)
		return;
	if (!flow->loading && flow->unloaded) {
		flow->loading = true;
		spool_lane_load(flow->spool, &(struct spool_lane){ STR("exchange"), STR("flow-000@contoso.example"), STR("copier@contoso.example"), 0 }, flow->after_due_us,
				flow->after_id, WINDOW, on_heads, flow);
	}
	spool_counts(flow->spool, &counts);
	if (!flow->moving && counts.outbox_rows >= 200) {
		flow->moving = true;
		spool_rows_load(flow->spool, 1000, on_rows, flow);
	}
}

/* --- the verbs --- */

static void open_spool(struct flow *flow, const char *state)
{
	struct fault fault;
	struct spool_options options = { .state = state, .ballast_bytes = 1u << 20, .sync_workers = 1 };

	loop_init(&flow->loop);
	if (spool_open(&flow->loop, &options, &flow->spool, &fault) != OUTCOME_OK)
		die("open", &fault);
}

static void close_spool(struct flow *flow)
{
	spool_close(flow->spool);
	loop_done(&flow->loop);
}

static int run_flow(const char *state, bool filling, uint64_t accounts, uint64_t in_flight_max, uint64_t count)
{
	static struct flow flow;
	struct spool_counts counts;
	double cpu, seconds;
	uint64_t began_us;

	flow = (struct flow){ .want = count, .in_flight_max = in_flight_max, .accounts = accounts, .filling = filling };
	memset(flow.body, 'x', sizeof(flow.body));
	open_spool(&flow, state);
	began_us = clock_monotonic_us();
	cpu = cpu_seconds();
	pump(&flow);
	loop_run(&flow.loop);
	cpu = cpu_seconds() - cpu;
	seconds = (double)(clock_monotonic_us() - began_us) / 1e6;
	spool_counts(flow.spool, &counts);
	(void)printf("{\"bench\":\"spool\",\"verb\":\"%s\",\"inFlight\":%" PRIu64 ",\"messages\":%" PRIu64
		     ",\"queued\":%" PRIu64 ",\"seconds\":%.3f,\"perSecond\":%.0f,\"cpuUs\":%.1f,"
		     "\"commitUsMean\":%" PRIu64 ",\"commitUsWorst\":%" PRIu64 ",\"hwmKib\":%" PRIu64 "}\n",
		     filling ? "fill" : "flow", in_flight_max, count, counts.messages[SPOOL_READY], seconds,
		     (double)count / seconds, cpu * 1e6 / (double)count, flow.commit_us_sum / count, flow.commit_us_worst,
		     status_kib("/proc/self/status", "VmHWM:"));
	close_spool(&flow);
	return 0;
}

struct first {
	struct flow flow;
	uint64_t began_us, lanes_us, heads_us;
	size_t lanes, heads;
};

static void on_first_heads(void *context, const struct spool_head *heads, size_t count, bool whole)
{
	struct first *first = context;

	(void)whole;
	(void)heads;
	first->heads = count;
	first->heads_us = clock_monotonic_us() - first->began_us;
	loop_stop(&first->flow.loop);
}

static void on_first_lanes(void *context, const struct spool_lane *lanes, size_t count, bool whole)
{
	struct first *first = context;

	(void)whole;
	first->lanes = count;
	first->lanes_us = clock_monotonic_us() - first->began_us;
	if (count == 0) {
		loop_stop(&first->flow.loop);
		return;
	}
	spool_lane_load(first->flow.spool, &lanes[0], 0, 0, WINDOW, on_first_heads, first);
}

static int run_start(const char *state)
{
	static struct first first;
	struct spool_counts counts;
	uint64_t open_us;

	first.began_us = clock_monotonic_us();
	open_spool(&first.flow, state);
	open_us = clock_monotonic_us() - first.began_us;
	spool_lanes(first.flow.spool, &(struct spool_lane){ 0 }, 2000, on_first_lanes, &first);
	loop_run(&first.flow.loop);
	spool_counts(first.flow.spool, &counts);
	(void)printf("{\"bench\":\"spool\",\"verb\":\"start\",\"queued\":%" PRIu64 ",\"openMs\":%.1f,\"lanes\":%zu,"
		     "\"lanesMs\":%.1f,\"heads\":%zu,\"headsMs\":%.1f,\"hwmKib\":%" PRIu64 ",\"pssKib\":%" PRIu64 "}\n",
		     counts.messages[SPOOL_READY], (double)open_us / 1e3, first.lanes, (double)first.lanes_us / 1e3,
		     first.heads, (double)first.heads_us / 1e3, status_kib("/proc/self/status", "VmHWM:"),
		     status_kib("/proc/self/smaps_rollup", "Pss:"));
	close_spool(&first.flow);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t count = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;

	if (argc == 3 && strcmp(argv[2], "start") == 0)
		return run_start(argv[1]);
	if (argc == 4 && strcmp(argv[2], "fill") == 0 && number)
		return run_flow(argv[1], true, 0, 1000, number);
	if (argc == 5 && strcmp(argv[2], "fill") == 0 && number && count)
		return run_flow(argv[1], true, count, 1000, number);
	if (argc == 5 && strcmp(argv[2], "flow") == 0 && number && count)
		return run_flow(argv[1], false, 0, number, count);
	(void)fputs("spool_bench STATE fill COUNT [ACCOUNTS] | flow IN_FLIGHT COUNT | start\n", stderr);
	return 64;
}
