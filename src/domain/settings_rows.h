/* settings_rows: the one table of settings, how a value is read and written, and what must fit together; for
 * settings*.c. */
#ifndef DOMAIN_SETTINGS_ROWS_H
#define DOMAIN_SETTINGS_ROWS_H

#include <stdint.h>

#include "domain/settings.h"

#define SETTINGS_TEXT_MAX 1024
#define SETTINGS_ROWS_MAX 96 /* in one section */

enum settings_section {
	SECTION_DAEMON,
	SECTION_LEDGER,
	SECTION_LISTENERS,
	SECTION_UPSTREAMS,
	SECTION_ROUTES,
	SECTION_ISSUERS,
	SECTION_DSN,
	SECTION_NOTICES,
	SECTION_CONSOLE,
	SECTION_METRICS,
	SECTION_LIMITS,
	SECTION_FILE_COUNT, /* the sections of the file; below: lists within a listener */
	SECTION_CERTIFICATES = SECTION_FILE_COUNT,
	SECTION_TRUSTED,
	SECTION_COUNT
};

enum settings_shape {
	SHAPE_ONE,   /* section: { key: value }; its rows' offsets count from struct settings */
	SHAPE_NAMED, /* section: { NAME: { key: value } } */
	SHAPE_LIST,  /* section: [ { key: value } ] */
};

/* For an item of a SHAPE_NAMED or SHAPE_LIST section, the struct that its rows' offsets count from. */
struct settings_section_row {
	const char *name;
	enum settings_shape shape;
	size_t item_bytes, items_offset, count_offset;
	size_t items_max;
	size_t name_offset;
};

/* kind_repairs: behind the switches stand these two. */
enum { REPAIR_NONE = 32, REPAIR_ALL };

struct settings_choice {
	const char *name;
	unsigned value;
};

/* settings_choices.c; each ends with a NULL name. */
extern const struct settings_choice choices_yes_no[], choices_languages[], choices_notices_languages[],
        choices_log_forms[], choices_listener_tls[], choices_tls_versions[], choices_newlines[], choices_mechanisms[],
        choices_repairs[], choices_algorithms[], choices_personalities[], choices_upstream_kinds[],
        choices_header_recipients[], choices_quoted_printables[], choices_upstream_tls[], choices_upstream_auths[],
        choices_flows[], choices_assertion_algorithms[];

struct settings_row;

/* A kind of value: text to field and back. Lists are read and written by their elements. */
struct settings_kind {
	bool is_list;
	/* NEVER: not such a value; LATER: out of memory. */
	enum outcome (*parse)(struct settings *settings, const struct settings_row *row, struct str text,
	                      void *field);
	/* The `at`-th element (0 for a single value). False: there is none, or it is unset. */
	bool (*print)(const struct settings_row *row, const void *field, size_t at, struct buf *out);
	const char *wrong; /* N_(): "%s: "%.*s" is not …" with key and text; NULL: choices or a range */
};

extern const struct settings_kind kind_text, kind_path, kind_secret_path, kind_name, kind_host, kind_url,
        kind_mail_address, kind_mailboxes, kind_pattern, kind_domain, kind_address_port, kind_number, kind_port,
        kind_gates, kind_choice, kind_flag, kind_cidr, kind_cidrs, kind_mechanisms, kind_repairs, kind_ledger, kind_cloud,
        kind_texts, kind_mail_addresses, kind_items, kind_date;

/* One setting. To add one: a member in settings.h and a row in settings_table.c. */
struct settings_row {
	enum settings_section section;
	const char *key;
	const struct settings_kind *kind;
	size_t offset;
	const char *initial;           /* the default as it would be written; NULL: unset, or derived */
	const char *explain;           /* N_(): what it does */
	uint64_t value_min, value_max; /* kind_number */
	const struct settings_choice
	        *choices;            /* kind_choice, kind_flag, kind_mechanisms, kind_repairs; ends with a NULL name */
	enum settings_section inner; /* kind_items */
	bool required;
	/* The default where it depends on rows above this one. False: stays unset. */
	bool (*derive)(const void *item, size_t size, char *ret_text);
};

extern const struct settings_row settings_rows[];
extern const size_t settings_rows_count;
extern const struct settings_section_row settings_sections[SECTION_COUNT];

/* Which rows there are in a section: the first, and how many (they stand together). */
const struct settings_row *settings_rows_of(enum settings_section section, size_t *ret_count);
const struct settings_row *settings_row_find(enum settings_section section, struct str key);

/* Items of a section that is a list or a mapping of names. */
void *settings_item(const struct settings *settings, enum settings_section section, size_t at);
size_t settings_items_count(const struct settings *settings, enum settings_section section);

/* The default of a row as text. False: it stays unset. */
bool settings_default(const struct settings_row *row, const void *item, size_t size, char *ret_text);

/* Put a default (blanks part the elements of a list) into a field that the file did not give. */
enum outcome settings_default_apply(struct settings *settings, const struct settings_row *row, void *item);

/* kind_items: the inner item `at` of a listener, into *ret_item; and adding one. False: none such; too many.
 */
union settings_inner {
	struct {
		const char *certificate, *key;
	} certificate;
	struct trusted_device trusted;
};
bool settings_inner_get(enum settings_section section, const void *listener, size_t at,
                        union settings_inner *ret_item);
enum outcome settings_inner_add(struct settings *settings, enum settings_section section, void *listener,
                                const union settings_inner *item);

/* Where something stands in the file, from 1; line 0: it is not there. */
struct settings_mark {
	uint32_t line, column;
};

/* What is known while a file is read; for settings.c and settings_check.c. */
struct settings_reader {
	struct settings *settings;
	struct fault *fault;
	struct arena scratch;                         /* for the marks */
	struct settings_mark sections[SECTION_COUNT]; /* where each begins */
	struct settings_mark **marks[SECTION_COUNT];  /* of each item, by row within its section */
	struct settings_mark *items[SECTION_COUNT];   /* where each item begins */
};

/* Put "FILE:LINE:COLUMN: " before the sentence in reader->fault, and hand its outcome back. */
enum outcome settings_place(struct settings_reader *reader, struct settings_mark mark);

#define SETTINGS_BLAME(reader, mark, ...) \
	(fault_set((reader)->fault, OUTCOME_NEVER, __VA_ARGS__), settings_place((reader), (mark)))

/* Why something typed does not fit, with the nearest that does (settings_blame.c). */
enum outcome settings_blame_section(struct settings_reader *reader, struct str typed,
                                    struct settings_mark mark);
enum outcome settings_blame_key(struct settings_reader *reader, enum settings_section section,
                                struct str typed, struct settings_mark mark);
enum outcome settings_blame_name(struct settings_reader *reader, enum settings_section section,
                                 struct str typed, struct settings_mark mark);
enum outcome settings_blame_value(struct settings_reader *reader, const struct settings_row *row,
                                  struct str typed, struct settings_mark mark);
enum outcome settings_out_of_memory(struct settings_reader *reader);
/* Likewise of a value that stands in no file: the sentence without a place. */
enum outcome settings_value_wrong(const struct settings_row *row, struct str typed, struct fault *fault);

/* Where `key` of an item stands; where the item begins when it is not there. */
struct settings_mark settings_mark_of(const struct settings_reader *reader, enum settings_section section, size_t at, const char *key);
bool settings_is_given(const struct settings_reader *reader, enum settings_section section, size_t at, const char *key);

/* A value that this version cannot do yet is refused when it is read, an item as soon as it is whole, the
 * file last. */
enum outcome settings_check_built(struct settings_reader *reader, const struct settings_row *row,
                                  struct str value, struct settings_mark mark);
enum outcome settings_check_item(struct settings_reader *reader, enum settings_section section, size_t at);
enum outcome settings_check_oauth(struct settings_reader *reader, size_t at); /* an upstream whose auth is OAuth */
enum outcome settings_check_file(struct settings_reader *reader);

#endif
