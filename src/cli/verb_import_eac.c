#include <sysexits.h>

#include "cli/import_run.h"
#include "cli/verbs.h"
#include "domain/eac.h"
#include "domain/entra.h"
#include "domain/import.h"

#define WINDOW_BYTES_MAX (16u << 20) /* the whole report: a line a sender */

struct eac_import {
	struct eac_columns columns;
	struct csv_record header;
	size_t header_used;
	char separator;
	struct str report; /* the file, by its bytes */
	int64_t as_of_us;
};

static bool fits_eac(void *columns, const struct csv_record *header, const char **ret_lacks)
{
	return eac_columns_read(header, columns, ret_lacks);
}

static bool fits_entra(void *columns, const struct csv_record *header, const char **ret_lacks)
{
	return entra_columns_read(header, columns, ret_lacks);
}

static bool knows(struct import_run *run, struct source *source, struct fault *fault)
{
	struct eac_import *import = run->context;
	static struct entra_columns other;
	const char *lacks = NULL, *other_lacks = NULL;

	if (import_header(run, source, fits_eac, &import->columns, &import->header, &import->header_used, &import->separator, &lacks))
		return true;
	if (!import_header(run, source, fits_entra, &other, &import->header, &import->header_used, &import->separator, &other_lacks))
		return import_unknown(run, source, lacks, fault);
	(void)fault_set(fault, OUTCOME_NEVER, N_("%s is a sign-in log; import it with: sekisho import entra-signins"), source->name);
	return false;
}

static int each_line(struct import_run *run, struct source *source, const struct csv_record *record, bool *ret_again)
{
	const struct eac_import *import = run->context;
	struct sign_in rows[EAC_ROWS_MAX];
	struct fault fault;
	size_t count;
	int exit_code = EX_OK;

	if (!eac_rows(&import->columns, record, import->report, import->as_of_us, &run->arena, rows, &count, &fault)) {
		*ret_again = record->count != import->columns.count;
		import_bad(run, source, fault.text[run->cli->language]);
		return EX_OK;
	}
	run->taken += count;
	run->left_out += count == 0;
	for (size_t i = 0; i < count && exit_code == EX_OK; i++)
		exit_code = import_link_add(&run->link, &rows[i]);
	return exit_code;
}

/* A report has no time of its own: rows stand at --as-of, or at the time of the file. */
static int read_report(struct import_run *run, struct source *source)
{
	struct eac_import *import = run->context;
	const json_t *as_of = json_object_get(run->cli->args, "as-ofUs");
	struct str all;
	struct arena kept;
	struct fault fault;
	int exit_code;

	while (!source->at_end) {
		if (source_more(source, &fault) != OUTCOME_OK)
			return cli_fault(run->cli, fault.outcome == OUTCOME_LATER ? EX_DATAERR : EX_IOERR, &fault);
	}
	if (!knows(run, source, &fault)) /* it has changed meanwhile */
		return cli_fault(run->cli, EX_DATAERR, &fault);
	import->as_of_us = as_of ? json_integer_value(as_of) : source->changed_us;
	if (!import->columns.has[EAC_PROTOCOL])
		import_note(run, N_("%s: it has no column for the authentication protocol, so that its rows are neither Basic nor OAuth"),
			    source->name);
	all = source_left(source);
	arena_init(&kept, 1024);
	if (!import_id("", &all, 1, &kept, &import->report)) {
		arena_free_all(&kept);
		return cli_fail(run->cli, EX_TEMPFAIL, N_("out of memory"));
	}
	source_eat(source, import->header_used);
	exit_code = import_each_csv(run, source, import->separator, each_line);
	arena_free_all(&kept);
	return exit_code;
}

static const struct import_kind kind = { "eac-report", WINDOW_BYTES_MAX, knows, read_report };

int verb_import_eac(struct cli *cli)
{
	static struct eac_import import;

	return import_run(cli, &kind, &import);
}
