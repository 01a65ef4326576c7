#include "wire/text.h"

#include <string.h>

#include "base/cleanup.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

size_t text_character(struct str text)
{
	unsigned char first;
	size_t bytes;

	if (text.len == 0)
		return 0;
	first = (unsigned char)text.ptr[0];
	bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	return text.len >= bytes && str_is_utf8((struct str){ text.ptr, bytes }) ? bytes : 0;
}

/* Whether the character moves the text of others around, or is no sign at all. */
static bool steers(struct str character)
{
	static const struct {
		uint32_t first, last; /* its UTF-8 bytes as one number: they sort as the code points do */
	} ranges[] = {
		{ 0x00, 0x1f },         { 0x7f, 0x7f },
		{ 0xc280, 0xc29f },     /* C1 */
		{ 0xd89c, 0xd89c },     /* U+061C */
		{ 0xe2808e, 0xe2808f }, /* U+200E, 200F */
		{ 0xe280a8, 0xe280ae }, /* U+2028 to 202E */
		{ 0xe281a6, 0xe281a9 }, /* U+2066 to 2069 */
	};
	uint32_t value = 0;

	for (size_t i = 0; i < character.len; i++)
		value = value << 8 | (unsigned char)character.ptr[i];
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (value >= ranges[i].first && value <= ranges[i].last)
			return true;
	}
	return false;
}

/* What is shown for the character at the start of `text`, and how many bytes that used. */
static struct str shown_for(struct str text, size_t *ret_used)
{
	size_t bytes = text_character(text);

	*ret_used = bytes ? bytes : 1;
	if (bytes == 0)
		return STR(REPLACEMENT);
	if (text.ptr[0] == '\t' || text.ptr[0] == '\r' || text.ptr[0] == '\n')
		return STR(" ");
	text.len = bytes;
	return steers(text) ? STR("") : text;
}

static size_t plain_bytes(struct str text)
{
	size_t bytes = 0;

	while (bytes < text.len && text.ptr[bytes] >= ' ' && text.ptr[bytes] < 0x7f)
		bytes++;
	return bytes;
}

bool text_clean_print(struct buf *out, struct str text)
{
	while (text.len > 0) {
		size_t room = out->bytes_max - out->len;
		size_t plain = plain_bytes(text);
		size_t used = plain < room ? plain : room;
		struct str shown = { text.ptr, used };

		if (plain == 0)
			shown = shown_for(text, &used);
		else if (room == 0)
			return false;
		if (!buf_add(out, shown))
			return false;
		text = str_skip(text, used);
	}
	return true;
}

void text_clean_copy(struct str text, size_t size, char *ret_text)
{
	CLEANUP(cleanup_buf) struct buf clean = { 0 };

	buf_init(&clean, size - 1);
	(void)!text_clean_print(&clean, text); /* false: what fits is there */
	if (clean.len > 0)
		memcpy(ret_text, clean.ptr, clean.len);
	ret_text[clean.len] = '\0';
}

struct str text_cut(struct str text, size_t bytes_max)
{
	size_t len = bytes_max;

	if (text.len <= bytes_max)
		return text;
	while (len > 0 && bytes_max - len < 4 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return (struct str){ text.ptr, len };
}
