#include "gate/deadline.h"

/* A body has its time, and beyond it must keep up a least rate: a large scan on a slow line passes, a byte every ten
 * seconds does not. */
static bool body_is_late(const struct session *session, uint64_t elapsed_ms)
{
	const struct limits *limits = &session->listener->gate->settings->limits;
	uint64_t earned_ms = session->smtp.body.raw_bytes * 1000 / (limits->data_bytes_per_second_min + 1);

	return elapsed_ms >= limits->command_seconds_max * 1000 + earned_ms ||
	       (elapsed_ms >= limits->data_seconds_max * 1000 && elapsed_ms >= earned_ms);
}

bool deadline_is_over(const struct session *session, uint64_t now_ms)
{
	const struct limits *limits = &session->listener->gate->settings->limits;
	uint64_t elapsed_ms = now_ms - session->waits_since_ms;

	if (session->stream.handshaking || !session->greeted)
		return elapsed_ms >= limits->handshake_seconds_max * 1000;
	if (session->smtp.state == SMTP_BODY)
		return body_is_late(session, elapsed_ms);
	return elapsed_ms >= limits->command_seconds_max * 1000 ||
	       now_ms - session->opened_ms >= limits->session_seconds_max * 1000;
}
