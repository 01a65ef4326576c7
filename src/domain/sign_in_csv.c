#include "domain/sign_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NUMBER_MAX CLOCK_RFC3339_MAX

static const char *status_word(const struct sign_in *row)
{
	return row->error_code == 0 ? "Success" : "Failure";
}

static const char *client_app(const struct sign_in *row)
{
	return sign_in_client_app(row->protocol);
}

/* The portal's columns that follow from others: behind those of sign_in_fields[]. */
static const struct {
	const char *header;
	const char *(*text)(const struct sign_in *);
} derived[] = {
	{ N_("Client app"), client_app },
	{ N_("Status"), status_word },
};

/* A field as text; `room` is for numbers. */
static struct str field_text(const struct sign_in_field *field, const struct sign_in *row, char room[NUMBER_MAX])
{
	const char *at = (const char *)row + field->pack.offset;
	struct str text;
	uint32_t number;

	switch ((enum pack_kind)field->pack.kind) {
	case PACK_STR:
		memcpy(&text, at, sizeof(text));
		return text;
	case PACK_I64: /* the only one is a time */
		clock_rfc3339_print(row->created_us, room);
		return str_of(room);
	case PACK_U8:
		return str_of(at == (const char *)&row->protocol ? sign_in_protocol_name(row->protocol)
								 : sign_in_mechanism_name(row->mechanism));
	case PACK_U32:
		memcpy(&number, at, sizeof(number));
		(void)snprintf(room, NUMBER_MAX, "%" PRIu32, number);
		return str_of(room);
	case PACK_U64:
	case PACK_BYTES:
		break;
	}
	return STR("");
}

bool sign_in_csv_header(struct buf *out, enum language language)
{
	if (!buf_add(out, STR(CSV_BOM)))
		return false;
	for (size_t i = 0; i < sign_in_fields_count; i++) {
		if (!csv_cell(out, str_of(say(language, sign_in_fields[i].header)), i == 0))
			return false;
	}
	for (size_t i = 0; i < COUNT(derived); i++) {
		if (!csv_cell(out, str_of(say(language, derived[i].header)), false))
			return false;
	}
	return buf_add(out, STR(CSV_LINE_END));
}

bool sign_in_csv(struct buf *out, const struct sign_in *row)
{
	char room[NUMBER_MAX];

	for (size_t i = 0; i < sign_in_fields_count; i++) {
		if (!csv_cell(out, field_text(&sign_in_fields[i], row, room), i == 0))
			return false;
	}
	for (size_t i = 0; i < COUNT(derived); i++) {
		if (!csv_cell(out, str_of(derived[i].text(row)), false))
			return false;
	}
	return buf_add(out, STR(CSV_LINE_END));
}
