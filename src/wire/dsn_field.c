#include "wire/dsn_field.h"

#include "base/cleanup.h"
#include "wire/smtp_param.h"
#include "wire/text.h"

#define FOLD_COLUMNS 76  /* folded at the next blank from here on */
#define BREAK_COLUMNS 500 /* and here without one */
#define TOKEN_BYTES_MAX 900 /* of what cannot be folded: an address, a Message-ID */

static bool is_printable(char byte)
{
	return byte > ' ' && byte < 0x7f;
}

/* The value's words, one blank between them, folded; `columns` already stand on the line. */
static bool add_folded(struct buf *out, struct str value, size_t columns)
{
	bool gap = false;

	for (size_t i = 0; i < value.len; i++) {
		char byte = value.ptr[i];

		if (byte == '\n') { /* a line of a reply stays a line */
			columns = FOLD_COLUMNS;
			gap = true;
			continue;
		}
		if (byte == ' ' || byte == '\t' || byte == '\r') {
			gap = true;
			continue;
		}
		if ((gap && columns >= FOLD_COLUMNS) || columns >= BREAK_COLUMNS) {
			if (!buf_add(out, STR("\r\n ")))
				return false;
			columns = 1;
		} else if (gap) {
			if (!buf_add_byte(out, ' '))
				return false;
			columns++;
		}
		gap = false;
		if (!buf_add_byte(out, is_printable(byte) ? byte : '?'))
			return false;
		columns++;
	}
	return true;
}

bool dsn_field(struct buf *out, const char *name, struct str prefix, struct str value)
{
	size_t columns = str_of(name).len + 2 + prefix.len;

	value = text_cut(str_trim(value), DSN_VALUE_MAX);
	if (value.len == 0)
		value = STR("unknown");
	return buf_add_format(out, "%s: ", name) && buf_add(out, prefix) && add_folded(out, value, columns) &&
	       buf_add(out, STR("\r\n"));
}

/* Without controls and brackets; a good address stays itself. */
static bool add_address(struct buf *out, struct str address)
{
	char clean[TOKEN_BYTES_MAX + 1];

	text_clean_copy(address, sizeof(clean), clean);
	for (const char *at = clean; *at; at++) {
		if (!buf_add_byte(out, *at == '<' || *at == '>' ? '?' : *at))
			return false;
	}
	return true;
}

bool dsn_field_address(struct buf *out, const char *name, struct str address)
{
	return buf_add_format(out, "%s: <", name) && add_address(out, address) && buf_add(out, STR(">\r\n"));
}

bool dsn_field_addresses(struct buf *out, const char *name, const struct str *addresses, size_t count)
{
	if (!buf_add_format(out, "%s: ", name))
		return false;
	for (size_t i = 0; i < count; i++) {
		if ((i > 0 && !buf_add(out, STR(",\r\n "))) || !buf_add_byte(out, '<') || !add_address(out, addresses[i]) ||
		    !buf_add_byte(out, '>'))
			return false;
	}
	return buf_add(out, STR("\r\n"));
}

bool dsn_field_message_id(struct buf *out, const char *name, struct str id)
{
	id = str_trim(id);
	if (id.len > 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>')
		id = (struct str){ id.ptr + 1, id.len - 2 };
	for (size_t i = 0; i < id.len; i++) {
		if (!is_printable(id.ptr[i]) || id.ptr[i] == '<' || id.ptr[i] == '>')
			return true;
	}
	if (id.len == 0 || id.len > TOKEN_BYTES_MAX)
		return true;
	return buf_add_format(out, "%s: <%.*s>\r\n", name, STR_ARG(id));
}

static uint32_t code_point(struct str character)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t value = (unsigned char)character.ptr[0] & masks[character.len];

	for (size_t i = 1; i < character.len; i++)
		value = value << 6 | ((unsigned char)character.ptr[i] & 0x3f);
	return value;
}

/* RFC 6533, 3: utf-8-addr-xtext, all ASCII. */
static bool add_utf8_address(struct buf *out, struct str address)
{
	while (address.len > 0) {
		size_t bytes = text_character(address);
		char byte = address.ptr[0];
		bool good;

		if (bytes == 1 && is_printable(byte) && byte != '\\' && byte != '+' && byte != '=')
			good = buf_add_byte(out, byte);
		else
			good = buf_add_format(out, "\\x{%02X}",
					      bytes ? code_point((struct str){ address.ptr, bytes }) : 0xfffd);
		if (!good)
			return false;
		address = str_skip(address, bytes ? bytes : 1);
	}
	return true;
}

bool dsn_field_recipient(struct buf *out, const char *name, struct str address)
{
	CLEANUP(cleanup_buf) struct buf coded = { 0 };

	if (str_is_ascii(address))
		return dsn_field(out, name, STR("rfc822; "), address);
	buf_init(&coded, DSN_VALUE_MAX);
	return add_utf8_address(&coded, text_cut(address, DSN_VALUE_MAX / 10)) &&
	       dsn_field(out, name, STR("utf-8; "), buf_str(&coded));
}

bool dsn_field_original_recipient(struct buf *out, struct str orcpt)
{
	CLEANUP(cleanup_buf) struct buf raw = { 0 };
	struct str type;

	if (orcpt.len == 0)
		return true;
	buf_init(&raw, DSN_VALUE_MAX);
	type = str_cut(&orcpt, ';');
	for (size_t i = 0; i < type.len; i++) {
		if (!is_printable(type.ptr[i]))
			return true;
	}
	if (type.len == 0 || type.len > 32 || orcpt.len == 0 || !xtext_parse(orcpt, &raw))
		return true;
	if (!str_is_ascii(buf_str(&raw)))
		return dsn_field_recipient(out, "Original-Recipient", buf_str(&raw));
	return buf_add_format(out, "Original-Recipient: %.*s; ", STR_ARG(type)) &&
	       add_folded(out, buf_str(&raw), sizeof("Original-Recipient: ; ") + type.len) && buf_add(out, STR("\r\n"));
}

bool dsn_field_envelope_id(struct buf *out, struct str envid)
{
	CLEANUP(cleanup_buf) struct buf raw = { 0 };

	buf_init(&raw, DSN_VALUE_MAX);
	if (envid.len == 0 || !xtext_parse(envid, &raw) || raw.len == 0)
		return true;
	return dsn_field(out, "Original-Envelope-Id", STR(""), buf_str(&raw));
}
