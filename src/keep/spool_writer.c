/*
 * spool_writer: the writer thread. It takes all that waits, up to a ceiling, and makes one transaction of it; who waits
 * meanwhile is in the next one. Nothing is answered before the COMMIT.
 *
 * When a group fails:
 *   an item that left something half done   → rolled back, the same group again with a savepoint around each item
 *   the disk is full, fails, or memory      → both connections closed, opened again, the log brought into the database and
 *                                             synced; then the group's number tells whether it is there. If it is not,
 *                                             new messages are answered LATER and never tried again; what an attempt has
 *                                             already done in the world (fates) and rows are tried once more.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "keep/spool_private.h"

#define REOPEN_MS 200
#define IDLE_MS 200
#define PATIENCE_MS 10 /* how long fates wait for somebody's message to share a transaction with */
#define TRIES_MAX 4

enum group_end { GROUP_COMMITTED, GROUP_MESSY, GROUP_FULL, GROUP_BROKEN };

bool spool_tally_load(struct spool_writer *writer, struct spool_tally *ret_tally)
{
	sqlite3_stmt *row = spool_statement(&writer->connection, SQL_TALLY_GET);
	bool there = row && sqlite3_step(row) == SQLITE_ROW;

	if (there) {
		*ret_tally = (struct spool_tally){
			.group = (uint64_t)sqlite3_column_int64(row, 0),
			.messages = { (uint64_t)sqlite3_column_int64(row, 1), (uint64_t)sqlite3_column_int64(row, 2),
				      (uint64_t)sqlite3_column_int64(row, 3) },
			.bytes = (uint64_t)sqlite3_column_int64(row, 4),
			.outbox_rows = (uint64_t)sqlite3_column_int64(row, 5),
			.outbox_next = (uint64_t)sqlite3_column_int64(row, 6),
			.reserved = (uint64_t)sqlite3_column_int64(row, 7),
		};
	}
	if (row)
		(void)sqlite3_reset(row);
	return there;
}

int spool_tally_save(struct spool_writer *writer)
{
	const struct spool_tally *tally = &writer->next;
	const uint64_t columns[] = { tally->group,       tally->messages[SPOOL_READY], tally->messages[SPOOL_DEFERRED],
				     tally->messages[SPOOL_HELD], tally->bytes,       tally->outbox_rows,
				     tally->outbox_next, tally->reserved };
	sqlite3_stmt *statement = spool_statement(&writer->connection, SQL_TALLY_SET);

	if (!statement)
		return sqlite3_extended_errcode(writer->connection.db);
	for (int i = 0; i < (int)(sizeof(columns) / sizeof(*columns)); i++)
		(void)sqlite3_bind_int64(statement, i + 1, (sqlite3_int64)columns[i]);
	return spool_statement_run(statement);
}

/* FULL when anything in the group must survive a power cut; a change is a statement of its own, so only when it changes. */
static int choose_synchronous(struct spool_connection *connection, const struct spool_work *group)
{
	bool full = false;
	int code;

	for (; group && !full; group = group->next)
		full = !group->answered && spool_work_needs_sync(group);
	if (full == connection->synchronous_full)
		return SQLITE_OK;
	code = sqlite3_exec(connection->db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL, NULL,
			    NULL);
	if (code == SQLITE_OK)
		connection->synchronous_full = full;
	return code;
}

static enum group_end end_of(struct spool *spool, int code)
{
	struct spool_writer *writer = &spool->writer;

	switch (spool_trouble_of(&writer->connection, code)) {
	case SPOOL_FULL:
		spool_fault(&writer->connection, SQLITE_FULL, spool->state, &writer->trouble);
		return GROUP_FULL;
	default:
		spool_fault(&writer->connection, code, spool->path, &writer->trouble);
		return GROUP_BROKEN;
	}
}

/* An item that this database will not take: a number used twice, a page that is damaged. */
static void answer_bad(struct spool *spool, struct spool_work *work, int code)
{
	struct fault fault;

	if ((code & 0xff) == SQLITE_CONSTRAINT) {
		fault_set(&fault, OUTCOME_NEVER, N_("the spool %s already holds a message of this number"), spool->path);
		spool_work_answer(work, OUTCOME_NEVER, &fault);
		return;
	}
	spool_fault(&spool->writer.connection, code, spool->path, &fault);
	spool_work_answer(work, OUTCOME_LATER, &fault);
}

/* One item. FINE also when it was refused without a trace. */
static enum group_end apply_one(struct spool *spool, struct spool_work *work, bool careful)
{
	struct spool_writer *writer = &spool->writer;
	struct spool_tally before = writer->next;
	int code = careful ? spool_run(&writer->connection, SQL_SAVEPOINT) : SQLITE_OK;

	if (code == SQLITE_OK)
		code = spool_apply(spool, work);
	if (code != SQLITE_OK && spool_trouble_of(&writer->connection, code) == SPOOL_ITEM_BAD &&
	    !sqlite3_get_autocommit(writer->connection.db)) {
		if (work->wrote && !careful)
			return GROUP_MESSY;
		answer_bad(spool, work, code);
		writer->next = before;
		code = careful ? spool_run(&writer->connection, SQL_SAVEPOINT_ROLLBACK) : SQLITE_OK;
	}
	if (code == SQLITE_OK && careful)
		code = spool_run(&writer->connection, SQL_SAVEPOINT_RELEASE);
	return code == SQLITE_OK ? GROUP_COMMITTED : end_of(spool, code);
}

static enum group_end run_group(struct spool *spool, struct spool_work *group, bool careful)
{
	struct spool_writer *writer = &spool->writer;
	enum group_end end = GROUP_COMMITTED;
	int code = choose_synchronous(&writer->connection, group);

	writer->next = writer->tally;
	writer->next.group++;
	if (code == SQLITE_OK)
		code = spool_run(&writer->connection, SQL_BEGIN);
	if (code != SQLITE_OK)
		return end_of(spool, code);
	for (struct spool_work *work = group; work && end == GROUP_COMMITTED; work = work->next) {
		if (!work->answered)
			end = apply_one(spool, work, careful);
	}
	if (end == GROUP_COMMITTED) {
		code = spool_tally_save(writer);
		if (code == SQLITE_OK)
			code = spool_run(&writer->connection, SQL_COMMIT);
		if (code != SQLITE_OK)
			end = end_of(spool, code);
	}
	if (end == GROUP_MESSY && spool_run(&writer->connection, SQL_ROLLBACK) != SQLITE_OK)
		return GROUP_BROKEN;
	return end;
}

static void answer_rest(struct spool_work *group, enum outcome outcome, const struct fault *fault)
{
	for (; group; group = group->next) {
		if (!group->answered)
			spool_work_answer(group, outcome, fault);
	}
}

static bool any_left(const struct spool_work *group)
{
	while (group && group->answered)
		group = group->next;
	return group != NULL;
}

/* Nobody can look whether these are there. They are answered LATER, and taken out again should they turn up. */
static void remember_to_undo(struct spool_writer *writer, const struct spool_work *group)
{
	for (; group; group = group->next) {
		struct spool_work *undo;

		if (group->answered || group->kind != WORK_MESSAGE)
			continue;
		undo = spool_work_plain(WORK_UNDO, group->id, STR(""));
		if (undo) {
			undo->next = writer->undo;
			writer->undo = undo;
		}
	}
}

static void close_both(struct spool *spool)
{
	spool_connection_close(&spool->writer.connection);
	spool_connection_close(&spool->reader);
}

/*
 * Both connections anew, and what the log holds brought into the database and synced: a sync that failed may have left
 * pages that the kernel calls clean and the disk never saw, and only what is written again is known to be there.
 */
static bool reopen(struct spool *spool)
{
	struct spool_writer *writer = &spool->writer;
	int code;
	bool open;

	pthread_mutex_lock(&spool->reading);
	close_both(spool);
	writer->reopened_ms = clock_monotonic_ms();
	open = spool_connection_open(&writer->connection, spool->path, false, &writer->trouble) == OUTCOME_OK;
	if (open) {
		spool_room_watch(writer);
		code = sqlite3_wal_checkpoint_v2(writer->connection.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		/* A full disk leaves nothing in doubt: no sync has failed. */
		open = code == SQLITE_OK || spool_trouble_of(&writer->connection, code) == SPOOL_FULL;
		if (!open)
			spool_fault(&writer->connection, code, spool->path, &writer->trouble);
	}
	open = open && spool_tally_load(writer, &writer->next) &&
	       spool_connection_open(&spool->reader, spool->path, true, &writer->trouble) == OUTCOME_OK;
	if (!open)
		close_both(spool);
	pthread_mutex_unlock(&spool->reading);
	writer->oldest_stale = true;
	return open;
}

/* Messages that are there are there; the others are refused and will not be tried again. */
static void settle(struct spool *spool, struct spool_work *group, bool landed)
{
	struct spool_writer *writer = &spool->writer;

	writer->tally = writer->next; /* as reopen() found it */
	for (; group; group = group->next) {
		struct spool_found found = { 0 };

		if (group->answered)
			continue;
		if (group->kind == WORK_MESSAGE)
			(void)spool_find(spool, group->id, &found);
		if (landed && (group->kind != WORK_MESSAGE || found.row))
			spool_work_answer(group, OUTCOME_OK, NULL);
		else if (spool_work_is_message(group))
			spool_work_answer(group, OUTCOME_LATER, &writer->trouble);
		spool_found_done(spool, &found);
	}
}

static void commit_group(struct spool *spool, struct spool_work *group)
{
	struct spool_writer *writer = &spool->writer;
	bool careful = false;

	for (unsigned tries = 0; tries < TRIES_MAX && any_left(group); tries++) {
		enum group_end end = run_group(spool, group, careful);
		uint64_t number = writer->next.group;
		struct fault trouble = writer->trouble;

		if (end == GROUP_COMMITTED) {
			writer->tally = writer->next;
			answer_rest(group, OUTCOME_OK, NULL);
			return;
		}
		careful = true;
		if (end == GROUP_MESSY)
			continue;
		if (end == GROUP_FULL)
			spool_room_give_up(spool);
		if (!reopen(spool)) {
			remember_to_undo(writer, group);
			answer_rest(group, OUTCOME_LATER, &writer->trouble);
			return;
		}
		writer->trouble = trouble;
		settle(spool, group, writer->next.group == number);
	}
	answer_rest(group, OUTCOME_LATER, &writer->trouble);
}

/* --- what the loop gets to know --- */

static void look_at_oldest(struct spool *spool)
{
	struct spool_writer *writer = &spool->writer;
	sqlite3_stmt *row = writer->connection.db ? spool_statement(&writer->connection, SQL_MESSAGE_OLDEST) : NULL;
	struct spool_message message = { 0 };
	struct str recipients;
	uint64_t done_count;

	if (!row)
		return;
	if (sqlite3_step(row) == SQLITE_ROW)
		(void)spool_row_read(row, spool_column(row, COLUMN_ENVELOPE), STR(""), &message, &done_count, &recipients);
	writer->oldest_us = message.received_us;
	writer->oldest_stale = false;
	(void)sqlite3_reset(row);
}

void spool_writer_counts(const struct spool_writer *writer, struct spool_counts *ret_counts)
{
	const struct spool_tally *tally = &writer->tally;

	*ret_counts = (struct spool_counts){ .bytes = tally->bytes,
					     .oldest_us = writer->oldest_us,
					     .outbox_rows = tally->outbox_rows };
	memcpy(ret_counts->messages, tally->messages, sizeof(tally->messages));
}

static void publish(struct spool *spool, struct spool_list_of_work *group)
{
	pthread_mutex_lock(&spool->mutex);
	spool_list_join(&spool->done, group);
	spool_writer_counts(&spool->writer, &spool->counts_now);
	spool->room_inside_now = spool->writer.free_pages_bytes;
	spool->full_now = spool->writer.full;
	pthread_mutex_unlock(&spool->mutex);
	(void)uv_async_send(&spool->answers);
}

/* --- the thread --- */

static void work_on(struct spool *spool, struct spool_list_of_work *group)
{
	struct spool_writer *writer = &spool->writer;
	struct fault fault;

	if (!writer->connection.db && clock_monotonic_ms() - writer->reopened_ms >= REOPEN_MS && reopen(spool))
		writer->tally = writer->next;
	if (!writer->connection.db) {
		answer_rest(group->first, OUTCOME_LATER, &writer->trouble);
		return;
	}
	if (writer->undo) {
		struct spool_work *undo = writer->undo;

		writer->undo = NULL;
		commit_group(spool, undo);
		for (struct spool_work *next; undo; undo = next) {
			next = undo->next;
			spool_work_free(undo);
		}
	}
	for (struct spool_work *work = group->first; work; work = work->next) {
		if (spool_work_is_message(work) && !spool_room_for_messages(spool, &fault))
			spool_work_answer(work, OUTCOME_LATER, &fault);
		else if (work->kind == WORK_SIGN_IN && !spool_room_for_rows(spool, &fault))
			spool_work_answer(work, OUTCOME_LATER, &fault);
	}
	if (any_left(group->first))
		commit_group(spool, group->first);
	writer->oldest_stale = true;
}

/* All that waits, up to the ceilings. */
static void take_group(struct spool *spool, struct spool_list_of_work *ret_group)
{
	size_t items = 0, bytes = 0;

	*ret_group = (struct spool_list_of_work){ 0 };
	while (spool->work.first && items < SPOOL_GROUP_ITEMS_MAX && bytes < SPOOL_GROUP_BYTES_MAX) {
		struct spool_work *work = spool->work.first;

		spool->work.first = work->next;
		if (!work->next)
			spool->work.last = NULL;
		if (!spool_work_is_patient(work))
			spool->urgent--;
		spool_list_append(ret_group, work);
		items++;
		bytes += work->bytes;
	}
}

/* Is there anything to do without being asked? */
static bool has_chores(const struct spool_writer *writer)
{
	return !writer->connection.db || writer->oldest_stale || writer->full || writer->room_low || !writer->ballast ||
	       writer->undo || writer->wal_pages >= writer->checkpoint_pages;
}

static struct timespec after_ms(long ms)
{
	struct timespec then;

	(void)clock_gettime(CLOCK_MONOTONIC, &then);
	then.tv_nsec += ms * 1000000L;
	then.tv_sec += then.tv_nsec / 1000000000L;
	then.tv_nsec %= 1000000000L;
	return then;
}

/* Sleep until something is added, or `until` (NULL: for ever). False: the time is over. */
static bool sleep_until(struct spool *spool, const struct timespec *until)
{
	int error;

	spool->writer_sleeps = true;
	error = until ? pthread_cond_timedwait(&spool->work_came, &spool->mutex, until) :
			pthread_cond_wait(&spool->work_came, &spool->mutex);
	spool->writer_sleeps = false;
	return error != ETIMEDOUT;
}

/* Until work comes that somebody waits for, patient work has waited its time, or it is time for the chores. False: it is time
 * to end. */
static bool wait_for_work(struct spool *spool, bool chores, struct spool_list_of_work *ret_group)
{
	struct timespec idle = after_ms(IDLE_MS);
	struct timespec patience;
	bool patient = false;
	bool on = true;

	pthread_mutex_lock(&spool->mutex);
	while (on && !spool->urgent && !spool->writer_stop) {
		if (spool->work.first && !patient) {
			patience = after_ms(PATIENCE_MS);
			patient = true;
		}
		on = sleep_until(spool, patient ? &patience : chores ? &idle : NULL);
	}
	take_group(spool, ret_group);
	on = ret_group->first || !spool->writer_stop;
	pthread_mutex_unlock(&spool->mutex);
	return on;
}

static void do_chores(struct spool *spool, bool idle)
{
	struct spool_writer *writer = &spool->writer;

	writer->chores_ms = clock_monotonic_ms();
	spool_room_keep(spool);
	if (writer->oldest_stale)
		look_at_oldest(spool);
	spool_room_checkpoint(spool, idle);
}

void *spool_writer_main(void *context)
{
	struct spool *spool = context;
	struct spool_writer *writer = &spool->writer;
	struct spool_list_of_work group;

	while (wait_for_work(spool, has_chores(writer), &group)) {
		bool idle = !group.first;

		if (!idle || !writer->connection.db || writer->undo)
			work_on(spool, &group);
		publish(spool, &group);
		if (idle || clock_monotonic_ms() - writer->chores_ms >= IDLE_MS) {
			do_chores(spool, idle);
			publish(spool, &group);
		}
		spool_room_checkpoint(spool, false);
	}
	return NULL;
}
