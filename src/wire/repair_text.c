#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "wire/charset.h"
#include "wire/header.h"
#include "wire/repair_private.h"
#include "wire/text.h"

#define WORD_FRAME 12          /* =?UTF-8?B? and ?= */
#define WORD_BYTES_MAX 45      /* make 60 of base64: 72 columns with the frame (RFC 2047, 2: at most 75) */
#define WORD_BYTES_WORTH 6     /* less room than for these, and the word begins on the next line */
#define UTF8_BLOWN_UP 4

/* Structured fields other than address lists: RFC 2047, 5 allows no encoded words in them. */
static const char *const structured[] = {
	"received", "return-path", "message-id", "in-reply-to", "references", "mime-version", "content-transfer-encoding",
	"content-id", "date", "resent-date", "resent-message-id", "x-mailbox-line", "authentication-results",
};
static const char *const with_parameters[] = { "content-type", "content-disposition" };

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	}
	return false;
}
#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof(*(names)))

bool repair_is_raw(struct str value)
{
	return !str_is_ascii(value) || str_find(value, '\x1b') < value.len;
}

bool repair_utf8(struct str raw, struct buf *out)
{
	CLEANUP(cleanup_buf) struct buf text = { 0 };

	buf_init(&text, raw.len * UTF8_BLOWN_UP + 16);
	return charset_guess(raw, &text) && text_clean_print(out, buf_str(&text));
}

bool repair_words_print(struct buf *out, struct str utf8, size_t *column)
{
	while (utf8.len > 0) {
		size_t room = *column + WORD_FRAME < REPAIR_FOLD_COLUMNS ? (REPAIR_FOLD_COLUMNS - *column - WORD_FRAME) / 4 * 3 : 0;
		struct str word = text_cut(utf8, room < WORD_BYTES_MAX ? room : WORD_BYTES_MAX);
		size_t before;

		if (word.len < WORD_BYTES_WORTH && word.len < utf8.len) {
			if (*column <= 1 || !buf_add(out, STR("\r\n ")))
				return false;
			*column = 1;
			continue;
		}
		before = out->len;
		if (!buf_add(out, STR("=?UTF-8?B?")) || !base64_print(out, word) || !buf_add(out, STR("?=")))
			return false;
		*column += out->len - before;
		utf8 = str_skip(utf8, word.len);
		if (utf8.len == 0)
			break;
		if (!buf_add(out, STR("\r\n ")))
			return false;
		*column = 1;
	}
	return true;
}

/* The whole value anew: encoded words that stand in it are decoded with it, so that nothing is encoded twice. */
static void encode_text(struct repair_header *header, struct repair_field *field)
{
	CLEANUP(cleanup_buf) struct buf utf8 = { 0 };
	CLEANUP(cleanup_buf) struct buf words = { 0 };
	struct str value = repair_value(header, field);
	size_t column = field->name.len + 2;

	buf_init(&utf8, value.len * UTF8_BLOWN_UP + 16);
	buf_init(&words, value.len * UTF8_BLOWN_UP * 4 + 64);
	if (!rfc2047_parse(value, &utf8) || !repair_words_print(&words, buf_str(&utf8), &column)) {
		header->failed = true;
		return;
	}
	repair_set(header, field, buf_str(&words));
	repair_tell(header, REPAIR_RAW_HEADERS);
}

/* --- parameters: name="…" → name*=UTF-8''… (RFC 2231, 4) --- */

/* Where the parameter at the start of `text` ends: a semicolon outside quotes, or all. */
static size_t parameter_len(struct str text)
{
	bool quoted = false;
	size_t at;

	for (at = 0; at < text.len && (quoted || text.ptr[at] != ';'); at++) {
		if (quoted && text.ptr[at] == '\\')
			at++;
		else if (text.ptr[at] == '"')
			quoted = !quoted;
	}
	return at < text.len ? at : text.len;
}

static bool add_percent(struct buf *out, struct str value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		char byte = value.ptr[i];
		bool plain = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '.' ||
			     byte == '-' || byte == '_';
		char code[] = { '%', digits[(unsigned char)byte >> 4], digits[byte & 15] };

		if (byte == '\\' || byte == '"') /* of the quoting */
			continue;
		if (!buf_add(out, plain ? (struct str){ &byte, 1 } : (struct str){ code, 3 }))
			return false;
	}
	return true;
}

static bool encode_parameter(struct str parameter, struct buf *out)
{
	struct str value = parameter;
	struct str name = str_trim(str_cut(&value, '='));

	if (str_is_ascii(parameter))
		return buf_add(out, str_trim(parameter));
	if (name.len == 0 || !str_is_ascii(name) || name.ptr[name.len - 1] == '*')
		return false; /* no parameter: not ours to say what it means */
	return buf_add(out, name) && buf_add(out, STR("*=UTF-8''")) && add_percent(out, str_trim(value));
}

static void encode_parameters(struct repair_header *header, struct repair_field *field)
{
	CLEANUP(cleanup_buf) struct buf utf8 = { 0 };
	CLEANUP(cleanup_buf) struct buf out = { 0 };
	struct str value = repair_value(header, field);
	struct str rest;

	buf_init(&utf8, value.len * UTF8_BLOWN_UP + 16);
	buf_init(&out, value.len * UTF8_BLOWN_UP * 4 + 64);
	if (!repair_utf8(value, &utf8)) {
		header->failed = true;
		return;
	}
	for (rest = buf_str(&utf8); rest.len > 0;) {
		struct str one = { rest.ptr, parameter_len(rest) };
		bool first = one.ptr == utf8.ptr;

		rest = str_skip(rest, one.len + 1);
		if (first ? !str_is_ascii(one) || !buf_add(&out, str_trim(one))
			  : str_trim(one).len > 0 && (!buf_add(&out, STR(";\r\n ")) || !encode_parameter(one, &out)))
			return; /* stays as it is */
	}
	repair_set(header, field, buf_str(&out));
	repair_tell(header, REPAIR_RAW_HEADERS);
}

void repair_raw_fields(struct repair_header *header)
{
	for (size_t i = 0; i < header->count && !header->failed; i++) {
		struct repair_field *field = &header->fields[i];

		if (field->name.len == 0 || !repair_is_raw(field->body) || IS_ONE_OF(field->name, structured) ||
		    repair_is_address_field(field->name))
			continue;
		if (IS_ONE_OF(field->name, with_parameters))
			encode_parameters(header, field);
		else
			encode_text(header, field);
	}
}
