#include "wire/smtp_address.h"

#include <ctype.h>
#include <string.h>

#define LABEL_MAX 63

static bool is_letter_or_digit(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_8bit(char byte)
{
	return (unsigned char)byte >= 0x80;
}

/* RFC 5321, 4.1.2 Atom, with dots anywhere: Japanese carriers gave out "a..b" and "a.". */
static bool is_atom_byte(char byte)
{
	return is_letter_or_digit(byte) || is_8bit(byte) || (byte && strchr("!#$%&'*+-/=?^_`{|}~.", byte));
}

/* How long the Quoted-string at the start of `text` is, quotes included; 0: none, or nothing inside. */
static size_t quoted_len(struct str text)
{
	size_t at = 1;

	while (at < text.len && text.ptr[at] != '"') {
		if (text.ptr[at] == '\\')
			at++;
		if (at == text.len || (!is_8bit(text.ptr[at]) && (text.ptr[at] < ' ' || text.ptr[at] > '~')))
			return 0;
		at++;
	}
	return at < text.len && at > 1 ? at + 1 : 0;
}

static size_t local_len(struct str text)
{
	size_t len = 0;

	if (text.len && text.ptr[0] == '"')
		return quoted_len(text);
	while (len < text.len && is_atom_byte(text.ptr[len]))
		len++;
	return len;
}

/* Four numbers to 255, dots between, the whole of `text`. */
static bool is_ipv4(struct str text)
{
	uint64_t number;

	for (int i = 0; i < 4; i++) {
		size_t dot = str_find(text, '.');

		if ((i < 3) == (dot == text.len) || dot > 3 || !str_to_u64(str_cut(&text, '.'), 255, &number))
			return false;
	}
	return true;
}

/* RFC 4291, 2.2, without a zone: groups of up to four hex digits, one "::", an IPv4 tail. */
static bool is_ipv6(struct str text)
{
	bool gap = str_starts(text, STR("::"));
	int groups = 0;

	if (gap)
		text = str_skip(text, 2);
	while (text.len > 0 && groups < 8) {
		size_t len = str_find(text, ':');
		struct str group = { text.ptr, len };

		if (len == text.len && is_ipv4(group))
			return gap ? groups <= 5 : groups == 6;
		if (len == 0 || len > 4)
			return false;
		for (size_t i = 0; i < len; i++) {
			if (!isxdigit((unsigned char)group.ptr[i]))
				return false;
		}
		groups++;
		text = str_skip(text, len);
		if (str_starts(text, STR("::"))) {
			if (gap)
				return false;
			gap = true;
			text = str_skip(text, 2);
		} else if (text.len == 1) {
			return false; /* a colon at the end */
		} else {
			text = str_skip(text, 1);
		}
	}
	return text.len == 0 && (gap ? groups <= 7 : groups == 8);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" at the start of `text`; no other tag is registered. */
static size_t literal_len(struct str text)
{
	size_t end = str_find(text, ']');
	struct str inside = { text.ptr + 1, end - 1 };

	if (end == text.len)
		return 0;
	if (str_starts_nocase(inside, STR("IPv6:")))
		return is_ipv6(str_skip(inside, STR("IPv6:").len)) ? end + 1 : 0;
	return is_ipv4(inside) ? end + 1 : 0;
}

/* Labels of letters, digits, hyphens inside, UTF-8 and, as Windows names have it, the underscore. */
static size_t domain_len(struct str text)
{
	size_t label = 0;
	size_t len;

	if (text.len && text.ptr[0] == '[')
		return literal_len(text);
	for (len = 0; len < text.len; len++) {
		char byte = text.ptr[len];
		bool hyphen = byte == '-';

		if (byte == '.') {
			if (label == 0 || text.ptr[len - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!is_letter_or_digit(byte) && !is_8bit(byte) && byte != '_' && !hyphen)
			break;
		if (++label > LABEL_MAX || (hyphen && label == 1))
			return 0;
	}
	return label > 0 && text.ptr[len - 1] != '-' ? len : 0;
}

/* The bytes of C1 controls in UTF-8. */
static bool has_c1(struct str text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if ((unsigned char)text.ptr[i] == 0xc2 && (unsigned char)text.ptr[i + 1] < 0xa0)
			return true;
	}
	return false;
}

/* local@domain at the start of `text`; *ret_rest is what follows. */
static bool mailbox_parse(struct str text, struct smtp_address *ret_address, struct str *ret_rest)
{
	struct smtp_address address = { .local = { text.ptr, local_len(text) } };
	struct str rest = str_skip(text, address.local.len);

	if (address.local.len == 0 || address.local.len > SMTP_LOCAL_MAX || !str_starts(rest, STR("@")))
		return false;
	rest = str_skip(rest, 1);
	address.domain = (struct str){ rest.ptr, domain_len(rest) };
	if (address.domain.len == 0 || address.domain.len > SMTP_DOMAIN_MAX)
		return false;
	address.whole = (struct str){ text.ptr, address.local.len + 1 + address.domain.len };
	address.utf8 = !str_is_ascii(address.whole);
	if (address.utf8 && (!str_is_utf8(address.whole) || has_c1(address.whole)))
		return false;
	*ret_rest = str_skip(rest, address.domain.len);
	*ret_address = address;
	return true;
}

/* "@a,@b:" at the start of a path, dropped. False: it begins like one and is none. */
static bool route_skip(struct str *path)
{
	struct str rest = *path;

	if (!str_starts(rest, STR("@")))
		return true;
	for (;;) {
		size_t len = str_starts(rest, STR("@")) ? domain_len(str_skip(rest, 1)) : 0;
		char after;

		rest = str_skip(rest, len + 1);
		if (len == 0 || rest.len == 0)
			return false;
		after = rest.ptr[0];
		rest = str_skip(rest, 1);
		if (after == ':')
			break;
		if (after != ',')
			return false;
	}
	*path = rest;
	return true;
}

/* What may stand inside <>, or alone; *ret_rest is what follows. */
static bool path_parse(struct str text, bool bare_postmaster, struct smtp_address *ret_address, struct str *ret_rest)
{
	struct str name = { text.ptr, STR("postmaster").len };
	char after = text.len > name.len ? text.ptr[name.len] : ' ';

	if (bare_postmaster && str_starts_nocase(text, STR("postmaster")) &&
	    (after == ' ' || after == '\t' || after == '>')) {
		*ret_address = (struct smtp_address){ .whole = name, .local = name, .domain = STR("") };
		*ret_rest = str_skip(text, name.len);
		return true;
	}
	return route_skip(&text) && mailbox_parse(text, ret_address, ret_rest);
}

enum parse smtp_path_parse(struct str text, bool bare_postmaster, struct smtp_address *ret_address, struct str *ret_rest)
{
	struct smtp_address address = { .whole = STR(""), .local = STR(""), .domain = STR("") };
	struct str rest;
	bool angle;

	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = str_skip(text, 1);
	angle = str_starts(text, STR("<"));
	rest = str_skip(text, angle ? 1 : 0);
	if (!(angle && str_starts(rest, STR(">"))) && !path_parse(rest, bare_postmaster, &address, &rest))
		return PARSE_BAD;
	if (angle && !str_starts(rest, STR(">")))
		return PARSE_BAD;
	rest = str_skip(rest, angle ? 1 : 0);
	if (rest.len > 0 && rest.ptr[0] != ' ' && rest.ptr[0] != '\t')
		return PARSE_BAD;
	*ret_address = address;
	*ret_rest = rest;
	return PARSE_OK;
}

bool smtp_address_parse(struct str text, struct smtp_address *ret_address)
{
	struct smtp_address address;
	struct str rest;

	if (!mailbox_parse(text, &address, &rest) || rest.len > 0)
		return false;
	*ret_address = address;
	return true;
}

bool smtp_address_eq(struct str a, struct str b)
{
	return str_eq_nocase(a, b);
}
