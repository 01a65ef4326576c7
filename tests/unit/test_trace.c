/* Traces: packed and back, cut short anywhere, and their JSON. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/trace.h"

static bool build(struct buf *packed, struct buf *recipients)
{
	static const struct trace_recipient two[] = {
		{ .address = { "a@x.example", 11 }, .state = TRACE_SENT, .reply = { "250 2.0.0 OK", 12 }, .at_us = 1795500000000001,
		  .upstream = { "exo", 3 } },
		{ .address = { "b@y.example", 11 }, .state = TRACE_FAILED, .reply = { "550 5.1.1 \xff\"<b>\"", 16 } },
	};
	struct trace trace = { .id = STR("9AB2223456"), .message_id = STR("<1@copier>"), .from = STR("copier@contoso.example"),
			       .account = STR("copier@contoso.example"), .tenant = STR("contoso.example"),
			       .subject = STR("\xe3\x80\x90\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f\xe3\x80\x91\x1b\xe8"),
			       .size_bytes = 4096, .received_us = 1795500000000000, .attempts = 2, .recipients_count = 2,
			       .note = STR("ambiguous") };

	for (size_t i = 0; i < 2; i++) {
		if (!trace_recipient_print(recipients, &two[i]))
			return false;
	}
	trace.recipients = buf_str(recipients);
	return trace_print(packed, &trace);
}

static void test_json(const struct trace *trace)
{
	json_t *json = trace_json(trace);
	json_t *list = json_object_get(json, "recipients");
	json_t *second = json_array_get(list, 1);

	CHECK(json_array_size(list) == 2, "both recipients");
	CHECK(strcmp(json_string_value(json_object_get(second, "state")), "failed") == 0, "a state by its name");
	CHECK(strcmp(json_string_value(json_object_get(second, "reply")), "550 5.1.1 \xef\xbf\xbd\"<b>\"") == 0,
	      "what is no UTF-8 is replaced");
	CHECK(json_is_null(json_object_get(second, "at")), "no time yet");
	CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 0), "at")), "2026-11-24T06:00:00.000001Z") == 0,
	      "a time");
	CHECK(strcmp(json_string_value(json_object_get(json, "subject")),
		     "\xe3\x80\x90\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f\xe3\x80\x91\x1b\xef\xbf\xbd") == 0,
	      "a subject cut in a character");
	CHECK(json_integer_value(json_object_get(json, "sizeBytes")) == 4096 &&
		      json_integer_value(json_object_get(json, "attempts")) == 2,
	      "numbers");
	CHECK(strcmp(json_string_value(json_object_get(json, "eventId")), "9AB2223456") == 0, "the event ID");
	json_decref(json);
}

/* Each shorter run and each changed byte gives no trace, or one that can be walked to its end. */
static void test_hostile(struct str packed)
{
	CLEANUP(cleanup_buf) struct buf bent;
	struct trace trace;
	unsigned taken = 0, walked = 0;

	buf_init(&bent, 65536);
	for (size_t len = 0; len < packed.len; len++)
		taken += trace_parse((struct str){ packed.ptr, len }, &trace);
	CHECK(taken == 0, "cut short: none");
	taken = 0;
	for (size_t i = 0; i < packed.len; i++) {
		for (int change = 0; change < 256; change += 5) {
			struct trace_recipient recipient;
			uint32_t count = 0;

			buf_clear(&bent);
			if (!buf_add(&bent, packed))
				return;
			bent.ptr[i] = (char)(bent.ptr[i] ^ change);
			if (!trace_parse(buf_str(&bent), &trace))
				continue;
			taken++;
			while (trace_recipient_next(&trace.recipients, &recipient))
				count++;
			walked += count == trace.recipients_count && trace.recipients.len == 0;
		}
	}
	CHECK(taken > 0 && walked == taken, "bent: whole or none");
	buf_clear(&bent);
	CHECK(buf_add(&bent, packed) && buf_add_byte(&bent, 0) && !trace_parse(buf_str(&bent), &trace), "one byte too many");
}

int main(void)
{
	CLEANUP(cleanup_buf) struct buf packed;
	CLEANUP(cleanup_buf) struct buf recipients;
	struct trace trace = { 0 };
	struct trace_recipient recipient;
	struct str rest;

	buf_init(&packed, 65536);
	buf_init(&recipients, 65536);
	CHECK(build(&packed, &recipients) && trace_parse(buf_str(&packed), &trace), "packed and back");
	CHECK(str_eq(trace.from, STR("copier@contoso.example")) && trace.size_bytes == 4096 && trace.recipients_count == 2 &&
		      str_eq(trace.note, STR("ambiguous")),
	      "the same");
	rest = trace.recipients;
	CHECK(trace_recipient_next(&rest, &recipient) && recipient.state == TRACE_SENT &&
		      trace_recipient_next(&rest, &recipient) && str_eq(recipient.address, STR("b@y.example")) &&
		      !trace_recipient_next(&rest, &recipient) && rest.len == 0,
	      "recipients one after another");
	test_json(&trace);
	test_hostile(buf_str(&packed));
	for (int state = 0; state < TRACE_STATE_COUNT; state++)
		CHECK(trace_state_name((enum trace_state)state)[0], "each state has a name");
	return check_report();
}
