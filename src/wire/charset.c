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
	WAY_JIS,    /* rewritten first, see struct jis */
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

/* The character sets of ISO-2022-JP (RFC 1468), CP50221 and ISO-2022-JP-1. */
enum set { SET_ASCII, SET_KANA, SET_KANJI, SET_MORE_KANJI };

static const size_t set_bytes[] = { [SET_ASCII] = 0, [SET_KANA] = 1, [SET_KANJI] = 2, [SET_MORE_KANJI] = 2 };

static const struct shift {
	const char *escape;
	enum set set;
} shifts[] = {
	{ "(B", SET_ASCII },  { "(J", SET_ASCII },  { "(I", SET_KANA },   { "$@", SET_KANJI },
	{ "$B", SET_KANJI },  { "$(@", SET_KANJI }, { "$(B", SET_KANJI }, { "$(D", SET_MORE_KANJI },
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

/*
 * glibc's ISO-2022-JP refuses NEC's and IBM's characters (①, ㈱, 髙), which copiers send; its CP932 has them at the same
 * rows. So the text is rewritten as CP932, and as EUC-JP-MS where it shifts to JIS X 0212, which CP932 has not.
 */
struct jis {
	enum set set;
	bool euc; /* what `bytes` hold */
	struct buf bytes;
	struct buf *out;
};

static void jis_done(struct jis *jis)
{
	buf_done(&jis->bytes);
}

static bool jis_flush(struct jis *jis)
{
	bool good = convert(jis->euc ? "EUC-JP-MS" : "CP932", WAY_DOUBLE, false, buf_str(&jis->bytes), jis->out) ==
		    CONVERTED;

	buf_clear(&jis->bytes);
	return good;
}

/* One character of the set shifted to, at the start of `text`. */
static bool jis_character(struct jis *jis, struct str text)
{
	unsigned row = (unsigned char)text.ptr[0];
	unsigned cell = jis->set == SET_KANA ? 0 : (unsigned char)text.ptr[1];
	char bytes[3] = { 0 };
	size_t count = 0;

	if (jis->euc != (jis->set == SET_MORE_KANJI) && !jis_flush(jis))
		return false;
	jis->euc = jis->set == SET_MORE_KANJI;
	if (jis->set == SET_KANA) {
		bytes[count++] = (char)(row | 0x80);
	} else if (jis->euc) {
		bytes[count++] = (char)0x8f;
		bytes[count++] = (char)(row | 0x80);
		bytes[count++] = (char)(cell | 0x80);
	} else { /* JIS X 0208's rows pair up in Shift_JIS */
		bytes[count++] = (char)(((row - 0x21) >> 1) + (row < 0x5f ? 0x81 : 0xc1));
		bytes[count++] = (char)(row % 2 == 0 ? cell + 0x7e : cell + (cell < 0x60 ? 0x1f : 0x20));
	}
	return buf_add(&jis->bytes, (struct str){ bytes, count });
}

static bool jis_byte(struct jis *jis, char byte)
{
	if (byte == '\n')
		jis->set = SET_ASCII;
	if ((unsigned char)byte >= 0x80 && jis->euc) { /* eight-bit katakana among it */
		if (!jis_flush(jis))
			return false;
		jis->euc = false;
	}
	return buf_add_byte(&jis->bytes, byte);
}

static bool add_jis(struct str text, struct buf *out)
{
	CLEANUP(jis_done) struct jis jis = { .out = out };

	buf_init(&jis.bytes, text.len * 2 + 16);
	while (text.len > 0) {
		char byte = text.ptr[0];
		const struct shift *shift = byte == ESCAPE ? find_shift(str_skip(text, 1)) : NULL;
		size_t used = 1;
		bool good = true;

		if (shift) {
			jis.set = shift->set;
			used += str_of(shift->escape).len;
		} else if (byte == 0x0e || byte == 0x0f) { /* CP50222: SO to katakana, SI back */
			jis.set = byte == 0x0e ? SET_KANA : SET_ASCII;
		} else if (is_shifted(text, set_bytes[jis.set])) {
			used = set_bytes[jis.set];
			good = jis_character(&jis, text);
		} else {
			good = jis_byte(&jis, byte);
		}
		if (!good)
			return false;
		text = str_skip(text, used);
	}
	return jis_flush(&jis);
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

/*
 * EUC-JP, when it cannot well be Shift_JIS: whole pairs of bytes from A1 to FE, among them hiragana or katakana (A4, A5) or a
 * byte that no half-width katakana has. Half-width katakana of Shift_JIS alone, which old devices write, stays that.
 */
static bool is_euc(struct str text)
{
	bool sure = false;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char lead = (unsigned char)text.ptr[i];
		unsigned char trail = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;

		if (lead < 0x80)
			continue;
		if (lead != 0x8e && (lead < 0xa1 || lead > 0xf4))
			return false;
		if (trail < 0xa1 || trail > 0xfe)
			return false;
		sure |= lead == 0xa4 || lead == 0xa5 || lead >= 0xe0 || trail >= 0xe0;
		i++;
	}
	return sure;
}

bool charset_hold(void)
{
	static const char *const needed[] = { "CP932", "EUC-JP-MS", "ISO-8859-1" };
	static iconv_t held[sizeof(needed) / sizeof(*needed)];
	bool all = true;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (held[i])
			continue;
		held[i] = iconv_open("UTF-8", needed[i]);
		if (held[i] == (iconv_t)-1)
			held[i] = NULL;
		all = all && held[i];
	}
	return all;
}

const char *charset_name(struct str text)
{
	CLEANUP(cleanup_buf) struct buf utf8 = { 0 };

	buf_init(&utf8, text.len * 4 + 16);
	if (str_is_ascii(text))
		return has_jis_escape(text) ? "ISO-2022-JP" : "US-ASCII";
	if (str_is_utf8(text))
		return "UTF-8";
	if (is_euc(text) && convert("EUC-JP-MS", WAY_DOUBLE, true, text, &utf8) == CONVERTED)
		return "EUC-JP";
	buf_clear(&utf8);
	return convert("CP932", WAY_DOUBLE, true, text, &utf8) == CONVERTED ? "Shift_JIS" : "ISO-8859-1";
}

bool charset_guess(struct str text, struct buf *out)
{
	size_t before = out->len;

	if (str_is_utf8(text) && !has_jis_escape(text))
		return buf_add(out, text);
	if (str_is_ascii(text))
		return add_jis(text, out);
	if (is_euc(text) && convert("EUC-JP-MS", WAY_DOUBLE, true, text, out) == CONVERTED)
		return true;
	out->len = before;
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
