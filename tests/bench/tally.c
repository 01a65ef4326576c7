#include "tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "options.h"

uint64_t tally_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

void series_add(struct series *series, uint64_t us)
{
	if (series->count == series->size) {
		series->size = series->size ? series->size * 2 : 1024;
		series->us = reallocarray(series->us, series->size, sizeof(*series->us));
		if (!series->us)
			options_die(1, "out of memory");
	}
	series->us[series->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The smallest time that `percent` of all do not exceed, in milliseconds. */
static double percentile_ms(const struct series *series, size_t percent)
{
	size_t rank = (series->count * percent + 99) / 100;

	return series->us[rank ? rank - 1 : 0] / 1000.0;
}

void series_print(struct series *series, FILE *out)
{
	double sum_ms = 0;

	if (!series->count) {
		fputs("{\"count\":0}", out);
		return;
	}
	for (size_t i = 0; i < series->count; i++)
		sum_ms += series->us[i] / 1000.0;
	qsort(series->us, series->count, sizeof(*series->us), by_size);
	fprintf(out,
	        "{\"count\":%zu,\"mean\":%.3f,\"p50\":%.3f,\"p90\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%."
	        "3f}",
	        series->count, sum_ms / (double)series->count, percentile_ms(series, 50),
	        percentile_ms(series, 90), percentile_ms(series, 95), percentile_ms(series, 99),
	        percentile_ms(series, 100));
}

void failures_add(struct failures *failures, const char *text)
{
	size_t i;

	failures->total++;
	for (i = 0; i < failure_kinds_max - 1; i++) {
		if (!failures->kinds[i].count)
			(void)snprintf(failures->kinds[i].text, failure_bytes_max, "%s", text);
		if (strncmp(failures->kinds[i].text, text, failure_bytes_max - 1) == 0)
			break;
	}
	if (i == failure_kinds_max - 1)
		(void)snprintf(failures->kinds[i].text, failure_bytes_max, "other");
	failures->kinds[i].count++;
}

static void print_text(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < ' ' || byte > '~')
			fputc('?', out);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

void failures_print(const struct failures *failures, FILE *out)
{
	const char *comma = "";

	fputc('{', out);
	for (size_t i = 0; i < failure_kinds_max && failures->kinds[i].count; i++) {
		fputs(comma, out);
		print_text(failures->kinds[i].text, out);
		fprintf(out, ":%" PRIu64, failures->kinds[i].count);
		comma = ",";
	}
	fputc('}', out);
}
