/* trace_header: the Received field, and that no byte of a client's breaks out of it. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire/header.h"
#include "wire/trace_header.h"

#define TIME_US 1795509000000000 /* Tue, 24 Nov 2026 08:30:00 +0000 */

static const struct {
	const char *label, *hello, *peer;
	bool esmtp, tls, signed_in, utf8;
	const char *from, *with;
} cases[] = {
	{ "HELO", "copier", "192.0.2.7", false, false, false, false, "from copier ([192.0.2.7])", "with SMTP id" },
	{ "EHLO", "copier", "192.0.2.7", true, false, false, false, "from copier ([192.0.2.7])", "with ESMTP id" },
	{ "EHLO, TLS", "copier", "192.0.2.7", true, true, false, false, "from copier ([192.0.2.7])", "with ESMTPS id" },
	{ "EHLO, TLS, AUTH", "c.example", "2001:db8::7", true, true, true, false, "from c.example ([IPv6:2001:db8::7])", "with ESMTPSA id" },
	{ "HELO, AUTH", "copier", "192.0.2.7", false, false, true, false, "from copier ", "with ESMTPA id" },
	{ "SMTPUTF8", "copier", "192.0.2.7", true, true, true, true, "from copier ", "with UTF8SMTPSA id" },
	{ "a literal", "[192.0.2.7]", "192.0.2.7", true, false, false, false, "from [192.0.2.7] ([", "with ESMTP id" },
	{ "no hello", "", "192.0.2.7", true, false, false, false, "from unknown ([192.0.2.7])", "with ESMTP id" },
	{ "line ends", "a\r\nBcc: x@y", "192.0.2.7", true, false, false, false, "from a??Bcc:?x?y ([", "with ESMTP id" },
	{ "comment signs", "a) by evil (", "192.0.2.7", true, false, false, false, "from a??by?evil?? ([", "with ESMTP id" },
	{ "eight bits", "\xe3\x81\x82", "192.0.2.7", true, false, false, false, "from ??? ([", "with ESMTP id" },
};

static void check_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct trace_header trace = {
			.hello = str_of(cases[i].hello), .peer = str_of(cases[i].peer), .hostname = STR("gw.example"),
			.esmtp = cases[i].esmtp, .tls = cases[i].tls, .signed_in = cases[i].signed_in, .utf8 = cases[i].utf8,
			.event_id = STR("EV42"), .mark = STR("mark77"), .real_us = TIME_US,
		};
		struct buf out;
		struct header_scan scan;

		buf_init(&out, 4096);
		CHECK(trace_header_print(&out, &trace) && buf_add_byte(&out, '\0'), cases[i].label);
		CHECK(strstr(out.ptr, cases[i].from) && strstr(out.ptr, cases[i].with) &&
		      strstr(out.ptr, "\r\n\tby gw.example (Sekisho mark77)\r\n") && strstr(out.ptr, " id EV42;\r\n") &&
		      str_ends_nocase((struct str){ out.ptr, out.len - 1 }, STR("\tTue, 24 Nov 2026 08:30:00 +0000\r\n")),
		      cases[i].label);
		header_scan_init(&scan, STR("mark77"));
		CHECK(header_scan_feed(&scan, (struct str){ out.ptr, out.len - 1 }) && header_scan_feed(&scan, STR("\r\n")),
		      cases[i].label);
		CHECK(scan.received == 1 && scan.loop_mark && scan.ended && !scan.eight_bit, "one field, its own mark found");
		header_scan_done(&scan);
		buf_done(&out);
	}
}

static void check_room(void)
{
	struct trace_header trace = { .hello = STR("a"), .peer = STR("::1"), .hostname = STR("h"), .event_id = STR("e"), .mark = STR("m") };
	bool nothing = true;

	for (size_t room = 0; room < 80; room++) {
		struct buf out;

		buf_init(&out, room);
		nothing &= !trace_header_print(&out, &trace) && out.len == 0;
		buf_done(&out);
	}
	CHECK(nothing, "no room: nothing is added");
}

int main(void)
{
	check_cases();
	check_room();
	return check_report();
}
