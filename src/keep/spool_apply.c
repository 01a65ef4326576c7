/* spool_apply: each kind of work inside the transaction of its group. */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "keep/spool_private.h"

#define DROPPED "dropped"

static void tally_move(struct spool_tally *tally, uint8_t from, uint8_t to)
{
	tally->messages[from]--;
	tally->messages[to]++;
}

int spool_writer_code(struct spool *spool)
{
	return sqlite3_extended_errcode(spool->writer.connection.db);
}

int spool_run_with_id(struct spool *spool, enum spool_statement which, uint64_t id)
{
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, which);

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
	return spool_statement_run(statement);
}

static int body_add(struct spool *spool, const struct spool_packed *message)
{
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_BODY_ADD);

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)message->id);
	spool_bind_blob(statement, 2, (struct str){ (const char *)message->checksum, SPOOL_CHECKSUM_BYTES });
	if (message->recipients.len)
		spool_bind_blob(statement, 3, message->recipients);
	else
		(void)sqlite3_bind_null(statement, 3);
	if (message->body_file)
		(void)sqlite3_bind_null(statement, 4);
	else
		spool_bind_blob(statement, 4, message->body);
	return spool_statement_run(statement);
}

static int message_add(struct spool *spool, struct spool_work *work, const struct spool_packed *message)
{
	struct spool_tally *tally = &spool->writer.next;
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_MESSAGE_ADD);
	int code;

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)message->id);
	spool_bind_text(statement, 2, message->route);
	spool_bind_text(statement, 3, message->mailbox);
	(void)sqlite3_bind_int64(statement, 4, message->due_us);
	(void)sqlite3_bind_int(statement, 5, message->state);
	(void)sqlite3_bind_int64(statement, 6, message->attempts);
	(void)sqlite3_bind_int(statement, 7, message->delay_told);
	if (message->body_file)
		(void)sqlite3_bind_int64(statement, 8, (sqlite3_int64)message->body_file);
	else
		(void)sqlite3_bind_null(statement, 8);
	spool_bind_text(statement, 9, message->last_reply);
	spool_bind_text(statement, 10, message->note);
	spool_bind_blob(statement, 11, message->envelope);
	spool_bind_text(statement, 12, message->account);
	code = spool_statement_run(statement);
	if (code != SQLITE_OK)
		return code;
	work->wrote = true;
	tally->messages[message->state]++;
	tally->bytes += message->size_bytes;
	return message->body_file && message->recipients.len == 0 ? SQLITE_OK : body_add(spool, message);
}

/* A small body came over a link and through a copy; a file was checked on a worker. */
static bool is_body_right(const struct spool_packed *message)
{
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];

	if (message->body_file)
		return true;
	spool_checksum(message->body, checksum);
	return message->body.len == message->size_bytes && memcmp(checksum, message->checksum, sizeof(checksum)) == 0;
}

static int apply_message(struct spool *spool, struct spool_work *work)
{
	if (!is_body_right(&work->message)) {
		struct fault fault;

		fault_set(&fault, OUTCOME_LATER, N_("the body is not what was sent (length or checksum): send it again"));
		spool_work_answer(work, OUTCOME_LATER, &fault);
		return SQLITE_OK;
	}
	return message_add(spool, work, &work->message);
}

int spool_outbox_add(struct spool *spool, enum spool_row_kind kind, struct str packed)
{
	struct spool_tally *tally = &spool->writer.next;
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_OUTBOX_ADD);
	int code;

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)tally->outbox_next);
	(void)sqlite3_bind_int(statement, 2, (int)kind);
	spool_bind_blob(statement, 3, packed);
	code = spool_statement_run(statement);
	if (code == SQLITE_OK) {
		tally->outbox_next++;
		tally->outbox_rows++;
	}
	return code;
}

static int apply_sign_in(struct spool *spool, struct spool_work *work)
{
	return spool_outbox_add(spool, SPOOL_ROW_SIGN_IN, work->packed);
}

static int apply_trace(struct spool *spool, struct spool_work *work)
{
	return spool_outbox_add(spool, SPOOL_ROW_TRACE, work->packed);
}

/* --- what is in the spool already --- */

static int refuse_unknown(struct spool_work *work)
{
	struct fault fault;

	fault_set(&fault, OUTCOME_NEVER, N_("no message of this number is in the queue: it was delivered or dropped"));
	spool_work_answer(work, OUTCOME_NEVER, &fault);
	return SQLITE_OK;
}

/* What the row may change to; the rest of it stays. */
static int message_change(struct spool *spool, struct spool_work *work, const struct spool_found *found,
			  const struct spool_message *to, uint64_t done_count)
{
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_MESSAGE_CHANGE);
	int code;

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)work->id);
	(void)sqlite3_bind_int64(statement, 2, to->due_us);
	(void)sqlite3_bind_int(statement, 3, to->state);
	(void)sqlite3_bind_int64(statement, 4, to->attempts);
	(void)sqlite3_bind_int(statement, 5, to->delay_told);
	(void)sqlite3_bind_int64(statement, 6, (sqlite3_int64)done_count);
	spool_bind_text(statement, 7, to->last_reply);
	spool_bind_text(statement, 8, to->note);
	code = spool_statement_run(statement);
	if (code != SQLITE_OK)
		return code;
	work->wrote = true;
	tally_move(&spool->writer.next, found->message.state, to->state);
	return SQLITE_OK;
}

static int result_put(struct spool *spool, uint64_t id, const struct spool_result *result)
{
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_RESULT_PUT);

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
	(void)sqlite3_bind_int64(statement, 2, result->number);
	(void)sqlite3_bind_int(statement, 3, result->state);
	(void)sqlite3_bind_int64(statement, 4, result->at_us);
	spool_bind_text(statement, 5, result->reply);
	spool_bind_text(statement, 6, result->upstream);
	return spool_statement_run(statement);
}

/* Some recipients stay. A hold that an administrator set during the attempt stays too. */
static int fate_change(struct spool *spool, struct spool_work *work, const struct spool_found *found)
{
	struct spool_message to = found->message;
	int code = SQLITE_OK;

	to.state = to.state == SPOOL_HELD ? to.state : work->state;
	to.due_us = work->due_us;
	to.attempts = work->attempts;
	to.delay_told = work->delay_told;
	to.last_reply = work->last_reply.len ? work->last_reply : to.last_reply;
	to.note = work->note.len ? work->note : to.note;
	for (size_t i = 0; i < work->results_count && code == SQLITE_OK; i++) {
		work->wrote = true;
		code = result_put(spool, work->id, &work->results[i]);
	}
	if (code == SQLITE_OK)
		code = message_change(spool, work, found, &to, found->done_count + work->results_count);
	return code;
}

static int apply_fate(struct spool *spool, struct spool_work *work)
{
	struct spool_found found;
	int code = spool_find(spool, work->id, &found);

	if (code != SQLITE_OK || !found.row)
		return code == SQLITE_OK ? refuse_unknown(work) : code;
	if (work->has_message)
		code = message_add(spool, work, &work->message);
	if (code == SQLITE_OK && !work->finished)
		code = fate_change(spool, work, &found);
	else if (code == SQLITE_OK)
		code = spool_leave(spool, work, &found,
				   &(struct trace_recipient){ .state = TRACE_FAILED, .reply = work->last_reply,
							      .at_us = clock_real_us() });
	spool_found_done(spool, &found);
	return code;
}

/* The message goes, and the note of its trace says why beside what it said before: what was repaired stays told. */
static int drop(struct spool *spool, struct spool_work *work, struct spool_found *found)
{
	CLEANUP(cleanup_buf) struct buf note = { 0 };
	struct str before = found->message.note;
	int code;

	buf_init(&note, before.len + sizeof(" " DROPPED));
	if (!buf_add(&note, before) || (before.len > 0 && !buf_add_byte(&note, ' ')) || !buf_add(&note, STR(DROPPED)))
		return SQLITE_NOMEM;
	work->note = buf_str(&note);
	code = spool_leave(spool, work, found,
			   &(struct trace_recipient){ .state = TRACE_FAILED, .at_us = clock_real_us(), .reply = STR("dropped by an administrator") });
	work->note = STR("");
	return code;
}

static int apply_hand_to_one(struct spool *spool, struct spool_work *work)
{
	struct spool_found found;
	struct spool_message to;
	int code = spool_find(spool, work->id, &found);

	if (code != SQLITE_OK || !found.row)
		return code == SQLITE_OK ? refuse_unknown(work) : code;
	to = found.message;
	work->attempts = to.attempts;
	switch (work->hand) {
	case SPOOL_HAND_HOLD:
		to.state = SPOOL_HELD;
		break;
	case SPOOL_HAND_RELEASE:
	case SPOOL_HAND_RETRY:
		to.state = SPOOL_READY;
		to.due_us = clock_real_us();
		break;
	case SPOOL_HAND_DROP:
		code = drop(spool, work, &found);
		break;
	}
	if (work->hand != SPOOL_HAND_DROP)
		code = message_change(spool, work, &found, &to, found.done_count);
	spool_found_done(spool, &found);
	return code;
}

/* Everything that waits for its next attempt is due now, or what is on one route. */
static int retry_all(struct spool *spool, struct spool_work *work)
{
	struct spool_tally *next = &spool->writer.next;
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, work->note.len ? SQL_ROUTE_RETRY : SQL_MESSAGES_RETRY);
	uint64_t changed;
	int code;

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, clock_real_us());
	if (work->note.len)
		spool_bind_text(statement, 2, work->note);
	work->wrote = true;
	code = spool_statement_run(statement);
	if (code != SQLITE_OK)
		return code;
	changed = (uint64_t)sqlite3_changes64(spool->writer.connection.db);
	next->messages[SPOOL_READY] += changed;
	next->messages[SPOOL_DEFERRED] -= changed < next->messages[SPOOL_DEFERRED] ? changed : next->messages[SPOOL_DEFERRED];
	return SQLITE_OK;
}

static int apply_hand(struct spool *spool, struct spool_work *work)
{
	if (work->id == 0 && work->hand == SPOOL_HAND_RETRY)
		return retry_all(spool, work);
	return apply_hand_to_one(spool, work);
}

static int apply_set_aside(struct spool *spool, struct spool_work *work)
{
	struct spool_found found;
	struct spool_message to;
	int code = spool_find(spool, work->id, &found);

	if (code != SQLITE_OK || !found.row)
		return code;
	to = found.message;
	to.state = SPOOL_HELD;
	to.last_reply = work->last_reply;
	code = message_change(spool, work, &found, &to, found.done_count);
	spool_found_done(spool, &found);
	return code;
}

static int apply_undo(struct spool *spool, struct spool_work *work)
{
	struct spool_found found;
	int code = spool_find(spool, work->id, &found);

	if (code == SQLITE_OK && found.row)
		code = spool_remove(spool, work, &found);
	spool_found_done(spool, &found);
	return code;
}

static int apply_forget(struct spool *spool, struct spool_work *work)
{
	struct spool_tally *tally = &spool->writer.next;
	int code = spool_run_with_id(spool, SQL_OUTBOX_REMOVE, work->id);
	uint64_t gone = (uint64_t)sqlite3_changes64(spool->writer.connection.db);

	if (code != SQLITE_OK)
		return code;
	work->wrote = true;
	tally->outbox_rows -= gone < tally->outbox_rows ? gone : tally->outbox_rows;
	return SQLITE_OK;
}

/* Without a text it is forgotten. */
static int apply_note(struct spool *spool, struct spool_work *work)
{
	sqlite3_stmt *statement =
		spool_statement(&spool->writer.connection, work->packed.len ? SQL_NOTE_PUT : SQL_NOTE_REMOVE);

	if (!statement)
		return spool_writer_code(spool);
	work->wrote = true;
	spool_bind_text(statement, 1, work->note);
	if (work->packed.len) {
		(void)sqlite3_bind_int64(statement, 2, clock_real_us());
		spool_bind_text(statement, 3, work->packed);
	}
	return spool_statement_run(statement);
}

static int apply_reserve(struct spool *spool, struct spool_work *work)
{
	if (work->id > spool->writer.next.reserved)
		spool->writer.next.reserved = work->id;
	return SQLITE_OK; /* written with the tally */
}

/* To add a kind of work: an enum value and a row. */
static const struct {
	int (*apply)(struct spool *spool, struct spool_work *work);
	bool needs_sync; /* must survive a power cut before it is answered */
	bool is_message; /* refused when the disk is full, never tried twice */
	bool is_patient; /* nobody outside waits for it: it may wait a moment for others to share a transaction with */
} kinds[WORK_KIND_COUNT] = {
	[WORK_MESSAGE] = { apply_message, true, true, false },
	/* A fate that a power cut takes back is an attempt made once more: a duplicate, as after any cut, and no loss. */
	[WORK_FATE] = { apply_fate, false, false, true },
	[WORK_HAND] = { apply_hand, true, false, false },
	[WORK_SIGN_IN] = { apply_sign_in, false, false, false },
	[WORK_TRACE] = { apply_trace, false, false, true },
	/* Rows that come back are known to the ledger already. */
	[WORK_FORGET] = { apply_forget, false, false, true },
	[WORK_NOTE] = { apply_note, false, false, true },
	[WORK_RESERVE] = { apply_reserve, true, false, false },
	[WORK_SET_ASIDE] = { apply_set_aside, true, false, false },
	[WORK_UNDO] = { apply_undo, true, false, false },
};

int spool_apply(struct spool *spool, struct spool_work *work)
{
	work->wrote = false;
	work->gone_file = 0;
	return kinds[work->kind].apply(spool, work);
}

bool spool_work_needs_sync(const struct spool_work *work)
{
	/* The file goes when this is answered: a row that came back without it would be a message without a body. */
	return kinds[work->kind].needs_sync || work->has_body_file;
}

bool spool_work_is_patient(const struct spool_work *work)
{
	return kinds[work->kind].is_patient;
}

bool spool_work_is_message(const struct spool_work *work)
{
	return kinds[work->kind].is_message;
}
