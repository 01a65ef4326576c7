/* random: from the kernel, for keys, salts, boundaries and jitter. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *ret_bytes, size_t count);
uint32_t random_below(uint32_t bound); /* 0 … bound-1, evenly; 0 when bound is 0 */

#endif
