/* graph_source: what of a message goes into a request, without a copy of it: pieces of text and of what the spool holds, in base64 from
 * any offset on; and a file out of it, as its own bytes. */
#ifndef COURIER_GRAPH_SOURCE_H
#define COURIER_GRAPH_SOURCE_H

#include <sys/types.h>

#include "courier/courier.h"
#include "wire/graph_parts.h"

#define GRAPH_PIECES_MAX (GRAPH_PARTS_MAX + 4)

/* `text`, or, when that has no bytes, those of the job's body. */
struct graph_piece {
	struct str text;
	uint64_t from, to;
};

struct graph_source {
	const struct courier_job *job;
	struct graph_piece pieces[GRAPH_PIECES_MAX];
	size_t count;
	uint64_t bytes;
};

/* Room was checked by who counts pieces: GRAPH_PIECES_MAX. */
void graph_source_add_text(struct graph_source *source, struct str text);
void graph_source_add_body(struct graph_source *source, uint64_t from, uint64_t to);
uint64_t graph_source_base64_bytes(const struct graph_source *source);

/* Up to `count` bytes, at `offset`: of the message, of it in base64, or of the job's body alone. How many: fewer only at the end.
 * -1: the file could not be read. */
ssize_t graph_source_read(const struct graph_source *source, uint64_t offset, char *into, size_t count);
ssize_t graph_source_base64(const struct graph_source *source, uint64_t offset, char *into, size_t count);
ssize_t graph_body_read(const struct courier_job *job, uint64_t offset, char *into, size_t count);

/* How far a part's base64 has been read. */
struct graph_cursor {
	uint64_t at;   /* in the job's body */
	uint64_t done; /* letters, or bytes */
};
/* Up to `room` letters of a part's base64, or bytes that it stands for, from the cursor on, which moves. -1: it cannot be read. */
ssize_t graph_part_letters(const struct courier_job *job, const struct graph_part *part, struct graph_cursor *cursor, char *into, size_t room);
ssize_t graph_part_bytes(const struct courier_job *job, const struct graph_part *part, struct graph_cursor *cursor, char *into, size_t room);

#endif
