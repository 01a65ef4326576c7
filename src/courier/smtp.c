#include "courier/courier_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define BODY_RUN_BYTES 65536
#define BODY_AHEAD_MAX BODY_RUN_BYTES /* bytes of a body waiting for the kernel: a run a write keeps buffers small and warm */
#define PASSWORD_BYTES_MAX 4096
#define CONNECT_STOPS_MS 10000

static void pump(struct connection *connection);
static void next_or_idle(struct connection *connection);

/* --- the body --- */

static bool give_run(struct connection *connection)
{
	const struct courier_job *job = &connection->work->job;
	char bytes[BODY_RUN_BYTES];
	uint64_t left = job->size_bytes - connection->sent;
	size_t count = left < BODY_RUN_BYTES ? (size_t)left : BODY_RUN_BYTES;
	struct str run = { bytes, count };

	if (job->body_fd == -1)
		run.ptr = job->body.ptr + connection->sent;
	else if (file_read_at(job->body_fd, bytes, count, connection->sent) != (ssize_t)count)
		return false;
	connection->sent += count;
	return smtp_client_body(&connection->client, run);
}

static void give_body(struct connection *connection)
{
	while (connection->body_open && !connection->body_ended && stream_waiting(&connection->stream) < BODY_AHEAD_MAX) {
		if (connection->sent == connection->work->job.size_bytes)
			connection->body_ended = smtp_client_body_end(&connection->client);
		else if (!give_run(connection)) {
			/* Half a message must not be ended as a whole one: only cutting the connection is safe. */
			smtp_abandon(connection, "the body could not be read");
			return;
		}
		if (!stream_write(&connection->stream, buf_str(&connection->client.out)))
			return;
		buf_clear(&connection->client.out);
		connection->since_ms = clock_monotonic_ms();
	}
}

/* --- one function an event --- */

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct connection *connection = context;
	struct mailbox *mailbox = connection->mailbox;

	connection->waits_for_token = false;
	connection->since_ms = clock_monotonic_ms();
	if (outcome != OUTCOME_OK) {
		courier_pause_for_token(mailbox, fault);
		smtp_abandon(connection, fault->text[LANGUAGE_EN]);
		return;
	}
	connection->token_generation = token->generation;
	if (!smtp_client_sign_in(&connection->client, mailbox->address, token->value)) {
		smtp_abandon(connection, "the token does not fit into a sign-in");
		return;
	}
	pump(connection);
}

static void sign_in_by_password(struct connection *connection)
{
	const struct upstream_settings *settings = connection->upstream->settings;
	CLEANUP(buf_wipe) struct buf password = { 0 };
	struct fault fault;

	if (file_load_secret(settings->password_file, PASSWORD_BYTES_MAX, &password, &fault) != OUTCOME_OK) {
		mailbox_pause(connection->mailbox, 60000, str_of(fault.text[LANGUAGE_EN]));
		smtp_abandon(connection, fault.text[LANGUAGE_EN]);
		return;
	}
	if (!smtp_client_sign_in(&connection->client, str_of(settings->user), buf_str(&password)))
		smtp_abandon(connection, "the password does not fit into a sign-in");
}

static void on_need_token(struct connection *connection)
{
	const struct upstream *upstream = connection->upstream;

	if (!upstream) {
		smtp_abandon(connection, "the settings have changed");
	} else if (upstream->settings->auth == UPSTREAM_LOGIN || upstream->settings->auth == UPSTREAM_PLAIN) {
		sign_in_by_password(connection);
	} else {
		connection->waits_for_token = true;
		token_get_for(connection->mailbox->courier->tokens, upstream->settings, &connection->mailbox->courier->settings->limits,
			      connection->mailbox->address, on_token, connection);
	}
}

static void start_message(struct connection *connection)
{
	const char *why;

	connection->state = CONNECTION_BUSY;
	connection->sent = 0;
	connection->body_open = connection->body_ended = false;
	connection->since_ms = clock_monotonic_ms();
	if (smtp_client_send(&connection->client, &connection->work->message, &why))
		return;
	work_settle(connection->work, COURIER_NEVER, NULL, why);
	smtp_finish(connection, &(struct failure_verdict){ .meaning = FAILURE_NEVER, .cause = "not-for-this-server", .explain = why },
		    SMTP_CLIENT_MAIL);
	connection->state = CONNECTION_IDLE; /* nothing was said: it is as good as before */
}

bool smtp_may_go_on(const struct connection *connection)
{
	const struct courier *courier = connection->mailbox->courier;

	return connection->generation == courier->generation && !courier->draining &&
	       (connection->token_generation == 0 ||
		token_is_current(courier->tokens, connection->mailbox->upstream_name, connection->mailbox->address,
				 connection->token_generation));
}

static void next_or_idle(struct connection *connection)
{
	connection->messages++;
	connection->since_ms = clock_monotonic_ms();
	if (!smtp_may_go_on(connection)) {
		smtp_quit(connection);
		return;
	}
	connection->state = CONNECTION_IDLE;
	mailbox_give_room(connection->mailbox);
}

static void on_event(struct connection *connection, const struct smtp_client_event *event)
{
	/* With trouble of its own the client came upon a reply that was good where it stands (an EHLO without STARTTLS) or that
	 * fits nothing (250 to DATA): such a reply must not decide what becomes of the mail. */
	const struct smtp_reply *reply = event->reply.code && !event->trouble ? &event->reply : NULL;
	const struct failure_verdict *verdict;

	switch (event->kind) {
	case SMTP_CLIENT_EVENT_NONE:
		break;
	case SMTP_CLIENT_EVENT_START_TLS:
		if (!connection->upstream ||
		    !stream_secure_client(&connection->stream, connection->upstream->tls, connection->host))
			smtp_lost(connection, SMTP_CLIENT_STARTTLS, NULL, "TLS could not be started");
		break;
	case SMTP_CLIENT_EVENT_NEED_TOKEN:
		on_need_token(connection);
		break;
	case SMTP_CLIENT_EVENT_READY:
		connection->ready = true;
		break;
	case SMTP_CLIENT_EVENT_RECIPIENT:
		verdict = failure_decide(SMTP_CLIENT_RCPT, reply);
		if (connection->work && verdict->kind)
			connection->work->kind = verdict->kind;
		if (connection->work && verdict->meaning != FAILURE_DELIVERED)
			work_settle_one(connection->work, event->index,
					verdict->meaning == FAILURE_NEVER ? COURIER_NEVER : COURIER_LATER, reply, event->trouble);
		break;
	case SMTP_CLIENT_EVENT_BODY:
		connection->body_open = true;
		break;
	case SMTP_CLIENT_EVENT_MESSAGE_DONE:
		if (connection->work)
			smtp_decide(connection, event->phase, reply, event->trouble ? event->trouble : "");
		connection->ready = true;
		break;
	case SMTP_CLIENT_EVENT_REFUSED:
		smtp_decide(connection, event->phase, reply, event->trouble ? event->trouble : "");
		smtp_close(connection);
		break;
	case SMTP_CLIENT_EVENT_LOST:
		smtp_lost(connection, event->phase, reply, event->trouble ? event->trouble : "the connection was closed");
		break;
	case SMTP_CLIENT_EVENT_CLOSED:
		smtp_close(connection);
		break;
	}
}

/* The server has nothing more to say: only now may the next message start, or its unasked words would be taken for answers. */
static void go_on(struct connection *connection)
{
	connection->ready = false;
	if (connection->state == CONNECTION_OPENING && connection->work)
		start_message(connection);
	else
		next_or_idle(connection);
}

/* --- what the stream brings --- */

static size_t on_input(struct stream *stream, struct str input)
{
	struct connection *connection = stream->owner;
	size_t all = 0;

	while (connection->state != CONNECTION_CLOSING && !connection->stream.handshaking) {
		struct smtp_client_event event;
		size_t used = smtp_client_feed(&connection->client, input, &event);

		all += used;
		input = str_skip(input, used);
		if (used == 0 && event.kind == SMTP_CLIENT_EVENT_NONE)
			break;
		connection->since_ms = clock_monotonic_ms();
		on_event(connection, &event);
	}
	if (connection->ready && connection->state != CONNECTION_CLOSING)
		go_on(connection);
	pump(connection);
	return connection->state == CONNECTION_CLOSING ? all + input.len : all;
}

static void say_what_waits(struct connection *connection)
{
	if (connection->client.out.len > 0 && stream_write(&connection->stream, buf_str(&connection->client.out)))
		buf_clear(&connection->client.out);
	if (connection->work)
		give_body(connection);
	if (connection->state != CONNECTION_CLOSING)
		stream_flush(&connection->stream);
}

/* What the client wants to say leaves; a body goes on as far as the kernel takes it. When it took all at once nothing is left to
 * tell of, and the next run follows. */
static void pump(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSING)
		return;
	do {
		say_what_waits(connection);
	} while (connection->state == CONNECTION_BUSY && connection->body_open && !connection->body_ended &&
		 stream_waiting(&connection->stream) == 0);
	if (connection->state == CONNECTION_IDLE)
		buf_done(&connection->client.out);
}

static void on_drained(struct stream *stream)
{
	pump(stream->owner);
}

static void on_secured(struct stream *stream)
{
	struct connection *connection = stream->owner;

	connection->since_ms = clock_monotonic_ms();
	if (connection->client.options.tls == SMTP_CLIENT_TLS_STARTTLS) /* with implicit TLS the greeting is still to come */
		smtp_client_secured(&connection->client);
	pump(connection);
}

static void on_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	struct connection *connection = stream->owner;
	bool waited = connection->work || connection->state == CONNECTION_OPENING;

	if (connection->state == CONNECTION_CLOSING)
		return;
	if (waited)
		smtp_lost(connection, end == STREAM_END_TLS ? SMTP_CLIENT_STARTTLS : smtp_phase(connection), NULL,
		     fault && fault->text[0][0] ? fault->text[0] : "the upstream closed the connection");
	smtp_close(connection);
}

static const struct stream_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = smtp_on_closed,
};

static void on_connected(struct stream *stream, enum outcome outcome, const struct fault *fault)
{
	struct connection *connection = stream->owner;

	connection->since_ms = clock_monotonic_ms();
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (outcome != OUTCOME_OK) {
		smtp_lost(connection, SMTP_CLIENT_GREETING, NULL, fault->text[LANGUAGE_EN]);
		return;
	}
	if (connection->upstream && connection->upstream->settings->tls == UPSTREAM_IMPLICIT &&
	    !stream_secure_client(stream, connection->upstream->tls, connection->host)) {
		smtp_lost(connection, SMTP_CLIENT_GREETING, NULL, "TLS could not be started");
		return;
	}
	stream_start(stream);
}

/* --- beginning --- */

void smtp_options(const struct upstream_settings *settings, struct str hello, const char *host, struct smtp_client_options *ret_options)
{
	static const enum sasl_mechanism mechanisms[] = {
		[UPSTREAM_XOAUTH2] = SASL_XOAUTH2, [UPSTREAM_OAUTHBEARER] = SASL_OAUTHBEARER, [UPSTREAM_LOGIN] = SASL_LOGIN,
		[UPSTREAM_PLAIN] = SASL_PLAIN,     [UPSTREAM_NO_AUTH] = SASL_PLAIN,
	};
	static const enum smtp_client_tls tls[] = {
		[UPSTREAM_STARTTLS] = SMTP_CLIENT_TLS_STARTTLS,
		[UPSTREAM_IMPLICIT] = SMTP_CLIENT_TLS_IMPLICIT,
		[UPSTREAM_CLEAR] = SMTP_CLIENT_TLS_NONE,
	};

	*ret_options = (struct smtp_client_options){
		.hello = hello,
		.tls = tls[settings->tls],
		.sign_in = settings->auth != UPSTREAM_NO_AUTH,
		.mechanism = mechanisms[settings->auth],
		.host = str_of(host),
		.port = settings->port,
	};
}

static struct connection *connection_open(struct mailbox *mailbox, struct upstream *upstream, struct work *work)
{
	const struct limits *limits = &mailbox->courier->settings->limits;
	struct connection *connection = calloc(1, sizeof(*connection));
	struct smtp_client_options options;
	struct fault fault;

	if (!connection)
		return NULL;
	connection->mailbox = mailbox;
	connection->upstream = upstream;
	connection->generation = mailbox->courier->generation;
	connection->since_ms = clock_monotonic_ms();
	(void)str_copy(str_of(upstream->settings->host), sizeof(connection->host), connection->host);
	smtp_options(upstream->settings, str_of(mailbox->courier->hostname), connection->host, &options);
	smtp_client_init(&connection->client, &options);
	if (stream_connect(&connection->stream, mailbox->courier->loop, connection->host, upstream->settings->port,
			   (unsigned)limits->upstream_connect_seconds_max * 1000, &handler, connection, on_connected,
			   &fault) != OUTCOME_OK) {
		mailbox_pause_upstream(mailbox, CONNECT_STOPS_MS, str_of(fault.text[LANGUAGE_EN]));
		smtp_client_done(&connection->client);
		free(connection);
		return NULL;
	}
	connection->work = work;
	connection->next = mailbox->connections;
	mailbox->connections = connection;
	mailbox->slots++;
	return connection;
}

/* A connection counts until the peer has closed it: Exchange counts so too. */
bool smtp_carry(struct mailbox *mailbox, struct upstream *upstream, struct work *work)
{
	uint64_t slots_max = upstream->settings->connections_max;

	for (struct connection *connection = mailbox->connections; connection; connection = connection->next) {
		if (connection->state != CONNECTION_IDLE || !smtp_may_go_on(connection))
			continue;
		connection->work = work;
		start_message(connection);
		pump(connection);
		return true;
	}
	return (slots_max == 0 || mailbox->slots < slots_max) && connection_open(mailbox, upstream, work);
}
