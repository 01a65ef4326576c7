/*
 * ledger_bench: what a sign-in costs in the ledger, and what its report costs. Answers in JSON lines.
 *
 *   ledger_bench STATE fill COUNT DEVICES   COUNT sign-ins over 90 days from as many devices (one account each), and a mail
 *                                           for every tenth; a line for each tenth part, so that a slope shows
 *   ledger_bench STATE report DAYS          the report over so many days, in each of its orders, and a simulation
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "domain/event_id.h"
#include "domain/policy.h"
#include "keep/report_query.h"

#define BATCH 1000
#define MAILS (BATCH / 10)
#define DAYS 90
#define DAY_US (86400LL * 1000000)

static uint32_t roll(uint32_t bound) /* xorshift */
{
	static uint64_t seed = 20261124;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % bound;
}

static uint64_t cpu_us(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* One batch, as the mover carries it. */
struct batch {
	struct buf bytes;
	struct str sign_ins[BATCH], mails[MAILS];
	size_t mails_count;
};

static bool add_mail(struct batch *batch, const struct sign_in *row, uint64_t number)
{
	struct trace_recipient recipient = { .address = STR("someone@example.net"), .state = TRACE_SENT, .at_us = row->created_us };
	char id[EVENT_ID_LEN + 1], packed_room[256];
	struct buf packed = { .ptr = packed_room, .cap = sizeof(packed_room), .bytes_max = sizeof(packed_room) };
	struct trace trace = { .message_id = STR("<1@copier>"), .from = row->user, .account = row->user, .tenant = row->tenant,
			       .received_us = row->created_us + 1, .recipients_count = 1 };
	size_t before = batch->bytes.len;

	event_id_print(8, number, id);
	trace.id = str_of(id);
	if (!trace_recipient_print(&packed, &recipient))
		return false;
	trace.recipients = buf_str(&packed);
	if (!trace_print(&batch->bytes, &trace))
		return false;
	batch->mails[batch->mails_count++] = (struct str){ batch->bytes.ptr + before, batch->bytes.len - before };
	return true;
}

static bool make(struct batch *batch, uint64_t first, uint64_t count, uint32_t devices, int64_t now_us)
{
	static const char *const tls[] = { "1.2", "1.3", "1.3" };
	char id[EVENT_ID_LEN + 1], user[64], ip[32], ehlo[32];

	buf_clear(&batch->bytes);
	batch->mails_count = 0;
	for (uint64_t i = 0; i < BATCH; i++) {
		uint32_t device = roll(devices);
		size_t before = batch->bytes.len;
		struct sign_in row = {
			.created_us = now_us - DAYS * DAY_US + (int64_t)((double)(first + i) / (double)count * DAYS * (double)DAY_US),
			.tenant = STR("contoso.example"), .protocol = device % 5 ? AUTH_PROTOCOL_BASIC : AUTH_PROTOCOL_OAUTH,
			.tls_version = str_of(tls[device % 3]), .tls_cipher = STR("TLS_AES_256_GCM_SHA384"), .listener = STR("submission"),
			.error_code = roll(20) ? 0 : 50126, .smtp_reply = STR("235 2.7.0 Authentication successful"), .source = STR("gateway"),
			.correlation_id = STR("01234567-89ab-cdef-0123-456789abcdef"),
		};

		event_id_print(7, first + i, id);
		(void)snprintf(user, sizeof(user), "copier%u@contoso.example", device);
		(void)snprintf(ip, sizeof(ip), "10.%u.%u.%u", device >> 16, device >> 8 & 255, device & 255);
		(void)snprintf(ehlo, sizeof(ehlo), "mfp-%u", device);
		row.event_id = str_of(id);
		row.user = str_of(user);
		row.ip = str_of(ip);
		row.ehlo = str_of(ehlo);
		if (!sign_in_print(&batch->bytes, &row))
			return false;
		batch->sign_ins[i] = (struct str){ batch->bytes.ptr + before, batch->bytes.len - before };
		if (i % 10 == 9 && !add_mail(batch, &row, first + i))
			return false;
	}
	return true;
}

static int fill(struct ledger *ledger, uint64_t count, uint32_t devices)
{
	static struct batch batch;
	uint64_t spent_us = 0, spent_cpu_us = 0, part = count / 10 < BATCH ? BATCH : count / 10, rows = 0;
	int64_t now_us = clock_real_us();
	struct fault fault;

	/* Room for a batch at once: the rows point into it. */
	buf_init(&batch.bytes, 16 << 20);
	if (!buf_room(&batch.bytes, 16 << 20))
		return 1;
	for (uint64_t first = 0; first < count; first += BATCH) {
		uint64_t began, began_cpu;

		if (!make(&batch, first, count, devices, now_us))
			return 1;
		began = clock_monotonic_us();
		began_cpu = cpu_us();
		if (ledger_rows_add(ledger, batch.sign_ins, BATCH, batch.mails, batch.mails_count, &fault) != OUTCOME_OK) {
			(void)fprintf(stderr, "%s\n", fault.text[LANGUAGE_EN]);
			return 1;
		}
		spent_us += clock_monotonic_us() - began;
		spent_cpu_us += cpu_us() - began_cpu;
		rows += BATCH;
		if ((first + BATCH) % part)
			continue;
		(void)printf("{\"sign_ins\":%" PRIu64 ",\"per_second\":%" PRIu64 ",\"us\":%.2f,\"cpu_us\":%.2f}\n", first + BATCH,
			     rows * 1000000 / (spent_us ? spent_us : 1), (double)spent_us / (double)rows,
			     (double)spent_cpu_us / (double)rows);
		(void)fflush(stdout);
		spent_us = spent_cpu_us = rows = 0;
	}
	buf_done(&batch.bytes);
	return 0;
}

static bool count_line(void *context, json_t *line)
{
	++*(size_t *)context;
	json_decref(line);
	return true;
}

static int report(struct ledger *ledger, int64_t days)
{
	struct report_question question = { .now_us = clock_real_us(), .days = days };
	struct simulate_question simulate = { .now_us = question.now_us, .at_us = question.now_us + 60 * DAY_US, .days = 30 };
	struct simulate_sum sum;
	struct fault fault;
	size_t lines = 0;
	uint64_t began;

	for (enum report_by by = 0; by < REPORT_BY_COUNT; by++) {
		began = clock_monotonic_us();
		lines = 0;
		question.by = by;
		if (report_query(ledger, &question, count_line, &lines, &fault) != OUTCOME_OK)
			return 1;
		(void)printf("{\"report\":\"%s\",\"days\":%" PRId64 ",\"lines\":%zu,\"ms\":%" PRIu64 "}\n", report_by_names[by], days, lines,
			     (clock_monotonic_us() - began) / 1000);
	}
	began = clock_monotonic_us();
	lines = 0;
	if (simulate_query(ledger, &simulate, count_line, &lines, &sum, &fault) != OUTCOME_OK)
		return 1;
	(void)printf("{\"simulate\":30,\"lines\":%zu,\"ms\":%" PRIu64 "}\n", lines, (clock_monotonic_us() - began) / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	struct ledger *ledger;
	struct fault fault;
	int exit_code = 64;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: ledger_bench STATE fill COUNT DEVICES | report DAYS\n");
		return exit_code;
	}
	if (ledger_open(argv[1], false, &ledger, &fault) != OUTCOME_OK) {
		(void)fprintf(stderr, "%s\n", fault.text[LANGUAGE_EN]);
		return 1;
	}
	if (argc == 5 && strcmp(argv[2], "fill") == 0)
		exit_code = fill(ledger, strtoull(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10));
	else if (argc == 4 && strcmp(argv[2], "report") == 0)
		exit_code = report(ledger, strtoll(argv[3], NULL, 10));
	ledger_close(ledger);
	return exit_code;
}
