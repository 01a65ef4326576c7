/* spool_work: everything that one piece of work names is copied into one block behind it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "keep/spool_private.h"

/* Where the next copy goes: a first pass with `at` NULL only counts. */
struct cursor {
	char *at;
	size_t need;
};

static void keep(struct cursor *cursor, struct str *text)
{
	if (cursor->at) {
		if (text->len)
			memcpy(cursor->at, text->ptr, text->len);
		text->ptr = cursor->at;
		cursor->at += text->len;
	}
	cursor->need += text->len;
}

static void keep_packed(struct cursor *cursor, struct spool_packed *packed)
{
	keep(cursor, &packed->route);
	keep(cursor, &packed->mailbox);
	keep(cursor, &packed->account);
	keep(cursor, &packed->last_reply);
	keep(cursor, &packed->note);
	keep(cursor, &packed->envelope);
	keep(cursor, &packed->recipients);
	keep(cursor, &packed->body);
}

static void keep_all(struct cursor *cursor, struct spool_work *work)
{
	if (work->has_message)
		keep_packed(cursor, &work->message);
	keep(cursor, &work->last_reply);
	keep(cursor, &work->note);
	keep(cursor, &work->packed);
	for (size_t i = 0; i < work->results_count; i++) {
		keep(cursor, &work->results[i].reply);
		keep(cursor, &work->results[i].upstream);
	}
}

/* A block with everything in it that `from` borrows. */
static struct spool_work *copy(const struct spool_work *from)
{
	struct spool_work counted = *from;
	struct cursor cursor = { 0 };
	size_t results_bytes = from->results_count * sizeof(*from->results);
	struct spool_work *work;

	keep_all(&cursor, &counted);
	work = malloc(sizeof(*work) + results_bytes + cursor.need);
	if (!work)
		return NULL;
	*work = *from;
	work->bytes = sizeof(*work) + results_bytes + cursor.need;
	work->results = (struct spool_result *)(work + 1);
	if (results_bytes)
		memcpy(work->results, from->results, results_bytes);
	cursor = (struct cursor){ .at = (char *)work->results + results_bytes };
	keep_all(&cursor, work);
	return work;
}

static bool pack_message(struct buf *scratch, const struct spool_message *message, struct spool_packed *ret_packed)
{
	struct spool_packed packed = {
		.id = message->id,
		.due_us = message->due_us,
		.size_bytes = message->size_bytes,
		.body_file = message->body_file,
		.attempts = message->attempts,
		.state = message->state,
		.delay_told = message->delay_told,
		.route = message->route,
		.mailbox = message->mailbox,
		.account = message->account,
		.last_reply = message->last_reply,
		.note = message->note,
		.body = message->body,
	};

	assert(message->id != 0 && message->id <= INT64_MAX && message->state < SPOOL_STATE_COUNT);
	assert(message->recipients_count > 0 && message->route.len > 0);
	assert(message->body_file == 0 || message->body.len == 0);
	memcpy(packed.checksum, message->checksum, sizeof(packed.checksum));
	if (!spool_envelope_print(scratch, message, &packed.envelope, &packed.recipients))
		return false;
	*ret_packed = packed;
	return true;
}

struct spool_work *spool_work_message(struct buf *scratch, const struct spool_message *message)
{
	struct spool_work work = { .kind = WORK_MESSAGE, .id = message->id, .has_message = true };

	return pack_message(scratch, message, &work.message) ? copy(&work) : NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t left = ((const struct spool_result *)a)->number, right = ((const struct spool_result *)b)->number;

	return left < right ? -1 : left > right;
}

struct spool_work *spool_work_fate(struct buf *scratch, const struct spool_fate *fate)
{
	struct spool_work work = {
		.kind = WORK_FATE,
		.id = fate->id,
		.state = fate->state,
		.delay_told = fate->delay_told,
		.finished = fate->finished,
		.has_body_file = fate->has_body_file,
		.due_us = fate->due_us,
		.attempts = fate->attempts,
		.last_reply = fate->last_reply,
		.note = fate->note,
		.results_count = fate->done_count,
		.has_message = fate->dsn != NULL,
	};
	struct spool_work *kept = NULL;

	assert(fate->state < SPOOL_STATE_COUNT);
	if (fate->dsn && !pack_message(scratch, fate->dsn, &work.message))
		return NULL;
	if (fate->done_count) {
		work.results = calloc(fate->done_count, sizeof(*work.results));
		if (!work.results)
			return NULL;
	}
	for (size_t i = 0; i < fate->done_count; i++) {
		const struct trace_recipient *as = &fate->done_as[i];

		work.results[i] =
			(struct spool_result){ fate->done[i], as->state, as->at_us, as->reply, as->upstream };
	}
	if (fate->done_count > 1)
		qsort(work.results, fate->done_count, sizeof(*work.results), compare_numbers);
	kept = copy(&work);
	free(work.results);
	return kept;
}

struct spool_work *spool_work_row(enum spool_work_kind kind, struct str packed)
{
	return copy(&(struct spool_work){ .kind = kind, .packed = packed });
}

struct spool_work *spool_work_note(struct str name, struct str text)
{
	return copy(&(struct spool_work){ .kind = WORK_NOTE, .note = name, .packed = text });
}

struct spool_work *spool_work_plain(enum spool_work_kind kind, uint64_t id, struct str last_reply)
{
	return copy(&(struct spool_work){ .kind = kind, .id = id, .last_reply = last_reply });
}

void spool_work_free(struct spool_work *work)
{
	free(work->fault);
	free(work);
}

void spool_work_answer(struct spool_work *work, enum outcome outcome, const struct fault *fault)
{
	work->answered = true;
	work->outcome = outcome;
	if (outcome == OUTCOME_OK)
		return;
	if (!work->fault)
		work->fault = malloc(sizeof(*work->fault));
	if (work->fault) {
		*work->fault = *fault;
		work->fault->outcome = outcome;
	}
}

void spool_list_append(struct spool_list_of_work *list, struct spool_work *work)
{
	work->next = NULL;
	if (list->last)
		list->last->next = work;
	else
		list->first = work;
	list->last = work;
}

void spool_list_join(struct spool_list_of_work *list, struct spool_list_of_work *more)
{
	if (!more->first)
		return;
	if (list->last)
		list->last->next = more->first;
	else
		list->first = more->first;
	list->last = more->last;
	*more = (struct spool_list_of_work){ 0 };
}
