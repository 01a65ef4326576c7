#include <string.h>

#include "domain/settings_rows.h"

void *settings_item(const struct settings *settings, enum settings_section section, size_t at)
{
	const struct settings_section_row *row = &settings_sections[section];

	if (row->shape == SHAPE_ONE)
		return (void *)settings;
	return *(char *const *)((const char *)settings + row->items_offset) + at * row->item_bytes;
}

size_t settings_items_count(const struct settings *settings, enum settings_section section)
{
	const struct settings_section_row *row = &settings_sections[section];

	return row->shape == SHAPE_ONE ? 1 : *(const size_t *)((const char *)settings + row->count_offset);
}

bool settings_default(const struct settings_row *row, const void *item, size_t size, char *ret_text)
{
	if (row->derive)
		return row->derive(item, size, ret_text);
	return row->initial && str_copy(str_of(row->initial), size, ret_text);
}

enum outcome settings_default_apply(struct settings *settings, const struct settings_row *row, void *item)
{
	char text[SETTINGS_TEXT_MAX + 1];
	struct str rest;
	enum outcome outcome = OUTCOME_OK;

	if (!settings_default(row, item, sizeof(text), text))
		return OUTCOME_OK;
	rest = str_of(text);
	while (outcome == OUTCOME_OK && rest.len > 0) {
		struct str element = row->kind->is_list ? str_cut(&rest, ' ') : rest;

		outcome = row->kind->parse(settings, row, element, (char *)item + row->offset);
		if (!row->kind->is_list)
			break;
	}
	return outcome;
}

bool settings_inner_get(enum settings_section section, const void *item, size_t at,
                        union settings_inner *ret_item)
{
	const struct listener_settings *listener = item;

	memset(ret_item, 0, sizeof(*ret_item));
	if (section == SECTION_TRUSTED && at < listener->trusted_count) {
		ret_item->trusted = listener->trusted[at];
		return true;
	}
	if (section == SECTION_CERTIFICATES && at < listener->certificates_count) {
		ret_item->certificate.certificate = listener->certificates[at];
		ret_item->certificate.key = listener->keys[at];
		return true;
	}
	return false;
}

static enum outcome trusted_add(struct settings *settings, struct listener_settings *listener,
                                const struct trusted_device *device)
{
	if (listener->trusted_count == CIDRS_MAX)
		return OUTCOME_NEVER;
	if (!listener->trusted)
		listener->trusted = arena_take(&settings->arena, CIDRS_MAX * sizeof(*listener->trusted));
	if (!listener->trusted)
		return OUTCOME_LATER;
	listener->trusted[listener->trusted_count++] = *device;
	return OUTCOME_OK;
}

enum outcome settings_inner_add(struct settings *settings, enum settings_section section, void *item,
                                const union settings_inner *inner)
{
	struct listener_settings *listener = item;

	if (section == SECTION_TRUSTED)
		return trusted_add(settings, listener, &inner->trusted);
	if (listener->certificates_count == LISTENER_CERTIFICATES_MAX)
		return OUTCOME_NEVER;
	listener->certificates[listener->certificates_count] = inner->certificate.certificate;
	listener->keys[listener->certificates_count++] = inner->certificate.key;
	return OUTCOME_OK;
}
