#include <string.h>

#include "base/cleanup.h"
#include "wire/charset.h"
#include "wire/repair_private.h"

/* `value` without its charset parameter; *ret_charset is what that said. */
static bool without_charset(struct str value, struct buf *out, struct str *ret_charset)
{
	*ret_charset = STR("");
	for (bool first = true; value.len > 0; first = false) {
		struct str one = str_cut(&value, ';');
		struct str trimmed = str_trim(one);
		struct str rest = trimmed;
		struct str name = str_trim(str_cut(&rest, '='));

		if (str_eq_nocase(name, STR("charset")) || str_starts_nocase(name, STR("charset*"))) {
			*ret_charset = str_trim(rest);
			continue;
		}
		if (trimmed.len > 0 && ((!first && !buf_add(out, STR("; "))) || !buf_add(out, trimmed)))
			return false;
	}
	return true;
}

void repair_charset(struct repair_header *header, struct str text)
{
	static const char *const says_nothing[] = { "", "us-ascii", "\"us-ascii\"", "ascii" };
	struct repair_field *type = repair_find(header, STR("content-type"));
	struct repair_field *encoding = repair_find(header, STR("content-transfer-encoding"));
	CLEANUP(cleanup_buf) struct buf value = { 0 };
	struct str charset;
	const char *name = charset_name(text);
	bool says = true;

	if (strcmp(name, "US-ASCII") == 0)
		return;
	buf_init(&value, 4096);
	if (!without_charset(type ? repair_value(header, type) : STR("text/plain"), &value, &charset))
		return;
	for (size_t i = 0; i < sizeof(says_nothing) / sizeof(*says_nothing); i++)
		says = says && !str_eq_nocase(charset, str_of(says_nothing[i]));
	if (says || !buf_add(&value, STR("; charset=")) || !buf_add(&value, str_of(name)))
		return;
	if (type)
		repair_set(header, type, buf_str(&value));
	else
		repair_add(header, STR("Content-Type"), buf_str(&value));
	if (!str_is_ascii(text) && (!encoding || str_eq_nocase(repair_value(header, encoding), STR("7bit")))) {
		if (encoding)
			repair_set(header, encoding, STR("8bit"));
		else
			repair_add(header, STR("Content-Transfer-Encoding"), STR("8bit"));
	}
	/* What these fields say holds only beside a MIME-Version. */
	if (!repair_find(header, STR("mime-version")))
		repair_add(header, STR("MIME-Version"), STR("1.0"));
	repair_tell(header, REPAIR_MISSING_CHARSET);
}
