#include "domain/settings_rows.h"

static enum outcome texts_parse(struct settings *settings, const struct settings_row *row, struct str text, void *field)
{
	struct text_list *list = field;
	struct str kept;

	(void)row;
	if (text.len == 0 || text.len > SETTINGS_TEXT_MAX || !str_is_utf8(text) || str_find(text, ' ') < text.len ||
	    list->count == sizeof(list->items) / sizeof(*list->items))
		return OUTCOME_NEVER;
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return OUTCOME_NEVER;
	}
	if (!arena_keep(&settings->arena, text, &kept))
		return OUTCOME_LATER;
	list->items[list->count++] = kept.ptr;
	return OUTCOME_OK;
}

static enum outcome mail_addresses_parse(struct settings *settings, const struct settings_row *row, struct str text, void *field)
{
	const char *address;
	enum outcome outcome = kind_mail_address.parse(settings, row, text, &address);

	return outcome == OUTCOME_OK ? texts_parse(settings, row, text, field) : outcome;
}

static bool texts_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	const struct text_list *list = field;

	(void)row;
	return at < list->count && buf_add(out, str_of(list->items[at]));
}

const struct settings_kind kind_texts = { true, texts_parse, texts_print,
					  N_("%s: \"%.*s\" is empty, too long, has a blank in it, or is one too many") };
const struct settings_kind kind_mail_addresses = { true, mail_addresses_parse, texts_print,
						   N_("%s: \"%.*s\" is not a mail address, or one too many") };
