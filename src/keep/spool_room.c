/* spool_room: the disk's free room, the ballast, and when the log is brought into the database. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "keep/spool_private.h"

#define ASK_MS 200                  /* the disk is asked at most so often */
#define CHECKPOINT_PAGES 4096       /* 16 MiB of log: now */
#define CHECKPOINT_IDLE_PAGES 1024  /* when nothing else waits */

uint64_t spool_room_free_bytes(int state_fd)
{
	struct statvfs about;

	/* Who cannot be asked is taken to have room: the write itself will tell. */
	return fstatvfs(state_fd, &about) == -1 ? UINT64_MAX : (uint64_t)about.f_bavail * about.f_frsize;
}

static void look_inside(struct spool_writer *writer)
{
	sqlite3_stmt *row = writer->connection.db ? spool_statement(&writer->connection, SQL_FREE_PAGES) : NULL;

	if (!row)
		return;
	if (sqlite3_step(row) == SQLITE_ROW)
		writer->free_pages_bytes = (uint64_t)sqlite3_column_int64(row, 0);
	(void)sqlite3_reset(row);
}

/* Free pages inside the database are room as well: they take messages before the file grows. */
static void look(struct spool *spool)
{
	struct spool_writer *writer = &spool->writer;
	uint64_t now_ms = clock_monotonic_ms();

	if (writer->room_ms && now_ms - writer->room_ms < ASK_MS)
		return;
	writer->room_ms = now_ms;
	look_inside(writer);
	writer->room_low = spool_room_free_bytes(spool->state_fd) < spool->disk_free_bytes_min &&
			   writer->free_pages_bytes < spool->disk_free_bytes_min;
}

static bool ballast_make(struct spool *spool)
{
	CLEANUP(cleanup_fd) int fd = file_open(spool->state_fd, "ballast");

	if (spool->ballast_bytes == 0)
		return true;
	if (fd >= 0 && file_size(fd) == (int64_t)spool->ballast_bytes)
		return true;
	if (fd >= 0)
		(void)file_remove(spool->state_fd, "ballast");
	cleanup_fd(&fd);
	fd = file_create(spool->state_fd, "ballast");
	if (fd >= 0 && posix_fallocate(fd, 0, (off_t)spool->ballast_bytes) == 0)
		return true;
	if (fd >= 0)
		(void)file_remove(spool->state_fd, "ballast");
	return false;
}

void spool_room_give_up(struct spool *spool)
{
	spool->writer.full = true;
	spool->writer.full_ms = clock_monotonic_ms();
	spool->writer.ballast = false;
	(void)file_remove(spool->state_fd, "ballast");
}

void spool_room_keep(struct spool *spool)
{
	struct spool_writer *writer = &spool->writer;

	if (writer->full && clock_monotonic_ms() - writer->full_ms < ASK_MS)
		return;
	look(spool);
	if (writer->ballast && !writer->full)
		return;
	writer->full_ms = clock_monotonic_ms();
	/* Twice the ballast, or the next message would take it away again. */
	if (spool_room_free_bytes(spool->state_fd) / 2 >= spool->ballast_bytes && !writer->room_low)
		writer->ballast = ballast_make(spool);
	writer->full = writer->full && !writer->ballast;
}

bool spool_room_for_messages(struct spool *spool, struct fault *fault)
{
	struct spool_writer *writer = &spool->writer;

	look(spool);
	if (writer->full)
		spool_room_keep(spool);
	if (writer->full)
		fault_set(fault, OUTCOME_LATER, N_("the disk that holds %s is full: make room there"), spool->state);
	else if (writer->room_low)
		fault_set(fault, OUTCOME_LATER,
			  N_("less than %llu MiB (disk-free-bytes-min) are free on the disk that holds %s: make room there"),
			  (unsigned long long)(spool->disk_free_bytes_min >> 20), spool->state);
	return !writer->full && !writer->room_low;
}

bool spool_room_for_rows(struct spool *spool, struct fault *fault)
{
	if (!spool->writer.full || spool_room_free_bytes(spool->state_fd) >= spool->ballast_bytes / 2)
		return true;
	(void)fault_set(fault, OUTCOME_LATER, N_("the disk that holds %s is full: make room there"), spool->state);
	return false;
}

static int on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
	struct spool_writer *writer = context;

	(void)db;
	(void)name;
	writer->wal_pages = pages;
	return SQLITE_OK;
}

void spool_room_watch(struct spool_writer *writer)
{
	writer->checkpoint_pages = CHECKPOINT_IDLE_PAGES;
	(void)sqlite3_wal_hook(writer->connection.db, on_commit, writer);
}

/* The reader waits meanwhile: a read under way would keep the log from starting anew, and it would grow for ever. */
void spool_room_checkpoint(struct spool *spool, bool idle)
{
	struct spool_writer *writer = &spool->writer;
	int from = writer->checkpoint_pages + (idle ? 0 : CHECKPOINT_PAGES - CHECKPOINT_IDLE_PAGES);
	int code;

	if (!writer->connection.db || writer->wal_pages < from)
		return;
	pthread_mutex_lock(&spool->reading);
	code = sqlite3_wal_checkpoint_v2(writer->connection.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	pthread_mutex_unlock(&spool->reading);
	writer->checkpoint_pages = CHECKPOINT_IDLE_PAGES + (code == SQLITE_OK ? 0 : writer->wal_pages);
	if (code == SQLITE_OK)
		writer->wal_pages = 0; /* the next commit starts the log anew */
}
