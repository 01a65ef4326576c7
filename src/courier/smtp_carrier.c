#include "courier/carrier.h"

/* The connections of a mailbox, each of which may go while they are walked. */

static void sweep_one(struct connection *connection, uint64_t now_ms)
{
	const struct limits *limits = &connection->mailbox->courier->settings->limits;
	uint64_t waited_s = (now_ms - connection->since_ms) / 1000;

	switch (connection->state) {
	case CONNECTION_IDLE:
		if (waited_s >= limits->connections_upstream_idle_seconds_max || !smtp_may_go_on(connection))
			smtp_quit(connection);
		break;
	case CONNECTION_OPENING:
	case CONNECTION_BUSY:
		if (waited_s >= (connection->body_ended ? limits->upstream_end_seconds_max : limits->upstream_reply_seconds_max))
			smtp_lost(connection, smtp_phase(connection), NULL, "the upstream did not answer in time");
		break;
	case CONNECTION_CLOSING:
		break;
	}
}

static void sweep(struct mailbox *mailbox, uint64_t now_ms)
{
	struct connection *next;

	for (struct connection *connection = mailbox->connections; connection; connection = next) {
		next = connection->next;
		sweep_one(connection, now_ms);
	}
}

static bool has_idle(const struct mailbox *mailbox)
{
	for (const struct connection *connection = mailbox->connections; connection; connection = connection->next) {
		if (connection->state == CONNECTION_IDLE && smtp_may_go_on(connection))
			return true;
	}
	return false;
}

static void rest(struct mailbox *mailbox)
{
	struct connection *next;

	for (struct connection *connection = mailbox->connections; connection; connection = next) {
		next = connection->next;
		if (connection->state == CONNECTION_IDLE)
			smtp_quit(connection);
	}
}

static void age(struct mailbox *mailbox)
{
	struct connection *next;

	for (struct connection *connection = mailbox->connections; connection; connection = next) {
		next = connection->next;
		connection->upstream = NULL;
		if (connection->state == CONNECTION_IDLE)
			smtp_quit(connection);
		else if (connection->state == CONNECTION_OPENING)
			smtp_abandon(connection, "the settings have changed");
	}
}

static void abandon(struct mailbox *mailbox, const char *why)
{
	struct connection *next;

	for (struct connection *connection = mailbox->connections; connection; connection = next) {
		next = connection->next;
		if (connection->work)
			smtp_abandon(connection, why);
	}
}

const struct carrier smtp_carrier = {
	.carry = smtp_carry,
	.has_idle = has_idle,
	.sweep = sweep,
	.rest = rest,
	.age = age,
	.abandon = abandon,
};
