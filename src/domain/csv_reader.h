/* csv_reader: one record after another from the bytes of a CSV file (RFC 4180), as spreadsheets and portals write them. Pure. */
#ifndef DOMAIN_CSV_READER_H
#define DOMAIN_CSV_READER_H

#include "base/arena.h"
#include "base/str.h"

#define CSV_CELLS_MAX 512

enum csv_read {
	CSV_READ_RECORD,
	CSV_READ_MORE, /* the record goes on behind `input` */
	CSV_READ_BAD,  /* no record; *ret_used leads to the next line, where to go on */
};

struct csv_record {
	struct str cells[CSV_CELLS_MAX];
	size_t count;    /* 1 and an empty cell: a blank line */
	size_t lines;    /* line ends taken, those within quotes too */
	size_t line_len; /* bytes of its first line: where to go on when the record turns out to be none */
};

/*
 * The record at the start of `input`. Lines end with CRLF or LF, also within quotes; `at_end`: nothing follows, and the last
 * line may go without. Cells borrow from `input`, or from `arena` where doubled quotes were undone. BAD with a sentence
 * (N_()) in *ret_why: text behind a closing quote, a quote never closed, more than CSV_CELLS_MAX cells, memory.
 */
enum csv_read csv_read_record(struct str input, bool at_end, char separator, struct arena *arena, struct csv_record *ret_record,
			      size_t *ret_used, const char **ret_why);

#endif
