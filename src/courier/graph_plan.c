#include "courier/graph_plan.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "courier/failure_graph.h"

#define RUN_BYTES 65536

/* A scan under way: the worker's, with a descriptor of its own. */
struct graph_scan {
	struct worker_job job;     /* first: the pool gives it back */
	struct graph_call *call;   /* NULL: it has ended meanwhile */
	struct courier_job message;
	char *body;                /* owned; NULL: a file */
	uint64_t from;
	struct graph_parts parts;
	struct buf head;
	bool mixed, read;
};

static void run(struct worker_job *job)
{
	struct graph_scan *scan = (struct graph_scan *)(void *)job;
	char bytes[RUN_BYTES];

	scan->mixed = graph_parts_init(&scan->parts, buf_str(&scan->head), scan->from);
	scan->read = true;
	for (uint64_t at = scan->from; scan->mixed && at < scan->message.size_bytes;) {
		ssize_t got = graph_body_read(&scan->message, at, bytes, sizeof(bytes));

		if (got <= 0) {
			scan->read = false;
			return;
		}
		graph_parts_feed(&scan->parts, (struct str){ bytes, (size_t)got });
		at += (uint64_t)got;
	}
}

static void scan_free(struct graph_scan *scan)
{
	if (scan->message.body_fd != -1)
		(void)close(scan->message.body_fd);
	free(scan->body);
	graph_parts_done(&scan->parts);
	buf_done(&scan->head);
	free(scan);
}

static bool copy_body(struct graph_scan *scan, const struct courier_job *job)
{
	scan->message = *job;
	if (job->body_fd != -1) {
		scan->message.body_fd = dup(job->body_fd);
		return scan->message.body_fd != -1;
	}
	scan->body = str_dup(job->body);
	scan->message.body.ptr = scan->body;
	return scan->body != NULL;
}

/* --- which of them go by themselves --- */

/* The largest first, until the rest fits. False: it does not fit without all of them either. */
static bool choose(const struct graph_parts *parts, uint64_t bytes, uint64_t bytes_max, bool chosen[GRAPH_PARTS_MAX], size_t *ret_count)
{
	*ret_count = 0;
	while (bytes > bytes_max) {
		size_t largest = parts->count;

		for (size_t i = 0; i < parts->count; i++) {
			if (!chosen[i] && (largest == parts->count || parts->part[i].to - parts->part[i].from >
									      parts->part[largest].to - parts->part[largest].from))
				largest = i;
		}
		if (largest == parts->count)
			return false;
		chosen[largest] = true;
		bytes -= parts->part[largest].to - parts->part[largest].from;
		(*ret_count)++;
	}
	return true;
}

/* The message without the chosen ones; one without any part left gets an empty text, since a multipart has one. */
static bool make_draft(struct graph_call *call, const struct graph_parts *parts, const bool *chosen, size_t count)
{
	bool nothing_left = count == parts->count + parts->others;
	uint64_t from = call->body_from;
	size_t at = 0;

	call->files = calloc(count, sizeof(*call->files));
	if (!call->files || (nothing_left && !buf_add_format(&call->empty_part, "%s\r\nContent-Type: text/plain\r\n\r\n\r\n",
							     parts->boundary)))
		return false;
	call->source = (struct graph_source){ .job = &call->work->job };
	graph_source_add_text(&call->source, buf_str(&call->head));
	for (size_t i = 0; i < parts->count; i++) {
		if (!chosen[i])
			continue;
		call->files[at++] = parts->part[i];
		graph_source_add_body(&call->source, from, parts->part[i].from);
		from = parts->part[i].to;
	}
	graph_source_add_text(&call->source, buf_str(&call->empty_part));
	graph_source_add_body(&call->source, from, call->work->job.size_bytes);
	call->files_count = count;
	return true;
}

static void done(struct worker_job *job)
{
	struct graph_scan *scan = (struct graph_scan *)(void *)job;
	struct graph_call *call = scan->call;
	bool chosen[GRAPH_PARTS_MAX] = { false };
	uint64_t bytes_max;
	size_t count;

	if (!call) {
		scan_free(scan);
		return;
	}
	call->scan = NULL;
	bytes_max = call->request_bytes_max;
	if (!scan->read)
		graph_give_up(call, "the body could not be read");
	else if (!scan->mixed || !scan->parts.ended || !choose(&scan->parts, call->source.bytes, bytes_max, chosen, &count))
		graph_refuse(call, GRAPH_NOT_SPLIT, NULL);
	else if (!make_draft(call, &scan->parts, chosen, count))
		graph_give_up(call, "out of memory for the attachments");
	else
		graph_with_token(call, GRAPH_DRAFT);
	scan_free(scan);
}

bool graph_plan(struct graph_call *call)
{
	struct graph_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return false;
	scan->job = (struct worker_job){ .run = run, .done = done };
	scan->from = call->body_from;
	scan->message.body_fd = -1;
	buf_init(&scan->head, call->head.len + 1);
	if (!copy_body(scan, &call->work->job) || !buf_add(&scan->head, buf_str(&call->head)) ||
	    !worker_add(call->mailbox->courier->workers, &scan->job)) {
		scan_free(scan);
		return false;
	}
	scan->call = call;
	call->scan = scan;
	return true;
}

void graph_plan_cancel(struct graph_call *call)
{
	if (call->scan)
		call->scan->call = NULL;
	call->scan = NULL;
}
