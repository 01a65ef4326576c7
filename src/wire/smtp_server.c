#include "wire/smtp_server.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/smtp_line.h"
#include "wire/smtp_server_private.h"

#define OUT_BYTES_MAX (1u << 20) /* replies to one input that nobody fetched */

/* Which states each state may lead to: the whole protocol on one page. */
static const unsigned leads_to[SMTP_STATE_COUNT] = {
	[SMTP_START] = IN(SMTP_HELLO) | IN(SMTP_CLOSED),
	[SMTP_HELLO] = IN(SMTP_HELLO) | IN(SMTP_AUTH) | IN(SMTP_READY) | IN(SMTP_CLOSED),
	[SMTP_AUTH] = IN(SMTP_HELLO) | IN(SMTP_READY) | IN(SMTP_CLOSED),
	[SMTP_READY] = IN(SMTP_HELLO) | IN(SMTP_AUTH) | IN(SMTP_READY) | IN(SMTP_MAIL) | IN(SMTP_CLOSED),
	[SMTP_MAIL] = IN(SMTP_READY) | IN(SMTP_RCPT) | IN(SMTP_CLOSED),
	[SMTP_RCPT] = IN(SMTP_READY) | IN(SMTP_RCPT) | IN(SMTP_BODY) | IN(SMTP_CLOSED),
	[SMTP_BODY] = IN(SMTP_READY) | IN(SMTP_CLOSED),
	[SMTP_CLOSED] = IN(SMTP_CLOSED),
};

void smtp_server_enter(struct smtp_server *server, enum smtp_state next)
{
	assert(leads_to[server->state] & IN(next));
	server->state = (uint8_t)next;
}

enum smtp_state smtp_server_rest(const struct smtp_server *server)
{
	bool may_send = server->signed_in || server->trusted || !server->options->require_auth;

	return server->hello && may_send ? SMTP_READY : SMTP_HELLO;
}

bool smtp_server_may_auth(const struct smtp_server *server)
{
	return server->tls || server->clear_auth;
}

void smtp_server_say(struct smtp_server *server, const struct smtp_reply *reply)
{
	if (server->state == SMTP_CLOSED)
		return; /* the last reply was said */
	if (!smtp_reply_print(&server->out, reply) || reply->code == 421)
		smtp_server_enter(server, SMTP_CLOSED);
}

void smtp_server_say_id(struct smtp_server *server, enum smtp_reply_id id)
{
	struct smtp_reply reply = smtp_reply_of(id);

	smtp_server_say(server, &reply);
}

void smtp_server_close(struct smtp_server *server, enum smtp_reply_id id, struct smtp_event *event)
{
	smtp_server_say_id(server, id);
	smtp_server_enter(server, SMTP_CLOSED);
	event->kind = SMTP_EVENT_CLOSE;
}

void smtp_server_ask(struct smtp_server *server, enum smtp_event_kind kind, struct smtp_event *event)
{
	event->kind = kind;
	server->due = (uint8_t)kind;
}

void smtp_server_count_error(struct smtp_server *server)
{
	server->errors++;
	if (server->options->errors_max && server->errors >= server->options->errors_max)
		smtp_server_say_id(server, SMTP_REPLY_TOO_MANY_ERRORS);
}

void smtp_server_decline(struct smtp_server *server, enum smtp_phase phase, enum smtp_reply_id id,
			 struct smtp_event *event)
{
	if (phase == SMTP_PHASE_NONE) {
		smtp_server_say_id(server, id);
		smtp_server_count_error(server);
		return;
	}
	event->phase = phase;
	event->reply = smtp_reply_of(id);
	smtp_server_ask(server, SMTP_EVENT_REFUSED, event);
}

void smtp_server_reset(struct smtp_server *server)
{
	server->message_bytes = 0;
	server->size_given = 0;
	server->recipients = 0;
	server->body_8bit = false;
	server->body_utf8 = false;
	server->oversize = false;
	server->ahead = false;
	if (server->state == SMTP_MAIL || server->state == SMTP_RCPT || server->state == SMTP_BODY)
		smtp_server_enter(server, SMTP_READY);
}

void smtp_server_init(struct smtp_server *server, const struct smtp_server_options *options, bool tls, bool clear_auth)
{
	*server = (struct smtp_server){ .options = options, .tls = tls, .clear_auth = clear_auth };
	buf_init(&server->out, OUT_BYTES_MAX);
	buf_init(&server->sasl, SASL_LINE_MAX + SASL_USER_MAX);
}

void smtp_server_done(struct smtp_server *server)
{
	buf_done(&server->out);
	buf_wipe(&server->sasl);
	free(server->hello);
	server->hello = NULL;
	server->state = SMTP_CLOSED;
}

void smtp_server_greet(struct smtp_server *server)
{
	struct smtp_reply reply = { .code = 220, .text = server->options->banner };
	struct buf banner;

	if (server->state == SMTP_CLOSED)
		return; /* the client spoke first */
	buf_init(&banner, SMTP_REPLY_BYTES_MAX);
	if (reply.text.len == 0 && buf_add(&banner, server->options->hostname) &&
	    buf_add(&banner, STR(" ESMTP Sekisho")))
		reply.text = buf_str(&banner);
	smtp_server_enter(server, SMTP_HELLO);
	smtp_server_say(server, &reply);
	buf_done(&banner);
}

void smtp_server_refuse(struct smtp_server *server, const struct smtp_reply *reply)
{
	smtp_server_say(server, reply);
	smtp_server_enter(server, SMTP_CLOSED);
}

void smtp_server_trust(struct smtp_server *server)
{
	server->trusted = true;
	if (server->state == SMTP_HELLO)
		smtp_server_enter(server, smtp_server_rest(server));
}

void smtp_server_secured(struct smtp_server *server)
{
	if (server->state == SMTP_CLOSED)
		return;
	assert(server->due == SMTP_EVENT_START_TLS);
	server->due = SMTP_EVENT_NONE;
	server->tls = true;
	server->signed_in = false;
	server->esmtp = false;
	server->skipping = false;
	free(server->hello);
	server->hello = NULL;
	smtp_server_reset(server);
	smtp_server_enter(server, smtp_server_rest(server));
}

void smtp_server_hang_up(struct smtp_server *server, enum smtp_reply_id id)
{
	server->due = SMTP_EVENT_NONE;
	buf_wipe(&server->sasl);
	smtp_server_say_id(server, id);
	smtp_server_enter(server, SMTP_CLOSED);
}

static bool bare_lf_ends(const struct smtp_server *server)
{
	return server->options->bare_newline == SMTP_BARE_NEWLINE_NORMALIZE;
}

/* A line that is none: answered once, at its fault; the rest of it is dropped as it comes. */
static void decline_line(struct smtp_server *server, struct str input, enum smtp_line_fault fault,
			 struct smtp_event *event)
{
	enum smtp_phase phase = server->state == SMTP_AUTH ? SMTP_PHASE_AUTH : smtp_command_phase(input);
	enum smtp_reply_id id = SMTP_REPLY_LINE_BAD;

	if (fault == SMTP_LINE_LONG)
		id = phase == SMTP_PHASE_AUTH ? SMTP_REPLY_AUTH_LINE_LONG : SMTP_REPLY_LINE_LONG;
	if (server->state == SMTP_AUTH)
		smtp_auth_end(server);
	smtp_server_decline(server, phase, id, event);
}

static size_t feed_line(struct smtp_server *server, struct str input, struct str peer, struct smtp_event *event)
{
	bool auth = server->state == SMTP_AUTH || smtp_command_phase(input) == SMTP_PHASE_AUTH;
	struct smtp_said said = { .peer = peer };
	enum smtp_line_fault fault;
	size_t used;
	bool ended;

	switch (smtp_line_parse(input, auth ? SASL_LINE_MAX : SMTP_COMMAND_LINE_MAX, bare_lf_ends(server), &said.line,
				&used, &fault)) {
	case PARSE_MORE:
		return 0;
	case PARSE_BAD:
		used = smtp_line_skip(input, bare_lf_ends(server), &ended);
		server->skipping = !ended;
		decline_line(server, input, fault, event);
		return used;
	case PARSE_OK:
		break;
	}
	said.behind = str_skip(input, used);
	if (server->state == SMTP_AUTH)
		smtp_auth_respond(server, said.line, event);
	else
		smtp_command_run(server, &said, event);
	return used;
}

static size_t feed_skipped(struct smtp_server *server, struct str input)
{
	bool ended;
	size_t used = smtp_line_skip(input, bare_lf_ends(server), &ended);

	server->skipping = !ended;
	return used;
}

/* A body that will be refused is read to its end, so that none of it is taken for commands. */
static bool body_refused(const struct smtp_server *server, enum smtp_reply_id *ret_why)
{
	bool bare = server->options->bare_newline == SMTP_BARE_NEWLINE_REJECT && server->body.bare_newlines > 0;

	*ret_why = server->oversize ? SMTP_REPLY_SIZE_MAX : SMTP_REPLY_BARE_NEWLINE;
	return server->oversize || bare;
}

static size_t feed_body(struct smtp_server *server, struct str input, struct smtp_event *event)
{
	uint64_t bytes_max = server->options->size_bytes_max;
	enum smtp_reply_id why;
	struct str run;
	bool end;
	size_t used = smtp_body_in_feed(&server->body, input, &run, &end);

	server->message_bytes += run.len;
	if (bytes_max && server->message_bytes > bytes_max)
		server->oversize = true;
	if (body_refused(server, &why)) {
		if (!end)
			return used;
		smtp_server_reset(server);
		smtp_server_decline(server, SMTP_PHASE_BODY, why, event);
		return used;
	}
	if (end) {
		smtp_server_ask(server, SMTP_EVENT_BODY_END, event);
	} else if (run.len) {
		event->kind = SMTP_EVENT_BODY;
		event->text = run;
	}
	return used;
}

size_t smtp_server_feed(struct smtp_server *server, struct str input, struct str peer, struct smtp_event *ret_event)
{
	*ret_event = (struct smtp_event){ .kind = SMTP_EVENT_NONE };
	if (server->out.len == 0)
		buf_done(&server->out); /* an idle session keeps nothing */
	if (server->state == SMTP_CLOSED) {
		ret_event->kind = SMTP_EVENT_CLOSE;
		return 0;
	}
	if (server->due != SMTP_EVENT_NONE || input.len == 0)
		return 0;
	if (server->state == SMTP_START) {
		smtp_server_close(server, SMTP_REPLY_EARLY_TALK, ret_event);
		return 0;
	}
	if (server->skipping)
		return feed_skipped(server, input);
	if (server->state == SMTP_BODY)
		return feed_body(server, input, ret_event);
	return feed_line(server, input, peer, ret_event);
}

/* What each answer moves; the reply is said before, but for the sign-in, which may owe another. */

static void settle_sender(struct smtp_server *server, bool accepted)
{
	if (accepted)
		smtp_server_enter(server, SMTP_MAIL);
	else
		smtp_server_reset(server);
}

static void settle_recipient(struct smtp_server *server, bool accepted)
{
	if (!accepted)
		return;
	server->recipients++;
	if (server->commands > 0)
		server->commands--;
	smtp_server_enter(server, SMTP_RCPT);
}

static void settle_data(struct smtp_server *server, bool accepted)
{
	if (accepted) {
		smtp_body_in_init(&server->body, server->options->bare_newline);
		smtp_server_enter(server, SMTP_BODY);
	} else if (server->ahead) {
		smtp_server_enter(server, SMTP_CLOSED); /* the body is on its way: it must not be taken for commands */
	}
}

static void settle_body(struct smtp_server *server, bool accepted)
{
	if (accepted)
		server->commands = 0;
	smtp_server_reset(server);
}

static void settle_refused(struct smtp_server *server, bool accepted)
{
	assert(!accepted);
	if (server->ahead)
		smtp_server_enter(server, SMTP_CLOSED);
}

static const struct {
	enum smtp_reply_id good;
	void (*settle)(struct smtp_server *, bool accepted);
} answers[] = {
	[SMTP_EVENT_SENDER] = { SMTP_REPLY_SENDER_OK, settle_sender },
	[SMTP_EVENT_RECIPIENT] = { SMTP_REPLY_RECIPIENT_OK, settle_recipient },
	[SMTP_EVENT_DATA] = { SMTP_REPLY_START_INPUT, settle_data },
	[SMTP_EVENT_BODY_END] = { SMTP_REPLY_OK, settle_body },
	[SMTP_EVENT_REFUSED] = { SMTP_REPLY_BAD_ORDER, settle_refused },
	[SMTP_EVENT_SIGN_IN] = { SMTP_REPLY_SIGNED_IN, NULL },
};

void smtp_server_answer(struct smtp_server *server, bool accepted, const struct smtp_reply *reply)
{
	unsigned due = server->due;
	struct smtp_reply good;

	if (server->state == SMTP_CLOSED)
		return; /* hung up meanwhile */
	assert(due < sizeof(answers) / sizeof(*answers) && answers[due].good != 0);
	server->due = SMTP_EVENT_NONE;
	if (!reply || reply->code == 0) {
		assert(accepted);
		good = smtp_reply_of(answers[due].good);
		reply = &good;
	}
	if (due == SMTP_EVENT_SIGN_IN) {
		smtp_auth_settle(server, accepted, reply);
		return;
	}
	smtp_server_say(server, reply);
	if (server->state == SMTP_CLOSED)
		return;
	answers[due].settle(server, accepted);
	/* A full disk or too long a list of recipients is no mistake of the client's. */
	if (!accepted && reply->code != 452)
		smtp_server_count_error(server);
}
