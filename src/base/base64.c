#include "base/base64.h"

#include <sodium/utils.h>

bool base64_print(struct buf *out, struct str raw)
{
	size_t size = sodium_base64_encoded_len(raw.len, sodium_base64_VARIANT_ORIGINAL);
	char *room = buf_room(out, size);

	if (!room)
		return false;
	(void)sodium_bin2base64(room, size, (const unsigned char *)raw.ptr, raw.len, sodium_base64_VARIANT_ORIGINAL);
	buf_grew(out, size - 1); /* without its NUL */
	return true;
}

bool base64_parse(struct str text, struct buf *out)
{
	size_t size = text.len / 4 * 3 + 3;
	size_t len = 0;
	char *room = buf_room(out, size);

	/* libsodium reads a byte over 127 as if it were a letter. */
	if (!room || text.len % 4 != 0 || !str_is_ascii(text))
		return false;
	if (sodium_base642bin((unsigned char *)room, size, text.ptr, text.len, NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	buf_grew(out, len);
	return true;
}
