#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/retry.h"
#include "keeper/dispatch_private.h"
#include "wire/dsn.h"
#include "wire/smtp_param.h"

#define SETTLE_AGAIN_MS 1000
#define US_PER_SECOND 1000000

/* What one attempt's fate adds up to, while it is read. */
struct verdicts {
	uint32_t *done;
	struct trace_recipient *done_as;
	size_t done_count;
	struct bounce_recipient *told;
	size_t told_count;
	size_t left;
	bool expired, delay_due;
	bool untold; /* no notification can be made now: who is owed one stays, and is tried again */
};

static bool wants(const struct spool_recipient *recipient, unsigned what)
{
	if (recipient->notify == SMTP_NOTIFY_UNSET)
		return what != SMTP_NOTIFY_SUCCESS; /* RFC 3461, 4.1: failures always, delays as we like, success never */
	return recipient->notify & what;
}

static void tell(struct verdicts *verdicts, size_t index, enum dsn_action action, const struct courier_recipient_fate *fate)
{
	verdicts->told[verdicts->told_count++] = (struct bounce_recipient){
		.index = (uint32_t)index,
		.action = (uint8_t)action,
		.status = fate->status,
		.reply = fate->reply,
		.remote = fate->remote,
	};
}

static void is_done(struct item *item, struct verdicts *verdicts, size_t index, enum trace_state state,
		    const struct courier_recipient_fate *fate)
{
	verdicts->done[verdicts->done_count] = item->indexes[index];
	verdicts->done_as[verdicts->done_count++] = (struct trace_recipient){
		.address = item->message.recipients[index].address,
		.state = (uint8_t)state,
		.reply = fate->reply,
		.at_us = clock_real_us(),
		.upstream = item->way_upstream.len ? item->way_upstream : item->message.route,
	};
}

static void judge_recipient(struct item *item, const struct courier_fate *fate, size_t index, struct verdicts *verdicts)
{
	const struct courier_recipient_fate *one = &fate->recipients[index];
	const struct spool_recipient *recipient = &item->message.recipients[index];
	bool over = one->end == COURIER_NEVER || (one->end == COURIER_LATER && verdicts->expired);
	bool owed = wants(recipient, SMTP_NOTIFY_FAILURE) || item->message.is_dsn; /* of that one the administrator hears */

	if (one->end == COURIER_DELIVERED) {
		is_done(item, verdicts, index, TRACE_SENT, one);
		/* A server with DSN reports success itself; any other leaves that to us (RFC 3461, 5.2.2). */
		if (!fate->dsn_passed && wants(recipient, SMTP_NOTIFY_SUCCESS))
			tell(verdicts, index, DSN_RELAYED, one);
	} else if (over && !(owed && verdicts->untold)) {
		is_done(item, verdicts, index, one->end == COURIER_NEVER ? TRACE_FAILED : TRACE_EXPIRED, one);
		if (owed)
			tell(verdicts, index, DSN_FAILED, one);
	} else {
		verdicts->left++;
		if (verdicts->delay_due && wants(recipient, SMTP_NOTIFY_DELAY))
			tell(verdicts, index, DSN_DELAYED, one);
	}
}

static void judge(struct item *item, const struct courier_fate *fate, struct verdicts *verdicts)
{
	verdicts->done_count = verdicts->told_count = verdicts->left = 0;
	for (size_t i = 0; i < item->message.recipients_count; i++)
		judge_recipient(item, fate, i, verdicts);
}

/* True: whoever sent it has the refusal on the device's own panel, and needs no notification. */
static bool tell_who_waits(const struct item *item, const struct verdicts *verdicts, uint64_t wait_ms)
{
	struct watch_fate fate = { .left = verdicts->left, .wait_ms = wait_ms };

	for (size_t i = 0; i < verdicts->done_count; i++) {
		if (verdicts->done_as[i].state == TRACE_SENT) {
			fate.delivered++;
			continue;
		}
		fate.refused++;
		fate.reply = verdicts->done_as[i].reply;
	}
	return watch_tell(item->dispatch, item->message.id, &fate);
}

/* Each recipient's end, and the notification that goes with it: without one a message does not leave the spool. */
static bool judge_and_tell(struct item *item, const struct courier_fate *fate, uint64_t wait_ms, struct verdicts *verdicts)
{
	enum outcome outcome = OUTCOME_NEVER;

	judge(item, fate, verdicts);
	if (tell_who_waits(item, verdicts, wait_ms))
		return false;
	if (verdicts->told_count > 0)
		outcome = bounce_make(item, verdicts->told, verdicts->told_count, fate->remote_mta);
	if (outcome == OUTCOME_LATER) {
		verdicts->untold = true;
		verdicts->delay_due = false;
		judge(item, fate, verdicts);
	}
	return outcome == OUTCOME_OK;
}

/* What those who stay were answered: they wait for a later try, or for their notification. */
static struct str last_reply(const struct courier_fate *fate, size_t count)
{
	struct str later = STR("");
	struct str never = STR("");

	for (size_t i = 0; i < count; i++) {
		if (fate->recipients[i].end == COURIER_LATER)
			later = fate->recipients[i].reply;
		else if (fate->recipients[i].end == COURIER_NEVER)
			never = fate->recipients[i].reply;
	}
	return later.len ? later : never;
}

static bool has_word(struct str note, struct str word)
{
	while (note.len > 0) {
		if (str_eq(str_cut(&note, ' '), word))
			return true;
	}
	return word.len == 0;
}

/* Words parted by blanks, each once; the one about an end that nobody knows comes first. */
static struct str note_of(struct item *item, const struct courier_fate *fate)
{
	struct str note = item->message.note;
	bool ambiguous = fate->ambiguous && !str_starts(note, STR(TRACE_AMBIGUOUS));
	bool more = !has_word(note, fate->note);
	char text[1200];

	if (!ambiguous && !more)
		return note;
	(void)snprintf(text, sizeof(text), "%s%.*s%s%.*s", ambiguous ? TRACE_AMBIGUOUS " " : "", note.len < 1000 ? (int)note.len : 1000, note.ptr,
		       more && note.len ? " " : "", more ? (int)fate->note.len : 0, fate->note.ptr);
	if (!arena_keep(&item->arena, str_trim(str_of(text)), &note))
		return ambiguous ? STR(TRACE_AMBIGUOUS) : note;
	return note;
}

static bool verdicts_init(struct item *item, struct verdicts *verdicts)
{
	size_t count = item->message.recipients_count;

	*verdicts = (struct verdicts){
		.done = arena_take(&item->arena, count * sizeof(*verdicts->done)),
		.done_as = arena_take(&item->arena, count * sizeof(*verdicts->done_as)),
		.told = arena_take(&item->arena, count * sizeof(*verdicts->told)),
	};
	return verdicts->done && verdicts->done_as && verdicts->told;
}

/* The courier's words are borrowed: what is not on disk yet must own them. */
static bool own_words(struct item *item, struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->done_count; i++) {
		if (!arena_keep(&item->arena, verdicts->done_as[i].reply, &verdicts->done_as[i].reply))
			return false;
	}
	return arena_keep(&item->arena, item->fate.last_reply, &item->fate.last_reply);
}

/* --- to disk --- */

static void finished(struct item *item)
{
	struct lane *lane = item->lane;

	lane->busy--;
	lane->turns->large -= item->is_large;
	if (item->fate.dsn) { /* its notification is in the spool: its lane looks there */
		struct lane *other = lane_for(item->dispatch, item->bounce.route, item->bounce.mailbox, item->bounce.account);

		if (other) {
			other->more = true;
			other->more_due_us = 0;
			if (other != lane)
				lane_pump(other);
		}
	}
	item_free(item);
	lane_pump(lane);
}

/* The message stays: what is settled is dropped from memory, and read from the spool as it now is. */
static void stays(struct item *item)
{
	struct lane *lane = item->lane;

	lane->more = true;
	lane->more_due_us = 0;
	lane->stale = lane->loading;
	finished(item);
}

static void on_settled(void *context, enum outcome outcome, const struct fault *fault)
{
	struct item *item = context;

	/* NEVER: the spool has no such message any more. It was dropped by hand meanwhile, or the fate did land: done with, both. */
	if (outcome == OUTCOME_NEVER) {
		log_event(LOG_LEVEL_WARNING, "message gone from the spool", LOG_STR("id", item->message.event_id));
		finished(item);
		return;
	}
	if (outcome != OUTCOME_OK) {
		/* It was delivered, and the spool does not know: it must learn before anything else is done with it. */
		log_event(LOG_LEVEL_ERROR, "fate not written", LOG_STR("id", item->message.event_id),
			  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "too much waits for the disk"));
		item->settle_again_ms = clock_monotonic_ms() + SETTLE_AGAIN_MS;
		return;
	}
	if (item->fate.finished)
		finished(item);
	else
		stays(item);
}

void settle_again(struct item *item)
{
	item->settle_again_ms = 0;
	item->state = ITEM_SETTLES;
	if (!spool_settle(item->dispatch->spool, &item->fate, on_settled, item))
		on_settled(item, OUTCOME_LATER, NULL);
}

static void give_up_memory(struct item *item)
{
	struct lane *lane = item->lane;

	/* Nothing is written: after a restart, or a reload of the lane, the attempt is made again. A duplicate is the lesser evil. */
	log_event(LOG_LEVEL_ERROR, "out of memory", LOG_STR("id", item->message.event_id));
	lane->more = true;
	lane->more_due_us = clock_real_us() + 60ll * US_PER_SECOND;
	lane->busy--;
	lane->turns->large -= item->is_large;
	item_free(item);
}

void settle_unsent(struct item *item)
{
	size_t count = item->message.recipients_count;
	struct courier_recipient_fate *fates = arena_take(&item->arena, count * sizeof(*fates));

	if (!fates) {
		give_up_memory(item);
		return;
	}
	for (size_t i = 0; i < count; i++) /* RFC 3463, 3.5: delivery time expired, or so far only delayed */
		fates[i] = (struct courier_recipient_fate){ .end = COURIER_LATER, .reply = item->unsent, .status = STR("4.4.7") };
	settle_fate(item, &(struct courier_fate){ .recipients = fates, .nothing_tried = true, .retry_after_ms = item->unsent_wait_ms });
}

/* One upstream's no, where another may say yes: it goes there at once, and the no is what the queue shows meanwhile. */
static const struct courier_fate *turn(struct item *item, const struct courier_fate *fate, struct courier_fate *ret_turned)
{
	size_t count = item->message.recipients_count;
	struct courier_recipient_fate *fates;

	if (!fate->other_way)
		return fate;
	fates = arena_take(&item->arena, count * sizeof(*fates));
	if (!fates || !way_bar(item, fate->other_way))
		return fate;
	*ret_turned = *fate;
	ret_turned->recipients = fates;
	ret_turned->retry_after_ms = 1;
	for (size_t i = 0; i < count; i++) {
		fates[i] = fate->recipients[i];
		fates[i].end = COURIER_LATER;
	}
	log_event(LOG_LEVEL_INFO, "another way", LOG_STR("id", item->message.event_id), LOG_STR("not_by", item->way_upstream),
		  LOG_TEXT("cause", fate->other_way));
	return ret_turned;
}

void settle_fate(struct item *item, const struct courier_fate *courier_fate)
{
	struct courier_fate turned;
	const struct courier_fate *fate = turn(item, courier_fate, &turned);
	const struct limits *limits = &item->dispatch->settings->limits;
	struct spool_message *message = &item->message;
	int64_t now_us = clock_real_us();
	uint32_t attempts = message->attempts + (fate->nothing_tried ? 0 : 1);
	uint64_t wait_ms = fate->retry_after_ms;
	struct verdicts verdicts;
	bool told;

	if (!verdicts_init(item, &verdicts)) {
		give_up_memory(item);
		return;
	}
	verdicts.expired = now_us >= message->expires_us;
	verdicts.delay_due = !message->delay_told &&
			     now_us - message->received_us >= (int64_t)limits->delay_notice_seconds * US_PER_SECOND;
	if (wait_ms == 0)
		wait_ms = retry_wait_ms(attempts ? attempts : 1, limits->retry_first_seconds, limits->retry_seconds_max,
					random_below(UINT32_MAX));
	if (way_has_fallback(item))
		wait_ms = 1; /* at once, by the other */
	told = judge_and_tell(item, fate, wait_ms, &verdicts);
	item->fate = (struct spool_fate){
		.id = message->id,
		.state = SPOOL_DEFERRED,
		.due_us = now_us + (int64_t)wait_ms * 1000,
		.attempts = attempts,
		.delay_told = message->delay_told || verdicts.delay_due,
		.last_reply = last_reply(fate, message->recipients_count),
		.note = note_of(item, fate),
		.done = verdicts.done,
		.done_as = verdicts.done_as,
		.done_count = verdicts.done_count,
		.has_body_file = message->body_file != 0,
		.finished = verdicts.left == 0,
		.dsn = told ? &item->bounce : NULL,
	};
	if (!own_words(item, &verdicts)) {
		give_up_memory(item);
		return;
	}
	if (!item->fate.dsn)
		item_drop_body(item);
	settle_again(item);
}
