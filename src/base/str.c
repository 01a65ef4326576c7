#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

struct str str_of(const char *zero_terminated)
{
	return zero_terminated ? (struct str){ zero_terminated, strlen(zero_terminated) } : STR("");
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	}
	return true;
}

bool str_starts(struct str text, struct str with)
{
	return text.len >= with.len && str_eq((struct str){ text.ptr, with.len }, with);
}

bool str_starts_nocase(struct str text, struct str with)
{
	return text.len >= with.len && str_eq_nocase((struct str){ text.ptr, with.len }, with);
}

bool str_ends_nocase(struct str text, struct str with)
{
	return text.len >= with.len && str_eq_nocase(str_skip(text, text.len - with.len), with);
}

size_t str_find(struct str text, char what)
{
	const char *at = text.len ? memchr(text.ptr, what, text.len) : NULL;

	return at ? (size_t)(at - text.ptr) : text.len;
}

size_t str_find_last(struct str text, char what)
{
	const char *at = text.len ? memrchr(text.ptr, what, text.len) : NULL;

	return at ? (size_t)(at - text.ptr) : text.len;
}

struct str str_cut(struct str *rest, char sep)
{
	size_t at = str_find(*rest, sep);
	struct str before = { rest->ptr, at };

	*rest = str_skip(*rest, at < rest->len ? at + 1 : at);
	return before;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct str str_trim(struct str text)
{
	while (text.len > 0 && is_blank(text.ptr[0]))
		text = str_skip(text, 1);
	while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

struct str str_skip(struct str text, size_t count)
{
	if (count > text.len)
		count = text.len;
	if (count == 0)
		return text; /* NULL + 0, of an empty one, is not C */
	return (struct str){ text.ptr + count, text.len - count };
}

bool str_to_u64(struct str text, uint64_t value_max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';

		if (digit > 9 || value > value_max / 10 || value * 10 > value_max - digit)
			return false;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return true;
}

bool str_copy(struct str text, size_t size, char *ret_text)
{
	ret_text[0] = '\0';
	if (text.len >= size || str_find(text, '\0') != text.len)
		return false;
	if (text.len)
		memcpy(ret_text, text.ptr, text.len);
	ret_text[text.len] = '\0';
	return true;
}

char *str_dup(struct str text)
{
	char *copy = malloc(text.len + 1);

	if (!copy)
		return NULL;
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return copy;
}

char *str_dup_lower(struct str text)
{
	char *copy = str_dup(text);

	for (size_t i = 0; copy && i < text.len; i++)
		copy[i] = lower(copy[i]);
	return copy;
}

/* How many bytes the UTF-8 sequence at the start of `text` has; 0 when it is none. */
static size_t utf8_sequence(struct str text)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t bytes;
	} forms[] = { /* RFC 3629, section 4 */
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *bytes = (const unsigned char *)text.ptr;

	if (bytes[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (bytes[0] < forms[i].first_min || bytes[0] > forms[i].first_max)
			continue;
		if (text.len < forms[i].bytes || bytes[1] < forms[i].second_min || bytes[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].bytes; k++) {
			if ((bytes[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].bytes;
	}
	return 0;
}

bool str_is_utf8(struct str text)
{
	while (text.len > 0) {
		size_t bytes = utf8_sequence(text);

		if (bytes == 0)
			return false;
		text = str_skip(text, bytes);
	}
	return true;
}

bool str_is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

bool str_eq_secret(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}
