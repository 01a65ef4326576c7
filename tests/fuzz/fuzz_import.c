/*
 * Exports that anybody may hand in. However a file is cut into reads, the same records and objects come out; a row that is taken can be
 * packed, read again and printed as JSON. The first byte chooses the form.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "domain/csv_reader.h"
#include "domain/eac.h"
#include "domain/entra.h"
#include "domain/json_split.h"

#define OUT_BYTES_MAX (1u << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* --- what a record leads to --- */

static void row_check(const struct sign_in *row)
{
	CLEANUP(cleanup_buf) struct buf packed;
	struct sign_in back;
	json_t *json;

	buf_init(&packed, OUT_BYTES_MAX);
	must(sign_in_print(&packed, row) && sign_in_parse(buf_str(&packed), &back));
	must(row->event_id.len > EVENT_ID_LEN && row->created_us != 0);
	json = sign_in_json(&back);
	must(json);
	json_decref(json);
}

static void entra_check(const struct entra_record *record, struct arena *arena)
{
	for (int all = 0; all <= 1; all++) {
		struct sign_in row;
		struct fault fault;
		bool zone = true;
		enum entra_verdict verdict =
			entra_sign_in(record, &(struct entra_options){ .all = all, .order = DATE_ORDER_OPEN }, arena, &row, &zone, &fault);

		must(!all || verdict == ENTRA_TAKEN || verdict == ENTRA_BAD);
		must(verdict != ENTRA_BAD || fault.text[LANGUAGE_EN][0]);
		if (verdict == ENTRA_TAKEN)
			row_check(&row);
	}
}

/* --- CSV --- */

struct table {
	struct entra_columns entra;
	struct eac_columns eac;
	bool is_entra, is_eac;
	size_t records;
};

static void record_check(struct table *table, const struct csv_record *record, struct arena *arena)
{
	struct entra_record values;
	struct sign_in rows[EAC_ROWS_MAX];
	const char *lacks;
	struct fault fault;
	size_t count;

	if (table->records++ == 0) {
		table->is_entra = entra_columns_read(record, &table->entra, &lacks);
		table->is_eac = eac_columns_read(record, &table->eac, &lacks);
		return;
	}
	if (table->is_entra && entra_of_csv(&table->entra, record, arena, &values, &fault))
		entra_check(&values, arena);
	if (table->is_eac && eac_rows(&table->eac, record, STR("r"), 1, arena, rows, &count, &fault)) {
		for (size_t i = 0; i < count; i++)
			row_check(&rows[i]);
	}
}

static void csv_all(struct str input, size_t step, bool deep, struct buf *out)
{
	static struct csv_record record;
	static struct table table;
	struct arena arena;
	size_t start = 0, end = step < input.len ? step : input.len;

	table = (struct table){ 0 };
	arena_init(&arena, OUT_BYTES_MAX);
	for (;;) {
		const char *why = NULL;
		size_t used = 0;
		enum csv_read read;

		arena_free_all(&arena);
		read = csv_read_record((struct str){ input.ptr + start, end - start }, end == input.len, ',', &arena, &record, &used, &why);
		if (read == CSV_READ_MORE && end == input.len)
			break;
		if (read == CSV_READ_MORE) {
			end = end + step < input.len ? end + step : input.len;
			continue;
		}
		must(used > 0 && used <= end - start && (read == CSV_READ_RECORD || why));
		for (size_t i = 0; read == CSV_READ_RECORD && i < record.count; i++)
			must(buf_add_byte(out, '<') && buf_add(out, record.cells[i]));
		must(buf_add_byte(out, read == CSV_READ_RECORD ? '\n' : '!'));
		if (deep && read == CSV_READ_RECORD)
			record_check(&table, &record, &arena);
		start += used;
	}
	must(start == input.len);
	arena_free_all(&arena);
}

/* --- JSON --- */

static void json_all(struct str input, size_t step, bool deep, struct buf *out)
{
	struct json_split split = { 0 };
	struct arena arena;
	size_t start = 0, end = step < input.len ? step : input.len;

	arena_init(&arena, OUT_BYTES_MAX);
	for (;;) {
		struct str object = STR("");
		struct entra_record values;
		struct fault fault;
		const char *why = NULL;
		size_t used = 0;
		enum json_cut cut = json_split_next(&split, (struct str){ input.ptr + start, end - start }, end == input.len, &object, &used, &why);

		if (cut == JSON_CUT_MORE && end == input.len)
			break;
		if (cut == JSON_CUT_MORE) {
			end = end + step < input.len ? end + step : input.len;
			continue;
		}
		must(used > 0 && used <= end - start && (cut != JSON_CUT_BAD || why));
		if (cut == JSON_CUT_OBJECT)
			must(buf_add(out, object) && buf_add_byte(out, '\n'));
		if (cut == JSON_CUT_BAD)
			must(buf_add_byte(out, '!'));
		arena_free_all(&arena);
		if (deep && cut == JSON_CUT_OBJECT && entra_of_json(object, &arena, &values, &fault))
			entra_check(&values, &arena);
		start += used;
	}
	must(start == input.len);
	arena_free_all(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(cleanup_buf) struct buf whole;
	CLEANUP(cleanup_buf) struct buf bitten;
	struct str input = { (const char *)data + 1, size ? size - 1 : 0 };
	void (*all)(struct str, size_t, bool, struct buf *);

	buf_init(&whole, OUT_BYTES_MAX);
	buf_init(&bitten, OUT_BYTES_MAX);
	if (size == 0)
		return 0;
	all = data[0] & 1 ? csv_all : json_all;
	all(input, SIZE_MAX / 2, true, &whole);
	all(input, 1 + (data[0] >> 1) % 16, false, &bitten);
	must(str_eq(buf_str(&whole), buf_str(&bitten)));
	return 0;
}
