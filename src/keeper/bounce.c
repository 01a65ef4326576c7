#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/event_id.h"
#include "keeper/dispatch_private.h"
#include "wire/dsn.h"
#include "wire/header.h"
#include "wire/smtp_param.h"

#define ORIGINAL_BYTES_MAX (1u << 20)  /* of a message that is returned whole */
#define HEADER_BYTES_MAX (64u << 10)   /* of its header section */
#define DSN_BYTES_MAX (64u << 20)      /* thousands of recipients, each with its reply */
#define BOUNCE_DAYS 2

/* The start of the original, as much as is returned. Owned by the caller. */
static char *read_original(const struct item *item, size_t bytes_max, size_t *ret_len)
{
	size_t len = item->message.size_bytes < bytes_max ? (size_t)item->message.size_bytes : bytes_max;
	char *bytes = malloc(len + 1);

	*ret_len = 0;
	if (!bytes)
		return NULL;
	if (item->body_fd != -1) {
		ssize_t got = file_read_at(item->body_fd, bytes, len, 0);

		*ret_len = got > 0 ? (size_t)got : 0;
	} else {
		*ret_len = len < item->body.len ? len : item->body.len;
		memcpy(bytes, item->body.ptr, *ret_len);
	}
	return bytes;
}

static size_t header_len(struct str original)
{
	for (size_t i = 0; i + 4 <= original.len; i++) {
		if (memcmp(original.ptr + i, "\r\n\r\n", 4) == 0)
			return i + 2;
	}
	return original.len;
}

/* Who is told, as whom, and through which identity it goes. False: nobody can be told. */
static bool envelope(struct item *item, struct spool_message *bounce, struct str *ret_to, bool *ret_administrator)
{
	const struct settings *settings = item->dispatch->settings;
	struct str dsn_mailbox = str_of(settings->dsn_mailbox);
	const struct upstream_settings *upstream;

	*ret_administrator = item->message.sender.len == 0;
	*ret_to = *ret_administrator ? str_of(settings->daemon.administrator) : item->message.sender;
	if (ret_to->len == 0)
		return false;
	/* Exchange Online takes nothing from <>: a mailbox of its own speaks there. Elsewhere RFC 3464 holds. */
	bounce->sender = dsn_mailbox;
	bounce->mailbox = dsn_mailbox.len ? dsn_mailbox : item->message.mailbox;
	bounce->route = item->message.route;
	if (dsn_mailbox.len) {
		upstream = settings_route(settings, str_skip(dsn_mailbox, str_find_last(dsn_mailbox, '@') + 1), dsn_mailbox, 0);
		if (!upstream)
			return true; /* no way of its own: the way of the message that it tells of */
		bounce->route = str_of(upstream->name);
		bounce->mailbox = settings_mailbox(upstream, STR(""), dsn_mailbox);
	}
	return true;
}

static bool print(struct item *item, const struct bounce_recipient *told, size_t count, struct str remote_mta,
		  struct str to, bool administrator, struct buf *out)
{
	const struct settings *settings = item->dispatch->settings;
	const struct spool_message *message = &item->message;
	struct dsn_recipient *recipients = arena_take(&item->arena, count * sizeof(*recipients));
	bool full = message->ret == SMTP_RET_FULL && message->size_bytes <= ORIGINAL_BYTES_MAX;
	size_t original_len;
	char *original = read_original(item, full ? ORIGINAL_BYTES_MAX : HEADER_BYTES_MAX, &original_len);
	struct buf subject;
	char boundary[40];
	char from[320];
	char message_id[320];
	struct dsn dsn;
	bool printed;

	if (!recipients || !original) {
		free(original);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct spool_recipient *recipient = &message->recipients[told[i].index];

		recipients[i] = (struct dsn_recipient){
			.address = recipient->address,
			.orcpt = recipient->orcpt,
			.action = (enum dsn_action)told[i].action,
			.status = told[i].status,
			.reply = told[i].reply,
			.remote = told[i].remote,
			.remote_mta = remote_mta,
			.last_attempt_us = clock_real_us(),
			.retry_until_us = message->expires_us,
		};
	}
	buf_init(&subject, 4096);
	(void)rfc2047_parse(message->subject, &subject);
	(void)snprintf(boundary, sizeof(boundary), "=_sekisho_%08x%08x", random_below(UINT32_MAX), random_below(UINT32_MAX));
	(void)str_copy(str_of(settings->dsn_mailbox), sizeof(from), from);
	if (!settings->dsn_mailbox)
		(void)snprintf(from, sizeof(from), "postmaster@%.*s", STR_ARG(item->dispatch->hostname));
	(void)snprintf(message_id, sizeof(message_id), "%.*s@%.*s", STR_ARG(item->bounce.event_id), STR_ARG(item->dispatch->hostname));
	dsn = (struct dsn){
		.from = str_of(from),
		.to = to,
		.to_administrator = administrator,
		.hostname = item->dispatch->hostname,
		.message_id = str_of(message_id),
		.envid = message->envid,
		.subject = buf_str(&subject),
		.original_id = message->message_id,
		.event_id = message->event_id,
		.arrival_us = message->received_us,
		.now_us = clock_real_us(),
		.first = settings->daemon.language,
		.recipients = recipients,
		.recipients_count = count,
		.full = full,
		.original = { original, full ? original_len : header_len((struct str){ original, original_len }) },
		.boundary = str_of(boundary),
	};
	printed = dsn_print(out, &dsn);
	buf_done(&subject);
	free(original);
	return printed;
}

static bool name_it(struct item *item)
{
	char event_id[EVENT_ID_LEN + 1];

	event_id_print(item->dispatch->node, item->bounce.id, event_id);
	return arena_keep(&item->arena, str_of(event_id), &item->bounce.event_id);
}

static bool address_it(struct item *item, struct str to, struct str body)
{
	struct spool_message *bounce = &item->bounce;
	XXH128_hash_t hash;

	bounce->received_us = clock_real_us();
	bounce->due_us = bounce->received_us;
	bounce->expires_us = bounce->received_us + BOUNCE_DAYS * 86400ll * 1000000;
	bounce->is_dsn = SPOOL_DSN;
	bounce->utf8 = !str_is_ascii(to);
	bounce->body_8bit = !str_is_ascii(body);
	bounce->size_bytes = body.len;
	hash = XXH3_128bits(body.ptr, body.len);
	XXH128_canonicalFromHash((XXH128_canonical_t *)bounce->checksum, hash);
	item->bounce_to = (struct spool_recipient){ .notify = SMTP_NOTIFY_NEVER };
	bounce->recipients = &item->bounce_to;
	bounce->recipients_count = 1;
	bounce->subject = STR("Delivery Status Notification");
	return arena_keep(&item->arena, body, &bounce->body) && arena_keep(&item->arena, to, &item->bounce_to.address) &&
	       arena_keep(&item->arena, bounce->route, &bounce->route) &&
	       arena_keep(&item->arena, bounce->mailbox, &bounce->mailbox) &&
	       arena_keep(&item->arena, bounce->sender, &bounce->sender);
}

enum outcome bounce_make(struct item *item, const struct bounce_recipient *recipients, size_t count, struct str remote_mta)
{
	struct buf body;
	struct str to;
	bool administrator;
	bool made;

	if (item->message.is_dsn) {
		/* Never another notification about a notification: the log has it, and a notice to the administrator. */
		log_event(LOG_LEVEL_ERROR, "notification not delivered", LOG_STR("id", item->message.event_id),
			  LOG_STR("to", item->message.recipients[0].address), LOG_STR("reply", recipients[0].reply));
		if (item->dispatch->on_unsent)
			item->dispatch->on_unsent(item->dispatch->unsent_context, &item->message, recipients[0].reply);
		return OUTCOME_NEVER;
	}
	item->bounce = (struct spool_message){ .id = spool_count_next(item->dispatch->spool) };
	if (!envelope(item, &item->bounce, &to, &administrator)) {
		log_event(LOG_LEVEL_ERROR, "nobody could be told", LOG_STR("id", item->message.event_id),
			  LOG_STR("reply", recipients[0].reply));
		return OUTCOME_NEVER;
	}
	buf_init(&body, DSN_BYTES_MAX);
	made = name_it(item) && print(item, recipients, count, remote_mta, to, administrator, &body) &&
	       address_it(item, to, buf_str(&body));
	buf_done(&body);
	if (!made)
		log_event(LOG_LEVEL_ERROR, "out of memory for a notification", LOG_STR("id", item->message.event_id),
			  LOG_STR("reply", recipients[0].reply));
	return made ? OUTCOME_OK : OUTCOME_LATER;
}
