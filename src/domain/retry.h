/* retry: when a message is tried again. */
#ifndef DOMAIN_RETRY_H
#define DOMAIN_RETRY_H

#include <stdint.h>

/* Wait before attempt `attempts`+1 (attempts ≥ 1 were made): first, doubled each time up to `seconds_max`, with ±20 % jitter from
 * `random` (any 32 bits). In milliseconds. */
uint64_t retry_wait_ms(unsigned attempts, uint64_t first_seconds, uint64_t seconds_max, uint32_t random);

#endif
