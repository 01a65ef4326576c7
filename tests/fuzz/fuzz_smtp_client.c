/* However a server's bytes are cut into packets, the same is said to it and the same happens; no line that we say holds a
 * bare CR or LF, and nothing follows credentials before TLS. The first byte chooses the options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/smtp_client.h"

#define LOG_BYTES_MAX (4u << 20)

static const struct smtp_client_recipient recipients[] = {
	{ .address = { "b@y.example", 11 }, .notify = SMTP_NOTIFY_FAILURE },
	{ .address = { "c@y.example", 11 }, .orcpt = { "rfc822;c@y", 10 } },
	{ .address = { "d@y.example", 11 } },
};

struct play {
	struct smtp_client client;
	struct buf log;
	unsigned messages;
	bool securing;
	bool in_clear; /* STARTTLS is asked for and TLS is not up */
};

static void note(struct play *play, struct str text)
{
	if (!buf_add(&play->log, text))
		abort();
}

static void flush(struct play *play)
{
	struct str said = buf_str(&play->client.out);

	for (size_t i = 0; i < said.len; i++) {
		if ((said.ptr[i] == '\n') != (i > 0 && said.ptr[i - 1] == '\r'))
			abort();
	}
	if (said.len > 0 && said.ptr[said.len - 1] != '\n')
		abort();
	if (play->in_clear && memmem(said.ptr ? said.ptr : "", said.len, "AUTH", 4))
		abort();
	note(play, said);
	buf_clear(&play->client.out);
}

static void begin(struct play *play)
{
	const char *why;
	static struct smtp_client_message message = {
		.sender = { "a@x.example", 11 }, .size = 10, .body_8bit = true, .ret = SMTP_RET_FULL, .envid = { "e", 1 },
		.recipients = recipients, .recipients_count = 3,
	};

	message.recipients_count = play->messages == 1 ? 0 : 3; /* the second is a trial of its sender */
	if (play->messages++ < 3 && smtp_client_send(&play->client, &message, &why))
		return;
	(void)smtp_client_quit(&play->client);
}

static bool act(struct play *play, const struct smtp_client_event *event)
{
	char head[64];

	if (event->kind == SMTP_CLIENT_EVENT_NONE)
		return false;
	if (event->kind != SMTP_CLIENT_EVENT_START_TLS) {
		(void)snprintf(head, sizeof(head), "[%d %d %zu %u ", (int)event->kind, (int)event->phase, event->index, event->reply.code);
		note(play, str_of(head));
		note(play, event->reply.enhanced);
		note(play, event->reply.text);
		note(play, str_of(event->trouble));
		note(play, STR("]"));
	}
	play->securing = event->kind == SMTP_CLIENT_EVENT_START_TLS;
	if (event->kind == SMTP_CLIENT_EVENT_NEED_TOKEN && !smtp_client_sign_in(&play->client, STR("u"), STR("t")))
		abort();
	if (event->kind == SMTP_CLIENT_EVENT_READY || event->kind == SMTP_CLIENT_EVENT_MESSAGE_DONE)
		begin(play);
	if (event->kind == SMTP_CLIENT_EVENT_BODY &&
	    (!smtp_client_body(&play->client, STR(".a\r\n")) || !smtp_client_body_end(&play->client)))
		abort();
	return true;
}

/* All of `part` in bites; what is left over is handed back. */
static struct str feed(struct play *play, struct str part, size_t bite)
{
	size_t have = 0;

	for (;;) {
		struct smtp_client_event event;
		size_t used;
		bool happened;

		have = part.len - have < bite ? part.len : have + bite;
		do {
			used = smtp_client_feed(&play->client, (struct str){ part.ptr, have }, &event);
			if (used > have)
				abort();
			happened = act(play, &event);
			flush(play);
			part = str_skip(part, used);
			have -= used;
		} while (used > 0 || happened);
		if (have == part.len)
			return part;
	}
}

/* With STARTTLS the first 0xff in the input stands for "TLS is up now". */
static void play_all(struct play *play, struct str input, size_t bite)
{
	struct smtp_client_options options = { .hello = STR("us"), .host = STR("h"), .port = 587 };
	unsigned first = (unsigned char)input.ptr[0];

	options.tls = (enum smtp_client_tls)(first % 3);
	options.sign_in = first & 0x10;
	options.mechanism = (enum sasl_mechanism)(first >> 5 & 3);
	*play = (struct play){ .in_clear = options.tls == SMTP_CLIENT_TLS_STARTTLS };
	buf_init(&play->log, LOG_BYTES_MAX);
	smtp_client_init(&play->client, &options);
	if (options.tls == SMTP_CLIENT_TLS_IMPLICIT)
		smtp_client_secured(&play->client);
	input = str_skip(input, 1);
	(void)feed(play, play->in_clear ? str_cut(&input, '\xff') : input, bite);
	if (!play->securing)
		return;
	play->securing = play->in_clear = false;
	note(play, STR("[tls]"));
	smtp_client_secured(&play->client);
	flush(play);
	(void)feed(play, input, bite);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t bites[] = { 1, 3 };
	struct play whole;

	if (size < 1)
		return 0;
	play_all(&whole, (struct str){ (const char *)data, size }, size);
	for (size_t i = 0; i < 2; i++) {
		struct play bitten;

		play_all(&bitten, (struct str){ (const char *)data, size }, bites[i]);
		if (!str_eq(buf_str(&whole.log), buf_str(&bitten.log)))
			abort();
		buf_done(&bitten.log);
		smtp_client_done(&bitten.client);
	}
	buf_done(&whole.log);
	smtp_client_done(&whole.client);
	return 0;
}
