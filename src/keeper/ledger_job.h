/* ledger_job: work on the ledger's threads for an api_call: run() off the loop, done() on it. */
#ifndef KEEPER_LEDGER_JOB_H
#define KEEPER_LEDGER_JOB_H

#include "base/buf.h"
#include "keeper/api.h"

/* A verb's question to the ledger. What run() fills is its own. */
struct ledger_job {
	struct worker_job job; /* first */
	struct api_call *call;
	enum outcome (*run)(struct ledger_job *job, struct ledger *ledger, struct fault *fault); /* on a thread */
	void (*done)(struct ledger_job *job); /* on the loop, by default: send `rows`, end the call */
	bool writes;           /* on the scribe, in order with everything written; else on the reader */
	enum outcome outcome;
	struct fault fault;
	struct buf rows;       /* JSON, one row a line, for the caller */
	size_t rows_count;
	void *state;           /* freed by done, or when it cannot start by drop */
	void (*drop)(void *state); /* NULL: free() */
};

#define LEDGER_JOB_ROWS_BYTES_MAX (32u << 20)

/* Takes `job` (from ledger_job_new) over. */
struct ledger_job *ledger_job_new(struct api_call *call, bool writes); /* NULL: out of memory, and the call is ended */
void ledger_job_start(struct ledger_job *job);
/* Add a row; false: no more room (the caller stops). Takes `row` over. */
bool ledger_job_row(struct ledger_job *job, json_t *row);
void ledger_job_send_rows(struct ledger_job *job); /* to the client, as api rows */
void ledger_job_free(struct ledger_job *job);

#endif
