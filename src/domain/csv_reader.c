#include "domain/csv_reader.h"

#include <string.h>

#include "base/say.h"

struct reading {
	struct str input;
	bool at_end;
	char separator;
	struct arena *arena;
	size_t at;
	size_t lines;
	const char *why;
};

static enum csv_read bad(struct reading *reading, const char *why)
{
	reading->why = why;
	return CSV_READ_BAD;
}

/* `quoted` holds pairs of quotes, each of which is one. */
static bool undo_quotes(struct arena *arena, struct str quoted, struct str *ret_cell)
{
	char *to = arena_take(arena, quoted.len + 1);
	size_t len = 0;

	if (!to)
		return false;
	while (quoted.len > 0) {
		size_t run = str_find(quoted, '"');

		run += run < quoted.len; /* the first of the pair stays */
		memcpy(to + len, quoted.ptr, run);
		len += run;
		quoted = str_skip(quoted, run + 1);
	}
	*ret_cell = (struct str){ to, len };
	return true;
}

static size_t count_lines(struct str text)
{
	size_t lines = 0;

	for (size_t end; (end = str_find(text, '\n')) < text.len; text = str_skip(text, end + 1))
		lines++;
	return lines;
}

/* The quote is at reading->at. */
static enum csv_read read_quoted(struct reading *reading, struct str *ret_cell)
{
	size_t start = reading->at + 1;
	size_t at = start;
	bool pairs = false;

	for (;;) {
		struct str rest = str_skip(reading->input, at);

		at += str_find(rest, '"');
		if (at >= reading->input.len)
			return reading->at_end ? bad(reading, N_("a quote (\") is never closed")) : CSV_READ_MORE;
		if (at + 1 >= reading->input.len && !reading->at_end)
			return CSV_READ_MORE; /* a pair, or the end of the cell? */
		if (at + 1 >= reading->input.len || reading->input.ptr[at + 1] != '"')
			break;
		pairs = true;
		at += 2;
	}
	*ret_cell = (struct str){ reading->input.ptr + start, at - start };
	reading->at = at + 1;
	reading->lines += count_lines(*ret_cell);
	if (pairs && !undo_quotes(reading->arena, *ret_cell, ret_cell))
		return bad(reading, N_("a cell is too long"));
	return CSV_READ_RECORD;
}

static enum csv_read read_plain(struct reading *reading, struct str *ret_cell)
{
	const char *start = reading->input.ptr + reading->at;
	const char *end = reading->input.ptr + reading->input.len;
	const char *at = start;

	while (at < end && *at != reading->separator && *at != '\n')
		at++;
	if (at == end && !reading->at_end)
		return CSV_READ_MORE;
	reading->at += (size_t)(at - start);
	*ret_cell = (struct str){ start, (size_t)(at - start) };
	if ((at == end || *at == '\n') && ret_cell->len > 0 && at[-1] == '\r')
		ret_cell->len--;
	return CSV_READ_RECORD;
}

/* Behind a cell: RECORD when the record is over, MORE when there is too little, else another cell follows (*ret_follows). */
static enum csv_read read_end(struct reading *reading, bool *ret_follows)
{
	struct str rest = str_skip(reading->input, reading->at);

	*ret_follows = false;
	if (rest.len > 0 && rest.ptr[0] == '\r' && (rest.len > 1 ? rest.ptr[1] == '\n' : reading->at_end)) {
		reading->at++;
		rest = str_skip(rest, 1);
	}
	if (rest.len == 0 || (rest.ptr[0] == '\r' && rest.len == 1))
		return reading->at_end ? CSV_READ_RECORD : CSV_READ_MORE;
	*ret_follows = rest.ptr[0] == reading->separator;
	if (!*ret_follows && rest.ptr[0] != '\n')
		return bad(reading, N_("something stands behind a closing quote (\"); a quote within a cell is written twice"));
	reading->at++;
	reading->lines += !*ret_follows;
	return CSV_READ_RECORD;
}

static enum csv_read read_record(struct reading *reading, struct csv_record *record)
{
	bool follows = true;

	while (follows) {
		bool quoted = reading->at < reading->input.len && reading->input.ptr[reading->at] == '"';
		struct str *cell = &record->cells[record->count];
		enum csv_read read;

		if (record->count == CSV_CELLS_MAX)
			return bad(reading, N_("there are too many cells"));
		read = quoted ? read_quoted(reading, cell) : read_plain(reading, cell);
		if (read == CSV_READ_RECORD)
			read = read_end(reading, &follows);
		if (read != CSV_READ_RECORD)
			return read;
		record->count++;
	}
	return CSV_READ_RECORD;
}

enum csv_read csv_read_record(struct str input, bool at_end, char separator, struct arena *arena, struct csv_record *ret_record,
			      size_t *ret_used, const char **ret_why)
{
	struct reading reading = { .input = input, .at_end = at_end, .separator = separator, .arena = arena };
	size_t line = str_find(input, '\n');
	bool whole = line < input.len || at_end; /* else it is not known where the next line begins */
	enum csv_read read;

	line += line < input.len;
	if (input.len == 0)
		return CSV_READ_MORE;
	ret_record->count = 0;
	read = read_record(&reading, ret_record);
	if (read == CSV_READ_BAD && !whole)
		return CSV_READ_MORE;
	ret_record->lines = reading.lines;
	ret_record->line_len = line;
	if (read == CSV_READ_RECORD)
		*ret_used = reading.at;
	if (read == CSV_READ_BAD) {
		*ret_used = line;
		*ret_why = reading.why;
	}
	return read;
}
