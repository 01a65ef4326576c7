/* file: every call on a file that must not fail unseen goes through here, so that tests can let each fail in turn
 * (the linker's --wrap). All return -1 with errno, as the calls they stand for; an interrupted call is made again. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/fault.h"

int file_create(int dir_fd, const char *name);             /* new, for writing, 0600; EEXIST when it is there */
int file_open(int dir_fd, const char *name);               /* for reading */
int file_nameless(const char *folder);                     /* new, for both, with no name there: gone with its descriptor */
int file_write(int fd, struct str bytes);                  /* all of them */
ssize_t file_read_at(int fd, void *ret_bytes, size_t count, uint64_t offset);
int file_sync(int fd);                                     /* fdatasync for a file, fsync for a folder's entries */
int file_rename(int dir_fd, const char *from, const char *to);
int file_remove(int dir_fd, const char *name);
int64_t file_size(int fd);
int folder_open(const char *path);                         /* an O_DIRECTORY descriptor */

/* Make `path` (0700) with what is missing above it. */
enum outcome folder_make(const char *path, struct fault *fault);

/* The whole of a small file. NEVER: absent, unreadable, or more than bytes_max. */
enum outcome file_load(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault);

/* Like file_load, but a file that others may read is refused. */
enum outcome file_load_private(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault);

/* Like file_load_private, for a secret in a line: without trailing CR and LF, and not empty. */
enum outcome file_load_secret(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault);

/* Write `bytes` beside `path`, sync, rename over it, sync the folder: after a crash the old or the new, whole. */
enum outcome file_replace(const char *path, struct str bytes, mode_t mode, struct fault *fault);

/* `path` itself when absolute, else below `folder`. False: too long, or a NUL in it. */
bool path_join(const char *folder, struct str path, size_t size, char *ret_path);

#endif
