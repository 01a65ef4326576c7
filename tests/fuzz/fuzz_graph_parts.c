/* However a message is cut into runs, the same files are found; they stand in order, within it, and have as many letters as said. */
#include <stdlib.h>
#include <string.h>

#include "wire/graph_parts.h"

static void find(struct str body, size_t bite, struct graph_parts *parts)
{
	if (!graph_parts_init(parts, STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n"), 0))
		abort();
	while (body.len > 0) {
		struct str run = { body.ptr, body.len < bite ? body.len : bite };

		graph_parts_feed(parts, run);
		body = str_skip(body, run.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct graph_parts whole, bitten, other;
	struct str body = { (const char *)data, size };
	uint64_t before = 0;

	find(body, SIZE_MAX, &whole);
	find(body, 1, &bitten);
	if (whole.count != bitten.count || whole.others != bitten.others || whole.ended != bitten.ended)
		abort();
	for (size_t i = 0; i < whole.count; i++) {
		const struct graph_part *part = &whole.part[i];
		uint64_t letters = 0;

		if (memcmp(part, &bitten.part[i], sizeof(*part)) != 0 || part->from < before || part->body_from <= part->from ||
		    part->body_to < part->body_from || part->to < part->body_to || part->to > size || !part->name[0])
			abort();
		before = part->to;
		for (uint64_t at = part->body_from; at < part->body_to; at++)
			letters += data[at] != '\r' && data[at] != '\n' && data[at] != ' ' && data[at] != '\t';
		if (letters != part->letters || part->bytes > letters)
			abort();
	}
	if (graph_parts_init(&other, body, 0))
		graph_parts_feed(&other, body);
	graph_parts_done(&whole);
	graph_parts_done(&bitten);
	graph_parts_done(&other);
	return 0;
}
