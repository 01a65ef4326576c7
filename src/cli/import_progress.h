/* import_progress: how far an import is, on standard error while that is a terminal: rate and time left, a few times a second. */
#ifndef CLI_IMPORT_PROGRESS_H
#define CLI_IMPORT_PROGRESS_H

#include "cli/cli.h"

struct progress {
	const struct cli *cli;
	bool shows, drawn;
	uint64_t began_ms, drawn_ms;
	uint64_t done, all; /* bytes, or rows; all 0: not known */
	bool bytes;
};

void progress_init(struct progress *progress, const struct cli *cli);
void progress_begin(struct progress *progress, bool bytes, uint64_t all); /* a phase: reading bytes, or moving rows */
void progress_at(struct progress *progress, uint64_t done);
void progress_hide(struct progress *progress); /* before anything else is said there */

#endif
