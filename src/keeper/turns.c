#include <stdlib.h>

#include "keeper/dispatch_private.h"

#define KEY_BYTES_MAX 1024
#define LOOKED_AT_MAX 64 /* lanes in vain, where each may have a way of its own */
#define DETOURS_MAX 64   /* turns looked at when a mailbox has room; the tick looks at all */

/* One tenant's lanes that have something due, first come first. */
struct turn_tenant {
	char *name;
	struct turn_tenant *next;
	struct lane *first, **end;
	bool waits;
};

static bool key_print(struct buf *out, struct str route, struct str mailbox)
{
	buf_init(out, KEY_BYTES_MAX);
	return buf_add(out, route) && buf_add_byte(out, '\n') && buf_add(out, mailbox);
}

struct turns *turns_find(struct dispatch *dispatch, struct str route, struct str mailbox)
{
	struct turns *turns = NULL;
	struct buf key;

	if (key_print(&key, route, mailbox))
		turns = table_find(&dispatch->turns, buf_str(&key));
	buf_done(&key);
	return turns;
}

static void turns_free(struct turns *turns)
{
	struct turn_tenant *tenant;
	size_t at = 0;

	while ((tenant = table_next(&turns->tenants, &at))) {
		free(tenant->name);
		free(tenant);
	}
	table_done(&turns->tenants);
	free(turns->key);
	free(turns);
}

struct turns *turns_for(struct dispatch *dispatch, struct str route, struct str mailbox)
{
	struct turns *turns = turns_find(dispatch, route, mailbox);
	struct buf key;

	if (turns)
		return turns;
	turns = calloc(1, sizeof(*turns));
	if (!turns)
		return NULL;
	turns->dispatch = dispatch;
	turns->end = &turns->first;
	if (key_print(&key, route, mailbox))
		turns->key = str_dup(buf_str(&key));
	buf_done(&key);
	turns->share = window_share(dispatch, route);
	if (!turns->key || !turns->share || !table_put(&dispatch->turns, str_of(turns->key), turns)) {
		turns_free(turns);
		return NULL;
	}
	turns->route = (struct str){ turns->key, route.len };
	turns->mailbox = str_of(turns->key + route.len + 1);
	return turns;
}

void turns_forget(struct turns *turns)
{
	if (turns->lanes > 0 || turns->pumping || turns->owed)
		return;
	if (turns->detours)
		turns->dispatch->detours--;
	(void)table_take(&turns->dispatch->turns, str_of(turns->key));
	turns_free(turns);
}

/* --- who comes next --- */

static struct turn_tenant *tenant_for(struct turns *turns, struct str account)
{
	struct str name = str_skip(account, str_find_last(account, '@'));
	struct turn_tenant *tenant = table_find(&turns->tenants, name);

	if (tenant)
		return tenant;
	tenant = calloc(1, sizeof(*tenant));
	if (!tenant)
		return NULL;
	tenant->end = &tenant->first;
	tenant->name = str_dup(name);
	if (tenant->name && table_put(&turns->tenants, str_of(tenant->name), tenant))
		return tenant;
	free(tenant->name);
	free(tenant);
	return NULL;
}

static void queue_tenant(struct turns *turns, struct turn_tenant *tenant)
{
	if (tenant->waits)
		return;
	tenant->waits = true;
	tenant->next = NULL;
	*turns->end = tenant;
	turns->end = &tenant->next;
}

void turns_join(struct lane *lane)
{
	struct turns *turns = lane->turns;
	struct turn_tenant *tenant = lane->tenant ? NULL : tenant_for(turns, lane->account);

	if (!tenant) /* it waits already; or memory is short, and the tick comes again */
		return;
	lane->tenant = tenant;
	lane->next_turn = NULL;
	*tenant->end = lane;
	tenant->end = &lane->next_turn;
	queue_tenant(turns, tenant);
}

void turns_leave(struct lane *lane)
{
	struct turn_tenant *tenant = lane->tenant;
	struct lane **at;

	if (!tenant)
		return;
	at = &tenant->first;
	while (*at != lane)
		at = &(*at)->next_turn;
	*at = lane->next_turn;
	if (tenant->end == &lane->next_turn)
		tenant->end = at;
	lane->tenant = NULL;
}

/* Tenants in turn, and of each its accounts in turn. NULL: nobody waits. */
static struct lane *take_next(struct turns *turns)
{
	struct turn_tenant *tenant;
	struct lane *lane = NULL;

	while (!lane && (tenant = turns->first)) {
		turns->first = tenant->next;
		if (!turns->first)
			turns->end = &turns->first;
		tenant->waits = false;
		lane = tenant->first;
		if (!lane)
			continue;
		turns_leave(lane);
		if (tenant->first)
			queue_tenant(turns, tenant);
	}
	return lane;
}

/* It stays the next one. */
static void put_back(struct lane *lane)
{
	struct turns *turns = lane->turns;
	struct turn_tenant *tenant = tenant_for(turns, lane->account);

	if (!tenant || lane->tenant)
		return;
	lane->tenant = tenant;
	lane->next_turn = tenant->first;
	if (!tenant->first)
		tenant->end = &lane->next_turn;
	tenant->first = lane;
	if (tenant->waits)
		return; /* its next account had the turn after: one tenant's turn is as good as another's */
	tenant->waits = true;
	tenant->next = turns->first;
	if (!turns->first)
		turns->end = &tenant->next;
	turns->first = tenant;
}

/* --- the round --- */

static void pump_round(struct turns *turns)
{
	bool each_its_own_way = turns->strays || !settings_upstream(turns->dispatch->settings, turns->route);
	size_t in_vain = 0;
	struct lane *lane;

	while ((lane = take_next(turns))) {
		switch (lane_send(lane)) {
		case LANE_WENT:
			turns->blocked = false;
			turns_join(lane);
			break;
		case LANE_NONE_DUE:
			break;
		case LANE_NO_ROOM:
			turns->blocked = true;
			if (each_its_own_way && ++in_vain < LOOKED_AT_MAX) {
				turns_join(lane);
				break;
			}
			put_back(lane);
			return;
		}
	}
	turns->blocked = turns->blocked && in_vain > 0; /* nobody waits any more */
}

void turns_pump(struct turns *turns)
{
	turns->again = true;
	if (turns->pumping)
		return;
	turns->pumping = true;
	while (turns->again) {
		turns->again = false;
		pump_round(turns);
	}
	turns->pumping = false;
}

void turns_owe(struct turns *turns)
{
	if (turns->owed)
		return;
	turns->owed = true;
	turns->next_owed = turns->dispatch->turns_owed;
	turns->dispatch->turns_owed = turns;
}

void turns_pump_owed(struct dispatch *dispatch)
{
	struct turns *turns;

	while ((turns = dispatch->turns_owed)) {
		dispatch->turns_owed = turns->next_owed;
		turns->owed = false;
		turns_pump(turns);
		turns_forget(turns);
	}
}

void turns_note_detour(struct turns *turns)
{
	if (turns->detours)
		return;
	turns->detours = true;
	turns->dispatch->detours++;
}

void turns_pump_detours(struct dispatch *dispatch)
{
	struct turns *found[DETOURS_MAX];
	struct turns *turns;
	size_t count = 0;
	size_t at = 0;

	if (dispatch->detours == 0)
		return;
	while (count < DETOURS_MAX && (turns = table_next(&dispatch->turns, &at))) {
		if (turns->detours)
			found[count++] = turns;
	}
	for (size_t i = 0; i < count; i++)
		turns_pump(found[i]);
}
