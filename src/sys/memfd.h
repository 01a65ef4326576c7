/* memfd: bytes handed to another process as a descriptor, without a file. */
#ifndef SYS_MEMFD_H
#define SYS_MEMFD_H

#include "base/buf.h"
#include "base/fault.h"

/* Sealed: nobody can change it any more. */
enum outcome memfd_make(struct str bytes, int *ret_fd, struct fault *fault);
enum outcome memfd_read(int fd, size_t bytes_max, struct buf *ret_bytes, struct fault *fault);

#endif
