/* verified: credentials that were right a while ago, so that a copier that signs in for every page is not hashed for every page.
 * Kept as an HMAC under a key of this run of the process: worthless to whoever reads the memory of the next. */
#ifndef KEEPER_VERIFIED_H
#define KEEPER_VERIFIED_H

#include <stdint.h>

#include "base/str.h"

#define VERIFIED_KEY_BYTES 32

struct verified;

struct verified *verified_new(size_t entries_max, uint64_t lifetime_ms);
void verified_free(struct verified *verified);

/* The fingerprint of (account, its verifier, this password): a new verifier makes every older entry useless. */
void verified_key(const struct verified *verified, struct str address, struct str verifier, struct str password,
		  unsigned char ret_key[VERIFIED_KEY_BYTES]);
bool verified_has(struct verified *verified, const unsigned char key[VERIFIED_KEY_BYTES], uint64_t now_ms);
void verified_add(struct verified *verified, struct str address, const unsigned char key[VERIFIED_KEY_BYTES], uint64_t now_ms);
void verified_forget(struct verified *verified, struct str address);
size_t verified_count(const struct verified *verified);

#endif
