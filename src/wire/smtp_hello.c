#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/smtp_server_private.h"

#define OFFER_BYTES_MAX 4096

static bool always(const struct smtp_server *server)
{
	(void)server;
	return true;
}

static bool offers_starttls(const struct smtp_server *server)
{
	return server->options->starttls && !server->tls;
}

static bool offers_auth(const struct smtp_server *server)
{
	return server->options->mechanisms != 0 && smtp_server_may_auth(server);
}

static bool offers_exchange(const struct smtp_server *server)
{
	return server->options->exchange_extensions;
}

static bool print_size(const struct smtp_server *server, struct buf *list)
{
	uint64_t bytes_max = server->options->size_bytes_max;

	return bytes_max == 0 || buf_add_format(list, " %llu", (unsigned long long)bytes_max);
}

static bool print_mechanisms(const struct smtp_server *server, struct buf *list)
{
	for (int i = 0; i < SASL_MECHANISM_COUNT; i++) {
		if ((server->options->mechanisms & SASL_BIT(i)) &&
		    !buf_add_format(list, " %s", sasl_name((enum sasl_mechanism)i)))
			return false;
	}
	return true;
}

/* In Exchange Online's order, AUTH in STARTTLS's place. To add an extension: a row. */
static const struct {
	const char *keyword;
	bool (*offered)(const struct smtp_server *);
	bool (*print_value)(const struct smtp_server *, struct buf *);
} extensions[] = {
	{ "SIZE", always, print_size },
	{ "PIPELINING", always, NULL },
	{ "DSN", always, NULL },
	{ "ENHANCEDSTATUSCODES", always, NULL },
	{ "STARTTLS", offers_starttls, NULL },
	{ "AUTH", offers_auth, print_mechanisms },
	{ "8BITMIME", always, NULL },
	{ "BINARYMIME", offers_exchange, NULL },
	{ "CHUNKING", offers_exchange, NULL },
	{ "SMTPUTF8", always, NULL },
};

static bool print_extensions(const struct smtp_server *server, struct buf *list)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		if (!extensions[i].offered(server))
			continue;
		if (!buf_add_byte(list, '\n') || !buf_add(list, str_of(extensions[i].keyword)))
			return false;
		if (extensions[i].print_value && !extensions[i].print_value(server, list))
			return false;
	}
	return true;
}

/* Devices say their name in any charset, or none at all: kept if it is no danger, '?' for what is not UTF-8. */
static char *name_of(struct str name)
{
	char *kept = str_dup(name);

	for (size_t i = 0; kept && !str_is_utf8(name) && i < name.len; i++) {
		if ((unsigned char)kept[i] >= 0x80)
			kept[i] = '?';
	}
	return kept;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

void smtp_hello_run(struct smtp_server *server, struct str name, struct str peer, bool esmtp, struct smtp_event *event)
{
	struct smtp_reply reply = { .code = 250 };
	CLEANUP(cleanup_buf) struct buf list;
	char *kept;

	buf_init(&list, OFFER_BYTES_MAX);
	if (name.len > SMTP_HELLO_NAME_MAX || has_control(name)) {
		smtp_server_decline(server, SMTP_PHASE_NONE, SMTP_REPLY_BAD_HELLO, event);
		return;
	}
	kept = name_of(name);
	if (!kept || !buf_add_format(&list, "%.*s Hello [%.*s]", STR_ARG(server->options->hostname), STR_ARG(peer)) ||
	    (esmtp && !print_extensions(server, &list))) {
		free(kept);
		smtp_server_say_id(server, SMTP_REPLY_NO_ROOM);
		return;
	}
	free(server->hello);
	server->hello = kept;
	server->esmtp = esmtp;
	smtp_server_reset(server);
	smtp_server_enter(server, smtp_server_rest(server));
	reply.text = buf_str(&list);
	smtp_server_say(server, &reply);
	event->kind = SMTP_EVENT_RESET;
}
