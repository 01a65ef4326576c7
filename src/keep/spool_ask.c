/* spool_ask: the public questions. Each is copied into one block and goes to the writer or to the reader. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/clock.h"
#include "keep/spool_private.h"

#define VIEWS_A_TIME 500
#define ROOM_ASK_MS 50 /* asked for every message: the disk is asked less often */
#define INSIDE_BYTES_MAX 65536

/* --- work for the writer --- */

/* Takes `work`. False: too much waits, or (NULL) memory is short. */
static bool hand_over(struct spool *spool, struct spool_work *work,
		      void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	if (!work)
		return false;
	if (spool->closing || spool->waiting_items >= SPOOL_WAITING_ITEMS_MAX ||
	    spool->waiting_bytes + work->bytes > SPOOL_WAITING_BYTES_MAX) {
		spool_work_free(work);
		return false;
	}
	work->on_done = on_done;
	work->context = context;
	if (work->kind == WORK_MESSAGE && work->message.body_file) {
		if (!spool_body_commit(spool, work)) {
			spool_work_free(work);
			return false;
		}
	} else {
		spool_work_add(spool, work);
	}
	spool->waiting_items++;
	spool->waiting_bytes += work->bytes;
	return true;
}

bool spool_commit(struct spool *spool, const struct spool_message *message,
		  void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	return hand_over(spool, spool_work_message(&spool->scratch, message), on_done, context);
}

bool spool_settle(struct spool *spool, const struct spool_fate *fate,
		  void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	return hand_over(spool, spool_work_fate(&spool->scratch, fate), on_done, context);
}

bool spool_row_add(struct spool *spool, enum spool_row_kind kind, struct str packed,
		   void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	enum spool_work_kind work = kind == SPOOL_ROW_TRACE ? WORK_TRACE : WORK_SIGN_IN;

	return hand_over(spool, spool_work_row(work, packed), on_done, context);
}

bool spool_rows_forget(struct spool *spool, uint64_t up_to_number,
		       void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	return hand_over(spool, spool_work_plain(WORK_FORGET, up_to_number, STR("")), on_done, context);
}

bool spool_note(struct spool *spool, struct str name, struct str text)
{
	return hand_over(spool, spool_work_note(name, text), NULL, NULL);
}

bool spool_hand(struct spool *spool, uint64_t id, enum spool_hand hand,
		void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	struct spool_work *work = spool_work_plain(WORK_HAND, id, STR(""));

	if (work)
		work->hand = hand;
	return hand_over(spool, work, on_done, context);
}

bool spool_retry_route(struct spool *spool, struct str route, void (*on_done)(void *context, enum outcome outcome, const struct fault *fault),
		       void *context)
{
	struct spool_work *work = spool_work_note(route, STR(""));

	assert(route.len > 0);
	if (work) {
		work->kind = WORK_HAND;
		work->hand = SPOOL_HAND_RETRY;
	}
	return hand_over(spool, work, on_done, context);
}

/* When too much waits for it, `on_done` is told so, and the next load of the message finds the damage again. */
void spool_set_aside(struct spool *spool, uint64_t id,
		     void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	if (!hand_over(spool, spool_work_plain(WORK_SET_ASIDE, id, str_of(SPOOL_DAMAGED)), on_done, context) && on_done)
		on_done(context, OUTCOME_LATER, NULL);
}

/* Half a block ahead, so that nobody ever waits for a number. With a disk that takes nothing for longer than that, numbers
 * still rise; nothing that bears one of them could be stored. */
uint64_t spool_count_next(struct spool *spool)
{
	uint64_t count = spool->count_next++;

	if (!spool->reserving && spool->count_next + SPOOL_COUNT_BLOCK / 2 > spool->count_end) {
		uint64_t from = spool->count_next > spool->count_end ? spool->count_next : spool->count_end;

		spool->reserving = hand_over(spool, spool_work_plain(WORK_RESERVE, from + SPOOL_COUNT_BLOCK, STR("")),
					     NULL, NULL);
	}
	return count;
}

/* --- reads --- */

static struct spool_read *read_new(enum spool_read_kind kind, void *context, size_t count_max)
{
	struct spool_read *read = malloc(sizeof(*read));

	if (!read)
		return NULL;
	*read = (struct spool_read){ .kind = kind, .context = context, .count_max = count_max, .body.fd = -1 };
	arena_init(&read->arena, SPOOL_READ_BYTES_MAX);
	return read;
}

void spool_read_tell(struct spool_read *read)
{
	bool whole = read->outcome == OUTCOME_OK && !read->cut_short;

	switch (read->kind) {
	case READ_LANES:
		read->on_lanes(read->context, read->answer, read->count, whole);
		return;
	case READ_WAITING:
		read->on_waiting(read->context, read->answer, read->count);
		return;
	case READ_HEADS:
		read->on_heads(read->context, read->answer, read->count, whole);
		return;
	case READ_VIEWS:
		read->on_views(read->context, read->answer, read->count);
		return;
	case READ_ROWS:
		read->on_rows(read->context, read->answer, read->count);
		return;
	case READ_BODY:
		if (read->outcome == OUTCOME_OK) {
			struct spool_body body = read->body;

			read->body.fd = -1; /* the callee's now */
			read->on_body(read->context, OUTCOME_OK, &body, NULL);
			return;
		}
		read->on_body(read->context, read->outcome, NULL, read->fault);
		return;
	}
}

/* Who cannot be served (closing, too many, no memory) is told so at once, with nothing. */
static void ask(struct spool *spool, struct spool_read *read, bool kept)
{
	if (kept && spool_read_add(spool, read))
		return;
	read->outcome = OUTCOME_LATER;
	spool_read_tell(read);
	spool_read_free(read);
}

static bool lane_keep(struct spool_read *read, const struct spool_lane *lane)
{
	return arena_keep(&read->arena, lane->route, &read->lane.route) && arena_keep(&read->arena, lane->mailbox, &read->lane.mailbox) &&
	       arena_keep(&read->arena, lane->account, &read->lane.account);
}

void spool_lanes(struct spool *spool, const struct spool_lane *after, size_t count_max,
		 void (*on_lanes)(void *context, const struct spool_lane *lanes, size_t count, bool whole), void *context)
{
	struct spool_read *read = read_new(READ_LANES, context, count_max);

	if (!read) {
		on_lanes(context, NULL, 0, false);
		return;
	}
	read->on_lanes = on_lanes;
	ask(spool, read, lane_keep(read, after));
}

void spool_waiting(struct spool *spool, struct str route,
		   void (*on_waiting)(void *context, const struct spool_waiting *waiting, size_t count), void *context)
{
	struct spool_read *read = read_new(READ_WAITING, context, SIZE_MAX);

	if (!read) {
		on_waiting(context, NULL, 0);
		return;
	}
	read->on_waiting = on_waiting;
	ask(spool, read, arena_keep(&read->arena, route, &read->lane.route));
}

void spool_lane_load(struct spool *spool, const struct spool_lane *lane, int64_t after_due_us, uint64_t after_id,
		     size_t count_max, void (*on_heads)(void *context, const struct spool_head *heads, size_t count, bool whole),
		     void *context)
{
	struct spool_read *read = read_new(READ_HEADS, context, count_max);

	if (!read) {
		on_heads(context, NULL, 0, false);
		return;
	}
	read->on_heads = on_heads;
	read->after_due_us = after_due_us;
	read->id = after_id;
	ask(spool, read, lane_keep(read, lane));
}

void spool_body_load(struct spool *spool, uint64_t id,
		     void (*on_body)(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault),
		     void *context)
{
	struct spool_read *read = read_new(READ_BODY, context, 1);

	if (!read) {
		on_body(context, OUTCOME_LATER, NULL, NULL);
		return;
	}
	read->on_body = on_body;
	read->id = id;
	ask(spool, read, true);
}

void spool_list(struct spool *spool, uint64_t id, uint64_t before_id, size_t count_max,
		void (*on_views)(void *context, const struct spool_view *views, size_t count), void *context)
{
	struct spool_read *read = read_new(READ_VIEWS, context, count_max);

	if (!read) {
		on_views(context, NULL, 0);
		return;
	}
	read->on_views = on_views;
	read->id = id;
	read->before_id = before_id;
	ask(spool, read, true);
}

void spool_rows_load(struct spool *spool, size_t count_max,
		     void (*on_rows)(void *context, const struct spool_row *rows, size_t count), void *context)
{
	struct spool_read *read = read_new(READ_ROWS, context, count_max);

	if (!read) {
		on_rows(context, NULL, 0);
		return;
	}
	read->on_rows = on_rows;
	ask(spool, read, true);
}

/* --- what is known here --- */

void spool_counts(const struct spool *spool, struct spool_counts *ret_counts)
{
	*ret_counts = spool->counts;
}

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t free_bytes;

	if (now_ms - spool->room_asked_ms >= ROOM_ASK_MS) {
		spool->room_bytes = spool_room_free_bytes(spool->state_fd);
		spool->room_asked_ms = now_ms;
	}
	if (spool->full)
		return false; /* what the disk says it has it did not give */
	free_bytes = spool->room_bytes;
	/* Free pages inside spool.db take small messages before the file grows. */
	if (bytes <= INSIDE_BYTES_MAX && spool->room_inside_bytes > spool->disk_free_bytes_min + bytes)
		return true;
	return free_bytes >= spool->disk_free_bytes_min && free_bytes - spool->disk_free_bytes_min >= bytes;
}

/* --- without a daemon --- */

/* Opened for a reading beside the daemon, or without one. OK without a database: there is no spool. */
static enum outcome open_alone(const char *state, struct spool_connection *connection, char path[SPOOL_PATH_MAX], struct fault *fault)
{
	if (!path_join(state, STR("spool.db"), SPOOL_PATH_MAX, path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), SPOOL_PATH_MAX, state);
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return OUTCOME_OK;
	return spool_connection_open(connection, path, true, fault);
}

/* `code`: of the last step, SQLITE_ROW when enough was read; `row` NULL: it could not be asked at all. */
static enum outcome close_alone(struct spool_connection *connection, const sqlite3_stmt *row, int code, const char *path, struct fault *fault)
{
	enum outcome outcome = OUTCOME_OK;

	if (!row)
		code = sqlite3_extended_errcode(connection->db);
	if (!row || (code != SQLITE_ROW && code != SQLITE_DONE))
		outcome = spool_fault(connection, code, path, fault);
	spool_connection_close(connection);
	return outcome;
}

/* A ledger without its spool, as from a backup: nothing waits for it. */
enum outcome spool_outbox_read(const char *state, bool (*each)(void *context, enum spool_row_kind kind, struct str packed),
			       void *context, struct fault *fault)
{
	char path[SPOOL_PATH_MAX];
	struct spool_connection connection = { 0 };
	enum outcome outcome = open_alone(state, &connection, path, fault);
	sqlite3_stmt *row;
	int code = SQLITE_DONE;

	if (outcome != OUTCOME_OK || !connection.db)
		return outcome;
	row = spool_statement(&connection, SQL_OUTBOX_GET);
	if (row)
		(void)sqlite3_bind_int64(row, 1, -1); /* all */
	while (row && (code = sqlite3_step(row)) == SQLITE_ROW) {
		bool trace = sqlite3_column_int(row, 1) == SPOOL_ROW_TRACE;

		if (!each(context, trace ? SPOOL_ROW_TRACE : SPOOL_ROW_SIGN_IN, spool_column(row, 2)))
			break;
	}
	return close_alone(&connection, row, code, path, fault);
}

enum outcome spool_notes_read(const char *state, void (*each)(void *context, struct str name, int64_t at_us, struct str text),
			      void *context, struct fault *fault)
{
	char path[SPOOL_PATH_MAX];
	struct spool_connection connection = { 0 };
	enum outcome outcome = open_alone(state, &connection, path, fault);
	sqlite3_stmt *row;
	int code = SQLITE_DONE;

	if (outcome != OUTCOME_OK || !connection.db)
		return outcome;
	row = spool_statement(&connection, SQL_NOTES_GET);
	while (row && (code = sqlite3_step(row)) == SQLITE_ROW)
		each(context, spool_column(row, 0), sqlite3_column_int64(row, 1), spool_column(row, 2));
	return close_alone(&connection, row, code, path, fault);
}

/* The reader's own query, without its thread. */
static int read_some(struct spool *spool, uint64_t before_id, bool (*each)(void *context, const struct spool_view *view),
		     void *context, uint64_t *ret_last_id, bool *ret_more)
{
	struct spool_read *read = read_new(READ_VIEWS, NULL, VIEWS_A_TIME);
	const struct spool_view *views;
	int code;

	*ret_more = false;
	if (!read)
		return SQLITE_NOMEM;
	read->before_id = before_id;
	code = spool_query(spool, read);
	views = read->answer;
	*ret_more = code == SQLITE_OK && read->count == VIEWS_A_TIME;
	for (size_t i = 0; code == SQLITE_OK && i < read->count; i++) {
		*ret_last_id = views[i].message.id;
		if (!each(context, &views[i]))
			*ret_more = false;
	}
	spool_read_free(read);
	return code;
}

enum outcome spool_views_read(const char *state, bool (*each)(void *context, const struct spool_view *view), void *context,
			      struct fault *fault)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	char path[SPOOL_PATH_MAX];
	enum outcome outcome;
	uint64_t last_id = 0;
	bool more = true;
	int code = SQLITE_OK;

	if (!spool)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	if (!path_join(state, STR("spool.db"), sizeof(path), path)) {
		free(spool);
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), SPOOL_PATH_MAX, state);
	}
	outcome = spool_connection_open(&spool->reader, path, true, fault);
	while (outcome == OUTCOME_OK && code == SQLITE_OK && more)
		code = read_some(spool, last_id, each, context, &last_id, &more);
	if (code != SQLITE_OK)
		outcome = spool_fault(&spool->reader, code, path, fault);
	spool_connection_close(&spool->reader);
	free(spool);
	return outcome;
}
