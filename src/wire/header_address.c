#include "base/cleanup.h"
#include "wire/header.h"
#include "wire/smtp_address.h"

/* What is being read of one mailbox. `plain` collects what stands outside < >, `angle` what stands inside. */
struct reader {
	struct str rest;
	const char *begin; /* of the mailbox */
	bool double_byte; /* no UTF-8: CP932's second bytes include @ [ and the backslash */
	bool in_angle;
	bool angle_given; /* this mailbox has had its <…> */
	bool at_given;    /* the last sign was an @: a [ now opens a domain literal */
	bool gap;         /* blanks or a comment since the last sign */
	bool words;       /* `plain` is a display name: two signs with a gap between, neither . nor @ */
	bool unread;      /* something claimed to be an address and is none */
	bool last_empty;  /* the last mailbox was only words */
	size_t count;
	struct buf plain;
	struct buf angle;
};

static void reader_done(struct reader *reader)
{
	buf_done(&reader->plain);
	buf_done(&reader->angle);
}

/* Would a reader that knows nothing of ISO-2022-JP see an address in it? Then it is not skipped: who reads is not ours to choose. */
static bool looks_like_address(struct str text)
{
	size_t open = str_find(text, '<');
	size_t at = open + str_find(str_skip(text, open), '@');

	return at < text.len && str_find(str_skip(text, at), '>') < text.len - at;
}

/* Japanese copiers write names in raw ISO-2022-JP (RFC 1468): from ESC $ to ESC (, two 7-bit bytes a character, among them < @
 * and quotes. The whole run with both escapes; 0: there is none at the start of `rest`. */
static size_t iso2022jp_bytes(struct str rest)
{
	size_t at = 3;

	if (!str_starts(rest, STR("\x1b$")) || rest.len < at)
		return 0;
	while (at + 3 <= rest.len && rest.ptr[at] != '\x1b') {
		if (rest.ptr[at] < 0x21 || rest.ptr[at] > 0x7e || rest.ptr[at + 1] < 0x21 || rest.ptr[at + 1] > 0x7e)
			return 0;
		at += 2;
	}
	if (at + 3 > rest.len || rest.ptr[at + 1] != '(' || looks_like_address((struct str){ rest.ptr, at }))
		return 0;
	return at + 3;
}

static size_t sign_bytes(const struct reader *reader, struct str rest)
{
	size_t run = rest.ptr[0] == '\x1b' ? iso2022jp_bytes(rest) : 0;
	unsigned char lead = (unsigned char)rest.ptr[0];
	bool pair = reader->double_byte && ((lead >= 0x81 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xfc)) &&
		    rest.len > 1 && (unsigned char)rest.ptr[1] >= 0x40;

	return run ? run : pair ? 2 : 1;
}

/* The bytes from `open` to its `close`, both included; backslashes quote; comments nest. rest.len + 1: never closed. */
static size_t enclosed_bytes(const struct reader *reader, char open, char close, bool nests)
{
	struct str rest = reader->rest;
	size_t depth = 0;
	size_t at = 0;

	while (at < rest.len) {
		char byte = rest.ptr[at];

		if (byte == '\\' && at + 1 < rest.len) {
			at += 2;
			continue;
		}
		if (byte == close && depth == 1 && at > 0)
			return at + 1;
		if (byte == close && nests)
			depth--;
		else if (byte == open && (nests || at == 0))
			depth++;
		at += sign_bytes(reader, str_skip(rest, at));
	}
	return rest.len + 1;
}

static bool keep_address(struct reader *reader, struct str text, size_t addresses_max, struct buf *keep)
{
	struct smtp_address address;

	if (!smtp_address_parse(text, &address)) {
		reader->unread = true;
		return true;
	}
	if (reader->count == addresses_max)
		return false;
	if (reader->count++ > 0 && !buf_add_byte(keep, '\n'))
		return false;
	return buf_add(keep, address.whole);
}

static bool is_joint(char byte)
{
	return byte == '.' || byte == '@';
}

/* One sign of a display name, or a quoted string, as a part of words that may be addresses. */
static bool keep_name_sign(struct reader *reader, struct str sign)
{
	struct buf *words = &reader->angle; /* empty until the < behind the name */

	if (reader->gap && words->len > 0 && !is_joint(sign.ptr[0]) && !is_joint(words->ptr[words->len - 1]) &&
	    !buf_add_byte(words, ' '))
		return false;
	reader->gap = false;
	for (size_t i = 0; i < sign.len; i++) {
		if (!buf_add_byte(words, sign.ptr[i] == ' ' ? '_' : sign.ptr[i]))
			return false;
	}
	return true;
}

static bool keep_name_words(struct reader *reader, struct str name)
{
	while (name.len > 0) {
		struct reader inside = { .rest = name, .double_byte = reader->double_byte };
		bool comment = name.ptr[0] == '(';
		size_t len = comment ? enclosed_bytes(&inside, '(', ')', true)
			     : name.ptr[0] == '"' ? enclosed_bytes(&inside, '"', '"', false)
						  : sign_bytes(reader, name);

		if (len > name.len)
			return false;
		if (comment || name.ptr[0] == ' ' || name.ptr[0] == '\t')
			reader->gap = true;
		else if (!keep_name_sign(reader, (struct str){ name.ptr, len }))
			return false;
		name = str_skip(name, len);
	}
	return true;
}

/* "evil@x <good@x>": who reads the first word is not ours to choose. Words of a name that are addresses by themselves count; at a
 * domain without a dot nobody has a mailbox ("Scan @ 2F"). */
static bool keep_names(struct reader *reader, const char *end, size_t addresses_max, struct buf *keep)
{
	struct smtp_address address;
	struct str words;
	bool good;

	reader->gap = false;
	if (str_find(buf_str(&reader->plain), '@') == reader->plain.len)
		return true;
	good = keep_name_words(reader, (struct str){ reader->begin, (size_t)(end - reader->begin) });
	for (words = buf_str(&reader->angle); good && words.len > 0;) {
		struct str word = str_cut(&words, ' ');

		if (smtp_address_parse(word, &address) && str_find(address.domain, '.') < address.domain.len)
			good = keep_address(reader, word, addresses_max, keep);
	}
	buf_clear(&reader->angle);
	return good;
}

/* The mailbox ends at a comma, a semicolon or the value's end. */
static bool end_mailbox(struct reader *reader, size_t addresses_max, struct buf *keep)
{
	struct str plain = buf_str(&reader->plain);
	bool good = true;

	if (reader->in_angle) {
		reader->unread = true;
	} else if (!reader->angle_given && str_find(plain, '@') < plain.len) {
		if (reader->words)
			reader->unread = true;
		else
			good = keep_address(reader, plain, addresses_max, keep);
		reader->last_empty = false;
	} else {
		reader->last_empty = plain.len > 0 && !reader->angle_given;
	}
	buf_clear(&reader->plain);
	buf_clear(&reader->angle);
	reader->in_angle = reader->angle_given = reader->at_given = reader->gap = reader->words = false;
	return good;
}

static bool end_angle(struct reader *reader, size_t addresses_max, struct buf *keep)
{
	struct str angle = buf_str(&reader->angle);

	if (!reader->in_angle) {
		reader->unread = true;
		return true;
	}
	if (angle.len > 0 && angle.ptr[0] == '@') /* RFC 5322, 4.4: an obsolete route before a colon */
		(void)str_cut(&angle, ':');
	reader->in_angle = reader->at_given = reader->gap = false;
	reader->angle_given = true;
	if (!keep_address(reader, angle, addresses_max, keep))
		return false;
	buf_clear(&reader->angle);
	return true;
}

/* A sign, a quoted string or a literal of the mailbox. */
static bool keep_sign(struct reader *reader, struct str sign)
{
	struct buf *to = reader->in_angle ? &reader->angle : &reader->plain;

	if (reader->gap && to->len > 0 && !is_joint(sign.ptr[0]) && !is_joint(to->ptr[to->len - 1])) {
		if (reader->in_angle)
			reader->unread = true;
		else
			reader->words = true;
	}
	reader->gap = false;
	reader->at_given = sign.ptr[0] == '@';
	return buf_add(to, sign);
}

/* One sign of the value. Returns how many bytes it had; 0: stop, the value cannot be read. */
static size_t read_sign(struct reader *reader, size_t addresses_max, struct buf *keep)
{
	struct str rest = reader->rest;
	size_t bytes = 1;
	bool good = true;

	switch (rest.ptr[0]) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		reader->gap = true;
		return 1;
	case '(':
		bytes = enclosed_bytes(reader, '(', ')', true);
		reader->gap = true;
		return bytes > rest.len ? 0 : bytes;
	case '"':
		bytes = enclosed_bytes(reader, '"', '"', false);
		break;
	case '[':
		if (reader->at_given)
			bytes = enclosed_bytes(reader, '[', ']', false);
		break;
	case '<':
		reader->unread |= reader->in_angle;
		if (!reader->in_angle && !reader->angle_given && !keep_names(reader, rest.ptr, addresses_max, keep))
			return 0;
		reader->in_angle = true;
		reader->gap = false;
		return 1;
	case '>':
		good = end_angle(reader, addresses_max, keep);
		return good ? 1 : 0;
	case ',':
	case ';':
		if (reader->in_angle) /* a route's comma */
			break;
		good = end_mailbox(reader, addresses_max, keep);
		reader->begin = rest.ptr + 1;
		return good ? 1 : 0;
	case ':':
		if (reader->in_angle)
			break;
		reader->unread |= str_find(buf_str(&reader->plain), '@') < reader->plain.len; /* no group has such a name */
		reader->begin = rest.ptr + 1;
		buf_clear(&reader->plain); /* what stood before it named a group */
		reader->words = reader->gap = false;
		return 1;
	default:
		bytes = sign_bytes(reader, rest);
		break;
	}
	if (bytes > rest.len || !keep_sign(reader, (struct str){ rest.ptr, bytes }))
		return 0;
	return bytes;
}

bool header_addresses_parse(struct str value, size_t addresses_max, struct buf *keep)
{
	CLEANUP(reader_done) struct reader reader = { .rest = value, .begin = value.ptr, .double_byte = !str_is_utf8(value) };
	size_t before = keep->len;

	buf_init(&reader.plain, value.len);
	buf_init(&reader.angle, value.len);
	while (reader.rest.len > 0) {
		size_t bytes = read_sign(&reader, addresses_max, keep);

		if (bytes == 0)
			goto unread;
		reader.rest = str_skip(reader.rest, bytes);
	}
	if (end_mailbox(&reader, addresses_max, keep) && !reader.unread && !reader.last_empty && reader.count > 0)
		return true;
unread:
	keep->len = before; /* half a list would hide who else is named */
	return false;
}
