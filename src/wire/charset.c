#include "wire/charset.h"

#include <errno.h>
#include <iconv.h>

#include "base/cleanup.h"
#include "wire/text.h"

#define REPLACEMENT STR("\xef\xbf\xbd")
#define ESCAPE '\x1b'

enum way {
	WAY_UTF8,
	WAY_GUESS,
	WAY_JIS,    /* shifted to EUC-JP-MS first: glibc's ISO-2022-JP refuses ① and ㈱ */
	WAY_SINGLE, /* by iconv; a bad byte is one character */
	WAY_DOUBLE, /* by iconv; a bad character may be two bytes */
};

/* To add a charset: a row. */
static const struct row {
	const char *label;
	enum way way;
	const char *iconv_name; /* NULL: the label itself */
} rows[] = {
	{ "utf-8", WAY_UTF8, NULL },
	{ "utf8", WAY_UTF8, NULL },
	{ "us-ascii", WAY_GUESS, NULL }, /* devices say so of anything */
	{ "ascii", WAY_GUESS, NULL },
	{ "iso-2022-jp", WAY_JIS, NULL },
	{ "iso-2022-jp-1", WAY_JIS, NULL },
	{ "iso-2022-jp-ms", WAY_JIS, NULL },
	{ "csiso2022jp", WAY_JIS, NULL },
	{ "cp50220", WAY_JIS, NULL },
	{ "cp50221", WAY_JIS, NULL },
	{ "cp50222", WAY_JIS, NULL },
	{ "shift_jis", WAY_DOUBLE, "CP932" },
	{ "shift-jis", WAY_DOUBLE, "CP932" },
	{ "sjis", WAY_DOUBLE, "CP932" },
	{ "x-sjis", WAY_DOUBLE, "CP932" },
	{ "ms_kanji", WAY_DOUBLE, "CP932" },
	{ "csshiftjis", WAY_DOUBLE, "CP932" },
	{ "windows-31j", WAY_DOUBLE, "CP932" },
	{ "cswindows31j", WAY_DOUBLE, "CP932" },
	{ "cp932", WAY_DOUBLE, "CP932" },
	{ "euc-jp", WAY_DOUBLE, "EUC-JP-MS" },
	{ "x-euc-jp", WAY_DOUBLE, "EUC-JP-MS" },
	{ "eucjp-ms", WAY_DOUBLE, "EUC-JP-MS" },
	{ "gb2312", WAY_DOUBLE, "GBK" },
	{ "gbk", WAY_DOUBLE, NULL },
	{ "gb18030", WAY_DOUBLE, NULL },
	{ "big5", WAY_DOUBLE, NULL },
	{ "euc-kr", WAY_DOUBLE, "CP949" },
	{ "ks_c_5601-1987", WAY_DOUBLE, "CP949" },
	{ "cp949", WAY_DOUBLE, "CP949" },
	{ "iso-8859-1", WAY_SINGLE, NULL },
	{ "iso-8859-2", WAY_SINGLE, NULL },
	{ "iso-8859-3", WAY_SINGLE, NULL },
	{ "iso-8859-4", WAY_SINGLE, NULL },
	{ "iso-8859-5", WAY_SINGLE, NULL },
	{ "iso-8859-6", WAY_SINGLE, NULL },
	{ "iso-8859-7", WAY_SINGLE, NULL },
	{ "iso-8859-8", WAY_SINGLE, NULL },
	{ "iso-8859-9", WAY_SINGLE, NULL },
	{ "iso-8859-10", WAY_SINGLE, NULL },
	{ "iso-8859-13", WAY_SINGLE, NULL },
	{ "iso-8859-14", WAY_SINGLE, NULL },
	{ "iso-8859-15", WAY_SINGLE, NULL },
	{ "iso-8859-16", WAY_SINGLE, NULL },
	{ "latin1", WAY_SINGLE, "ISO-8859-1" },
	{ "windows-1250", WAY_SINGLE, NULL },
	{ "windows-1251", WAY_SINGLE, NULL },
	{ "windows-1252", WAY_SINGLE, NULL },
	{ "windows-1253", WAY_SINGLE, NULL },
	{ "windows-1254", WAY_SINGLE, NULL },
	{ "windows-1255", WAY_SINGLE, NULL },
	{ "windows-1256", WAY_SINGLE, NULL },
	{ "windows-1257", WAY_SINGLE, NULL },
	{ "windows-1258", WAY_SINGLE, NULL },
	{ "koi8-r", WAY_SINGLE, NULL },
	{ "koi8-u", WAY_SINGLE, NULL },
	{ "tis-620", WAY_SINGLE, NULL },
};

static void cleanup_iconv(iconv_t *converter)
{
	if (*converter != (iconv_t)-1)
		(void)iconv_close(*converter);
}

enum converted { CONVERTED, CONVERTED_NOT, CONVERTED_NO_ROOM };

/* A bad character is two bytes when the second can be a trail byte: else the rest would be read one byte off. */
static size_t bad_bytes(enum way way, struct str rest)
{
	return way == WAY_DOUBLE && rest.len > 1 && (unsigned char)rest.ptr[0] >= 0x80 &&
			       (unsigned char)rest.ptr[1] >= 0x40
		       ? 2
		       : 1;
}

/* Through iconv. With `strict` a bad character ends it (CONVERTED_NOT), else it becomes U+FFFD. */
static enum converted convert(const char *iconv_name, enum way way, bool strict, struct str text, struct buf *out)
{
	CLEANUP(cleanup_iconv) iconv_t converter = iconv_open("UTF-8", iconv_name);
	char *from = (char *)(uintptr_t)text.ptr; /* iconv's prototype; it does not write there */
	size_t left = text.len;
	bool flushing = false;

	if (converter == (iconv_t)-1)
		return CONVERTED_NOT;
	for (;;) {
		char chunk[512];
		char *to = chunk;
		size_t room = sizeof(chunk);
		size_t result = flushing ? iconv(converter, NULL, NULL, &to, &room)
					 : iconv(converter, &from, &left, &to, &room);
		int error = result == (size_t)-1 ? errno : 0;
		size_t bad;

		if (!buf_add(out, (struct str){ chunk, sizeof(chunk) - room }))
			return CONVERTED_NO_ROOM;
		if (error == E2BIG)
			continue;
		if (flushing)
			return CONVERTED;
		if (left > 0) {
			if (strict)
				return CONVERTED_NOT;
			if (!buf_add(out, REPLACEMENT))
				return CONVERTED_NO_ROOM;
			bad = error == EINVAL ? left : bad_bytes(way, (struct str){ from, left });
			from += bad;
			left -= bad;
		}
		flushing = left == 0;
	}
}

/* What an escape sequence of CP50221 shifts to. */
static const struct shift {
	const char *escape;
	const char *prefix; /* what EUC-JP-MS puts before each character */
	size_t bytes;       /* of a character; 0: ASCII */
} shifts[] = {
	{ "(B", "", 0 },  { "(J", "", 0 },  { "(I", "\x8e", 1 }, { "$@", "", 2 },
	{ "$B", "", 2 },  { "$(B", "", 2 }, { "$(@", "", 2 },    { "$(D", "\x8f", 2 },
};

static const struct shift *find_shift(struct str rest)
{
	for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
		if (str_starts(rest, str_of(shifts[i].escape)))
			return &shifts[i];
	}
	return NULL;
}

static bool is_shifted(struct str text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (i >= text.len || text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
			return false;
	}
	return bytes > 0;
}

/* ISO-2022-JP (RFC 1468) with CP50221's katakana and NEC rows, rewritten as EUC-JP-MS. */
static bool jis_to_euc(struct str text, struct buf *euc)
{
	const struct shift *now = &shifts[0];

	while (text.len > 0) {
		unsigned char byte = (unsigned char)text.ptr[0];
		const struct shift *next = byte == (unsigned char)ESCAPE ? find_shift(str_skip(text, 1)) : NULL;
		size_t used = 1;
		bool room = true;

		if (next) {
			now = next;
			used += str_of(next->escape).len;
		} else if (byte == 0x0e || byte == 0x0f) { /* CP50222: SO to katakana, SI back */
			now = byte == 0x0e ? &shifts[2] : &shifts[0];
		} else if (is_shifted(text, now->bytes)) {
			used = now->bytes;
			room = buf_add(euc, str_of(now->prefix));
			for (size_t i = 0; room && i < used; i++)
				room = buf_add_byte(euc, (char)(text.ptr[i] | 0x80));
		} else if (byte >= 0xa1 && byte <= 0xdf) { /* eight-bit katakana among it */
			room = buf_add_byte(euc, (char)0x8e) && buf_add_byte(euc, (char)byte);
		} else {
			if (byte == '\n')
				now = &shifts[0];
			room = buf_add_byte(euc, (char)byte);
		}
		if (!room)
			return false;
		text = str_skip(text, used);
	}
	return true;
}

static bool add_jis(struct str text, struct buf *out)
{
	CLEANUP(cleanup_buf) struct buf euc;

	buf_init(&euc, text.len * 3 + 16);
	return jis_to_euc(text, &euc) && convert("EUC-JP-MS", WAY_DOUBLE, false, buf_str(&euc), out) == CONVERTED;
}

static bool add_utf8(struct str text, struct buf *out)
{
	while (text.len > 0) {
		size_t bytes = text_character(text);

		if (!buf_add(out, bytes ? (struct str){ text.ptr, bytes } : REPLACEMENT))
			return false;
		text = str_skip(text, bytes ? bytes : 1);
	}
	return true;
}

static bool has_jis_escape(struct str text)
{
	for (size_t at = str_find(text, ESCAPE); at < text.len; at = str_find(text, ESCAPE)) {
		text = str_skip(text, at + 1);
		if (find_shift(text))
			return true;
	}
	return false;
}

bool charset_guess(struct str text, struct buf *out)
{
	size_t before = out->len;

	if (str_is_utf8(text) && !has_jis_escape(text))
		return buf_add(out, text);
	if (str_is_ascii(text))
		return add_jis(text, out);
	if (convert("CP932", WAY_DOUBLE, true, text, out) == CONVERTED)
		return true;
	out->len = before;
	return convert("ISO-8859-1", WAY_SINGLE, false, text, out) == CONVERTED;
}

bool charset_parse(struct str charset, struct str text, struct buf *out)
{
	const struct row *row = NULL;
	size_t before = out->len;
	struct str label = str_cut(&charset, '*'); /* RFC 2231, 5 */

	for (size_t i = 0; !row && i < sizeof(rows) / sizeof(*rows); i++) {
		if (str_eq_nocase(label, str_of(rows[i].label)))
			row = &rows[i];
	}
	switch (row ? row->way : WAY_GUESS) {
	case WAY_UTF8:
		return add_utf8(text, out);
	case WAY_JIS:
		return add_jis(text, out);
	case WAY_SINGLE:
	case WAY_DOUBLE:
		switch (convert(row->iconv_name ? row->iconv_name : row->label, row->way, false, text, out)) {
		case CONVERTED:
			return true;
		case CONVERTED_NO_ROOM:
			return false;
		case CONVERTED_NOT: /* a system without that converter */
			out->len = before;
			break;
		}
		break;
	case WAY_GUESS:
		break;
	}
	return charset_guess(text, out);
}
