/* spool_reader: the reader thread. All reads that wait share one view of the database; between two views the writer may
 * take the connection away (after a failure) or the log (checkpoint). */
#include <stdlib.h>
#include <string.h>

#include "keep/spool_private.h"

#define BATCH_MAX 64

void spool_read_free(struct spool_read *read)
{
	free(read->fault);
	arena_free_all(&read->arena);
	if (read->body.fd >= 0)
		(void)close(read->body.fd);
	free(read);
}

static struct spool_read *take_batch(struct spool *spool)
{
	struct spool_read *batch = spool->reads;
	struct spool_read **end = &batch;

	for (unsigned i = 0; i < BATCH_MAX && *end; i++)
		end = &(*end)->next;
	spool->reads = *end;
	if (!spool->reads)
		spool->reads_end = &spool->reads;
	*end = NULL;
	return batch;
}

static bool orphans_left(const struct spool *spool)
{
	return spool->orphan_folder < SPOOL_FOLDERS;
}

/* NULL with *ret_on: there is time to look for orphans. */
static struct spool_read *wait_for_reads(struct spool *spool, bool *ret_on)
{
	struct spool_read *batch;

	pthread_mutex_lock(&spool->mutex);
	spool->reader_sleeps = true;
	while (!spool->reads && !spool->reader_stop && !orphans_left(spool))
		(void)pthread_cond_wait(&spool->read_came, &spool->mutex);
	spool->reader_sleeps = false;
	batch = take_batch(spool);
	*ret_on = batch || !spool->reader_stop;
	pthread_mutex_unlock(&spool->mutex);
	return batch;
}

static void run_one(struct spool *spool, struct spool_read *read)
{
	int code = SQLITE_CANTOPEN;

	if (spool->reader.db)
		code = spool_query(spool, read);
	if (code == SQLITE_OK)
		return;
	read->outcome = OUTCOME_LATER;
	if (!read->fault)
		read->fault = malloc(sizeof(*read->fault));
	if (read->fault) {
		spool_fault(&spool->reader, code, spool->path, read->fault);
		read->fault->outcome = OUTCOME_LATER;
	}
}

static void run_batch(struct spool *spool, struct spool_read *batch)
{
	struct spool_read *last = batch;
	bool began;

	pthread_mutex_lock(&spool->reading);
	began = spool->reader.db && spool_run(&spool->reader, SQL_BEGIN_READ) == SQLITE_OK;
	for (struct spool_read *read = batch; read; read = read->next) {
		run_one(spool, read);
		last = read;
	}
	if (began)
		(void)spool_run(&spool->reader, SQL_COMMIT);
	pthread_mutex_unlock(&spool->reading);

	pthread_mutex_lock(&spool->mutex);
	*spool->reads_done_end = batch;
	spool->reads_done_end = &last->next;
	pthread_mutex_unlock(&spool->mutex);
	(void)uv_async_send(&spool->answers);
}

void *spool_reader_main(void *context)
{
	struct spool *spool = context;
	bool on;

	for (;;) {
		struct spool_read *batch = wait_for_reads(spool, &on);

		if (!on)
			return NULL;
		if (batch)
			run_batch(spool, batch);
		else
			spool_orphans_remove(spool, spool->orphan_folder++);
	}
}
