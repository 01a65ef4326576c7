#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "keeper/dispatch_private.h"

#define ROUND_LANES_MAX 4096 /* looked at in a tick: with more of them, each comes later */
#define LOAD_GUESS 4         /* messages that a lane is thought to have, until it is read */
#define PORTION_HUNGRY 2     /* messages read of a lane while others wait to be read */
#define TURN_MS 30000        /* after so long with lanes unread what waits in memory makes way for them: it may have to wait for days */

/* --- shares --- */

static void check_route(const struct dispatch *dispatch, const struct share *share)
{
	if (!settings_upstream(dispatch->settings, str_of(share->route)))
		log_event(LOG_LEVEL_ERROR, "mail waits for an upstream that is not in the settings", LOG_TEXT("upstream", share->route));
}

void window_check_routes(const struct dispatch *dispatch)
{
	for (const struct share *share = dispatch->shares; share; share = share->next) {
		if (share->lanes > 0)
			check_route(dispatch, share);
	}
}

/* Kept for good: there are few upstreams. */
struct share *window_share(struct dispatch *dispatch, struct str route)
{
	struct share *share = dispatch->shares;

	while (share && !str_eq(str_of(share->route), route))
		share = share->next;
	if (!share) {
		share = calloc(1, sizeof(*share));
		if (!share)
			return NULL;
		share->route = str_dup(route);
		if (!share->route) {
			free(share);
			return NULL;
		}
		share->next = dispatch->shares;
		dispatch->shares = share;
	}
	if (share->lanes == 0)
		check_route(dispatch, share);
	return share;
}

/* Where nothing can go now, one half is left to the upstream's other mailboxes. */
static size_t most_of(const struct lane *lane)
{
	const struct settings *settings = lane->dispatch->settings;
	size_t most = settings->limits.dispatch_window_max / (settings->upstreams_count + !settings->upstreams_count);

	most = lane->turns->blocked ? most / 2 : most;
	return most + !most;
}

bool window_admits(const struct lane *lane)
{
	struct share *share = lane->turns->share;

	if (share->held + LOAD_GUESS * share->loading < most_of(lane) && (lane->dispatch->in_round || !share->hungry))
		return true;
	share->hungry = true;
	share->pressed = share->pressed || !lane->turns->blocked; /* nobody is put out for what could not go */
	if (share->hungry_since_ms == 0)
		share->hungry_since_ms = clock_monotonic_ms();
	return false;
}

size_t window_portion(const struct lane *lane)
{
	return lane->turns->share->hungry_since_ms ? PORTION_HUNGRY : LANE_ITEMS_MAX;
}

/* --- the round --- */

/* The lanes that have messages in memory, each perhaps several times. NULL: none, or out of memory. */
static struct lane **lanes_held(const struct dispatch *dispatch, size_t *ret_count)
{
	struct lane **lanes = dispatch->items.count ? malloc(dispatch->items.count * sizeof(*lanes)) : NULL;
	struct item *item;
	size_t at = 0;

	*ret_count = 0;
	while (lanes && (item = table_next(&dispatch->items, &at))) {
		if (item->lane && item->state == ITEM_WAITS)
			lanes[(*ret_count)++] = item->lane;
	}
	return lanes;
}

/* What waits makes room for those who could not be read. */
static void make_room(struct dispatch *dispatch, uint64_t now_ms)
{
	int64_t now_us = clock_real_us();
	size_t count;
	struct lane **lanes = lanes_held(dispatch, &count);

	for (size_t i = 0; i < count; i++) {
		const struct share *share = lanes[i]->turns->share;

		if (share->hungry && now_ms - share->hungry_since_ms >= TURN_MS)
			lane_forget_waiting(lanes[i]);
		else if (share->pressed)
			lane_shed(lanes[i], now_us);
	}
	free(lanes);
}

static void feed_the_hungry(struct dispatch *dispatch)
{
	uint64_t now_ms = clock_monotonic_ms();
	bool any = false;

	for (const struct share *share = dispatch->shares; share; share = share->next)
		any = any || share->pressed || (share->hungry && now_ms - share->hungry_since_ms >= TURN_MS);
	if (any)
		make_room(dispatch, now_ms);
	for (struct share *share = dispatch->shares; share; share = share->next) {
		if (!share->hungry || now_ms - share->hungry_since_ms >= TURN_MS)
			share->hungry_since_ms = 0;
		share->hungry = share->pressed = false;
	}
}

/* From the table's end on from its begin. */
static struct lane *round_next(struct dispatch *dispatch)
{
	struct lane *lane = table_next(&dispatch->lanes, &dispatch->round_at);

	if (lane)
		return lane;
	dispatch->round_at = 0;
	return table_next(&dispatch->lanes, &dispatch->round_at);
}

void window_round(struct dispatch *dispatch)
{
	size_t left = dispatch->lanes.count < ROUND_LANES_MAX ? dispatch->lanes.count : ROUND_LANES_MAX;
	struct lane *lane;

	feed_the_hungry(dispatch);
	dispatch->in_round = true;
	for (; left > 0 && (lane = round_next(dispatch)); left--) {
		lane_look(lane);
		if (lane_forget_if_empty(lane))
			dispatch->round_at--; /* another one may stand there now */
	}
	dispatch->in_round = false;
	turns_pump_owed(dispatch);
}
