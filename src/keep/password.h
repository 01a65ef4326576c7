/* password: verifiers of passwords. One that Sekisho made (80 random bits) is kept under a keyed fast hash and checked at
 * once; any other under argon2id (libsodium), which takes tens of milliseconds and is run on a worker. */
#ifndef KEEP_PASSWORD_H
#define KEEP_PASSWORD_H

#include "base/fault.h"
#include "base/str.h"

#define PASSWORD_KEY_BYTES 32
#define PASSWORD_GENERATED_LEN 16 /* of 32 characters: a-z 2-9 without l and o */
#define PASSWORD_VERIFIER_MAX 160
#define PASSWORD_MAX 1024

/* The installation's key, made on first use in STATE/password.key (0600). */
enum outcome password_key_load(const char *state, unsigned char ret_key[PASSWORD_KEY_BYTES], struct fault *fault);

void password_generate(char ret_password[PASSWORD_GENERATED_LEN + 1]);
/* "fast:…" for a generated one, "$argon2id$…" else. LATER: out of memory. NEVER: empty, too long, NUL. */
enum outcome password_verifier_make(const unsigned char key[PASSWORD_KEY_BYTES], struct str password, bool generated,
				    char ret_verifier[PASSWORD_VERIFIER_MAX], struct fault *fault);

bool password_is_fast(const char *verifier); /* may be checked on the loop */
/* Constant time for its kind. An empty or unknown verifier: false (run password_check_nobody to take the same time). */
bool password_check(const unsigned char key[PASSWORD_KEY_BYTES], const char *verifier, struct str password);
void password_check_nobody(struct str password); /* the work of one argon2id check, for names nobody has */

#endif
