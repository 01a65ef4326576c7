/* Whatever a client calls itself, one Received field comes out: ASCII, CRLF lines, short, ours. */
#include <stdlib.h>

#include "wire/header.h"
#include "wire/trace_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct trace_header trace = { .hostname = STR("gw.example"), .mark = STR("mark77"), .event_id = STR("EV42") };
	struct header_scan scan;
	struct buf out;
	size_t line = 0;

	if (size < 1)
		return 0;
	trace.esmtp = data[0] & 1;
	trace.tls = data[0] & 2;
	trace.signed_in = data[0] & 4;
	trace.utf8 = data[0] & 8;
	input = str_skip(input, 1);
	trace.hello = str_cut(&input, '\xff');
	trace.peer = str_cut(&input, '\xff');
	trace.real_us = (int64_t)size << (data[0] & 31);
	if (input.len > 0)
		trace.event_id = input;
	buf_init(&out, 8192);
	if (!trace_header_print(&out, &trace) || !str_is_ascii(buf_str(&out)) || !buf_add(&out, STR("\r\n")))
		abort();
	for (size_t i = 0; i < out.len; i++, line++) {
		if ((out.ptr[i] == '\n') != (i > 0 && out.ptr[i - 1] == '\r') || line > 998)
			abort();
		if (out.ptr[i] == '\n')
			line = 0;
	}
	header_scan_init(&scan, STR("mark77"));
	if (!header_scan_feed(&scan, buf_str(&out)) || scan.received != 1 || !scan.loop_mark || !scan.ended || scan.count[HEADER_FROM])
		abort();
	header_scan_done(&scan);
	buf_done(&out);
	return 0;
}
