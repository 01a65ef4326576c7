/* import_run: what both kinds of import share: files known by their content before anything is sent, records one by one, bad ones told. */
#ifndef CLI_IMPORT_RUN_H
#define CLI_IMPORT_RUN_H

#include "base/arena.h"
#include "cli/import_link.h"
#include "cli/import_source.h"
#include "domain/csv_reader.h"

#define IMPORT_FILES_MAX 1024

struct import_run;

/* What is imported: how a file of it is known, and read. */
struct import_kind {
	const char *name;          /* "entra-signins" */
	size_t window_bytes_max;
	/* False with a sentence: it is none. The source stands at its start, and must stand there afterwards. */
	bool (*knows)(struct import_run *run, struct source *source, struct fault *fault);
	int (*read)(struct import_run *run, struct source *source); /* an exit code; after a sentence, nothing is imported */
};

struct import_run {
	struct cli *cli;
	const struct import_kind *kind;
	void *context;             /* the kind's */
	struct import_link link;
	struct progress progress;
	struct arena arena;        /* one record's */
	uint64_t bytes_before;     /* of the files already read */
	uint64_t taken, left_out, untold, bad;
	uint64_t bad_here;         /* in this file */
};

/* The whole verb. `context` is the kind's. */
int import_run(struct cli *cli, const struct import_kind *kind, void *context);

/* Tell that the record at the source's line is bad; after many of one file they are only counted. */
void import_bad(struct import_run *run, const struct source *source, const char *why);
void import_note(struct import_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* More bytes for a record that is cut off; one that is longer than the window is told and left. An exit code. */
int import_read_on(struct import_run *run, struct source *source);

/* Each record of a CSV behind where the source stands; `each` gives an exit code, and may set *ret_again when the record was none: then
 * its next line is tried. Blank lines are left out. */
int import_each_csv(struct import_run *run, struct source *source, char separator,
		    int (*each)(struct import_run *run, struct source *source, const struct csv_record *record, bool *ret_again));

/* The header of a CSV and what separates its cells: the first of , ; and tab with which `fits` says yes. The record borrows from the
 * source. *ret_lacks: what it lacks when it is separated by commas. */
bool import_header(struct import_run *run, struct source *source, bool (*fits)(void *columns, const struct csv_record *, const char **),
		   void *columns, struct csv_record *ret_header, size_t *ret_used, char *ret_separator, const char **ret_lacks);

/* False, with a sentence that says why it is no file of this kind: `lacks` (N_()) may be NULL. */
bool import_unknown(struct import_run *run, const struct source *source, const char *lacks, struct fault *fault);

#endif
