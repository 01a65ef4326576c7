#include "wire/graph_parts.h"

#include <string.h>

#include "base/cleanup.h"
#include "wire/charset.h"
#include "wire/header.h"
#include "wire/mime_field.h"
#include "wire/text.h"

enum state { IN_PREAMBLE, IN_HEAD, IN_BODY, BEHIND_ALL };

/* --- parameters --- */

static int hex(char digit)
{
	digit = digit >= 'A' && digit <= 'F' ? (char)(digit | 0x20) : digit;
	return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* RFC 2231: percent signs, and the charset before the first piece. */
static bool add_extended(struct buf *pieces, struct str value, struct str *charset)
{
	if (pieces->len == 0) {
		*charset = str_cut(&value, '\'');
		(void)str_cut(&value, '\'');
	}
	for (size_t i = 0; i < value.len; i++) {
		bool escaped = value.ptr[i] == '%' && i + 2 < value.len && hex(value.ptr[i + 1]) >= 0 && hex(value.ptr[i + 2]) >= 0;

		int byte = escaped ? hex(value.ptr[i + 1]) << 4 | hex(value.ptr[i + 2]) : value.ptr[i];

		if (!buf_add_byte(pieces, (char)byte))
			return false;
		i += escaped ? 2 : 0;
	}
	return true;
}

/* "name" of a field: plain, as RFC 2047 words (which no standard allows, and everybody writes), or by RFC 2231 in pieces. */
static void parameter_of(struct str field, const char *name, size_t size, char *ret_text)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf pieces = { 0 };
	struct str charset = STR("");
	struct str found, value;
	size_t name_len = strlen(name);
	bool good = true;

	buf_init(&text, 4096);
	buf_init(&pieces, 4096);
	while (good && mime_parameter_next(&field, &found, &value)) {
		if (!str_starts_nocase(found, str_of(name)))
			continue;
		if (found.len == name_len && text.len == 0)
			good = rfc2047_parse(value, &text);
		else if (found.len > name_len && found.ptr[name_len] == '*')
			good = found.ptr[found.len - 1] == '*' ? add_extended(&pieces, value, &charset) : buf_add(&pieces, value);
	}
	if (pieces.len > 0) {
		buf_clear(&text);
		good = charset_parse(charset, buf_str(&pieces), &text);
	}
	(void)good; /* a name that is cut is a name */
	text_clean_copy(buf_str(&text), size, ret_text);
}

/* --- one part --- */

static void read_head(struct graph_parts *parts)
{
	struct str head = buf_str(&parts->head);
	struct str type = mime_field(head, "Content-Type");
	struct str disposition = mime_field(head, "Content-Disposition");
	struct graph_part *now = &parts->now;
	struct str kind = type;

	parameter_of(disposition, "filename", sizeof(now->name), now->name);
	if (now->name[0] == '\0')
		parameter_of(type, "name", sizeof(now->name), now->name);
	text_clean_copy(str_trim(str_cut(&kind, ';')), sizeof(now->type), now->type);
	if (now->type[0] == '\0')
		(void)str_copy(STR("application/octet-stream"), sizeof(now->type), now->type);
	parts->is_file = str_eq_nocase(mime_field(head, "Content-Transfer-Encoding"), STR("base64")) &&
			 (now->name[0] || str_starts_nocase(disposition, STR("attachment"))) &&
			 mime_field(head, "Content-ID").len == 0 && !str_starts_nocase(type, STR("multipart/")) &&
			 !str_starts_nocase(type, STR("message/"));
	if (now->name[0] == '\0')
		(void)str_copy(STR("attachment"), sizeof(now->name), now->name);
}

static void part_end(struct graph_parts *parts)
{
	struct graph_part *now = &parts->now;

	now->to = now->body_to = parts->line_at;
	now->bytes = now->letters / 4 * 3 - parts->pads;
	if (parts->state == IN_BODY && parts->is_file && !parts->spoilt && parts->pads <= 2 && now->letters > 0 && now->letters % 4 == 0 &&
	    parts->count < GRAPH_PARTS_MAX)
		parts->part[parts->count++] = *now;
	else
		parts->others++;
}

static void part_begin(struct graph_parts *parts)
{
	parts->now = (struct graph_part){ .from = parts->line_at };
	parts->pads = 0;
	parts->is_file = parts->spoilt = false;
	buf_clear(&parts->head);
	parts->state = IN_HEAD;
}

static bool is_boundary(const struct graph_parts *parts, bool *ret_last)
{
	struct str line = str_trim((struct str){ parts->line, parts->line_len });

	if (!str_starts(line, (struct str){ parts->boundary, parts->boundary_len }))
		return false;
	line = str_skip(line, parts->boundary_len);
	*ret_last = str_eq(line, STR("--"));
	return line.len == 0 || *ret_last;
}

static void count_letters(struct graph_parts *parts, struct str piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		char byte = piece.ptr[i];
		bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '+' ||
			      byte == '/';

		if (letter)
			parts->line_other |= parts->line_pads + parts->pads > 0; /* behind the end of base64 */
		else if (byte == '=')
			parts->line_pads++;
		else if (byte != '\r' && byte != '\n' && byte != ' ' && byte != '\t')
			parts->line_other = true;
		parts->line_letters += letter || byte == '=';
	}
}

/* The line is whole: what was counted in it holds, unless it is a boundary. */
static void line_end(struct graph_parts *parts)
{
	bool last = false;

	if (is_boundary(parts, &last)) {
		if (parts->state != IN_PREAMBLE)
			part_end(parts);
		part_begin(parts);
		if (last) {
			parts->state = BEHIND_ALL;
			parts->ended = true;
		}
	} else if (parts->state == IN_HEAD && str_trim((struct str){ parts->line, parts->line_len }).len == 0) {
		parts->now.body_from = parts->offset;
		read_head(parts);
		parts->state = IN_BODY;
	} else if (parts->state == IN_BODY) {
		parts->now.letters += parts->line_letters;
		parts->pads += parts->line_pads;
		parts->spoilt |= parts->line_other;
	}
	parts->line_letters = parts->line_pads = 0;
	parts->line_other = false;
	parts->line_at = parts->offset;
	parts->line_len = 0;
}

bool graph_parts_init(struct graph_parts *parts, struct str head, uint64_t offset)
{
	struct str type = mime_field(head, "Content-Type");
	char boundary[GRAPH_BOUNDARY_MAX + 1] = "";

	*parts = (struct graph_parts){ .offset = offset, .line_at = offset };
	buf_init(&parts->head, GRAPH_PART_HEAD_MAX);
	if (!str_starts_nocase(type, STR("multipart/mixed")))
		return false;
	parameter_of(type, "boundary", sizeof(boundary), boundary);
	parts->boundary[0] = parts->boundary[1] = '-';
	memcpy(parts->boundary + 2, boundary, strlen(boundary) + 1);
	parts->boundary_len = strlen(parts->boundary);
	return boundary[0] != '\0';
}

void graph_parts_done(struct graph_parts *parts)
{
	buf_done(&parts->head);
}

void graph_parts_feed(struct graph_parts *parts, struct str run)
{
	while (run.len > 0 && parts->state != BEHIND_ALL) {
		const char *newline = memchr(run.ptr, '\n', run.len);
		struct str piece = { run.ptr, newline ? (size_t)(newline - run.ptr) + 1 : run.len };
		size_t room = sizeof(parts->line) - parts->line_len;
		size_t kept = piece.len < room ? piece.len : room;

		memcpy(parts->line + parts->line_len, piece.ptr, kept);
		parts->line_len += kept;
		if (parts->state == IN_BODY && parts->is_file)
			count_letters(parts, piece);
		if (parts->state == IN_HEAD && !buf_add(&parts->head, piece))
			buf_clear(&parts->head); /* longer than it may be: then it is no file that we know of */
		parts->offset += piece.len;
		if (newline)
			line_end(parts);
		run = str_skip(run, piece.len);
	}
}
