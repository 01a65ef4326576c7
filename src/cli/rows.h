/* rows: what the daemon answers, as a table, JSON Lines or CSV on standard output. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "cli/cli.h"

struct rows;

struct rows *rows_new(const struct cli *cli); /* NULL: out of memory */
void rows_add(struct rows *rows, json_t *row); /* printed at once (JSON, CSV, or `streaming`), or at the end */
void rows_stream(struct rows *rows);           /* each row leaves as it comes: --follow */
void rows_end(struct rows *rows);              /* prints what is left, frees */

/* The value at a path as text for people; times in the caller's zone. */
void rows_text(const json_t *row, const char *path, bool zone, size_t size, char *ret_text);
/* What a sender or server chose must not steer the terminal, nor the text beside it (wire/text). */
void rows_make_safe(char *text);

#endif
