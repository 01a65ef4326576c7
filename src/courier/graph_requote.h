/* graph_requote: a message whose quoted-printable parts go to Graph as base64 (wire/requote), written anew into a file without a name, which is gone with
 * its last descriptor. What the spool has stays as it is. */
#ifndef COURIER_GRAPH_REQUOTE_H
#define COURIER_GRAPH_REQUOTE_H

#include "courier/courier.h"

struct graph_requoted {
	struct buf head;     /* the header section */
	int fd;              /* what stands behind it; -1: nothing was written anew */
	uint64_t bytes;
};

/* Could there be such parts? By the header section alone. */
bool graph_requote_is_worth(struct str head);
/* For a worker's thread. `from`: where the body stands in what the job has; `state`: the folder for the file, on whose disk so many bytes must stay free.
 * NULL: done, though perhaps nothing was to be written; else why it has to wait. */
const char *graph_requote(const struct courier_job *job, struct str head, uint64_t from, const char *state, uint64_t free_bytes_min,
			  struct graph_requoted *ret_requoted);
void graph_requoted_done(struct graph_requoted *requoted);

#endif
