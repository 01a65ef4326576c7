#include "domain/retry.h"

#define JITTER_PARTS 5 /* a fifth either way */

uint64_t retry_wait_ms(unsigned attempts, uint64_t first_seconds, uint64_t seconds_max, uint32_t random)
{
	uint64_t seconds = first_seconds;
	uint64_t wait_ms;
	uint64_t jitter_ms;

	for (unsigned i = 1; i < attempts && seconds < seconds_max; i++)
		seconds *= 2;
	if (seconds > seconds_max)
		seconds = seconds_max;
	wait_ms = seconds * 1000;
	jitter_ms = wait_ms / JITTER_PARTS;
	return wait_ms - jitter_ms + random % (2 * jitter_ms + 1);
}
