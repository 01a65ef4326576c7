#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "courier/carrier.h"

/* --- how a connection ends --- */

static void unlink_connection(struct connection *connection)
{
	struct connection **at = &connection->mailbox->connections;

	while (*at && *at != connection)
		at = &(*at)->next;
	if (*at)
		*at = connection->next;
	connection->mailbox->slots--;
}

/* Another connection of the mailbox takes the work over. */
static bool hand_on(struct connection *connection)
{
	struct mailbox *mailbox = connection->mailbox;
	struct upstream *upstream = upstream_find(mailbox->courier, mailbox->upstream_name);
	struct work *work = connection->work;

	connection->work = NULL;
	if (!mailbox->courier->draining && upstream && carriers[upstream->settings->kind]->carry(mailbox, upstream, work))
		return true;
	connection->work = work;
	return false;
}

void smtp_on_closed(struct stream *stream)
{
	struct connection *connection = stream->owner;
	struct mailbox *mailbox = connection->mailbox;

	unlink_connection(connection);
	if (connection->work && !hand_on(connection)) /* it waited for this slot */
		smtp_abandon(connection, "no other connection could be begun");
	smtp_client_done(&connection->client);
	free(connection);
	mailbox_give_room(mailbox);
}

void smtp_close(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSING)
		return;
	connection->state = CONNECTION_CLOSING;
	if (connection->waits_for_token)
		token_cancel(connection->mailbox->courier->tokens, connection);
	connection->waits_for_token = false;
	stream_close(&connection->stream);
}

void smtp_quit(struct connection *connection)
{
	if (smtp_client_quit(&connection->client) && stream_write(&connection->stream, buf_str(&connection->client.out)))
		buf_clear(&connection->client.out);
	smtp_close(connection);
}

/* --- what an end means --- */

/*
 * By another connection of the same mailbox: a fresh token, or a pooled connection that had died unnoticed. This one closes; when it has the
 * mailbox's last slot the work stays with it until the peer has closed it too.
 */
static bool try_again(struct connection *connection)
{
	struct courier *courier = connection->mailbox->courier;

	if (courier->draining || !upstream_find(courier, connection->mailbox->upstream_name))
		return false;
	connection->body_open = false;
	(void)hand_on(connection);
	smtp_close(connection);
	return true;
}

void smtp_finish(struct connection *connection, const struct failure_verdict *verdict, enum smtp_client_phase phase)
{
	struct work *work = connection->work;
	struct courier_fate fate = {
		.remote_mta = str_of(connection->host),
		.retry_after_ms = verdict->pause_ms,
		.dsn_passed = connection->client.dsn,
		.nothing_tried = phase < SMTP_CLIENT_MAIL && verdict->meaning != FAILURE_NEVER,
		.ambiguous = phase == SMTP_CLIENT_END && strcmp(verdict->cause, "connection-lost") == 0,
	};

	connection->work = NULL;
	courier_finish(connection->mailbox, work, &fate);
}

/* A reply, or the want of one, decides for every recipient that is still open. `text` speaks when there is no reply. */
void smtp_decide(struct connection *connection, enum smtp_client_phase phase, const struct smtp_reply *reply, const char *text)
{
	const struct failure_verdict *verdict = failure_decide(phase, reply);
	struct mailbox *mailbox = connection->mailbox;
	struct work *work = connection->work;
	struct str why;
	char line[600];

	if (reply)
		(void)snprintf(line, sizeof(line), "%u %.*s %.*s", reply->code, STR_ARG(reply->enhanced),
			       reply->text.len < 500 ? (int)reply->text.len : 500, reply->text.ptr);
	why = reply ? str_of(line) : str_of(text);
	if (verdict->meaning == FAILURE_REFRESH_TOKEN && connection->token_generation) { /* a password is not tried twice */
		token_refused(mailbox->courier->tokens, mailbox->upstream_name, connection->token_generation);
		if (work && !work->token_renewed) {
			work->token_renewed = true;
			if (try_again(connection))
				return;
		}
	}
	if (verdict->meaning == FAILURE_PAUSE_MAILBOX || verdict->meaning == FAILURE_REFRESH_TOKEN)
		mailbox_pause(mailbox, verdict->pause_ms, why);
	if (verdict->meaning == FAILURE_PAUSE_UPSTREAM)
		mailbox_pause_upstream(mailbox, verdict->pause_ms, why);
	if (!connection->work)
		return;
	work_settle(work, verdict->meaning == FAILURE_DELIVERED ? COURIER_DELIVERED :
			  verdict->meaning == FAILURE_NEVER ? COURIER_NEVER : COURIER_LATER, reply, text);
	work->kind = verdict->kind ? verdict->kind : work->kind;
	smtp_finish(connection, verdict, phase);
}

/* Nothing was said to MAIL, or a 421 that tells of this connection alone (RFC 5321, 3.8): a new one will show whether it was more. */
static bool had_closed(enum smtp_client_phase phase, const struct smtp_reply *reply)
{
	return phase == SMTP_CLIENT_MAIL && (!reply || failure_decide(phase, reply)->meaning == FAILURE_PAUSE_UPSTREAM);
}

/* The connection is gone before it gave an answer. */
void smtp_lost(struct connection *connection, enum smtp_client_phase phase, const struct smtp_reply *reply, const char *text)
{
	struct work *work = connection->work;

	/* A pooled connection that the peer had closed meanwhile, or was about to: that is no failure of the message. */
	if (work && had_closed(phase, reply) && connection->messages > 0 && !work->reconnected) {
		work->reconnected = true;
		if (try_again(connection))
			return;
	}
	if (work || phase < SMTP_CLIENT_MAIL)
		smtp_decide(connection, phase, reply, text);
	smtp_close(connection);
}

enum smtp_client_phase smtp_phase(const struct connection *connection)
{
	if (connection->state == CONNECTION_OPENING)
		return SMTP_CLIENT_GREETING;
	if (connection->body_ended)
		return SMTP_CLIENT_END;
	return connection->body_open ? SMTP_CLIENT_DATA : SMTP_CLIENT_MAIL;
}

void smtp_abandon(struct connection *connection, const char *why)
{
	struct courier_fate fate = { .nothing_tried = !connection->body_ended, .ambiguous = connection->body_ended };
	struct work *work = connection->work;

	connection->work = NULL;
	if (work) {
		work_settle(work, COURIER_LATER, NULL, why);
		courier_finish(connection->mailbox, work, &fate);
	}
	smtp_close(connection);
}
