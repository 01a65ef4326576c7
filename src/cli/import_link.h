/* import_link: rows on their way to the daemon, in chunks; while one is on its way the next is being read. */
#ifndef CLI_IMPORT_LINK_H
#define CLI_IMPORT_LINK_H

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/import_progress.h"
#include "domain/sign_in.h"

struct settings;

struct import_link {
	const struct cli *cli;
	struct settings *settings;
	const char *path;      /* of the socket */
	int begin_fd;          /* held open: when it closes before the end, nothing was imported */
	int chunk_fd;          /* the chunk whose answer is due; -1: none */
	char id[64];
	struct buf packed, chunk;
	size_t chunk_rows;
	uint64_t rows;
	uint64_t added;        /* after import_link_end(): those that were not there before */
	struct progress *progress;
};

/* All give EX_OK, or an exit code after a sentence. `what` is for the audit. import_link_free() in any case. */
int import_link_begin(struct import_link *link, const struct cli *cli, const char *what, struct progress *progress);
int import_link_add(struct import_link *link, const struct sign_in *row);
int import_link_end(struct import_link *link); /* waits until the rows are in the log */
void import_link_free(struct import_link *link);

#endif
