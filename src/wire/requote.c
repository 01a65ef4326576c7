#include "wire/requote.h"

#include <string.h>

#include "base/base64.h"
#include "wire/mime_field.h"

/* AS_IS: preambles, epilogues, and the bodies of all other parts. */
enum state { AS_IS, IN_HEAD, IN_QUOTED };
enum escape { NONE, EQUALS, ONE_DIGIT, SOFT_BLANKS, SOFT_CR, HARD_CR };
enum delimiter { NO_DELIMITER, NEXT_PART, LAST_PART };

static bool doubt(struct requote *requote)
{
	if (requote->verdict == REQUOTE_GOOD)
		requote->verdict = REQUOTE_UNREADABLE;
	return false;
}

static bool add(struct requote *requote, struct str text)
{
	if (requote->verdict == REQUOTE_GOOD && !buf_add(requote->out, text))
		requote->verdict = REQUOTE_NO_MEMORY;
	return requote->verdict == REQUOTE_GOOD;
}

/* --- base64: lines parted by CRLF, none behind the last --- */

static void print_group(struct requote *requote)
{
	if (requote->group_len == 0)
		return;
	if (requote->wrote_line)
		(void)add(requote, STR("\r\n"));
	if (requote->verdict == REQUOTE_GOOD && !base64_print(requote->out, (struct str){ (const char *)requote->group, requote->group_len }))
		requote->verdict = REQUOTE_NO_MEMORY;
	requote->wrote_line = true;
	requote->group_len = 0;
}

static void emit(struct requote *requote, unsigned char byte)
{
	requote->group[requote->group_len++] = byte;
	if (requote->group_len == REQUOTE_GROUP_BYTES)
		print_group(requote);
}

/* --- quoted-printable --- */

static int hex(char digit)
{
	digit = digit >= 'A' && digit <= 'F' ? (char)(digit | 0x20) : digit;
	return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void emit_blanks(struct requote *requote)
{
	for (size_t i = 0; i < requote->blanks_len; i++)
		emit(requote, (unsigned char)requote->blanks[i]);
	requote->blanks_len = 0;
}

static bool decode_plain(struct requote *requote, char byte)
{
	switch (byte) {
	case ' ':
	case '\t':
		if (requote->blanks_len == sizeof(requote->blanks))
			return doubt(requote);
		requote->blanks[requote->blanks_len++] = byte;
		return true;
	case '\r':
		requote->escape = HARD_CR;
		return true;
	case '\n':
		return doubt(requote);
	case '=':
		emit_blanks(requote);
		requote->escape = EQUALS;
		return true;
	default:
		emit_blanks(requote);
		emit(requote, (unsigned char)byte);
		return true;
	}
}

/* What stands behind an equals sign: two digits, or the end of the line, with blanks that came on the way (RFC 2045, 6.7, (5) and (3)). */
static bool decode_escaped(struct requote *requote, char byte)
{
	int digit = hex(byte);

	if (requote->escape == ONE_DIGIT && digit >= 0) {
		emit(requote, (unsigned char)(requote->high << 4 | digit));
		requote->escape = NONE;
	} else if (requote->escape == EQUALS && digit >= 0) {
		requote->high = (unsigned char)digit;
		requote->escape = ONE_DIGIT;
	} else if (requote->escape != ONE_DIGIT && byte == '\r') {
		requote->escape = SOFT_CR;
	} else if (requote->escape != ONE_DIGIT && (byte == ' ' || byte == '\t')) {
		requote->escape = SOFT_BLANKS;
	} else {
		return doubt(requote);
	}
	return true;
}

static bool decode_byte(struct requote *requote, char byte)
{
	switch (requote->escape) {
	case NONE:
		return decode_plain(requote, byte);
	case HARD_CR:
	case SOFT_CR:
		if (byte != '\n')
			return doubt(requote);
		requote->newline = requote->escape == HARD_CR;
		requote->ends_soft = requote->escape == SOFT_CR;
		requote->blanks_len = 0; /* those at the end of a line are no part of it */
		requote->escape = NONE;
		return true;
	default:
		return decode_escaped(requote, byte);
	}
}

/* Some of a line that is no boundary, from its start on or not. */
static bool decode(struct requote *requote, struct str text)
{
	if (requote->newline) {
		emit(requote, '\r');
		emit(requote, '\n');
	}
	requote->newline = requote->ends_soft = false;
	for (size_t i = 0; i < text.len; i++) {
		if (!decode_byte(requote, text.ptr[i]))
			return false;
	}
	return requote->verdict == REQUOTE_GOOD;
}

/* The line end before a boundary is the boundary's, and the last line may not go on. */
static bool quoted_end(struct requote *requote)
{
	if (requote->escape != NONE || requote->ends_soft)
		return doubt(requote);
	print_group(requote);
	requote->parts++;
	return requote->verdict == REQUOTE_GOOD;
}

/* --- header sections --- */

/* What one says of its body; the values as they stand in it. */
struct facts {
	struct str type, encoding, boundary;
	size_t types, encodings;
	bool readable, signs;
};

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
			return false;
	}
	return name.len > 0;
}

/* Controls, and line ends that are none: some readers leave them out, others do not. */
static bool is_odd(struct str head, size_t at)
{
	char byte = head.ptr[at];

	if (byte == '\n')
		return at == 0 || head.ptr[at - 1] != '\r';
	if (byte == '\r')
		return at + 1 == head.len || head.ptr[at + 1] != '\n';
	return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

static bool is_clean(struct str head)
{
	for (size_t i = 0; i < head.len; i++) {
		if (is_odd(head, i))
			return false;
	}
	return true;
}

static bool is_boundary_text(struct str boundary)
{
	for (size_t i = 0; i < boundary.len; i++) {
		if (boundary.ptr[i] < ' ' || boundary.ptr[i] > '~' || boundary.ptr[i] == '"' || boundary.ptr[i] == '\\')
			return false;
	}
	return boundary.len > 0 && boundary.len <= REQUOTE_BOUNDARY_MAX;
}

/* Quotes and comments where none belong: some readers see a parameter behind them, others within. */
static bool is_plain(struct str text)
{
	return str_find(text, '"') == text.len && str_find(text, '(') == text.len && str_find(text, '\\') == text.len;
}

/* Behind a quoted value nothing may stand but the next parameter. */
static bool ends_well(struct str rest)
{
	return rest.len == 0 || rest.ptr[0] == ';' || str_trim(str_cut(&rest, ';')).len == 1;
}

/* Empty: none, or one that readers may take for several. */
static struct str boundary_of(struct str type)
{
	struct str name, value;
	struct str found = STR("");
	bool odd = false;

	for (size_t i = 0; i < type.len; i++)
		odd ^= type.ptr[i] == '"';
	if (odd)
		return found;
	while (mime_parameter_next(&type, &name, &value)) {
		bool quoted = type.len > 0 && type.ptr[0] == '"';

		if (!is_plain(name) || (!quoted && !is_plain(value)) || !ends_well(type))
			return STR("");
		if (!str_starts_nocase(name, STR("boundary")))
			continue;
		if (found.len > 0 || name.len != sizeof("boundary") - 1 || !is_boundary_text(value))
			return STR("");
		found = value;
	}
	return found;
}

static struct facts read_facts(struct str head, bool in_digest)
{
	struct facts facts = { .readable = is_clean(head) };
	struct str rest = head;
	struct str name, value;

	while (mime_field_next(&rest, &name, &value)) {
		if (name.len == 0 && value.len == 0 && rest.len == 0)
			break; /* the empty line */
		facts.readable = facts.readable && is_name(name);
		facts.signs = facts.signs || mime_field_signs(name);
		if (str_eq_nocase(name, STR("Content-Type")) && facts.types++ == 0)
			facts.type = value;
		if (str_eq_nocase(name, STR("Content-Transfer-Encoding")) && facts.encodings++ == 0)
			facts.encoding = value;
	}
	facts.readable = facts.readable && facts.types <= 1 && facts.encodings <= 1;
	facts.boundary = boundary_of(facts.type);
	facts.type = str_trim(str_cut(&facts.type, ';'));
	if (facts.type.len == 0)
		facts.type = in_digest ? STR("message/rfc822") : STR("text/plain");
	facts.signs = facts.signs || mime_type_signs(facts.type);
	return facts;
}

static bool is_identity(struct str encoding)
{
	return encoding.len == 0 || str_eq_nocase(encoding, STR("7bit")) || str_eq_nocase(encoding, STR("8bit")) ||
	       str_eq_nocase(encoding, STR("binary"));
}

static bool enter_multipart(struct requote *requote, const struct facts *facts)
{
	struct requote_level *level = &requote->levels[requote->depth];

	if (facts->boundary.len == 0 || !is_plain(facts->type) || !is_identity(facts->encoding) || requote->depth == REQUOTE_DEPTH_MAX)
		return doubt(requote);
	level->boundary[0] = level->boundary[1] = '-';
	memcpy(level->boundary + 2, facts->boundary.ptr, facts->boundary.len);
	level->len = facts->boundary.len + 2;
	level->digest = str_eq_nocase(facts->type, STR("multipart/digest"));
	requote->depth++;
	return true;
}

static bool enter_quoted(struct requote *requote)
{
	requote->state = IN_QUOTED;
	requote->escape = NONE;
	requote->newline = requote->ends_soft = requote->wrote_line = false;
	requote->blanks_len = requote->group_len = 0;
	return true;
}

/* What its header section says decides how a part's body is read. */
static bool enter_body(struct requote *requote, struct str head, struct buf *out)
{
	bool in_digest = requote->depth > 0 && requote->levels[requote->depth - 1].digest;
	struct facts facts = read_facts(head, in_digest);

	requote->out = out;
	requote->state = AS_IS;
	requote->line_seen = false;
	if (!facts.readable)
		return doubt(requote);
	if (!facts.signs && str_starts_nocase(facts.type, STR("multipart/")))
		return enter_multipart(requote, &facts) && add(requote, head);
	if (facts.signs || str_starts_nocase(facts.type, STR("message/")) || !str_eq_nocase(facts.encoding, STR("quoted-printable")))
		return add(requote, head);
	return enter_quoted(requote) && add(requote, (struct str){ head.ptr, (size_t)(facts.encoding.ptr - head.ptr) }) &&
	       add(requote, STR("base64")) &&
	       add(requote, str_skip(head, (size_t)(facts.encoding.ptr - head.ptr) + facts.encoding.len));
}

/* --- lines --- */

static enum delimiter delimiter_of(const struct requote_level *level, struct str line)
{
	struct str boundary = { level->boundary, level->len };

	line = str_trim(line);
	/* A boundary may begin with blanks only behind its dashes, so that only those at the line's end were taken off. */
	if (!str_starts(line, boundary))
		return NO_DELIMITER;
	line = str_skip(line, boundary.len);
	return line.len == 0 ? NEXT_PART : str_eq(line, STR("--")) ? LAST_PART : NO_DELIMITER;
}

/* Which of the multiparts the line is a boundary of; depth: of none. Of two, readers may differ. */
static size_t find_level(struct requote *requote, struct str line, enum delimiter *ret_delimiter)
{
	size_t found = requote->depth;

	*ret_delimiter = NO_DELIMITER;
	if (line.len < 2 || line.ptr[0] != '-' || line.ptr[1] != '-')
		return found;
	for (size_t i = 0; i < requote->depth; i++) {
		enum delimiter delimiter = delimiter_of(&requote->levels[i], line);

		if (delimiter == NO_DELIMITER)
			continue;
		if (found < requote->depth)
			(void)doubt(requote);
		found = i;
		*ret_delimiter = delimiter;
	}
	return found;
}

/* A line that is a boundary of `level`; the multiparts within must have ended. */
static bool pass_boundary(struct requote *requote, struct str line, size_t level, enum delimiter delimiter, bool whole)
{
	bool quoted = requote->state == IN_QUOTED;
	bool ends_well = line.len >= 2 && line.ptr[line.len - 2] == '\r' && line.ptr[line.len - 1] == '\n';

	if (level + 1 != requote->depth || requote->state == IN_HEAD || (whole && !ends_well))
		return doubt(requote);
	if (quoted && (!quoted_end(requote) || (requote->line_seen && !add(requote, STR("\r\n"))) || !add(requote, line)))
		return false;
	requote->state = delimiter == NEXT_PART ? IN_HEAD : AS_IS;
	requote->depth -= delimiter == LAST_PART;
	buf_clear(&requote->head);
	return true;
}

/* The line held is whole, or the message ends in it. What is AS_IS or IN_HEAD was copied before. */
static bool line_end(struct requote *requote, bool whole)
{
	struct str line = { requote->line, requote->line_len };
	enum delimiter delimiter = NO_DELIMITER;
	size_t level = requote->line_over ? requote->depth : find_level(requote, line, &delimiter);
	bool over = requote->line_over;

	requote->line_len = 0;
	requote->line_over = false;
	if (delimiter != NO_DELIMITER)
		return requote->verdict == REQUOTE_GOOD && pass_boundary(requote, line, level, delimiter, whole);
	if (requote->state == IN_HEAD && str_eq(line, STR("\r\n")))
		return enter_body(requote, buf_str(&requote->head), requote->out);
	if (requote->state == IN_QUOTED && !over && !decode(requote, line))
		return false;
	requote->line_seen = true;
	return true;
}

/* Longer than any boundary with some blanks behind it: what was held is part of the body, and the rest of the line follows. */
static bool line_overflow(struct requote *requote)
{
	struct str line = { requote->line, requote->line_len };
	enum delimiter delimiter;

	requote->line_over = true;
	(void)find_level(requote, line, &delimiter);
	if (delimiter != NO_DELIMITER)
		return doubt(requote);
	return requote->state != IN_QUOTED || decode(requote, line);
}

static bool take(struct requote *requote, struct str piece)
{
	size_t room = sizeof(requote->line) - requote->line_len;
	size_t kept = requote->line_over ? 0 : piece.len < room ? piece.len : room;

	if (requote->state == AS_IS && !add(requote, piece))
		return false;
	if (requote->state == IN_HEAD && !buf_add(&requote->head, piece))
		return doubt(requote); /* longer than it may be; for want of memory it comes to the same */
	memcpy(requote->line + requote->line_len, piece.ptr, kept);
	requote->line_len += kept;
	piece = str_skip(piece, kept);
	if (piece.len == 0 && !requote->line_over)
		return true;
	if (!requote->line_over && !line_overflow(requote))
		return false;
	if (requote->state != IN_QUOTED)
		return true;
	for (size_t i = 0; i < piece.len; i++) {
		if (!decode_byte(requote, piece.ptr[i]))
			return false;
	}
	return requote->verdict == REQUOTE_GOOD;
}

/* --- the whole --- */

bool requote_init(struct requote *requote, struct str head, struct buf *ret_head)
{
	struct facts facts = read_facts(head, false);

	memset(requote, 0, sizeof(*requote));
	buf_init(&requote->head, REQUOTE_HEAD_MAX);
	if (facts.signs)
		return doubt(requote);
	return enter_body(requote, head, ret_head) && (requote->depth > 0 || requote->state == IN_QUOTED);
}

void requote_done(struct requote *requote)
{
	buf_done(&requote->head);
}

bool requote_feed(struct requote *requote, struct str run, struct buf *out)
{
	requote->out = out;
	while (run.len > 0 && requote->verdict == REQUOTE_GOOD) {
		const char *newline = memchr(run.ptr, '\n', run.len);
		struct str piece = { run.ptr, newline ? (size_t)(newline - run.ptr) + 1 : run.len };

		if (!take(requote, piece) || (newline && !line_end(requote, true)))
			return false;
		run = str_skip(run, piece.len);
	}
	return requote->verdict == REQUOTE_GOOD;
}

bool requote_end(struct requote *requote, struct buf *out)
{
	requote->out = out;
	if (requote->verdict != REQUOTE_GOOD || (requote->line_len > 0 && !line_end(requote, false)))
		return false;
	if (requote->depth > 0 || requote->state == IN_HEAD)
		return doubt(requote);
	if (requote->state != IN_QUOTED)
		return true;
	/* The message itself is the part: its last line end is its own. */
	if (requote->newline && !decode(requote, STR("")))
		return false;
	if (!quoted_end(requote))
		return false;
	return !requote->wrote_line || add(requote, STR("\r\n"));
}
