/* column: a table's columns: where each stands in a JSON row, its heading, and a row as a line of CSV. */
#ifndef DOMAIN_COLUMN_H
#define DOMAIN_COLUMN_H

#include <jansson.h>

#include "base/buf.h"
#include "base/say.h"

enum column_place { COLUMN_CSV, COLUMN_BOTH, COLUMN_TABLE };

/* A column of a table or CSV: where it stands in a row, and its heading. */
struct column {
	const char *path;   /* "status.errorCode" */
	const char *heading;/* N_() */
	enum column_place place;
};

#define COLUMN_TEXT_MAX 4096

/* What stands at a path ("recipients.state": of the first); NULL: nothing. */
const json_t *column_value(const json_t *row, const char *path);
/* The same as text; what is longer than `size` is cut. */
void column_text(const json_t *row, const char *path, size_t size, char *ret_text);

/* A line of CSV with its end, of the columns that CSV has (which end with path NULL); row NULL: BOM and headings. False: no room. */
bool column_csv(struct buf *out, const struct column *columns, const json_t *row, enum language language)
	__attribute__((warn_unused_result));

#endif
