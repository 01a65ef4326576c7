#include "domain/import.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sodium/crypto_generichash.h>

#define HASH_BYTES 16

bool import_name(struct str name, char ret_plain[IMPORT_NAME_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];

		if (byte < 0x80 && !isalnum(byte))
			continue;
		if (name.len - i >= 3 && memcmp(name.ptr + i, "\xe3\x80\x80", 3) == 0) { /* the full-width blank */
			i += 2;
			continue;
		}
		if (len + 1 == IMPORT_NAME_MAX)
			return false;
		ret_plain[len++] = (char)(byte < 0x80 ? tolower(byte) : byte);
	}
	ret_plain[len] = '\0';
	return true;
}

bool import_lower(struct str text, struct arena *arena, struct str *ret_lower)
{
	char *copy = arena_take(arena, text.len + 1);

	for (size_t i = 0; copy && i < text.len; i++)
		copy[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + ('a' - 'A') : text.ptr[i]);
	*ret_lower = (struct str){ copy, text.len };
	return copy;
}

bool import_id(const char *prefix, const struct str *parts, size_t count, struct arena *arena, struct str *ret_id)
{
	unsigned char hash[HASH_BYTES];
	crypto_generichash_state state;
	size_t size = strlen(prefix) + 2 * sizeof(hash) + 1;
	char *id = arena_take(arena, size);

	if (!id)
		return false;
	(void)crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	for (size_t i = 0; i < count; i++) {
		uint64_t len = parts[i].len; /* or "a","bc" would be "ab","c" */

		(void)crypto_generichash_update(&state, (const unsigned char *)&len, sizeof(len));
		(void)crypto_generichash_update(&state, (const unsigned char *)parts[i].ptr, parts[i].len);
	}
	(void)crypto_generichash_final(&state, hash, sizeof(hash));
	(void)snprintf(id, size, "%s", prefix);
	for (size_t i = 0; i < sizeof(hash); i++)
		(void)snprintf(id + strlen(prefix) + 2 * i, 3, "%02x", hash[i]);
	*ret_id = (struct str){ id, size - 1 };
	return true;
}
