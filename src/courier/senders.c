/* senders: the holds of a courier, one a sender that an upstream's mailbox had permanent errors of a kind with. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "courier/courier_private.h"

#define SENDERS_MAX 10000 /* over it nobody new is held: better than to forget who is */
#define IDLE_A_TIME_MAX 256
#define LOOK_AGAIN_MS 10000
#define KEY_BYTES_MAX 1536

struct sender {
	struct hold hold;
	char *key; /* "UPSTREAM\nMAILBOX\nSENDER" */
};

static bool key_print(struct buf *out, struct str upstream, struct str mailbox, struct str address)
{
	buf_init(out, KEY_BYTES_MAX);
	return buf_add(out, upstream) && buf_add_byte(out, '\n') && buf_add(out, mailbox) && buf_add_byte(out, '\n') &&
	       buf_add(out, address);
}

static struct sender *find(struct courier *courier, struct str upstream, struct str mailbox, struct str address)
{
	struct sender *sender = NULL;
	struct buf key;

	if (courier->senders.count == 0)
		return NULL;
	if (key_print(&key, upstream, mailbox, address))
		sender = table_find(&courier->senders, buf_str(&key));
	buf_done(&key);
	return sender;
}

static void forget(struct courier *courier, struct sender *sender)
{
	(void)table_take(&courier->senders, str_of(sender->key));
	free(sender->key);
	free(sender);
}

/* Who sent no more had his error forgotten by nobody. */
static bool make_room(struct courier *courier)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct sender *idle[IDLE_A_TIME_MAX];
	struct sender *sender;
	size_t count = 0;
	size_t at = 0;

	if (courier->senders.count < SENDERS_MAX)
		return true;
	if (now_ms < courier->senders_look_ms)
		return false;
	while (count < IDLE_A_TIME_MAX && (sender = table_next(&courier->senders, &at))) {
		if (hold_is_idle(&sender->hold, now_ms))
			idle[count++] = sender;
	}
	for (size_t i = 0; i < count; i++)
		forget(courier, idle[i]);
	if (count == 0)
		courier->senders_look_ms = now_ms + LOOK_AGAIN_MS;
	return count > 0;
}

static struct sender *add(struct courier *courier, const struct mailbox *mailbox, struct str address)
{
	struct sender *sender = make_room(courier) ? calloc(1, sizeof(*sender)) : NULL;
	struct buf key;

	if (!sender)
		return NULL;
	if (key_print(&key, mailbox->upstream_name, mailbox->address, address))
		sender->key = str_dup(buf_str(&key));
	buf_done(&key);
	if (sender->key && table_put(&courier->senders, str_of(sender->key), sender))
		return sender;
	free(sender->key);
	free(sender);
	return NULL;
}

void senders_begin(const struct mailbox *mailbox, struct work *work)
{
	struct sender *sender = find(mailbox->courier, mailbox->upstream_name, mailbox->address, work->message.sender);

	if (sender)
		hold_begin(&sender->hold);
}

void senders_end(const struct mailbox *mailbox, struct work *work, bool taken)
{
	struct courier *courier = mailbox->courier;
	struct str address = work->message.sender;
	struct sender *sender = find(courier, mailbox->upstream_name, mailbox->address, address);
	uint64_t now_ms = clock_monotonic_ms();

	if (!sender && work->kind != FAILURE_NO_KIND)
		sender = add(courier, mailbox, address);
	if (!sender)
		return;
	if (hold_end(&sender->hold, work->kind, taken, now_ms))
		log_event(LOG_LEVEL_ERROR, "sender held", LOG_STR("upstream", mailbox->upstream_name),
			  LOG_STR("mailbox", mailbox->address), LOG_STR("from", address),
			  LOG_TEXT("cause", failure_kind_name(work->kind)), LOG_NUMBER("ms", hold_wait_ms(&sender->hold, now_ms)));
	else if (hold_is_idle(&sender->hold, now_ms))
		forget(courier, sender);
}

uint64_t courier_hold_ms(struct courier *courier, struct str upstream, struct str mailbox, struct str address, const char **ret_cause)
{
	const struct sender *sender = find(courier, upstream, mailbox, address);
	uint64_t wait_ms = sender ? hold_wait_ms(&sender->hold, clock_monotonic_ms()) : 0;

	if (wait_ms > 0)
		*ret_cause = failure_kind_name(sender->hold.kind);
	return wait_ms;
}

void courier_release(struct courier *courier, struct str upstream, struct str mailbox, struct str address)
{
	struct sender *sender = find(courier, upstream, mailbox, address);

	if (sender)
		hold_release(&sender->hold);
}

void senders_release_all(struct courier *courier)
{
	struct sender *sender;
	size_t at = 0;

	while ((sender = table_next(&courier->senders, &at)))
		hold_release(&sender->hold);
	courier->senders_look_ms = 0;
}
