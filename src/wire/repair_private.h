/* repair_private: the header section as a list of fields while it is repaired; for repair*.c. */
#ifndef WIRE_REPAIR_PRIVATE_H
#define WIRE_REPAIR_PRIVATE_H

#include "base/arena.h"
#include "wire/repair.h"

#define REPAIR_FIELDS_MAX 4096
#define REPAIR_ADDED_MAX 16 /* fields that repairs add */
#define REPAIR_LINE_MAX 998 /* RFC 5322, 2.1.1, without CRLF */
#define REPAIR_FOLD_COLUMNS 76

/* One field; or, with an empty name, a line that is none. */
struct repair_field {
	struct str raw;  /* with its CRLFs; empty: dropped */
	struct str name; /* within raw */
	struct str body; /* behind the colon, without the last CRLF */
};

struct repair_header {
	struct arena arena;
	struct repair_facts facts;
	unsigned switches;
	unsigned done;
	struct repair_field *fields;
	size_t count;
	bool failed; /* no memory, or over a ceiling: the header section goes on as it came */
};

static inline bool repair_is_on(const struct repair_header *header, enum repair_kind kind)
{
	return (header->switches & REPAIR_BIT(kind)) != 0;
}

static inline void repair_tell(struct repair_header *header, enum repair_kind kind)
{
	header->done |= REPAIR_BIT(kind);
}

static inline bool repair_is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* repair_lines.c: the section into fields. With `mend`, what is no field is put right or taken for the body's beginning;
 * *ret_rest is that (empty when the section is whole). False: failed. */
bool repair_split(struct repair_header *header, struct str section, bool mend, struct str *ret_rest);
void repair_fold(struct repair_header *header); /* LONG_LINES */

/* repair_header.c */
struct repair_field *repair_find(struct repair_header *header, struct str name); /* the first; NULL: none */
struct str repair_value(struct repair_header *header, const struct repair_field *field); /* unfolded, trimmed */
void repair_set(struct repair_header *header, struct repair_field *field, struct str value); /* the same name */
void repair_rename(struct repair_header *header, struct repair_field *field, struct str name);
void repair_add(struct repair_header *header, struct str name, struct str value);
void repair_drop(struct repair_field *field);
bool repair_is_signed(struct repair_header *header);
bool repair_is_plain_text(struct repair_header *header); /* one part, text, in no transfer encoding */
void repair_fields(struct repair_header *header); /* every switch that is on, but for those that look at the body */
void repair_finish(struct repair_header *header); /* what all has been made for: MIME_VERSION, LONG_LINES of the section */

/* repair_address.c */
void repair_addresses(struct repair_header *header); /* QUOTED_AT, ANGLE_BRACKETS, RAW_HEADERS in address lists */
bool repair_is_address_field(struct str name);
void repair_rewrite(struct repair_header *header);   /* facts.from_rewrite */

/* repair_text.c */
bool repair_is_raw(struct str value);                /* 8-bit, or an escape */
bool repair_utf8(struct str raw, struct buf *out);   /* what it says, clean */
void repair_raw_fields(struct repair_header *header); /* RAW_HEADERS in the other fields */
/* RFC 2047: as words of UTF-8 in base64, none over 75 columns, folded; *column is where `out` stands. */
bool repair_words_print(struct buf *out, struct str utf8, size_t *column);

/* repair_date.c */
void repair_date(struct repair_header *header); /* MISSING_DATE, BAD_DATE */

/* repair_charset.c */
void repair_charset(struct repair_header *header, struct str text); /* MISSING_CHARSET, by the beginning of the body */

/* repair_body.c: what flows behind the header section. */
enum repair_body_mode {
	REPAIR_BODY_AS_IS,
	REPAIR_BODY_WRAP,   /* CRLF into lines that are too long */
	REPAIR_BODY_SOFT,   /* the same in a quoted-printable text: with its soft line end */
	REPAIR_BODY_QUOTED, /* into quoted-printable (RFC 2045, 6.7) */
};

struct repair_body {
	enum repair_body_mode mode;
	bool drop_nul;
	bool dropped_nul;
	bool wrapped;
	struct buf line; /* what there is of a line */
	size_t column;   /* QUOTED */
	char held;       /* QUOTED: a blank or CR whose meaning the next byte gives; 0: none */
};

void repair_body_init(struct repair_body *body, enum repair_body_mode mode, bool drop_nul);
void repair_body_done(struct repair_body *body);
bool repair_body_feed(struct repair_body *body, struct str run, struct buf *out) __attribute__((warn_unused_result));
bool repair_body_end(struct repair_body *body, struct buf *out) __attribute__((warn_unused_result));

#endif
