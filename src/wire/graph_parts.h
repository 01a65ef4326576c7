/* graph_parts: the files of a message whose top is multipart/mixed, found as it streams by: where each stands, how many bytes it
 * has, and its name; so that a message too large for one request to Graph can go as a draft without them, and they behind it
 * (RFC 2045, 2046, 2183, 2231). Only base64 is taken for a file: it can be sent on as it stands. */
#ifndef WIRE_GRAPH_PARTS_H
#define WIRE_GRAPH_PARTS_H

#include "base/buf.h"
#include "base/str.h"

#define GRAPH_PARTS_MAX 128        /* files of one message; what is behind them stays in it */
#define GRAPH_PART_HEAD_MAX 65536
#define GRAPH_BOUNDARY_MAX 70      /* RFC 2046, 5.1.1 */

struct graph_part {
	uint64_t from, to;           /* of all, from its boundary to the next, in the message's body */
	uint64_t body_from, body_to; /* its base64 */
	uint64_t letters, bytes;     /* of base64 without line ends; of the file */
	char name[256], type[128];   /* UTF-8 */
};

struct graph_parts {
	struct graph_part part[GRAPH_PARTS_MAX];
	size_t count;
	size_t others;               /* parts that are no such files */
	bool ended;                  /* the last boundary was seen: a message without it is not taken apart */
	/* private */
	char boundary[GRAPH_BOUNDARY_MAX + 3];
	size_t boundary_len;
	uint64_t offset, line_at;
	char line[128];
	size_t line_len;
	struct buf head;
	unsigned state;
	struct graph_part now;
	uint64_t pads;
	uint64_t line_letters, line_pads; /* of the line so far: it may be a boundary */
	bool line_other, is_file, spoilt;
};

/* `head` is the header section. False: it is no multipart/mixed. `offset` is where the body begins. */
bool graph_parts_init(struct graph_parts *parts, struct str head, uint64_t offset);
void graph_parts_done(struct graph_parts *parts);
void graph_parts_feed(struct graph_parts *parts, struct str run); /* the next run of the body, cut anywhere */

#endif
