#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keeper/dispatch_private.h"

#define KEY_BYTES_MAX 1024
#define LOAD_AGAIN_US 1000000

void lane_check_route(const struct lane *lane)
{
	if (!settings_upstream(lane->dispatch->settings, lane->route))
		log_event(LOG_LEVEL_ERROR, "mail waits for an upstream that is not in the settings", LOG_STR("upstream", lane->route),
			  LOG_STR("mailbox", lane->mailbox));
}

static struct lane *lane_new(struct dispatch *dispatch, struct str key, size_t route_len)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->dispatch = dispatch;
	lane->key = str_dup(key);
	if (!lane->key || !table_put(&dispatch->lanes, str_of(lane->key), lane)) {
		free(lane->key);
		free(lane);
		return NULL;
	}
	lane->route = (struct str){ lane->key, route_len };
	lane->mailbox = str_of(lane->key + route_len + 1);
	lane_check_route(lane);
	/* The spool may hold older ones of this lane that the start has not come to yet. */
	lane->more = !dispatch->lanes_known;
	return lane;
}

struct lane *lane_for(struct dispatch *dispatch, struct str route, struct str mailbox)
{
	struct lane *lane = NULL;
	struct buf key;

	buf_init(&key, KEY_BYTES_MAX);
	if (buf_add(&key, route) && buf_add_byte(&key, '\n') && buf_add(&key, mailbox)) {
		lane = table_find(&dispatch->lanes, buf_str(&key));
		if (!lane)
			lane = lane_new(dispatch, buf_str(&key), route.len);
	}
	buf_done(&key);
	return lane;
}

void lane_free(struct lane *lane)
{
	struct item *next;

	for (struct item *item = lane->first; item; item = next) {
		next = item->next;
		item_free(item);
	}
	(void)table_take(&lane->dispatch->lanes, str_of(lane->key));
	free(lane->key);
	free(lane);
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
	if (lane->waiting > LANE_ITEMS_MAX) {
		let_last_go(lane);
		lane->more_due_us = 0;
	}
}

/* --- from the spool --- */

static void on_heads(void *context, const struct spool_head *heads, size_t count)
{
	struct lane *lane = context;
	struct dispatch *dispatch = lane->dispatch;

	lane->loading = false;
	if (lane->stale) {
		/* Read before a fate was written: its recipients that have their mail would get it again. */
		lane->stale = false;
		lane->more = true;
		lane->more_due_us = 0;
		lane_pump(lane);
		return;
	}
	lane->more = count >= lane->asked;
	lane->more_due_us = lane->more ? 0 : INT64_MAX;
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
		lane_put(lane, item);
	}
	lane_pump(lane);
}

/* Memory is for what may go now: what waits for its time, or behind a paused mailbox, is the spool's to remember. */
static void shed(struct lane *lane, int64_t now_us)
{
	size_t keep = lane->first && lane->first->message.due_us <= now_us ? 1 : 0;

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

static bool window_has_room(struct lane *lane, int64_t now_us)
{
	struct dispatch *dispatch = lane->dispatch;
	struct lane *other;
	size_t at = 0;

	if (dispatch->items.count < dispatch->settings->limits.dispatch_window_max)
		return true;
	while ((other = table_next(&dispatch->lanes, &at))) {
		if (other != lane)
			shed(other, now_us);
	}
	return dispatch->items.count < dispatch->settings->limits.dispatch_window_max;
}

static void load(struct lane *lane)
{
	struct dispatch *dispatch = lane->dispatch;
	int64_t now_us = clock_real_us();

	if (!lane->more || lane->loading || lane->waiting > LANE_ITEMS_MAX / 2 || now_us < lane->more_due_us ||
	    !window_has_room(lane, now_us))
		return;
	lane->loading = true;
	lane->stale = false;
	lane->asked = LANE_ITEMS_MAX + lane->busy + lane->waiting;
	/* From the start each time: what is in memory is skipped, and nothing can slip behind a cursor. */
	spool_lane_load(dispatch->spool, lane->route, lane->mailbox, 0, 0, lane->asked, on_heads, lane);
}

/* --- to the courier --- */

static bool offer(struct item *item);

static void give_back(struct item *item)
{
	item->lane->busy--;
	lane_put(item->lane, item);
}

static void on_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	struct item *item = context;
	struct lane *lane = item->lane;

	if (outcome == OUTCOME_OK && body->fd != -1) {
		item->body_fd = body->fd;
		item->body_here = true;
		(void)offer(item);
		return;
	}
	if (outcome == OUTCOME_OK) {
		item->body_bytes = str_dup(body->bytes);
		item->body = (struct str){ item->body_bytes, item->body_bytes ? body->bytes.len : 0 };
		item->dispatch->kept_bytes += item->body.len;
		item->body_here = item->body_bytes != NULL;
	}
	if (item->body_here) {
		(void)offer(item);
		return;
	}
	log_event(LOG_LEVEL_ERROR, "body not loaded", LOG_STR("id", item->message.event_id),
		  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "out of memory"));
	if (outcome == OUTCOME_NEVER) { /* the spool has set it aside: its bytes are not what was accepted */
		lane->busy--;
		item_free(item);
		return;
	}
	item->message.due_us = clock_real_us() + LOAD_AGAIN_US;
	give_back(item);
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

/* False: the courier has no room, and the item waits again. Taken, it may be gone already. */
static bool offer(struct item *item)
{
	const struct spool_message *message = &item->message;
	struct courier_recipient *recipients = calloc(message->recipients_count + 1, sizeof(*recipients));
	struct courier_job job = {
		.id = message->id,
		.event_id = message->event_id,
		.message_id = message->message_id,
		.sender = message->sender,
		.account = message->account,
		.upstream = message->route,
		.mailbox = message->mailbox,
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

	bool taken;

	item->state = ITEM_AWAY;
	taken = recipients && fill_recipients(item, recipients) && courier_take(item->dispatch->courier, &job);
	if (!taken)
		give_back(item);
	free(recipients);
	return taken;
}

static void forget_if_empty(struct lane *lane)
{
	if (!lane->first && lane->busy == 0 && !lane->more && !lane->loading)
		lane_free(lane);
}

/* What is due goes, one after another, until the courier has no room. */
void lane_pump(struct lane *lane)
{
	struct dispatch *dispatch = lane->dispatch;
	int64_t now_us = clock_real_us();

	while (lane->first && lane->first->message.due_us <= now_us) {
		struct item *item = lane->first;

		if (!courier_has_room(dispatch->courier, lane->route, lane->mailbox, item->message.recipients_count))
			break;
		lane->first = item->next;
		lane->waiting--;
		lane->busy++;
		if (item->body_here) {
			if (!offer(item))
				break;
		} else {
			item->state = ITEM_LOADS;
			spool_body_load(dispatch->spool, item->message.id, on_body, item);
			if (lane->busy >= LANE_ITEMS_MAX)
				break;
		}
	}
	load(lane);
	forget_if_empty(lane);
}
