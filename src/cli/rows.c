#include "cli/rows.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "wire/text.h"

#define CELL_BYTES_MAX COLUMN_TEXT_MAX
#define LINE_BYTES_MAX (1u << 20)

struct rows {
	const struct cli *cli;
	struct libscols_table *table; /* NULL: rows leave at once */
	bool streaming, heading_done;
	size_t count;
};

/* --- one value as text --- */

static bool time_text(const char *text, size_t size, char *ret_text)
{
	int64_t us;
	time_t seconds;
	struct tm parts;

	if (strlen(text) < 20 || text[10] != 'T' || !clock_rfc3339_parse(str_of(text), &us))
		return false;
	seconds = (time_t)(us / 1000000);
	return localtime_r(&seconds, &parts) && strftime(ret_text, size, "%Y-%m-%d %H:%M:%S", &parts) > 0;
}

void rows_make_safe(char *text)
{
	text_clean_copy(str_of(text), strlen(text) + 1, text);
}

void rows_text(const json_t *row, const char *path, bool zone, size_t size, char *ret_text)
{
	const json_t *value = zone ? column_value(row, path) : NULL;

	if (!json_is_string(value) || !time_text(json_string_value(value), size, ret_text))
		column_text(row, path, size, ret_text);
}

/* --- CSV --- */

static void csv_line(const struct rows *rows, const json_t *row)
{
	struct buf line;

	buf_init(&line, LINE_BYTES_MAX);
	if (column_csv(&line, rows->cli->verb->columns, row, rows->cli->language))
		(void)fwrite(line.ptr, 1, line.len, stdout);
	buf_done(&line);
}

/* --- table --- */

static void table_columns(struct rows *rows)
{
	for (const struct column *column = rows->cli->verb->columns; column->path; column++) {
		if (column->place != COLUMN_CSV)
			(void)scols_table_new_column(rows->table, say(rows->cli->language, column->heading), 0, SCOLS_FL_WRAP);
	}
}

static void table_row(struct rows *rows, const json_t *row)
{
	struct libscols_line *line = scols_table_new_line(rows->table, NULL);
	char cell[CELL_BYTES_MAX];
	size_t at = 0;

	for (const struct column *column = rows->cli->verb->columns; line && column->path; column++) {
		if (column->place == COLUMN_CSV)
			continue;
		rows_text(row, column->path, true, sizeof(cell), cell);
		rows_make_safe(cell);
		(void)scols_line_set_data(line, at++, cell);
	}
}

static bool is_list_of_objects(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0)) &&
	       !json_object_get(json_array_get(value, 0), "address");
}

/* What belongs to a single thing several times: a line each. */
static void print_list(const char *name, const json_t *list)
{
	char text[CELL_BYTES_MAX];
	const char *key;
	size_t at;
	json_t *item, *value;

	(void)printf("%s\n", name);
	json_array_foreach(list, at, item) {
		(void)fputs(" ", stdout);
		json_object_foreach(item, key, value) {
			rows_text(item, key, true, sizeof(text), text);
			rows_make_safe(text);
			if (text[0])
				(void)printf(" %s=%s", key, text);
		}
		(void)putchar('\n');
	}
}

/* A single thing: a name and its value a line. */
static void print_pairs(const struct rows *rows, const json_t *row)
{
	const char *name;
	json_t *value;
	char text[CELL_BYTES_MAX];

	(void)rows;
	json_object_foreach((json_t *)row, name, value) {
		if (is_list_of_objects(value)) {
			print_list(name, value);
			continue;
		}
		rows_text(row, name, true, sizeof(text), text);
		rows_make_safe(text);
		(void)printf("%-22s %s\n", name, text);
	}
}

static void stream_row(struct rows *rows, const json_t *row)
{
	char cell[CELL_BYTES_MAX];
	bool first = true;

	for (const struct column *column = rows->cli->verb->columns; column->path; column++) {
		if (column->place == COLUMN_CSV)
			continue;
		rows_text(row, column->path, true, sizeof(cell), cell);
		rows_make_safe(cell);
		(void)printf("%s%s", first ? "" : "  ", cell);
		first = false;
	}
	(void)putchar('\n');
	(void)fflush(stdout);
}

/* --- all three --- */

struct rows *rows_new(const struct cli *cli)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return NULL;
	rows->cli = cli;
	if (cli->form == CLI_TABLE && cli->verb->columns) {
		rows->table = scols_new_table();
		if (rows->table) {
			(void)scols_table_enable_noencoding(rows->table, 1);
			table_columns(rows);
		}
	}
	return rows;
}

void rows_stream(struct rows *rows)
{
	rows->streaming = true;
}

void rows_add(struct rows *rows, json_t *row)
{
	const struct cli *cli = rows->cli;

	rows->count++;
	if (cli->form == CLI_JSON || (cli->form == CLI_CSV && !cli->verb->columns)) {
		(void)json_dumpf(row, stdout, JSON_COMPACT);
		(void)putchar('\n');
	} else if (cli->form == CLI_CSV) {
		if (!rows->heading_done)
			csv_line(rows, NULL);
		rows->heading_done = true;
		csv_line(rows, row);
	} else if (rows->streaming && cli->verb->columns) {
		stream_row(rows, row);
	} else if (rows->table) {
		table_row(rows, row);
	} else {
		print_pairs(rows, row);
	}
	if (rows->streaming)
		(void)fflush(stdout);
}

void rows_end(struct rows *rows)
{
	if (rows->cli->form == CLI_CSV && rows->cli->verb->columns && !rows->heading_done)
		csv_line(rows, NULL);
	if (rows->table && !rows->streaming && rows->count > 0)
		(void)scols_print_table(rows->table);
	if (rows->table)
		scols_unref_table(rows->table);
	free(rows);
}
