/* answer_notice: the verbs of notices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "domain/event_id.h"
#include "keep/ledger_notice.h"
#include "keeper/ledger_job.h"
#include "keeper/notice.h"

#define SNOOZE_DAYS_MAX 366

/* --- list, show --- */

static bool add_row(void *context, const struct notice *notice)
{
	struct ledger_job *job = context;

	return ledger_job_row(job, notice_row_json(notice, job->call->language, clock_real_us()));
}

static enum outcome run_list(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct notice_filter filter = { .all = api_flag(job->call, "all"), .now_us = clock_real_us(),
					.count_max = (size_t)api_number(job->call, "count", 0) };

	return ledger_notices(ledger, &filter, add_row, job, fault);
}

void answer_notices_list(struct api_call *call)
{
	struct ledger_job *job = ledger_job_new(call, false);

	if (!job)
		return;
	job->run = run_list;
	ledger_job_start(job);
}

/* The ID that was asked for, in the form in which it is kept. NULL: the call has been ended. */
static const char *take_id(struct api_call *call, char ret_id[EVENT_ID_LEN + 1])
{
	const char *id = api_text(call, "id");

	if (id && event_id_parse(str_of(id), ret_id))
		return ret_id;
	api_fail_text(call, EX_USAGE, N_("\"%s\" is no notice's ID, which has %d letters and digits; see: sekisho notices list --all"), id ? id : "",
		      EVENT_ID_LEN);
	return NULL;
}

static enum outcome run_show(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct notice_filter filter = { .id = str_of(job->state), .now_us = clock_real_us() };
	enum outcome outcome = ledger_notices(ledger, &filter, add_row, job, fault);

	if (outcome == OUTCOME_OK && job->rows_count == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no notice %.*s; see: sekisho notices list --all"), STR_ARG(filter.id));
	return outcome;
}

static void done(struct ledger_job *job)
{
	ledger_job_send_rows(job);
	if (job->outcome == OUTCOME_NEVER)
		api_fail(job->call, EX_USAGE, &job->fault);
	else
		api_end_outcome(job->call, job->outcome, &job->fault);
	free(job->state);
	ledger_job_free(job);
}

/* A job about one notice; its state begins with the ID. NULL: the call has been ended. */
static struct ledger_job *job_of(struct api_call *call, bool writes, size_t state_bytes)
{
	char id[EVENT_ID_LEN + 1];
	struct ledger_job *job = take_id(call, id) ? ledger_job_new(call, writes) : NULL;

	if (!job)
		return NULL;
	job->state = calloc(1, state_bytes);
	job->done = done;
	if (job->state) {
		memcpy(job->state, id, sizeof(id));
		return job;
	}
	ledger_job_free(job);
	api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
	return NULL;
}

void answer_notices_show(struct api_call *call)
{
	struct ledger_job *job = job_of(call, false, EVENT_ID_LEN + 1);

	if (!job)
		return;
	job->run = run_show;
	ledger_job_start(job);
}

/* --- ack, snooze --- */

struct change {
	char id[EVENT_ID_LEN + 1]; /* first */
	enum notice_state state;
	int64_t until_us;
};

static enum outcome run_change(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	const struct change *change = job->state;
	struct notice_filter filter = { .id = str_of(change->id), .now_us = clock_real_us() };
	enum outcome outcome = ledger_notice_state(ledger, filter.id, change->state, change->until_us, str_of(job->call->actor), fault);

	return outcome == OUTCOME_OK ? ledger_notices(ledger, &filter, add_row, job, fault) : outcome;
}

static void done_change(struct ledger_job *job)
{
	notices_wake(job->call->keeper->notices);
	done(job);
}

static void change(struct api_call *call, enum notice_state state, int64_t until_us)
{
	struct ledger_job *job = job_of(call, true, sizeof(struct change));
	struct change *wanted = job ? job->state : NULL;

	if (!job)
		return;
	wanted->state = state;
	wanted->until_us = until_us;
	job->run = run_change;
	job->done = done_change;
	ledger_job_start(job);
}

void answer_notices_ack(struct api_call *call)
{
	change(call, NOTICE_ACKNOWLEDGED, 0);
}

void answer_notices_snooze(struct api_call *call)
{
	const char *span = api_text(call, "for");
	int64_t lasts_us;

	if (!span || !clock_span_parse(str_of(span), &lasts_us) || lasts_us <= 0 || lasts_us > SNOOZE_DAYS_MAX * 86400ll * 1000000) {
		api_fail_text(call, EX_USAGE, N_("say for how long, at most %dd: notices snooze ID --for 7d"), SNOOZE_DAYS_MAX);
		return;
	}
	change(call, NOTICE_SNOOZED, clock_real_us() + lasts_us);
}

/* --- send, test --- */

void answer_notices_send(struct api_call *call)
{
	char id[EVENT_ID_LEN + 1];

	if (!api_text(call, "id"))
		notices_send(call, NULL, false);
	else if (take_id(call, id))
		notices_send(call, id, false);
}

void answer_notices_test(struct api_call *call)
{
	notices_send(call, NULL, true);
}
