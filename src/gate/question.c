#include "gate/session.h"

#include <stdlib.h>
#include <string.h>

#define QUESTION_BYTES_MAX LINK_PACKET_BYTES_MAX
#define SHOWN_BYTES_MAX 512
#define COMMIT_LARGE_BYTES_MAX (LINK_PACKET_BYTES_MAX - 4096) /* the rest is sender, envid and what is shown */

static bool send_packet(struct session *session, enum ask_kind kind, uint64_t question, const void *body)
{
	struct gate *gate = session->listener->gate;
	struct ask_head head = { .kind = (uint8_t)kind, .id = question, .session = session->id };
	struct buf packet;
	bool sent;

	buf_init(&packet, QUESTION_BYTES_MAX);
	sent = ask_print(&packet, &head, body) && link_send(&gate->link, buf_str(&packet), -1);
	buf_wipe(&packet); /* a SIGN_IN holds a password */
	return sent;
}

bool session_ask(struct session *session, enum ask_kind kind, const void *body)
{
	uint64_t question = ++session->listener->gate->last_question;

	if (!send_packet(session, kind, question, body))
		return false;
	session->asked = question;
	session->asked_kind = (uint8_t)kind;
	return true;
}

bool session_tell(struct session *session, enum ask_kind kind, const void *body)
{
	return send_packet(session, kind, 0, body);
}

struct session *session_tell_gone(struct session *untold)
{
	while (untold && session_tell(untold, ASK_HANGUP, NULL)) {
		struct session *told = untold;

		untold = told->next;
		free(told);
	}
	return untold;
}

bool session_refuse(struct session *session, enum smtp_phase phase, const struct smtp_reply *reply, struct str detail)
{
	struct ask_refused refused = {
		.phase = (uint8_t)phase,
		.code = reply->code,
		.enhanced = reply->enhanced,
		.text = reply->text,
		.detail = detail,
		.ehlo = str_of(session->smtp.hello),
		.tls_version = str_of(stream_tls_version(&session->stream)),
		.tls_cipher = str_of(stream_tls_cipher(&session->stream)),
	};

	return session_ask(session, ASK_REFUSED, &refused);
}

/* The keeper shows no more of them; COMMIT is one packet. */
static struct str shown(struct str value)
{
	return (struct str){ value.ptr, value.len < SHOWN_BYTES_MAX ? value.len : SHOWN_BYTES_MAX };
}

bool session_tell_recipients(struct session *session)
{
	struct draft *draft = session->draft;
	struct ask_recipients more = { draft->recipients_count, buf_str(&draft->recipients) };

	if (!session_tell(session, ASK_RECIPIENTS, &more))
		return false;
	draft->keeper_knows = true;
	buf_clear(&draft->recipients);
	draft->recipients_count = 0;
	return true;
}

bool session_commit(struct session *session)
{
	struct draft *draft = session->draft;
	struct ask_commit commit = {
		.sender = draft->sender,
		.envid = draft->envid,
		.subject = shown(buf_str(&draft->header.value[HEADER_SUBJECT])),
		.message_id = shown(buf_str(&draft->header.value[HEADER_MESSAGE_ID])),
		.ret = (uint8_t)draft->mail.ret,
		.body_8bit = draft->mail.body_8bit || draft->header.eight_bit,
		.utf8 = draft->mail.utf8,
		.size_bytes = draft->size_bytes,
		.body_file = draft->body_file,
		.repairs = (draft->repair ? repair_done(draft->repair) : 0) |
			   (session->smtp.body.bare_newlines > 0 ? REPAIR_BIT(REPAIR_BARE_NEWLINE) : 0),
	};
	struct buf from;
	bool asked;

	/* Who the message says it is from: every mailbox of From, Sender and their Resent- kin, unreadable ones as they stand, so that the keeper
	 * refuses what it cannot read rather than letting it through. */
	buf_init(&from, HEADER_SENDERS_COUNT * (HEADER_VALUE_MAX + 1));
	for (int field = 0; field < HEADER_SENDERS_COUNT; field++) {
		struct str value = buf_str(&draft->header.value[field]);

		if (from.len > 0)
			(void)!buf_add_byte(&from, '\n');
		if (draft->header.count[field] > 0 && !header_addresses_parse(value, 64, &from) && value.len > 0)
			(void)(buf_add(&from, STR("\n")) && buf_add(&from, value));
	}
	commit.header_from = buf_str(&from);
	if (from.len + draft->body.len + draft->recipients.len > COMMIT_LARGE_BYTES_MAX && !session_tell_recipients(session)) {
		buf_done(&from);
		return false;
	}
	commit.count = draft->recipients_count;
	commit.recipients = buf_str(&draft->recipients);
	if (draft->fd == -1)
		commit.body = buf_str(&draft->body);
	asked = draft_finish(draft, commit.checksum) && session_ask(session, ASK_COMMIT, &commit);
	buf_done(&from);
	return asked;
}
