#include <assert.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/say.h"
#include "wire/smtp_client_hello.h"
#include "wire/smtp_client_say.h"
#include "wire/smtp_client_state.h"

/* How each mechanism is asked for (alone: an inline token would break the 512-octet line of real servers) and what is
 * answered to a challenge that brings the details of a refusal (RFC 7628, 3.2.3; RFC 4954, 4). */
static const struct {
	const char *ask;
	const char *after_error;
	const char *missing;
} mechanisms[SASL_MECHANISM_COUNT] = {
	[SASL_LOGIN] = { "AUTH LOGIN", "*", N_("the server does not offer AUTH LOGIN here") },
	[SASL_PLAIN] = { "AUTH PLAIN", "*", N_("the server does not offer AUTH PLAIN here") },
	[SASL_XOAUTH2] = { "AUTH XOAUTH2", "", N_("the server does not offer AUTH XOAUTH2 here") },
	[SASL_OAUTHBEARER] = { "AUTH OAUTHBEARER", "AQ==", N_("the server does not offer AUTH OAUTHBEARER here") },
};

void smtp_client_on_greeted(struct smtp_client *client, struct smtp_client_event *event)
{
	(void)event;
	smtp_client_say_hello(client, "EHLO");
	smtp_client_enter(client, AT_HELLO);
}

void smtp_client_on_refused(struct smtp_client *client, struct smtp_client_event *event)
{
	smtp_client_refused(client, event, NULL);
}

void smtp_client_on_ready(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_READY;
	smtp_client_enter(client, AT_READY);
}

void smtp_client_on_hello(struct smtp_client *client, struct smtp_client_event *event)
{
	enum sasl_mechanism mechanism = client->options.mechanism;

	smtp_client_hello_parse(client, event->reply.text);
	if (client->options.tls == SMTP_CLIENT_TLS_STARTTLS && !client->tls) {
		if (!client->starttls) {
			smtp_client_refused(client, event, N_("the server does not offer STARTTLS, so nothing is sent through it"));
			return;
		}
		smtp_client_say(client, "STARTTLS");
		smtp_client_enter(client, AT_STARTTLS);
	} else if (!client->options.sign_in) {
		smtp_client_on_ready(client, event);
	} else if (!(client->mechanisms & SASL_BIT(mechanism))) {
		smtp_client_refused(client, event, mechanisms[mechanism].missing);
	} else {
		smtp_client_say(client, mechanisms[mechanism].ask);
		smtp_client_enter(client, AT_AUTH);
	}
}

/* A server without EHLO (RFC 5321, 3.2) has neither TLS nor AUTH. */
void smtp_client_on_hello_unknown(struct smtp_client *client, struct smtp_client_event *event)
{
	if (client->options.sign_in || (client->options.tls == SMTP_CLIENT_TLS_STARTTLS && !client->tls)) {
		smtp_client_refused(client, event, NULL);
		return;
	}
	smtp_client_hello_parse(client, STR(""));
	smtp_client_say_hello(client, "HELO");
	smtp_client_enter(client, AT_OLD_HELLO);
}

void smtp_client_on_start_tls(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_START_TLS;
	smtp_client_enter(client, AT_SECURING);
}

void smtp_client_on_challenge(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_NEED_TOKEN;
	smtp_client_enter(client, AT_CREDENTIALS);
}

/* What was said may still lie in `out`'s memory. */
static void forget_secret(struct smtp_client *client)
{
	buf_wipe(&client->secret);
	if (client->out.len == 0)
		buf_wipe(&client->out);
}

void smtp_client_on_password_prompt(struct smtp_client *client, struct smtp_client_event *event)
{
	(void)event;
	client->no_memory = client->no_memory || !buf_add(&client->out, buf_str(&client->secret));
	smtp_client_enter(client, AT_SECRET);
}

void smtp_client_on_signed_in(struct smtp_client *client, struct smtp_client_event *event)
{
	forget_secret(client);
	smtp_client_on_ready(client, event);
}

void smtp_client_on_sign_in_refused(struct smtp_client *client, struct smtp_client_event *event)
{
	forget_secret(client);
	smtp_client_refused(client, event, NULL);
}

void smtp_client_on_error_challenge(struct smtp_client *client, struct smtp_client_event *event)
{
	(void)event;
	forget_secret(client);
	smtp_client_say(client, mechanisms[client->options.mechanism].after_error);
	smtp_client_enter(client, AT_REFUSAL);
}

static bool say_base64(struct buf *out, struct str raw)
{
	size_t before = out->len;

	/* Room at once: a buffer that grows midway leaves copies behind. */
	if (buf_room(out, raw.len / 3 * 4 + 8) && base64_print(out, raw) && buf_add(out, STR("\r\n")))
		return true;
	out->len = before;
	return false;
}

static bool fits_in_sasl(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	}
	return text.len > 0;
}

static void cleanup_secret(struct buf *buf)
{
	buf_wipe(buf);
}

static bool say_login(struct smtp_client *client, struct str user, struct str secret)
{
	if (!say_base64(&client->secret, secret) || !say_base64(&client->out, user))
		return false;
	smtp_client_enter(client, AT_USER);
	return true;
}

bool smtp_client_sign_in(struct smtp_client *client, struct str user, struct str secret)
{
	const struct smtp_client_options *options = &client->options;
	CLEANUP(cleanup_secret) struct buf raw = { 0 };
	bool good = false;

	assert(client->state == AT_CREDENTIALS);
	if (!fits_in_sasl(user) || !fits_in_sasl(secret))
		return false;
	buf_init(&raw, SMTP_CLIENT_BODY_MAX);
	if (!buf_room(&raw, user.len + secret.len + options->host.len + 128))
		return false;
	switch (options->mechanism) {
	case SASL_LOGIN:
		return say_login(client, user, secret);
	case SASL_PLAIN:
		good = sasl_plain_print(&raw, user, secret);
		break;
	case SASL_XOAUTH2:
		good = sasl_xoauth2_print(&raw, user, secret);
		break;
	case SASL_OAUTHBEARER:
		good = sasl_oauthbearer_print(&raw, user, options->host, options->port, secret);
		break;
	case SASL_MECHANISM_COUNT:
		break;
	}
	if (!good || !say_base64(&client->out, buf_str(&raw)))
		return false;
	smtp_client_enter(client, AT_SECRET);
	return true;
}
