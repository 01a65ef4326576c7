#include "keep/spool_view.h"

#include "base/clock.h"

static json_t *text(struct str value)
{
	/* An address may hold what is no UTF-8: the log's rule, a byte is its own character, keeps the row. */
	json_t *json = json_stringn(value.len ? value.ptr : "", value.len);

	return json ? json : json_string("?");
}

static json_t *time_json(int64_t real_us)
{
	char printed[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(real_us, printed);
	return json_string(printed);
}

static const char *state_name(const struct spool_message *message)
{
	static const char *const names[SPOOL_STATE_COUNT] = {
		[SPOOL_READY] = "ready", [SPOOL_DEFERRED] = "deferred", [SPOOL_HELD] = "held"
	};

	return message->state < SPOOL_STATE_COUNT ? names[message->state] : "held";
}

json_t *spool_view_json(const struct spool_view *view, bool whole)
{
	const struct spool_message *message = &view->message;
	json_t *to = json_array();
	json_t *recipients = json_array();
	json_t *row = json_pack("{s:o,s:o,s:o,s:I,s:o,s:I,s:o,s:s,s:o,s:o}", "id", text(message->event_id), "from",
				text(message->sender), "to", to, "sizeBytes", (json_int_t)message->size_bytes, "receivedDateTime",
				time_json(message->received_us), "attempts", (json_int_t)message->attempts, "nextAttemptDateTime",
				time_json(message->due_us), "state", state_name(message), "lastReply", text(message->last_reply),
				"route", text(message->route));

	for (size_t i = 0; i < view->recipients_count; i++) {
		const struct trace_recipient *one = &view->recipients[i];

		(void)json_array_append_new(to, text(one->address));
		(void)json_array_append_new(recipients, json_pack("{s:o,s:s,s:o}", "address", text(one->address), "state",
								  trace_state_name((enum trace_state)one->state), "reply",
								  text(one->reply)));
	}
	if (row && whole) {
		(void)json_object_set(row, "recipients", recipients);
		(void)json_object_set_new(row, "subject", text(message->subject));
		(void)json_object_set_new(row, "messageId", text(message->message_id));
		(void)json_object_set_new(row, "account", text(message->account));
		(void)json_object_set_new(row, "mailbox", text(message->mailbox));
		(void)json_object_set_new(row, "expiresDateTime", time_json(message->expires_us));
		(void)json_object_set_new(row, "note", text(message->note));
	}
	json_decref(recipients);
	return row;
}
