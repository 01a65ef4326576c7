#include "domain/settings.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "domain/settings_rows.h"

#define ARENA_BYTES_MAX (16u << 20)
#define NAME_LEN_MAX 64

/* The file as libyaml's events: one at a time, never deeper than the settings go. */
struct source {
	struct settings_reader reader;
	struct str text;
	yaml_parser_t parser;
	yaml_event_t event;
};

static struct settings_mark mark_of(const yaml_event_t *event)
{
	return (struct settings_mark){ (uint32_t)event->start_mark.line + 1,
		                       (uint32_t)event->start_mark.column + 1 };
}

static struct str scalar_of(const yaml_event_t *event)
{
	return (struct str){ (const char *)event->data.scalar.value, event->data.scalar.length };
}

/* libyaml tells where unreadable bytes are by their offset only. */
static struct settings_mark mark_of_offset(struct str text, size_t offset)
{
	struct settings_mark mark = { 1, 1 };

	for (size_t i = 0; i < offset && i < text.len; i++) {
		mark.column++;
		if (text.ptr[i] == '\n')
			mark = (struct settings_mark){ mark.line + 1, 1 };
	}
	return mark;
}

static enum outcome blame_yaml(struct source *source)
{
	const yaml_parser_t *parser = &source->parser;
	struct settings_mark mark = { (uint32_t)parser->problem_mark.line + 1,
		                      (uint32_t)parser->problem_mark.column + 1 };

	if (parser->error == YAML_MEMORY_ERROR)
		return settings_out_of_memory(&source->reader);
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(source->text, parser->problem_offset);
	return SETTINGS_BLAME(&source->reader, mark, N_("this is not YAML: %s"),
	                      parser->problem ? parser->problem : "unreadable");
}

/* What YAML offers to make one text mean another is not settings: it hides what is set. */
static enum outcome check_plain(struct source *source)
{
	const yaml_event_t *event = &source->event;
	const unsigned char *anchor = NULL;
	const unsigned char *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	}
	if (!anchor && !tag && event->type != YAML_ALIAS_EVENT)
		return OUTCOME_OK;
	return SETTINGS_BLAME(&source->reader, mark_of(event),
	                      N_("anchors (&), aliases (*) and tags (!) are not taken here; "
	                         "put a text that begins with one into quotes"));
}

static enum outcome next(struct source *source)
{
	yaml_event_delete(&source->event);
	if (!yaml_parser_parse(&source->parser, &source->event))
		return blame_yaml(source);
	return check_plain(source);
}

/* One scalar into its field. */
static enum outcome read_scalar(struct source *source, const struct settings_row *row, void *item)
{
	struct settings_mark mark = mark_of(&source->event);
	struct str value;
	enum outcome outcome;

	if (source->event.type != YAML_SCALAR_EVENT)
		return SETTINGS_BLAME(&source->reader, mark, N_("%s must be one value, not a list or keys"),
		                      row->key);
	value = scalar_of(&source->event);
	if (value.len == 0)
		return SETTINGS_BLAME(&source->reader, mark,
		                      N_("%s has no value; give one, or take the key out"), row->key);
	outcome = settings_check_built(&source->reader, row, value, mark);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = row->kind->parse(source->reader.settings, row, value, (char *)item + row->offset);
	if (outcome == OUTCOME_LATER)
		return settings_out_of_memory(&source->reader);
	return outcome == OUTCOME_OK ? OUTCOME_OK : settings_blame_value(&source->reader, row, value, mark);
}

static enum outcome read_item(struct source *source, enum settings_section section, const char *whose,
                              void *item, struct settings_mark **ret_marks);

/* A list of { key: value }: certificates, trusted. */
static enum outcome read_inner(struct source *source, const struct settings_row *row, void *item)
{
	union settings_inner inner;
	struct settings_mark mark = mark_of(&source->event);
	struct settings_mark *marks;
	enum outcome outcome;

	memset(&inner, 0, sizeof(inner));
	outcome = read_item(source, row->inner, row->key, &inner, &marks);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = settings_inner_add(source->reader.settings, row->inner, item, &inner);
	if (outcome == OUTCOME_LATER)
		return settings_out_of_memory(&source->reader);
	if (outcome != OUTCOME_OK)
		return SETTINGS_BLAME(&source->reader, mark, N_("%s: one too many"), row->key);
	return OUTCOME_OK;
}

static enum outcome read_list(struct source *source, const struct settings_row *row, void *item)
{
	enum outcome outcome;

	if (row->kind == &kind_repairs && source->event.type == YAML_SCALAR_EVENT)
		return read_scalar(source, row, item); /* all, none */
	if (source->event.type != YAML_SEQUENCE_START_EVENT)
		return SETTINGS_BLAME(&source->reader, mark_of(&source->event),
		                      N_("%s must be a list, such as [ one, another ]"), row->key);
	while ((outcome = next(source)) == OUTCOME_OK && source->event.type != YAML_SEQUENCE_END_EVENT) {
		outcome = row->kind == &kind_items ? read_inner(source, row, item)
		                                   : read_scalar(source, row, item);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	return outcome;
}

/* The key at hand, and its value. */
static enum outcome read_pair(struct source *source, enum settings_section section, void *item,
                              struct settings_mark *marks)
{
	struct settings_reader *reader = &source->reader;
	struct settings_mark mark = mark_of(&source->event);
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);
	const struct settings_row *row;
	enum outcome outcome;

	if (source->event.type != YAML_SCALAR_EVENT)
		return SETTINGS_BLAME(reader, mark, N_("a key of %s must be a word"),
		                      settings_sections[section].name);
	row = settings_row_find(section, scalar_of(&source->event));
	if (!row)
		return settings_blame_key(reader, section, scalar_of(&source->event), mark);
	if (marks[row - rows].line)
		return SETTINGS_BLAME(reader, mark, N_("%s is given twice, first on line %u; take one out"),
		                      row->key, marks[row - rows].line);
	marks[row - rows] = mark;
	outcome = settings_check_built(reader, row, STR(""), mark);
	if (outcome == OUTCOME_OK)
		outcome = next(source);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (row->kind == &kind_mailboxes && source->event.type == YAML_SCALAR_EVENT)
		return read_scalar(source, row, item); /* one of them is written as it always was */
	return row->kind->is_list ? read_list(source, row, item) : read_scalar(source, row, item);
}

/* Defaults for what the file does not give; each row in turn, since some look at those above. */
static enum outcome complete_item(struct source *source, enum settings_section section, void *item,
                                  const struct settings_mark *marks)
{
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);

	for (size_t i = 0; i < count; i++) {
		enum outcome outcome = OUTCOME_OK;

		if (!marks || !marks[i].line)
			outcome = settings_default_apply(source->reader.settings, &rows[i], item);
		assert(outcome != OUTCOME_NEVER); /* the table's own defaults are good */
		if (outcome != OUTCOME_OK)
			return settings_out_of_memory(&source->reader);
	}
	return OUTCOME_OK;
}

static enum outcome check_required(struct source *source, enum settings_section section, const char *whose,
                                   struct settings_mark begin, const struct settings_mark *marks)
{
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);

	for (size_t i = 0; i < count; i++) {
		if (rows[i].required && !marks[i].line)
			return SETTINGS_BLAME(&source->reader, begin, N_("%s needs %s"), whose, rows[i].key);
	}
	return OUTCOME_OK;
}

/* The mapping at hand into `item`; `whose` names it in sentences. */
static enum outcome read_item(struct source *source, enum settings_section section, const char *whose,
                              void *item, struct settings_mark **ret_marks)
{
	struct settings_mark begin = mark_of(&source->event);
	struct settings_mark *marks = arena_take(&source->reader.scratch, SETTINGS_ROWS_MAX * sizeof(*marks));
	enum outcome outcome;

	if (!marks)
		return settings_out_of_memory(&source->reader);
	*ret_marks = marks;
	if (source->event.type != YAML_MAPPING_START_EVENT)
		return SETTINGS_BLAME(&source->reader, begin, N_("%s must hold keys and values"), whose);
	while ((outcome = next(source)) == OUTCOME_OK && source->event.type != YAML_MAPPING_END_EVENT) {
		outcome = read_pair(source, section, item, marks);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	if (outcome == OUTCOME_OK)
		outcome = check_required(source, section, whose, begin, marks);
	return outcome == OUTCOME_OK ? complete_item(source, section, item, marks) : outcome;
}

/* Room for one more item of a section, grown by doubling; the arena keeps what was outgrown until the end. */
static void *add_item(struct source *source, enum settings_section section)
{
	struct settings *settings = source->reader.settings;
	const struct settings_section_row *row = &settings_sections[section];
	char **items = (char **)((char *)settings + row->items_offset);
	size_t *count = (size_t *)((char *)settings + row->count_offset);

	if ((*count & (*count - 1)) == 0) {
		size_t cap = *count ? *count * 2 : 1;
		char *grown = arena_take(&settings->arena, cap * row->item_bytes);

		if (!grown)
			return NULL;
		if (*count)
			memcpy(grown, *items, *count * row->item_bytes);
		*items = grown;
	}
	return *items + (*count)++ * row->item_bytes;
}

/* The name of a listener or upstream, which is the key at hand. */
static enum outcome read_name(struct source *source, enum settings_section section, const char **ret_name)
{
	struct settings_reader *reader = &source->reader;
	struct settings_mark mark = mark_of(&source->event);
	struct str name;

	if (source->event.type != YAML_SCALAR_EVENT)
		return SETTINGS_BLAME(reader, mark, N_("a key of %s must be a word"),
		                      settings_sections[section].name);
	name = scalar_of(&source->event);
	if (name.len > NAME_LEN_MAX || kind_name.parse(reader->settings, NULL, name, ret_name) != OUTCOME_OK)
		return settings_blame_name(reader, section, name, mark);
	for (size_t i = 0; i < settings_items_count(reader->settings, section); i++) {
		const char *other = settings_item(reader->settings, section, i);

		other = *(const char *const *)(other + settings_sections[section].name_offset);
		if (str_eq(name, str_of(other)))
			return SETTINGS_BLAME(reader, mark,
			                      N_("%s is given twice, first on line %u; take one out"), other,
			                      reader->items[section][i].line);
	}
	return OUTCOME_OK;
}

/* One listener, upstream or route: its name is known, its mapping is at hand. */
static enum outcome read_one(struct source *source, enum settings_section section, const char *name,
                             struct settings_mark mark)
{
	struct settings_reader *reader = &source->reader;
	const struct settings_section_row *row = &settings_sections[section];
	size_t at = settings_items_count(reader->settings, section);
	enum outcome outcome;
	void *item;

	if (at == row->items_max)
		return SETTINGS_BLAME(reader, mark, N_("%s: more than %zu"), row->name, row->items_max);
	item = add_item(source, section);
	if (!item)
		return settings_out_of_memory(&source->reader);
	if (name)
		*(const char **)((char *)item + row->name_offset) = name;
	reader->items[section][at] = mark;
	outcome = read_item(source, section, name ? name : row->name, item, &reader->marks[section][at]);
	return outcome == OUTCOME_OK ? settings_check_item(reader, section, at) : outcome;
}

static enum outcome read_section(struct source *source, enum settings_section section)
{
	struct settings_reader *reader = &source->reader;
	const struct settings_section_row *row = &settings_sections[section];
	struct settings_mark mark = mark_of(&source->event);
	bool is_list = row->shape == SHAPE_LIST;
	size_t items_max = row->items_max ? row->items_max : 1;
	enum outcome outcome;

	reader->marks[section] = arena_take(&reader->scratch, items_max * sizeof(*reader->marks[section]));
	reader->items[section] = arena_take(&reader->scratch, items_max * sizeof(*reader->items[section]));
	if (!reader->marks[section] || !reader->items[section])
		return settings_out_of_memory(&source->reader);
	if (source->event.type == YAML_SCALAR_EVENT && scalar_of(&source->event).len == 0)
		return row->shape == SHAPE_ONE ? complete_item(source, section, reader->settings, NULL)
		                               : OUTCOME_OK;
	if (row->shape == SHAPE_ONE)
		return read_item(source, section, row->name, reader->settings, &reader->marks[section][0]);
	if (source->event.type != (is_list ? YAML_SEQUENCE_START_EVENT : YAML_MAPPING_START_EVENT))
		return is_list ? SETTINGS_BLAME(reader, mark, N_("%s must be a list of { key: value }"),
		                                row->name)
		               : SETTINGS_BLAME(reader, mark,
		                                N_("%s must hold names, and below each its keys"), row->name);
	while ((outcome = next(source)) == OUTCOME_OK && source->event.type != YAML_SEQUENCE_END_EVENT &&
	       source->event.type != YAML_MAPPING_END_EVENT) {
		const char *name = NULL;

		mark = mark_of(&source->event);
		outcome = is_list ? OUTCOME_OK : read_name(source, section, &name);
		if (outcome == OUTCOME_OK && !is_list)
			outcome = next(source);
		if (outcome == OUTCOME_OK)
			outcome = read_one(source, section, name, mark);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	return outcome;
}

/* The section whose name is at hand. */
static enum outcome read_named_section(struct source *source)
{
	struct settings_reader *reader = &source->reader;
	struct settings_mark mark = mark_of(&source->event);
	enum settings_section section = 0;
	enum outcome outcome;

	if (source->event.type != YAML_SCALAR_EVENT)
		return SETTINGS_BLAME(reader, mark, N_("a section's name must be a word"));
	while (section < SECTION_FILE_COUNT &&
	       !str_eq(scalar_of(&source->event), str_of(settings_sections[section].name)))
		section++;
	if (section == SECTION_FILE_COUNT)
		return settings_blame_section(reader, scalar_of(&source->event), mark);
	if (reader->sections[section].line)
		return SETTINGS_BLAME(reader, mark, N_("%s is given twice, first on line %u; take one out"),
		                      settings_sections[section].name, reader->sections[section].line);
	reader->sections[section] = mark;
	outcome = next(source);
	return outcome == OUTCOME_OK ? read_section(source, section) : outcome;
}

static enum outcome read_document(struct source *source)
{
	enum outcome outcome;

	for (int i = 0; i < 3; i++) { /* the stream, the document, its mapping */
		outcome = next(source);
		if (outcome != OUTCOME_OK)
			return outcome;
		if (source->event.type == YAML_STREAM_END_EVENT)
			return SETTINGS_BLAME(&source->reader, mark_of(&source->event),
			                      N_("the file is empty"));
	}
	if (source->event.type != YAML_MAPPING_START_EVENT)
		return SETTINGS_BLAME(&source->reader, mark_of(&source->event),
		                      N_("settings are sections such as daemon:, listeners: and upstreams:, "
		                         "each with its keys"));
	while ((outcome = next(source)) == OUTCOME_OK && source->event.type != YAML_MAPPING_END_EVENT) {
		outcome = read_named_section(source);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	for (enum settings_section section = 0; section < SECTION_FILE_COUNT && outcome == OUTCOME_OK;
	     section++) {
		if (settings_sections[section].shape == SHAPE_ONE && !source->reader.sections[section].line)
			outcome = complete_item(source, section, source->reader.settings, NULL);
	}
	for (int i = 0; i < 2 && outcome == OUTCOME_OK; i++) /* the end of the document, and of the stream */
		outcome = next(source);
	if (outcome == OUTCOME_OK && source->event.type != YAML_STREAM_END_EVENT)
		return SETTINGS_BLAME(&source->reader, mark_of(&source->event),
		                      N_("a second document begins here; the settings are one"));
	return outcome == OUTCOME_OK ? settings_check_file(&source->reader) : outcome;
}

static struct settings *settings_new(const char *path)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	const char *slash = strrchr(path, '/');
	struct str folder =
	        !slash ? STR(".") : (struct str){ path, slash == path ? 1 : (size_t)(slash - path) };
	struct str file;

	if (!settings)
		return NULL;
	arena_init(&settings->arena, ARENA_BYTES_MAX);
	if (!arena_keep(&settings->arena, str_of(path), &file) ||
	    !arena_keep(&settings->arena, folder, &folder)) {
		settings_free(settings);
		return NULL;
	}
	settings->file = file.ptr;
	settings->folder = folder.ptr;
	return settings;
}

enum outcome settings_parse(const char *path, struct str text, struct settings **ret_settings,
                            struct fault *fault)
{
	struct fault unwanted;
	struct source source = { .text = text };
	enum outcome outcome;

	source.reader.fault = fault ? fault : &unwanted;
	if (text.len > SETTINGS_BYTES_MAX)
		return fault_set(fault, OUTCOME_NEVER, N_("%s has more than %zu bytes"), path,
		                 (size_t)SETTINGS_BYTES_MAX);
	source.reader.settings = settings_new(path);
	if (!source.reader.settings)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), path);
	arena_init(&source.reader.scratch, ARENA_BYTES_MAX);
	if (!yaml_parser_initialize(&source.parser)) {
		outcome = settings_out_of_memory(&source.reader);
	} else {
		yaml_parser_set_encoding(&source.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&source.parser, (const unsigned char *)text.ptr, text.len);
		outcome = read_document(&source);
		yaml_event_delete(&source.event);
		yaml_parser_delete(&source.parser);
	}
	arena_free_all(&source.reader.scratch);
	if (outcome == OUTCOME_OK)
		*ret_settings = source.reader.settings;
	else
		settings_free(source.reader.settings);
	return outcome;
}

enum outcome settings_load(const char *path, struct settings **ret_settings, struct fault *fault)
{
	char folder[PATH_MAX];
	char absolute[2 * PATH_MAX];
	CLEANUP(cleanup_buf) struct buf text;
	enum outcome outcome;

	buf_init(&text, SETTINGS_BYTES_MAX);
	if (!getcwd(folder, sizeof(folder)))
		return fault_errno(fault, "open", ".");
	if (!path_join(folder, str_of(path), sizeof(absolute), absolute))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_MAX,
		                 path);
	outcome = file_load(absolute, SETTINGS_BYTES_MAX, &text, fault);
	return outcome == OUTCOME_OK ? settings_parse(absolute, buf_str(&text), ret_settings, fault)
	                             : outcome;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	arena_free_all(&settings->arena);
	free(settings);
}
