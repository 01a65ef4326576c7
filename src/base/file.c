#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/random.h"

#define PATH_BYTES_MAX 4096

int file_create(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int file_open(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int file_nameless(const char *folder)
{
	char name[PATH_BYTES_MAX];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd != -1 || errno != EOPNOTSUPP)
		return fd;
	/* Some file systems have no such files: one that loses its name at once. */
	if (!path_join(folder, STR(".nameless-XXXXXX"), sizeof(name), name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd != -1)
		(void)unlink(name);
	return fd;
}

int file_write(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t written = write(fd, bytes.ptr, bytes.len);

		if (written == -1 && errno == EINTR)
			continue;
		if (written == -1)
			return -1;
		bytes = str_skip(bytes, (size_t)written);
	}
	return 0;
}

ssize_t file_read_at(int fd, void *ret_bytes, size_t count, uint64_t offset)
{
	ssize_t got;

	do {
		got = pread(fd, ret_bytes, count, (off_t)offset);
	} while (got == -1 && errno == EINTR);
	return got;
}

int file_sync(int fd)
{
	struct stat about;

	if (fstat(fd, &about) == -1)
		return -1;
	return S_ISDIR(about.st_mode) ? fsync(fd) : fdatasync(fd);
}

int file_rename(int dir_fd, const char *from, const char *to)
{
	return renameat(dir_fd, from, dir_fd, to);
}

int file_remove(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0);
}

int64_t file_size(int fd)
{
	struct stat about;

	return fstat(fd, &about) == -1 ? -1 : about.st_size;
}

int folder_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum outcome folder_make(const char *path, struct fault *fault)
{
	char part[PATH_BYTES_MAX];

	if (!str_copy(str_of(path), sizeof(part), part))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_BYTES_MAX, path);
	for (char *at = part + 1; at[-1]; at++) {
		char was = *at;

		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		if (mkdir(part, 0700) == -1 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return fault_errno(fault, "make folder", part);
		*at = was;
	}
	if (access(path, W_OK | X_OK) == -1)
		return fault_errno(fault, "write in folder", path);
	return OUTCOME_OK;
}

static enum outcome load_from(int fd, const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault)
{
	for (;;) {
		char chunk[4096];
		ssize_t got = file_read_at(fd, chunk, sizeof(chunk), ret_bytes->len);

		if (got == -1)
			return fault_errno(fault, "read", path);
		if (got == 0)
			return OUTCOME_OK;
		if (ret_bytes->len + (size_t)got > bytes_max)
			return fault_set(fault, OUTCOME_NEVER, N_("%s has more than %zu bytes"), path, bytes_max);
		if (!buf_add(ret_bytes, (struct str){ chunk, (size_t)got }))
			return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), path);
	}
}

enum outcome file_load(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_init(ret_bytes, bytes_max + 1); /* so that the caller may always let it go */
	if (fd == -1)
		return fault_errno(fault, "open", path);
	return load_from(fd, path, bytes_max, ret_bytes, fault);
}

enum outcome file_load_private(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;
	enum outcome outcome;

	buf_init(ret_bytes, bytes_max + 1);
	if (fd == -1)
		return fault_errno(fault, "open", path);
	if (fstat(fd, &about) == -1)
		return fault_errno(fault, "look at", path);
	if (S_ISREG(about.st_mode) && (about.st_mode & S_IRWXO))
		return fault_set(fault, OUTCOME_NEVER, N_("everybody may read the secret in %s; run: chmod 600 %s"), path, path);
	outcome = load_from(fd, path, bytes_max, ret_bytes, fault);
	if (outcome != OUTCOME_OK)
		buf_wipe(ret_bytes);
	return outcome;
}

enum outcome file_load_secret(const char *path, size_t bytes_max, struct buf *ret_bytes, struct fault *fault)
{
	enum outcome outcome = file_load_private(path, bytes_max, ret_bytes, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	while (ret_bytes->len > 0 && strchr("\r\n", ret_bytes->ptr[ret_bytes->len - 1]))
		ret_bytes->len--;
	if (ret_bytes->len == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("the secret in %s is empty"), path);
	return OUTCOME_OK;
}

enum outcome file_replace(const char *path, struct str bytes, mode_t mode, struct fault *fault)
{
	char temp[PATH_BYTES_MAX];
	char folder[PATH_BYTES_MAX];
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_fd) int folder_fd = -1;
	CLEANUP(cleanup_fd) int fd = -1;

	if (!str_copy(slash ? (struct str){ path, (size_t)(slash - path + 1) } : STR("."), sizeof(folder), folder) ||
	    (size_t)snprintf(temp, sizeof(temp), "%s.%08x", path, random_below(UINT32_MAX)) >= sizeof(temp))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_BYTES_MAX, path);
	folder_fd = folder_open(folder);
	if (folder_fd == -1)
		return fault_errno(fault, "open folder", folder);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		return fault_errno(fault, "create", temp);
	if (file_write(fd, bytes) == -1 || file_sync(fd) == -1 || file_rename(AT_FDCWD, temp, path) == -1 ||
	    file_sync(folder_fd) == -1) {
		fault_errno(fault, "write", path);
		(void)unlink(temp);
		return fault ? fault->outcome : OUTCOME_LATER;
	}
	return OUTCOME_OK;
}

bool path_join(const char *folder, struct str path, size_t size, char *ret_path)
{
	int len;

	if (str_find(path, '\0') < path.len)
		return false;
	if (path.len > 0 && path.ptr[0] == '/')
		return str_copy(path, size, ret_path);
	len = snprintf(ret_path, size, "%s/%.*s", folder, STR_ARG(path));
	return len >= 0 && (size_t)len < size && strlen(ret_path) == (size_t)len;
}
