#include "wire/ask.h"

#include "base/pack.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ROW(type, member, kind) PACK_FIELD(type, member, kind)

static const struct pack_field head_fields[] = {
	ROW(ask_head, kind, PACK_U8),
	ROW(ask_head, id, PACK_U64),
	ROW(ask_head, session, PACK_U64),
};

static const struct pack_field connected_fields[] = {
	ROW(ask_connected, ip, PACK_BYTES),
	ROW(ask_connected, port, PACK_U32),
	ROW(ask_connected, listener, PACK_U32),
};

static const struct pack_field sign_in_fields[] = {
	ROW(ask_sign_in, mechanism, PACK_U8),    ROW(ask_sign_in, authzid, PACK_STR),
	ROW(ask_sign_in, user, PACK_STR),        ROW(ask_sign_in, secret, PACK_STR),
	ROW(ask_sign_in, ehlo, PACK_STR),        ROW(ask_sign_in, tls_version, PACK_STR),
	ROW(ask_sign_in, tls_cipher, PACK_STR),
};

static const struct pack_field refused_fields[] = {
	ROW(ask_refused, phase, PACK_U8),        ROW(ask_refused, code, PACK_U32),
	ROW(ask_refused, enhanced, PACK_STR),    ROW(ask_refused, text, PACK_STR),
	ROW(ask_refused, detail, PACK_STR),      ROW(ask_refused, ehlo, PACK_STR),
	ROW(ask_refused, tls_version, PACK_STR), ROW(ask_refused, tls_cipher, PACK_STR),
};

static const struct pack_field recipients_fields[] = {
	ROW(ask_recipients, count, PACK_U32),
	ROW(ask_recipients, packed, PACK_STR),
};

static const struct pack_field recipient_fields[] = {
	ROW(ask_recipient, address, PACK_STR),
	ROW(ask_recipient, orcpt, PACK_STR),
	ROW(ask_recipient, notify, PACK_U8),
};

static const struct pack_field commit_fields[] = {
	ROW(ask_commit, sender, PACK_STR),       ROW(ask_commit, envid, PACK_STR),
	ROW(ask_commit, header_from, PACK_STR),  ROW(ask_commit, subject, PACK_STR),
	ROW(ask_commit, message_id, PACK_STR),   ROW(ask_commit, ret, PACK_U8),
	ROW(ask_commit, body_8bit, PACK_U8),     ROW(ask_commit, utf8, PACK_U8),
	ROW(ask_commit, size_bytes, PACK_U64),   ROW(ask_commit, checksum, PACK_BYTES),
	ROW(ask_commit, body_file, PACK_U64),    ROW(ask_commit, body, PACK_STR),
	ROW(ask_commit, count, PACK_U32),        ROW(ask_commit, recipients, PACK_STR),
	ROW(ask_commit, repairs, PACK_U32),
};

static const struct pack_field answer_fields[] = {
	ROW(ask_answer, good, PACK_U8),          ROW(ask_answer, code, PACK_U32),
	ROW(ask_answer, enhanced, PACK_STR),     ROW(ask_answer, text, PACK_STR),
	ROW(ask_answer, event_id, PACK_STR),     ROW(ask_answer, account, PACK_STR),
	ROW(ask_answer, send_as, PACK_STR),      ROW(ask_answer, next_id, PACK_STR),
	ROW(ask_answer, body_file, PACK_U64),    ROW(ask_answer, from_rewrite, PACK_STR),
};

static const struct pack_field room_fields[] = { ROW(ask_room, has_room, PACK_U8) };

/* To add a message: its kind, its struct, its fields, a row. */
static const struct {
	const struct pack_field *fields;
	size_t count;
} kinds[ASK_KIND_COUNT] = {
	[ASK_CONNECTED] = { connected_fields, COUNT(connected_fields) },
	[ASK_SIGN_IN] = { sign_in_fields, COUNT(sign_in_fields) },
	[ASK_REFUSED] = { refused_fields, COUNT(refused_fields) },
	[ASK_RECIPIENTS] = { recipients_fields, COUNT(recipients_fields) },
	[ASK_COMMIT] = { commit_fields, COUNT(commit_fields) },
	[ASK_ANSWER] = { answer_fields, COUNT(answer_fields) },
	[ASK_ROOM] = { room_fields, COUNT(room_fields) },
};

bool ask_print(struct buf *out, const struct ask_head *head, const void *body)
{
	return pack_print(out, head_fields, COUNT(head_fields), head) &&
	       pack_print(out, kinds[head->kind].fields, kinds[head->kind].count, body);
}

bool ask_parse(struct str packet, struct ask_head *ret_head, union ask_body *ret_body)
{
	struct str rest = packet;

	return pack_parse(&rest, head_fields, COUNT(head_fields), ret_head) && ret_head->kind < ASK_KIND_COUNT &&
	       pack_parse(&rest, kinds[ret_head->kind].fields, kinds[ret_head->kind].count, ret_body) && rest.len == 0;
}

bool ask_recipient_print(struct buf *out, const struct ask_recipient *recipient)
{
	return pack_print(out, recipient_fields, COUNT(recipient_fields), recipient);
}

bool ask_recipient_next(struct str *packed, struct ask_recipient *ret_recipient)
{
	return pack_parse(packed, recipient_fields, COUNT(recipient_fields), ret_recipient);
}
