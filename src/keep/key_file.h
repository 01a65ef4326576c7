/* key_file: a random key of the installation in a file of the state folder, made on first use (0600). */
#ifndef KEEP_KEY_FILE_H
#define KEEP_KEY_FILE_H

#include "base/fault.h"

#define KEY_FILE_BYTES 32

/* STATE/NAME, 64 hexadecimal digits. `make`: when it is not there it is made, whole or not at all, and never over another's. `damaged` is the N_() sentence
 * for one that is no key, with "%s" for the path and "%d" for the digits. */
enum outcome key_file_load(const char *state, const char *name, bool make, const char *damaged, unsigned char ret_key[KEY_FILE_BYTES],
			   struct fault *fault);
/* One that lies elsewhere and is not ours to make. */
enum outcome key_file_read(const char *path, const char *damaged, unsigned char ret_key[KEY_FILE_BYTES], struct fault *fault);

#endif
