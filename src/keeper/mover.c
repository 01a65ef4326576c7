#include "keeper/mover.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ROWS_A_TIME 1000
#define ROWS_WORTH_IT 500 /* in small batches a row costs the ledger ten times as much */
#define TICKS_AT_MOST 4

struct waiter {
	struct waiter *next;
	void (*on_done)(void *context, enum outcome outcome);
	void *context;
};

struct mover {
	struct keeper *keeper;
	bool busy;
	unsigned ticks; /* since the last round */
	bool troubled;  /* the last batch was not taken … */
	struct fault trouble; /* … and why */
	struct waiter *now;  /* satisfied when a round finds the outbox empty that began after they asked */
	struct waiter *next; /* asked while a round was under way */
};

/* One batch on its way through the scribe's thread. */
struct batch {
	struct worker_job job; /* first */
	struct mover *mover;
	struct buf bytes;
	struct str sign_ins[ROWS_A_TIME], traces[ROWS_A_TIME];
	size_t sign_ins_count, traces_count;
	uint64_t last_number;
	size_t aside;        /* refused by a ledger that takes the others */
	struct fault fault;  /* also why they were refused */
	enum outcome outcome;
	bool full; /* more may wait behind it */
};

static void round_start(struct mover *mover);

static void finish(struct mover *mover, enum outcome outcome)
{
	struct waiter *waiter = mover->now;

	mover->busy = false;
	mover->now = mover->next;
	mover->next = NULL;
	while (waiter) {
		struct waiter *next = waiter->next;

		waiter->on_done(waiter->context, outcome);
		free(waiter);
		waiter = next;
	}
	if (mover->now)
		round_start(mover);
}

static void on_forgotten(void *context, enum outcome outcome, const struct fault *fault)
{
	struct batch *batch = context;
	struct mover *mover = batch->mover;
	bool again = batch->full && outcome == OUTCOME_OK;

	if (outcome != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "outbox not emptied", LOG_TEXT("reason", fault->text[LANGUAGE_EN]));
	free(batch);
	if (again) {
		mover->busy = false;
		round_start(mover);
	} else {
		finish(mover, outcome);
	}
}

static void run_batch(struct worker_job *job)
{
	struct batch *batch = (struct batch *)job;
	struct ledger *ledger = batch->mover->keeper->ledger;
	struct fault fault;

	batch->outcome = ledger_rows_add(ledger, batch->sign_ins, batch->sign_ins_count, batch->traces, batch->traces_count,
					 &batch->fault);
	if (batch->outcome != OUTCOME_NEVER)
		return;
	batch->outcome = ledger_rows_sift(ledger, batch->sign_ins, batch->sign_ins_count, batch->traces, batch->traces_count,
					  &batch->aside, &fault);
	if (batch->outcome != OUTCOME_OK)
		batch->fault = fault;
}

static void on_batch(struct worker_job *job)
{
	struct batch *batch = (struct batch *)job;
	struct mover *mover = batch->mover;

	buf_done(&batch->bytes);
	if (batch->aside > 0)
		log_event(LOG_LEVEL_ERROR, "rows that the ledger refuses were set aside", LOG_NUMBER("rows", batch->aside),
			  LOG_TEXT("reason", batch->fault.text[LANGUAGE_EN]));
	mover->troubled = batch->outcome != OUTCOME_OK;
	if (mover->troubled)
		mover->trouble = batch->fault;
	if (batch->outcome != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "ledger does not take rows", LOG_TEXT("reason", batch->fault.text[LANGUAGE_EN]));
	else if (spool_rows_forget(mover->keeper->spool, batch->last_number, on_forgotten, batch))
		return;
	free(batch);
	finish(mover, OUTCOME_LATER);
}

/* The rows are borrowed for this call: copy them for the thread. The buffer must not move while rows point into it. */
static bool fill(struct batch *batch, const struct spool_row *rows, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += rows[i].packed.len;
	buf_init(&batch->bytes, bytes);
	if (!buf_room(&batch->bytes, bytes))
		return bytes == 0;
	for (size_t i = 0; i < count; i++) {
		struct str copy = { batch->bytes.ptr + batch->bytes.len, rows[i].packed.len };

		if (!buf_add(&batch->bytes, rows[i].packed))
			return false;
		if (rows[i].kind == SPOOL_ROW_SIGN_IN)
			batch->sign_ins[batch->sign_ins_count++] = copy;
		else
			batch->traces[batch->traces_count++] = copy;
		batch->last_number = rows[i].number;
	}
	return true;
}

static void on_rows(void *context, const struct spool_row *rows, size_t count)
{
	struct mover *mover = context;
	struct batch *batch = count ? calloc(1, sizeof(*batch)) : NULL;

	if (!batch) {
		finish(mover, count ? OUTCOME_LATER : OUTCOME_OK);
		return;
	}
	batch->job = (struct worker_job){ .run = run_batch, .done = on_batch };
	batch->mover = mover;
	batch->full = count == ROWS_A_TIME;
	if (!fill(batch, rows, count) || !worker_add(mover->keeper->scribe, &batch->job)) {
		buf_done(&batch->bytes);
		free(batch);
		finish(mover, OUTCOME_LATER);
	}
}

static void round_start(struct mover *mover)
{
	mover->busy = true;
	mover->ticks = 0;
	spool_rows_load(mover->keeper->spool, ROWS_A_TIME, on_rows, mover);
}

struct mover *mover_new(struct keeper *keeper)
{
	struct mover *mover = calloc(1, sizeof(*mover));

	if (mover)
		mover->keeper = keeper;
	return mover;
}

void mover_free(struct mover *mover)
{
	free(mover);
}

void mover_tick(struct mover *mover)
{
	struct spool_counts counts;

	spool_counts(mover->keeper->spool, &counts);
	if (!mover->busy && counts.outbox_rows > 0 &&
	    (counts.outbox_rows >= ROWS_WORTH_IT || ++mover->ticks >= TICKS_AT_MOST))
		round_start(mover);
}

const struct fault *mover_trouble(const struct mover *mover)
{
	return mover->troubled ? &mover->trouble : NULL;
}

void mover_flush(struct mover *mover, void (*on_done)(void *context, enum outcome outcome), void *context)
{
	struct waiter *waiter = malloc(sizeof(*waiter));
	struct waiter **list = mover->busy ? &mover->next : &mover->now;

	if (!waiter) {
		on_done(context, OUTCOME_LATER);
		return;
	}
	*waiter = (struct waiter){ *list, on_done, context };
	*list = waiter;
	if (!mover->busy)
		round_start(mover);
}
