/* arena: memory that lives and dies with one transaction. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used;
	size_t bytes_max;
};

void arena_init(struct arena *arena, size_t bytes_max); /* takes no memory yet */
void arena_free_all(struct arena *arena);               /* everything at once; may be used again */

/* Zeroed, aligned for any type. NULL: over the ceiling or out of memory; answer 452. */
void *arena_take(struct arena *arena, size_t bytes) __attribute__((warn_unused_result));

/* A copy with a closing NUL behind it. False: as above. */
bool arena_keep(struct arena *arena, struct str from, struct str *ret_kept) __attribute__((warn_unused_result));

#endif
