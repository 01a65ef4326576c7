#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "courier/failure_graph.h"
#include "courier/remedy.h"
#include "domain/bearer.h"
#include "domain/event_id.h"
#include "domain/policy.h"
#include "keeper/ledger_job.h"
#include "keeper/mend.h"
#include "keeper/mover.h"
#include "wire/oauth.h"

/* What is known about a cause, a code or a reply, whoever it came from. */
struct explanation {
	const char *cause;
	const char *details; /* N_() */
};

/* --- by cause, code, text --- */

static bool by_cause(struct str cause, struct explanation *ret_explanation)
{
	const struct policy_answer *policy = policy_answer_find(cause);

	if (policy) {
		*ret_explanation = (struct explanation){ policy->cause, policy->details };
		return true;
	}
	for (int verdict = BEARER_MALFORMED; verdict < BEARER_VERDICT_COUNT; verdict++) {
		const struct bearer_answer *bearer = bearer_answer_of((enum bearer_verdict)verdict);

		if (str_eq(cause, str_of(bearer->cause))) {
			*ret_explanation = (struct explanation){ bearer->cause, bearer->details };
			return true;
		}
	}
	return false;
}

static bool holds(struct str text, struct str words)
{
	for (size_t i = 0; words.len > 0 && i + words.len <= text.len; i++) {
		if (str_starts_nocase(str_skip(text, i), words))
			return true;
	}
	return false;
}

/* Every rule of the policy whose reply is in `text`: one reply may have several causes, and each is told. */
static size_t tell_policy_by_text(struct api_call *call, struct str text)
{
	size_t told = 0;

	for (int rule = POLICY_LOCKED_OUT; rule < POLICY_RULE_COUNT; rule++) {
		const struct policy_answer *policy = policy_answer_of((enum policy_rule)rule);

		/* The general words alone would fit every reply: the enhanced code must be there, too. */
		if (!holds(text, str_of(policy->text)) || !holds(text, str_of(policy->enhanced)))
			continue;
		api_row(call, json_pack("{s:s,s:i,s:s}", "cause", policy->cause, "errorCode", (int)policy->error_code, "meaning",
					say(call->language, policy->details)));
		mend_tell(call, str_of(policy->cause), STR(""), STR(""));
		told++;
	}
	return told;
}

static size_t tell_policy_by_code(struct api_call *call, unsigned code)
{
	size_t told = 0;

	for (int rule = POLICY_LOCKED_OUT; rule < POLICY_RULE_COUNT; rule++) {
		const struct policy_answer *policy = policy_answer_of((enum policy_rule)rule);

		if (policy->error_code != code)
			continue;
		api_row(call, json_pack("{s:s,s:i,s:s}", "cause", policy->cause, "errorCode", (int)code, "meaning",
					say(call->language, policy->details)));
		told++;
	}
	return told;
}

static void tell_remedy(struct api_call *call, const char *cause, const char *meaning)
{
	const struct remedy *remedy = remedy_find(cause);
	json_t *row;

	if (!meaning)
		meaning = remedy ? remedy->meaning : NULL;
	row = json_pack("{s:s,s:s}", "cause", cause, "meaning", meaning ? say(call->language, meaning) : "");
	if (row && remedy)
		(void)json_object_set_new(row, "remedy", json_string(say(call->language, remedy->mend)));
	api_row(call, row);
}

/* "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 …": the reason stands behind. */
static struct str reason_within(struct str text)
{
	static const char error[] = "Error: ";
	const char *at = memmem(text.ptr, text.len, error, sizeof(error) - 1);
	struct str rest = at ? str_skip(text, (size_t)(at - text.ptr) + sizeof(error) - 1) : text;

	return rest.len > 3 && rest.ptr[0] >= '4' && rest.ptr[0] <= '5' ? rest : text;
}

/* What an upstream answered: the courier's own table says. */
static bool tell_upstream_text(struct api_call *call, struct str text)
{
	struct buf keep;
	struct buf line;
	struct smtp_reply reply;
	size_t used;
	bool told = false;

	buf_init(&keep, 4096);
	buf_init(&line, 4096);
	if (buf_add(&line, reason_within(text)) && buf_add(&line, STR("\r\n")) &&
	    smtp_reply_parse(buf_str(&line), &keep, &reply, &used) == PARSE_OK && reply.code >= 400) {
		const struct failure_verdict *verdict = remedy_verdict(&reply);

		tell_remedy(call, verdict->cause, verdict->explain);
		told = true;
	}
	buf_done(&keep);
	buf_done(&line);
	return told;
}

/* A cause that the courier or a test of an upstream names. */
static bool tell_upstream_cause(struct api_call *call, struct str cause)
{
	char text[64];

	if (!str_copy(cause, sizeof(text), text) || !remedy_find(text))
		return false;
	tell_remedy(call, text, failure_explain(text) ? failure_explain(text) : failure_graph_explain(text));
	return true;
}

static void explain_words(struct api_call *call, struct str what)
{
	struct explanation explanation;
	uint64_t code = 0;
	size_t told = 0;
	const char *aadsts;

	if (str_starts_nocase(what, STR("AADSTS")))
		what = str_skip(what, 6);
	if (str_to_u64(what, UINT32_MAX, &code)) {
		told = tell_policy_by_code(call, (unsigned)code);
		aadsts = oauth_aadsts_explain((unsigned)code);
		if (aadsts) {
			api_row(call, json_pack("{s:i,s:s}", "errorCode", (int)code, "meaning", say(call->language, aadsts)));
			told++;
		}
	} else if (by_cause(what, &explanation)) {
		api_row(call, json_pack("{s:s,s:s}", "cause", explanation.cause, "meaning", say(call->language, explanation.details)));
		mend_tell(call, what, STR(""), STR(""));
		told = 1;
	} else if (tell_upstream_cause(call, what)) {
		told = 1;
	} else {
		/* A gateway may have said it to a device, and Exchange Online says the same to a gateway. */
		told = tell_policy_by_text(call, what);
		told += tell_upstream_text(call, what);
	}
	if (told > 0)
		api_end(call, EX_OK);
	else
		api_fail_text(call, EX_USAGE, N_("nothing is known about \"%.*s\"; give an ID from a reply, an AADSTS number, or the whole reply in quotes"),
			      STR_ARG(what));
}

/* --- by event ID --- */

struct search {
	char id[EVENT_ID_LEN + 1];
	char cause[64], user[512], tenant[256];
	bool found;
};

static bool add_sign_in(void *context, const struct sign_in *row)
{
	struct ledger_job *job = context;
	struct search *search = job->state;

	search->found = true;
	(void)str_copy(row->policy_rule, sizeof(search->cause), search->cause);
	(void)str_copy(row->user, sizeof(search->user), search->user);
	(void)str_copy(row->tenant, sizeof(search->tenant), search->tenant);
	return ledger_job_row(job, sign_in_json(row)) && false;
}

static bool add_trace(void *context, const struct trace *row)
{
	struct ledger_job *job = context;
	struct search *search = job->state;

	search->found = true;
	return ledger_job_row(job, trace_json(row)) && false;
}

static enum outcome run_search(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct search *search = job->state;
	struct sign_in_filter sign_ins = { .count_max = 1 };
	struct trace_filter traces = { .id = str_of(search->id), .count_max = 1 };
	int64_t begins_us;

	if (!sign_in_filter_set(&sign_ins, STR("id"), str_of(search->id), false, 0, fault))
		return OUTCOME_NEVER;
	if (ledger_sign_ins(ledger, &sign_ins, add_sign_in, job, &begins_us, fault) != OUTCOME_OK)
		return fault->outcome;
	return search->found ? OUTCOME_OK : ledger_traces(ledger, &traces, add_trace, job, fault);
}

static void done_search(struct ledger_job *job)
{
	struct search *search = job->state;
	struct api_call *call = job->call;
	struct explanation explanation;

	ledger_job_send_rows(job);
	if (job->outcome == OUTCOME_OK && !search->found) {
		api_fail_text(call, EX_DATAERR, N_("nothing with the ID %s is kept; the log may be older, or the message is still in the queue: sekisho queue show %s"),
			      search->id, search->id);
	} else {
		if (search->cause[0] && by_cause(str_of(search->cause), &explanation)) {
			api_note(call, "%s", say(call->language, explanation.details));
			mend_tell(call, str_of(search->cause), str_of(search->user), str_of(search->tenant));
		}
		api_end_outcome(call, job->outcome, &job->fault);
	}
	free(search);
	ledger_job_free(job);
}

static void on_moved(void *context, enum outcome outcome)
{
	struct api_call *call = context;
	struct ledger_job *job = ledger_job_new(call, false);
	struct search *search = job ? calloc(1, sizeof(*search)) : NULL;

	(void)outcome;
	if (!job)
		return;
	if (!search) {
		ledger_job_free(job);
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	(void)event_id_parse(str_of(api_text(call, "what")), search->id);
	job->state = search;
	job->run = run_search;
	job->done = done_search;
	ledger_job_start(job);
}

void answer_explain(struct api_call *call)
{
	struct str what = str_trim(str_of(api_text(call, "what")));
	char id[EVENT_ID_LEN + 1];
	size_t bracket = str_find_last(what, '[');

	/* The whole reply as the device showed it: its ID says most. */
	if (what.len > 0 && what.ptr[what.len - 1] == ']' && bracket < what.len &&
	    event_id_parse((struct str){ what.ptr + bracket + 1, what.len - bracket - 2 }, id)) {
		(void)json_object_set_new(call->args, "what", json_string(id));
		mover_flush(call->keeper->mover, on_moved, call);
	} else if (event_id_parse(what, id)) { /* also when it is all digits: no AADSTS number is so long */
		mover_flush(call->keeper->mover, on_moved, call);
	} else {
		explain_words(call, what);
	}
}
