#include <assert.h>

#include "base/say.h"
#include "wire/smtp_client_say.h"
#include "wire/smtp_client_state.h"

/* Recipients as far as may be ahead of their answers, then DATA; without PIPELINING the next one only. */
static void say_recipients(struct smtp_client *client)
{
	const struct smtp_client_message *message = client->message;
	size_t ahead_max = client->pipelining ? SMTP_CLIENT_AHEAD_MAX : 1;

	while (client->asked < message->recipients_count && client->asked - client->answered < ahead_max)
		smtp_client_say_rcpt(client, &message->recipients[client->asked++]);
	if (client->pipelining && message->recipients_count > 0 && client->asked == message->recipients_count && !client->data_said) {
		client->data_said = true;
		smtp_client_say(client, "DATA");
	}
}

static void say_message(struct smtp_client *client)
{
	client->asked = client->answered = client->accepted = 0;
	client->data_said = false;
	smtp_client_say_mail(client);
	if (client->pipelining)
		say_recipients(client);
}

static void begin(struct smtp_client *client)
{
	bool reset = client->open_transaction;

	client->open_transaction = false;
	smtp_client_enter(client, reset ? AT_RESET : AT_MAIL);
	if (reset)
		smtp_client_say(client, "RSET");
	if (!reset || client->pipelining)
		say_message(client);
}

static const char *why_not(const struct smtp_client *client, const struct smtp_client_message *message)
{
	if (client->size_max > 0 && message->size > client->size_max)
		return N_("the message is larger than the server takes (SIZE)");
	if (smtp_client_needs_utf8(message) && !client->utf8)
		return N_("an address or the header is not ASCII, and the server does not offer SMTPUTF8");
	if (message->body_8bit && !client->eightbit)
		return N_("the message has bytes over 127, and the server does not offer 8BITMIME; it is not changed on the way");
	if (!smtp_client_sayable(message))
		return N_("an address or parameter of the message cannot stand in an SMTP command");
	return NULL;
}

bool smtp_client_send(struct smtp_client *client, const struct smtp_client_message *message, const char **ret_why)
{
	assert(!client->message);
	*ret_why = why_not(client, message);
	if (*ret_why)
		return false;
	client->message = message;
	if (client->state == AT_READY)
		begin(client);
	else /* what was pipelined before is still being answered: after that */
		assert(client->state == AT_DRAIN);
	return true;
}

bool smtp_client_body(struct smtp_client *client, struct str text)
{
	assert(client->state == AT_BODY && text.len <= SMTP_CLIENT_BODY_MAX);
	if (client->out.len > 0 && client->out.len + text.len > SMTP_CLIENT_BODY_MAX)
		return false;
	return smtp_body_out_add(&client->body, text, &client->out);
}

bool smtp_client_body_end(struct smtp_client *client)
{
	assert(client->state == AT_BODY);
	if (!smtp_body_out_end(&client->body, &client->out))
		return false;
	smtp_client_enter(client, AT_END);
	return true;
}

/* The message is decided; `owed` replies to what was pipelined are still to come. */
static void done(struct smtp_client *client, struct smtp_client_event *event, size_t owed)
{
	event->kind = SMTP_CLIENT_EVENT_MESSAGE_DONE;
	client->message = NULL;
	client->owed = owed;
	smtp_client_enter(client, owed > 0 ? AT_DRAIN : AT_READY);
}

void smtp_client_on_reset(struct smtp_client *client, struct smtp_client_event *event)
{
	(void)event;
	if (!client->pipelining)
		say_message(client);
	smtp_client_enter(client, AT_MAIL);
}

void smtp_client_on_sender_taken(struct smtp_client *client, struct smtp_client_event *event)
{
	client->open_transaction = true;
	if (client->message->recipients_count == 0) {
		done(client, event, 0);
		return;
	}
	say_recipients(client);
	smtp_client_enter(client, AT_RCPT);
}

void smtp_client_on_sender_refused(struct smtp_client *client, struct smtp_client_event *event)
{
	client->open_transaction = client->pipelining; /* a lenient server may have begun something with the rest */
	done(client, event, client->asked + (client->data_said ? 1 : 0));
}

void smtp_client_on_recipient(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_RECIPIENT;
	event->index = client->answered++;
	if (event->reply.code < 300)
		client->accepted++;
	if (client->answered < client->message->recipients_count) {
		say_recipients(client);
	} else if (client->accepted == 0) {
		smtp_client_enter(client, AT_NOBODY);
	} else {
		if (!client->data_said)
			smtp_client_say(client, "DATA");
		smtp_client_enter(client, AT_DATA);
	}
}

/* The second event of the last recipient's reply. */
void smtp_client_on_nobody(struct smtp_client *client, struct smtp_client_event *event)
{
	event->phase = SMTP_CLIENT_RCPT;
	event->reply = client->last;
	done(client, event, client->data_said ? 1 : 0);
}

void smtp_client_on_go_ahead(struct smtp_client *client, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_EVENT_BODY;
	smtp_body_out_init(&client->body);
	smtp_client_enter(client, AT_BODY);
}

void smtp_client_on_data_refused(struct smtp_client *client, struct smtp_client_event *event)
{
	done(client, event, 0);
}

void smtp_client_on_taken(struct smtp_client *client, struct smtp_client_event *event)
{
	client->open_transaction = false;
	done(client, event, 0);
}

void smtp_client_on_not_taken(struct smtp_client *client, struct smtp_client_event *event)
{
	done(client, event, 0); /* with RSET before the next: servers have kept a refused envelope */
}

static void drained(struct smtp_client *client)
{
	if (--client->owed > 0)
		return;
	smtp_client_enter(client, AT_READY);
	if (client->message)
		begin(client);
}

void smtp_client_on_drained(struct smtp_client *client, struct smtp_client_event *event)
{
	(void)event;
	drained(client);
}

/* DATA is answered 354 though nobody was accepted: RFC 2920, 3.1 wants a lone dot; that is a message to nobody. */
void smtp_client_on_drain_go_ahead(struct smtp_client *client, struct smtp_client_event *event)
{
	if (client->owed > 1 || !client->data_said) {
		smtp_client_lost(client, event, N_("the server's answer does not fit the command"));
		return;
	}
	client->data_said = false; /* it is the dot's reply that is owed now */
	smtp_client_say(client, ".");
}
