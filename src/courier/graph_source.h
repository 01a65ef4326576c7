/* graph_source: a message as the body of a request: a header section made for Graph in front of what the spool holds, in base64,
 * from any offset on and without a copy of either. */
#ifndef COURIER_GRAPH_SOURCE_H
#define COURIER_GRAPH_SOURCE_H

#include <sys/types.h>

#include "courier/courier.h"

struct graph_source {
	struct str head;           /* in place of the first `body_from` bytes of the job's */
	uint64_t body_from;
	const struct courier_job *job;
};

uint64_t graph_source_bytes(const struct graph_source *source);        /* of the message */
uint64_t graph_source_base64_bytes(const struct graph_source *source); /* of the same in base64 */

/* Up to `count` bytes of the message, of the job's body alone, or of the message in base64, at `offset`. How many: fewer only at
 * the end. -1: the file could not be read. */
ssize_t graph_source_read(const struct graph_source *source, uint64_t offset, char *into, size_t count);
ssize_t graph_body_read(const struct courier_job *job, uint64_t offset, char *into, size_t count);
ssize_t graph_source_base64(const struct graph_source *source, uint64_t offset, char *into, size_t count);

#endif
