#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "wire/charset.h"
#include "wire/header.h"
#include "wire/text.h"

#define CHARSET_BYTES_MAX 64
#define BYTES_BLOWN_UP 4 /* no charset of ours makes more UTF-8 bytes of one byte */

struct word {
	struct str charset;
	bool base64;
	struct str text;
	size_t used;
};

/* RFC 2047, 2: =?charset?B|Q?text?= at the start of `rest`; blanks inside the text are forgiven. */
static bool word_parse(struct str rest, struct word *ret_word)
{
	struct str at = str_skip(rest, 2);
	size_t end = str_find((struct str){ at.ptr, at.len < CHARSET_BYTES_MAX ? at.len : CHARSET_BYTES_MAX }, '?');
	char encoding;

	if (!str_starts(rest, STR("=?")) || end == 0 || end >= at.len || at.ptr[end] != '?')
		return false;
	ret_word->charset = (struct str){ at.ptr, end };
	at = str_skip(at, end + 1);
	if (at.len < 2 || at.ptr[1] != '?')
		return false;
	encoding = (char)(at.ptr[0] | 0x20);
	if (encoding != 'b' && encoding != 'q')
		return false;
	ret_word->base64 = encoding == 'b';
	at = str_skip(at, 2);
	end = str_find(at, '?');
	/* "=?utf-8?Q?=E3…?=": a text that begins with "=" is no end. */
	if (end + 1 >= at.len || at.ptr[end + 1] != '=')
		return false;
	ret_word->text = (struct str){ at.ptr, end };
	ret_word->used = (size_t)(at.ptr - rest.ptr) + end + 2;
	return true;
}

/* Base64 as it is met: missing padding, blanks and stray bytes are forgiven. */
static bool add_base64(struct str text, struct buf *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *found = text.ptr[i] ? strchr(alphabet, text.ptr[i]) : NULL;

		if (text.ptr[i] == '=')
			count = bits = 0;
		if (!found)
			continue;
		bits = (bits << 6 | (unsigned)(found - alphabet)) & 0xffff;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if (!buf_add_byte(out, (char)(bits >> count & 0xff)))
			return false;
	}
	return true;
}

static int hex_value(char digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)((found - digits) % 16) : -1;
}

static bool add_quoted(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i] == '_' ? ' ' : text.ptr[i];

		if (byte == '=' && i + 2 < text.len && hex_value(text.ptr[i + 1]) >= 0 &&
		    hex_value(text.ptr[i + 2]) >= 0) {
			byte = (char)(hex_value(text.ptr[i + 1]) << 4 | hex_value(text.ptr[i + 2]));
			i += 2;
		}
		if (!buf_add_byte(out, byte))
			return false;
	}
	return true;
}

/* Words that stand side by side in one charset are decoded together: many a mailer cuts them inside a character. */
struct decoder {
	struct str charset;
	struct buf bytes;
	struct buf utf8;
};

static void decoder_done(struct decoder *decoder)
{
	buf_done(&decoder->bytes);
	buf_done(&decoder->utf8);
}

static bool decoder_flush(struct decoder *decoder)
{
	struct str bytes = buf_str(&decoder->bytes);

	if (bytes.len > 0 && !charset_parse(decoder->charset, bytes, &decoder->utf8))
		return false;
	buf_clear(&decoder->bytes);
	return true;
}

static bool decoder_word(struct decoder *decoder, const struct word *word)
{
	if (!str_eq_nocase(decoder->charset, word->charset) && !decoder_flush(decoder))
		return false;
	decoder->charset = word->charset;
	return word->base64 ? add_base64(word->text, &decoder->bytes) : add_quoted(word->text, &decoder->bytes);
}

static bool decoder_run(struct decoder *decoder, struct str value)
{
	bool behind_word = false;
	size_t at = 0;

	while (at < value.len) {
		struct word word;
		struct str between = { value.ptr, at };

		if (value.ptr[at] != '=' || !word_parse(str_skip(value, at), &word)) {
			at += 1 + str_find(str_skip(value, at + 1), '=');
			continue;
		}
		/* RFC 2047, 6.2: blanks between two words are nothing. */
		if (!behind_word || str_trim(between).len > 0) {
			if (!decoder_flush(decoder) || !charset_guess(between, &decoder->utf8))
				return false;
		}
		if (!decoder_word(decoder, &word))
			return false;
		behind_word = true;
		value = str_skip(value, at + word.used);
		at = 0;
	}
	return decoder_flush(decoder) && charset_guess(value, &decoder->utf8);
}

bool rfc2047_parse(struct str value, struct buf *out)
{
	CLEANUP(decoder_done) struct decoder decoder = { .charset = STR("") };
	bool good;

	value = str_trim(value);
	buf_init(&decoder.bytes, value.len + 1);
	buf_init(&decoder.utf8, value.len * BYTES_BLOWN_UP + 16);
	good = decoder_run(&decoder, value);
	return text_clean_print(out, buf_str(&decoder.utf8)) && good;
}

/* Raw bytes of a word: 45 make 60 of base64 and 72 with its frame; the first has the field's name before it. */
#define WORD_BYTES_MAX 45
#define FIRST_WORD_BYTES_MAX 36

bool rfc2047_print(struct buf *out, struct str utf8)
{
	CLEANUP(cleanup_buf) struct buf clean = { 0 };
	size_t bytes_max = FIRST_WORD_BYTES_MAX;
	struct str rest;

	buf_init(&clean, utf8.len * 3 + 1);
	if (!text_clean_print(&clean, utf8))
		return false;
	for (rest = buf_str(&clean); rest.len > 0; bytes_max = WORD_BYTES_MAX) {
		struct str word = text_cut(rest, bytes_max);

		if (bytes_max == WORD_BYTES_MAX && !buf_add(out, STR("\r\n ")))
			return false;
		if (!buf_add(out, STR("=?UTF-8?B?")) || !base64_print(out, word) || !buf_add(out, STR("?=")))
			return false;
		rest = str_skip(rest, word.len);
	}
	return true;
}
