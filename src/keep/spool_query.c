/* spool_query: each kind of read. An answer lies in its read's arena until the loop has told it. */
#include <stdlib.h>
#include <string.h>

#include "keep/spool_private.h"

#define DAMAGED_MAX 1024 /* in one answer; the next one finds more */

static int code_of(struct spool *spool)
{
	return sqlite3_extended_errcode(spool->reader.db);
}

/* Room for one more at read->answer, which grows with what is found and not with what was asked for. False: over the ceiling. */
static bool answer_grow(struct spool_read *read, size_t size)
{
	size_t room = read->room ? read->room * 2 : 8;
	void *larger;

	if (read->count < read->room)
		return true;
	larger = arena_take(&read->arena, room * size);
	if (!larger)
		return false;
	if (read->count)
		memcpy(larger, read->answer, read->count * size);
	read->answer = larger;
	read->room = room;
	return true;
}

/* The first lane behind `after`, by `which` of the three orders. SQLITE_DONE: none. */
static int lane_seek(struct spool *spool, struct spool_read *read, enum spool_statement which, struct spool_lane *after)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, which);
	int code;

	if (!row)
		return code_of(spool);
	spool_bind_text(row, 1, after->route);
	if (which != SQL_LANE_NEXT_ROUTE)
		spool_bind_text(row, 2, after->mailbox);
	if (which == SQL_LANE_NEXT_ACCOUNT)
		spool_bind_text(row, 3, after->account);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW) {
		struct str route = spool_column(row, 0), mailbox = spool_column(row, 1), account = spool_column(row, 2);

		after->due_us = sqlite3_column_int64(row, 3);
		code = arena_keep(&read->arena, route, &after->route) && arena_keep(&read->arena, mailbox, &after->mailbox) &&
				       arena_keep(&read->arena, account, &after->account) ?
			       SQLITE_OK :
			       SQLITE_NOMEM;
	}
	(void)sqlite3_reset(row);
	return code;
}

/* One step down the index a lane. */
static int query_lanes(struct spool *spool, struct spool_read *read)
{
	struct spool_lane lane = read->lane;
	int code = SQLITE_OK;

	while (read->count < read->count_max && code == SQLITE_OK) {
		code = lane_seek(spool, read, SQL_LANE_NEXT_ACCOUNT, &lane);
		if (code == SQLITE_DONE)
			code = lane_seek(spool, read, SQL_LANE_NEXT_MAILBOX, &lane);
		if (code == SQLITE_DONE)
			code = lane_seek(spool, read, SQL_LANE_NEXT_ROUTE, &lane);
		if (code == SQLITE_OK && !answer_grow(read, sizeof(lane)))
			code = SQLITE_NOMEM;
		if (code == SQLITE_OK)
			((struct spool_lane *)read->answer)[read->count++] = lane;
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int query_waiting(struct spool *spool, struct spool_read *read)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, SQL_WAITING);
	int code;

	if (!row)
		return code_of(spool);
	spool_bind_text(row, 1, read->lane.route);
	while ((code = sqlite3_step(row)) == SQLITE_ROW) {
		struct spool_waiting *waiting;

		if (!answer_grow(read, sizeof(*waiting))) {
			code = SQLITE_NOMEM;
			break;
		}
		waiting = (struct spool_waiting *)read->answer + read->count;
		waiting->count = (uint64_t)sqlite3_column_int64(row, 1);
		if (!arena_keep(&read->arena, spool_column(row, 0), &waiting->mailbox)) {
			code = SQLITE_NOMEM;
			break;
		}
		read->count++;
	}
	(void)sqlite3_reset(row);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* --- messages --- */

/* Recipients that lie apart from the envelope, into the arena. */
static int apart_keep(struct spool *spool, struct spool_read *read, sqlite3_int64 id, struct str *ret_apart)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, SQL_BODY_RECIPIENTS);
	int code;

	if (!row)
		return code_of(spool);
	(void)sqlite3_bind_int64(row, 1, id);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW && !arena_keep(&read->arena, spool_column(row, 0), ret_apart))
		code = SQLITE_NOMEM;
	(void)sqlite3_reset(row);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

struct kept { /* a row in the arena */
	struct spool_message message;
	struct str recipients; /* packed */
	uint64_t done_count;
	bool sealed;
};

static int row_keep(struct spool *spool, struct spool_read *read, sqlite3_stmt *row, struct kept *ret_kept)
{
	struct spool_message *message = &ret_kept->message;
	struct str envelope, apart = STR("");

	if (!arena_keep(&read->arena, spool_column(row, COLUMN_ENVELOPE), &envelope))
		return SQLITE_NOMEM;
	if (spool_envelope_is_apart(envelope)) {
		int code = apart_keep(spool, read, sqlite3_column_int64(row, COLUMN_ID), &apart);

		if (code != SQLITE_OK)
			return code;
	}
	ret_kept->sealed = spool_row_read(row, envelope, apart, message, &ret_kept->done_count, &ret_kept->recipients);
	return arena_keep(&read->arena, message->route, &message->route) &&
			       arena_keep(&read->arena, message->mailbox, &message->mailbox) &&
			       arena_keep(&read->arena, message->last_reply, &message->last_reply) &&
			       arena_keep(&read->arena, message->note, &message->note) ?
		       SQLITE_OK :
		       SQLITE_NOMEM;
}

static void note_damaged(struct spool_read *read, uint64_t id)
{
	if (!read->damaged)
		read->damaged = arena_take(&read->arena, DAMAGED_MAX * sizeof(*read->damaged));
	if (read->damaged && read->damaged_count < DAMAGED_MAX)
		read->damaged[read->damaged_count++] = id;
}

/* Results of earlier attempts by number, walked beside the recipients. NULL: none. */
static sqlite3_stmt *results_of(struct spool *spool, uint64_t id, uint64_t done_count, int *ret_code)
{
	sqlite3_stmt *statement = done_count ? spool_statement(&spool->reader, SQL_RESULT_GET) : NULL;

	*ret_code = SQLITE_DONE;
	if (!statement)
		return NULL;
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
	*ret_code = sqlite3_step(statement);
	return statement;
}

static bool result_is(sqlite3_stmt *results, int *code, uint64_t number)
{
	while (*code == SQLITE_ROW && (uint64_t)sqlite3_column_int64(results, 0) < number)
		*code = sqlite3_step(results);
	return *code == SQLITE_ROW && (uint64_t)sqlite3_column_int64(results, 0) == number;
}

/* Those that are not finished, with the place that each had at the commit. */
static int unfinished(struct spool *spool, struct spool_read *read, struct spool_head *head, uint64_t done_count,
		      struct str packed)
{
	size_t count = head->message.recipients_count, kept = 0;
	struct spool_recipient *recipients;
	uint32_t *indexes;
	sqlite3_stmt *results;
	int code;

	if (count > packed.len) /* each takes more than a byte: nothing that is sealed says so */
		return SQLITE_CORRUPT;
	recipients = arena_take(&read->arena, count * sizeof(*recipients));
	indexes = arena_take(&read->arena, count * sizeof(*indexes));
	if (!recipients || !indexes)
		return SQLITE_NOMEM;
	results = results_of(spool, head->message.id, done_count, &code);
	for (uint32_t number = 0; number < count && spool_recipient_next(&packed, &recipients[kept]); number++) {
		if (!result_is(results, &code, number))
			indexes[kept++] = number;
	}
	if (results)
		(void)sqlite3_reset(results);
	head->message.recipients = recipients;
	head->message.recipients_count = kept;
	head->indexes = indexes;
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int head_read(struct spool *spool, struct spool_read *read, sqlite3_stmt *row)
{
	struct spool_head *head;
	struct kept kept;
	int code = answer_grow(read, sizeof(*head)) ? row_keep(spool, read, row, &kept) : SQLITE_NOMEM;

	if (code == SQLITE_OK && !kept.sealed) {
		note_damaged(read, kept.message.id);
		return SQLITE_OK;
	}
	if (code == SQLITE_OK) {
		head = (struct spool_head *)read->answer + read->count;
		head->message = kept.message;
		code = unfinished(spool, read, head, kept.done_count, kept.recipients);
	}
	if (code == SQLITE_OK)
		read->count++;
	return code;
}

static int heads_from(struct spool *spool, struct spool_read *read, enum spool_statement which)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, which);
	int code = SQLITE_OK;

	if (!row)
		return code_of(spool);
	spool_bind_text(row, 1, read->lane.route);
	spool_bind_text(row, 2, read->lane.mailbox);
	spool_bind_text(row, 3, read->lane.account);
	(void)sqlite3_bind_int64(row, 4, read->after_due_us);
	if (which == SQL_LANE_SAME_DUE)
		(void)sqlite3_bind_int64(row, 5, (sqlite3_int64)read->id);
	while (code == SQLITE_OK && read->count < read->count_max) {
		code = sqlite3_step(row);
		if (code == SQLITE_ROW)
			code = head_read(spool, read, row);
	}
	(void)sqlite3_reset(row);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int query_heads(struct spool *spool, struct spool_read *read)
{
	int code = heads_from(spool, read, SQL_LANE_SAME_DUE);

	if (code == SQLITE_OK)
		code = heads_from(spool, read, SQL_LANE_LATER_DUE);
	/* Over the answer's ceiling: the rest comes with the next question. */
	read->cut_short = code == SQLITE_NOMEM && read->count > 0;
	return read->cut_short ? SQLITE_OK : code;
}

static uint8_t state_shown(uint8_t state)
{
	static const uint8_t shown[SPOOL_STATE_COUNT] = { TRACE_QUEUED, TRACE_DEFERRED, TRACE_HELD };

	return shown[state];
}

static int view_recipients(struct spool *spool, struct spool_read *read, struct spool_view *view, uint64_t done_count,
			   struct str packed)
{
	struct trace_recipient *recipients;
	struct spool_recipient recipient;
	size_t count = view->message.recipients_count < packed.len ? view->message.recipients_count : packed.len;
	sqlite3_stmt *results;
	bool room = true;
	int code;

	recipients = arena_take(&read->arena, count * sizeof(*recipients));
	if (!recipients && count)
		return SQLITE_NOMEM;
	results = results_of(spool, view->message.id, done_count, &code);
	view->recipients = recipients;
	while (room && view->recipients_count < count && spool_recipient_next(&packed, &recipient)) {
		struct trace_recipient *as = &recipients[view->recipients_count];

		/* Who is still open was last answered as the message was. */
		*as = (struct trace_recipient){ .address = recipient.address, .state = state_shown(view->message.state),
						.reply = view->message.last_reply, .upstream = view->message.route };
		if (result_is(results, &code, view->recipients_count)) {
			as->state = (uint8_t)sqlite3_column_int(results, 1);
			as->at_us = sqlite3_column_int64(results, 2);
			room = arena_keep(&read->arena, spool_column(results, 3), &as->reply) &&
			       arena_keep(&read->arena, spool_column(results, 4), &as->upstream);
		}
		view->recipients_count++;
	}
	if (results)
		(void)sqlite3_reset(results);
	view->message.recipients = NULL;
	view->message.recipients_count = 0;
	if (!room)
		return SQLITE_NOMEM;
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int view_read(struct spool *spool, struct spool_read *read, sqlite3_stmt *row)
{
	struct spool_view *view;
	struct kept kept;
	int code = answer_grow(read, sizeof(*view)) ? row_keep(spool, read, row, &kept) : SQLITE_NOMEM;

	if (code == SQLITE_OK) {
		view = (struct spool_view *)read->answer + read->count;
		view->message = kept.message;
		code = view_recipients(spool, read, view, kept.done_count, kept.recipients);
	}
	if (code == SQLITE_OK)
		read->count++;
	return code;
}

static int query_views(struct spool *spool, struct spool_read *read)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, read->id ? SQL_MESSAGE_GET : SQL_LIST);
	uint64_t before = read->before_id ? read->before_id : INT64_MAX;
	int code;

	if (!row)
		return code_of(spool);
	(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)(read->id ? read->id : before));
	do {
		code = sqlite3_step(row);
		if (code == SQLITE_ROW)
			code = view_read(spool, read, row);
	} while (code == SQLITE_OK && read->count < read->count_max);
	(void)sqlite3_reset(row);
	if (code == SQLITE_NOMEM && read->count > 0)
		return SQLITE_OK;
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* --- bodies and rows --- */

static int refuse_body(struct spool_read *read, bool damaged)
{
	read->outcome = OUTCOME_NEVER;
	read->fault = malloc(sizeof(*read->fault));
	if (damaged) {
		fault_set(read->fault, OUTCOME_NEVER, SPOOL_DAMAGED);
		read->body_damaged = true;
	} else {
		fault_set(read->fault, OUTCOME_NEVER, N_("no message of this number is in the queue: it was delivered or dropped"));
	}
	return SQLITE_OK;
}

static int body_file_find(struct spool *spool, struct spool_read *read)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, SQL_MESSAGE_GET);
	struct kept kept = { 0 };
	int code;

	if (!row)
		return code_of(spool);
	(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)read->id);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW)
		code = row_keep(spool, read, row, &kept);
	(void)sqlite3_reset(row);
	if (code != SQLITE_OK)
		return code == SQLITE_DONE ? refuse_body(read, false) : code;
	if (!kept.sealed || kept.message.body_file == 0)
		return refuse_body(read, true);
	read->body_file = kept.message.body_file;
	read->body.size_bytes = kept.message.size_bytes;
	memcpy(read->checksum, kept.message.checksum, sizeof(read->checksum));
	return SQLITE_OK;
}

/* A row whose bytes are NULL holds only recipients: the body is in a file. */
static int query_body(struct spool *spool, struct spool_read *read)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, SQL_BODY_GET);
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
	bool in_file = true, whole = false;
	int code;

	if (!row)
		return code_of(spool);
	(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)read->id);
	code = sqlite3_step(row);
	if (code == SQLITE_ROW && sqlite3_column_type(row, 1) != SQLITE_NULL) {
		struct str stored = spool_column(row, 0);

		in_file = false;
		code = arena_keep(&read->arena, spool_column(row, 1), &read->body.bytes) ? SQLITE_ROW : SQLITE_NOMEM;
		if (code == SQLITE_ROW) {
			spool_checksum(read->body.bytes, checksum);
			whole = str_eq(stored, (struct str){ (const char *)checksum, sizeof(checksum) });
			read->body.size_bytes = read->body.bytes.len;
		}
	}
	(void)sqlite3_reset(row);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return code;
	if (in_file)
		return body_file_find(spool, read);
	return whole ? SQLITE_OK : refuse_body(read, true);
}

static int query_rows(struct spool *spool, struct spool_read *read)
{
	sqlite3_stmt *row = spool_statement(&spool->reader, SQL_OUTBOX_GET);
	int code = SQLITE_OK;

	if (!row)
		return code_of(spool);
	(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)read->count_max);
	while (read->count < read->count_max && (code = sqlite3_step(row)) == SQLITE_ROW) {
		struct spool_row *to;

		if (!answer_grow(read, sizeof(*to))) {
			code = read->count ? SQLITE_DONE : SQLITE_NOMEM;
			break;
		}
		to = (struct spool_row *)read->answer + read->count;
		to->number = (uint64_t)sqlite3_column_int64(row, 0);
		to->kind = sqlite3_column_int(row, 1) == SPOOL_ROW_TRACE ? SPOOL_ROW_TRACE : SPOOL_ROW_SIGN_IN;
		if (!arena_keep(&read->arena, spool_column(row, 2), &to->packed)) {
			code = read->count ? SQLITE_DONE : SQLITE_NOMEM;
			break;
		}
		read->count++;
	}
	(void)sqlite3_reset(row);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int spool_query(struct spool *spool, struct spool_read *read)
{
	static int (*const queries[])(struct spool *spool, struct spool_read *read) = {
		[READ_LANES] = query_lanes, [READ_WAITING] = query_waiting, [READ_HEADS] = query_heads, [READ_BODY] = query_body,
		[READ_VIEWS] = query_views, [READ_ROWS] = query_rows,
	};

	return queries[read->kind](spool, read);
}
