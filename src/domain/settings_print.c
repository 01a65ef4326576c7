#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "domain/nearest.h"
#include "domain/settings_rows.h"

#define VALUE_BYTES_MAX 65536

/* Quoted unless it is plain in every YAML: all values are text to the reader, so nothing else needs care. */
static bool text_print(struct buf *out, struct str text)
{
	bool is_plain = text.len > 0;

	for (size_t i = 0; i < text.len && is_plain; i++) {
		char c = text.ptr[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		               c == '/';

		is_plain = is_word || (i > 0 && c != '\0' && strchr(".-_@", c));
	}
	if (is_plain)
		return buf_add(out, text);
	if (!buf_add_byte(out, '"'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\"\\", text.ptr[i]) && !buf_add_byte(out, '\\'))
			return false;
		if (!buf_add_byte(out, text.ptr[i]))
			return false;
	}
	return buf_add_byte(out, '"');
}

/* The `at`-th element of a value as text in `element`. False: there is none, or no memory. */
static bool element_of(const struct settings_row *row, const void *item, size_t at, struct buf *element)
{
	buf_clear(element);
	return row->kind->print(row, (const char *)item + row->offset, at, element);
}

/* { certificate: F, key: F }: one of a list within a listener. */
static bool inner_print(struct buf *out, enum settings_section section, const union settings_inner *inner)
{
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);
	CLEANUP(cleanup_buf) struct buf element;

	buf_init(&element, VALUE_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!element_of(&rows[i], inner, 0, &element))
			return false;
		if (!buf_add_format(out, "%s %s: ", i ? "," : "{", rows[i].key) ||
		    !text_print(out, buf_str(&element)))
			return false;
	}
	return buf_add(out, STR(" }"));
}

/* How many elements a value has: of a single one 0 or 1. */
static size_t elements_of(const struct settings_row *row, const void *item, struct buf *element)
{
	union settings_inner inner;
	size_t count = 0;

	if (row->kind == &kind_items) {
		while (settings_inner_get(row->inner, item, count, &inner))
			count++;
		return count;
	}
	while (element_of(row, item, count, element))
		count++;
	return count;
}

static bool value_print(struct buf *out, const struct settings_row *row, const void *item, size_t count)
{
	union settings_inner inner;
	CLEANUP(cleanup_buf) struct buf element;

	buf_init(&element, VALUE_BYTES_MAX);
	if (!row->kind->is_list || (row->kind == &kind_mailboxes && count == 1))
		return element_of(row, item, 0, &element) && text_print(out, buf_str(&element));
	for (size_t i = 0; i < count; i++) {
		if (!buf_add(out, i ? STR(", ") : STR("[ ")))
			return false;
		if (row->kind == &kind_items) {
			if (!settings_inner_get(row->inner, item, i, &inner) ||
			    !inner_print(out, row->inner, &inner))
				return false;
		} else if (!element_of(row, item, i, &element) || !text_print(out, buf_str(&element))) {
			return false;
		}
	}
	return buf_add(out, STR(" ]"));
}

/* Whether a value is its row's default, as settings_default writes it. */
static bool is_default(const struct settings_row *row, const void *item, size_t count)
{
	char text[SETTINGS_TEXT_MAX + 1];
	struct str rest;
	CLEANUP(cleanup_buf) struct buf element;

	buf_init(&element, VALUE_BYTES_MAX);
	if (!settings_default(row, item, sizeof(text), text))
		return count == 0;
	rest = str_of(text);
	for (size_t i = 0; i < count; i++) {
		struct str one = row->kind->is_list ? str_cut(&rest, ' ') : rest;

		if (!element_of(row, item, i, &element) || !str_eq(one, buf_str(&element)))
			return false;
	}
	return count > 0 && (!row->kind->is_list || rest.len == 0);
}

/* The keys of one item, each on a line after `first` or `indent`. *ret_lines: how many. */
static bool item_print(struct buf *out, enum settings_section section, const void *item, bool changed_only,
                       const char *first, const char *indent, size_t *ret_lines)
{
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);
	CLEANUP(cleanup_buf) struct buf element;

	buf_init(&element, VALUE_BYTES_MAX);
	*ret_lines = 0;
	for (size_t i = 0; i < count; i++) {
		size_t elements = elements_of(&rows[i], item, &element);

		if (elements == 0 || (changed_only && is_default(&rows[i], item, elements)))
			continue;
		if (!buf_add_format(out, "%s%s: ", *ret_lines ? indent : first, rows[i].key) ||
		    !value_print(out, &rows[i], item, elements) || !buf_add_byte(out, '\n'))
			return false;
		(*ret_lines)++;
	}
	return true;
}

static bool section_print(struct buf *out, const struct settings *settings, enum settings_section section,
                          bool changed_only)
{
	const struct settings_section_row *row = &settings_sections[section];
	size_t count = settings_items_count(settings, section);
	size_t before = out->len;
	size_t lines = 0;

	if (count == 0)
		return true;
	if (!buf_add_format(out, "%s:\n", row->name))
		return false;
	if (row->shape == SHAPE_ONE) {
		if (!item_print(out, section, settings, changed_only, "  ", "  ", &lines))
			return false;
		if (lines == 0)
			out->len = before;
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		const char *item = settings_item(settings, section, i);
		bool is_named = row->shape == SHAPE_NAMED;

		if (is_named && (!buf_add(out, STR("  ")) ||
		                 !text_print(out, str_of(*(const char *const *)(item + row->name_offset))) ||
		                 !buf_add(out, STR(":\n"))))
			return false;
		if (!item_print(out, section, item, changed_only, is_named ? "    " : "  - ", "    ", &lines))
			return false;
		assert(lines > 0); /* each has a key without which it is none */
	}
	return true;
}

bool settings_print(const struct settings *settings, bool changed_only, struct buf *out)
{
	for (enum settings_section section = 0; section < SECTION_FILE_COUNT; section++) {
		if (!section_print(out, settings, section, changed_only))
			return false;
	}
	return true;
}

static const char *owner_of(enum settings_section section)
{
	static const char *const owners[SECTION_COUNT] = {
		[SECTION_LISTENERS] = "listeners.NAME",
		[SECTION_UPSTREAMS] = "upstreams.NAME",
		[SECTION_ROUTES] = "routes[]",
		[SECTION_ISSUERS] = "issuers.NAME",
		[SECTION_CERTIFICATES] = "listeners.NAME.certificates[]",
		[SECTION_TRUSTED] = "listeners.NAME.trusted[]",
	};

	return owners[section] ? owners[section] : settings_sections[section].name;
}

static bool row_explain(const struct settings_row *row, enum language language, struct buf *out)
{
	if (!buf_add_format(out, "%s.%s\n    %s\n", owner_of(row->section), row->key,
	                    say(language, row->explain)))
		return false;
	if (row->kind == &kind_number &&
	    !buf_add_format(out, say(language, N_("    Values: %llu to %llu\n")),
	                    (unsigned long long)row->value_min, (unsigned long long)row->value_max))
		return false;
	if (row->choices && !buf_add_format(out, say(language, N_("    Values:"))))
		return false;
	for (size_t i = 0; row->choices && row->choices[i].name; i++) {
		if (!buf_add_format(out, "%s %s", i ? "," : "", row->choices[i].name))
			return false;
	}
	if (row->choices && !buf_add_byte(out, '\n'))
		return false;
	if (row->initial)
		return buf_add_format(out, say(language, N_("    Default: %s\n")), row->initial);
	return buf_add_format(
	        out, "%s",
	        say(language, row->required ? N_("    Must be given.\n") : N_("    Default: unset\n")));
}

static bool explain_nearest(struct str key, enum language language, struct buf *out)
{
	const char *names[SETTINGS_ROWS_MAX * 2];
	size_t count = 0;
	struct str near;

	assert(settings_rows_count + SECTION_FILE_COUNT <= SETTINGS_ROWS_MAX * 2);
	for (size_t i = 0; i < settings_rows_count; i++)
		names[count++] = settings_rows[i].key;
	for (size_t i = 0; i < SECTION_FILE_COUNT; i++)
		names[count++] = settings_sections[i].name;
	near = nearest(key, names, count);
	if (near.len)
		return buf_add_format(out, say(language, N_("there is no setting %.*s; the nearest is %.*s")),
		                      STR_ARG(key), STR_ARG(near));
	return buf_add_format(
	        out,
	        say(language,
	            N_("there is no setting %.*s; a section explains all its keys: listeners, limits")),
	        STR_ARG(key));
}

bool settings_explain(struct str key, enum language language, struct buf *out)
{
	size_t dot = str_find_last(key, '.');
	struct str name = dot < key.len ? str_skip(key, dot + 1) : key;
	struct str rest = key;
	struct str section = dot < key.len ? str_cut(&rest, '.') : STR("");
	bool is_found = false;

	for (size_t i = 0; i < settings_rows_count; i++) {
		const struct settings_row *row = &settings_rows[i];
		struct str owner = str_of(settings_sections[row->section].name);
		bool is_whole_section = dot == key.len && str_eq(owner, key);

		if (!is_whole_section &&
		    (!str_eq(str_of(row->key), name) || (section.len && !str_eq(section, owner))))
			continue;
		if (!row_explain(row, language, out))
			return false;
		is_found = true;
	}
	if (!is_found)
		(void)explain_nearest(name, language, out);
	return is_found;
}
