/* cleanup: what a local holds is let go when its block ends: CLEANUP(cleanup_fd) int fd = … */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* For anything from malloc: CLEANUP(cleanup_free) char *text. */
static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_buf(struct buf *buf)
{
	buf_done(buf);
}

static inline void cleanup_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#endif
