#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keeper/dispatch_private.h"

#define KEY_BYTES_MAX 1024
#define LOAD_AGAIN_US 1000000
#define LOADS_MAX 64               /* bodies on their way from the spool for one mailbox */
#define LARGE_BYTES (1u << 20)     /* takes long enough for others to wait */
#define NO_WAY_AGAIN_MS 300000

static struct lane *lane_new(struct dispatch *dispatch, struct str key, size_t route_len, size_t mailbox_len)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->dispatch = dispatch;
	lane->key = str_dup(key);
	if (lane->key) {
		lane->route = (struct str){ lane->key, route_len };
		lane->mailbox = (struct str){ lane->key + route_len + 1, mailbox_len };
		lane->account = str_of(lane->key + route_len + 1 + mailbox_len + 1);
		lane->turns = turns_for(dispatch, lane->route, lane->mailbox);
	}
	if (!lane->turns || !table_put(&dispatch->lanes, str_of(lane->key), lane)) {
		if (lane->turns)
			turns_forget(lane->turns);
		free(lane->key);
		free(lane);
		return NULL;
	}
	lane->turns->lanes++;
	lane->turns->share->lanes++;
	/* The spool may hold older ones of this lane that the start has not come to yet. */
	lane->more = !dispatch->lanes_known;
	return lane;
}

struct lane *lane_for(struct dispatch *dispatch, struct str route, struct str mailbox, struct str account)
{
	struct lane *lane = NULL;
	struct buf key;

	buf_init(&key, KEY_BYTES_MAX);
	if (buf_add(&key, route) && buf_add_byte(&key, '\n') && buf_add(&key, mailbox) && buf_add_byte(&key, '\n') &&
	    buf_add(&key, account)) {
		lane = table_find(&dispatch->lanes, buf_str(&key));
		if (!lane)
			lane = lane_new(dispatch, buf_str(&key), route.len, mailbox.len);
	}
	buf_done(&key);
	return lane;
}

static void lane_free(struct lane *lane)
{
	struct turns *turns = lane->turns;

	turns_leave(lane);
	(void)table_take(&lane->dispatch->lanes, str_of(lane->key));
	free(lane->key);
	free(lane);
	turns->lanes--;
	turns->share->lanes--;
	turns_forget(turns);
}

bool lane_forget_if_empty(struct lane *lane)
{
	if (lane->first || lane->busy > 0 || lane->more || lane->loading || lane->turns->pumping)
		return false;
	lane_free(lane);
	return true;
}

/* The latest due one goes back to being known to the spool only. */
static void let_last_go(struct lane *lane)
{
	struct item **at = &lane->first;

	while ((*at)->next)
		at = &(*at)->next;
	lane->more = true;
	item_free(*at);
	*at = NULL;
	lane->waiting--;
	lane->turns->share->held--;
}

void lane_put(struct lane *lane, struct item *item)
{
	struct item **at = &lane->first;

	while (*at && (*at)->message.due_us <= item->message.due_us)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	item->lane = lane;
	item->state = ITEM_WAITS;
	lane->waiting++;
	lane->turns->share->held++;
	if (lane->waiting > LANE_ITEMS_MAX) {
		let_last_go(lane);
		lane->more_due_us = 0;
	}
}

/* --- from the spool --- */

/* Routes have changed since it was taken in: known as it is read, and not when its turn comes, which those before it may keep from coming. */
static void note_if_it_strays(struct lane *lane, struct item *item)
{
	item->strays = way_strays(lane->dispatch, &item->message);
	if (!item->strays)
		return;
	lane->turns->strays = true;
	turns_note_detour(lane->turns);
}

static void on_heads(void *context, const struct spool_head *heads, size_t count, bool whole)
{
	struct lane *lane = context;
	struct dispatch *dispatch = lane->dispatch;

	lane->loading = false;
	lane->turns->share->loading--;
	if (lane->stale) {
		/* Read before a fate was written: its recipients that have their mail would get it again. */
		lane->stale = false;
		lane->more = true;
		lane->more_due_us = 0;
		lane_pump(lane);
		return;
	}
	lane->more = !whole || count >= lane->asked;
	lane->more_due_us = !whole ? clock_real_us() + LOAD_AGAIN_US : lane->more ? 0 : INT64_MAX;
	for (size_t i = 0; i < count; i++) {
		const struct spool_message *message = &heads[i].message;
		struct item *item;

		if (table_find(&dispatch->items, TABLE_KEY(message->id)))
			continue;
		item = item_new(dispatch, message, heads[i].indexes);
		if (!item) {
			lane->more = true;
			lane->more_due_us = clock_real_us() + LOAD_AGAIN_US;
			break;
		}
		note_if_it_strays(lane, item);
		lane_put(lane, item);
	}
	lane_pump(lane);
}

/* Memory is for what may go now: what waits for its time, or behind a paused mailbox, is the spool's to remember. */
void lane_shed(struct lane *lane, int64_t now_us)
{
	size_t keep = lane->first && lane->first->message.due_us <= now_us && !lane->turns->blocked ? 1 : 0;

	if (lane->waiting > keep)
		lane->more_due_us = lane->first->message.due_us;
	while (lane->waiting > keep) {
		let_last_go(lane);
		lane->more_due_us = keep ? 0 : lane->more_due_us;
	}
}

void lane_forget_waiting(struct lane *lane)
{
	while (lane->waiting > 0)
		let_last_go(lane);
	lane->more = true;
	lane->more_due_us = 0;
}

static void load(struct lane *lane)
{
	struct dispatch *dispatch = lane->dispatch;

	if (!lane->more || lane->loading || lane->waiting > LANE_ITEMS_MAX / 2 || clock_real_us() < lane->more_due_us ||
	    !window_admits(lane))
		return;
	lane->loading = true;
	lane->turns->share->loading++;
	lane->stale = false;
	lane->asked = window_portion(lane) + lane->busy + lane->waiting;
	/* From the start each time: what is in memory is skipped, and nothing can slip behind a cursor. */
	spool_lane_load(dispatch->spool, &(struct spool_lane){ lane->route, lane->mailbox, lane->account, 0 }, 0, 0, lane->asked,
			on_heads, lane);
}

/* --- to the courier --- */

static void give_back(struct item *item)
{
	struct lane *lane = item->lane;

	lane->busy--;
	lane->turns->large -= item->is_large;
	item->is_large = false;
	lane_put(lane, item);
	turns_join(lane);
}

static bool fill_recipients(const struct item *item, struct courier_recipient *recipients)
{
	for (size_t i = 0; i < item->message.recipients_count; i++)
		recipients[i] = (struct courier_recipient){
			.address = item->message.recipients[i].address,
			.notify = item->message.recipients[i].notify,
			.orcpt = item->message.recipients[i].orcpt,
		};
	return item->message.recipients_count > 0;
}

/* The courier may have no room any more: then the item waits again. Taken, it may be gone already. */
static void offer(struct item *item)
{
	const struct spool_message *message = &item->message;
	struct courier_recipient *recipients = calloc(message->recipients_count + 1, sizeof(*recipients));
	struct courier_job job = {
		.id = message->id,
		.event_id = message->event_id,
		.message_id = message->message_id,
		.sender = message->sender,
		.account = message->account,
		.upstream = item->way_upstream,
		.mailbox = item->way_mailbox,
		.body_8bit = message->body_8bit,
		.utf8 = message->utf8,
		.ret = message->ret,
		.envid = message->envid,
		.received_us = message->received_us,
		.recipients = recipients,
		.recipients_count = message->recipients_count,
		.body = item->body,
		.body_fd = item->body_fd,
		.size_bytes = message->size_bytes,
	};

	item->state = ITEM_AWAY;
	if (!recipients || !fill_recipients(item, recipients) || !courier_take(item->dispatch->courier, &job)) {
		/* With room still there memory is short: at once it would only be the same again. */
		if (courier_has_room(item->dispatch->courier, item->way_upstream, item->way_mailbox, item->message.recipients_count))
			item->message.due_us = clock_real_us() + LOAD_AGAIN_US;
		give_back(item);
	}
	free(recipients);
}

static void body_is_here(struct item *item)
{
	if (item->unsent.len > 0)
		settle_unsent(item);
	else
		offer(item);
}

static void on_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	struct item *item = context;
	struct lane *lane = item->lane;

	lane->turns->loading--;
	if (outcome == OUTCOME_OK && body->fd != -1) {
		item->body_fd = body->fd;
		item->body_here = true;
	} else if (outcome == OUTCOME_OK) {
		item->body_bytes = str_dup(body->bytes);
		item->body = (struct str){ item->body_bytes, item->body_bytes ? body->bytes.len : 0 };
		item->dispatch->kept_bytes += item->body.len;
		item->body_here = item->body_bytes != NULL;
	}
	if (item->body_here) {
		body_is_here(item);
		turns_pump(lane->turns);
		return;
	}
	log_event(LOG_LEVEL_ERROR, "body not loaded", LOG_STR("id", item->message.event_id),
		  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "out of memory"));
	if (outcome == OUTCOME_NEVER) { /* the spool has set it aside: its bytes are not what was accepted */
		lane->busy--;
		lane->turns->large -= item->is_large;
		item_free(item);
		return;
	}
	item->message.due_us = clock_real_us() + LOAD_AGAIN_US;
	give_back(item);
}

/* Out of the line, and on its way. */
static void start(struct lane *lane, struct item **at)
{
	struct item *item = *at;

	*at = item->next;
	lane->waiting--;
	lane->turns->share->held--;
	lane->busy++;
	item->is_large = item->message.size_bytes > LARGE_BYTES && item->unsent.len == 0;
	lane->turns->large += item->is_large;
	if (item->body_here) {
		body_is_here(item);
		return;
	}
	item->state = ITEM_LOADS;
	lane->turns->loading++;
	spool_body_load(lane->dispatch->spool, item->message.id, on_body, item);
}

/* How many large ones may go at once: the last place of a mailbox is kept for small ones, which would wait for minutes behind them. */
static size_t large_share(const struct lane *lane)
{
	const struct upstream_settings *upstream = settings_upstream(lane->dispatch->settings, lane->route);

	return upstream && upstream->connections_max > 1 ? (size_t)upstream->connections_max - 1 : SIZE_MAX;
}

/* The first that is due and may go. NULL: none is. */
static struct item **first_due(struct lane *lane)
{
	bool no_large = lane->turns->large >= large_share(lane);
	int64_t now_us = clock_real_us();
	struct item **at = &lane->first;

	while (*at && (*at)->message.due_us <= now_us) {
		if (!no_large || (*at)->message.size_bytes <= LARGE_BYTES)
			return at;
		at = &(*at)->next;
	}
	return NULL;
}

/* It is not sent now: the queue says why, and when it is looked at again. */
static enum lane_step refuse(struct lane *lane, struct item **at, uint64_t wait_ms, const char *format, ...)
{
	struct item *item = *at;
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!arena_keep(&item->arena, str_of(text), &item->unsent) || lane->turns->loading >= LOADS_MAX)
		return LANE_NO_ROOM;
	item->unsent_wait_ms = wait_ms;
	start(lane, at);
	return LANE_WENT;
}

static void note_detours(struct turns *turns, const struct way *ways, size_t count)
{
	if (count != 1 || !str_eq(ways[0].upstream, turns->route) || !str_eq(ways[0].mailbox, turns->mailbox))
		turns_note_detour(turns);
}

/* The way that has room. NULL: none has. */
static const struct way *way_with_room(struct lane *lane, const struct item *item, const struct way *ways, size_t count)
{
	note_detours(lane->turns, ways, count);
	if (lane->turns->loading >= LOADS_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (courier_has_room(lane->dispatch->courier, ways[i].upstream, ways[i].mailbox, item->message.recipients_count))
			return &ways[i];
	}
	return NULL;
}

static enum lane_step send_one(struct lane *lane, struct item **at)
{
	struct courier *courier = lane->dispatch->courier;
	struct way ways[WAYS_MAX];
	const struct way *way;
	const char *cause;
	uint64_t hold_ms;
	size_t count;

	(*at)->unsent = STR("");
	count = way_list(lane->dispatch, *at, ways);
	if (count == 0)
		return refuse(lane, at, NO_WAY_AGAIN_MS, "the upstream %.*s is not in the settings, and no route fits: add either, or drop the message",
			      STR_ARG(lane->route));
	way = way_with_room(lane, *at, ways, count);
	if (!way && clock_real_us() >= (*at)->message.expires_us)
		return refuse(lane, at, NO_WAY_AGAIN_MS, "the message has waited too long for the upstream %.*s", STR_ARG(lane->route));
	if (!way)
		return LANE_NO_ROOM;
	hold_ms = courier_hold_ms(courier, way->upstream, way->mailbox, (*at)->message.sender, &cause);
	if (hold_ms > 0)
		return refuse(lane, at, hold_ms, "mail of this sender is held back: the upstream refused it again and again (%s); "
			      "when that is mended: sekisho queue release", cause);
	if (!arena_keep(&(*at)->arena, way->upstream, &(*at)->way_upstream) ||
	    !arena_keep(&(*at)->arena, way->mailbox, &(*at)->way_mailbox))
		return LANE_NO_ROOM;
	start(lane, at);
	return LANE_WENT;
}

/* The next one behind it that is due and goes by another upstream than those of this lane do. */
static struct item **next_stray(struct item **at)
{
	int64_t now_us = clock_real_us();

	for (at = &(*at)->next; *at && (*at)->message.due_us <= now_us; at = &(*at)->next) {
		if ((*at)->strays)
			return at;
	}
	return NULL;
}

enum lane_step lane_send(struct lane *lane)
{
	struct item **at = first_due(lane);
	enum lane_step step = at ? send_one(lane, at) : LANE_NONE_DUE;

	/* An account's mail keeps its order on each way, and not across them. */
	while (step == LANE_NO_ROOM && lane->turns->strays && (at = next_stray(at)))
		step = send_one(lane, at);
	return step;
}

void lane_look(struct lane *lane)
{
	if (lane->first && lane->first->message.due_us <= clock_real_us())
		turns_join(lane);
	if (lane->tenant)
		turns_owe(lane->turns);
	load(lane);
}

void lane_pump(struct lane *lane)
{
	if (lane->first && lane->first->message.due_us <= clock_real_us())
		turns_join(lane);
	turns_pump(lane->turns);
	load(lane);
}
