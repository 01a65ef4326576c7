#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "options.h"
#include "sink.h"
#include "tally.h"

/* Faults on demand. To add one: add a row. No reply: the connection is cut there. */
static struct fail {
	const char *name;
	enum sink_place place;
	const char *reply;
	bool kept; /* the message counts as received all the same: the reply is lost, not the mail */
	long every;
	long chances;
} fails[] = {
	{ "greeting-421", PLACE_GREETING, "421 4.3.2 Service not available, closing transmission channel",
	  false, 0, 0 },
	{ "auth-535", PLACE_AUTH, "535 5.7.3 Authentication unsuccessful", false, 0, 0 },
	{ "mail-451", PLACE_MAIL, "451 4.7.0 Temporary server error. Please try again later.", false, 0, 0 },
	{ "mail-432", PLACE_MAIL, "432 4.3.2 Concurrent connections limit exceeded.", false, 0, 0 },
	{ "rcpt-450", PLACE_RCPT, "450 4.2.0 Mailbox busy", false, 0, 0 },
	{ "rcpt-550", PLACE_RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", false, 0,
	  0 },
	{ "cut-in-body", PLACE_IN_BODY, NULL, false, 0, 0 },
	{ "body-451", PLACE_BODY, "451 4.3.0 Temporary server error. Please try again later.", false, 0, 0 },
	{ "body-554", PLACE_BODY, "554 5.6.0 Corrupt message content", false, 0, 0 },
	{ "cut-before-reply", PLACE_BODY, NULL, true, 0, 0 },
};

bool sink_fail_add(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
		if (strlen(fails[i].name) != len || strncmp(fails[i].name, text, len) != 0)
			continue;
		fails[i].every = colon ? strtol(colon + 1, NULL, 10) : 1;
		return fails[i].every > 0;
	}
	return false;
}

void sink_fail_list(FILE *out)
{
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
		fprintf(out, "%s\n", fails[i].name);
}

/* The fault that is due at this place, or NULL. */
static const struct fail *fail_due(enum sink_place place)
{
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
		if (fails[i].every && fails[i].place == place && ++fails[i].chances % fails[i].every == 0)
			return &fails[i];
	return NULL;
}

/* True: a fault is due here and has been said (or the connection cut). */
static bool failed(struct peer *peer, enum sink_place place)
{
	const struct fail *fail = fail_due(place);

	if (!fail)
		return false;
	if (fail->reply) {
		peer->sink->counts.refused++;
		conn_say(&peer->conn, "%s\r\n", fail->reply);
	} else {
		peer->sink->counts.cut++;
		peer->cut = true;
	}
	return true;
}

static void run_ehlo(struct peer *peer, const char *args)
{
	bool may_start_tls = peer->listener->tls == SINK_STARTTLS && !peer->conn.ssl;

	(void)args;
	conn_say(&peer->conn,
	         "250-sink.invalid Hello\r\n250-SIZE "
	         "157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n%s%s"
	         "250-8BITMIME\r\n250 SMTPUTF8\r\n",
	         may_start_tls ? "250-STARTTLS\r\n" : "",
	         peer->sink->auth && !may_start_tls ? "250-AUTH LOGIN XOAUTH2\r\n" : "");
}

static void run_helo(struct peer *peer, const char *args)
{
	(void)args;
	conn_say(&peer->conn, "250 sink.invalid Hello\r\n");
}

static void run_starttls(struct peer *peer, const char *args)
{
	(void)args;
	if (peer->listener->tls != SINK_STARTTLS || peer->conn.ssl) {
		conn_say(&peer->conn, "503 5.5.1 Bad sequence of commands\r\n");
		return;
	}
	conn_say(&peer->conn, "220 2.0.0 SMTP server ready\r\n");
	peer->start_tls = true;
}

static void sign_in(struct peer *peer)
{
	peer->state = PEER_COMMAND;
	peer->sink->counts.auths++;
	if (failed(peer, PLACE_AUTH))
		return;
	peer->signed_in = true;
	conn_say(&peer->conn, "235 2.7.0 Authentication successful\r\n");
}

static void run_auth(struct peer *peer, const char *args)
{
	if (!peer->sink->auth || strncasecmp(args, "XOAUTH2", 7) != 0) {
		conn_say(&peer->conn, "504 5.7.4 Unrecognized authentication type\r\n");
	} else if (args[7] == ' ' && args[8]) {
		sign_in(peer);
	} else {
		peer->state = PEER_TOKEN;
		conn_say(&peer->conn, "334 \r\n");
	}
}

static void run_mail(struct peer *peer, const char *args)
{
	(void)args;
	if (peer->sink->auth && !peer->signed_in) {
		peer->sink->counts.refused++;
		conn_say(&peer->conn, "530 5.7.57 Client not authenticated to send mail.\r\n");
	} else if (!failed(peer, PLACE_MAIL)) {
		peer->has_sender = true;
		conn_say(&peer->conn, "250 2.1.0 Sender OK\r\n");
	}
}

static void run_rcpt(struct peer *peer, const char *args)
{
	(void)args;
	if (!peer->has_sender) {
		conn_say(&peer->conn, "503 5.5.1 Bad sequence of commands\r\n");
	} else if (!failed(peer, PLACE_RCPT)) {
		peer->has_recipient = true;
		peer->sink->counts.recipients++;
		conn_say(&peer->conn, "250 2.1.5 Recipient OK\r\n");
	}
}

static void run_data(struct peer *peer, const char *args)
{
	(void)args;
	if (!peer->has_recipient) {
		conn_say(&peer->conn, "503 5.5.1 Bad sequence of commands\r\n");
		return;
	}
	conn_say(&peer->conn, "354 Start mail input; end with <CRLF>.<CRLF>\r\n");
	peer->state = PEER_BODY;
	peer->end_matched = 2; /* the CRLF of DATA counts (RFC 5321 4.1.1.4) */
	peer->body_bytes = 0;
	peer->head_len = 0;
}

static void run_rset(struct peer *peer, const char *args)
{
	(void)args;
	peer->has_sender = peer->has_recipient = false;
	conn_say(&peer->conn, "250 2.0.0 Resetting\r\n");
}

static void run_noop(struct peer *peer, const char *args)
{
	(void)args;
	conn_say(&peer->conn, "250 2.0.0 OK\r\n");
}

static void run_quit(struct peer *peer, const char *args)
{
	(void)args;
	conn_say(&peer->conn, "221 2.0.0 Service closing transmission channel\r\n");
	peer->over = true;
}

static const struct {
	const char *name;
	void (*run)(struct peer *, const char *args);
} commands[] = {
	{ "EHLO", run_ehlo }, { "HELO", run_helo }, { "STARTTLS", run_starttls }, { "AUTH", run_auth },
	{ "MAIL", run_mail }, { "RCPT", run_rcpt }, { "DATA", run_data },         { "RSET", run_rset },
	{ "NOOP", run_noop }, { "QUIT", run_quit },
};

static void run_line(struct peer *peer, char *line)
{
	size_t name_len = strcspn(line, " ");
	const char *args = line + name_len + (line[name_len] == ' ');

	if (peer->state == PEER_TOKEN) {
		sign_in(peer);
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strlen(commands[i].name) == name_len &&
		    strncasecmp(commands[i].name, line, name_len) == 0) {
			commands[i].run(peer, args);
			return;
		}
	}
	conn_say(&peer->conn, "500 5.3.3 Unrecognized command\r\n");
}

/* How many bytes of `ptr` belong to the message; *ret_done: its end CRLF.CRLF is the last of them. */
static size_t body_scan(int *matched, const char *ptr, size_t len, bool *ret_done)
{
	static const char end[] = "\r\n.\r\n";
	size_t i = 0;

	*ret_done = false;
	while (i < len) {
		if (*matched == 0) {
			const char *cr = memchr(ptr + i, '\r', len - i);

			if (!cr)
				return len;
			i = (size_t)(cr - ptr);
		}
		if (ptr[i] == end[*matched])
			++*matched;
		else
			*matched = ptr[i] == '\r';
		i++;
		if (*matched == 5) {
			*ret_done = true;
			return i;
		}
	}
	return len;
}

/* A line with the Message-ID of what is in peer->head, or with "-"; returns its length. */
static int id_print(struct peer *peer, char *ret_id, size_t size)
{
	const char *at;
	int len;

	peer->head[peer->head_len] = '\0';
	at = strncasecmp(peer->head, "Message-ID:", 11) == 0 ? peer->head
	                                                     : strcasestr(peer->head, "\nMessage-ID:");
	at = at ? strchr(at, ':') + 1 : "-";
	at += strspn(at, " \t\r\n");
	len = (int)strcspn(at, " \t\r\n");
	return snprintf(ret_id, size, "%.*s\n", len < 998 ? len : 998, at);
}

/* The message is ours: it counts, and its id is written before the sender hears of it. */
static void keep(struct peer *peer)
{
	char id[1024];
	int len;

	peer->sink->counts.messages++;
	peer->sink->counts.message_bytes += peer->body_bytes;
	if (peer->sink->ids_fd == -1)
		return;
	len = id_print(peer, id, sizeof(id));
	if (write(peer->sink->ids_fd, id, (size_t)len) == -1)
		options_die(1, "cannot write to the file of message ids");
}

void sink_smtp_answer_body(struct peer *peer)
{
	const struct fail *fail = fail_due(PLACE_BODY);

	peer->state = PEER_COMMAND;
	peer->has_sender = peer->has_recipient = false;
	if (!fail || fail->kept)
		keep(peer);
	if (!fail) {
		conn_say(&peer->conn, "250 2.6.0 <%ld@sink.invalid> Queued mail for delivery\r\n",
		         peer->sink->counts.messages);
	} else if (fail->reply) {
		peer->sink->counts.refused++;
		conn_say(&peer->conn, "%s\r\n", fail->reply);
	} else {
		peer->sink->counts.cut++;
		peer->cut = true;
	}
}

static void head_add(struct peer *peer, const char *ptr, size_t len)
{
	size_t room = head_bytes_max - peer->head_len;

	if (!peer->head && !(peer->head = malloc(head_bytes_max + 1)))
		options_die(1, "out of memory");
	memcpy(peer->head + peer->head_len, ptr, len < room ? len : room);
	peer->head_len += len < room ? len : room;
}

static void eat_body(struct peer *peer)
{
	struct bytes *in = &peer->conn.in;
	const char *ptr = in->ptr + in->at;
	bool done;
	size_t used = body_scan(&peer->end_matched, ptr, in->len - in->at, &done);

	if (peer->sink->ids_fd != -1)
		head_add(peer, ptr, used);
	if (!peer->body_bytes && fail_due(PLACE_IN_BODY)) {
		peer->sink->counts.cut++;
		peer->cut = true;
		return;
	}
	peer->body_bytes += (long)used;
	in->at += used;
	if (!done)
		return;
	if (!peer->sink->delay_ms) {
		sink_smtp_answer_body(peer);
		return;
	}
	peer->state = PEER_LATE;
	peer->due_us = tally_now_us() + (uint64_t)peer->sink->delay_ms * 1000;
	TAILQ_INSERT_TAIL(&peer->sink->late, peer, late);
}

void sink_smtp_begin(struct peer *peer)
{
	if (failed(peer, PLACE_GREETING))
		peer->over = true;
	else
		conn_say(&peer->conn, "220 sink.invalid ESMTP\r\n");
}

void sink_smtp_eat(struct peer *peer)
{
	char *line;

	while (!peer->over && !peer->cut && !peer->start_tls) {
		if (peer->state == PEER_LATE ||
		    (peer->state == PEER_BODY && peer->conn.in.at == peer->conn.in.len))
			return;
		if (peer->state == PEER_BODY)
			eat_body(peer);
		else if (conn_line(&peer->conn, &line))
			run_line(peer, line);
		else
			return;
	}
}
