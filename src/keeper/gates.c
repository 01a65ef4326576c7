#include "keeper/gates.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/admit.h"
#include "keeper/commit.h"

#define RECIPIENTS_BYTES_MAX (1u << 20)

struct gate_peer {
	struct link link; /* first: the link's address is the peer's */
	struct gates *gates;
	uint64_t number;
	struct table visitors; /* by id */
};

struct address_count {
	unsigned char ip[16];
	unsigned count;
};

struct gates {
	struct keeper *keeper;
	struct table peers;     /* by number */
	struct table addresses; /* of struct address_count, by ip */
	uint64_t last_number;
	size_t admitted;
};

/* --- counting --- */

unsigned gates_from(const struct gates *gates, const unsigned char ip[16])
{
	const struct address_count *entry = table_find(&gates->addresses, (struct str){ (const char *)ip, 16 });

	return entry ? entry->count : 0;
}

size_t gates_visitors(const struct gates *gates)
{
	return gates->admitted;
}

size_t gates_count(const struct gates *gates)
{
	return gates->peers.count;
}

static bool count_in(struct gates *gates, struct visitor *visitor)
{
	struct address_count *entry = table_find(&gates->addresses, (struct str){ (const char *)visitor->ip, 16 });

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return false;
		memcpy(entry->ip, visitor->ip, sizeof(entry->ip));
		if (!table_put(&gates->addresses, TABLE_KEY(entry->ip), entry)) {
			free(entry);
			return false;
		}
	}
	entry->count++;
	gates->admitted++;
	visitor->admitted = true;
	return true;
}

static void count_out(struct gates *gates, struct visitor *visitor)
{
	struct address_count *entry = table_find(&gates->addresses, (struct str){ (const char *)visitor->ip, 16 });

	if (!visitor->admitted)
		return;
	gates->admitted--;
	if (entry && --entry->count == 0)
		free(table_take(&gates->addresses, TABLE_KEY(entry->ip)));
}

/* --- visitors --- */

void gates_forget_transaction(struct visitor *visitor)
{
	struct gates *gates = visitor->gate->gates;

	if (visitor->body_file)
		spool_body_forget(gates->keeper->spool, visitor->body_file);
	visitor->body_file = 0;
	visitor->recipients_count = 0;
	visitor->recipients_lost = false;
	buf_done(&visitor->recipients);
}

static void visitor_free(struct visitor *visitor)
{
	gates_forget_transaction(visitor);
	count_out(visitor->gate->gates, visitor);
	free(visitor->account);
	free(visitor);
}

struct visitor *gates_visitor(struct gates *gates, const struct way_back *way)
{
	struct gate_peer *peer = table_find(&gates->peers, TABLE_KEY(way->gate));

	return peer ? table_find(&peer->visitors, TABLE_KEY(way->session)) : NULL;
}

/* A lost answer would keep its client waiting: the gate starts anew. In a later turn, since visitors are in use here. */
static void give_up(struct gate_peer *peer)
{
	log_event(LOG_LEVEL_ERROR, "a gate does not take its answers", LOG_NUMBER("gate", peer->number));
	(void)shutdown(peer->link.fd, SHUT_RDWR);
}

void gates_answer(struct gates *gates, const struct way_back *way, const struct ask_answer *answer, int fd)
{
	struct gate_peer *peer = table_find(&gates->peers, TABLE_KEY(way->gate));
	struct ask_head head = { .kind = ASK_ANSWER, .id = way->question, .session = way->session };
	struct buf packet;

	if (!peer)
		return;
	buf_init(&packet, LINK_PACKET_BYTES_MAX);
	if (!ask_print(&packet, &head, answer) || !link_send(&peer->link, buf_str(&packet), fd))
		give_up(peer);
	buf_done(&packet);
}

void gates_tell_room(struct gates *gates, bool has_room)
{
	struct ask_head head = { .kind = ASK_ROOM };
	struct ask_room room = { .has_room = has_room };
	struct gate_peer *peer;
	size_t at = 0;

	while ((peer = table_next(&gates->peers, &at))) {
		struct buf packet;

		buf_init(&packet, LINK_PACKET_BYTES_MAX);
		if (!ask_print(&packet, &head, &room) || !link_send(&peer->link, buf_str(&packet), -1))
			log_event(LOG_LEVEL_ERROR, "a gate does not listen", LOG_NUMBER("gate", peer->number));
		buf_done(&packet);
	}
}

/* --- questions --- */

/* NULL: the gate asks what it must not, or memory is short. */
static struct visitor *visitor_new(struct gate_peer *peer, const struct way_back *way, const struct ask_connected *connected)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor || table_find(&peer->visitors, TABLE_KEY(way->session)) ||
	    connected->listener >= peer->gates->keeper->settings->listeners_count) {
		free(visitor);
		return NULL;
	}
	visitor->gate = peer;
	visitor->id = way->session;
	visitor->listener = connected->listener;
	memcpy(visitor->ip, connected->ip, sizeof(visitor->ip));
	buf_init(&visitor->recipients, RECIPIENTS_BYTES_MAX);
	if (table_put(&peer->visitors, TABLE_KEY(visitor->id), visitor))
		return visitor;
	free(visitor);
	return NULL;
}

static void on_connected(struct gate_peer *peer, const struct way_back *way, const union ask_body *body)
{
	struct gates *gates = peer->gates;
	struct visitor *visitor = visitor_new(peer, way, &body->connected);

	if (!visitor)
		gates_answer(gates, way, &(struct ask_answer){ .code = 421, .enhanced = STR("4.3.2"),
				.text = STR("Service not available, closing transmission channel") }, -1);
	else if (admit_connected(gates->keeper, visitor, way))
		(void)count_in(gates, visitor);
}

static void on_body_file(struct gate_peer *peer, const struct way_back *way, struct visitor *visitor)
{
	struct keeper *keeper = peer->gates->keeper;
	struct ask_answer answer = { 0 };
	struct fault fault;
	int fd = -1;

	if (visitor->body_file == 0 &&
	    spool_body_create(keeper->spool, &answer.body_file, &fd, &fault) == OUTCOME_OK) {
		visitor->body_file = answer.body_file;
		answer.good = true;
	}
	gates_answer(peer->gates, way, &answer, fd);
	if (fd != -1)
		(void)close(fd);
}

static void on_recipients(struct visitor *visitor, const struct ask_recipients *more)
{
	/* What does not fit is missed at COMMIT: the message is refused rather than taken for some of them. */
	if (buf_add(&visitor->recipients, more->packed))
		visitor->recipients_count += more->count;
	else
		visitor->recipients_lost = true;
}

static void on_hello(struct gate_peer *peer)
{
	char report = BOOT_REPORT_GATE;

	if (!link_send(&peer->gates->keeper->supervisor, (struct str){ &report, 1 }, -1))
		log_event(LOG_LEVEL_ERROR, "the supervisor does not listen", LOG_NUMBER("gate", peer->number));
}

static void on_question(struct gate_peer *peer, const struct ask_head *head, const union ask_body *body)
{
	struct keeper *keeper = peer->gates->keeper;
	struct way_back way = { peer->number, head->session, head->id };
	struct visitor *visitor = table_find(&peer->visitors, TABLE_KEY(head->session));

	if (head->kind == ASK_HELLO)
		on_hello(peer);
	else if (head->kind == ASK_CONNECTED)
		on_connected(peer, &way, body);
	else if (!visitor)
		log_event(LOG_LEVEL_WARNING, "a question for nobody", LOG_NUMBER("kind", head->kind));
	else if (head->kind == ASK_SIGN_IN)
		admit_sign_in(keeper, visitor, &way, &body->sign_in);
	else if (head->kind == ASK_REFUSED)
		admit_refused(keeper, visitor, &way, &body->refused);
	else if (head->kind == ASK_BODY_FILE)
		on_body_file(peer, &way, visitor);
	else if (head->kind == ASK_RECIPIENTS)
		on_recipients(visitor, &body->recipients);
	else if (head->kind == ASK_COMMIT)
		commit_message(keeper, visitor, &way, &body->commit);
	else if (head->kind == ASK_RESET)
		gates_forget_transaction(visitor);
	else if (head->kind == ASK_HANGUP)
		visitor_free(table_take(&peer->visitors, TABLE_KEY(head->session)));
}

static void on_packet(struct link *link, struct str packet, int fd)
{
	struct gate_peer *peer = link->owner;
	struct ask_head head;
	union ask_body body;

	if (fd != -1)
		(void)close(fd); /* a gate has none to give */
	if (ask_parse(packet, &head, &body))
		on_question(peer, &head, &body);
	else
		log_event(LOG_LEVEL_ERROR, "a gate sent what is no question", LOG_NUMBER("bytes", packet.len));
}

static void peer_free(struct link *link)
{
	free(link->owner);
}

static void on_gone(struct link *link)
{
	struct gate_peer *peer = link->owner;
	struct visitor *visitor;
	size_t at = 0;

	while ((visitor = table_next(&peer->visitors, &at)))
		visitor_free(visitor);
	table_done(&peer->visitors);
	(void)table_take(&peer->gates->peers, TABLE_KEY(peer->number));
	link_close(link, peer_free);
}

static const struct link_handler handler = { .on_packet = on_packet, .on_closed = on_gone };

/* --- life --- */

struct gates *gates_new(struct keeper *keeper)
{
	struct gates *gates = calloc(1, sizeof(*gates));

	if (gates)
		gates->keeper = keeper;
	return gates;
}

void gates_add(struct gates *gates, int fd)
{
	struct gate_peer *peer = calloc(1, sizeof(*peer));
	struct fault fault;

	if (peer) {
		peer->gates = gates;
		peer->number = ++gates->last_number;
	}
	if (!peer || !table_put(&gates->peers, TABLE_KEY(peer->number), peer)) {
		free(peer);
		(void)close(fd);
		return;
	}
	if (link_open(&peer->link, &gates->keeper->loop, fd, &handler, peer, &fault) != OUTCOME_OK) {
		log_event(LOG_LEVEL_ERROR, "cannot take a gate", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
		free(table_take(&gates->peers, TABLE_KEY(peer->number)));
	}
}

void gates_free(struct gates *gates)
{
	struct gate_peer *peer;
	size_t at = 0;

	while ((peer = table_next(&gates->peers, &at))) {
		on_gone(&peer->link);
		at = 0; /* the table has changed */
	}
	table_done(&gates->peers);
	table_done(&gates->addresses);
	free(gates);
}
