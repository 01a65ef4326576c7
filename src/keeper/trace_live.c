#include "keeper/trace_live.h"

#include <stdlib.h>

#define LIVE_ROWS_MAX 1000

struct live {
	struct api_call *call;
	struct trace_filter filter;
	void (*then)(struct api_call *call);
};

/* An address, or "@domain". */
static bool address_fits(struct str wanted, struct str address)
{
	if (wanted.len == 0)
		return true;
	return wanted.ptr[0] == '@' ? str_ends_nocase(address, wanted) : str_eq_nocase(address, wanted);
}

static bool view_fits(const struct trace_filter *filter, const struct spool_view *view)
{
	const struct spool_message *message = &view->message;
	bool to_fits = filter->to.len == 0;

	for (size_t i = 0; i < view->recipients_count && !to_fits; i++)
		to_fits = address_fits(filter->to, view->recipients[i].address);
	return to_fits && address_fits(filter->from, message->sender) && message->received_us >= filter->since_us &&
	       (filter->id.len == 0 || str_eq_nocase(filter->id, message->event_id)) &&
	       (filter->message_id.len == 0 || str_eq(filter->message_id, message->message_id));
}

static void send_view(struct api_call *call, const struct spool_view *view)
{
	const struct spool_message *message = &view->message;
	struct trace trace = {
		.id = message->event_id,
		.message_id = message->message_id,
		.from = message->sender,
		.account = message->account,
		.tenant = message->tenant,
		.subject = message->subject,
		.size_bytes = message->size_bytes,
		.received_us = message->received_us,
		.attempts = message->attempts,
		.recipients_count = (uint32_t)view->recipients_count,
		.note = message->note,
	};
	struct buf packed;

	buf_init(&packed, 4u << 20);
	for (size_t i = 0; i < view->recipients_count; i++) {
		if (!trace_recipient_print(&packed, &view->recipients[i]))
			break;
	}
	trace.recipients = buf_str(&packed);
	api_row(call, trace_json(&trace));
	buf_done(&packed);
}

static void on_views(void *context, const struct spool_view *views, size_t count)
{
	struct live *live = context;

	for (size_t i = 0; i < count; i++) {
		if (view_fits(&live->filter, &views[i]))
			send_view(live->call, &views[i]);
	}
	live->then(live->call);
	free(live);
}

void trace_live(struct api_call *call, const struct trace_filter *filter, void (*then)(struct api_call *call))
{
	struct live *live = malloc(sizeof(*live));

	if (!live) {
		then(call);
		return;
	}
	*live = (struct live){ call, *filter, then };
	spool_list(call->keeper->spool, 0, 0, LIVE_ROWS_MAX, on_views, live);
}
