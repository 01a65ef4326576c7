#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "keeper/api.h"
#include "keeper/ledger_job.h"
#include "wire/token_view.h"

#define WHAT_BYTES_MAX 512

/* --- what a token holds --- */

static json_t *words_json(const char *list)
{
	struct str rest = str_of(list);
	json_t *words = json_array();

	while (rest.len > 0) {
		struct str word = str_cut(&rest, ' ');

		(void)json_array_append_new(words, json_stringn(word.ptr, word.len));
	}
	return words;
}

static void set_text(json_t *row, const char *name, const char *text)
{
	if (text[0])
		(void)json_object_set_new(row, name, json_string(text));
}

static void set_time(json_t *row, const char *name, int64_t seconds)
{
	char text[CLOCK_RFC3339_MAX];

	if (seconds == 0)
		return;
	clock_rfc3339_print(seconds * 1000000, text);
	(void)json_object_set_new(row, name, json_string(text));
}

/* The token itself is never in it. */
static json_t *token_json(const struct token_view *view, enum language language)
{
	json_t *row = json_object();

	if (view->why_opaque)
		set_text(row, "opaque", say(language, view->why_opaque));
	set_text(row, "aud", view->audience);
	set_text(row, "tid", view->tenant);
	set_text(row, "iss", view->issuer);
	set_text(row, "appid", view->app);
	set_text(row, "upn", view->user);
	if (view->roles[0])
		(void)json_object_set_new(row, "roles", words_json(view->roles));
	if (view->scopes[0])
		(void)json_object_set_new(row, "scp", words_json(view->scopes));
	set_time(row, "iat", view->issued_s);
	set_time(row, "exp", view->expires_s);
	return row;
}

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct api_call *call = context;
	struct token_view view;
	json_t *row;

	if (outcome != OUTCOME_OK) {
		api_fail(call, EX_TEMPFAIL, fault);
		return;
	}
	token_view_parse(token->value, &view);
	row = token_json(&view, call->language);
	(void)json_object_set_new(row, "upstream", json_string(api_text(call, "upstream")));
	(void)json_object_set_new(row, "generation", json_integer((json_int_t)token->generation));
	(void)json_object_set_new(row, "sizeBytes", json_integer((json_int_t)token->value.len));
	api_row(call, row);
	if (view.why_opaque)
		api_note(call, N_("this token is opaque: only its issuer can say what it holds"));
	api_end(call, EX_OK);
}

void answer_upstream_token(struct api_call *call)
{
	struct fault fault;

	if (courier_token(call->keeper->courier, str_of(api_text(call, "upstream")), str_of(api_text(call, "mailbox")), on_token, call, &fault) !=
	    OUTCOME_OK)
		api_fail(call, EX_DATAERR, &fault);
}

/* --- a person signs in --- */

static void on_step(void *context, const struct login_step *step)
{
	struct api_call *call = context;
	bool by_code = step->flow == FLOW_DEVICE_CODE;
	json_t *row = json_pack("{s:s,s:s%,s:i}", "step", by_code ? "device-code" : "auth-code", "url", step->url.ptr, step->url.len,
				"expiresInSeconds", (int)step->expires_in_s);

	if (row && step->code.len)
		(void)json_object_set_new(row, "code", json_stringn(step->code.ptr, step->code.len));
	if (row && step->whole_url.len)
		(void)json_object_set_new(row, "urlWithCode", json_stringn(step->whole_url.ptr, step->whole_url.len));
	api_row(call, row);
}

static enum outcome run_audit(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	return ledger_audit_write(ledger, str_of(job->call->actor), STR("upstream"), str_of(job->state), fault);
}

/* The sign-in has worked, whatever becomes of the line about it. */
static void done_audit(struct ledger_job *job)
{
	struct api_call *call = job->call;

	free(job->state);
	ledger_job_free(job);
	api_end(call, EX_OK);
}

static void write_audit(struct api_call *call)
{
	struct ledger_job *job = ledger_job_new(call, true);

	if (!job)
		return;
	job->run = run_audit;
	job->done = done_audit;
	job->state = call->state;
	ledger_job_start(job);
}

/* What waited for the sign-in goes at once. */
static void on_retried(void *context, enum outcome outcome, const struct fault *fault)
{
	struct api_call *call = context;

	(void)outcome;
	(void)fault;
	dispatch_wake(call->keeper->dispatch);
	write_audit(call);
}

static void on_end(void *context, enum outcome outcome, const char *user, const struct fault *fault)
{
	struct api_call *call = context;
	char what[WHAT_BYTES_MAX];

	call->on_client_gone = NULL;
	if (outcome != OUTCOME_OK) {
		api_fail(call, outcome == OUTCOME_LATER ? EX_TEMPFAIL : 1, fault);
		return;
	}
	(void)snprintf(what, sizeof(what), "%s: signed in as %s", api_text(call, "upstream"), user[0] ? user : "?");
	call->state = str_dup(str_of(what));
	api_row(call, json_pack("{s:s,s:s}", "upstream", api_text(call, "upstream"), "signedInAs", user));
	if (!spool_retry_route(call->keeper->spool, str_of(api_text(call, "upstream")), on_retried, call))
		write_audit(call);
}

static const struct login_handler login_handler = { .on_step = on_step, .on_end = on_end };

static void on_client_gone(struct api_call *call)
{
	courier_login_cancel(call->keeper->courier, call);
	api_end(call, EX_TEMPFAIL);
}

/* Goes on until the person has signed in, or who asks is gone. */
void answer_upstream_login(struct api_call *call)
{
	struct fault fault;
	enum outcome outcome = courier_login(call->keeper->courier, str_of(api_text(call, "upstream")), str_of(api_text(call, "redirect")),
					     &login_handler, call, &fault);

	if (outcome != OUTCOME_OK)
		api_end_outcome(call, outcome, &fault);
	else
		call->on_client_gone = on_client_gone;
}

/* Where the page led back to, from whoever saw it: the command that began, or a person who pastes it. */
void answer_upstream_login_answer(struct api_call *call)
{
	struct fault fault;
	enum outcome outcome = courier_login_redirected(call->keeper->courier, str_of(api_text(call, "upstream")), str_of(api_text(call, "answer")), &fault);

	api_end_outcome(call, outcome, &fault);
}
