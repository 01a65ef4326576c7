/* The exchange takes exactly what the mechanism's parser takes, inline and after the challenge alike, and keeps nothing of it. The
 * first byte chooses the mechanism, the rest is the message before base64. */
#include <stdlib.h>

#include "base/base64.h"
#include "wire/smtp_server.h"

static const struct smtp_server_options options = {
	.hostname = { "h", 1 },
	.mechanisms = SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_XOAUTH2) | SASL_BIT(SASL_OAUTHBEARER),
	.require_auth = true,
};

static bool parse(enum sasl_mechanism mechanism, struct str raw, struct buf *keep, struct sasl_credentials *ret)
{
	if (mechanism == SASL_PLAIN)
		return sasl_plain_parse(raw, ret);
	return mechanism == SASL_XOAUTH2 ? sasl_xoauth2_parse(raw, ret) : sasl_oauthbearer_parse(raw, keep, ret);
}

static void check(enum sasl_mechanism mechanism, struct str raw, bool step)
{
	struct sasl_credentials want = { 0 };
	struct smtp_server server;
	struct smtp_event event = { 0 };
	struct buf input, keep;
	bool good;

	buf_init(&input, 1 << 20);
	buf_init(&keep, 1 << 20);
	good = parse(mechanism, raw, &keep, &want);
	if (!buf_add_format(&input, "HELO x\r\nAUTH %s%s", sasl_name(mechanism), step ? "\r\n" : " ") ||
	    !(raw.len || step ? base64_print(&input, raw) : buf_add_byte(&input, '=')) ||
	    !buf_add(&input, STR("\r\n")))
		abort();
	smtp_server_init(&server, &options, true, false);
	smtp_server_greet(&server);
	while (input.len > 0 && event.kind != SMTP_EVENT_SIGN_IN && event.kind != SMTP_EVENT_REFUSED)
		buf_eat(&input, smtp_server_feed(&server, buf_str(&input), STR("::1"), &event));
	if (good != (event.kind == SMTP_EVENT_SIGN_IN))
		abort();
	if (good && (!str_eq(event.credentials.user, want.user) || !str_eq(event.credentials.secret, want.secret) ||
		     !str_eq(event.credentials.authzid, want.authzid)))
		abort();
	smtp_server_answer(&server, good, good ? NULL : &event.reply);
	if (server.sasl.ptr || server.signed_in != good)
		abort();
	smtp_server_done(&server);
	buf_done(&input);
	buf_done(&keep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum sasl_mechanism mechanisms[] = { SASL_PLAIN, SASL_XOAUTH2, SASL_OAUTHBEARER };

	if (size < 1 || size > 8000)
		return 0;
	check(mechanisms[data[0] % 3], (struct str){ (const char *)data + 1, size - 1 }, false);
	check(mechanisms[data[0] % 3], (struct str){ (const char *)data + 1, size - 1 }, true);
	return 0;
}
