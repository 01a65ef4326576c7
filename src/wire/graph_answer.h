/* graph_answer: what Microsoft Graph says in JSON: an error's code and words, or where something now is. */
#ifndef WIRE_GRAPH_ANSWER_H
#define WIRE_GRAPH_ANSWER_H

#include <stdbool.h>

#include "base/str.h"

#define GRAPH_ANSWER_MAX 262144 /* bytes: a draft comes back with its body */

/* {"error":{"code":…,"message":…}}: fit for people's eyes, cut; "" what is not there. */
struct graph_error {
	char code[96];
	char message[400];
};

/* False: no such JSON; then both are empty. */
bool graph_error_parse(struct str body, struct graph_error *ret_error);

/* A text member of the answer's object ("id" of a draft, "uploadUrl" of a session). False: absent, empty, or longer than `size`. */
bool graph_member(struct str body, const char *name, size_t size, char *ret_text);

/* Add `text` as one part of a path (RFC 3986, 2.1): all but letters, digits and - . _ ~ @ as %XX. False: no room. */
struct buf;
bool graph_path_print(struct buf *out, struct str text) __attribute__((warn_unused_result));

#endif
