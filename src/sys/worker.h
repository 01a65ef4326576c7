/* worker: threads for what would block the loop, with a bounded queue; answers come back on the loop. */
#ifndef SYS_WORKER_H
#define SYS_WORKER_H

#include "sys/loop.h"

struct worker_job {
	void (*run)(struct worker_job *job);  /* on a thread: touches only its job */
	void (*done)(struct worker_job *job); /* on the loop; frees it */
	struct worker_job *next;              /* private */
};

struct worker_pool;

/* Ends the program when threads or memory are short: it is called at the start. The loop
 * goes on while a job is away; an idle pool does not keep it running. */
struct worker_pool *worker_pool_new(struct loop *loop, const char *name, unsigned threads, size_t queue_max);
/* From the loop's thread. False: queue_max jobs wait already. */
bool worker_add(struct worker_pool *pool, struct worker_job *job) __attribute__((warn_unused_result));
size_t worker_waiting(const struct worker_pool *pool);
/* Waits for running jobs; waiting ones are run too, and `done` is called for each before this returns. Not from a job's `done`. */
void worker_pool_free(struct worker_pool *pool);

#endif
