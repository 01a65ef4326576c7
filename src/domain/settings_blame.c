#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "domain/nearest.h"
#include "domain/settings_rows.h"

#define PATH_SHOWN_MAX 200 /* of a very long path its end is shown, so that the sentence keeps its room */
#define SHOWN_LEN_MAX 80

enum outcome settings_place(struct settings_reader *reader, struct settings_mark mark)
{
	struct fault *fault = reader->fault;
	struct str path = str_of(reader->settings->file);

	if (path.len > PATH_SHOWN_MAX)
		path = str_skip(path, path.len - PATH_SHOWN_MAX);
	for (int language = 0; language < LANGUAGE_COUNT; language++) {
		char sentence[FAULT_TEXT_MAX];
		size_t room = sizeof(fault->text[language]);
		int len;

		memcpy(sentence, fault->text[language], sizeof(sentence));
		len = snprintf(fault->text[language], room, "%.*s:%u:%u: %s", STR_ARG(path),
		               mark.line ? mark.line : 1, mark.line ? mark.column : 1, sentence);
		while (len >= (int)room && room > 1 &&
		       ((unsigned char)fault->text[language][room - 2] & 0x80))
			fault->text[language][--room - 1] = '\0'; /* no half of a character at the cut */
	}
	return fault->outcome;
}

enum outcome settings_out_of_memory(struct settings_reader *reader)
{
	return fault_set(reader->fault, OUTCOME_LATER, N_("out of memory while reading %s"),
	                 reader->settings->file);
}

/* What somebody typed, short and without controls, for a sentence. */
static struct str shown(struct str typed, char room[SHOWN_LEN_MAX + 4])
{
	size_t len = typed.len < SHOWN_LEN_MAX ? typed.len : SHOWN_LEN_MAX;

	while (len > 0 && len < typed.len && ((unsigned char)typed.ptr[len] & 0xc0) == 0x80)
		len--;
	for (size_t i = 0; i < len; i++)
		room[i] = (unsigned char)typed.ptr[i] < 0x20 || typed.ptr[i] == 0x7f ? '?' : typed.ptr[i];
	if (len < typed.len)
		memcpy(room + len, "...", 3);
	return (struct str){ room, len < typed.len ? len + 3 : len };
}

enum outcome settings_blame_key(struct settings_reader *reader, enum settings_section section,
                                struct str typed, struct settings_mark mark)
{
	char room[SHOWN_LEN_MAX + 4];
	struct str key = shown(typed, room);
	const char *names[SETTINGS_ROWS_MAX];
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);
	struct str near;

	assert(count <= SETTINGS_ROWS_MAX);
	for (size_t i = 0; i < count; i++)
		names[i] = rows[i].key;
	near = nearest(typed, names, count);
	if (str_eq(typed, STR("client-secret")) || str_eq(typed, STR("password")) ||
	    str_eq(typed, STR("secret")))
		return SETTINGS_BLAME(
		        reader, mark,
		        N_("%.*s: secrets do not stand in the settings; put it into a file and name that"
		           " with client-secret-file or password-file"),
		        STR_ARG(key));
	if (near.len)
		return SETTINGS_BLAME(reader, mark, N_("%.*s is not a key of %s; the nearest is %.*s"),
		                      STR_ARG(key), settings_sections[section].name, STR_ARG(near));
	for (enum settings_section other = 0; other < SECTION_COUNT; other++) {
		if (settings_row_find(other, typed))
			return SETTINGS_BLAME(reader, mark, N_("%.*s is not a key of %s; it belongs in %s"),
			                      STR_ARG(key), settings_sections[section].name,
			                      settings_sections[other].name);
	}
	return SETTINGS_BLAME(reader, mark, N_("%.*s is not a key of %s; the first of its keys is %s"),
	                      STR_ARG(key), settings_sections[section].name, rows[0].key);
}

static enum outcome wrong_choice(const struct settings_row *row, struct str value, struct fault *fault)
{
	const char *names[SETTINGS_ROWS_MAX];
	size_t count = 0;
	CLEANUP(cleanup_buf) struct buf list;
	struct str near;

	buf_init(&list, FAULT_TEXT_MAX);
	for (; row->choices[count].name; count++) {
		names[count] = row->choices[count].name;
		if (!buf_add_format(&list, "%s%s", count ? ", " : "", names[count]))
			return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), row->key);
	}
	near = nearest(value, names, count);
	if (near.len)
		return fault_set(fault, OUTCOME_NEVER, N_("%s: \"%.*s\" is not one of %.*s; the nearest is %.*s"),
		                 row->key, STR_ARG(value), STR_ARG(buf_str(&list)), STR_ARG(near));
	return fault_set(fault, OUTCOME_NEVER, N_("%s: \"%.*s\" is not one of %.*s"), row->key, STR_ARG(value),
	                 STR_ARG(buf_str(&list)));
}

enum outcome settings_value_wrong(const struct settings_row *row, struct str typed, struct fault *fault)
{
	char room[SHOWN_LEN_MAX + 4];
	struct str value = shown(typed, room);

	if (row->choices)
		return wrong_choice(row, value, fault);
	if (row->kind == &kind_number)
		return fault_set(fault, OUTCOME_NEVER, N_("%s: \"%.*s\" is not a whole number from %llu to %llu"),
		                 row->key, STR_ARG(value), (unsigned long long)row->value_min,
		                 (unsigned long long)row->value_max);
	return fault_set(fault, OUTCOME_NEVER, row->kind->wrong, row->key, STR_ARG(value));
}

enum outcome settings_blame_value(struct settings_reader *reader, const struct settings_row *row,
                                  struct str typed, struct settings_mark mark)
{
	(void)settings_value_wrong(row, typed, reader->fault);
	return settings_place(reader, mark);
}

enum outcome settings_blame_section(struct settings_reader *reader, struct str typed,
                                    struct settings_mark mark)
{
	const char *names[SECTION_FILE_COUNT];
	char room[SHOWN_LEN_MAX + 4];
	struct str word = shown(typed, room);
	struct str near;

	for (size_t i = 0; i < SECTION_FILE_COUNT; i++)
		names[i] = settings_sections[i].name;
	near = nearest(typed, names, SECTION_FILE_COUNT);
	for (enum settings_section section = 0; !near.len && section < SECTION_FILE_COUNT; section++) {
		if (settings_row_find(section, typed))
			return SETTINGS_BLAME(reader, mark, N_("%.*s is not a section; it belongs in %s"),
			                      STR_ARG(word), settings_sections[section].name);
	}
	return SETTINGS_BLAME(reader, mark, N_("%.*s is not a section; the nearest is %.*s"), STR_ARG(word),
	                      STR_ARG(near.len ? near : str_of(names[0])));
}

enum outcome settings_blame_name(struct settings_reader *reader, enum settings_section section,
                                 struct str typed, struct settings_mark mark)
{
	char room[SHOWN_LEN_MAX + 4];

	return SETTINGS_BLAME(reader, mark, N_("%s: \"%.*s\" is not a name of letters, digits, - . and _"),
	                      settings_sections[section].name, STR_ARG(shown(typed, room)));
}
