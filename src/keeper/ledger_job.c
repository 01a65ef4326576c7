#include "keeper/ledger_job.h"

#include <stdlib.h>
#include <sysexits.h>

static void run(struct worker_job *worker_job)
{
	struct ledger_job *job = (struct ledger_job *)worker_job;
	struct keeper *keeper = job->call->keeper;

	job->outcome = job->run(job, job->writes ? keeper->ledger : keeper->ledger_read, &job->fault);
}

static void on_done(struct worker_job *worker_job)
{
	struct ledger_job *job = (struct ledger_job *)worker_job;

	if (job->done) {
		job->done(job);
		return;
	}
	ledger_job_send_rows(job);
	api_end_outcome(job->call, job->outcome, &job->fault);
	ledger_job_free(job);
}

struct ledger_job *ledger_job_new(struct api_call *call, bool writes)
{
	struct ledger_job *job = calloc(1, sizeof(*job));

	if (!job) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return NULL;
	}
	job->job = (struct worker_job){ .run = run, .done = on_done };
	job->call = call;
	job->writes = writes;
	buf_init(&job->rows, LEDGER_JOB_ROWS_BYTES_MAX);
	return job;
}

void ledger_job_start(struct ledger_job *job)
{
	struct keeper *keeper = job->call->keeper;

	if (worker_add(job->writes ? keeper->scribe : keeper->reader, &job->job))
		return;
	api_fail_text(job->call, EX_TEMPFAIL, N_("too many questions wait for the ledger; try again"));
	(job->drop ? job->drop : free)(job->state);
	ledger_job_free(job);
}

bool ledger_job_row(struct ledger_job *job, json_t *row)
{
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
	size_t before = job->rows.len;
	bool added = text && buf_add(&job->rows, str_of(text)) && buf_add_byte(&job->rows, '\n');

	if (!added)
		job->rows.len = before;
	else
		job->rows_count++;
	free(text);
	json_decref(row);
	return added;
}

void ledger_job_send_rows(struct ledger_job *job)
{
	struct str rest = buf_str(&job->rows);

	while (rest.len > 0)
		api_row_text(job->call, str_cut(&rest, '\n'));
}

void ledger_job_free(struct ledger_job *job)
{
	buf_done(&job->rows);
	free(job);
}
