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
	uint64_t from, request_bytes_max;
	struct graph_parts parts;
	struct buf head;
	char *state;               /* owned: the folder for what is written anew; NULL: nothing is */
	uint64_t free_bytes_min;
	struct graph_requoted requoted;
	bool mixed;
	const char *why;           /* it has to wait; NULL: it need not */
};

static void find_files(struct graph_scan *scan, const struct courier_job *message, struct str head, uint64_t from)
{
	char bytes[RUN_BYTES];

	if (head.len + message->size_bytes - from <= scan->request_bytes_max)
		return;
	scan->mixed = graph_parts_init(&scan->parts, head, from);
	while (scan->mixed && from < message->size_bytes) {
		ssize_t got = graph_body_read(message, from, bytes, sizeof(bytes));

		if (got <= 0) {
			scan->why = "the body could not be read";
			return;
		}
		graph_parts_feed(&scan->parts, (struct str){ bytes, (size_t)got });
		from += (uint64_t)got;
	}
}

static void run(struct worker_job *job)
{
	struct graph_scan *scan = (struct graph_scan *)(void *)job;
	struct courier_job anew;

	if (scan->state)
		scan->why = graph_requote(&scan->message, buf_str(&scan->head), scan->from, scan->state, scan->free_bytes_min, &scan->requoted);
	if (scan->why)
		return;
	anew = (struct courier_job){ .body_fd = scan->requoted.fd, .size_bytes = scan->requoted.bytes };
	if (scan->requoted.fd == -1)
		find_files(scan, &scan->message, buf_str(&scan->head), scan->from);
	else
		find_files(scan, &anew, buf_str(&scan->requoted.head), 0);
}

static void scan_free(struct graph_scan *scan)
{
	if (scan->message.body_fd != -1)
		(void)close(scan->message.body_fd);
	free(scan->body);
	graph_parts_done(&scan->parts);
	graph_requoted_done(&scan->requoted);
	free(scan->state);
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
	call->source = (struct graph_source){ .job = &call->message };
	graph_source_add_text(&call->source, buf_str(&call->head));
	for (size_t i = 0; i < parts->count; i++) {
		if (!chosen[i])
			continue;
		call->files[at++] = parts->part[i];
		graph_source_add_body(&call->source, from, parts->part[i].from);
		from = parts->part[i].to;
	}
	graph_source_add_text(&call->source, buf_str(&call->empty_part));
	graph_source_add_body(&call->source, from, call->message.size_bytes);
	call->files_count = count;
	return true;
}

/* What was written anew is the message from here on. */
static void take_requoted(struct graph_call *call, struct graph_scan *scan)
{
	call->requoted = scan->requoted;
	scan->requoted = (struct graph_requoted){ .fd = -1 };
	buf_done(&call->head);
	call->head = call->requoted.head;
	call->requoted.head = (struct buf){ 0 };
	call->message.body_fd = call->requoted.fd;
	call->message.size_bytes = call->requoted.bytes;
	call->body_from = 0;
	graph_take_whole(call);
}

static void done(struct worker_job *job)
{
	struct graph_scan *scan = (struct graph_scan *)(void *)job;
	struct graph_call *call = scan->call;
	bool chosen[GRAPH_PARTS_MAX] = { false };
	size_t count;

	if (!call) {
		scan_free(scan);
		return;
	}
	call->scan = NULL;
	if (scan->requoted.fd != -1)
		take_requoted(call, scan);
	if (scan->why)
		graph_give_up(call, scan->why);
	else if (call->source.bytes <= call->request_bytes_max)
		graph_with_token(call, GRAPH_SEND);
	else if (!scan->mixed || !scan->parts.ended || !choose(&scan->parts, call->source.bytes, call->request_bytes_max, chosen, &count))
		graph_refuse(call, GRAPH_NOT_SPLIT, NULL);
	else if (!make_draft(call, &scan->parts, chosen, count))
		graph_give_up(call, "out of memory for the attachments");
	else
		graph_with_token(call, GRAPH_DRAFT);
	scan_free(scan);
}

bool graph_plan(struct graph_call *call, bool requote)
{
	const struct settings *settings = call->mailbox->courier->settings;
	struct graph_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return false;
	scan->job = (struct worker_job){ .run = run, .done = done };
	scan->from = call->body_from;
	scan->message.body_fd = scan->requoted.fd = -1;
	scan->request_bytes_max = call->request_bytes_max;
	scan->free_bytes_min = settings->limits.disk_free_bytes_min;
	scan->state = requote ? str_dup(str_of(settings->daemon.state)) : NULL;
	buf_init(&scan->head, call->head.len + 1);
	if ((requote && !scan->state) || !copy_body(scan, &call->work->job) || !buf_add(&scan->head, buf_str(&call->head)) ||
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
