/*
 * staging: the rows of an import on their way to the ledger, in a file of their own, STATE/import/ID.part, until all are there; then it
 * is synced and renamed to ID.rows, and its rows go to the ledger batch by batch. So an import is there as a whole or not at all: a
 * .part that a crash leaves is removed, a .rows is carried on with (rows that the ledger has already change nothing).
 *
 * A row is framed: its length, 4 bytes little-endian, then the packed sign-in. Calls wait for the disk; one handle belongs to
 * one thread at a time.
 */
#ifndef KEEP_STAGING_H
#define KEEP_STAGING_H

#include "base/buf.h"
#include "base/fault.h"

#define STAGING_ID_MAX 32           /* letters, digits and dashes */
#define STAGING_ROW_BYTES_MAX 65536
#define STAGING_BATCH_MAX 2000

struct staging;

/* A new one; NEVER: that is no ID. */
enum outcome staging_new(const char *state, const char *id, struct staging **ret_staging, struct fault *fault);
/* One that was finished before a restart. */
enum outcome staging_open(const char *state, const char *id, struct staging **ret_staging, struct fault *fault);
void staging_close(struct staging *staging); /* the file stays */
void staging_remove(struct staging *staging); /* closed, the file too */

/* Append framed rows, whole ones; *ret_rows says how many. After a failure only staging_remove(). */
enum outcome staging_add(struct staging *staging, struct str framed, size_t *ret_rows, struct fault *fault);
bool staging_frame(struct buf *out, struct str packed) __attribute__((warn_unused_result)); /* false: no room, or too long a row */
/* All rows are there: when this is OK, they outlive a power cut. */
enum outcome staging_finish(struct staging *staging, struct fault *fault);

/* The rows of a finished one, batch by batch. */
struct staging_batch {
	struct str rows[STAGING_BATCH_MAX]; /* until the next batch, or the end of the staging */
	size_t count;                       /* 0: no more */
};
enum outcome staging_next(struct staging *staging, struct staging_batch *ret_batch, struct fault *fault);
/* The last batch was not taken: it comes again. */
void staging_back(struct staging *staging);

/* At the start: remove what was not finished, show the IDs of what was. */
enum outcome staging_each(const char *state, void (*each)(void *context, const char *id), void *context, struct fault *fault);

#endif
