#include "domain/column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/csv.h"

static void array_text(const json_t *array, size_t size, char *ret_text)
{
	size_t at;
	const json_t *item;

	ret_text[0] = '\0';
	json_array_foreach(array, at, item) {
		const json_t *address = json_is_object(item) ? json_object_get(item, "address") : item;
		size_t len = strlen(ret_text);

		if (json_is_string(address) && len + 3 < size)
			(void)snprintf(ret_text + len, size - len, "%s%s", at ? " " : "", json_string_value(address));
	}
}

const json_t *column_value(const json_t *row, const char *path)
{
	struct str rest = str_of(path);

	while (row && rest.len > 0) {
		struct str part = str_cut(&rest, '.');
		char key[64];

		if (json_is_array(row))
			row = json_array_get(row, 0);
		if (!str_copy(part, sizeof(key), key))
			return NULL;
		row = json_object_get(row, key);
	}
	return row;
}

void column_text(const json_t *row, const char *path, size_t size, char *ret_text)
{
	const json_t *value = column_value(row, path);
	char *dumped;

	ret_text[0] = '\0';
	if (json_is_string(value)) {
		(void)snprintf(ret_text, size, "%s", json_string_value(value));
	} else if (json_is_integer(value)) {
		(void)snprintf(ret_text, size, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		(void)snprintf(ret_text, size, "%.1f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		(void)snprintf(ret_text, size, "%s", json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		array_text(value, size, ret_text);
	} else if (json_is_object(value)) {
		dumped = json_dumps(value, JSON_COMPACT);
		(void)snprintf(ret_text, size, "%s", dumped ? dumped : "");
		free(dumped);
	}
}

bool column_csv(struct buf *out, const struct column *columns, const json_t *row, enum language language)
{
	size_t before = out->len;
	char cell[COLUMN_TEXT_MAX];
	bool added = row || buf_add(out, STR(CSV_BOM));
	bool first = true;

	for (const struct column *column = columns; added && column->path; column++) {
		if (column->place == COLUMN_TABLE)
			continue;
		if (row)
			column_text(row, column->path, sizeof(cell), cell);
		else
			(void)snprintf(cell, sizeof(cell), "%s", say(language, column->heading));
		added = csv_cell(out, str_of(cell), first);
		first = false;
	}
	if (added && buf_add(out, STR(CSV_LINE_END)))
		return true;
	out->len = before;
	return false;
}
