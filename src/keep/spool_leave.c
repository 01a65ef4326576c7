/* spool_leave: a message is found, and goes: its trace into the outbox, its rows away, all in one transaction. */
#include "keep/spool_private.h"

#define TRACE_BYTES_MAX (256u << 20)

void spool_leave_init(struct spool_writer *writer)
{
	buf_init(&writer->recipients, TRACE_BYTES_MAX);
	buf_init(&writer->trace, TRACE_BYTES_MAX);
}

/* Recipients that lie apart from the envelope, borrowed until SQL_BODY_RECIPIENTS is reset. */
static int recipients_apart(struct spool *spool, uint64_t id, struct str *ret_apart)
{
	sqlite3_stmt *statement = spool_statement(&spool->writer.connection, SQL_BODY_RECIPIENTS);
	int code;

	if (!statement)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_apart = spool_column(statement, 0);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int spool_find(struct spool *spool, uint64_t id, struct spool_found *ret_found)
{
	struct str apart = STR("");
	sqlite3_stmt *row = spool_statement(&spool->writer.connection, SQL_MESSAGE_GET);
	int code;

	*ret_found = (struct spool_found){ 0 };
	if (!row)
		return spool_writer_code(spool);
	(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)id);
	code = sqlite3_step(row);
	if (code != SQLITE_ROW) {
		(void)sqlite3_reset(row);
		return code == SQLITE_DONE ? SQLITE_OK : code;
	}
	ret_found->row = row;
	code = SQLITE_OK;
	if (spool_envelope_is_apart(spool_column(row, COLUMN_ENVELOPE)))
		code = recipients_apart(spool, id, &apart);
	/* Damaged: what can be read of it is good enough for the trace; nobody sends it any more. */
	(void)spool_row_read(row, spool_column(row, COLUMN_ENVELOPE), apart, &ret_found->message, &ret_found->done_count, &ret_found->recipients);
	if (code != SQLITE_OK)
		spool_found_done(spool, ret_found);
	return code;
}

void spool_found_done(struct spool *spool, struct spool_found *found)
{
	sqlite3_stmt *apart = spool->writer.connection.statements[SQL_BODY_RECIPIENTS];

	if (apart)
		(void)sqlite3_reset(apart);
	if (found->row)
		(void)sqlite3_reset(found->row);
	found->row = NULL;
}

/* Results of earlier attempts, walked beside the recipients: both are in the order of their numbers. */
struct earlier {
	sqlite3_stmt *statement; /* NULL: none */
	int code;                /* SQLITE_ROW: stands on one */
};

static void earlier_begin(struct spool *spool, const struct spool_work *work, const struct spool_found *found,
			  struct earlier *ret_earlier)
{
	*ret_earlier = (struct earlier){ .code = SQLITE_DONE };
	if (found->done_count == 0)
		return;
	ret_earlier->statement = spool_statement(&spool->writer.connection, SQL_RESULT_GET);
	if (!ret_earlier->statement) {
		ret_earlier->code = spool_writer_code(spool);
		return;
	}
	(void)sqlite3_bind_int64(ret_earlier->statement, 1, (sqlite3_int64)work->id);
	ret_earlier->code = sqlite3_step(ret_earlier->statement);
}

static bool earlier_is(struct earlier *earlier, uint32_t number)
{
	while (earlier->code == SQLITE_ROW && sqlite3_column_int64(earlier->statement, 0) < number)
		earlier->code = sqlite3_step(earlier->statement);
	return earlier->code == SQLITE_ROW && sqlite3_column_int64(earlier->statement, 0) == number;
}

static int earlier_end(struct earlier *earlier)
{
	if (earlier->statement)
		(void)sqlite3_reset(earlier->statement);
	return earlier->code == SQLITE_ROW || earlier->code == SQLITE_DONE ? SQLITE_OK : earlier->code;
}

/* How recipient `number` ended: by this work, by an earlier one, else as `otherwise`. */
static struct trace_recipient end_of(const struct spool_work *work, struct earlier *earlier, uint32_t number, size_t *at,
				     const struct trace_recipient *otherwise)
{
	while (*at < work->results_count && work->results[*at].number < number)
		++*at;
	if (*at < work->results_count && work->results[*at].number == number) {
		const struct spool_result *result = &work->results[*at];

		return (struct trace_recipient){ .state = result->state, .reply = result->reply,
						 .at_us = result->at_us, .upstream = result->upstream };
	}
	if (earlier_is(earlier, number))
		return (struct trace_recipient){ .state = (uint8_t)sqlite3_column_int(earlier->statement, 1),
						 .at_us = sqlite3_column_int64(earlier->statement, 2),
						 .reply = spool_column(earlier->statement, 3),
						 .upstream = spool_column(earlier->statement, 4) };
	return *otherwise;
}

static int print_recipients(struct spool *spool, const struct spool_work *work, const struct spool_found *found,
			    const struct trace_recipient *otherwise, uint32_t *ret_count)
{
	struct buf *out = &spool->writer.recipients;
	struct str packed = found->recipients;
	struct spool_recipient recipient;
	struct earlier earlier;
	uint32_t number = 0;
	size_t at = 0;

	buf_clear(out);
	earlier_begin(spool, work, found, &earlier);
	while (spool_recipient_next(&packed, &recipient)) {
		struct trace_recipient as = end_of(work, &earlier, number, &at, otherwise);

		as.address = recipient.address;
		if (!trace_recipient_print(out, &as)) {
			(void)earlier_end(&earlier);
			return SQLITE_NOMEM;
		}
		number++;
	}
	*ret_count = number;
	return earlier_end(&earlier);
}

int spool_remove(struct spool *spool, struct spool_work *work, const struct spool_found *found)
{
	struct spool_tally *tally = &spool->writer.next;
	const struct spool_message *message = &found->message;
	int code = SQLITE_OK;

	work->wrote = true;
	if (found->done_count)
		code = spool_run_with_id(spool, SQL_RESULT_REMOVE, message->id);
	if (code == SQLITE_OK && (message->body_file == 0 || spool_envelope_is_apart(spool_column(found->row, COLUMN_ENVELOPE))))
		code = spool_run_with_id(spool, SQL_BODY_REMOVE, message->id);
	if (code == SQLITE_OK)
		code = spool_run_with_id(spool, SQL_MESSAGE_REMOVE, message->id);
	if (code != SQLITE_OK)
		return code;
	work->gone_file = message->body_file;
	tally->messages[message->state]--;
	tally->bytes -= message->size_bytes < tally->bytes ? message->size_bytes : tally->bytes;
	return SQLITE_OK;
}

int spool_leave(struct spool *spool, struct spool_work *work, const struct spool_found *found,
		const struct trace_recipient *otherwise)
{
	struct spool_writer *writer = &spool->writer;
	const struct spool_message *message = &found->message;
	struct trace trace = {
		.id = message->event_id,
		.message_id = message->message_id,
		.from = message->sender,
		.account = message->account,
		.tenant = message->tenant,
		.subject = message->subject,
		.size_bytes = message->size_bytes,
		.received_us = message->received_us,
		.attempts = work->attempts,
		.note = work->note.len ? work->note : message->note,
	};
	int code = print_recipients(spool, work, found, otherwise, &trace.recipients_count);

	if (code != SQLITE_OK)
		return code;
	trace.recipients = buf_str(&writer->recipients);
	buf_clear(&writer->trace);
	if (!trace_print(&writer->trace, &trace))
		return SQLITE_NOMEM;
	work->wrote = true;
	code = spool_outbox_add(spool, SPOOL_ROW_TRACE, buf_str(&writer->trace));
	if (code == SQLITE_OK)
		code = spool_remove(spool, work, found);
	return code;
}
