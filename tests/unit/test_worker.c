/* sys/worker: every job runs once, off the loop, and comes back on it; a full queue is told; nothing is lost at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>

#include "sys/worker.h"

#define JOBS 2000

struct job {
	struct worker_job job; /* first */
	unsigned run, done;
	bool off_loop, on_loop;
	sem_t *gate; /* waited for when not NULL */
};

static struct job jobs[JOBS];
static pthread_t loop_thread;
static unsigned done_count;

static void run(struct worker_job *worker_job)
{
	struct job *job = (struct job *)worker_job;

	if (job->gate)
		(void)sem_wait(job->gate);
	job->run++;
	job->off_loop = !pthread_equal(pthread_self(), loop_thread);
}

static void done(struct worker_job *worker_job)
{
	struct job *job = (struct job *)worker_job;

	job->done++;
	job->on_loop = pthread_equal(pthread_self(), loop_thread);
	done_count++;
}

static void reset(void)
{
	loop_thread = pthread_self();
	done_count = 0;
	for (size_t i = 0; i < JOBS; i++)
		jobs[i] = (struct job){ .job = { .run = run, .done = done } };
}

static void check_all(size_t count)
{
	assert_int_equal(done_count, count);
	for (size_t i = 0; i < count; i++)
		assert_true(jobs[i].run == 1 && jobs[i].done == 1 && jobs[i].off_loop && jobs[i].on_loop);
}

static void every_job_runs_once(void **state)
{
	struct worker_pool *pool;
	struct loop loop;

	(void)state;
	reset();
	loop_init(&loop);
	pool = worker_pool_new(&loop, "test", 3, JOBS);
	for (size_t i = 0; i < JOBS; i++)
		assert_true(worker_add(pool, &jobs[i].job));
	for (int i = 0; i < 1000000 && done_count < JOBS; i++)
		(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	check_all(JOBS);
	assert_int_equal(worker_waiting(pool), 0);
	worker_pool_free(pool);
	loop_done(&loop);
}

static void a_full_queue_is_told(void **state)
{
	struct worker_pool *pool;
	struct loop loop;
	sem_t gate;
	size_t taken = 0;

	(void)state;
	reset();
	assert_int_equal(sem_init(&gate, 0, 0), 0);
	loop_init(&loop);
	pool = worker_pool_new(&loop, "test", 2, 10);
	jobs[0].gate = jobs[1].gate = &gate;
	assert_true(worker_add(pool, &jobs[taken++].job));
	assert_true(worker_add(pool, &jobs[taken++].job));
	while (worker_waiting(pool) > 0)
		; /* until both threads hold one */
	while (worker_add(pool, &jobs[taken].job))
		taken++;
	assert_int_equal(taken, 12);
	assert_int_equal(worker_waiting(pool), 10);
	(void)sem_post(&gate);
	(void)sem_post(&gate);
	worker_pool_free(pool); /* what waits is run, and told */
	check_all(12);
	loop_done(&loop);
	(void)sem_destroy(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_runs_once),
		cmocka_unit_test(a_full_queue_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
