/*
 * json_split: single objects cut from a stream of JSON, however large: an array of them, one a line, pages as Graph sends them
 * ({"value":[…]}), batches as an Event Hub does ({"records":[…]}), and any of these behind each other. It looks only at quotes and
 * brackets; whether an object is JSON all through is for who parses it. Pure.
 */
#ifndef DOMAIN_JSON_SPLIT_H
#define DOMAIN_JSON_SPLIT_H

#include "base/str.h"

enum json_cut {
	JSON_CUT_OBJECT, /* *ret_object: *ret_used bytes from the start */
	JSON_CUT_SKIP,   /* only *ret_used bytes of nothing: go on behind them */
	JSON_CUT_MORE,   /* go on when there is more behind `input` */
	JSON_CUT_BAD,    /* no object: go on behind *ret_used */
};

/* Where the stream stands between two objects. Starts zeroed. */
struct json_split {
	bool in_page; /* within a page's array: behind it come the rest of the page's members */
	bool in_tail;
};

/* `at_end`: nothing follows `input`. BAD with a sentence (N_()) in *ret_why. */
enum json_cut json_split_next(struct json_split *split, struct str input, bool at_end, struct str *ret_object, size_t *ret_used,
			      const char **ret_why);

#endif
