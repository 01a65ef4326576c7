#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/exchange_private.h"

#define BACKLOG 256
#define SIZE_MAX_BYTES 157286400
#define RECIPIENTS_MAX 500
#define ENVELOPE_BYTES_MAX (1u << 20)
#define IDLE_MS_MAX 300000 /* RFC 5321, 4.5.3.2.7: a server waits five minutes at least */

/* --- saying things as smtp.office365.com does --- */

void exchange_flush(struct exchange_session *session)
{
	bool taken = session->smtp.out.len == 0 || stream_write(&session->stream, buf_str(&session->smtp.out));

	exchange_said(session);
	buf_done(&session->smtp.out);
	if (taken)
		stream_flush(&session->stream);
	else
		exchange_cut(session); /* a MiB of replies unread: nobody is there */
}

void exchange_cut(struct exchange_session *session)
{
	session->ended = true;
	stream_abort(&session->stream);
}

static void hang_up(struct exchange_session *session)
{
	if (session->ended)
		return;
	exchange_flush(session);
	if (session->ended)
		return;
	session->ended = true;
	stream_close(&session->stream);
}

const char *exchange_suffix(struct exchange_session *session)
{
	char when[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(clock_real_us(), when);
	(void)snprintf(session->suffix, sizeof(session->suffix), "%s %.23sZ %08X%08X SANDBOX", SANDBOX_FRONTEND, when,
		       random_below(UINT32_MAX), (unsigned)session->number);
	return session->suffix;
}

void exchange_refuse(struct exchange_session *session, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply = { code, str_of(enhanced), str_of(text), str_of(exchange_suffix(session)) };

	session->sandbox->stats.refused++;
	smtp_server_answer(&session->smtp, false, &reply);
}

void exchange_accept(struct exchange_session *session)
{
	smtp_server_answer(&session->smtp, true, &(struct smtp_reply){ 0 });
}

/* --- what the stream brings --- */

/* Who could not sign in and tries to send is told why, as the real one does. */
static struct str refusal_text(const struct exchange_session *session, const struct smtp_reply *reply, size_t size, char *ret_text)
{
	if (reply->code != 530 || !session->auth_error[0])
		return reply->text;
	(void)snprintf(ret_text, size, "%.*s Error: %s", STR_ARG(reply->text), session->auth_error);
	return str_of(ret_text);
}

static void on_refused(struct exchange_session *session, const struct smtp_event *event)
{
	char text[512];

	if (event->phase == SMTP_PHASE_AUTH && !session->smtp.tls)
		session->sandbox->stats.auth_before_tls++;
	if (session->receiving)
		exchange_drop(session);
	session->sandbox->stats.refused++;
	smtp_server_answer(&session->smtp, false,
			   &(struct smtp_reply){ event->reply.code, event->reply.enhanced,
						 refusal_text(session, &event->reply, sizeof(text), text), str_of(exchange_suffix(session)) });
}

static void start_tls(struct exchange_session *session)
{
	bool bad = faults_strike(&session->sandbox->faults, FAULT_BAD_CERTIFICATE);

	exchange_flush(session);
	if (!session->ended && !stream_secure_server(&session->stream, bad ? session->sandbox->tls_bad : session->sandbox->tls, false))
		hang_up(session);
}

static void on_event(struct exchange_session *session, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_NONE:
		break;
	case SMTP_EVENT_START_TLS:
		start_tls(session);
		break;
	case SMTP_EVENT_SIGN_IN:
		exchange_sign_in(session, &event->credentials);
		break;
	case SMTP_EVENT_SENDER:
		exchange_sender(session, event->address.whole);
		break;
	case SMTP_EVENT_RECIPIENT:
		exchange_recipient(session, event->address.whole);
		break;
	case SMTP_EVENT_DATA:
		exchange_data(session);
		break;
	case SMTP_EVENT_BODY:
		exchange_body(session, event->text);
		break;
	case SMTP_EVENT_BODY_END:
		exchange_body_end(session);
		break;
	case SMTP_EVENT_REFUSED:
		on_refused(session, event);
		break;
	case SMTP_EVENT_RESET:
		exchange_drop(session);
		break;
	case SMTP_EVENT_CLOSE:
		hang_up(session);
		break;
	}
}

static size_t on_input(struct stream *stream, struct str input)
{
	struct exchange_session *session = stream->owner;
	size_t all = 0;

	session->heard_ms = clock_monotonic_ms();
	while (!session->ended) {
		enum smtp_state before = (enum smtp_state)session->smtp.state;
		struct smtp_event event;
		size_t used = smtp_server_feed(&session->smtp, input, str_of(session->peer), &event);

		exchange_heard(session, before, &event, (struct str){ input.ptr, used });
		all += used;
		input = str_skip(input, used);
		if (used == 0 && event.kind == SMTP_EVENT_NONE)
			break;
		on_event(session, &event);
		if (event.kind == SMTP_EVENT_START_TLS)
			break;
	}
	if (!session->ended)
		exchange_flush(session);
	return session->ended ? all + input.len : all;
}

static void on_secured(struct stream *stream)
{
	struct exchange_session *session = stream->owner;

	exchange_secured(session);
	smtp_server_secured(&session->smtp);
}

static void on_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	(void)end;
	(void)fault;
	exchange_cut(stream->owner);
}

static void session_free(struct exchange_session *session)
{
	smtp_server_done(&session->smtp);
	buf_done(&session->recipients);
	free(session->sender);
	free(session);
}

static void on_timer_closed(uv_handle_t *handle)
{
	session_free(handle->data);
}

static void on_closed(struct stream *stream)
{
	struct exchange_session *session = stream->owner;
	struct sandbox *sandbox = session->sandbox;

	exchange_drop(session);
	if (session->mailbox)
		session->mailbox->connections--;
	(void)table_take(&sandbox->sessions, TABLE_KEY(session->number));
	if (sandbox->stopping && sandbox->sessions.count == 0)
		loop_stop(&sandbox->loop);
	if (session->late_open)
		uv_close((uv_handle_t *)&session->late, on_timer_closed);
	else
		session_free(session);
}

static const struct stream_handler handler = {
	.on_input = on_input, .on_secured = on_secured, .on_end = on_end, .on_closed = on_closed,
};

/* --- connections --- */

static void options_fill(struct exchange_session *session)
{
	char when[CLOCK_RFC5322_MAX];

	clock_rfc5322_print(clock_real_us(), when);
	(void)snprintf(session->banner, sizeof(session->banner), "%s Microsoft ESMTP MAIL Service ready at %s [%08X%08X] SANDBOX",
		       SANDBOX_FRONTEND, when, random_below(UINT32_MAX), (unsigned)session->number);
	session->options = (struct smtp_server_options){
		.hostname = STR(SANDBOX_FRONTEND),
		.banner = str_of(session->banner),
		.size_bytes_max = SIZE_MAX_BYTES,
		.recipients_max = RECIPIENTS_MAX,
		.mechanisms = SASL_BIT(SASL_LOGIN) | SASL_BIT(SASL_XOAUTH2),
		.starttls = !faults_strike(&session->sandbox->faults, FAULT_NO_STARTTLS),
		.require_auth = true,
		.exchange_extensions = true,
	};
}

static void on_connection(uv_stream_t *server, int status)
{
	struct sandbox *sandbox = server->data;
	struct exchange_session *session = status == 0 ? calloc(1, sizeof(*session)) : NULL;
	struct stream_address peer;

	if (!session)
		return;
	session->message.fd = -1;
	session->sandbox = sandbox;
	session->number = ++sandbox->last_session;
	session->heard_ms = clock_monotonic_ms();
	if (!stream_accept(&session->stream, &sandbox->loop, server, &handler, session))
		return; /* it was gone already: on_closed comes */
	sandbox->stats.connections++;
	buf_init(&session->recipients, ENVELOPE_BYTES_MAX);
	stream_peer(&session->stream, &peer);
	(void)snprintf(session->peer, sizeof(session->peer), "%s", peer.text);
	options_fill(session);
	smtp_server_init(&session->smtp, &session->options, false, false);
	if (!table_put(&sandbox->sessions, TABLE_KEY(session->number), session)) {
		stream_abort(&session->stream);
		return;
	}
	stream_start(&session->stream);
	smtp_server_greet(&session->smtp);
	exchange_flush(session);
}

enum outcome exchange_open(struct sandbox *sandbox, unsigned port, struct fault *fault)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in bound;
	int len = sizeof(bound);
	int status = uv_tcp_init(&sandbox->loop.uv, &sandbox->listener);

	sandbox->listener.data = sandbox;
	if (status == 0)
		status = uv_tcp_bind(&sandbox->listener, (const struct sockaddr *)&address, 0);
	if (status == 0)
		status = uv_listen((uv_stream_t *)&sandbox->listener, BACKLOG, on_connection);
	if (status == 0)
		status = uv_tcp_getsockname(&sandbox->listener, (struct sockaddr *)&bound, &len);
	if (status != 0)
		return fault_set(fault, OUTCOME_LATER, N_("the sandbox cannot listen on 127.0.0.1 port %u: %s"), port, uv_strerror(status));
	sandbox->smtp_port = ntohs(bound.sin_port);
	return OUTCOME_OK;
}

void exchange_sweep(struct sandbox *sandbox)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct exchange_session *session;
	size_t at = 0;

	while ((session = table_next(&sandbox->sessions, &at))) {
		if (session->ended || session->late_due || now_ms - session->heard_ms < IDLE_MS_MAX)
			continue;
		smtp_server_hang_up(&session->smtp, SMTP_REPLY_TIMED_OUT);
		hang_up(session);
	}
}

void exchange_close(struct sandbox *sandbox)
{
	struct exchange_session *session;
	size_t at = 0;

	uv_close((uv_handle_t *)&sandbox->listener, NULL);
	while ((session = table_next(&sandbox->sessions, &at))) {
		if (session->ended)
			continue;
		exchange_answer_late(session); /* the message is in the inbox */
		smtp_server_hang_up(&session->smtp, SMTP_REPLY_SHUTTING_DOWN);
		hang_up(session);
	}
}
