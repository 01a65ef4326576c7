/* dsn: the fields of a notification, and that nothing a stranger said breaks out of its place. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dsn_samples.h"

static const struct {
	const char *sample;
	const char *has;
	bool want;
} cases[] = {
	{ "mixed", "\r\nAuto-Submitted: auto-replied\r\n", true },
	{ "mixed", "\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B0unDary\"\r\n", true },
	{ "mixed", "\r\nTo: <copier@x.example>\r\n", true },
	{ "mixed", "\r\nDate: Tue, 24 Nov 2026 08:30:00 +0000\r\n", true },
	{ "mixed", "\r\nReferences: <1@x.example>\r\n", true },
	{ "mixed", "\r\nOriginal-Envelope-Id: E+1\r\nReporting-MTA: dns; gw.x.example\r\nArrival-Date: Tue, 24 Nov 2026 06:30:00 +0000\r\n\r\n", true },
	{ "mixed", "\r\n\r\nOriginal-Recipient: rfc822; B+b@y.example\r\nFinal-Recipient: rfc822; b@y.example\r\nAction: failed\r\n"
		   "Status: 5.1.1\r\nRemote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550-5.1.1 The mailbox is not here.\r\n"
		   " 550 5.1.1 Check it. [HOST]\r\nLast-Attempt-Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n\r\n", true },
	{ "mixed", "\r\nFinal-Recipient: rfc822; c@z.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
		   "Diagnostic-Code: X-Sekisho; the server could not be reached\r\nLast-Attempt-Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
		   "Will-Retry-Until: Sat, 28 Nov 2026 08:30:00 +0000\r\n\r\n", true },
	{ "mixed", "\r\nFinal-Recipient: rfc822; d@z.example\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\n", true },
	{ "mixed", "\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: copier@x.example\r\n", true },
	{ "mixed", "\r\nbody\r\n", false },
	{ "full", "\r\nContent-Type: message/rfc822\r\n\r\n" SAMPLE_ORIGINAL "\r\n--B0unDary--\r\n", true },
	{ "full", "Content-Transfer-Encoding: 8bit", false },
	{ "full8bit", "\r\nContent-Transfer-Encoding: 8bit\r\nAuto-Submitted", true },
	{ "full8bit", "\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom:", true },
	{ "bare", "message/rfc822", false },
	{ "bare", "\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom:", true },
	{ "boundary", "message/rfc822", false },
	{ "boundary", "--B0unDary--\r\n--B0unDary--", false },
	{ "hostile", "\r\nBcc:", false },
	{ "hostile", "\r\nStatus: 5.0.0\r\n", true },
	{ "hostile", "\r\nStatus: 4.0.0\r\n", true },
	{ "hostile", "\r\nOriginal-", false },
	{ "hostile", "\r\nMessage-ID", false },
	{ "hostile", "\r\nDiagnostic-Code: smtp; x\r\n Bcc: evil@z.example\r\n --B0unDary\r\n Content-Type: text/html\r\n ?[31m????\r\n", true },
	{ "utf8", "\r\nFinal-Recipient: utf-8; \\x{540D}\\x{524D}@\\x{4F8B}.example\r\n", true },
	{ "utf8", "\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n", true },
	{ "administrator", "\r\nOriginal-Envelope-Id:", false },
};

static void print(size_t sample, struct buf *out)
{
	buf_init(out, 1 << 20);
	if (!dsn_print(out, &dsn_samples[sample].dsn) || !buf_add_byte(out, '\0'))
		abort();
	out->len--;
}

static void check_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t k = 0; k < DSN_SAMPLES_COUNT; k++) {
			struct buf out;

			if (strcmp(dsn_samples[k].name, cases[i].sample) != 0)
				continue;
			print(k, &out);
			if (!CHECK(!strstr(out.ptr, cases[i].has) == !cases[i].want, cases[i].sample))
				printf("# %s\n# got:\n%s\n", cases[i].has, out.ptr);
			buf_done(&out);
		}
	}
}

/* RFC 5322, 2.1.1 and 2.3: only CRLF, at most 998 octets. */
static bool lines_fit(struct str text)
{
	bool good = true;

	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		good &= line.len > 0 && line.len <= 999 && str_find(line, '\r') == line.len - 1;
	}
	return good;
}

static void check_lines(void)
{
	for (size_t k = 0; k < DSN_SAMPLES_COUNT; k++) {
		struct buf out;
		bool eight_bit = strcmp(dsn_samples[k].name, "full8bit") == 0 || strcmp(dsn_samples[k].name, "hostile") == 0;

		print(k, &out);
		CHECK(lines_fit(buf_str(&out)) && str_ends_nocase(buf_str(&out), STR("\r\n--B0unDary--\r\n")),
		      "lines end in CRLF and are short");
		CHECK(str_is_ascii(buf_str(&out)) != eight_bit, "seven bits where it can be");
		buf_done(&out);
	}
}

/* Each string in turn is endless, without a blank to fold at. */
static void check_long_strings(void)
{
	static char endless[100000];
	struct dsn_recipient recipient = sample_mixed[0];
	struct dsn dsn = dsn_samples[0].dsn;
	struct str *const strings[] = {
		&dsn.from, &dsn.to, &dsn.hostname, &dsn.message_id, &dsn.envid, &dsn.subject, &dsn.original_id, &dsn.event_id,
		&dsn.original, &recipient.address, &recipient.orcpt, &recipient.status, &recipient.reply, &recipient.remote_mta,
	};
	static const char fillings[] = { 'x', '\xff', '\n', '<' };

	dsn.recipients = &recipient;
	dsn.recipients_count = 1;
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		for (size_t k = 0; k < sizeof(fillings); k++) {
			struct str before = *strings[i];
			struct buf out;

			memset(endless, fillings[k], sizeof(endless));
			*strings[i] = (struct str){ endless, sizeof(endless) };
			buf_init(&out, 1 << 20);
			CHECK(dsn_print(&out, &dsn) && lines_fit(buf_str(&out)), "endless: still short lines");
			buf_done(&out);
			*strings[i] = before;
		}
	}
}

static void check_limits(void)
{
	struct dsn dsn = dsn_samples[0].dsn;
	struct buf out;
	bool nothing = true;
	size_t whole;

	print(0, &out);
	whole = out.len;
	buf_done(&out);
	for (size_t room = 0; room < whole; room += 37) {
		buf_init(&out, room);
		nothing &= !dsn_print(&out, &dsn) && out.len == 0;
		buf_done(&out);
	}
	CHECK(nothing, "no room: nothing is added");
	buf_init(&out, 1 << 20);
	dsn.boundary = STR("a\"b");
	CHECK(!dsn_print(&out, &dsn), "a boundary that would need quoting is refused");
	dsn.boundary = STR("");
	CHECK(!dsn_print(&out, &dsn), "no boundary");
	buf_done(&out);
}

int main(void)
{
	check_cases();
	check_lines();
	check_long_strings();
	check_limits();
	return check_report();
}
