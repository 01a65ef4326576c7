#include "base/random.h"

#include <sodium/randombytes.h>

void random_bytes(void *ret_bytes, size_t count)
{
	randombytes_buf(ret_bytes, count);
}

uint32_t random_below(uint32_t bound)
{
	return bound ? randombytes_uniform(bound) : 0;
}
