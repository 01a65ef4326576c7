/* senders: the holds of a courier, one a sender that an upstream's mailbox had permanent errors of a kind with. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/courier_private.h"
#include "wire/text.h"

#define SENDERS_MAX 10000 /* over it nobody new is held: better than to forget who is */
#define FORGET_A_TIME_MAX 256
#define LOOK_AGAIN_MS 10000
#define KEY_BYTES_MAX 1536
#define REPLY_BYTES_MAX 480
#define NOTE_BYTES_MAX 640

struct sender {
	struct hold hold;
	char *key;         /* "UPSTREAM\nMAILBOX\nSENDER" */
	char *reply;       /* while it is held: the upstream's to the last that it refused; NULL: not known */
	int64_t since_us, until_us;
	bool owed;         /* what is noted of it is not as things are now */
};

static bool key_print(struct buf *out, struct str upstream, struct str mailbox, struct str address)
{
	buf_init(out, KEY_BYTES_MAX);
	return buf_add(out, upstream) && buf_add_byte(out, '\n') && buf_add(out, mailbox) && buf_add_byte(out, '\n') &&
	       buf_add(out, address);
}

static void key_split(const struct sender *sender, struct str *ret_upstream, struct str *ret_mailbox, struct str *ret_address)
{
	*ret_address = str_of(sender->key);
	*ret_upstream = str_cut(ret_address, '\n');
	*ret_mailbox = str_cut(ret_address, '\n');
}

static bool is_held(const struct sender *sender)
{
	return sender->hold.kind != FAILURE_NO_KIND;
}

static struct sender *find(const struct courier *courier, struct str upstream, struct str mailbox, struct str address)
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

/* --- what outlives the process --- */

static bool note(struct courier *courier, const struct sender *sender)
{
	struct hold_note kept = { sender->hold.kind, sender->since_us, sender->until_us, sender->hold.back_off_ms, str_of(sender->reply) };
	CLEANUP(cleanup_buf) struct buf text = { 0 };
	struct str upstream, mailbox, address;

	buf_init(&text, NOTE_BYTES_MAX);
	key_split(sender, &upstream, &mailbox, &address);
	return (!is_held(sender) || hold_note_print(&kept, &text)) &&
	       courier->handler->on_hold(courier->context, upstream, mailbox, address, buf_str(&text));
}

/* Once for each change, never one a message: a hold begins, deepens or ends. */
static void note_change(struct courier *courier, struct sender *sender)
{
	courier->senders_changes++;
	sender->owed = !note(courier, sender);
	courier->senders_owed |= sender->owed;
}

void senders_note_owed(struct courier *courier)
{
	struct sender *sender;
	size_t at = 0;

	if (!courier->senders_owed)
		return;
	courier->senders_owed = false;
	while (!courier->senders_owed && (sender = table_next(&courier->senders, &at))) {
		if (sender->owed)
			note_change(courier, sender);
	}
}

/* --- who is remembered --- */

static void forget(struct courier *courier, struct sender *sender)
{
	(void)table_take(&courier->senders, str_of(sender->key));
	free(sender->reply);
	free(sender->key);
	free(sender);
}

static void is_free_now(struct courier *courier, struct sender *sender)
{
	struct str upstream, mailbox, address;

	key_split(sender, &upstream, &mailbox, &address);
	log_event(LOG_LEVEL_INFO, "sender held no more", LOG_STR("upstream", upstream), LOG_STR("mailbox", mailbox), LOG_STR("from", address));
	free(sender->reply);
	sender->reply = NULL;
	courier->senders_held--;
	note_change(courier, sender);
}

static void release(struct courier *courier, struct sender *sender)
{
	bool was_held = is_held(sender);

	hold_release(&sender->hold);
	if (was_held)
		is_free_now(courier, sender);
}

/* Who sent no more had his error forgotten by nobody. */
static bool is_idle(const struct courier *courier, const struct sender *sender)
{
	(void)courier;
	return !sender->owed && hold_is_idle(&sender->hold, clock_monotonic_ms());
}

static bool is_gone(const struct courier *courier, const struct sender *sender)
{
	struct str upstream, mailbox, address;

	key_split(sender, &upstream, &mailbox, &address);
	return !settings_upstream(courier->settings, upstream);
}

/* Some of those that are so: none is left when it returns 0. */
static size_t forget_some(struct courier *courier, bool (*is_so)(const struct courier *courier, const struct sender *sender))
{
	struct sender *found[FORGET_A_TIME_MAX];
	struct sender *sender;
	size_t count = 0;
	size_t at = 0;

	while (count < FORGET_A_TIME_MAX && (sender = table_next(&courier->senders, &at))) {
		if (is_so(courier, sender))
			found[count++] = sender;
	}
	for (size_t i = 0; i < count; i++) {
		release(courier, found[i]);
		forget(courier, found[i]);
	}
	return count;
}

void senders_forget_gone(struct courier *courier)
{
	while (forget_some(courier, is_gone) > 0)
		continue;
}

static bool make_room(struct courier *courier)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (courier->senders.count < SENDERS_MAX)
		return true;
	if (now_ms < courier->senders_look_ms)
		return false;
	if (forget_some(courier, is_idle) > 0)
		return true;
	courier->senders_look_ms = now_ms + LOOK_AGAIN_MS;
	return false;
}

static struct sender *add(struct courier *courier, struct str upstream, struct str mailbox, struct str address)
{
	struct sender *sender = make_room(courier) ? calloc(1, sizeof(*sender)) : NULL;
	struct buf key;

	if (!sender)
		return NULL;
	if (key_print(&key, upstream, mailbox, address))
		sender->key = str_dup(buf_str(&key));
	buf_done(&key);
	if (sender->key && table_put(&courier->senders, str_of(sender->key), sender))
		return sender;
	free(sender->key);
	free(sender);
	return NULL;
}

/* --- what becomes of messages --- */

void senders_begin(const struct mailbox *mailbox, struct work *work)
{
	struct sender *sender = find(mailbox->courier, mailbox->upstream_name, mailbox->address, work->message.sender);

	if (sender)
		hold_begin(&sender->hold);
}

static struct str refusal_of(const struct work *work)
{
	for (size_t i = 0; i < work->message.recipients_count; i++) {
		if (work->fates[i].end == COURIER_NEVER)
			return text_cut(work->fates[i].reply, REPLY_BYTES_MAX);
	}
	return STR("");
}

static void is_held_now(struct courier *courier, struct sender *sender, bool was_held, const struct work *work)
{
	uint64_t wait_ms = hold_wait_ms(&sender->hold, clock_monotonic_ms());
	struct str upstream, mailbox, address;

	key_split(sender, &upstream, &mailbox, &address);
	log_event(LOG_LEVEL_ERROR, "sender held", LOG_STR("upstream", upstream), LOG_STR("mailbox", mailbox), LOG_STR("from", address),
		  LOG_TEXT("cause", failure_kind_name(work->kind)), LOG_NUMBER("ms", wait_ms));
	free(sender->reply);
	sender->reply = str_dup(refusal_of(work));
	sender->until_us = clock_real_us() + (int64_t)wait_ms * 1000;
	if (!was_held) {
		sender->since_us = clock_real_us();
		courier->senders_held++;
	}
	note_change(courier, sender);
}

void senders_end(const struct mailbox *mailbox, struct work *work, bool taken)
{
	struct courier *courier = mailbox->courier;
	struct str address = work->message.sender;
	struct sender *sender = find(courier, mailbox->upstream_name, mailbox->address, address);
	bool was_held;

	if (!sender && work->kind != FAILURE_NO_KIND)
		sender = add(courier, mailbox->upstream_name, mailbox->address, address);
	if (!sender)
		return;
	was_held = is_held(sender);
	if (hold_end(&sender->hold, work->kind, taken, clock_monotonic_ms()))
		is_held_now(courier, sender, was_held, work);
	else if (was_held && !is_held(sender))
		is_free_now(courier, sender);
	if (is_idle(courier, sender))
		forget(courier, sender);
}

/* --- what the courier is asked and told --- */

uint64_t courier_hold_ms(struct courier *courier, struct str upstream, struct str mailbox, struct str address, const char **ret_cause)
{
	const struct sender *sender = find(courier, upstream, mailbox, address);
	uint64_t wait_ms = sender ? hold_wait_ms(&sender->hold, clock_monotonic_ms()) : 0;

	if (wait_ms > 0)
		*ret_cause = failure_kind_name(sender->hold.kind);
	return wait_ms;
}

/* In lists of mailboxes and by a fallback a message goes elsewhere than it says itself. */
void courier_release(struct courier *courier, struct str address)
{
	struct str upstream, mailbox, of_it;
	struct sender *sender;
	size_t at = 0;

	while ((sender = table_next(&courier->senders, &at))) {
		key_split(sender, &upstream, &mailbox, &of_it);
		if (str_eq(of_it, address))
			release(courier, sender);
	}
}

void senders_release_all(struct courier *courier)
{
	struct sender *sender;
	size_t at = 0;

	while ((sender = table_next(&courier->senders, &at)))
		release(courier, sender);
	courier->senders_look_ms = 0;
}

bool courier_held_before(struct courier *courier, struct str upstream, struct str mailbox, struct str address, struct str text)
{
	struct hold_note kept;
	struct sender *sender;

	if (!hold_note_parse(text, &kept) || !settings_upstream(courier->settings, upstream))
		return false;
	sender = find(courier, upstream, mailbox, address);
	if (!sender)
		sender = add(courier, upstream, mailbox, address);
	if (!sender)
		return true; /* no room now; at the next start, perhaps */
	courier->senders_held += !is_held(sender);
	hold_resume(&sender->hold, &kept, clock_real_us(), clock_monotonic_ms());
	sender->since_us = kept.since_us;
	sender->until_us = kept.until_us;
	free(sender->reply);
	sender->reply = str_dup(kept.reply);
	return true;
}

void courier_holds_each(const struct courier *courier, void (*each)(void *context, const struct courier_hold *hold), void *context)
{
	struct sender *sender;
	size_t at = 0;

	while ((sender = table_next(&courier->senders, &at))) {
		struct courier_hold hold = { .reply = str_of(sender->reply), .since_us = sender->since_us, .until_us = sender->until_us };

		if (!is_held(sender))
			continue;
		key_split(sender, &hold.upstream, &hold.mailbox, &hold.sender);
		hold.cause = failure_kind_name(sender->hold.kind);
		each(context, &hold);
	}
}

size_t courier_holds(const struct courier *courier)
{
	return courier->senders_held;
}

uint64_t courier_holds_changes(const struct courier *courier)
{
	return courier->senders_changes;
}
