#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "domain/sign_in.h"
#include "keeper/ledger_job.h"
#include "keeper/mover.h"
#include "keeper/trace_live.h"

#define ROWS_MAX 100000
#define FOLLOW_MS 300
#define FOLLOW_ROWS_MAX 1000

/* --- sign-ins --- */

struct sign_ins {
	struct sign_in_filter filter;
	int64_t begins_us;
	bool basic_seen;
	bool follow;
	char last_id[16];   /* newest row already shown */
	int64_t last_us;
	uv_timer_t timer;
	bool timer_open, gone;
	struct api_call *call;
};

static bool add_sign_in(void *context, const struct sign_in *row)
{
	struct ledger_job *job = context;
	struct sign_ins *state = job->state;

	if (row->protocol == 0)
		state->basic_seen = true;
	if (row->created_us > state->last_us)
		state->last_us = row->created_us;
	return ledger_job_row(job, sign_in_json(row));
}

static enum outcome run_sign_ins(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct sign_ins *state = job->state;

	return ledger_sign_ins(ledger, &state->filter, add_sign_in, job, &state->begins_us, fault);
}

static void follow_on(struct sign_ins *state);

/* The article's conclusion, and from when on it can be drawn. */
static void conclude(struct api_call *call, const struct sign_ins *state)
{
	char begins[CLOCK_RFC3339_MAX];
	char since[CLOCK_RFC3339_MAX];

	if (state->basic_seen)
		return;
	clock_rfc3339_print(state->filter.since_us, since);
	clock_rfc3339_print(state->begins_us, begins);
	if (state->begins_us == 0)
		api_note(call, N_("no sign-in has been written down yet"));
	else
		api_note(call, N_("no sign-in with basic authentication by SMTP fits since %s (the log begins %s)"),
			 state->filter.since_us ? since : begins, begins);
}

static void on_timer_gone(uv_handle_t *handle)
{
	free(handle->data);
}

/* The loop knows the timer until it has closed it. */
static void sign_ins_free(void *context)
{
	struct sign_ins *state = context;

	if (state->timer_open)
		uv_close((uv_handle_t *)&state->timer, on_timer_gone);
	else
		free(state);
}

static void done_sign_ins(struct ledger_job *job)
{
	struct sign_ins *state = job->state;
	struct api_call *call = job->call;

	ledger_job_send_rows(job);
	if (job->outcome != OUTCOME_OK || !state->follow) {
		if (job->outcome == OUTCOME_OK)
			conclude(call, state);
		api_end_outcome(call, job->outcome, &job->fault);
		sign_ins_free(state);
		ledger_job_free(job);
		return;
	}
	ledger_job_free(job);
	follow_on(state);
}

static void on_moved(void *context, enum outcome outcome)
{
	struct sign_ins *state = context;
	struct ledger_job *job;

	(void)outcome; /* what is not moved yet is seen the next time */
	job = ledger_job_new(state->call, false);
	if (!job) {
		sign_ins_free(state);
		return;
	}
	job->state = state;
	job->drop = sign_ins_free;
	job->run = run_sign_ins;
	job->done = done_sign_ins;
	ledger_job_start(job);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct sign_ins *state = handle->data;

	api_end(state->call, EX_OK);
	free(state);
}

static void on_follow(uv_timer_t *timer)
{
	struct sign_ins *state = timer->data;

	if (!state->call->client) {
		uv_close((uv_handle_t *)timer, on_timer_closed);
		return;
	}
	if (!api_is_flowing(state->call)) {
		(void)uv_timer_start(timer, on_follow, FOLLOW_MS, 0);
		return;
	}
	mover_flush(state->call->keeper->mover, on_moved, state);
}

/* Only rows newer than the last one shown, a moment later. */
static void follow_on(struct sign_ins *state)
{
	if (state->last_us)
		state->filter.since_us = state->last_us + 1;
	state->filter.count_max = FOLLOW_ROWS_MAX;
	if (!state->timer_open) {
		state->timer.data = state;
		(void)uv_timer_init(&state->call->keeper->loop.uv, &state->timer);
		state->timer_open = true;
	}
	(void)uv_timer_start(&state->timer, on_follow, FOLLOW_MS, 0);
}

static bool read_filter(struct api_call *call, struct sign_in_filter *filter)
{
	const char *key;
	json_t *value;
	struct fault fault;
	int64_t now_us = clock_real_us();

	json_object_foreach(json_object_get(call->args, "filter"), key, value) {
		if (!sign_in_filter_set(filter, str_of(key), str_of(json_string_value(value)), false, now_us, &fault)) {
			api_fail(call, EX_USAGE, &fault);
			return false;
		}
	}
	json_object_foreach(json_object_get(call->args, "not"), key, value) {
		if (!sign_in_filter_set(filter, str_of(key), str_of(json_string_value(value)), true, now_us, &fault)) {
			api_fail(call, EX_USAGE, &fault);
			return false;
		}
	}
	return true;
}

void answer_signins(struct api_call *call)
{
	struct sign_ins *state = calloc(1, sizeof(*state));
	int64_t count = api_number(call, "count", SIGN_INS_COUNT_DEFAULT);

	if (!state) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	state->call = call;
	state->follow = api_flag(call, "follow");
	state->filter.count_max = count > 0 && count < ROWS_MAX ? (size_t)count : ROWS_MAX;
	if (!read_filter(call, &state->filter)) {
		free(state);
		return;
	}
	/* The filter's texts borrow from call->args, which lives as long as the call. */
	mover_flush(call->keeper->mover, on_moved, state);
}

/* --- audit --- */

static bool add_audit(void *context, const struct audit_row *row)
{
	char at[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(row->at_us, at);
	return ledger_job_row(context, json_pack("{s:s,s:s%,s:s%,s:s%}", "dateTime", at, "actor", row->actor.ptr, row->actor.len,
						 "object", row->object.ptr, row->object.len, "what", row->what.ptr,
						 row->what.len));
}

static enum outcome run_audit(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	return ledger_audit(ledger, *(int64_t *)job->state, add_audit, job, fault);
}

static void done_audit(struct ledger_job *job)
{
	ledger_job_send_rows(job);
	api_end_outcome(job->call, job->outcome, &job->fault);
	free(job->state);
	ledger_job_free(job);
}

void answer_audit(struct api_call *call)
{
	struct ledger_job *job = ledger_job_new(call, false);
	int64_t *since = job ? calloc(1, sizeof(*since)) : NULL;

	if (!job)
		return;
	if (since)
		*since = api_number(call, "sinceUs", 0);
	job->state = since;
	job->run = run_audit;
	job->done = done_audit;
	if (since)
		ledger_job_start(job);
	else {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		ledger_job_free(job);
	}
}

/* --- trace: what is finished, from the ledger; what is under way, from the spool --- */

static bool add_trace(void *context, const struct trace *row)
{
	return ledger_job_row(context, trace_json(row));
}

static void read_trace_filter(const struct api_call *call, struct trace_filter *ret_filter)
{
	int64_t count = api_number(call, "count", SIGN_INS_COUNT_DEFAULT);

	*ret_filter = (struct trace_filter){
		.from = str_of(api_text(call, "from")),
		.to = str_of(api_text(call, "to")),
		.message_id = str_of(api_text(call, "message-id")),
		.id = str_of(api_text(call, "id")),
		.since_us = api_number(call, "sinceUs", 0),
		.count_max = count > 0 && count < ROWS_MAX ? (size_t)count : ROWS_MAX,
	};
}

static enum outcome run_trace(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct trace_filter filter;

	read_trace_filter(job->call, &filter);
	return ledger_traces(ledger, &filter, add_trace, job, fault);
}

static void on_trace_moved(void *context, enum outcome outcome)
{
	struct ledger_job *job = ledger_job_new(context, false);

	(void)outcome;
	if (!job)
		return;
	job->run = run_trace;
	ledger_job_start(job);
}

static void on_live(struct api_call *call)
{
	mover_flush(call->keeper->mover, on_trace_moved, call);
}

void answer_trace(struct api_call *call)
{
	struct trace_filter filter;

	read_trace_filter(call, &filter);
	trace_live(call, &filter, on_live);
}
