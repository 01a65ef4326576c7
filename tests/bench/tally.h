/* tally: what a run measured: times with their percentiles, and failures counted by what was said. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { failure_kinds_max = 24, failure_bytes_max = 160 };

/* series: every time measured, in microseconds. */
struct series {
	uint32_t *us;
	size_t count;
	size_t size;
};

/* failures: how often each happened; those past the last kind are counted as "other". */
struct failures {
	struct {
		char text[failure_bytes_max];
		uint64_t count;
	} kinds[failure_kinds_max];
	uint64_t total;
};

/* Microseconds of the monotonic clock. */
uint64_t tally_now_us(void);

void series_add(struct series *series, uint64_t us);

/* Prints {"count":…,"mean":…,"p50":…,"p90":…,"p95":…,"p99":…,"max":…} in milliseconds; sorts the series. */
void series_print(struct series *series, FILE *out);

void failures_add(struct failures *failures, const char *text);

/* Prints {"text":count,…}. */
void failures_print(const struct failures *failures, FILE *out);

#endif
