#include "courier/graph_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "courier/failure_graph.h"

#define REPLY_BYTES_MAX GRAPH_REPLY_BYTES_MAX
#define RETRY_AFTER_S_MAX 3600 /* whatever is asked for: within the hour we look again */

/* What is said of a message once its draft is gone. */
struct graph_ending {
	enum courier_end end;
	struct courier_fate fate;
	char reply[REPLY_BYTES_MAX];
};

static bool may_have_been_sent(const struct graph_call *call)
{
	return call->step == GRAPH_SEND || call->step == GRAPH_SEND_DRAFT;
}

static void tell(struct graph_call *call, enum courier_end end, const char *reply, struct courier_fate *fate)
{
	struct work *work = call->work;

	/* Of what stays for another attempt, that one tells: it may go another way, as it is. */
	if (call->requoted.fd != -1 && !fate->other_way && (end != COURIER_LATER || fate->ambiguous))
		fate->note = STR("repair:quoted-printable");
	fate->remote_mta = str_of(call->host);
	work_settle(work, end, NULL, reply);
	courier_finish(call->mailbox, work, fate); /* before its slot is free: the caller counts on that order */
	graph_free(call);
}

/* A draft that came to nothing must not lie about in the mailbox; one that may have been sent is not touched. */
static bool discard_first(struct graph_call *call, enum courier_end end, const char *reply, const struct courier_fate *fate)
{
	if (!call->draft[0] || end == COURIER_DELIVERED || fate->ambiguous || call->ending || call->mailbox->courier->draining)
		return false;
	call->ending = calloc(1, sizeof(*call->ending));
	if (!call->ending)
		return false;
	call->ending->end = end;
	call->ending->fate = *fate;
	(void)snprintf(call->ending->reply, sizeof(call->ending->reply), "%s", reply);
	graph_request(call, GRAPH_DISCARD);
	return true;
}

/* The fate of all: Graph takes a message or it does not. */
static void finish(struct graph_call *call, enum courier_end end, const char *reply, struct courier_fate *fate)
{
	if (call->ending)
		tell(call, call->ending->end, call->ending->reply, &call->ending->fate);
	else if (!discard_first(call, end, reply, fate))
		tell(call, end, reply, fate);
}

void graph_refuse(struct graph_call *call, unsigned why, const char *sentence)
{
	const struct failure_verdict *verdict = &failure_graph_decide(why, STR(""), STR(""))->verdict;

	finish(call, COURIER_NEVER, sentence ? sentence : verdict->explain,
	       &(struct courier_fate){ .nothing_tried = true, .other_way = verdict->cause });
}

void graph_give_up(struct graph_call *call, const char *why)
{
	struct courier_fate fate = { .ambiguous = may_have_been_sent(call), .nothing_tried = !may_have_been_sent(call) };
	char reply[REPLY_BYTES_MAX];

	(void)snprintf(reply, sizeof(reply), fate.ambiguous ? "%s (client-request-id %s)" : "%s", why, call->request_id);
	finish(call, COURIER_LATER, reply, &fate);
}

/* The status is said before the answer can break off: a yes stays one. */
static unsigned status_of(const struct http_answer *answer)
{
	return answer->status ? answer->status : answer->broken_status;
}

/* What Graph said, in one line, with what Microsoft's support asks for. */
static void print_reply(const struct graph_call *call, const struct http_answer *answer, const struct graph_error *error,
			char ret_reply[REPLY_BYTES_MAX])
{
	struct str theirs = http_header(answer, "request-id");

	if (theirs.len > 64 || !str_is_ascii(theirs))
		theirs = STR("");
	if (status_of(answer) == 0) {
		(void)snprintf(ret_reply, REPLY_BYTES_MAX, "%s (client-request-id %s)", answer->fault.text[LANGUAGE_EN], call->request_id);
		return;
	}
	(void)snprintf(ret_reply, REPLY_BYTES_MAX, "%u %s%s%s (request-id %.*s, client-request-id %s)", status_of(answer),
		       error->code[0] ? error->code : status_of(answer) == 202 ? "Accepted" : "without an error code",
		       error->message[0] ? ": " : "", error->message, STR_ARG(theirs.len ? theirs : STR("none")), call->request_id);
}

static bool try_fresh_token(struct graph_call *call)
{
	struct mailbox *mailbox = call->mailbox;

	token_refused(mailbox->courier->tokens, mailbox->upstream_name, call->token_generation);
	if (call->work->token_renewed || !call->upstream || mailbox->courier->draining)
		return false;
	call->work->token_renewed = true;
	graph_with_token(call, call->step);
	return true;
}

static void decide(struct graph_call *call, const struct http_answer *answer, const struct graph_error *error, const char *reply)
{
	unsigned status = status_of(answer) ? status_of(answer) : answer->body_sent ? GRAPH_LOST : GRAPH_UNREACHED;
	const struct failure_graph_verdict *graph = failure_graph_decide(status, str_of(error->code), str_of(error->message));
	const struct failure_verdict *verdict = &graph->verdict;
	uint64_t pause_ms = verdict->pause_ms;
	struct courier_fate fate = {
		.ambiguous = graph->ambiguous && may_have_been_sent(call),
		.nothing_tried = verdict->meaning == FAILURE_PAUSE_MAILBOX || verdict->meaning == FAILURE_PAUSE_UPSTREAM ||
				 verdict->meaning == FAILURE_REFRESH_TOKEN,
	};

	if (verdict->meaning == FAILURE_REFRESH_TOKEN && try_fresh_token(call))
		return;
	if (answer->retry_after_s > 0 && verdict->meaning != FAILURE_NEVER && verdict->meaning != FAILURE_OTHER_WAY)
		pause_ms = (uint64_t)(answer->retry_after_s < RETRY_AFTER_S_MAX ? answer->retry_after_s : RETRY_AFTER_S_MAX) * 1000;
	if (verdict->meaning == FAILURE_PAUSE_MAILBOX || verdict->meaning == FAILURE_REFRESH_TOKEN)
		mailbox_pause(call->mailbox, pause_ms, str_of(reply));
	if (verdict->meaning == FAILURE_PAUSE_UPSTREAM)
		mailbox_pause_upstream(call->mailbox, pause_ms, str_of(reply));
	fate.retry_after_ms = pause_ms;
	fate.other_way = verdict->meaning == FAILURE_OTHER_WAY ? verdict->cause : NULL;
	finish(call, verdict->meaning == FAILURE_NEVER || fate.other_way ? COURIER_NEVER : COURIER_LATER, reply, &fate);
}

void graph_accepted(struct graph_call *call)
{
	call->mailbox->trouble[0] = '\0';
	finish(call, COURIER_DELIVERED, call->reply, &(struct courier_fate){ 0 });
}

void graph_on_answer(void *context, const struct http_answer *answer)
{
	struct graph_call *call = context;
	struct graph_error error;

	(void)graph_error_parse(answer->body, &error);
	print_reply(call, answer, &error, call->reply);
	if (call->step == GRAPH_DISCARD)
		finish(call, COURIER_LATER, "", NULL); /* whatever was said of that: the ending is known */
	else if (graph_is_yes(call, status_of(answer)) && (answer->outcome == OUTCOME_OK || may_have_been_sent(call)))
		graph_next(call, answer->body);
	else
		decide(call, answer, &error, call->reply);
}
