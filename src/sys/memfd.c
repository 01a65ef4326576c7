#include "sys/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

enum outcome memfd_make(struct str bytes, int *ret_fd, struct fault *fault)
{
	int fd = memfd_create("sekisho", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return fault_errno(fault, "make", "a memory file");
	if (file_write(fd, bytes) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == -1) {
		(void)fault_errno(fault, "write", "a memory file");
		(void)close(fd);
		return OUTCOME_LATER;
	}
	*ret_fd = fd;
	return OUTCOME_OK;
}

enum outcome memfd_read(int fd, size_t bytes_max, struct buf *ret_bytes, struct fault *fault)
{
	int64_t size = file_size(fd);
	char *room;

	buf_init(ret_bytes, bytes_max);
	if (size < 0)
		return fault_errno(fault, "look at", "a memory file");
	room = (uint64_t)size <= bytes_max ? buf_room(ret_bytes, (size_t)size) : NULL;
	if (!room && size > 0)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for %lld bytes of settings"), (long long)size);
	if (file_read_at(fd, room, (size_t)size, 0) != size)
		return fault_errno(fault, "read", "a memory file");
	buf_grew(ret_bytes, (size_t)size);
	return OUTCOME_OK;
}
