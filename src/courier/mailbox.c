#include "courier/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define KEY_BYTES_MAX 1024

struct upstream *upstream_find(struct courier *courier, struct str name)
{
	for (size_t i = 0; i < courier->upstreams_count; i++) {
		if (str_eq(str_of(courier->upstreams[i].settings->name), name))
			return &courier->upstreams[i];
	}
	return NULL;
}

static struct line *line_for(struct courier *courier, struct str name)
{
	struct line *line = table_find(&courier->lines, name);

	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->name = str_dup(name);
	if (line->name && table_put(&courier->lines, str_of(line->name), line))
		return line;
	free(line->name);
	free(line);
	return NULL;
}

static void mailbox_limits(struct mailbox *mailbox, const struct upstream *upstream)
{
	budget_limits(&mailbox->budget, upstream->settings->messages_per_minute_max, upstream->settings->recipients_per_day_max);
}

static struct mailbox *mailbox_new(struct courier *courier, const struct upstream *upstream, struct str key, size_t name_len)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox)
		return NULL;
	mailbox->courier = courier;
	mailbox->key = str_dup(key);
	mailbox->line = line_for(courier, (struct str){ key.ptr, name_len });
	if (upstream)
		mailbox_limits(mailbox, upstream);
	if (mailbox->key && mailbox->line && table_put(&courier->mailboxes, str_of(mailbox->key), mailbox)) {
		mailbox->upstream_name = (struct str){ mailbox->key, name_len };
		mailbox->address = str_of(mailbox->key + name_len + 1);
		return mailbox;
	}
	mailbox_free(mailbox);
	return NULL;
}

static bool key_print(struct str upstream, struct str address, struct buf *out)
{
	buf_init(out, KEY_BYTES_MAX);
	return buf_add(out, upstream) && buf_add_byte(out, '\n') && buf_add(out, address);
}

struct mailbox *mailbox_find(struct courier *courier, struct str upstream, struct str address)
{
	struct mailbox *mailbox = NULL;
	struct buf key;

	if (key_print(upstream, address, &key))
		mailbox = table_find(&courier->mailboxes, buf_str(&key));
	buf_done(&key);
	return mailbox;
}

struct mailbox *mailbox_for(struct courier *courier, struct str upstream, struct str address)
{
	struct mailbox *mailbox = mailbox_find(courier, upstream, address);
	struct buf key;

	if (mailbox)
		return mailbox;
	if (key_print(upstream, address, &key))
		mailbox = mailbox_new(courier, upstream_find(courier, upstream), buf_str(&key), upstream.len);
	buf_done(&key);
	return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
	free(mailbox->key);
	free(mailbox);
}

uint64_t mailbox_wait_ms(struct mailbox *mailbox, const struct upstream *upstream, size_t recipients)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t slots_max = upstream->settings->connections_max;
	const struct carrier *carrier = carriers[upstream->settings->kind];
	bool idle = carrier->has_idle && carrier->has_idle(mailbox);

	if (now_ms < upstream->paused_until_ms)
		return upstream->paused_until_ms - now_ms;
	if (now_ms < mailbox->paused_until_ms)
		return mailbox->paused_until_ms - now_ms;
	if (mailbox->line->active >= mailbox->courier->line_active_max)
		return UINT64_MAX;
	/* A connection counts until the peer has closed it: Exchange counts so too. */
	if (!idle && slots_max && mailbox->slots >= slots_max)
		return UINT64_MAX;
	mailbox_limits(mailbox, upstream); /* of the settings in force */
	return budget_wait_ms(&mailbox->budget, recipients, now_ms);
}

void mailbox_give_room(struct mailbox *mailbox)
{
	if (mailbox->courier->draining)
		return;
	mailbox->room_wanted = false;
	mailbox->courier->handler->on_room(mailbox->courier->context, mailbox->upstream_name, mailbox->address);
}

void mailbox_well(struct mailbox *mailbox)
{
	struct upstream *upstream = upstream_find(mailbox->courier, mailbox->upstream_name);

	mailbox->trouble[0] = '\0';
	mailbox->troubled_ms = 0;
	if (!upstream)
		return;
	upstream->trouble[0] = '\0';
	upstream->troubled_ms = 0;
}

void mailbox_pause(struct mailbox *mailbox, uint64_t pause_ms, struct str why)
{
	mailbox->paused_until_ms = clock_monotonic_ms() + pause_ms;
	mailbox->troubled_ms = mailbox->troubled_ms ? mailbox->troubled_ms : clock_monotonic_ms();
	(void)snprintf(mailbox->trouble, sizeof(mailbox->trouble), "%.*s", why.len < 500 ? (int)why.len : 500, why.ptr);
	log_event(LOG_LEVEL_ERROR, "mailbox paused", LOG_STR("upstream", mailbox->upstream_name),
		  LOG_STR("mailbox", mailbox->address), LOG_NUMBER("ms", pause_ms), LOG_STR("reply", why));
}

void mailbox_pause_upstream(struct mailbox *mailbox, uint64_t pause_ms, struct str why)
{
	struct upstream *upstream = upstream_find(mailbox->courier, mailbox->upstream_name);

	if (!upstream)
		return;
	upstream->paused_until_ms = clock_monotonic_ms() + pause_ms;
	upstream->troubled_ms = upstream->troubled_ms ? upstream->troubled_ms : clock_monotonic_ms();
	(void)snprintf(upstream->trouble, sizeof(upstream->trouble), "%.*s", why.len < 500 ? (int)why.len : 500, why.ptr);
	log_event(LOG_LEVEL_ERROR, "upstream paused", LOG_STR("upstream", mailbox->upstream_name), LOG_NUMBER("ms", pause_ms),
		  LOG_STR("reply", why));
}
