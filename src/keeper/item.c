#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/dispatch_private.h"

#define ITEM_BYTES_MAX (160u << 20) /* recipients-max addresses, their replies, and the report about them */

static bool copy_recipients(struct item *item, const struct spool_message *message, const uint32_t *indexes)
{
	size_t count = message->recipients_count;
	struct spool_recipient *recipients = arena_take(&item->arena, (count + 1) * sizeof(*recipients));

	item->indexes = arena_take(&item->arena, (count + 1) * sizeof(*item->indexes));
	if (!recipients || !item->indexes)
		return false;
	for (size_t i = 0; i < count; i++) {
		item->indexes[i] = indexes ? indexes[i] : (uint32_t)i;
		recipients[i].notify = message->recipients[i].notify;
		if (!arena_keep(&item->arena, message->recipients[i].address, &recipients[i].address) ||
		    !arena_keep(&item->arena, message->recipients[i].orcpt, &recipients[i].orcpt))
			return false;
	}
	item->message.recipients = recipients;
	return true;
}

struct item *item_new(struct dispatch *dispatch, const struct spool_message *message, const uint32_t *indexes)
{
	struct item *item = calloc(1, sizeof(*item));
	struct str *strs[10];
	size_t count = 0;

	if (!item)
		return NULL;
	arena_init(&item->arena, ITEM_BYTES_MAX);
	item->dispatch = dispatch;
	item->body_fd = -1;
	item->message = *message;
	item->message.body = STR("");
	strs[count++] = &item->message.event_id;
	strs[count++] = &item->message.account;
	strs[count++] = &item->message.tenant;
	strs[count++] = &item->message.sender;
	strs[count++] = &item->message.subject;
	strs[count++] = &item->message.message_id;
	strs[count++] = &item->message.route;
	strs[count++] = &item->message.mailbox;
	strs[count++] = &item->message.envid;
	strs[count++] = &item->message.note;
	item->message.last_reply = STR("");
	for (size_t i = 0; i < count; i++) {
		if (!arena_keep(&item->arena, *strs[i], strs[i]))
			goto no_memory;
	}
	if (copy_recipients(item, message, indexes) && table_put(&dispatch->items, TABLE_KEY(item->message.id), item))
		return item;

no_memory:
	arena_free_all(&item->arena);
	free(item);
	return NULL;
}

void item_drop_body(struct item *item)
{
	if (item->body_bytes)
		item->dispatch->kept_bytes -= item->body.len;
	free(item->body_bytes);
	item->body_bytes = NULL;
	item->body = STR("");
	if (item->body_fd != -1)
		(void)close(item->body_fd);
	item->body_fd = -1;
	item->body_here = false;
}

bool item_keep_body(struct item *item, struct str body)
{
	if (item->dispatch->kept_bytes + body.len > KEPT_BODIES_BYTES_MAX)
		return false;
	item->body_bytes = str_dup(body);
	if (!item->body_bytes)
		return false;
	item->body = (struct str){ item->body_bytes, body.len };
	item->dispatch->kept_bytes += body.len;
	item->body_here = true;
	return true;
}

void item_free(struct item *item)
{
	item_drop_body(item);
	(void)table_take(&item->dispatch->items, TABLE_KEY(item->message.id));
	arena_free_all(&item->arena);
	free(item);
}
