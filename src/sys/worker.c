#include "sys/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 64
#define THREAD_NAME_BYTES 16 /* what the kernel keeps, pthread_setname_np(3) */

struct queue {
	struct worker_job *first, *last;
};

struct worker_pool {
	uv_async_t ready;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue waiting, finished; /* both under the lock */
	size_t waiting_count, queue_max;
	size_t away; /* jobs not yet told; only the loop's thread counts them */
	bool ending;
	unsigned threads_count;
	pthread_t threads[THREADS_MAX];
	char name[THREAD_NAME_BYTES];
};

static void put(struct queue *queue, struct worker_job *job)
{
	job->next = NULL;
	if (queue->last)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
}

static struct worker_job *take(struct queue *queue)
{
	struct worker_job *job = queue->first;

	if (job)
		queue->first = job->next;
	if (!queue->first)
		queue->last = NULL;
	return job;
}

static void *work(void *context)
{
	struct worker_pool *pool = context;
	struct worker_job *job;

	(void)pthread_setname_np(pthread_self(), pool->name);
	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->waiting.first && !pool->ending)
			(void)pthread_cond_wait(&pool->more, &pool->lock);
		job = take(&pool->waiting);
		if (!job)
			break;
		pool->waiting_count--;
		(void)pthread_mutex_unlock(&pool->lock);
		job->run(job);
		(void)pthread_mutex_lock(&pool->lock);
		put(&pool->finished, job);
		(void)uv_async_send(&pool->ready);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void on_ready(uv_async_t *ready)
{
	struct worker_pool *pool = ready->data;
	struct queue finished;
	struct worker_job *job;

	(void)pthread_mutex_lock(&pool->lock);
	finished = pool->finished;
	pool->finished = (struct queue){ 0 };
	(void)pthread_mutex_unlock(&pool->lock);
	while ((job = take(&finished))) {
		if (--pool->away == 0)
			uv_unref((uv_handle_t *)&pool->ready);
		job->done(job);
	}
}

/* Threads take no signals: those are the loop's. */
static unsigned start_threads(struct worker_pool *pool, unsigned threads)
{
	sigset_t all, before;
	unsigned started = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < threads && pthread_create(&pool->threads[started], NULL, work, pool) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

struct worker_pool *worker_pool_new(struct loop *loop, const char *name, unsigned threads, size_t queue_max)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));

	assert(threads > 0 && threads <= THREADS_MAX);
	if (!pool)
		abort();
	pool->queue_max = queue_max;
	(void)snprintf(pool->name, sizeof(pool->name), "%s", name);
	if (pthread_mutex_init(&pool->lock, NULL) != 0 || pthread_cond_init(&pool->more, NULL) != 0 ||
	    uv_async_init(&loop->uv, &pool->ready, on_ready) != 0)
		abort();
	pool->ready.data = pool;
	uv_unref((uv_handle_t *)&pool->ready);
	pool->threads_count = start_threads(pool, threads);
	if (pool->threads_count == 0)
		abort();
	return pool;
}

bool worker_add(struct worker_pool *pool, struct worker_job *job)
{
	bool room;

	(void)pthread_mutex_lock(&pool->lock);
	room = pool->waiting_count < pool->queue_max;
	if (room) {
		put(&pool->waiting, job);
		pool->waiting_count++;
		(void)pthread_cond_signal(&pool->more);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	if (room && pool->away++ == 0)
		uv_ref((uv_handle_t *)&pool->ready);
	return room;
}

size_t worker_waiting(const struct worker_pool *pool)
{
	struct worker_pool *locked = (struct worker_pool *)(uintptr_t)pool;
	size_t count;

	(void)pthread_mutex_lock(&locked->lock);
	count = pool->waiting_count;
	(void)pthread_mutex_unlock(&locked->lock);
	return count;
}

static void on_async_closed(uv_handle_t *handle)
{
	struct worker_pool *pool = handle->data;

	(void)pthread_cond_destroy(&pool->more);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void worker_pool_free(struct worker_pool *pool)
{
	if (!pool)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	(void)pthread_cond_broadcast(&pool->more);
	(void)pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads_count; i++)
		(void)pthread_join(pool->threads[i], NULL);
	on_ready(&pool->ready);
	uv_close((uv_handle_t *)&pool->ready, on_async_closed);
}
