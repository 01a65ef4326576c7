#include "keeper/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "domain/route.h"
#include "keeper/dispatch_private.h"

#define TICK_MS 250
#define LANES_A_TIME 256
#define NOTE_US_MAX (25ll * 3600 * 1000000)

/* --- lanes of the spool --- */

static void lanes_from_start(struct dispatch *dispatch)
{
	dispatch->lanes_known = dispatch->lanes_anew = false;
	dispatch->lanes_after[0][0] = dispatch->lanes_after[1][0] = dispatch->lanes_after[2][0] = '\0';
}

static void ask_lanes(struct dispatch *dispatch);

static void on_lanes(void *context, const struct spool_lane *lanes, size_t count, bool whole)
{
	struct dispatch *dispatch = context;

	dispatch->lanes_asked = false;
	for (size_t i = 0; i < count; i++) {
		struct lane *lane = lane_for(dispatch, lanes[i].route, lanes[i].mailbox, lanes[i].account);

		if (!lane)
			return; /* out of memory: the tick asks again from here */
		lane->more = true;
		if (lane->more_due_us != 0 || !lane->first)
			lane->more_due_us = lanes[i].due_us;
		(void)str_copy(lanes[i].route, sizeof(dispatch->lanes_after[0]), dispatch->lanes_after[0]);
		(void)str_copy(lanes[i].mailbox, sizeof(dispatch->lanes_after[1]), dispatch->lanes_after[1]);
		(void)str_copy(lanes[i].account, sizeof(dispatch->lanes_after[2]), dispatch->lanes_after[2]);
		lane_pump(lane);
	}
	dispatch->lanes_known = whole && count < LANES_A_TIME;
	if (dispatch->lanes_anew)
		lanes_from_start(dispatch);
	if (whole)
		ask_lanes(dispatch); /* else the tick does, from here */
}

static void ask_lanes(struct dispatch *dispatch)
{
	if (dispatch->lanes_asked || dispatch->lanes_known)
		return;
	dispatch->lanes_asked = true;
	spool_lanes(dispatch->spool,
		    &(struct spool_lane){ str_of(dispatch->lanes_after[0]), str_of(dispatch->lanes_after[1]),
					  str_of(dispatch->lanes_after[2]), 0 },
		    LANES_A_TIME, on_lanes, dispatch);
}

/* --- time --- */

static void settle_late_ones(struct dispatch *dispatch)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct item *item;
	size_t at = 0;

	while ((item = table_next(&dispatch->items, &at))) {
		if (item->settle_again_ms && now_ms >= item->settle_again_ms)
			settle_again(item);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct dispatch *dispatch = timer->data;

	ask_lanes(dispatch);
	settle_late_ones(dispatch);
	window_round(dispatch);
}

/* --- the courier's side --- */

static void on_fate(void *context, uint64_t id, const struct courier_fate *fate)
{
	struct dispatch *dispatch = context;
	struct item *item = table_find(&dispatch->items, TABLE_KEY(id));

	if (item)
		settle_fate(item, fate);
}

static void on_room(void *context, struct str upstream, struct str mailbox)
{
	struct dispatch *dispatch = context;
	struct turns *turns = turns_find(dispatch, upstream, mailbox);

	if (turns)
		turns_pump(turns);
	turns_pump_detours(dispatch);
}

#define NOTE_NAME_BYTES_MAX 1024
#define SPENT_NOTE "spent\n"

#define HOLD_NOTE "hold\n"

/* False: too much is before it at the disk. */
static bool put_note(struct dispatch *dispatch, const char *prefix, const struct str *words, size_t count, struct str text)
{
	CLEANUP(cleanup_buf) struct buf name = { 0 };
	bool named;

	buf_init(&name, NOTE_NAME_BYTES_MAX);
	named = buf_add(&name, str_of(prefix));
	for (size_t i = 0; i < count && named; i++)
		named = (i == 0 || buf_add_byte(&name, '\n')) && buf_add(&name, words[i]);
	return named && spool_note(dispatch->spool, buf_str(&name), text);
}

/* One that is not noted does no harm: the next is whole again. */
static void on_spent(void *context, struct str upstream, struct str mailbox, struct str text)
{
	(void)put_note(context, SPENT_NOTE, (struct str[]){ upstream, mailbox }, 2, text);
}

static bool on_hold(void *context, struct str upstream, struct str mailbox, struct str sender, struct str text)
{
	return put_note(context, HOLD_NOTE, (struct str[]){ upstream, mailbox, sender }, 3, text);
}

/* What is a day old says nothing any more. */
static bool was_spent(struct dispatch *dispatch, struct str rest, int64_t at_us, struct str text)
{
	int64_t later_us = clock_real_us() - at_us;
	struct str upstream = str_cut(&rest, '\n');

	if (later_us > NOTE_US_MAX)
		return false;
	courier_spent_before(dispatch->courier, upstream, rest, text, later_us > 0 ? (uint64_t)later_us / 1000 : 0);
	return true;
}

static bool was_held(struct dispatch *dispatch, struct str rest, int64_t at_us, struct str text)
{
	struct str upstream = str_cut(&rest, '\n');
	struct str mailbox = str_cut(&rest, '\n');

	(void)at_us;
	return courier_held_before(dispatch->courier, upstream, mailbox, rest, text);
}

/* To add a kind of note: a row. False: it says nothing any more, and goes. */
static const struct {
	const char *prefix;
	bool (*take)(struct dispatch *dispatch, struct str rest, int64_t at_us, struct str text);
} notes[] = {
	{ SPENT_NOTE, was_spent },
	{ HOLD_NOTE, was_held },
};

static void each_note(void *context, struct str name, int64_t at_us, struct str text)
{
	struct dispatch *dispatch = context;

	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		struct str prefix = str_of(notes[i].prefix);

		if (str_starts(name, prefix) && !notes[i].take(dispatch, str_skip(name, prefix.len), at_us, text))
			(void)spool_note(dispatch->spool, name, STR(""));
	}
}

const struct courier_handler dispatch_courier_handler = { .on_fate = on_fate, .on_room = on_room, .on_spent = on_spent, .on_hold = on_hold };

/* --- the keeper's side --- */

void dispatch_committed(struct dispatch *dispatch, const struct spool_message *message)
{
	struct lane *lane = lane_for(dispatch, message->route, message->mailbox, message->account);
	struct item *item;
	bool behind;

	if (!lane)
		return; /* out of memory: the next look into the spool finds it */
	/* Behind others that are due it waits in the spool: order is kept, memory is not used up. Those that are not due yet
	 * stand in nobody's way. */
	behind = lane->more && !(lane->first && lane->first->message.due_us > message->due_us);
	if (behind || !window_admits(lane)) {
		lane->more = true;
		lane->more_due_us = 0;
		lane_pump(lane);
		return;
	}
	item = item_new(dispatch, message, NULL);
	if (!item) {
		lane->more = true;
		lane->more_due_us = 0;
		return;
	}
	if (message->body_file == 0)
		(void)item_keep_body(item, message->body);
	lane_put(lane, item);
	lane_pump(lane);
}

void dispatch_wake(struct dispatch *dispatch)
{
	struct lane *lane;
	size_t at = 0;

	while ((lane = table_next(&dispatch->lanes, &at)))
		lane_forget_waiting(lane);
	lanes_from_start(dispatch);
	dispatch->lanes_anew = dispatch->lanes_asked; /* what is on its way was read before */
	ask_lanes(dispatch);
	window_round(dispatch);
}

/* Whoever strays by the routes of now is found again as it is read. */
static void forget_strays(struct dispatch *dispatch)
{
	struct turns *turns;
	size_t at = 0;

	while ((turns = table_next(&dispatch->turns, &at)))
		turns->strays = false;
}

bool dispatch_is_away(const struct dispatch *dispatch, uint64_t id)
{
	const struct item *item = table_find(&dispatch->items, TABLE_KEY(id));

	return item && item->state != ITEM_WAITS;
}

void dispatch_settings(struct dispatch *dispatch, const struct settings *settings)
{
	bool agree = route_files_agree(dispatch->settings, settings);

	dispatch->settings = settings;
	window_check_routes(dispatch);
	if (!agree)
		dispatch_reroute(dispatch);
}

static void on_retried(void *context, enum outcome outcome, const struct fault *fault)
{
	(void)fault;
	if (outcome == OUTCOME_OK) /* else each goes when it is due */
		dispatch_wake(context);
}

void dispatch_reroute(struct dispatch *dispatch)
{
	forget_strays(dispatch);
	for (const struct share *share = dispatch->shares; share; share = share->next) {
		if (share->lanes > 0)
			(void)spool_retry_route(dispatch->spool, str_of(share->route), on_retried, dispatch);
	}
	dispatch_wake(dispatch);
}

struct dispatch *dispatch_new(struct loop *loop, struct spool *spool, const struct settings *settings)
{
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));

	if (!dispatch)
		return NULL;
	dispatch->loop = loop;
	dispatch->spool = spool;
	dispatch->settings = settings;
	return dispatch;
}

void dispatch_tell_unsent(struct dispatch *dispatch, void (*on_unsent)(void *context, const struct spool_message *message, struct str reply),
			  void *context)
{
	dispatch->on_unsent = on_unsent;
	dispatch->unsent_context = context;
}

void dispatch_start(struct dispatch *dispatch, struct courier *courier, struct str hostname, uint32_t node)
{
	struct fault fault;

	dispatch->courier = courier;
	dispatch->hostname = hostname;
	dispatch->node = node;
	if (spool_notes_read(dispatch->settings->daemon.state, each_note, dispatch, &fault) != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "what was sent, and who was held, before is not known", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	dispatch->tick.data = dispatch;
	(void)uv_timer_init(&dispatch->loop->uv, &dispatch->tick);
	(void)uv_timer_start(&dispatch->tick, on_tick, TICK_MS, TICK_MS);
	ask_lanes(dispatch);
}

void dispatch_free(struct dispatch *dispatch)
{
	uv_close((uv_handle_t *)&dispatch->tick, NULL);
	/* Items may still be with the spool's threads, whose last answers come while it closes: the process ends right after. */
}
