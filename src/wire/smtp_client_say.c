#include "wire/smtp_client_say.h"

#include <inttypes.h>
#include <stdio.h>

static void add(struct smtp_client *client, struct str text)
{
	/* Once something did not fit nothing may follow: a shorter piece would make another command of it. */
	client->no_memory = client->no_memory || !buf_add(&client->out, text);
}

void smtp_client_say(struct smtp_client *client, const char *command)
{
	add(client, str_of(command));
	add(client, STR("\r\n"));
}

void smtp_client_say_hello(struct smtp_client *client, const char *verb)
{
	struct str name = client->options.hello;

	add(client, str_of(verb));
	add(client, STR(" "));
	/* The name may come from DNS: no byte of it may end the line. */
	for (size_t i = 0; i < name.len && i < 255; i++) {
		bool fits = name.ptr[i] > ' ' && name.ptr[i] < 0x7f;

		add(client, fits ? (struct str){ name.ptr + i, 1 } : STR("-"));
	}
	if (name.len == 0)
		add(client, STR("localhost"));
	add(client, STR("\r\n"));
}

static void add_size(struct smtp_client *client, uint64_t size)
{
	char text[32];

	(void)snprintf(text, sizeof(text), " SIZE=%" PRIu64, size);
	add(client, str_of(text));
}

void smtp_client_say_mail(struct smtp_client *client)
{
	static const char *const rets[] = { [SMTP_RET_FULL] = " RET=FULL", [SMTP_RET_HDRS] = " RET=HDRS" };
	const struct smtp_client_message *message = client->message;

	add(client, STR("MAIL FROM:<"));
	add(client, message->sender);
	add(client, STR(">"));
	if (client->size)
		add_size(client, message->size);
	if (message->body_8bit && client->eightbit)
		add(client, STR(" BODY=8BITMIME"));
	if (smtp_client_needs_utf8(message))
		add(client, STR(" SMTPUTF8"));
	if (client->dsn && message->ret != SMTP_RET_UNSET)
		add(client, str_of(rets[message->ret]));
	if (client->dsn && message->envid.len > 0) {
		add(client, STR(" ENVID="));
		add(client, message->envid);
	}
	add(client, STR("\r\n"));
}

static void say_notify(struct smtp_client *client, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ SMTP_NOTIFY_NEVER, "NEVER" },
		{ SMTP_NOTIFY_SUCCESS, "SUCCESS" },
		{ SMTP_NOTIFY_FAILURE, "FAILURE" },
		{ SMTP_NOTIFY_DELAY, "DELAY" },
	};
	bool first = true;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!(notify & words[i].bit))
			continue;
		add(client, first ? STR(" NOTIFY=") : STR(","));
		add(client, str_of(words[i].word));
		first = false;
		if (words[i].bit == SMTP_NOTIFY_NEVER)
			return; /* RFC 3461, 4.1: it stands alone */
	}
}

void smtp_client_say_rcpt(struct smtp_client *client, const struct smtp_client_recipient *recipient)
{
	add(client, STR("RCPT TO:<"));
	add(client, recipient->address);
	add(client, STR(">"));
	if (client->dsn) {
		say_notify(client, recipient->notify);
		if (recipient->orcpt.len > 0) {
			add(client, STR(" ORCPT="));
			add(client, recipient->orcpt);
		}
	}
	add(client, STR("\r\n"));
}

/* `least` is the lowest byte that may stand in it. */
static bool fits(struct str text, char least, size_t bytes_max)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		if (byte < (unsigned char)least || byte == 0x7f)
			return false;
	}
	return text.len <= bytes_max;
}

/* An address may hold blanks and brackets only inside quotes. */
static bool address_fits(struct str address)
{
	bool quoted = false;

	for (size_t i = 0; i < address.len; i++) {
		char byte = address.ptr[i];

		if (quoted && byte == '\\')
			i++;
		else if (byte == '"')
			quoted = !quoted;
		else if (!quoted && (byte == ' ' || byte == '<' || byte == '>'))
			return false;
	}
	return !quoted && fits(address, ' ', SMTP_CLIENT_ADDRESS_MAX);
}

bool smtp_client_sayable(const struct smtp_client_message *message)
{
	if (!address_fits(message->sender) || !fits(message->envid, '!', SMTP_ENVID_MAX))
		return false;
	for (size_t i = 0; i < message->recipients_count; i++) {
		const struct smtp_client_recipient *recipient = &message->recipients[i];

		if (recipient->address.len == 0 || !address_fits(recipient->address) ||
		    !fits(recipient->orcpt, '!', SMTP_ORCPT_MAX))
			return false;
	}
	return true;
}

bool smtp_client_needs_utf8(const struct smtp_client_message *message)
{
	bool ascii = str_is_ascii(message->sender);

	for (size_t i = 0; ascii && i < message->recipients_count; i++)
		ascii = str_is_ascii(message->recipients[i].address);
	return message->utf8 || !ascii;
}
