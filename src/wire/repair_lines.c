#include <string.h>

#include "base/cleanup.h"
#include "wire/repair_private.h"

/* Behind a line that is no field, one of these says that the header section goes on. */
static const char *const known_names[] = {
	"from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
	"content-transfer-encoding", "content-disposition", "in-reply-to", "references", "x-mailer", "received",
};

/* The line at the start of `rest`, its CRLF included, or what there is. */
static struct str line_of(struct str rest)
{
	size_t newline = str_find(rest, '\n');

	return (struct str){ rest.ptr, newline < rest.len ? newline + 1 : rest.len };
}

static struct str without_end(struct str line)
{
	while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
		line.len--;
	return line;
}

/* RFC 5322, 2.2 and 4.5 (blanks before the colon). False: no field begins here. */
static bool name_parse(struct str line, struct str *ret_name, size_t *ret_colon)
{
	size_t at = 0;
	size_t end;

	while (at < line.len && line.ptr[at] > ' ' && line.ptr[at] < 0x7f && line.ptr[at] != ':')
		at++;
	for (end = at; at < line.len && repair_is_blank(line.ptr[at]);)
		at++;
	if (end == 0 || at == line.len || line.ptr[at] != ':')
		return false;
	*ret_name = (struct str){ line.ptr, end };
	*ret_colon = at;
	return true;
}

static struct repair_field *field_add(struct repair_header *header)
{
	return header->failed ? NULL : &header->fields[header->count++]; /* there is one for each line */
}

/* Behind the last field that everybody knows: a line before it, whatever it is, stands in the header section. */
static const char *last_known(struct str section)
{
	const char *found = section.ptr;
	struct str name;
	size_t colon;

	for (struct str rest = section; rest.len > 0;) {
		struct str line = line_of(rest);

		rest = str_skip(rest, line.len);
		if (!name_parse(line, &name, &colon))
			continue;
		for (size_t i = 0; i < sizeof(known_names) / sizeof(*known_names); i++) {
			if (str_eq_nocase(name, str_of(known_names[i])))
				found = rest.ptr;
		}
	}
	return found;
}

static size_t lines_of(struct str section)
{
	size_t count = 1;

	for (; section.len > 0; count++)
		section = str_skip(section, line_of(section).len);
	return count;
}

/* `front` and `line` as one field of the arena: its raw text. */
static struct str glued(struct repair_header *header, struct str front, struct str line)
{
	char *text = arena_take(&header->arena, front.len + line.len + 2);

	if (!text) {
		header->failed = true;
		return STR("");
	}
	memcpy(text, front.ptr, front.len);
	memcpy(text + front.len, line.ptr, line.len);
	return (struct str){ text, front.len + line.len };
}

static bool field_open(struct repair_header *header, struct str line, bool mend)
{
	struct repair_field *field = field_add(header);
	struct str name;
	size_t colon;

	if (!field)
		return false;
	*field = (struct repair_field){ .raw = line };
	if (!name_parse(line, &name, &colon))
		return true;
	if (mend && colon > name.len) { /* "Subject : x" */
		field->raw = glued(header, name, str_skip(line, colon));
		name.ptr = field->raw.ptr;
		colon = name.len;
		repair_tell(header, REPAIR_BROKEN_LINES);
	}
	field->name = name;
	field->body = without_end(str_skip(field->raw, colon + 1));
	return !header->failed;
}

static bool field_extend(struct repair_header *header, struct str line, bool mend)
{
	struct repair_field *field = &header->fields[header->count - 1];

	if (mend && str_trim(line).len == 0) { /* a line of blanks: some take it for the end */
		repair_tell(header, REPAIR_BROKEN_LINES);
		return true;
	}
	if (field->raw.ptr + field->raw.len == line.ptr) {
		field->raw.len += line.len;
	} else {
		size_t name_len = field->name.len;
		size_t body_at = field->body.ptr ? (size_t)(field->body.ptr - field->raw.ptr) : 0;

		field->raw = glued(header, field->raw, line);
		if (header->failed)
			return false;
		field->name = (struct str){ field->raw.ptr, name_len };
		field->body.ptr = field->raw.ptr + body_at;
	}
	if (field->name.len > 0)
		field->body = without_end((struct str){ field->body.ptr,
							(size_t)(field->raw.ptr + field->raw.len - field->body.ptr) });
	return true;
}

/* A line that is neither a field nor the going on of one. Answers false when the section ends before it. */
static bool stray_line(struct repair_header *header, struct str line, const char *known_end)
{
	struct str mbox = str_skip(line, str_starts(line, STR(">")) ? 1 : 0);

	repair_tell(header, REPAIR_BROKEN_LINES);
	if (header->count == 0 && str_starts(mbox, STR("From "))) { /* the envelope of a mailbox file */
		(void)field_open(header, glued(header, STR("X-Mailbox-Line: "), line), true);
		return true;
	}
	if (header->count == 0 && repair_is_blank(line.ptr[0])) {
		struct str trimmed = line;
		struct str name;
		size_t colon;

		while (trimmed.len > 0 && repair_is_blank(trimmed.ptr[0]))
			trimmed = str_skip(trimmed, 1);
		if (name_parse(trimmed, &name, &colon)) {
			(void)field_open(header, trimmed, true);
			return true;
		}
		if (str_trim(line).len == 0)
			return true; /* blanks alone */
	}
	if (line.ptr >= known_end)
		return false;
	if (header->count > 0)
		(void)field_extend(header, glued(header, STR(" "), line), true);
	else
		(void)field_open(header, glued(header, STR("X-Stray-Line: "), line), true);
	return true;
}

bool repair_split(struct repair_header *header, struct str section, bool mend, struct str *ret_rest)
{
	struct str rest = section;
	size_t lines = lines_of(section);
	const char *known_end = mend ? last_known(section) : section.ptr;

	*ret_rest = STR("");
	header->count = 0;
	header->fields = lines + REPAIR_ADDED_MAX > REPAIR_FIELDS_MAX
				 ? NULL
				 : arena_take(&header->arena, (lines + REPAIR_ADDED_MAX) * sizeof(*header->fields));
	if (!header->fields)
		header->failed = true;
	while (rest.len > 0 && !header->failed) {
		struct str line = line_of(rest);
		struct str behind = str_skip(rest, line.len);
		struct str name;
		size_t colon;

		if (header->count > 0 && repair_is_blank(line.ptr[0])) {
			(void)field_extend(header, line, mend);
		} else if (!mend || (!repair_is_blank(line.ptr[0]) && name_parse(line, &name, &colon))) {
			(void)field_open(header, line, mend);
		} else if (!stray_line(header, line, known_end)) {
			*ret_rest = rest;
			break;
		}
		rest = behind;
	}
	return !header->failed;
}

/* --- lines that are too long --- */

static bool has_long_line(struct str raw)
{
	while (raw.len > 0) {
		struct str line = line_of(raw);

		if (without_end(line).len > REPAIR_LINE_MAX)
			return true;
		raw = str_skip(raw, line.len);
	}
	return false;
}

static size_t last_blank(struct str text, size_t from, size_t to)
{
	for (size_t at = to; at > from; at--) {
		if (repair_is_blank(text.ptr[at]) && !repair_is_blank(text.ptr[at - 1]))
			return at;
	}
	return 0;
}

/* Where `text`, which is longer than `columns`, is cut: before its last blank within them, behind its last comma, else before
 * its first blank beyond, else at REPAIR_LINE_MAX, never inside a UTF-8 character. */
static size_t fold_at(struct str text, size_t columns)
{
	size_t limit = text.len < REPAIR_LINE_MAX - 1 ? text.len : REPAIR_LINE_MAX - 1;
	size_t at = last_blank(text, columns / 2, columns);

	if (at > 0)
		return at;
	for (at = columns; at > 1; at--) {
		if (text.ptr[at - 1] == ',')
			return at;
	}
	at = last_blank(text, 1, columns);
	if (at > 0)
		return at;
	for (at = columns; at < limit; at++) {
		if (repair_is_blank(text.ptr[at]) || text.ptr[at - 1] == ',')
			return at;
	}
	if (text.len <= REPAIR_LINE_MAX - 1)
		return text.len;
	while (at > limit - 4 && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static bool fold_line(struct str line, struct buf *out)
{
	size_t columns = REPAIR_FOLD_COLUMNS;

	while (line.len > columns) {
		size_t at = fold_at(line, columns);
		struct str left;

		if (str_trim((struct str){ line.ptr, at }).len == 0)
			at = line.len < REPAIR_LINE_MAX - 1 ? line.len : REPAIR_LINE_MAX - 1;
		left = str_skip(line, at);
		if (str_trim(left).len == 0) { /* a line of blanks would end the section for some */
			line.len = at;
			break;
		}
		if (!buf_add(out, (struct str){ line.ptr, at }) || !buf_add(out, STR("\r\n")))
			return false;
		if (!repair_is_blank(left.ptr[0]) && !buf_add_byte(out, ' '))
			return false;
		line = left;
	}
	return buf_add(out, line) && buf_add(out, STR("\r\n"));
}

static void fold_field(struct repair_header *header, struct repair_field *field)
{
	CLEANUP(cleanup_buf) struct buf folded = { 0 };
	size_t body_at = field->body.ptr ? (size_t)(field->body.ptr - field->raw.ptr) : 0;
	size_t name_len = field->name.len;
	struct str rest = field->raw;
	bool good = true;

	buf_init(&folded, field->raw.len * 4 + 16);
	while (good && rest.len > 0) {
		struct str line = line_of(rest);
		struct str text = without_end(line);

		rest = str_skip(rest, line.len);
		good = text.len > REPAIR_LINE_MAX ? fold_line(text, &folded) : buf_add(&folded, line);
	}
	if (!good || !arena_keep(&header->arena, buf_str(&folded), &field->raw)) {
		header->failed = true;
		return;
	}
	field->name = (struct str){ field->raw.ptr, name_len };
	if (name_len > 0)
		field->body = without_end(str_skip(field->raw, body_at));
	repair_tell(header, REPAIR_LONG_LINES);
}

void repair_fold(struct repair_header *header)
{
	for (size_t i = 0; i < header->count && !header->failed; i++) {
		if (has_long_line(header->fields[i].raw))
			fold_field(header, &header->fields[i]);
	}
}
