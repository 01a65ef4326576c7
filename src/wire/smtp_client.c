#include "wire/smtp_client.h"

#include <assert.h>
#include <string.h>

#include "base/say.h"
#include "wire/smtp_client_hello.h"
#include "wire/smtp_client_say.h"
#include "wire/smtp_client_state.h"

#define IN(state) (1u << (state))
#define ANY_END (IN(AT_REFUSED) | IN(AT_CLOSED))

/* Which states each may lead to, and the phase that a reply in it belongs to: the whole protocol on one page. */
static const struct {
	enum smtp_client_phase phase;
	unsigned leads_to;
} states[AT_COUNT] = {
	[AT_GREETING] = { SMTP_CLIENT_GREETING, IN(AT_HELLO) | ANY_END },
	[AT_HELLO] = { SMTP_CLIENT_HELLO, IN(AT_OLD_HELLO) | IN(AT_STARTTLS) | IN(AT_AUTH) | IN(AT_READY) | ANY_END },
	[AT_OLD_HELLO] = { SMTP_CLIENT_HELLO, IN(AT_READY) | ANY_END },
	[AT_STARTTLS] = { SMTP_CLIENT_STARTTLS, IN(AT_SECURING) | ANY_END },
	[AT_SECURING] = { SMTP_CLIENT_STARTTLS, IN(AT_HELLO) | ANY_END },
	[AT_AUTH] = { SMTP_CLIENT_AUTH, IN(AT_CREDENTIALS) | ANY_END },
	[AT_CREDENTIALS] = { SMTP_CLIENT_AUTH, IN(AT_USER) | IN(AT_SECRET) | ANY_END },
	[AT_USER] = { SMTP_CLIENT_AUTH, IN(AT_SECRET) | ANY_END },
	[AT_SECRET] = { SMTP_CLIENT_AUTH, IN(AT_READY) | IN(AT_REFUSAL) | ANY_END },
	[AT_REFUSAL] = { SMTP_CLIENT_AUTH, ANY_END },
	[AT_READY] = { SMTP_CLIENT_MAIL, IN(AT_RESET) | IN(AT_MAIL) | IN(AT_QUIT) | ANY_END },
	[AT_RESET] = { SMTP_CLIENT_MAIL, IN(AT_MAIL) | ANY_END },
	[AT_MAIL] = { SMTP_CLIENT_MAIL, IN(AT_RCPT) | IN(AT_DRAIN) | IN(AT_READY) | ANY_END },
	[AT_RCPT] = { SMTP_CLIENT_RCPT, IN(AT_NOBODY) | IN(AT_DATA) | ANY_END },
	[AT_NOBODY] = { SMTP_CLIENT_RCPT, IN(AT_DRAIN) | IN(AT_READY) | ANY_END },
	[AT_DATA] = { SMTP_CLIENT_DATA, IN(AT_BODY) | IN(AT_READY) | ANY_END },
	[AT_BODY] = { SMTP_CLIENT_DATA, IN(AT_END) | ANY_END },
	[AT_END] = { SMTP_CLIENT_END, IN(AT_READY) | ANY_END },
	[AT_DRAIN] = { SMTP_CLIENT_MAIL, IN(AT_READY) | ANY_END },
	[AT_REFUSED] = { SMTP_CLIENT_QUIT, IN(AT_QUIT) | ANY_END },
	[AT_QUIT] = { SMTP_CLIENT_QUIT, IN(AT_CLOSED) },
	[AT_CLOSED] = { SMTP_CLIENT_QUIT, IN(AT_CLOSED) },
};

/* The only place where the state changes. */
void smtp_client_enter(struct smtp_client *client, enum smtp_client_state next)
{
	assert(states[client->state].leads_to & IN(next));
	client->state = (uint8_t)next;
}

void smtp_client_lost(struct smtp_client *client, struct smtp_client_event *event, const char *trouble)
{
	event->kind = SMTP_CLIENT_EVENT_LOST;
	event->trouble = trouble;
	smtp_client_enter(client, AT_CLOSED);
}

void smtp_client_refused(struct smtp_client *client, struct smtp_client_event *event, const char *trouble)
{
	event->kind = SMTP_CLIENT_EVENT_REFUSED;
	event->trouble = trouble;
	smtp_client_enter(client, AT_REFUSED);
}

void smtp_client_init(struct smtp_client *client, const struct smtp_client_options *options)
{
	*client = (struct smtp_client){ .options = *options, .state = AT_GREETING };
	client->tls = options->tls == SMTP_CLIENT_TLS_IMPLICIT;
	buf_init(&client->out, SMTP_CLIENT_OUT_MAX);
	buf_init(&client->keep, SMTP_REPLY_BYTES_MAX);
	buf_init(&client->secret, SASL_LINE_MAX);
}

void smtp_client_done(struct smtp_client *client)
{
	buf_wipe(&client->out);
	buf_wipe(&client->secret);
	buf_done(&client->keep);
}

static void on_goodbye(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_CLOSED;
	smtp_client_enter(client, AT_CLOSED);
}

/* The first row that fits decides. No row: nobody asked, or it does not fit. (421 is looked for before.) */
static const struct rule {
	enum smtp_client_state state;
	unsigned code_min, code_max;
	void (*run)(struct smtp_client *, struct smtp_client_event *);
} rules[] = {
	{ AT_GREETING, 220, 220, smtp_client_on_greeted },
	{ AT_GREETING, 400, 599, smtp_client_on_refused },
	{ AT_HELLO, 250, 250, smtp_client_on_hello },
	{ AT_HELLO, 500, 504, smtp_client_on_hello_unknown },
	{ AT_HELLO, 400, 599, smtp_client_on_refused },
	{ AT_OLD_HELLO, 250, 250, smtp_client_on_ready },
	{ AT_OLD_HELLO, 400, 599, smtp_client_on_refused },
	{ AT_STARTTLS, 220, 220, smtp_client_on_start_tls },
	{ AT_STARTTLS, 400, 599, smtp_client_on_refused },
	{ AT_AUTH, 334, 334, smtp_client_on_challenge },
	{ AT_AUTH, 400, 599, smtp_client_on_refused },
	{ AT_USER, 334, 334, smtp_client_on_password_prompt },
	{ AT_USER, 400, 599, smtp_client_on_sign_in_refused },
	{ AT_SECRET, 235, 235, smtp_client_on_signed_in },
	{ AT_SECRET, 334, 334, smtp_client_on_error_challenge },
	{ AT_SECRET, 400, 599, smtp_client_on_sign_in_refused },
	{ AT_REFUSAL, 400, 599, smtp_client_on_refused },
	{ AT_RESET, 200, 299, smtp_client_on_reset },
	{ AT_MAIL, 200, 299, smtp_client_on_sender_taken },
	{ AT_MAIL, 400, 599, smtp_client_on_sender_refused },
	{ AT_RCPT, 200, 299, smtp_client_on_recipient },
	{ AT_RCPT, 400, 599, smtp_client_on_recipient },
	{ AT_DATA, 354, 354, smtp_client_on_go_ahead },
	{ AT_DATA, 400, 599, smtp_client_on_data_refused },
	{ AT_END, 200, 299, smtp_client_on_taken },
	{ AT_END, 400, 599, smtp_client_on_not_taken },
	{ AT_DRAIN, 300, 399, smtp_client_on_drain_go_ahead },
	{ AT_DRAIN, 200, 599, smtp_client_on_drained },
	{ AT_QUIT, 200, 599, on_goodbye },
};

/* Bytes behind the 220 would be read as if they had come through TLS (CVE-2011-0411 and its many children). */
static void lost_to_meddling(struct smtp_client *client, struct smtp_client_event *event)
{
	event->reply = (struct smtp_reply){ 0 };
	smtp_client_lost(client, event,
			 N_("the server sent more in clear behind its answer to STARTTLS; somebody may be meddling"));
}

/* States in which a reply comes though nothing waits for one. */
#define UNASKED_IN (IN(AT_SECURING) | IN(AT_CREDENTIALS) | IN(AT_READY) | IN(AT_BODY) | IN(AT_REFUSED))

static void on_reply(struct smtp_client *client, struct smtp_client_event *event, bool more_behind)
{
	const struct rule *rule = NULL;

	for (size_t i = 0; !rule && i < sizeof(rules) / sizeof(*rules); i++) {
		if (rules[i].state == client->state && event->reply.code >= rules[i].code_min &&
		    event->reply.code <= rules[i].code_max)
			rule = &rules[i];
	}
	if (event->reply.code == 421 && client->state != AT_QUIT)
		smtp_client_lost(client, event, NULL);
	else if (!rule && (IN(client->state) & UNASKED_IN))
		smtp_client_lost(client, event, N_("the server sent something that nobody had asked for"));
	else if (!rule)
		smtp_client_lost(client, event, N_("the server's answer does not fit the command"));
	else if (rule->run == smtp_client_on_start_tls && more_behind)
		lost_to_meddling(client, event);
	else
		rule->run(client, event);
}

/* The whole lines of `input`: only they are judged, so that it does not matter how they were cut. Empty: no line has
 * ended since the last look. All of it when it is too long for a reply. */
static struct str whole_lines(struct smtp_client *client, struct str input)
{
	size_t known = client->scanned < input.len ? client->scanned : 0;
	const char *last = memrchr(input.ptr + known, '\n', input.len - known);

	client->scanned = input.len;
	if (input.len > SMTP_REPLY_BYTES_MAX)
		return input;
	return (struct str){ input.ptr, last ? (size_t)(last - input.ptr) + 1 : 0 };
}

size_t smtp_client_feed(struct smtp_client *client, struct str input, struct smtp_client_event *ret_event)
{
	struct str lines;
	size_t used = 0;

	*ret_event = (struct smtp_client_event){ .phase = states[client->state].phase };
	if (client->state == AT_CLOSED)
		return input.len;
	if (client->no_memory) {
		smtp_client_lost(client, ret_event, N_("out of memory"));
		return 0;
	}
	if (client->state == AT_NOBODY) {
		smtp_client_on_nobody(client, ret_event);
		return 0;
	}
	if (client->state == AT_SECURING && input.len > 0) {
		lost_to_meddling(client, ret_event);
		return input.len;
	}
	if (input.len == 0)
		return 0;
	lines = whole_lines(client, input);
	if (lines.len == 0)
		return 0;
	switch (smtp_reply_parse(lines, &client->keep, &client->last, &used)) {
	case PARSE_MORE:
		return 0;
	case PARSE_BAD:
		smtp_client_lost(client, ret_event, N_("the server's answer is not SMTP"));
		return input.len;
	case PARSE_OK:
		break;
	}
	client->scanned = 0;
	ret_event->reply = client->last;
	on_reply(client, ret_event, used < input.len);
	return used;
}

void smtp_client_secured(struct smtp_client *client)
{
	client->tls = true;
	client->scanned = 0;
	if (client->state == AT_GREETING)
		return; /* TLS from the first byte: the server speaks first */
	smtp_client_hello_parse(client, STR("")); /* RFC 3207, 4.2: forget what was said in clear */
	smtp_client_say_hello(client, "EHLO");
	smtp_client_enter(client, AT_HELLO);
}

bool smtp_client_quit(struct smtp_client *client)
{
	if (!(states[client->state].leads_to & IN(AT_QUIT)))
		return false;
	smtp_client_say(client, "QUIT");
	smtp_client_enter(client, AT_QUIT);
	return true;
}
