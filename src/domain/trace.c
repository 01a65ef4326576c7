#include "domain/trace.h"

#include <assert.h>

#include "base/cleanup.h"
#include "domain/json_text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const state_names[] = {
	[TRACE_QUEUED] = "queued", [TRACE_SENT] = "sent",       [TRACE_DEFERRED] = "deferred", [TRACE_HELD] = "held",
	[TRACE_FAILED] = "failed", [TRACE_EXPIRED] = "expired", [TRACE_REFUSED] = "refused",
};
static_assert(COUNT(state_names) == TRACE_STATE_COUNT, "name each state");

const struct pack_field trace_pack[] = {
	PACK_FIELD(trace, id, PACK_STR),
	PACK_FIELD(trace, message_id, PACK_STR),
	PACK_FIELD(trace, from, PACK_STR),
	PACK_FIELD(trace, account, PACK_STR),
	PACK_FIELD(trace, tenant, PACK_STR),
	PACK_FIELD(trace, subject, PACK_STR),
	PACK_FIELD(trace, size_bytes, PACK_U64),
	PACK_FIELD(trace, received_us, PACK_I64),
	PACK_FIELD(trace, attempts, PACK_U32),
	PACK_FIELD(trace, recipients, PACK_STR),
	PACK_FIELD(trace, recipients_count, PACK_U32),
	PACK_FIELD(trace, note, PACK_STR),
};
const size_t trace_pack_count = COUNT(trace_pack);

const struct pack_field trace_recipient_pack[] = {
	PACK_FIELD(trace_recipient, address, PACK_STR),
	PACK_FIELD(trace_recipient, state, PACK_U8),
	PACK_FIELD(trace_recipient, reply, PACK_STR),
	PACK_FIELD(trace_recipient, at_us, PACK_I64),
	PACK_FIELD(trace_recipient, upstream, PACK_STR),
};
const size_t trace_recipient_pack_count = COUNT(trace_recipient_pack);

const char *trace_state_name(enum trace_state state)
{
	assert((unsigned)state < TRACE_STATE_COUNT);
	return state_names[state];
}

bool trace_print(struct buf *out, const struct trace *trace)
{
	return pack_print(out, trace_pack, trace_pack_count, trace);
}

/* Nothing behind it, and each recipient whole, so that whoever walks them later meets no surprise. */
bool trace_parse(struct str packed, struct trace *ret_trace)
{
	struct trace trace = { 0 };
	struct trace_recipient recipient;
	struct str rest;
	uint32_t count = 0;

	if (!pack_parse(&packed, trace_pack, trace_pack_count, &trace) || packed.len > 0)
		return false;
	rest = trace.recipients;
	while (trace_recipient_next(&rest, &recipient))
		count++;
	if (rest.len > 0 || count != trace.recipients_count)
		return false;
	*ret_trace = trace;
	return true;
}

bool trace_recipient_print(struct buf *out, const struct trace_recipient *recipient)
{
	return pack_print(out, trace_recipient_pack, trace_recipient_pack_count, recipient);
}

bool trace_recipient_next(struct str *packed, struct trace_recipient *ret_recipient)
{
	struct trace_recipient recipient = { 0 };
	struct str rest = *packed;

	if (!pack_parse(&rest, trace_recipient_pack, trace_recipient_pack_count, &recipient) ||
	    recipient.state >= TRACE_STATE_COUNT)
		return false;
	*ret_recipient = recipient;
	*packed = rest;
	return true;
}

/* After an attempt whose end nobody knows, whoever was not refused may have the message twice, by the same Message-ID. */
static bool is_ambiguous(const struct trace *trace, const struct trace_recipient *recipient)
{
	return str_starts(trace->note, STR(TRACE_AMBIGUOUS)) && recipient->state != TRACE_FAILED && recipient->state != TRACE_REFUSED;
}

static json_t *recipient_json(const struct trace *trace, const struct trace_recipient *recipient)
{
	json_t *json = json_object();

	if (json_put(json, "address", json_text(recipient->address)) &&
	    json_put(json, "state", json_string(state_names[recipient->state])) &&
	    json_put(json, "reply", json_text(recipient->reply)) && json_put(json, "at", json_time(recipient->at_us)) &&
	    json_put(json, "upstream", json_text(recipient->upstream)) &&
	    (!is_ambiguous(trace, recipient) || json_put(json, "ambiguous", json_true())))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *recipients_json(const struct trace *trace)
{
	struct str packed = trace->recipients;
	struct trace_recipient recipient;
	json_t *list = json_array();

	while (trace_recipient_next(&packed, &recipient)) {
		if (json_array_append_new(list, recipient_json(trace, &recipient)) == -1) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

#define REPAIR_MARK STR("repair:")

static json_t *repairs_json(struct str note)
{
	json_t *list = json_array();

	while (note.len > 0) {
		struct str word = str_cut(&note, ' ');

		if (str_starts(word, REPAIR_MARK) && json_array_append_new(list, json_text(str_skip(word, REPAIR_MARK.len))) == -1) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* The words that are no repairs. */
static json_t *note_json(struct str note)
{
	CLEANUP(cleanup_buf) struct buf words = { 0 };

	buf_init(&words, note.len + 1);
	while (note.len > 0) {
		struct str word = str_cut(&note, ' ');

		if (word.len == 0 || str_starts(word, REPAIR_MARK))
			continue;
		if ((words.len > 0 && !buf_add_byte(&words, ' ')) || !buf_add(&words, word))
			return NULL;
	}
	return json_text(buf_str(&words));
}

json_t *trace_json(const struct trace *trace)
{
	json_t *json = json_object();

	if (json_put(json, "id", json_text(trace->id)) && json_put(json, "messageId", json_text(trace->message_id)) &&
	    json_put(json, "from", json_text(trace->from)) && json_put(json, "account", json_text(trace->account)) &&
	    json_put(json, "tenant", json_text(trace->tenant)) &&
	    json_put(json, "recipients", recipients_json(trace)) &&
	    json_put(json, "subject", json_text(trace->subject)) &&
	    json_put(json, "sizeBytes", json_integer((json_int_t)trace->size_bytes)) &&
	    json_put(json, "receivedDateTime", json_time(trace->received_us)) &&
	    json_put(json, "eventId", json_text(trace->id)) &&
	    json_put(json, "attempts", json_integer(trace->attempts)) && json_put(json, "note", note_json(trace->note)) &&
	    json_put(json, "repairs", repairs_json(trace->note)))
		return json;
	json_decref(json);
	return NULL;
}
