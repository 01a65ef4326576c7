#include "keeper/verified.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include "base/random.h"
#include "base/table.h"

/* One entry an account: a device has one password. */
struct entry {
	char *address;
	unsigned char key[VERIFIED_KEY_BYTES];
	uint64_t until_ms;
};

struct verified {
	unsigned char secret[crypto_generichash_KEYBYTES];
	struct table by_key;     /* of struct entry */
	struct table by_address; /* the same */
	size_t entries_max;
	uint64_t lifetime_ms;
};

struct verified *verified_new(size_t entries_max, uint64_t lifetime_ms)
{
	struct verified *verified = calloc(1, sizeof(*verified));

	if (!verified)
		return NULL;
	random_bytes(verified->secret, sizeof(verified->secret));
	verified->entries_max = entries_max;
	verified->lifetime_ms = lifetime_ms;
	return verified;
}

static void drop(struct verified *verified, struct entry *entry)
{
	(void)table_take(&verified->by_key, TABLE_KEY(entry->key));
	(void)table_take(&verified->by_address, str_of(entry->address));
	sodium_memzero(entry->key, sizeof(entry->key));
	free(entry->address);
	free(entry);
}

void verified_free(struct verified *verified)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&verified->by_address, &at))) {
		drop(verified, entry);
		at = 0;
	}
	table_done(&verified->by_key);
	table_done(&verified->by_address);
	sodium_memzero(verified->secret, sizeof(verified->secret));
	free(verified);
}

static void hash_part(crypto_generichash_state *state, struct str part)
{
	uint64_t len = part.len; /* so that ("ab","c") and ("a","bc") differ */

	(void)crypto_generichash_update(state, (const unsigned char *)&len, sizeof(len));
	(void)crypto_generichash_update(state, (const unsigned char *)part.ptr, part.len);
}

void verified_key(const struct verified *verified, struct str address, struct str verifier, struct str password,
		  unsigned char ret_key[VERIFIED_KEY_BYTES])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, verified->secret, sizeof(verified->secret), VERIFIED_KEY_BYTES);
	hash_part(&state, address);
	hash_part(&state, verifier);
	hash_part(&state, password);
	(void)crypto_generichash_final(&state, ret_key, VERIFIED_KEY_BYTES);
	sodium_memzero(&state, sizeof(state));
}

bool verified_has(struct verified *verified, const unsigned char key[VERIFIED_KEY_BYTES], uint64_t now_ms)
{
	struct entry *entry = table_find(&verified->by_key, (struct str){ (const char *)key, VERIFIED_KEY_BYTES });

	if (entry && now_ms >= entry->until_ms) {
		drop(verified, entry);
		return false;
	}
	return entry != NULL;
}

void verified_add(struct verified *verified, struct str address, const unsigned char key[VERIFIED_KEY_BYTES], uint64_t now_ms)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	size_t at = 0;

	verified_forget(verified, address);
	if (verified->entries_max == 0) { /* the administrator wants each sign-in hashed */
		free(entry);
		return;
	}
	if (verified->by_address.count >= verified->entries_max)
		drop(verified, table_next(&verified->by_address, &at)); /* any: the hash order is as good as random */
	if (!entry)
		return;
	memcpy(entry->key, key, VERIFIED_KEY_BYTES);
	entry->until_ms = now_ms + verified->lifetime_ms;
	entry->address = str_dup(address);
	if (!entry->address || !table_put(&verified->by_address, str_of(entry->address), entry)) {
		free(entry->address);
		free(entry);
		return;
	}
	if (!table_put(&verified->by_key, TABLE_KEY(entry->key), entry))
		drop(verified, entry);
}

void verified_forget(struct verified *verified, struct str address)
{
	struct entry *entry = table_find(&verified->by_address, address);

	if (entry)
		drop(verified, entry);
}

size_t verified_count(const struct verified *verified)
{
	return verified->by_address.count;
}
