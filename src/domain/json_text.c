#include "domain/json_text.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* How many bytes the character at the start of `text` has; 0 when it is no UTF-8. */
static size_t character(struct str text)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= text.len; bytes++) {
		if (str_is_utf8((struct str){ text.ptr, bytes }))
			return bytes;
	}
	return 0;
}

json_t *json_text(struct str text)
{
	CLEANUP(cleanup_buf) struct buf mended;

	buf_init(&mended, text.len * 3 + 1);
	if (str_is_utf8(text))
		return json_stringn(text.len ? text.ptr : "", text.len);
	while (text.len > 0) {
		size_t bytes = character(text);

		if (!buf_add(&mended, bytes ? (struct str){ text.ptr, bytes } : STR("\xef\xbf\xbd")))
			return NULL;
		text = str_skip(text, bytes ? bytes : 1);
	}
	return json_stringn(mended.ptr, mended.len);
}

json_t *json_time(int64_t real_us)
{
	char text[CLOCK_RFC3339_MAX];

	if (real_us == 0)
		return json_null();
	clock_rfc3339_print(real_us, text);
	return json_string(text);
}

bool json_put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}
