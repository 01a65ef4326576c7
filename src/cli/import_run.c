#include "cli/import_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/rows.h"

#define BAD_TOLD_MAX 20
#define ARENA_BYTES_MAX (4u << 20)
#define WHAT_BYTES_MAX 400

/* --- what is said --- */

void import_note(struct import_run *run, const char *format, ...)
{
	va_list args;

	progress_hide(&run->progress);
	(void)fputs("sekisho: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, say(run->cli->language, format), args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void import_bad(struct import_run *run, const struct source *source, const char *why)
{
	run->bad++;
	if (run->bad_here++ < BAD_TOLD_MAX)
		import_note(run, "%s:%llu: %s", source->name, (unsigned long long)source->line, say(run->cli->language, why));
	else if (run->bad_here == BAD_TOLD_MAX + 1)
		import_note(run, N_("%s: further bad rows are only counted"), source->name);
}

/* --- records --- */

/* Behind the line at which the source stands, or behind all that it sees. */
static void skip_line(struct source *source)
{
	struct str left = source_left(source);
	size_t end = str_find(left, '\n');

	source_eat(source, end + (end < left.len));
}

int import_read_on(struct import_run *run, struct source *source)
{
	struct fault fault;

	progress_at(&run->progress, run->bytes_before + source->eaten);
	switch (source_more(source, &fault)) {
	case OUTCOME_OK:
		return EX_OK;
	case OUTCOME_LATER:
		import_bad(run, source, fault.text[run->cli->language]);
		skip_line(source);
		return EX_OK;
	case OUTCOME_NEVER:
		break;
	}
	progress_hide(&run->progress);
	return cli_fault(run->cli, EX_IOERR, &fault);
}

/* --- CSV --- */

static bool is_blank(const struct csv_record *record)
{
	return record->count == 1 && str_trim(record->cells[0]).len == 0;
}

int import_each_csv(struct import_run *run, struct source *source, char separator,
		    int (*each)(struct import_run *run, struct source *source, const struct csv_record *record, bool *ret_again))
{
	static struct csv_record record; /* 8 KiB */
	int exit_code = EX_OK;

	while (exit_code == EX_OK) {
		struct str left = source_left(source);
		const char *why = "";
		size_t used = 0;
		bool again = false;

		arena_free_all(&run->arena);
		switch (csv_read_record(left, source->at_end, separator, &run->arena, &record, &used, &why)) {
		case CSV_READ_RECORD:
			if (!is_blank(&record))
				exit_code = each(run, source, &record, &again);
			source_eat(source, again && record.lines > 1 ? record.line_len : used);
			break;
		case CSV_READ_BAD:
			import_bad(run, source, why);
			source_eat(source, used);
			break;
		case CSV_READ_MORE:
			if (source->at_end)
				return EX_OK;
			exit_code = import_read_on(run, source);
			break;
		}
	}
	return exit_code;
}

bool import_header(struct import_run *run, struct source *source, bool (*fits)(void *columns, const struct csv_record *, const char **),
		   void *columns, struct csv_record *ret_header, size_t *ret_used, char *ret_separator, const char **ret_lacks)
{
	static const char separators[] = { ',', ';', '\t' };
	const char *why, *lacks;

	for (size_t i = 0; i < sizeof(separators); i++) {
		if (csv_read_record(source_left(source), source->at_end, separators[i], &run->arena, ret_header, ret_used, &why) !=
		    CSV_READ_RECORD)
			continue;
		*ret_separator = separators[i];
		lacks = NULL;
		if (fits(columns, ret_header, &lacks))
			return true;
		*ret_lacks = i == 0 || lacks ? lacks : *ret_lacks;
	}
	return false;
}

bool import_unknown(struct import_run *run, const struct source *source, const char *lacks, struct fault *fault)
{
	const char *kind = run->kind->name;

	if (lacks)
		(void)fault_set(fault, OUTCOME_NEVER, N_("%s cannot be imported as %s: it has no column for %s"), source->name, kind,
				say(run->cli->language, lacks));
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("%s cannot be imported as %s: its first line is no header of such an export"),
				source->name, kind);
	return false;
}

/* --- all files --- */

/* Know each file before anything is sent. Those that can be opened again are closed meanwhile. */
static int know_all(struct import_run *run, struct source *sources, size_t count, uint64_t *ret_bytes)
{
	struct fault fault;

	*ret_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(json_object_get(run->cli->args, "files"), i));

		if (source_open(name, run->kind->window_bytes_max, &sources[i], &fault) != OUTCOME_OK)
			return cli_fault(run->cli, sources[i].fd == -1 ? EX_NOINPUT : EX_DATAERR, &fault);
		if (!run->kind->knows(run, &sources[i], &fault))
			return cli_fault(run->cli, EX_DATAERR, &fault);
		*ret_bytes += sources[i].size;
		if (sources[i].is_file)
			source_close(&sources[i]);
	}
	return EX_OK;
}

static int read_one(struct import_run *run, struct source *source)
{
	struct fault fault;
	int exit_code;

	if (source->fd == -1 && source_open(source->name, run->kind->window_bytes_max, source, &fault) != OUTCOME_OK)
		return cli_fault(run->cli, EX_NOINPUT, &fault);
	run->bad_here = 0;
	exit_code = run->kind->read(run, source);
	if (exit_code == EX_OK && run->bad_here > 0)
		import_note(run, N_("%s: %llu rows could not be read, the others were"), source->name, (unsigned long long)run->bad_here);
	run->bytes_before += source->eaten;
	source_close(source);
	return exit_code;
}

/* For the audit: "entra-signins from june.csv, july.csv". */
static void what_print(const struct import_run *run, char *ret_what, size_t size)
{
	const json_t *files = json_object_get(run->cli->args, "files");
	size_t len = (size_t)snprintf(ret_what, size, "%s from", run->kind->name);

	for (size_t i = 0; i < json_array_size(files) && len < size; i++) {
		const char *name = json_string_value(json_array_get(files, i));
		const char *base = strrchr(name, '/');

		len += (size_t)snprintf(ret_what + len, size - len, "%s %s", i ? "," : "", base ? base + 1 : name);
	}
	while (!str_is_utf8(str_of(ret_what))) /* it may have been cut within a character */
		ret_what[strlen(ret_what) - 1] = '\0';
}

static int summary(struct import_run *run)
{
	struct rows *rows = rows_new(run->cli);
	json_t *row = json_pack("{s:I,s:I,s:I,s:I,s:I}", "rows", (json_int_t)run->taken, "new", (json_int_t)run->link.added, "known",
				(json_int_t)(run->taken - run->link.added), "bad", (json_int_t)run->bad, "left-out",
				(json_int_t)(run->left_out + run->untold));

	if (rows && row)
		rows_add(rows, row);
	json_decref(row);
	if (!rows)
		return cli_fail(run->cli, EX_TEMPFAIL, N_("out of memory"));
	rows_end(rows);
	if (run->untold)
		import_note(run, N_("%llu sign-ins with a token at Exchange Online were left out: the log does not say whether they were for "
				    "SMTP; --all brings them in"),
			    (unsigned long long)run->untold);
	return run->bad ? 1 : EX_OK;
}

static int read_all(struct import_run *run, struct source *sources, size_t count, uint64_t bytes)
{
	char what[WHAT_BYTES_MAX];
	int exit_code;

	what_print(run, what, sizeof(what));
	exit_code = import_link_begin(&run->link, run->cli, what, &run->progress);
	progress_begin(&run->progress, true, bytes);
	for (size_t i = 0; i < count && exit_code == EX_OK; i++)
		exit_code = read_one(run, &sources[i]);
	if (exit_code == EX_OK)
		exit_code = import_link_end(&run->link);
	if (exit_code == EX_OK)
		exit_code = summary(run);
	progress_hide(&run->progress);
	import_link_free(&run->link);
	return exit_code;
}

int import_run(struct cli *cli, const struct import_kind *kind, void *context)
{
	size_t count = json_array_size(json_object_get(cli->args, "files"));
	struct import_run run = { .cli = cli, .kind = kind, .context = context };
	struct source *sources;
	uint64_t bytes;
	int exit_code;

	if (count > IMPORT_FILES_MAX)
		return cli_fail(cli, EX_USAGE, N_("at most %d files at once"), IMPORT_FILES_MAX);
	sources = calloc(count, sizeof(*sources));
	if (!sources)
		return cli_fail(cli, EX_TEMPFAIL, N_("out of memory"));
	for (size_t i = 0; i < count; i++)
		sources[i].fd = -1;
	arena_init(&run.arena, ARENA_BYTES_MAX);
	progress_init(&run.progress, cli);
	exit_code = know_all(&run, sources, count, &bytes);
	if (exit_code == EX_OK)
		exit_code = read_all(&run, sources, count, bytes);
	for (size_t i = 0; i < count; i++)
		source_close(&sources[i]);
	arena_free_all(&run.arena);
	free(sources);
	return exit_code;
}
