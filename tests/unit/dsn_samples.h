/* dsn_samples: notifications for test_dsn.c and for dsn_printer.c, which test_dsn_python.py reads. */
#ifndef TESTS_UNIT_DSN_SAMPLES_H
#define TESTS_UNIT_DSN_SAMPLES_H

#include "wire/dsn.h"

#define LIT(literal) { (literal), sizeof(literal) - 1 }
#define SAMPLE_NOW_US 1795509000000000 /* Tue, 24 Nov 2026 08:30:00 +0000 */
#define SAMPLE_HOUR_US 3600000000
#define SAMPLE_SUBJECT "\xe3\x80\x90\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f\xe3\x80\x91\xe2\x91\xa0\xe3\x82\xb9\xe3\x82\xad\xe3\x83\xa3\xe3\x83\xb3"
#define SAMPLE_ORIGINAL "From: copier@x.example\r\nSubject: =?ISO-2022-JP?B?GyRCLSEbKEI=?=\r\nMessage-ID: <1@x.example>\r\n\r\nbody\r\n"

static const struct dsn_recipient sample_mixed[] = {
	{
		.address = LIT("b@y.example"),
		.orcpt = LIT("rfc822;B+2Bb@y.example"),
		.action = DSN_FAILED,
		.status = LIT("5.1.1"),
		.reply = LIT("550-5.1.1 The mailbox is not here.\n550 5.1.1 Check it. [HOST]"),
		.remote = true,
		.remote_mta = LIT("mx.y.example"),
		.last_attempt_us = SAMPLE_NOW_US - SAMPLE_HOUR_US,
	},
	{
		.address = LIT("c@z.example"),
		.action = DSN_DELAYED,
		.status = LIT("4.4.1"),
		.reply = LIT("the server could not be reached"),
		.last_attempt_us = SAMPLE_NOW_US - SAMPLE_HOUR_US,
		.retry_until_us = SAMPLE_NOW_US + 96 * SAMPLE_HOUR_US,
	},
	{ .address = LIT("d@z.example"), .action = DSN_RELAYED, .status = LIT("2.0.0") },
};

/* Every string tries to break out of its field. */
#define BREAKOUT "x\r\nBcc: evil@z.example\r\n\r\n--B0unDary\r\nContent-Type: text/html\r\n\r\n\x1b[31m\xff\xe2\x80\xae"
#define BREAKOUT_STR LIT(BREAKOUT)

static const struct dsn_recipient sample_hostile[] = {
	{ .address = BREAKOUT_STR, .orcpt = BREAKOUT_STR, .action = DSN_FAILED, .status = BREAKOUT_STR, .reply = BREAKOUT_STR,
	  .remote = true, .remote_mta = BREAKOUT_STR, .last_attempt_us = INT64_MAX },
	{ .address = LIT("e@z.example"), .orcpt = LIT("rfc822;a+0D+0Ab"), .action = DSN_DELAYED, .reply = BREAKOUT_STR, .last_attempt_us = INT64_MIN },
};

static const struct dsn_recipient sample_utf8[] = {
	{ .address = LIT("\xe5\x90\x8d\xe5\x89\x8d@\xe4\xbe\x8b.example"), .action = DSN_FAILED, .status = LIT("5.1.1"),
	  .reply = LIT("550 5.1.1 \xe5\xae\x9b\xe5\x85\x88\xe3\x81\xaa\xe3\x81\x97"), .remote = true, .remote_mta = LIT("mx") },
};

#define SAMPLE_COMMON \
	.from = LIT("dsn@x.example"), .to = LIT("copier@x.example"), .hostname = LIT("gw.x.example"), \
	.message_id = LIT("dsn1@gw.x.example"), .subject = LIT(SAMPLE_SUBJECT), \
	.original_id = LIT("<1@x.example>"), .event_id = LIT("EV42"), .arrival_us = SAMPLE_NOW_US - 2 * SAMPLE_HOUR_US, \
	.now_us = SAMPLE_NOW_US, .first = LANGUAGE_JA, .boundary = LIT("B0unDary")

static const struct {
	const char *name;
	struct dsn dsn;
} dsn_samples[] = {
	{ "mixed", { SAMPLE_COMMON, .envid = LIT("E+2B1"), .recipients = sample_mixed, .recipients_count = 3,
		     .original = LIT(SAMPLE_ORIGINAL) } },
	{ "full", { SAMPLE_COMMON, .recipients = sample_mixed, .recipients_count = 1, .full = true,
		    .original = LIT(SAMPLE_ORIGINAL) } },
	{ "full8bit", { SAMPLE_COMMON, .recipients = sample_mixed, .recipients_count = 1, .full = true,
			.original = LIT(SAMPLE_ORIGINAL "\xe3\x81\x82\r\n") } },
	{ "bare", { SAMPLE_COMMON, .recipients = sample_mixed, .recipients_count = 1, .full = true,
		    .original = LIT(SAMPLE_ORIGINAL "a\nb\rc\r\n") } },
	{ "boundary", { SAMPLE_COMMON, .recipients = sample_mixed, .recipients_count = 1, .full = true,
			.original = LIT(SAMPLE_ORIGINAL "--B0unDary--\r\n") } },
	{ "hostile", { .from = BREAKOUT_STR, .to = BREAKOUT_STR, .hostname = BREAKOUT_STR, .message_id = BREAKOUT_STR,
		       .envid = BREAKOUT_STR, .subject = BREAKOUT_STR, .original_id = BREAKOUT_STR, .event_id = BREAKOUT_STR,
		       .original = LIT("Subject: x\r\n"), .arrival_us = INT64_MAX, .now_us = 0, .boundary = LIT("B0unDary"),
		       .recipients = sample_hostile, .recipients_count = 2 } },
	{ "utf8", { SAMPLE_COMMON, .recipients = sample_utf8, .recipients_count = 1,
		    .original = LIT("Subject: \xe3\x81\x82\r\n") } },
	{ "administrator", { SAMPLE_COMMON, .to_administrator = true, .recipients = sample_mixed, .recipients_count = 3 } },
};

#define DSN_SAMPLES_COUNT (sizeof(dsn_samples) / sizeof(*dsn_samples))

#endif
