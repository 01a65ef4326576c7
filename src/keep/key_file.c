#include "keep/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/random.h"

#define TEXT_LEN (2 * KEY_FILE_BYTES)
#define TEXT_BYTES_MAX 4096
#define PATH_BYTES 4096

/* Whole or not at all, and never over one that is there: two processes may start at once. */
static enum outcome make_key(int dir_fd, const char *name, const char *path, struct fault *fault)
{
	unsigned char key[KEY_FILE_BYTES];
	char text[TEXT_LEN + 1];
	char temp[128];
	int error;
	CLEANUP(cleanup_fd) int fd = -1;

	(void)snprintf(temp, sizeof(temp), "%s.%08x", name, random_below(UINT32_MAX));
	fd = file_create(dir_fd, temp);
	if (fd == -1)
		return fault_errno(fault, "create", path);
	random_bytes(key, sizeof(key));
	(void)sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	error = 0;
	if (file_write(fd, (struct str){ text, TEXT_LEN }) == -1 || file_sync(fd) == -1 ||
	    (linkat(dir_fd, temp, dir_fd, name, 0) == -1 && errno != EEXIST))
		error = errno;
	sodium_memzero(text, sizeof(text));
	(void)file_remove(dir_fd, temp);
	if (!error && file_sync(dir_fd) == -1)
		error = errno;
	errno = error;
	return error ? fault_errno(fault, "write", path) : OUTCOME_OK;
}

enum outcome key_file_read(const char *path, const char *damaged, unsigned char ret_key[KEY_FILE_BYTES], struct fault *fault)
{
	struct buf text;
	size_t bytes = 0;
	enum outcome outcome = file_load_secret(path, TEXT_BYTES_MAX, &text, fault);

	if (outcome == OUTCOME_OK &&
	    (text.len != TEXT_LEN || sodium_hex2bin(ret_key, KEY_FILE_BYTES, text.ptr, text.len, NULL, &bytes, NULL) == -1 ||
	     bytes != KEY_FILE_BYTES)) {
		sodium_memzero(ret_key, KEY_FILE_BYTES);
		outcome = fault_set(fault, OUTCOME_NEVER, damaged, path, TEXT_LEN);
	}
	buf_wipe(&text);
	return outcome;
}

enum outcome key_file_load(const char *state, const char *name, bool make, const char *damaged, unsigned char ret_key[KEY_FILE_BYTES],
			   struct fault *fault)
{
	char path[PATH_BYTES];
	CLEANUP(cleanup_fd) int dir_fd = folder_open(state);

	if (sodium_init() == -1)
		return fault_set(fault, OUTCOME_NEVER, N_("libsodium cannot be used on this machine"));
	if (dir_fd == -1)
		return fault_errno(fault, "open folder", state);
	if (!path_join(state, str_of(name), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(path), state);
	if (make && faccessat(dir_fd, name, F_OK, AT_EACCESS) == -1 && errno == ENOENT && make_key(dir_fd, name, path, fault) != OUTCOME_OK)
		return fault ? fault->outcome : OUTCOME_LATER;
	return key_file_read(path, damaged, ret_key, fault);
}
