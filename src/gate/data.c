#include "gate/data.h"

#include "base/clock.h"
#include "wire/repair.h"
#include "wire/trace_header.h"

static const struct smtp_reply two_from = {
	554, { "5.6.0", 5 }, { "Invalid message content: more than one From or Sender field", 59 }, { "", 0 }
};
/* What is behind the cut would go out as a sender that nobody has looked at. */
static const struct smtp_reply long_from = {
	554, { "5.6.0", 5 }, { "Invalid message content: the From or Sender field is too long", 61 }, { "", 0 }
};
/* Exchange's words; here: From cannot be rewritten in it. */
static const struct smtp_reply large_header = {
	552, { "5.3.4", 5 }, { "Header size exceeds fixed maximum size", 38 }, { "", 0 }
};

/* Repairs that the listener wants, and the From that the account was given. False: out of memory. */
static bool repairs_begin(struct session *session)
{
	const struct limits *limits = &session->listener->gate->settings->limits;
	struct repair_facts facts = {
		.hostname = session->listener->options.hostname,
		.event_id = str_of(session->next_id),
		.sender = session->draft->sender,
		.from_rewrite = str_of(session->from_rewrite),
		.received_us = clock_real_us(),
	};
	unsigned switches = session->listener->settings->repairs;

	if (!switches && facts.from_rewrite.len == 0)
		return true;
	return draft_repair(session->draft, switches, &facts, (size_t)limits->repair_header_bytes_max,
			    (size_t)limits->repair_look_bytes_max);
}

void data_begin(struct session *session)
{
	struct trace_header trace = {
		.hello = str_of(session->smtp.hello),
		.peer = str_of(session->peer.text),
		.hostname = session->listener->options.hostname,
		.esmtp = session->smtp.esmtp,
		.tls = session->smtp.tls,
		.signed_in = session->account != NULL,
		.utf8 = session->draft->mail.utf8,
		.event_id = str_of(session->next_id),
		.mark = STR("Sekisho"),
		.real_us = clock_real_us(),
	};
	struct buf header;

	buf_init(&header, 4096);
	if (trace_header_print(&header, &trace) && repairs_begin(session))
		draft_add_own(session->draft, buf_str(&header));
	else
		session->draft->failed = true;
	buf_done(&header);
	smtp_server_answer(&session->smtp, true, &(struct smtp_reply){ 0 });
}

void data_add(struct session *session, struct str run)
{
	draft_add(session->draft, run);
	if (draft_wants_file(session->draft)) {
		session->draft->keeper_knows = true;
		session->draft->failed = !session_ask(session, ASK_BODY_FILE, NULL);
	}
}

/* Why a message whose end is here is not even offered to the keeper; NULL: it is. */
static const struct smtp_reply *reason_against(const struct session *session, struct smtp_reply *loop)
{
	const struct limits *limits = &session->listener->gate->settings->limits;
	const struct draft *draft = session->draft;
	const struct header_scan *header = &draft->header;

	*loop = smtp_reply_of(SMTP_REPLY_LOOP);
	if (header->received > limits->received_headers_max)
		return loop;
	if (draft->repair && repair_not_rewritten(draft->repair))
		return &large_header;
	for (int field = 0; field < HEADER_SENDERS_COUNT; field++) {
		if (header->cut[field] || header->count[field] > 1)
			return header->cut[field] ? &long_from : &two_from;
	}
	return NULL;
}

bool data_end(struct session *session)
{
	struct draft *draft = session->draft;

	draft_end(draft);
	if (!draft_wants_file(draft))
		return data_commit(session);
	draft->keeper_knows = true; /* what repairs held back is large */
	return session_ask(session, ASK_BODY_FILE, NULL);
}

bool data_commit(struct session *session)
{
	struct smtp_reply loop;
	struct smtp_reply no_room = smtp_reply_of(SMTP_REPLY_NO_ROOM);
	const struct smtp_reply *reply;

	reply = reason_against(session, &loop);
	if (!reply && !session->draft->failed && session_commit(session))
		return true;
	return session_refuse(session, SMTP_PHASE_DATA, reply ? reply : &no_room, session->draft->sender);
}
