#include "base/pack.h"

#include <string.h>

static bool add_number(struct buf *out, uint64_t value, size_t bytes)
{
	char raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (char)(value >> (8 * i) & 0xff);
	return buf_add(out, (struct str){ raw, bytes });
}

static bool take_number(struct str *rest, size_t bytes, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (rest->len < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)rest->ptr[i] << (8 * i);
	*rest = str_skip(*rest, bytes);
	*ret_value = value;
	return true;
}

static bool field_print(struct buf *out, const struct pack_field *field, const char *at)
{
	uint32_t narrow;
	uint64_t wide;
	struct str text;

	switch ((enum pack_kind)field->kind) {
	case PACK_U8:
		return buf_add(out, (struct str){ at, 1 });
	case PACK_U32:
		memcpy(&narrow, at, sizeof(narrow));
		return add_number(out, narrow, 4);
	case PACK_U64:
	case PACK_I64:
		memcpy(&wide, at, sizeof(wide));
		return add_number(out, wide, 8);
	case PACK_STR:
		memcpy(&text, at, sizeof(text));
		return text.len <= UINT32_MAX && add_number(out, text.len, 4) && buf_add(out, text);
	case PACK_BYTES:
		return buf_add(out, (struct str){ at, field->size });
	}
	return false;
}

static bool field_parse(struct str *rest, const struct pack_field *field, char *at)
{
	uint64_t value;
	uint32_t narrow;
	struct str text;

	switch ((enum pack_kind)field->kind) {
	case PACK_U8:
		if (!take_number(rest, 1, &value))
			return false;
		*at = (char)value;
		return true;
	case PACK_U32:
		if (!take_number(rest, 4, &value))
			return false;
		narrow = (uint32_t)value;
		memcpy(at, &narrow, sizeof(narrow));
		return true;
	case PACK_U64:
	case PACK_I64:
		if (!take_number(rest, 8, &value))
			return false;
		memcpy(at, &value, sizeof(value));
		return true;
	case PACK_STR:
		if (!take_number(rest, 4, &value) || rest->len < value)
			return false;
		text = (struct str){ rest->ptr, (size_t)value };
		*rest = str_skip(*rest, (size_t)value);
		memcpy(at, &text, sizeof(text));
		return true;
	case PACK_BYTES:
		if (rest->len < field->size)
			return false;
		memcpy(at, rest->ptr, field->size);
		*rest = str_skip(*rest, field->size);
		return true;
	}
	return false;
}

bool pack_print(struct buf *out, const struct pack_field *fields, size_t count, const void *record)
{
	size_t before = out->len;

	for (size_t i = 0; i < count; i++) {
		if (!field_print(out, &fields[i], (const char *)record + fields[i].offset)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool pack_parse(struct str *rest, const struct pack_field *fields, size_t count, void *ret_record)
{
	for (size_t i = 0; i < count; i++) {
		if (!field_parse(rest, &fields[i], (char *)ret_record + fields[i].offset))
			return false;
	}
	return true;
}
