#include "keep/spool_view.h"

#include "domain/json_text.h"

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
	json_t *row = json_pack("{s:o,s:o,s:o,s:I,s:o,s:I,s:o,s:s,s:o,s:o}", "id", json_text(message->event_id), "from",
				json_text(message->sender), "to", to, "sizeBytes", (json_int_t)message->size_bytes, "receivedDateTime",
				json_time(message->received_us), "attempts", (json_int_t)message->attempts, "nextAttemptDateTime",
				json_time(message->due_us), "state", state_name(message), "lastReply", json_text(message->last_reply),
				"route", json_text(message->route));

	for (size_t i = 0; i < view->recipients_count; i++) {
		const struct trace_recipient *one = &view->recipients[i];

		(void)json_array_append_new(to, json_text(one->address));
		(void)json_array_append_new(recipients, json_pack("{s:o,s:s,s:o}", "address", json_text(one->address), "state",
								  trace_state_name((enum trace_state)one->state), "reply",
								  json_text(one->reply)));
	}
	if (row && whole) {
		(void)json_object_set(row, "recipients", recipients);
		(void)json_object_set_new(row, "subject", json_text(message->subject));
		(void)json_object_set_new(row, "messageId", json_text(message->message_id));
		(void)json_object_set_new(row, "account", json_text(message->account));
		(void)json_object_set_new(row, "mailbox", json_text(message->mailbox));
		(void)json_object_set_new(row, "expiresDateTime", json_time(message->expires_us));
		(void)json_object_set_new(row, "note", json_text(message->note));
	}
	json_decref(recipients);
	return row;
}
