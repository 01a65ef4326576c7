#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/exchange_private.h"

#define CONNECTIONS_OF_A_MAILBOX 3
#define MINUTE_MS 60000u
#define SLOW_MS 3000
#define SENDERS_MAX 16
#define MESSAGE_ID_SHOWN_MAX 400

void exchange_drop(struct exchange_session *session)
{
	inbox_drop(&session->sandbox->inbox, &session->message);
	if (session->header_open)
		header_scan_done(&session->header);
	session->header_open = session->receiving = false;
}

void exchange_data(struct exchange_session *session)
{
	if (!inbox_begin(&session->sandbox->inbox, &session->message)) {
		exchange_refuse(session, 452, "4.3.1", "Insufficient system resources");
		return;
	}
	header_scan_init(&session->header, STR(""));
	session->header_open = session->receiving = true;
	exchange_accept(session);
}

void exchange_body(struct exchange_session *session, struct str run)
{
	if (faults_strike(&session->sandbox->faults, FAULT_CUT_MID_DATA)) {
		exchange_cut(session);
		return;
	}
	inbox_add(&session->message, run);
	if (!header_scan_feed(&session->header, run))
		session->message.failed = true;
}

/* --- what the mailbox server says at the end --- */

/* The first address of the header From that is not the mailbox that signed in. False: all are, or there is none. */
static bool other_sender(const struct exchange_session *session, size_t size, char *ret_other)
{
	struct str own = str_of(session->mailbox->address);
	struct str value = str_trim(buf_str(&session->header.value[HEADER_FROM]));
	struct buf addresses;
	struct str rest;
	bool other = false;

	if (session->header.count[HEADER_FROM] == 0)
		return false;
	buf_init(&addresses, HEADER_VALUE_MAX);
	if (header_addresses_parse(value, SENDERS_MAX, &addresses)) {
		for (rest = buf_str(&addresses); !other && rest.len > 0;) {
			value = str_cut(&rest, '\n');
			other = !str_eq_nocase(own, value);
		}
	} else {
		other = true;
	}
	if (other)
		(void)snprintf(ret_other, size, "%.*s", value.len < size ? (int)value.len : (int)size - 1, value.ptr);
	buf_done(&addresses);
	return other;
}

static void refuse(struct exchange_session *session, unsigned code, const char *enhanced, const char *text)
{
	exchange_drop(session);
	session->sandbox->stats.refused++;
	smtp_server_answer(&session->smtp, false, &(struct smtp_reply){ code, str_of(enhanced), str_of(text), STR(EXCHANGE_BACKEND) });
}

static void deny_send_as(struct exchange_session *session, const char *other)
{
	char text[1200];

	(void)snprintf(text, sizeof(text),
		       "SendAsDenied; %s not allowed to send as %s; STOREDRV.Submission.Exception:SendAsDeniedException."
		       "MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message "
		       "[BeginDiagnosticData]Cannot submit message. SANDBOX[EndDiagnosticData]",
		       session->mailbox->address, other);
	refuse(session, 554, "5.2.252", text);
}

/* A fourth connection at once; whoever was too many may go on once another has left. */
static bool is_too_many(const struct exchange_session *session)
{
	return session->one_too_many && session->mailbox->connections > CONNECTIONS_OF_A_MAILBOX;
}

/* Faults of a message, in the order in which they are looked at. To add one: a row. */
static const struct {
	enum sandbox_fault fault;
	bool (*fits)(const struct exchange_session *); /* NULL: always */
	unsigned code;
	const char *enhanced, *text;
} message_faults[] = {
	{ FAULT_CONCURRENT_432, is_too_many, 432, "4.3.2",
	  "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information." },
	{ FAULT_MAILBOX_FULL, NULL, 554, "5.2.2",
	  "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded" },
	{ FAULT_TEMPORARY_451, NULL, 451, "4.7.0", "Temporary server error. Please try again later. PRX2" },
};

static bool strikes(struct exchange_session *session)
{
	for (size_t i = 0; i < sizeof(message_faults) / sizeof(*message_faults); i++) {
		if ((message_faults[i].fits && !message_faults[i].fits(session)) ||
		    !faults_strike(&session->sandbox->faults, message_faults[i].fault))
			continue;
		refuse(session, message_faults[i].code, message_faults[i].enhanced, message_faults[i].text);
		return true;
	}
	return false;
}

/* --- the good reply --- */

/* The first minute that has room for one more of the mailbox: what is over a minute's share is carried into those after it. */
static uint64_t wait_for_minute_ms(struct sandbox_mailbox *mailbox, unsigned messages_a_minute)
{
	uint64_t now_ms = (uint64_t)clock_real_ms();

	if (mailbox->minute < now_ms / MINUTE_MS) {
		mailbox->minute = now_ms / MINUTE_MS;
		mailbox->sent = 0;
	}
	if (mailbox->sent >= messages_a_minute) {
		mailbox->minute++;
		mailbox->sent = 0;
	}
	mailbox->sent++;
	return mailbox->minute * MINUTE_MS > now_ms ? mailbox->minute * MINUTE_MS - now_ms : 0;
}

static uint64_t wait_ms(struct exchange_session *session)
{
	struct faults *faults = &session->sandbox->faults;
	uint64_t ms = faults_is_on(faults, FAULT_RATE_30) ? wait_for_minute_ms(session->mailbox, session->sandbox->messages_per_minute) : 0;

	if (ms > 0 && !faults_strike(faults, FAULT_RATE_30))
		ms = 0;
	session->sandbox->stats.rate_delayed += ms > 0;
	return faults_strike(faults, FAULT_SLOW) ? ms + SLOW_MS : ms;
}

static void answer_taken(struct exchange_session *session)
{
	session->late_due = false;
	smtp_server_answer(&session->smtp, true,
			   &(struct smtp_reply){ 250, STR("2.0.0"), str_of(session->late_text), STR(EXCHANGE_BACKEND) });
}

void exchange_answer_late(struct exchange_session *session)
{
	if (!session->late_due)
		return;
	(void)uv_timer_stop(&session->late);
	answer_taken(session);
}

static void on_late(uv_timer_t *timer)
{
	struct exchange_session *session = timer->data;

	if (session->ended)
		return;
	exchange_answer_late(session);
	exchange_flush(session);
	if (!session->ended)
		stream_again(&session->stream);
}

static void answer_after(struct exchange_session *session, uint64_t ms)
{
	session->late_due = true;
	if (!session->late_open) {
		session->late.data = session;
		(void)uv_timer_init(&session->sandbox->loop.uv, &session->late);
		session->late_open = true;
	}
	(void)uv_timer_start(&session->late, on_late, ms, 0);
}

/* The real one names the message, with a Message-ID of its own when the client gave none. */
static void word_reply(struct exchange_session *session)
{
	struct str message_id = str_trim(buf_str(&session->header.value[HEADER_MESSAGE_ID]));

	if (message_id.len == 0)
		(void)snprintf(session->late_text, sizeof(session->late_text), "OK <%08x-%06llx@" SANDBOX_TENANT ">", random_below(UINT32_MAX),
			       (unsigned long long)session->sandbox->inbox.count);
	else
		(void)snprintf(session->late_text, sizeof(session->late_text), "OK %.*s",
			       message_id.len < MESSAGE_ID_SHOWN_MAX ? (int)message_id.len : MESSAGE_ID_SHOWN_MAX, message_id.ptr);
}

static void taken(struct exchange_session *session)
{
	uint64_t ms;

	session->sandbox->stats.messages++;
	word_reply(session);
	log_event(LOG_LEVEL_INFO, "SANDBOX message", LOG_TEXT("mailbox", session->mailbox->address), LOG_TEXT("reply", session->late_text),
		  LOG_TEXT("file", session->message.name));
	exchange_drop(session);
	if (faults_strike(&session->sandbox->faults, FAULT_CUT_AFTER_DOT)) {
		exchange_cut(session);
		return;
	}
	ms = wait_ms(session);
	if (ms == 0)
		answer_taken(session);
	else
		answer_after(session, ms);
}

void exchange_body_end(struct exchange_session *session)
{
	struct inbox_envelope envelope = {
		.from = str_of(session->sender),
		.to = buf_str(&session->recipients),
		.authenticated_as = str_of(session->mailbox->address),
		.mechanism = str_of(session->mechanism),
	};
	char other[SMTP_ADDRESS_MAX + 1] = "";
	bool denied = other_sender(session, sizeof(other), other);

	if (faults_strike(&session->sandbox->faults, FAULT_SEND_AS_DENIED) || denied)
		deny_send_as(session, denied ? other : session->sender);
	else if (strikes(session))
		return;
	else if (inbox_finish(&session->sandbox->inbox, &session->message, &envelope))
		taken(session);
	else
		refuse(session, 452, "4.3.1", "Insufficient system storage");
}
