#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const event_names[] = {
	[SMTP_EVENT_NONE] = "NONE",	  [SMTP_EVENT_START_TLS] = "START_TLS", [SMTP_EVENT_SIGN_IN] = "SIGN_IN",
	[SMTP_EVENT_SENDER] = "SENDER",	  [SMTP_EVENT_RECIPIENT] = "RECIPIENT", [SMTP_EVENT_DATA] = "DATA",
	[SMTP_EVENT_BODY] = "BODY",	  [SMTP_EVENT_BODY_END] = "BODY_END",	[SMTP_EVENT_REFUSED] = "REFUSED",
	[SMTP_EVENT_RESET] = "RESET",	  [SMTP_EVENT_CLOSE] = "CLOSE",
};
static const char *const phase_names[] = { "AUTH", "MAIL", "RCPT", "DATA", "BODY", "NONE" };

const char *stage_event_name(enum smtp_event_kind kind)
{
	return event_names[kind];
}

/* A test that runs out of memory has nothing to say. */
static void must(bool good)
{
	if (!good)
		abort();
}

bool stage_print_escaped(struct buf *out, struct str bytes)
{
	bool utf8 = str_is_utf8(bytes);
	bool fits = true;

	for (size_t i = 0; i < bytes.len && fits; i++) {
		unsigned char byte = (unsigned char)bytes.ptr[i];

		if (byte == '\r' || byte == '\n' || byte == '\\')
			fits = buf_add_format(out, "\\%c", byte == '\r' ? 'r' : byte == '\n' ? 'n' : '\\');
		else if (byte < ' ' || byte == 0x7f || (byte > 0x7f && !utf8))
			fits = buf_add_format(out, "\\x%02x", byte);
		else
			fits = buf_add_byte(out, (char)byte);
	}
	return fits;
}

static void write_text(struct stage *stage, struct str text)
{
	must(stage_print_escaped(&stage->script, text));
}

static void write_word(struct stage *stage, const char *word)
{
	must(buf_add(&stage->script, str_of(word)));
}

static void break_rule(struct stage *stage, const char *rule)
{
	stage->broken = true;
	must(buf_add_format(&stage->script, "BROKEN %s\n", rule));
}

static void write_body(struct stage *stage)
{
	if (stage->body.len == 0)
		return;
	if (!stage->no_events) {
		write_word(stage, "EVENT BODY ");
		write_text(stage, buf_str(&stage->body));
		write_word(stage, "\n");
	}
	buf_clear(&stage->body);
}

/* What the machine said since the last look. Every line of it must end with CRLF. */
static void write_said(struct stage *stage)
{
	struct str said = buf_str(&stage->server.out);

	if (said.len)
		write_body(stage);
	while (said.len > 0) {
		struct str line = str_cut(&said, '\n');

		if (line.len == 0 || line.ptr[line.len - 1] != '\r')
			break_rule(stage, "a reply line ends with CRLF");
		else
			line.len--;
		write_word(stage, "S: ");
		write_text(stage, line);
		write_word(stage, "\n");
	}
	buf_done(&stage->server.out);
}

static void write_address(struct stage *stage, const struct smtp_address *address)
{
	write_word(stage, " <");
	write_text(stage, address->whole);
	write_word(stage, ">");
}

static void write_named(struct stage *stage, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	write_word(stage, " ");
	write_word(stage, name);
	write_word(stage, "=");
	write_text(stage, value);
}

static void write_mail(struct stage *stage, const struct smtp_mail_params *mail)
{
	static const char *const rets[] = { "", "FULL", "HDRS" };

	if (mail->size_given)
		must(buf_add_format(&stage->script, " size=%llu", (unsigned long long)mail->size));
	write_word(stage, mail->body_8bit ? " 8bit" : "");
	write_word(stage, mail->utf8 ? " utf8" : "");
	write_named(stage, "ret", str_of(rets[mail->ret]));
	write_named(stage, "envid", mail->envid);
	write_named(stage, "auth", mail->auth);
}

static void write_event(struct stage *stage, const struct smtp_event *event)
{
	write_body(stage);
	if (stage->no_events)
		return;
	must(buf_add_format(&stage->script, "EVENT %s", event_names[event->kind]));
	if (event->kind == SMTP_EVENT_SIGN_IN) {
		must(buf_add_format(&stage->script, " %s", sasl_name(event->credentials.mechanism)));
		write_named(stage, "authzid", event->credentials.authzid);
		write_named(stage, "user", event->credentials.user);
		write_named(stage, "secret", event->credentials.secret);
	} else if (event->kind == SMTP_EVENT_SENDER) {
		write_address(stage, &event->address);
		write_mail(stage, &event->mail);
	} else if (event->kind == SMTP_EVENT_RECIPIENT) {
		write_address(stage, &event->address);
		if (event->rcpt.notify)
			must(buf_add_format(&stage->script, " notify=%u", event->rcpt.notify));
		write_named(stage, "orcpt", event->rcpt.orcpt);
	} else if (event->kind == SMTP_EVENT_REFUSED) {
		must(buf_add_format(&stage->script, " %s %u", phase_names[event->phase], event->reply.code));
	}
	write_word(stage, "\n");
}

static const struct smtp_reply *take_answer(struct stage *stage, enum smtp_event_kind kind)
{
	for (size_t i = 0; i < stage->answers_count; i++) {
		if (stage->answers[i].kind != kind)
			continue;
		stage->answers[i].kind = SMTP_EVENT_NONE;
		return &stage->answers[i].reply;
	}
	return NULL;
}

static void answer(struct stage *stage, const struct smtp_event *event)
{
	const struct smtp_reply *reply = take_answer(stage, event->kind);
	struct smtp_event ignored;

	if (stage->input.len && smtp_server_feed(&stage->server, buf_str(&stage->input), STR("192.0.2.7"), &ignored))
		break_rule(stage, "nothing is taken while an answer is due");
	if (event->kind == SMTP_EVENT_REFUSED)
		smtp_server_answer(&stage->server, false, reply ? reply : &event->reply);
	else
		smtp_server_answer(&stage->server, !reply || reply->code < 400, reply);
}

static void check_rules(struct stage *stage, const struct smtp_event *event, size_t used)
{
	const struct smtp_server *server = &stage->server;

	if (used > stage->input.len)
		break_rule(stage, "no more is used than there is");
	if (server->out.len > 0 && server->out.ptr[server->out.len - 1] != '\n')
		break_rule(stage, "only whole replies are said");
	if (event->kind == SMTP_EVENT_SIGN_IN && !server->tls && !server->clear_auth)
		break_rule(stage, "no credentials in clear");
	if ((event->kind == SMTP_EVENT_SENDER || event->kind == SMTP_EVENT_DATA) && stage->options.require_auth &&
	    !server->signed_in && !server->trusted)
		break_rule(stage, "no mail without a sign-in");
	if (server->state < SMTP_MAIL && server->recipients > 0)
		break_rule(stage, "no recipients outside a transaction");
}

/* Answer whatever the event asks. */
static void act(struct stage *stage, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_NONE:
	case SMTP_EVENT_RESET:
		break;
	case SMTP_EVENT_BODY:
		must(buf_add(&stage->body, event->text));
		break;
	case SMTP_EVENT_START_TLS: /* what is left of the clear input goes to the handshake, never to the machine */
		write_said(stage);
		buf_clear(&stage->input);
		smtp_server_secured(&stage->server);
		break;
	case SMTP_EVENT_CLOSE:
		stage->closed = true;
		break;
	default:
		answer(stage, event);
	}
}

void stage_send(struct stage *stage, struct str bytes)
{
	struct smtp_event event;
	size_t used;

	if (stage->closed)
		return;
	must(buf_add(&stage->input, bytes));
	do {
		used = smtp_server_feed(&stage->server, buf_str(&stage->input), STR("192.0.2.7"), &event);
		check_rules(stage, &event, used);
		stage->events[event.kind]++;
		if (event.kind == SMTP_EVENT_REFUSED && event.phase == SMTP_PHASE_BODY)
			buf_clear(&stage->body); /* the transaction is over: how much of it came depends on the cuts */
		if (event.kind != SMTP_EVENT_NONE && event.kind != SMTP_EVENT_BODY)
			write_event(stage, &event);
		act(stage, &event);
		write_said(stage);
		if (event.kind == SMTP_EVENT_START_TLS)
			used = 0;
		buf_eat(&stage->input, used);
	} while (!stage->closed && (used > 0 || event.kind != SMTP_EVENT_NONE));
}

struct smtp_server_options stage_options(void)
{
	return (struct smtp_server_options){
		.hostname = STR("gate.example"),
		.size_bytes_max = 1000000,
		.recipients_max = 100,
		.commands_max = 1000,
		.errors_max = 20,
		.mechanisms = SASL_BIT(SASL_LOGIN) | SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_XOAUTH2) |
			      SASL_BIT(SASL_OAUTHBEARER),
		.starttls = true,
		.require_auth = true,
	};
}

void stage_init(struct stage *stage, bool tls, bool clear_auth)
{
	buf_init(&stage->input, STAGE_BYTES_MAX);
	buf_init(&stage->script, STAGE_BYTES_MAX);
	buf_init(&stage->body, STAGE_BYTES_MAX);
	smtp_server_init(&stage->server, &stage->options, tls, clear_auth);
	smtp_server_greet(&stage->server);
	write_said(stage);
}

void stage_done(struct stage *stage)
{
	smtp_server_done(&stage->server);
	buf_done(&stage->input);
	buf_done(&stage->script);
	buf_done(&stage->body);
}
