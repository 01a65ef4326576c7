/* However a message is cut into runs, the same header section comes out; and read again, it names nobody whom the envelope does
 * not, and nothing is left to change. */
#include <stdlib.h>
#include <string.h>

#include "wire/graph_answer.h"
#include "wire/graph_mime.h"

static void print_head(struct str message, size_t bite, struct buf *out, struct graph_mime_outcome *outcome)
{
	static const char *const envelope[] = { "a@x.example", "b@y.example", "\"q r\"@x.example" };
	struct graph_mime mime;

	if (!graph_mime_init(&mime, 3))
		abort();
	for (size_t i = 0; i < 3; i++) {
		if (!graph_mime_recipient(&mime, str_of(envelope[i])))
			abort();
	}
	while (message.len > 0) {
		struct str run = { message.ptr, message.len < bite ? message.len : bite };
		size_t used;

		if (graph_mime_feed(&mime, run, &used) != PARSE_MORE)
			break;
		message = str_skip(message, run.len);
	}
	buf_init(out, 4u << 20);
	if (!graph_mime_print(&mime, out, outcome))
		abort();
	graph_mime_done(&mime);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct graph_mime_outcome whole_outcome, bitten_outcome, again_outcome;
	struct graph_error error;
	struct buf whole, bitten, again;
	char text[64];

	print_head(input, SIZE_MAX, &whole, &whole_outcome);
	print_head(input, 1, &bitten, &bitten_outcome);
	if (!str_eq(buf_str(&whole), buf_str(&bitten)) || whole_outcome.foreign != bitten_outcome.foreign)
		abort();
	print_head(buf_str(&whole), SIZE_MAX, &again, &again_outcome);
	if (again_outcome.foreign != 0 || again_outcome.added != 0 || !str_eq(buf_str(&again), buf_str(&whole)))
		abort();
	(void)graph_error_parse(input, &error);
	(void)graph_member(input, "id", sizeof(text), text);
	buf_done(&whole);
	buf_done(&bitten);
	buf_done(&again);
	return 0;
}
