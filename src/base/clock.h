/* clock: what time it is, and how it is written. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Since the start of the machine; never jumps: for deadlines and waits. */
uint64_t clock_monotonic_us(void);
uint64_t clock_monotonic_ms(void);

/* Since 1970, UTC; may jump when somebody sets it: for what people read. */
int64_t clock_real_us(void);
int64_t clock_real_ms(void);

#define CLOCK_RFC3339_MAX 96
#define CLOCK_RFC5322_MAX 96

/* "2026-11-24T08:30:00.123456Z" from microseconds since 1970 (RFC 3339). */
void clock_rfc3339_print(int64_t real_us, char ret_text[CLOCK_RFC3339_MAX]);

/* "Tue, 24 Nov 2026 08:30:00 +0000" (RFC 5322, 3.3), in UTC. */
void clock_rfc5322_print(int64_t real_us, char ret_text[CLOCK_RFC5322_MAX]);

/* RFC 3339 with any fraction and zone, or a bare "2026-11-24" (midnight UTC). False: another form or no such date. */
bool clock_rfc3339_parse(struct str text, int64_t *ret_real_us);

/* "90s", "15m", "1h", "7d", "2w" → microseconds. False: another form. */
bool clock_span_parse(struct str text, int64_t *ret_us);

#endif
