#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 1024

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
	*arena = (struct arena){ .bytes_max = bytes_max };
}

void arena_free_all(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	arena->used = 0;
}

void *arena_take(struct arena *arena, size_t bytes)
{
	size_t aligned = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct arena_block *block = arena->blocks;

	if (aligned < bytes || aligned > arena->bytes_max - arena->used)
		return NULL;
	if (!block || block->cap - block->used < aligned) {
		size_t cap = aligned > BLOCK_BYTES ? aligned : BLOCK_BYTES;

		block = malloc(sizeof(*block) + cap);
		if (!block)
			return NULL;
		*block = (struct arena_block){ .next = arena->blocks, .cap = cap };
		arena->blocks = block;
	}
	block->used += aligned;
	arena->used += aligned;
	return memset(block->bytes + block->used - aligned, 0, aligned);
}

bool arena_keep(struct arena *arena, struct str from, struct str *ret_kept)
{
	char *copy = arena_take(arena, from.len + 1);

	if (!copy)
		return false;
	if (from.len)
		memcpy(copy, from.ptr, from.len);
	*ret_kept = (struct str){ copy, from.len };
	return true;
}
