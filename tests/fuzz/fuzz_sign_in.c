/* A packed sign-in is taken whole or not at all; whatever it says becomes JSON, and CSV that no spreadsheet calculates. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "domain/sign_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every cell is quoted, none begins as a formula does, and the line has as many as the header. */
static size_t cells_check(struct str line)
{
	size_t cells = 0;

	while (line.len > 0 && line.ptr[0] == '"') {
		size_t at = 1;

		if (line.len > 1 && (line.ptr[1] == '=' || line.ptr[1] == '+' || line.ptr[1] == '-' || line.ptr[1] == '@' ||
				     line.ptr[1] == '\t' || line.ptr[1] == '\r' || line.ptr[1] == '\n'))
			abort();
		while (at < line.len && (line.ptr[at] != '"' || (at + 1 < line.len && line.ptr[at + 1] == '"')))
			at += line.ptr[at] == '"' ? 2 : 1;
		if (at >= line.len)
			abort();
		cells++;
		line = str_skip(line, at + 1);
		if (line.len > 0 && line.ptr[0] == ',')
			line = str_skip(line, 1);
	}
	if (!str_eq(line, STR("\r\n")))
		abort();
	return cells;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(cleanup_buf) struct buf again;
	CLEANUP(cleanup_buf) struct buf csv;
	struct str packed = { (const char *)data, size };
	struct sign_in row;
	json_t *json;

	buf_init(&again, 1 << 24);
	buf_init(&csv, 1 << 24);
	if (!sign_in_parse(packed, &row))
		return 0;
	if (!sign_in_print(&again, &row) || !str_eq(buf_str(&again), packed))
		abort();
	json = sign_in_json(&row);
	if (!json)
		abort();
	json_decref(json);
	if (!csv_cell(&csv, row.user, true) || !csv_cell(&csv, row.ehlo, false) || !csv_cell(&csv, row.smtp_reply, false) ||
	    !buf_add(&csv, STR(CSV_LINE_END)) || !str_is_utf8(buf_str(&csv)) || cells_check(buf_str(&csv)) != 3)
		abort();
	return 0;
}
