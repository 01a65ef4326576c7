#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/import_run.h"
#include "cli/verbs.h"
#include "domain/eac.h"
#include "domain/entra.h"
#include "domain/json_split.h"

#define ENTRA_WINDOW_BYTES_MAX (2u * SOURCE_RECORD_BYTES_MAX)

struct entra_import {
	struct entra_options options;
	bool order_given;
	/* Of the file being read. */
	struct entra_columns columns;
	size_t header_used;
	char separator;
	struct csv_record header;
	bool json, zone_told, order_told;
};

static bool is_json(const struct source *source)
{
	struct str left = str_trim(source_left(source));

	return left.len > 0 && (left.ptr[0] == '{' || left.ptr[0] == '[');
}

static bool fits_entra(void *columns, const struct csv_record *header, const char **ret_lacks)
{
	return entra_columns_read(header, columns, ret_lacks);
}

static bool fits_eac(void *columns, const struct csv_record *header, const char **ret_lacks)
{
	return eac_columns_read(header, columns, ret_lacks);
}

static bool knows_entra(struct import_run *run, struct source *source, struct fault *fault)
{
	struct entra_import *import = run->context;
	static struct eac_columns other;
	const char *lacks = NULL, *other_lacks = NULL;

	import->json = is_json(source);
	if (import->json || import_header(run, source, fits_entra, &import->columns, &import->header, &import->header_used,
					  &import->separator, &lacks))
		return true;
	if (!import_header(run, source, fits_eac, &other, &import->header, &import->header_used, &import->separator, &other_lacks))
		return import_unknown(run, source, lacks, fault);
	(void)fault_set(fault, OUTCOME_NEVER, N_("%s is an SMTP AUTH clients report; import it with: sekisho import eac-report"),
			source->name);
	return false;
}

/* Told once a file: what was taken for granted about its times. */
static void tell_time(struct import_run *run, const struct source *source, const struct entra_record *record, bool zone)
{
	struct entra_import *import = run->context;
	struct str time = record->values[record->values[ENTRA_TIME].len ? ENTRA_TIME : ENTRA_TIME_LOGGED];

	if (!zone && !import->columns.utc && !import->zone_told) {
		import->zone_told = true;
		import_note(run, N_("%s: times such as \"%.*s\" name no zone and are taken for UTC"), source->name, STR_ARG(time));
	}
	if (import->order_told || import->order_given || !import_time_is_open(time))
		return;
	import->order_told = true;
	if (import->options.order == DATE_ORDER_OPEN)
		import_note(run, N_("%s: dates such as \"%.*s\" are read with the month first; if the day comes first, say --dates dmy"),
			    source->name, STR_ARG(time));
	else
		import_note(run, import->options.order == DATE_ORDER_DAY_FIRST
					 ? N_("%s: dates such as \"%.*s\" are read with the day first, as others in the file have to be")
					 : N_("%s: dates such as \"%.*s\" are read with the month first, as others in the file have to be"),
			    source->name, STR_ARG(time));
}

static int take_entra(struct import_run *run, const struct source *source, const struct entra_record *record)
{
	struct entra_import *import = run->context;
	struct sign_in row;
	struct fault fault;
	bool zone = true;

	switch (entra_sign_in(record, &import->options, &run->arena, &row, &zone, &fault)) {
	case ENTRA_TAKEN:
		tell_time(run, source, record, zone);
		run->taken++;
		return import_link_add(&run->link, &row);
	case ENTRA_LEFT_OUT:
		run->left_out++;
		return EX_OK;
	case ENTRA_UNTOLD:
		run->untold++;
		return EX_OK;
	case ENTRA_BAD:
		break;
	}
	import_bad(run, source, fault.text[run->cli->language]);
	return EX_OK;
}

/* A header in the midst: exports put behind each other. */
static bool is_header(const struct csv_record *header, const struct csv_record *record)
{
	for (size_t i = 0; i < header->count && i < record->count; i++) {
		if (!str_eq(header->cells[i], record->cells[i]))
			return false;
	}
	return header->count == record->count;
}

static int each_entra_csv(struct import_run *run, struct source *source, const struct csv_record *record, bool *ret_again)
{
	struct entra_import *import = run->context;
	struct entra_record values;
	struct fault fault;

	if (is_header(&import->header, record))
		return EX_OK;
	if (entra_of_csv(&import->columns, record, &run->arena, &values, &fault))
		return take_entra(run, source, &values);
	*ret_again = record->count != import->columns.count;
	import_bad(run, source, fault.text[run->cli->language]);
	return EX_OK;
}

/* The first date behind the header that can be read in one way only decides for the file. */
static enum date_order order_of(struct import_run *run, const struct source *source)
{
	struct entra_import *import = run->context;
	static struct csv_record record;
	struct str left = source_left(source);
	enum date_order order = DATE_ORDER_OPEN;
	const char *why;
	size_t used;

	while (order == DATE_ORDER_OPEN) {
		arena_free_all(&run->arena);
		switch (csv_read_record(left, source->at_end, import->separator, &run->arena, &record, &used, &why)) {
		case CSV_READ_MORE:
			return order;
		case CSV_READ_BAD:
			break;
		case CSV_READ_RECORD:
			for (size_t i = 0; i < record.count && record.count == import->columns.count; i++) {
				if (import->columns.fields[i] <= ENTRA_TIME_LOGGED && order == DATE_ORDER_OPEN)
					order = import_time_order(record.cells[i]);
			}
			break;
		}
		left = str_skip(left, used);
	}
	return order;
}

/* The header's cells borrow from the window, which moves on. */
static bool keep_header(struct csv_record *header, struct arena *arena)
{
	bool kept = true;

	for (size_t i = 0; i < header->count; i++)
		kept = kept && arena_keep(arena, header->cells[i], &header->cells[i]);
	return kept;
}

static int read_entra_csv(struct import_run *run, struct source *source)
{
	struct entra_import *import = run->context;
	struct arena kept;
	int exit_code;

	arena_init(&kept, SOURCE_RECORD_BYTES_MAX);
	source_eat(source, import->header_used);
	if (!keep_header(&import->header, &kept)) {
		arena_free_all(&kept);
		return cli_fail(run->cli, EX_TEMPFAIL, N_("out of memory"));
	}
	if (!import->order_given)
		import->options.order = order_of(run, source);
	exit_code = import_each_csv(run, source, import->separator, each_entra_csv);
	arena_free_all(&kept);
	return exit_code;
}

static int take_object(struct import_run *run, const struct source *source, struct str object)
{
	struct entra_record values;
	struct fault fault;

	arena_free_all(&run->arena);
	if (entra_of_json(object, &run->arena, &values, &fault))
		return take_entra(run, source, &values);
	import_bad(run, source, fault.text[run->cli->language]);
	return EX_OK;
}

static int read_entra_json(struct import_run *run, struct source *source)
{
	struct json_split split = { 0 };
	int exit_code = EX_OK;

	while (exit_code == EX_OK) {
		const char *why = "";
		struct str object;
		size_t used = 0;

		switch (json_split_next(&split, source_left(source), source->at_end, &object, &used, &why)) {
		case JSON_CUT_OBJECT:
			exit_code = take_object(run, source, object);
			source_eat(source, used);
			break;
		case JSON_CUT_SKIP:
			source_eat(source, used);
			break;
		case JSON_CUT_BAD:
			import_bad(run, source, why);
			source_eat(source, used);
			break;
		case JSON_CUT_MORE:
			if (source->at_end)
				return EX_OK;
			exit_code = import_read_on(run, source);
			break;
		}
	}
	return exit_code;
}

static int read_entra(struct import_run *run, struct source *source)
{
	struct entra_import *import = run->context;
	struct fault fault;

	if (!knows_entra(run, source, &fault)) /* it has changed meanwhile */
		return cli_fault(run->cli, EX_DATAERR, &fault);
	import->zone_told = import->order_told = false;
	if (!import->order_given)
		import->options.order = DATE_ORDER_OPEN;
	return import->json ? read_entra_json(run, source) : read_entra_csv(run, source);
}

static const struct import_kind entra_kind = { "entra-signins", ENTRA_WINDOW_BYTES_MAX, knows_entra, read_entra };

int verb_import_entra(struct cli *cli)
{
	static struct entra_import import;
	const char *dates = json_string_value(json_object_get(cli->args, "dates"));

	import = (struct entra_import){ .options.all = json_is_true(json_object_get(cli->args, "all")), .order_given = dates };
	if (dates && !date_order_parse(str_of(dates), &import.options.order))
		return cli_fail(cli, EX_USAGE, N_("--dates is mdy (the month first) or dmy (the day first), not \"%s\""), dates);
	return import_run(cli, &entra_kind, &import);
}
