/* table: a hash table from a run of bytes to a pointer. Keys are borrowed: they live in what they name. The hash is
 * keyed per process, so that nobody outside can choose keys that collide. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct table_slot {
	struct str key;
	void *value; /* NULL: free */
};

struct table {
	struct table_slot *slots;
	size_t count;
	size_t cap; /* a power of two, or 0 */
};

void table_init(struct table *table); /* takes no memory yet */
void table_done(struct table *table); /* the values stay their owner's */

void *table_find(const struct table *table, struct str key); /* NULL: none */

/* Put, or replace, `value` (never NULL) at `key`, which must live as long as it is in here. False: out of memory. */
bool table_put(struct table *table, struct str key, void *value) __attribute__((warn_unused_result));
void *table_take(struct table *table, struct str key); /* out of the table; NULL: was not in */

/* Each value once, in no order: size_t at = 0; while ((value = table_next(table, &at))) … No change meanwhile. */
void *table_next(const struct table *table, size_t *at);

#define TABLE_KEY(object) ((struct str){ (const char *)&(object), sizeof(object) }) /* a number as a key */

#endif
