#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/crypto_shorthash.h>

#include "base/random.h"

#define FIRST_SLOTS 16

static size_t hash_of(struct str key)
{
	static unsigned char secret[crypto_shorthash_KEYBYTES];
	static bool known;
	unsigned char bytes[crypto_shorthash_BYTES];
	size_t hash;

	if (!known) { /* every process fills its own before it has threads: tables are used on the loop only */
		random_bytes(secret, sizeof(secret));
		known = true;
	}
	(void)crypto_shorthash(bytes, (const unsigned char *)key.ptr, key.len, secret);
	memcpy(&hash, bytes, sizeof(hash));
	return hash;
}

void table_init(struct table *table)
{
	*table = (struct table){ 0 };
}

void table_done(struct table *table)
{
	free(table->slots);
	table_init(table);
}

/* Where `key` is, or the free slot where it would go. */
static struct table_slot *slot_of(const struct table *table, struct str key)
{
	size_t at = hash_of(key) & (table->cap - 1);

	while (table->slots[at].value && !str_eq(table->slots[at].key, key))
		at = (at + 1) & (table->cap - 1);
	return &table->slots[at];
}

void *table_find(const struct table *table, struct str key)
{
	return table->cap ? slot_of(table, key)->value : NULL;
}

static bool grow(struct table *table)
{
	struct table bigger = { .cap = table->cap ? table->cap * 2 : FIRST_SLOTS, .count = table->count };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < table->cap; i++) {
		if (table->slots[i].value)
			*slot_of(&bigger, table->slots[i].key) = table->slots[i];
	}
	free(table->slots);
	*table = bigger;
	return true;
}

bool table_put(struct table *table, struct str key, void *value)
{
	struct table_slot *slot;

	if (table->count * 4 >= table->cap * 3 && !grow(table))
		return false;
	slot = slot_of(table, key);
	if (!slot->value)
		table->count++;
	*slot = (struct table_slot){ key, value };
	return true;
}

void *table_take(struct table *table, struct str key)
{
	struct table_slot *slot = table->cap ? slot_of(table, key) : NULL;
	void *value = slot ? slot->value : NULL;
	size_t hole;

	if (!value)
		return NULL;
	hole = (size_t)(slot - table->slots);
	table->count--;
	/* Close the gap (Knuth 6.4, algorithm R): a later key whose own place is before the hole moves into it. */
	for (size_t at = (hole + 1) & (table->cap - 1); table->slots[at].value; at = (at + 1) & (table->cap - 1)) {
		size_t home = hash_of(table->slots[at].key) & (table->cap - 1);

		if (((at - home) & (table->cap - 1)) >= ((at - hole) & (table->cap - 1))) {
			table->slots[hole] = table->slots[at];
			hole = at;
		}
	}
	table->slots[hole] = (struct table_slot){ 0 };
	return value;
}

void *table_next(const struct table *table, size_t *at)
{
	while (*at < table->cap) {
		void *value = table->slots[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}
