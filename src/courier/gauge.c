/* gauge: where each upstream and each of its mailboxes stands. */
#include "base/clock.h"
#include "courier/courier_private.h"

static int64_t real_us_of(uint64_t until_ms, uint64_t now_ms)
{
	return now_ms < until_ms ? clock_real_us() + (int64_t)(until_ms - now_ms) * 1000 : 0;
}

static void tell_mailbox(const struct upstream *upstream, struct mailbox *mailbox, int64_t token_expires_us, uint64_t now_ms,
			 void (*each)(void *context, const struct courier_status *status), void *context)
{
	const struct upstream_settings *settings = upstream->settings;

	each(context, &(struct courier_status){
		.upstream = mailbox->upstream_name,
		.mailbox = mailbox->address,
		.connections = mailbox->slots,
		.connections_max = settings->connections_max,
		.active = mailbox->active,
		.messages = budget_messages(&mailbox->budget, now_ms),
		.messages_per_minute_max = settings->messages_per_minute_max,
		.recipients = budget_recipients(&mailbox->budget, now_ms),
		.recipients_per_day_max = settings->recipients_per_day_max,
		.paused_until_us = real_us_of(mailbox->paused_until_ms, now_ms),
		.trouble = str_of(mailbox->trouble),
		.token_expires_us = token_expires_us,
		.delivered = mailbox->delivered,
		.failed = mailbox->failed,
		.deferred = mailbox->deferred,
	});
}

void courier_each(const struct courier *courier, void (*each)(void *context, const struct courier_status *status), void *context)
{
	uint64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < courier->upstreams_count; i++) {
		const struct upstream *upstream = &courier->upstreams[i];
		struct str name = str_of(upstream->settings->name);
		int64_t expires_us = token_expires_us(courier->tokens, name);
		struct mailbox *mailbox;
		size_t at = 0;

		each(context, &(struct courier_status){
			.upstream = name,
			.paused_until_us = real_us_of(upstream->paused_until_ms, now_ms),
			.trouble = str_of(upstream->trouble),
			.token_expires_us = expires_us,
		});
		while ((mailbox = table_next(&courier->mailboxes, &at))) {
			if (str_eq(mailbox->upstream_name, name))
				tell_mailbox(upstream, mailbox, expires_us, now_ms, each, context);
		}
	}
}
