/* import_source: a file, or standard input, seen through a window that moves over it: however long it is, only so much is in memory. */
#ifndef CLI_IMPORT_SOURCE_H
#define CLI_IMPORT_SOURCE_H

#include "base/buf.h"
#include "base/fault.h"

#define SOURCE_RECORD_BYTES_MAX (1u << 20)

struct source {
	const char *name; /* as given; "-" is standard input */
	int fd;
	bool is_file;     /* may be opened and read again */
	bool at_end;      /* the window holds what is left */
	struct buf window;
	size_t start;     /* what is before it in the window has been read */
	uint64_t line;    /* of what comes next, from 1 */
	uint64_t eaten, size; /* bytes; size 0: not known */
	int64_t changed_us;   /* when the file last changed; standard input: now */
};

/* `window_bytes_max` is the longest that it sees at once. Looks at the start: behind it the window holds some of the file, without a
 * byte order mark. NEVER: not there, unreadable, empty, compressed, or UTF-16. source_close() also after a failure. */
enum outcome source_open(const char *name, size_t window_bytes_max, struct source *ret_source, struct fault *fault);
void source_close(struct source *source);

struct str source_left(const struct source *source); /* until the next call */
void source_eat(struct source *source, size_t count);
/* Read on. LATER: the window is full, a record is longer than that. */
enum outcome source_more(struct source *source, struct fault *fault);

#endif
