#include "base/cleanup.h"
#include "wire/repair_mailbox.h"

static const char *const address_fields[] = {
	"from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc",
};

bool repair_is_address_field(struct str name)
{
	for (size_t i = 0; i < sizeof(address_fields) / sizeof(*address_fields); i++) {
		if (str_eq_nocase(name, str_of(address_fields[i])))
			return true;
	}
	return false;
}

/* The value of an address field in UTF-8, unfolded. False: it is raw, and such are not to be touched. */
static bool value_of(struct repair_header *header, const struct repair_field *field, struct str *ret_value)
{
	CLEANUP(cleanup_buf) struct buf utf8 = { 0 };
	struct str value = repair_value(header, field);

	*ret_value = value;
	if (!repair_is_raw(value))
		return true;
	buf_init(&utf8, value.len * 4 + 16);
	if (!repair_utf8(value, &utf8) || !arena_keep(&header->arena, buf_str(&utf8), ret_value)) {
		header->failed = true;
		return false;
	}
	return true;
}

static void mend_field(struct repair_header *header, struct repair_field *field)
{
	CLEANUP(cleanup_buf) struct buf out = { 0 };
	struct repair_mailboxes list;
	struct str value;
	bool raw = repair_is_raw(field->body);

	if ((raw && !repair_is_on(header, REPAIR_RAW_HEADERS)) || !value_of(header, field, &value) ||
	    !repair_mailboxes_parse(&header->arena, value, &list))
		return;
	if (list.bent && !repair_is_on(header, REPAIR_ANGLE_BRACKETS))
		return;
	if (!list.bent && !raw && !(list.unquoted && repair_is_on(header, REPAIR_QUOTED_AT)))
		return; /* as it should be */
	buf_init(&out, value.len * 16 + 256);
	if (!repair_mailboxes_print(&out, &list, repair_is_on(header, REPAIR_QUOTED_AT), field->name.len + 2))
		return;
	repair_set(header, field, buf_str(&out));
	header->done |= (list.bent ? REPAIR_BIT(REPAIR_ANGLE_BRACKETS) : 0) | (raw ? REPAIR_BIT(REPAIR_RAW_HEADERS) : 0) |
			(list.unquoted && repair_is_on(header, REPAIR_QUOTED_AT) ? REPAIR_BIT(REPAIR_QUOTED_AT) : 0);
}

/* "Message-ID: 1@x" → <1@x>. */
static void mend_message_id(struct repair_header *header)
{
	CLEANUP(cleanup_buf) struct buf out = { 0 };
	struct repair_field *field = repair_find(header, STR("message-id"));
	struct str value = field ? repair_value(header, field) : STR("");
	char first, last;

	if (value.len == 0 || !str_is_ascii(value) || str_find(value, ' ') < value.len || str_find(value, '\t') < value.len)
		return;
	first = value.ptr[0];
	last = value.ptr[value.len - 1];
	if (first == '<' && last == '>')
		return;
	buf_init(&out, value.len + 2);
	if ((first != '<' && !buf_add_byte(&out, '<')) || !buf_add(&out, value) || (last != '>' && !buf_add_byte(&out, '>')))
		return;
	repair_set(header, field, buf_str(&out));
	repair_tell(header, REPAIR_ANGLE_BRACKETS);
}

void repair_addresses(struct repair_header *header)
{
	for (size_t i = 0; i < header->count && !header->failed; i++) {
		if (repair_is_address_field(header->fields[i].name))
			mend_field(header, &header->fields[i]);
	}
	if (repair_is_on(header, REPAIR_ANGLE_BRACKETS))
		mend_message_id(header);
}

/* --- who an account is allowed to be --- */

static bool is_other_sender(struct str name)
{
	return str_eq_nocase(name, STR("sender")) || str_eq_nocase(name, STR("resent-from")) ||
	       str_eq_nocase(name, STR("resent-sender"));
}

/* The address alone, or with the name that stood there. */
static bool new_from(struct repair_header *header, const struct repair_mailboxes *list, struct buf *out)
{
	struct repair_mailbox item = { .kind = MAILBOX_ANGLE, .address = header->facts.from_rewrite, .changed = true };
	struct repair_mailboxes one = { .items = &item, .count = 1 };

	if (list && list->count == 1 && list->items[0].kind == MAILBOX_ANGLE)
		item.phrase = list->items[0].phrase;
	return repair_mailboxes_print(out, &one, true, STR("From: ").len);
}

static bool is_same_already(struct repair_header *header, const struct repair_mailboxes *list)
{
	size_t count = 0;

	for (size_t i = 0; i < header->count; i++) {
		count += str_eq_nocase(header->fields[i].name, STR("from"));
		if (is_other_sender(header->fields[i].name))
			return false;
	}
	return count == 1 && list && list->count == 1 && !list->bent && !list->unquoted &&
	       list->items[0].kind != MAILBOX_WORDS && str_eq_nocase(list->items[0].address, header->facts.from_rewrite);
}

/* Who was named before gets the answers, unless somebody is named for that. */
static void keep_reply_to(struct repair_header *header, const struct repair_mailboxes *list)
{
	CLEANUP(cleanup_buf) struct buf out = { 0 };

	if (!list || list->count == 0 || repair_find(header, STR("reply-to")))
		return;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].kind == MAILBOX_WORDS)
			return;
	}
	buf_init(&out, 65536);
	if (repair_mailboxes_print(&out, list, true, STR("Reply-To: ").len))
		repair_add(header, STR("Reply-To"), buf_str(&out));
}

void repair_rewrite(struct repair_header *header)
{
	CLEANUP(cleanup_buf) struct buf out = { 0 };
	struct repair_field *from = repair_find(header, STR("from"));
	struct repair_mailboxes list;
	struct repair_mailboxes *was = NULL;
	struct str value;

	if (from && value_of(header, from, &value) && repair_mailboxes_parse(&header->arena, value, &list))
		was = &list;
	if (is_same_already(header, was))
		return;
	buf_init(&out, 65536);
	if (!new_from(header, was, &out)) {
		buf_clear(&out);
		if (!new_from(header, NULL, &out))
			header->failed = true;
	}
	keep_reply_to(header, was);
	if (from)
		repair_set(header, from, buf_str(&out));
	else
		repair_add(header, STR("From"), buf_str(&out));
	for (size_t i = 0; i < header->count; i++) {
		struct repair_field *field = &header->fields[i];
		bool other = (from && field != from && str_eq_nocase(field->name, STR("from"))) || is_other_sender(field->name);

		if (other)
			repair_drop(field);
		else if (str_eq_nocase(field->name, STR("dkim-signature"))) /* it covered From: it is none any more */
			repair_rename(header, field, STR("X-Original-DKIM-Signature"));
	}
	repair_tell(header, REPAIR_FROM_REWRITE);
}
