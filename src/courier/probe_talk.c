#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "courier/probe_private.h"

#define REPLY_SECONDS_MAX 30 /* somebody sits before the terminal: less patience than with mail */
#define END_SECONDS_MAX 120
#define PASSWORD_BYTES_MAX 4096
#define BODY_BYTES_MAX 8192
#define BASE64_LINE 57 /* bytes a line of 76 */

const struct probe_sender *probe_sender(const struct probe *probe)
{
	return probe->sender_at < probe->options.senders_count ? &probe->options.senders[probe->sender_at] : NULL;
}

/* --- deadlines --- */

static void on_silence(struct probe *probe)
{
	probe_say(probe, N_("the server did not answer in time"));
	probe_fail(probe, "no-answer", NULL);
}

void probe_expect_words(struct probe *probe)
{
	const struct limits *limits = &probe->courier->settings->limits;
	uint64_t seconds = limits->upstream_reply_seconds_max;
	uint64_t seconds_max = REPLY_SECONDS_MAX;

	if (probe->body.len > 0) { /* a message is under way: servers look at it before they take it */
		seconds = limits->upstream_end_seconds_max;
		seconds_max = END_SECONDS_MAX;
	}
	probe_wait(probe, (seconds < seconds_max ? seconds : seconds_max) * 1000, on_silence);
}

/* --- what the server said --- */

static void keep_reply(struct probe *probe, const struct smtp_reply *reply)
{
	(void)snprintf(probe->reply, sizeof(probe->reply), "%u %.*s%s%.*s", reply->code, STR_ARG(reply->enhanced),
		       reply->enhanced.len ? " " : "", (int)(reply->text.len < 900 ? reply->text.len : 900), reply->text.ptr);
	for (char *byte = probe->reply; *byte; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			*byte = ' ';
	}
}

/* The client came upon something that no reply tells. */
static const char *cause_of_trouble(const struct probe *probe, enum smtp_client_phase phase)
{
	const struct smtp_client *client = &probe->client;

	if (phase == SMTP_CLIENT_HELLO && probe->settings->tls == UPSTREAM_STARTTLS && !client->tls)
		return "starttls-not-offered";
	return phase == SMTP_CLIENT_HELLO ? "mechanism-not-offered" : "not-smtp";
}

/* REFUSED and LOST: the connection is of no use. */
static void on_refused(struct probe *probe, const struct smtp_client_event *event)
{
	const struct failure_verdict *verdict;

	probe->text[0] = '\0';
	if (event->reply.code && !event->trouble) {
		verdict = failure_decide(event->phase, &event->reply);
		keep_reply(probe, &event->reply);
		probe_fail(probe, verdict->cause, verdict->explain);
	} else if (event->trouble) {
		probe_say(probe, "%s", say(probe->options.language, event->trouble));
		probe_fail(probe, cause_of_trouble(probe, event->phase), NULL);
	} else {
		probe_say(probe, N_("the server closed the connection"));
		probe_fail(probe, "connection-cut", NULL);
	}
}

/* --- EHLO --- */

static void tell_extensions(struct probe *probe)
{
	const struct smtp_client *client = &probe->client;
	const struct {
		bool offered;
		const char *name;
	} extensions[] = {
		{ client->pipelining, "PIPELINING" }, { client->dsn, "DSN" }, { client->eightbit, "8BITMIME" }, { client->utf8, "SMTPUTF8" },
	};

	probe->text[0] = '\0';
	if (client->size)
		probe_say_more(probe, "SIZE %llu", (unsigned long long)client->size_max);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		if (extensions[i].offered)
			probe_say_more(probe, "%s%s", probe->text[0] ? ", " : "", extensions[i].name);
	}
	if (client->mechanisms)
		probe_say_more(probe, "%sAUTH", probe->text[0] ? ", " : "");
	for (int mechanism = 0; mechanism < SASL_MECHANISM_COUNT; mechanism++) {
		if (client->mechanisms & SASL_BIT(mechanism))
			probe_say_more(probe, " %s", sasl_name((enum sasl_mechanism)mechanism));
	}
	if (!probe->text[0])
		probe_say(probe, N_("the server offers no extension that is of use"));
}

/* --- AUTH --- */

static void sign_in(struct probe *probe, struct str user, struct str secret)
{
	if (smtp_client_sign_in(&probe->client, user, secret)) {
		probe_expect_words(probe);
		probe_pump(probe);
		return;
	}
	probe_say(probe, N_("the user name, token or password cannot stand in a sign-in"));
	probe_fail(probe, "credentials-not-sayable", NULL);
}

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct probe *probe = context;

	if (outcome == OUTCOME_OK) {
		sign_in(probe, probe_sender(probe)->mailbox, token->value);
		return;
	}
	probe_say(probe, "%s", fault->text[probe->options.language]);
	probe_fail(probe, "token-endpoint-silent", NULL);
}

static void sign_in_by_password(struct probe *probe)
{
	CLEANUP(buf_wipe) struct buf password = { 0 };
	struct fault fault;

	if (file_load_secret(probe->settings->password_file, PASSWORD_BYTES_MAX, &password, &fault) != OUTCOME_OK) {
		probe_say(probe, "%s", fault.text[probe->options.language]);
		probe_fail(probe, "password-not-readable", NULL);
		return;
	}
	sign_in(probe, str_of(probe->settings->user), buf_str(&password));
}

void probe_begin_auth(struct probe *probe)
{
	bool by_password = probe->settings->auth == UPSTREAM_LOGIN || probe->settings->auth == UPSTREAM_PLAIN;

	if (by_password) {
		sign_in_by_password(probe);
	} else if (!probe_sender(probe)) {
		probe_say(probe, N_("no account's mail goes this way, so there is nobody to sign in for: add one, or name it with --from"));
		probe_tell(probe, PROBE_WARN, "no-account", NULL);
		probe_end(probe);
	} else {
		probe_expect_words(probe);
		token_get_for(probe->courier->tokens, probe->settings, &probe->courier->settings->limits, probe_sender(probe)->mailbox, on_token,
			      probe);
	}
}

static void on_signed_in(struct probe *probe)
{
	const struct probe_sender *sender = probe_sender(probe);
	bool by_password = probe->settings->auth == UPSTREAM_LOGIN || probe->settings->auth == UPSTREAM_PLAIN;

	if (by_password)
		probe_say(probe, "%s", probe->settings->user);
	else if (sender)
		probe_say(probe, "%.*s", STR_ARG(sender->mailbox));
	probe_ok(probe);
}

/* --- MAIL --- */

static bool try_sender(struct probe *probe)
{
	const char *why;

	probe->message = (struct smtp_client_message){ .sender = probe_sender(probe)->sender };
	if (smtp_client_send(&probe->client, &probe->message, &why)) {
		probe_expect_words(probe);
		probe_pump(probe);
		return true;
	}
	probe_say(probe, "<%.*s>: %s", STR_ARG(probe->message.sender), say(probe->options.language, why));
	probe_tell(probe, PROBE_FAIL, "sender-not-sayable", NULL);
	return false;
}

/* The next of this mailbox's senders that can be said at all; after the last one the next step. */
static void try_senders(struct probe *probe)
{
	const struct probe_options *options = &probe->options;
	struct str mailbox = options->senders[probe->mailbox_first].mailbox;

	while (probe_sender(probe) && str_eq_nocase(probe_sender(probe)->mailbox, mailbox)) {
		if (try_sender(probe))
			return;
		probe->sender_at++;
	}
	probe->sender_at = probe->mailbox_first;
	probe_go_on(probe);
}

void probe_begin_mail(struct probe *probe)
{
	if (probe_sender(probe)) {
		try_senders(probe);
		return;
	}
	probe_say(probe, N_("no account's mail goes this way: add one, or name a sender with --from"));
	probe_warn(probe, "no-account");
}

static void on_sender(struct probe *probe)
{
	const struct failure_verdict *verdict = probe->verdict;

	probe_say(probe, "<%.*s>", STR_ARG(probe_sender(probe)->sender));
	probe_tell(probe, verdict ? PROBE_FAIL : PROBE_OK, verdict ? verdict->cause : NULL, verdict ? verdict->explain : NULL);
	probe->sender_at++;
	try_senders(probe);
}

/* --- a message --- */

static bool add_text(struct buf *body, const char *text)
{
	struct str rest = str_of(text);

	while (rest.len > 0) {
		struct str line = { rest.ptr, rest.len < BASE64_LINE ? rest.len : BASE64_LINE };

		if (!base64_print(body, line) || !buf_add(body, STR("\r\n")))
			return false;
		rest = str_skip(rest, line.len);
	}
	return true;
}

bool probe_write_message(struct probe *probe)
{
	char date[CLOCK_RFC5322_MAX], text[PROBE_TEXT_MAX];
	const struct probe_options *options = &probe->options;
	struct str sender = probe_sender(probe)->sender;

	clock_rfc5322_print(clock_real_us(), date);
	(void)snprintf(text, sizeof(text),
		       say(options->language, N_("This is a test message of Sekisho for its upstream %s, sent because an administrator asked "
						 "for it. That it has arrived is all it has to say.")),
		       probe->settings->name);
	buf_init(&probe->body, BODY_BYTES_MAX);
	return buf_add_format(&probe->body,
			      "From: <%.*s>\r\nTo: <%.*s>\r\nSubject: [Sekisho] test of upstream %s\r\nDate: %s\r\nMessage-ID: <%.*s>\r\n"
			      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
			      "Content-Transfer-Encoding: base64\r\n\r\n",
			      STR_ARG(sender), STR_ARG(options->recipient), probe->settings->name, date, STR_ARG(options->message_id)) &&
	       add_text(&probe->body, text);
}

void probe_begin_send(struct probe *probe)
{
	const char *why = N_("out of memory");

	if (!probe_sender(probe)) {
		probe_say(probe, N_("no account's mail goes this way: add one, or name a sender with --from"));
		probe_fail(probe, "no-account", NULL);
		return;
	}
	probe->recipient = (struct smtp_client_recipient){ .address = probe->options.recipient };
	probe->message = (struct smtp_client_message){
		.sender = probe_sender(probe)->sender, .recipients = &probe->recipient, .recipients_count = 1,
	};
	if (probe_write_message(probe)) {
		probe->message.size = probe->body.len;
		if (smtp_client_send(&probe->client, &probe->message, &why)) {
			if (probe->mailbox) {
				budget_begin(&probe->mailbox->budget, 1);
				probe->spending = true;
			}
			probe_expect_words(probe);
			probe_pump(probe);
			return;
		}
	}
	probe_say(probe, "%s", say(probe->options.language, why));
	probe_fail(probe, "sender-not-sayable", NULL);
}

static void on_sent(struct probe *probe)
{
	const struct failure_verdict *verdict = probe->verdict;

	buf_done(&probe->body);
	probe_say(probe, "<%.*s>", STR_ARG(probe->options.recipient));
	if (verdict)
		probe_fail(probe, verdict->cause, verdict->explain);
	else
		probe_ok(probe);
}

/* --- one function an event --- */

void probe_on_event(struct probe *probe, const struct smtp_client_event *event)
{
	switch (event->kind) {
	case SMTP_CLIENT_EVENT_NONE:
		if (event->phase != SMTP_CLIENT_GREETING || !event->reply.code)
			break;
		keep_reply(probe, &event->reply);
		if (probe->settings->tls == UPSTREAM_CLEAR)
			probe->listening = false; /* the answer to EHLO has to wait for the steps between */
		probe_ok(probe);
		break;
	case SMTP_CLIENT_EVENT_START_TLS:
		if (!stream_secure_client(&probe->stream, probe->tls, probe->settings->host)) {
			probe_say(probe, N_("TLS could not be started"));
			probe_fail(probe, "tls-failed", NULL);
		}
		break;
	case SMTP_CLIENT_EVENT_NEED_TOKEN:
		tell_extensions(probe);
		probe_ok(probe); /* AUTH follows */
		break;
	case SMTP_CLIENT_EVENT_READY:
		keep_reply(probe, &event->reply);
		probe->ready = true;
		break;
	case SMTP_CLIENT_EVENT_RECIPIENT:
		break; /* there is one; MESSAGE_DONE brings its refusal */
	case SMTP_CLIENT_EVENT_BODY:
		if (!smtp_client_body(&probe->client, buf_str(&probe->body)) || !smtp_client_body_end(&probe->client))
			probe_fail(probe, "connection-cut", NULL);
		break;
	case SMTP_CLIENT_EVENT_MESSAGE_DONE:
		keep_reply(probe, &event->reply);
		probe->verdict = event->reply.code / 100 == 2 ? NULL : failure_decide(event->phase, &event->reply);
		probe->ready = true;
		break;
	case SMTP_CLIENT_EVENT_REFUSED:
	case SMTP_CLIENT_EVENT_LOST:
		on_refused(probe, event);
		break;
	case SMTP_CLIENT_EVENT_CLOSED:
		break;
	}
}

/* The server has nothing more to say. To add a step of the dialogue: a row. */
void probe_on_ready(struct probe *probe)
{
	static const struct {
		const char *step;
		void (*run)(struct probe *probe);
	} rows[] = { { "auth", on_signed_in }, { "mail", on_sender }, { "send", on_sent } };
	const char *step = probe_step_name(probe);

	probe->ready = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(step, rows[i].step) == 0) {
			rows[i].run(probe);
			return;
		}
	}
	probe->reply[0] = '\0';
	tell_extensions(probe); /* "ehlo", where nobody signs in */
	probe_ok(probe);
}
