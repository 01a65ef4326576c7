#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/mime_field.h"
#include "wire/repair_private.h"

struct repair_field *repair_find(struct repair_header *header, struct str name)
{
	for (size_t i = 0; i < header->count; i++) {
		if (header->fields[i].name.len > 0 && str_eq_nocase(header->fields[i].name, name))
			return &header->fields[i];
	}
	return NULL;
}

struct str repair_value(struct repair_header *header, const struct repair_field *field)
{
	struct str value = field->body;
	size_t len = 0;
	char *text;

	if (str_find(value, '\n') == value.len)
		return str_trim(value);
	text = arena_take(&header->arena, value.len + 1);
	if (!text) {
		header->failed = true;
		return STR("");
	}
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] != '\r' && value.ptr[i] != '\n')
			text[len++] = value.ptr[i];
	}
	return str_trim((struct str){ text, len });
}

static void field_make(struct repair_header *header, struct repair_field *field, struct str name, struct str value)
{
	size_t front = name.len + 2;
	char *text = arena_take(&header->arena, front + value.len + 2);

	if (!text) {
		header->failed = true;
		return;
	}
	memcpy(text, name.ptr, name.len);
	memcpy(text + name.len, ": ", 2);
	if (value.len > 0)
		memcpy(text + front, value.ptr, value.len);
	memcpy(text + front + value.len, "\r\n", 2);
	*field = (struct repair_field){
		.raw = { text, front + value.len + 2 },
		.name = { text, name.len },
		.body = { text + name.len + 1, value.len + 1 },
	};
}

void repair_set(struct repair_header *header, struct repair_field *field, struct str value)
{
	field_make(header, field, field->name, value);
}

void repair_rename(struct repair_header *header, struct repair_field *field, struct str name)
{
	field_make(header, field, name, str_trim(field->body));
}

void repair_add(struct repair_header *header, struct str name, struct str value)
{
	field_make(header, &header->fields[header->count], name, value);
	if (!header->failed)
		header->count++;
}

void repair_drop(struct repair_field *field)
{
	*field = (struct repair_field){ 0 };
}

/* --- what the mail is --- */

static struct str media_type(struct repair_header *header)
{
	const struct repair_field *field = repair_find(header, STR("content-type"));
	struct str value = field ? repair_value(header, field) : STR("");

	return str_trim(str_cut(&value, ';'));
}

bool repair_is_signed(struct repair_header *header)
{
	for (size_t i = 0; i < header->count; i++) {
		if (mime_field_signs(header->fields[i].name))
			return true;
	}
	return mime_type_signs(media_type(header));
}

bool repair_is_plain_text(struct repair_header *header)
{
	static const char *const as_is[] = { "", "7bit", "8bit", "binary" };
	const struct repair_field *field = repair_find(header, STR("content-transfer-encoding"));
	struct str encoding = field ? repair_value(header, field) : STR("");
	struct str type = media_type(header);

	if (type.len > 0 && !str_eq_nocase(type, STR("text")) && !str_starts_nocase(type, STR("text/")))
		return false;
	for (size_t i = 0; i < sizeof(as_is) / sizeof(*as_is); i++) {
		if (str_eq_nocase(encoding, str_of(as_is[i])))
			return true;
	}
	return false;
}

/* --- what is missing --- */

static bool has_value(struct repair_header *header, struct str name)
{
	struct repair_field *field = repair_find(header, name);

	if (field && repair_value(header, field).len > 0)
		return true;
	if (field)
		repair_drop(field);
	return false;
}

static void add_message_id(struct repair_header *header)
{
	char id[600];

	if (has_value(header, STR("message-id")))
		return;
	(void)snprintf(id, sizeof(id), "<%.*s@%.*s>", (int)header->facts.event_id.len, header->facts.event_id.ptr,
		       header->facts.hostname.len < 255 ? (int)header->facts.hostname.len : 255, header->facts.hostname.ptr);
	repair_add(header, STR("Message-ID"), str_of(id));
	repair_tell(header, REPAIR_MISSING_MESSAGE_ID);
}

static void add_from(struct repair_header *header)
{
	char value[600];

	if (header->facts.sender.len == 0 || header->facts.sender.len > 500 || has_value(header, STR("from")))
		return;
	(void)snprintf(value, sizeof(value), "<%.*s>", (int)header->facts.sender.len, header->facts.sender.ptr);
	repair_add(header, STR("From"), str_of(value));
	repair_tell(header, REPAIR_MISSING_FROM);
}

static void add_mime_version(struct repair_header *header)
{
	bool has_mime = false;

	for (size_t i = 0; i < header->count; i++)
		has_mime |= str_starts_nocase(header->fields[i].name, STR("content-"));
	if (!has_mime || has_value(header, STR("mime-version")))
		return;
	repair_add(header, STR("MIME-Version"), STR("1.0"));
	repair_tell(header, REPAIR_MIME_VERSION);
}

/* --- what is there twice --- */

/* RFC 5322, 3.6. To add a field: a row. */
static const struct {
	const char *name;
	enum { FIRST_WINS, JOINED, SAME_ONLY } how;
} single[] = {
	{ "date", FIRST_WINS },         { "subject", FIRST_WINS },
	{ "message-id", FIRST_WINS },   { "in-reply-to", FIRST_WINS },
	{ "references", FIRST_WINS },   { "mime-version", FIRST_WINS },
	{ "content-type", FIRST_WINS }, { "content-transfer-encoding", FIRST_WINS },
	{ "to", JOINED },               { "cc", JOINED },
	{ "bcc", JOINED },              { "reply-to", JOINED },
	/* Which of two senders is meant is not guessed: the message is refused when they differ. */
	{ "from", SAME_ONLY },          { "sender", SAME_ONLY },
};

static void join(struct repair_header *header, struct repair_field *first, struct repair_field *second)
{
	CLEANUP(cleanup_buf) struct buf joined = { 0 };
	struct str one = str_trim(first->body);
	struct str two = str_trim(second->body);

	buf_init(&joined, one.len + two.len + 8);
	if (!buf_add(&joined, one) || (one.len > 0 && two.len > 0 && !buf_add(&joined, STR(",\r\n "))) || !buf_add(&joined, two))
		header->failed = true;
	repair_set(header, first, buf_str(&joined));
	repair_drop(second);
}

static void drop_duplicates_of(struct repair_header *header, size_t row)
{
	struct str name = str_of(single[row].name);
	struct repair_field *first = repair_find(header, name);

	for (size_t i = first ? (size_t)(first - header->fields) + 1 : header->count; i < header->count; i++) {
		struct repair_field *other = &header->fields[i];

		if (!str_eq_nocase(other->name, name))
			continue;
		if (single[row].how == SAME_ONLY &&
		    !str_eq_nocase(repair_value(header, first), repair_value(header, other)))
			continue;
		repair_tell(header, REPAIR_DUPLICATE_FIELDS);
		if (single[row].how == JOINED)
			join(header, first, other);
		else
			repair_drop(other);
	}
}

static void drop_duplicates(struct repair_header *header)
{
	for (size_t i = 0; i < sizeof(single) / sizeof(*single) && !header->failed; i++)
		drop_duplicates_of(header, i);
}

/* --- all of them --- */

struct pass {
	unsigned switches;
	void (*run)(struct repair_header *header);
};

/* In the order in which they are done. To add a switch: a row. */
static const struct pass passes[] = {
	{ REPAIR_BIT(REPAIR_DUPLICATE_FIELDS), drop_duplicates },
	{ REPAIR_BIT(REPAIR_BAD_DATE) | REPAIR_BIT(REPAIR_MISSING_DATE), repair_date },
	{ REPAIR_BIT(REPAIR_RAW_HEADERS), repair_raw_fields },
	{ REPAIR_BIT(REPAIR_RAW_HEADERS) | REPAIR_BIT(REPAIR_QUOTED_AT) | REPAIR_BIT(REPAIR_ANGLE_BRACKETS), repair_addresses },
	{ REPAIR_BIT(REPAIR_DUPLICATE_FIELDS), drop_duplicates }, /* senders that only now read the same */
	{ REPAIR_BIT(REPAIR_MISSING_FROM), add_from },
	{ REPAIR_BIT(REPAIR_MISSING_MESSAGE_ID), add_message_id },
};
/* Behind what the body has added. */
static const struct pass last_passes[] = {
	{ REPAIR_BIT(REPAIR_MIME_VERSION), add_mime_version },
	{ REPAIR_BIT(REPAIR_LONG_LINES), repair_fold },
};

static void run(struct repair_header *header, const struct pass *rows, size_t count)
{
	for (size_t i = 0; i < count && !header->failed; i++) {
		if (header->switches & rows[i].switches)
			rows[i].run(header);
	}
}

void repair_fields(struct repair_header *header)
{
	run(header, passes, sizeof(passes) / sizeof(*passes));
}

void repair_finish(struct repair_header *header)
{
	run(header, last_passes, sizeof(last_passes) / sizeof(*last_passes));
}
