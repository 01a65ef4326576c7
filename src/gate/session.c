#include "gate/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/account.h"
#include "gate/data.h"
#include "gate/deadline.h"

#define OUTPUT_WAITING_MAX 65536 /* the peer does not read: do not read from it either */
#define TLS_CLIENT_HELLO 0x16    /* first byte of a TLS record that holds a handshake */

static const struct smtp_reply refused_sender = {
	550, { "5.7.60", 6 }, { "SMTP; Client does not have permissions to send as this sender", 61 }, { "", 0 }
};

static void flush(struct session *session)
{
	struct buf *out = &session->smtp.out;

	if (out->len > 0 && !stream_write(&session->stream, buf_str(out)))
		session->ended = true; /* over a MiB of replies unread: nobody is there */
	buf_done(out);
	if (session->ended) {
		stream_abort(&session->stream);
		return;
	}
	stream_flush(&session->stream);
	/* A reply for which there was no memory: the client must not wait for it. */
	if (session->smtp.state == SMTP_CLOSED) {
		session->ended = true;
		stream_close(&session->stream);
	}
}

static void end(struct session *session)
{
	if (!session->ended)
		flush(session);
	session->ended = true;
	stream_close(&session->stream);
}

static void hang_up(struct session *session, enum smtp_reply_id id)
{
	if (session->ended)
		return;
	if (session->greeted)
		smtp_server_hang_up(&session->smtp, id);
	end(session);
}

static void drop_draft(struct session *session)
{
	if (session->draft && session->draft->keeper_knows)
		(void)session_tell(session, ASK_RESET, NULL);
	draft_free(session->draft);
	session->draft = NULL;
}

/* --- one function an event --- */

static void on_sign_in(struct session *session, const struct smtp_event *event)
{
	const struct sasl_credentials *given = &event->credentials;
	struct ask_sign_in question = {
		.mechanism = (uint8_t)given->mechanism,
		.authzid = given->authzid,
		.user = given->user,
		.secret = given->secret,
		.ehlo = str_of(session->smtp.hello),
		.tls_version = str_of(stream_tls_version(&session->stream)),
		.tls_cipher = str_of(stream_tls_cipher(&session->stream)),
	};

	if (!session_ask(session, ASK_SIGN_IN, &question))
		hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
}

static void refuse(struct session *session, enum smtp_phase phase, const struct smtp_reply *reply, struct str detail)
{
	if (!session_refuse(session, phase, reply, detail))
		hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
}

static void on_sender(struct session *session, const struct smtp_event *event)
{
	const struct limits *limits = &session->listener->gate->settings->limits;
	struct str sender = event->address.whole;
	struct str from_rewrite = str_of(session->from_rewrite);
	struct smtp_reply no_room = smtp_reply_of(SMTP_REPLY_NO_ROOM);

	drop_draft(session);
	if (from_rewrite.len > 0 && sender.len > 0) {
		sender = from_rewrite;
	} else if (session->account && !account_may_send_as(str_of(session->account), str_of(session->send_as), sender)) {
		refuse(session, SMTP_PHASE_MAIL, &refused_sender, sender);
		return;
	}
	session->draft = draft_new((size_t)limits->transaction_bytes_max, limits->body_inline_bytes_max);
	if (!session->listener->gate->has_room || !session->draft ||
	    !draft_sender(session->draft, sender, &event->mail)) {
		refuse(session, SMTP_PHASE_MAIL, &no_room, sender);
		return;
	}
	smtp_server_answer(&session->smtp, true, &(struct smtp_reply){ 0 });
}

static void on_recipient(struct session *session, const struct smtp_event *event)
{
	struct smtp_reply no_room = smtp_reply_of(SMTP_REPLY_NO_ROOM);

	if (!session->draft || !draft_recipient(session->draft, event->address.whole, &event->rcpt)) {
		refuse(session, SMTP_PHASE_RCPT, &no_room, event->address.whole);
		return;
	}
	if (session->draft->recipients.len > LINK_PACKET_BYTES_MAX / 4) { /* leaves room in COMMIT for a small body */
		if (!session_tell_recipients(session))
			session->draft->failed = true; /* never a 250 for some of them */
	}
	smtp_server_answer(&session->smtp, true, &(struct smtp_reply){ 0 });
}

static void on_event(struct session *session, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_NONE:
		break;
	case SMTP_EVENT_START_TLS:
		flush(session);
		if (!stream_secure_server(&session->stream, session->listener->tls, false))
			end(session);
		break;
	case SMTP_EVENT_SIGN_IN:
		on_sign_in(session, event);
		break;
	case SMTP_EVENT_SENDER:
		on_sender(session, event);
		break;
	case SMTP_EVENT_RECIPIENT:
		on_recipient(session, event);
		break;
	case SMTP_EVENT_DATA:
		data_begin(session);
		break;
	case SMTP_EVENT_BODY:
		data_add(session, event->text);
		break;
	case SMTP_EVENT_BODY_END:
		if (!data_end(session))
			hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
		break;
	case SMTP_EVENT_REFUSED:
		refuse(session, event->phase, &event->reply, event->text);
		break;
	case SMTP_EVENT_RESET:
		drop_draft(session);
		break;
	case SMTP_EVENT_CLOSE:
		end(session);
		break;
	}
}

/* --- what the stream brings --- */

/* Nothing is due to be said by a client that was not greeted: it is no mail client, or an attack on one. */
static size_t early(struct session *session, struct str input)
{
	struct smtp_reply reply = smtp_reply_of(SMTP_REPLY_EARLY_TALK);
	bool tls_may_come = session->listener->settings->tls == LISTENER_IMPLICIT || session->listener->settings->tls == LISTENER_AUTO;

	if (session->asked && tls_may_come)
		return 0; /* a ClientHello that is ahead of the keeper's answer */
	if (session->sniffing) {
		session->sniffing = false;
		if ((unsigned char)input.ptr[0] == TLS_CLIENT_HELLO) {
			if (!stream_secure_server(&session->stream, session->listener->tls, true))
				end(session);
			return 0;
		}
	}
	smtp_server_refuse(&session->smtp, &reply);
	end(session);
	return input.len;
}

/* Move the session as far as its bytes allow. */
static size_t on_input(struct stream *stream, struct str input)
{
	struct session *session = stream->owner;
	size_t all = 0;

	if (session->ended)
		return input.len;
	if (!session->greeted)
		return input.len ? early(session, input) : 0;
	while (!session->ended && !session->asked && stream_waiting(stream) < OUTPUT_WAITING_MAX) {
		struct smtp_event event;
		size_t used = smtp_server_feed(&session->smtp, input, str_of(session->peer.text), &event);

		all += used;
		input = str_skip(input, used);
		/* NONE that used bytes is a command with its reply; a body has a time of its own. */
		if (event.kind == SMTP_EVENT_NONE ? used > 0 && session->smtp.state != SMTP_BODY : event.kind != SMTP_EVENT_BODY)
			session->waits_since_ms = clock_monotonic_ms();
		if (event.kind == SMTP_EVENT_NONE && used == 0)
			break;
		on_event(session, &event);
		if (event.kind == SMTP_EVENT_START_TLS)
			break;
	}
	if (!session->ended)
		flush(session);
	if (session->listener->gate->drain_until_ms)
		session_say_goodbye(session);
	return all;
}

static void greet(struct session *session)
{
	session->greeted = true;
	session->sniffing = false;
	session->waits_since_ms = clock_monotonic_ms();
	smtp_server_greet(&session->smtp);
	flush(session);
}

static void on_secured(struct stream *stream)
{
	struct session *session = stream->owner;

	if (session->greeted) {
		session->waits_since_ms = clock_monotonic_ms();
		smtp_server_secured(&session->smtp);
		return;
	}
	session->smtp.tls = true; /* implicit TLS: the greeting comes inside */
	greet(session);
}

static void on_end(struct stream *stream, enum stream_end why, const struct fault *fault)
{
	struct session *session = stream->owner;

	if (why == STREAM_END_TLS)
		log_event(LOG_LEVEL_INFO, "tls failed", LOG_TEXT("peer", session->peer.text),
			  LOG_TEXT("listener", session->listener->settings->name), LOG_TEXT("reason", fault->text[0]));
	session->ended = true;
	stream_abort(stream);
}

static void on_drained(struct stream *stream)
{
	stream_again(stream);
}

static void on_closed(struct stream *stream)
{
	struct session *session = stream->owner;
	struct gate *gate = session->listener->gate;

	(void)table_take(&gate->sessions, TABLE_KEY(session->id));
	draft_free(session->draft);
	smtp_server_done(&session->smtp);
	free(session->account);
	free(session->send_as);
	free(session->from_rewrite);
	if (session->counted) {
		session->next = gate->untold;
		gate->untold = session_tell_gone(session);
	} else {
		free(session);
	}
	gate_session_gone(gate);
}

static const struct stream_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* --- birth, answers, death --- */

/* Beyond what descriptors allow: a word and an end, which does not wait for the client. */
static void turn_away(struct session *session)
{
	struct smtp_reply full = smtp_reply_of(SMTP_REPLY_TOO_MANY_CONNECTIONS);

	stream_start(&session->stream);
	if (session->listener->settings->tls != LISTENER_IMPLICIT)
		smtp_server_refuse(&session->smtp, &full);
	end(session);
	stream_abort(&session->stream);
}

void session_accept(struct gate_listener *listener)
{
	struct gate *gate = listener->gate;
	struct session *session = calloc(1, sizeof(*session));
	struct ask_connected question = { .listener = listener->index };

	listener->one_waits = !session;
	if (!session)
		return; /* the sweep tries again: libuv accepts nobody else until this one is taken */
	session->listener = listener;
	session->id = ++gate->last_session;
	if (!stream_accept(&session->stream, &gate->loop, (uv_stream_t *)&listener->tcp, &handler, session))
		return; /* it was gone already: on_closed comes */
	session->opened_ms = session->waits_since_ms = clock_monotonic_ms();
	stream_peer(&session->stream, &session->peer);
	smtp_server_init(&session->smtp, &listener->options, false,
			 listener->settings->tls == LISTENER_NONE ||
				 cidr_any_has(listener->settings->plaintext_auth_from.items,
					      listener->settings->plaintext_auth_from.count, session->peer.ip));
	memcpy(question.ip, session->peer.ip, sizeof(question.ip));
	question.port = session->peer.port;
	if (!table_put(&gate->sessions, TABLE_KEY(session->id), session)) {
		stream_abort(&session->stream);
		return;
	}
	if (gate->sessions.count > gate->sessions_max) {
		turn_away(session);
		return;
	}
	if (!session_ask(session, ASK_CONNECTED, &question)) {
		stream_abort(&session->stream);
		return;
	}
	session->counted = true;
	stream_start(&session->stream);
}

static void on_connected(struct session *session, const struct ask_answer *answer, const struct smtp_reply *reply)
{
	if (!answer->good) {
		/* On a TLS port the refusal would need a handshake: what a full house should not pay for. */
		if (session->listener->settings->tls != LISTENER_IMPLICIT)
			smtp_server_refuse(&session->smtp, reply);
		end(session);
		return;
	}
	if (session->listener->settings->tls == LISTENER_IMPLICIT) {
		if (!stream_secure_server(&session->stream, session->listener->tls, true))
			end(session);
	} else if (session->listener->settings->tls == LISTENER_AUTO) {
		session->sniffing = true;
	} else {
		greet(session);
	}
}

/* Who signed in, and what that account may send as. False: out of memory. */
static bool learn_account(struct session *session, const struct ask_answer *answer)
{
	if (answer->next_id.len > 0) /* a refusal in between does not rename the message that is coming */
		(void)str_copy(answer->next_id, sizeof(session->next_id), session->next_id);
	if (answer->account.len == 0)
		return true;
	free(session->account);
	free(session->send_as);
	free(session->from_rewrite);
	session->account = str_dup(answer->account);
	session->send_as = str_dup(answer->send_as);
	session->from_rewrite = str_dup(answer->from_rewrite);
	return session->account && session->send_as && session->from_rewrite;
}

void session_answer(struct session *session, const struct ask_answer *answer, int fd)
{
	struct smtp_reply reply = { answer->code, answer->enhanced, answer->text, answer->event_id };
	enum ask_kind kind = (enum ask_kind)session->asked_kind;

	session->asked = 0;
	session->waits_since_ms = clock_monotonic_ms();
	if (session->ended || !learn_account(session, answer)) {
		if (fd != -1)
			(void)close(fd);
		hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
		return;
	}
	switch (kind) {
	case ASK_CONNECTED:
		if (answer->good && answer->account.len > 0)
			smtp_server_trust(&session->smtp);
		on_connected(session, answer, &reply);
		break;
	case ASK_BODY_FILE:
		if (answer->good && fd != -1)
			draft_take_file(session->draft, answer->body_file, fd);
		else
			session->draft->failed = true;
		if (session->draft->ended && !data_commit(session))
			hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
		break;
	case ASK_COMMIT:
		draft_free(session->draft); /* the keeper has it, or has refused it */
		session->draft = NULL;
		smtp_server_answer(&session->smtp, answer->good, &reply);
		break;
	default: /* SIGN_IN, REFUSED */
		smtp_server_answer(&session->smtp, answer->good, &reply);
		if (session->smtp.state < SMTP_MAIL)
			drop_draft(session); /* the refusal ended the transaction */
		break;
	}
	if (!session->ended) {
		flush(session);
		stream_again(&session->stream);
	}
}

void session_sweep(struct session *session, uint64_t now_ms)
{
	if (session->ended)
		return;
	if (session->asked) {
		if (now_ms - session->waits_since_ms >= DEADLINE_ANSWER_MS)
			hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
		return;
	}
	if (session->sniffing && now_ms - session->waits_since_ms >= DEADLINE_SNIFF_MS)
		greet(session);
	else if (deadline_is_over(session, now_ms))
		hang_up(session, SMTP_REPLY_TIMED_OUT);
}

void session_say_goodbye(struct session *session)
{
	if (!session->asked && !session->draft && session->smtp.state != SMTP_BODY)
		hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
}

void session_keeper_gone(struct session *session)
{
	struct smtp_reply later = smtp_reply_of(SMTP_REPLY_TRY_LATER);

	/* The message may be on disk or not: the device sends it again, which is the lesser evil. */
	if (session->asked && session->asked_kind == ASK_COMMIT && !session->ended)
		smtp_server_answer(&session->smtp, false, &later);
	session->asked = 0;
	hang_up(session, SMTP_REPLY_SHUTTING_DOWN);
}
