#include "keeper/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ATTEMPT_BYTES_MAX 32768
#define NAME_BYTES_MAX 320 /* as much of a typed name as is kept */
#define NO_MECHANISM 255

static struct str shortened(struct str text)
{
	return (struct str){ text.ptr, text.len < NAME_BYTES_MAX ? text.len : NAME_BYTES_MAX };
}

static bool keep_lower(struct arena *arena, struct str from, struct str *ret_kept)
{
	if (!arena_keep(arena, shortened(from), ret_kept))
		return false;
	for (size_t i = 0; i < ret_kept->len; i++) {
		char *byte = (char *)ret_kept->ptr + i; /* our own copy */

		if (*byte >= 'A' && *byte <= 'Z')
			*byte = (char)(*byte + 32);
	}
	return true;
}

struct attempt *attempt_new(struct keeper *keeper, const struct visitor *visitor, const struct way_back *way,
			    struct str user, struct str ehlo, struct str tls_version, struct str tls_cipher)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	char address[JOURNAL_ADDRESS_MAX];
	char correlation[40];
	struct sign_in *row;
	uint64_t count;

	if (!attempt)
		return NULL;
	row = &attempt->row;
	arena_init(&attempt->arena, ATTEMPT_BYTES_MAX);
	attempt->keeper = keeper;
	attempt->way = *way;
	memcpy(attempt->ip, visitor->ip, sizeof(attempt->ip));
	keeper_event_id(keeper, attempt->event_id, &count);
	journal_address_print(visitor->ip, address);
	journal_correlation_print(way, correlation);
	*row = (struct sign_in){
		.created_us = keeper_now_us(keeper),
		.event_id = str_of(attempt->event_id),
		.mechanism = NO_MECHANISM,
		.source = STR("gateway"),
	};
	if (!keep_lower(&attempt->arena, user, &row->user) || !arena_keep(&attempt->arena, shortened(ehlo), &row->ehlo) ||
	    !arena_keep(&attempt->arena, tls_version, &row->tls_version) ||
	    !arena_keep(&attempt->arena, tls_cipher, &row->tls_cipher) ||
	    !arena_keep(&attempt->arena, str_of(address), &row->ip) ||
	    !arena_keep(&attempt->arena, str_of(correlation), &row->correlation_id) ||
	    !arena_keep(&attempt->arena, str_of(keeper->settings->listeners[visitor->listener].name), &row->listener)) {
		arena_free_all(&attempt->arena);
		free(attempt);
		return NULL;
	}
	return attempt;
}

static void attempt_free(struct attempt *attempt)
{
	arena_free_all(&attempt->arena);
	free(attempt);
}

static void attempt_answer(struct attempt *attempt)
{
	struct visitor *visitor = gates_visitor(attempt->keeper->gates, &attempt->way);

	/* The account may have been removed while the row was written: its name is in the row, not in the directory. */
	if (visitor && attempt->good && attempt->answer.account.len > 0) {
		char next_id[16];

		free(visitor->account);
		visitor->account = str_dup(attempt->answer.account);
		visitor->signed_in = visitor->account != NULL;
		keeper_event_id(attempt->keeper, next_id, &visitor->next_count);
		attempt->answer.next_id = str_of(next_id);
		gates_answer(attempt->keeper->gates, &attempt->way, &attempt->answer, -1);
	} else if (visitor) {
		gates_answer(attempt->keeper->gates, &attempt->way, &attempt->answer, -1);
	}
}

static void on_timer_closed(uv_handle_t *handle)
{
	attempt_free(handle->data);
}

static void on_time(uv_timer_t *timer)
{
	struct attempt *attempt = timer->data;

	attempt_answer(attempt);
	uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void on_row(void *context, enum outcome outcome, const struct fault *fault)
{
	struct attempt *attempt = context;
	uv_loop_t *loop = &attempt->keeper->loop.uv;
	uint64_t now_ms = uv_now(loop);

	if (outcome != OUTCOME_OK) {
		/* What cannot be written down did not happen. */
		log_event(LOG_LEVEL_ERROR, "a sign-in was not written", LOG_TEXT("id", attempt->event_id),
			  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "the outbox is full"));
		attempt->good = false;
		attempt->answer = (struct ask_answer){ .code = 454, .enhanced = STR("4.7.0"),
						       .text = STR("Temporary authentication failure"),
						       .event_id = str_of(attempt->event_id) };
	}
	if (attempt->good || now_ms >= attempt->answer_at_ms) {
		attempt_answer(attempt);
		attempt_free(attempt);
		return;
	}
	attempt->timer.data = attempt;
	(void)uv_timer_init(loop, &attempt->timer);
	(void)uv_timer_start(&attempt->timer, on_time, attempt->answer_at_ms - now_ms, 0);
}

void attempt_finish(struct attempt *attempt, const struct policy_answer *policy, const struct ask_answer *answer)
{
	struct sign_in *row = &attempt->row;

	attempt->answer = *answer;
	attempt->good = answer->good;
	if (!answer->good)
		attempt->answer.event_id = str_of(attempt->event_id);
	(void)snprintf(attempt->reply, sizeof(attempt->reply), "%u %.*s %.*s%s%s%s", answer->code,
		       STR_ARG(answer->enhanced), STR_ARG(answer->text), answer->good ? "" : " [",
		       answer->good ? "" : attempt->event_id, answer->good ? "" : "]");
	row->smtp_reply = answer->good ? STR("235 2.7.0 Authentication successful") : str_of(attempt->reply);
	if (row->protocol == AUTH_PROTOCOL_NONE)
		row->smtp_reply = STR(""); /* nothing was said: nobody had asked */
	if (policy && policy->error_code) {
		row->policy_rule = str_of(policy->cause);
		row->failure_reason = str_of(policy->reason);
		row->error_code = policy->error_code;
	}
	if (!journal_sign_in(attempt->keeper, row, on_row, attempt))
		on_row(attempt, OUTCOME_LATER, NULL);
}
