/*
 * vault: secrets that the gateway itself was given and must keep, such as refresh tokens: STATE/vault, sealed by XChaCha20-Poly1305 with
 * STATE/vault.key or systemd's credential "vault.key". A value that is replaced stays beside the new one until the next change, so that
 * whatever happened in between, one of the two still works. Not for two threads at once.
 */
#ifndef KEEP_VAULT_H
#define KEEP_VAULT_H

#include "base/fault.h"
#include "base/str.h"

#define VAULT_ENTRIES_MAX 256
#define VAULT_VALUE_MAX 16384

struct vault;

struct vault_view {
	struct str value;   /* borrowed until the next call on the vault */
	struct str before;  /* what it replaced; empty: nothing */
	int64_t changed_us;
};

/* Touches no file yet. NULL: out of memory. */
struct vault *vault_new(const char *state);
void vault_free(struct vault *vault); /* wipes what it holds */

/* NEVER: the file is there and cannot be opened (another key, damaged, newer, readable by all): a sentence. OK with an empty value: no such entry. */
enum outcome vault_get(struct vault *vault, struct str name, struct vault_view *ret_view, struct fault *fault);

/* Durable on OK. On LATER (the disk) the new value is kept in memory, and written by the next vault_put or vault_sync. `now_us` since 1970. */
enum outcome vault_put(struct vault *vault, struct str name, struct str value, int64_t now_us, struct fault *fault);
/* Likewise, but nothing of what was there stays beside it: that may be another person's. */
enum outcome vault_put_anew(struct vault *vault, struct str name, struct str value, int64_t now_us, struct fault *fault);
enum outcome vault_remove(struct vault *vault, struct str name, struct fault *fault);
/* Write what could not be written so far. */
enum outcome vault_sync(struct vault *vault, struct fault *fault);

#endif
