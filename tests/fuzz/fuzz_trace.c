/* A packed trace is taken whole or not at all: its recipients can be walked to the end, and it becomes JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "domain/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(cleanup_buf) struct buf again;
	struct str packed = { (const char *)data, size };
	struct trace_recipient recipient;
	struct trace trace;
	struct str rest;
	uint32_t count = 0;
	json_t *json;

	buf_init(&again, 1 << 24);
	if (!trace_parse(packed, &trace))
		return 0;
	if (!trace_print(&again, &trace) || !str_eq(buf_str(&again), packed))
		abort();
	rest = trace.recipients;
	while (trace_recipient_next(&rest, &recipient))
		count++;
	json = trace_json(&trace);
	if (count != trace.recipients_count || rest.len > 0 || json_array_size(json_object_get(json, "recipients")) != count)
		abort();
	json_decref(json);
	return 0;
}
