#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/exchange_private.h"

#define BACKLOG 256
#define MESSAGES_A_MINUTE 30
#define SLOW_MS 3000
#define SIZE_MAX_BYTES 157286400
#define RECIPIENTS_MAX 500
#define ENVELOPE_BYTES_MAX (1u << 20)

/* --- saying things as smtp.office365.com does --- */

static void flush(struct exchange_session *session)
{
	exchange_said(session);
	if (session->smtp.out.len > 0 && !stream_write(&session->stream, buf_str(&session->smtp.out)))
		session->ended = true;
	buf_done(&session->smtp.out);
	stream_flush(&session->stream);
}

static void hang_up(struct exchange_session *session)
{
	if (session->ended)
		return;
	flush(session);
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

/* --- MAIL, RCPT --- */

static const struct {
	enum sandbox_fault fault;
	const char *enhanced, *text;
} throttled[] = {
	{ FAULT_ERRORS_52251, "5.2.251", "Sender throttled due to continuous mailbox full errors." },
	{ FAULT_ERRORS_52252, "5.2.252", "Sender throttled due to continuous send as denied errors." },
	{ FAULT_ERRORS_52253, "5.2.253", "Sender throttled due to continuous invalid license errors." },
	{ FAULT_ERRORS_52254, "5.2.254", "Sender throttled due to continuous too many recipients errors." },
	{ FAULT_ERRORS_52255, "5.2.255", "Sender throttled due to continuous invalid recipients errors." },
};

static void on_sender(struct exchange_session *session, struct str sender)
{
	struct faults *faults = &session->sandbox->faults;

	if (session->one_too_many && faults_strike(faults, FAULT_CONCURRENT_432)) {
		exchange_refuse(session, 432, "4.3.2",
		       "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.");
		return;
	}
	if (faults_strike(faults, FAULT_SERVICE_421)) {
		exchange_refuse(session, 421, "4.3.2", "Service not available, closing transmission channel");
		return;
	}
	for (size_t i = 0; i < sizeof(throttled) / sizeof(*throttled); i++) {
		if (faults_strike(faults, throttled[i].fault)) {
			exchange_refuse(session, 550, throttled[i].enhanced, throttled[i].text);
			return;
		}
	}
	free(session->sender);
	session->sender = str_dup(sender);
	buf_clear(&session->recipients);
	exchange_accept(session);
}

static void on_recipient(struct exchange_session *session, struct str recipient)
{
	if (faults_strike(&session->sandbox->faults, FAULT_RECIPIENT_QUOTA)) {
		exchange_refuse(session, 550, "5.1.90", "Your message can't be sent because you've reached your daily limit for message recipients");
		return;
	}
	if ((session->recipients.len > 0 && !buf_add_byte(&session->recipients, '\n')) || !buf_add(&session->recipients, recipient)) {
		exchange_refuse(session, 452, "4.5.3", "Too many recipients");
		return;
	}
	exchange_accept(session);
}

/* --- the message --- */

static void drop_message(struct exchange_session *session)
{
	inbox_drop(&session->sandbox->inbox, &session->message);
	if (session->header_open)
		header_scan_done(&session->header);
	session->header_open = session->receiving = false;
}

static void on_data(struct exchange_session *session)
{
	if (!inbox_begin(&session->sandbox->inbox, &session->message)) {
		exchange_refuse(session, 452, "4.3.1", "Insufficient system resources");
		return;
	}
	header_scan_init(&session->header, STR(""));
	session->header_open = session->receiving = true;
	exchange_accept(session);
}

static void on_body(struct exchange_session *session, struct str run)
{
	if (faults_strike(&session->sandbox->faults, FAULT_CUT_MID_DATA)) {
		session->ended = true;
		stream_abort(&session->stream);
		return;
	}
	inbox_add(&session->message, run);
	if (!header_scan_feed(&session->header, run))
		session->message.failed = true;
}

/* The first mailbox of envelope and header that is not the one that signed in; empty: all are. */
static bool is_foreign(struct exchange_session *session, char *ret_other, size_t size)
{
	struct str own = str_of(session->mailbox->address);
	struct buf from;
	struct str rest;
	bool foreign = !str_eq_nocase(own, str_of(session->sender));

	(void)snprintf(ret_other, size, "%s", session->sender);
	buf_init(&from, HEADER_VALUE_MAX);
	if (!foreign && session->header.count[HEADER_FROM] > 0) {
		foreign = !header_addresses_parse(buf_str(&session->header.value[HEADER_FROM]), 16, &from);
		rest = buf_str(&from);
		while (!foreign && rest.len > 0) {
			struct str one = str_cut(&rest, '\n');

			foreign = !str_eq_nocase(own, one);
			if (foreign)
				(void)snprintf(ret_other, size, "%.*s", one.len < 320 ? (int)one.len : 320, one.ptr);
		}
	}
	buf_done(&from);
	return foreign;
}

static void late_answer(uv_timer_t *timer)
{
	struct exchange_session *session = timer->data;

	if (session->ended)
		return;
	smtp_server_answer(&session->smtp, true, &session->late_reply);
	flush(session);
	stream_again(&session->stream);
}

/* How long the good reply waits: the case `slow`, or what is over the share of this minute. */
static uint64_t wait_ms(struct exchange_session *session)
{
	struct sandbox_mailbox *mailbox = session->mailbox;
	int64_t now_ms = clock_real_ms();
	uint64_t minute = (uint64_t)now_ms / 60000;

	if (mailbox->minute != minute) {
		mailbox->minute = minute;
		mailbox->sent = 0;
	}
	mailbox->sent++;
	if (faults_strike(&session->sandbox->faults, FAULT_SLOW))
		return SLOW_MS;
	if (mailbox->sent > MESSAGES_A_MINUTE && faults_is_on(&session->sandbox->faults, FAULT_RATE_30))
		return 60000 - (uint64_t)now_ms % 60000;
	return 0;
}

static void taken(struct exchange_session *session)
{
	struct str message_id = str_trim(buf_str(&session->header.value[HEADER_MESSAGE_ID]));
	uint64_t ms = wait_ms(session);

	session->sandbox->stats.messages++;
	log_event(LOG_LEVEL_INFO, "SANDBOX message", LOG_TEXT("mailbox", session->mailbox->address),
		  LOG_STR("message_id", message_id), LOG_TEXT("file", session->message.name));
	(void)snprintf(session->late_text, sizeof(session->late_text), "OK %.*s", message_id.len < 400 ? (int)message_id.len : 400,
		       message_id.ptr);
	session->late_reply = (struct smtp_reply){ 250, STR("2.0.0"), str_of(session->late_text),
						   STR("Hostname=SYBP282MB2635.AUSP282.PROD.OUTLOOK.COM SANDBOX") };
	drop_message(session);
	if (ms == 0) {
		smtp_server_answer(&session->smtp, true, &session->late_reply);
		return;
	}
	if (!session->late_open) {
		session->late.data = session;
		(void)uv_timer_init(&session->sandbox->loop.uv, &session->late);
		session->late_open = true;
	}
	(void)uv_timer_start(&session->late, late_answer, ms, 0);
}

static void on_body_end(struct exchange_session *session)
{
	struct faults *faults = &session->sandbox->faults;
	struct inbox_envelope envelope = {
		.from = str_of(session->sender),
		.to = buf_str(&session->recipients),
		.authenticated_as = str_of(session->mailbox->address),
		.mechanism = str_of(session->mechanism),
	};
	char other[400];
	char text[1200];

	if (faults_strike(faults, FAULT_SEND_AS_DENIED) || is_foreign(session, other, sizeof(other))) {
		(void)is_foreign(session, other, sizeof(other));
		(void)snprintf(text, sizeof(text),
			       "SendAsDenied; %s not allowed to send as %s; STOREDRV.Submission.Exception:SendAsDeniedException."
			       "MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message",
			       session->mailbox->address, other);
		drop_message(session);
		exchange_refuse(session, 554, "5.2.252", text);
	} else if (faults_strike(faults, FAULT_MAILBOX_FULL)) {
		drop_message(session);
		exchange_refuse(session, 554, "5.2.2",
		       "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded");
	} else if (faults_strike(faults, FAULT_TEMPORARY_451)) {
		drop_message(session);
		exchange_refuse(session, 451, "4.7.0", "Temporary server error. Please try again later. PRX2");
	} else if (!inbox_finish(&session->sandbox->inbox, &session->message, &envelope)) {
		drop_message(session);
		exchange_refuse(session, 452, "4.3.1", "Insufficient system storage");
	} else if (faults_strike(faults, FAULT_CUT_AFTER_DOT)) {
		session->sandbox->stats.messages++;
		session->ended = true;
		stream_abort(&session->stream);
	} else {
		taken(session);
	}
}

/* --- what the stream brings --- */

static void on_refused(struct exchange_session *session, const struct smtp_event *event)
{
	if (event->phase == SMTP_PHASE_AUTH && !session->smtp.tls)
		session->sandbox->stats.auth_before_tls++;
	if (session->receiving)
		drop_message(session);
	session->sandbox->stats.refused++;
	smtp_server_answer(&session->smtp, false,
			   &(struct smtp_reply){ event->reply.code, event->reply.enhanced, event->reply.text, str_of(exchange_suffix(session)) });
}

static void on_event(struct exchange_session *session, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_NONE:
		break;
	case SMTP_EVENT_START_TLS:
		flush(session);
		if (!stream_secure_server(&session->stream, session->sandbox->tls, false))
			hang_up(session);
		break;
	case SMTP_EVENT_SIGN_IN:
		exchange_sign_in(session, &event->credentials);
		break;
	case SMTP_EVENT_SENDER:
		on_sender(session, event->address.whole);
		break;
	case SMTP_EVENT_RECIPIENT:
		on_recipient(session, event->address.whole);
		break;
	case SMTP_EVENT_DATA:
		on_data(session);
		break;
	case SMTP_EVENT_BODY:
		on_body(session, event->text);
		break;
	case SMTP_EVENT_BODY_END:
		on_body_end(session);
		break;
	case SMTP_EVENT_REFUSED:
		on_refused(session, event);
		break;
	case SMTP_EVENT_RESET:
		drop_message(session);
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
		flush(session);
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
	struct exchange_session *session = stream->owner;

	(void)end;
	(void)fault;
	session->ended = true;
	stream_abort(stream);
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

	drop_message(session);
	if (session->mailbox)
		session->mailbox->connections--;
	(void)table_take(&session->sandbox->sessions, TABLE_KEY(session->number));
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
		.starttls = !faults_is_on(&session->sandbox->faults, FAULT_NO_STARTTLS),
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
	flush(session);
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

void exchange_close(struct sandbox *sandbox)
{
	struct exchange_session *session;
	size_t at = 0;

	uv_close((uv_handle_t *)&sandbox->listener, NULL);
	while ((session = table_next(&sandbox->sessions, &at))) {
		if (!session->ended)
			smtp_server_hang_up(&session->smtp, SMTP_REPLY_SHUTTING_DOWN);
		hang_up(session);
	}
}
