/* spool: opening, closing, and the way back of every answer to the loop. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "keep/spool_private.h"

/* --- answers --- */

/* What a turn of the loop brings goes over in one piece: one lock, one waking, and larger groups. */
static void hand_on(struct spool *spool)
{
	bool wake_writer = false, wake_reader = false;

	if (!spool->work_new.first && !spool->reads_new)
		return;
	pthread_mutex_lock(&spool->mutex);
	if (spool->work_new.first) {
		wake_writer = spool->writer_sleeps && (spool->urgent_new || !spool->work.first);
		spool_list_join(&spool->work, &spool->work_new);
		spool->urgent += spool->urgent_new;
		spool->urgent_new = 0;
	}
	if (spool->reads_new) {
		wake_reader = spool->reader_sleeps;
		*spool->reads_end = spool->reads_new;
		spool->reads_end = spool->reads_new_end;
		spool->reads_new = NULL;
		spool->reads_new_end = &spool->reads_new;
	}
	pthread_mutex_unlock(&spool->mutex);
	if (wake_writer)
		pthread_cond_signal(&spool->work_came);
	if (wake_reader)
		pthread_cond_signal(&spool->read_came);
}

static void on_turn(uv_prepare_t *turn)
{
	hand_on(turn->data);
}

void spool_work_add(struct spool *spool, struct spool_work *work)
{
	spool_list_append(&spool->work_new, work);
	if (!spool_work_is_patient(work))
		spool->urgent_new++;
}

void spool_work_done(struct spool *spool, struct spool_work *work)
{
	if (work->outcome == OUTCOME_OK && work->gone_file)
		spool_body_forget(spool, work->gone_file);
	if (work->kind == WORK_RESERVE) {
		spool->reserving = false;
		if (work->outcome == OUTCOME_OK)
			spool->count_end = work->id;
	}
	spool->waiting_items--;
	spool->waiting_bytes -= work->bytes;
	if (work->on_done)
		work->on_done(work->context, work->outcome, work->fault);
	spool_work_free(work);
}

bool spool_read_add(struct spool *spool, struct spool_read *read)
{
	if (spool->closing || spool->waiting_reads >= SPOOL_READS_MAX)
		return false;
	spool->waiting_reads++;
	*spool->reads_new_end = read;
	spool->reads_new_end = &read->next;
	return true;
}

static void read_tell(struct spool *spool, struct spool_read *read)
{
	spool->waiting_reads--;
	spool_read_tell(read);
	spool_read_free(read);
}

static void on_set_aside(void *context, enum outcome outcome, const struct fault *fault)
{
	struct spool_read *read = context;

	(void)outcome; /* held or not: the body is not to be sent */
	(void)fault;
	read_tell(read->spool, read);
}

void spool_read_done(struct spool *spool, struct spool_read *read)
{
	if (read->body_file && spool_body_open(spool, read))
		return;
	if (read->body_file)
		read->outcome = OUTCOME_LATER;
	for (size_t i = 0; i < read->damaged_count; i++)
		spool_set_aside(spool, read->damaged[i], NULL, NULL);
	if (!read->body_damaged) {
		read_tell(spool, read);
		return;
	}
	read->spool = spool;
	spool_set_aside(spool, read->id, on_set_aside, read);
}

static void deliver(struct spool *spool)
{
	struct spool_work *work;
	struct spool_read *reads;

	pthread_mutex_lock(&spool->mutex);
	work = spool->done.first;
	spool->done = (struct spool_list_of_work){ 0 };
	reads = spool->reads_done;
	spool->reads_done = NULL;
	spool->reads_done_end = &spool->reads_done;
	spool->counts = spool->counts_now;
	spool->room_inside_bytes = spool->room_inside_now;
	spool->full = spool->full_now;
	pthread_mutex_unlock(&spool->mutex);
	for (struct spool_work *next; work; work = next) {
		next = work->next;
		spool_work_done(spool, work);
	}
	for (struct spool_read *next; reads; reads = next) {
		next = reads->next;
		spool_read_done(spool, reads);
	}
}

static void on_answers(uv_async_t *answers)
{
	deliver(answers->data);
}

/* --- opening --- */

static enum outcome lock_state(struct spool *spool, struct fault *fault)
{
	spool->lock_fd = file_create(spool->state_fd, "lock");
	if (spool->lock_fd == -1 && errno == EEXIST)
		spool->lock_fd = file_open(spool->state_fd, "lock");
	if (spool->lock_fd == -1)
		return fault_errno(fault, "open", "lock");
	if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return OUTCOME_OK;
	if (errno != EWOULDBLOCK)
		return fault_errno(fault, "lock", spool->state);
	return fault_set(fault, OUTCOME_LATER,
			 N_("another Sekisho works in the state folder %s: stop it first, or give this one a folder of its own"),
			 spool->state);
}

static enum outcome open_folders(struct spool *spool, struct fault *fault)
{
	char bodies[SPOOL_PATH_MAX];
	enum outcome outcome = folder_make(spool->state, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	spool->state_fd = folder_open(spool->state);
	if (spool->state_fd == -1)
		return fault_errno(fault, "open folder", spool->state);
	outcome = lock_state(spool, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (!path_join(spool->state, STR("bodies"), sizeof(bodies), bodies))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), SPOOL_PATH_MAX, spool->state);
	outcome = folder_make(bodies, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	spool->bodies_fd = folder_open(bodies);
	if (spool->bodies_fd == -1 || !spool_body_folders_make(spool))
		return fault_errno(fault, "make folder", bodies);
	return OUTCOME_OK;
}

/* The file first, so that it and all that SQLite puts beside it are ours alone to read. */
static enum outcome open_database(struct spool *spool, struct fault *fault)
{
	struct spool_writer *writer = &spool->writer;
	CLEANUP(cleanup_fd) int fd = file_create(spool->state_fd, "spool.db");
	enum outcome outcome;

	if (fd == -1 && errno != EEXIST)
		return fault_errno(fault, "create", spool->path);
	outcome = spool_connection_open(&writer->connection, spool->path, false, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (file_sync(spool->state_fd) == -1)
		return fault_errno(fault, "sync", spool->state);
	if (!spool_tally_load(writer, &writer->tally))
		return spool_fault(&writer->connection, SQLITE_CORRUPT, spool->path, fault);
	spool_room_watch(writer);
	spool_writer_counts(writer, &spool->counts_now);
	spool->counts = spool->counts_now;
	return spool_connection_open(&spool->reader, spool->path, true, fault);
}

/* Numbers of the last run that may be in use are below the reserved ones. */
static enum outcome reserve_first(struct spool *spool, struct fault *fault)
{
	struct spool_writer *writer = &spool->writer;
	int code = spool_run(&writer->connection, SQL_BEGIN);

	spool->count_first = spool->count_next = writer->tally.reserved;
	spool->count_end = writer->tally.reserved + SPOOL_COUNT_BLOCK;
	writer->next = writer->tally;
	writer->next.reserved = spool->count_end;
	if (code == SQLITE_OK)
		code = spool_tally_save(writer);
	if (code == SQLITE_OK)
		code = spool_run(&writer->connection, SQL_COMMIT);
	if (code != SQLITE_OK)
		return spool_fault(&writer->connection, code, spool->path, fault);
	writer->tally = writer->next;
	return OUTCOME_OK;
}

static void init(struct spool *spool, struct loop *loop, const struct spool_options *options)
{
	pthread_condattr_t monotonic;

	*spool = (struct spool){
		.loop = loop,
		.state_fd = -1,
		.bodies_fd = -1,
		.lock_fd = -1,
		.disk_free_bytes_min = options->disk_free_bytes_min,
		.ballast_bytes = options->ballast_bytes,
		.writer.oldest_stale = true,
	};
	buf_init(&spool->scratch, SPOOL_RECIPIENTS_BYTES_MAX);
	spool_leave_init(&spool->writer);
	spool->reads_new_end = &spool->reads_new;
	spool->reads_end = &spool->reads;
	spool->reads_done_end = &spool->reads_done;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&spool->mutex, NULL);
	(void)pthread_mutex_init(&spool->reading, NULL);
	(void)pthread_cond_init(&spool->work_came, &monotonic);
	(void)pthread_cond_init(&spool->read_came, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

/* All but the memory itself, which libuv may still need for the handle. */
static void let_go(struct spool *spool)
{
	spool_connection_close(&spool->reader);
	spool_connection_close(&spool->writer.connection);
	cleanup_fd(&spool->bodies_fd);
	cleanup_fd(&spool->lock_fd);
	cleanup_fd(&spool->state_fd);
	buf_done(&spool->scratch);
	buf_done(&spool->writer.recipients);
	buf_done(&spool->writer.trace);
	(void)pthread_mutex_destroy(&spool->mutex);
	(void)pthread_mutex_destroy(&spool->reading);
	(void)pthread_cond_destroy(&spool->work_came);
	(void)pthread_cond_destroy(&spool->read_came);
}

static void on_closed(uv_handle_t *handle)
{
	struct spool *spool = handle->data;

	if (--spool->handles == 0)
		free(spool);
}

static void close_handles(struct spool *spool)
{
	uv_close((uv_handle_t *)&spool->turn, on_closed);
	uv_close((uv_handle_t *)&spool->answers, on_closed);
}

/* Threads take no signals: those are the loop's. */
static int start_thread(struct spool *spool, const char *name, void *(*main)(void *spool), pthread_t *ret_thread)
{
	sigset_t all, before;
	int error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(ret_thread, NULL, main, spool);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		(void)pthread_setname_np(*ret_thread, name);
	return error;
}

static void stop_thread(struct spool *spool, bool *flag, pthread_cond_t *wake, pthread_t thread)
{
	hand_on(spool);
	pthread_mutex_lock(&spool->mutex);
	*flag = true;
	pthread_cond_signal(wake);
	pthread_mutex_unlock(&spool->mutex);
	(void)pthread_join(thread, NULL);
}

static enum outcome start_threads(struct spool *spool, const struct spool_options *options, struct fault *fault)
{
	int error;

	if (uv_async_init(&spool->loop->uv, &spool->answers, on_answers) != 0)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while opening %s"), spool->path);
	(void)uv_prepare_init(&spool->loop->uv, &spool->turn);
	(void)uv_prepare_start(&spool->turn, on_turn);
	uv_unref((uv_handle_t *)&spool->turn);
	spool->answers.data = spool->turn.data = spool;
	spool->handles = 2;
	error = start_thread(spool, "spool-writer", spool_writer_main, &spool->writer_thread);
	if (error == 0) {
		error = start_thread(spool, "spool-reader", spool_reader_main, &spool->reader_thread);
		if (error == 0) {
			spool->workers = worker_pool_new(spool->loop, "spool-body", options->sync_workers,
							 SPOOL_BODY_JOBS_MAX);
			return OUTCOME_OK;
		}
		stop_thread(spool, &spool->writer_stop, &spool->work_came, spool->writer_thread);
	}
	close_handles(spool);
	errno = error;
	return fault_errno(fault, "start a thread for", spool->path);
}

enum outcome spool_open(struct loop *loop, const struct spool_options *options, struct spool **ret_spool, struct fault *fault)
{
	struct spool *spool = malloc(sizeof(*spool));
	enum outcome outcome;

	if (!spool)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while opening %s"), options->state);
	assert(options->sync_workers > 0);
	init(spool, loop, options);
	if (!str_copy(str_of(options->state), sizeof(spool->state), spool->state) ||
	    !path_join(options->state, STR("spool.db"), sizeof(spool->path), spool->path))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), SPOOL_PATH_MAX,
				    options->state);
	else
		outcome = open_folders(spool, fault);
	if (outcome == OUTCOME_OK)
		outcome = open_database(spool, fault);
	if (outcome == OUTCOME_OK)
		outcome = reserve_first(spool, fault);
	if (outcome == OUTCOME_OK)
		outcome = start_threads(spool, options, fault);
	if (outcome == OUTCOME_OK) {
		*ret_spool = spool;
		return OUTCOME_OK;
	}
	let_go(spool);
	if (spool->handles == 0) /* else it is freed when they are closed */
		free(spool);
	return outcome;
}

/* --- closing --- */

/* Numbers that were reserved and not used are given back; more than were reserved (the disk was slow) are made sure of. */
static void give_back(struct spool *spool)
{
	struct spool_writer *writer = &spool->writer;

	if (!writer->connection.db)
		return;
	writer->next = writer->tally;
	writer->next.reserved = spool->count_next;
	if (spool_run(&writer->connection, SQL_BEGIN) == SQLITE_OK && spool_tally_save(writer) == SQLITE_OK)
		(void)spool_run(&writer->connection, SQL_COMMIT);
	(void)sqlite3_wal_checkpoint_v2(writer->connection.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void spool_close(struct spool *spool)
{
	spool->closing = true;
	stop_thread(spool, &spool->reader_stop, &spool->read_came, spool->reader_thread);
	deliver(spool);                   /* may ask for body files … */
	worker_pool_free(spool->workers); /* … which may ask for holds */
	stop_thread(spool, &spool->writer_stop, &spool->work_came, spool->writer_thread);
	deliver(spool);
	spool_connection_close(&spool->reader);
	give_back(spool);
	let_go(spool);
	close_handles(spool);
}
