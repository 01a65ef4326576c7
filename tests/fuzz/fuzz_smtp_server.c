/* A whole session: what is said and asked is the same however the client's bytes are cut, and the rules of the stage hold (no credentials
 * in clear, no mail without a sign-in, only whole replies, nothing taken while an answer is due). The first two bytes choose the listener
 * and the story's answers. */
#include <stdlib.h>

#include "stage.h"

static const enum smtp_event_kind refusable[] = { SMTP_EVENT_SIGN_IN, SMTP_EVENT_SENDER, SMTP_EVENT_RECIPIENT,
						   SMTP_EVENT_DATA, SMTP_EVENT_BODY_END };

static void prepare(struct stage *stage, uint8_t listener, uint8_t story)
{
	*stage = (struct stage){ .options = stage_options() };
	stage->options.bare_newline = listener & 4 ? SMTP_BARE_NEWLINE_REJECT : SMTP_BARE_NEWLINE_NORMALIZE;
	stage->options.require_auth = !(listener & 8);
	stage->options.size_bytes_max = listener & 16 ? 50 : 100000;
	stage->options.errors_max = listener & 32 ? 3 : 50;
	stage->options.starttls = listener & 64;
	for (size_t i = 0; i < sizeof(refusable) / sizeof(*refusable); i++) {
		if (story & 1u << i)
			stage->answers[stage->answers_count++] =
				(struct stage_answer){ refusable[i], { .code = i ? 550 : 535, .text = STR("No") } };
	}
	stage_init(stage, listener & 1, listener & 2);
	if (listener & 128)
		smtp_server_trust(&stage->server);
}

static void play(struct stage *stage, struct str input, size_t piece)
{
	while (input.len > 0) {
		size_t len = input.len > piece ? piece : input.len;

		stage_send(stage, (struct str){ input.ptr, len });
		input = str_skip(input, len);
	}
	if (stage->broken)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data + 2, size - 2 };
	struct stage whole, bitten;

	if (size < 2)
		return 0;
	prepare(&whole, data[0], data[1]);
	play(&whole, input, SIZE_MAX);
	prepare(&bitten, data[0], data[1]);
	play(&bitten, input, (data[1] >> 5) + 1u);
	/* Two answers depend on what has come already, on purpose: bytes behind STARTTLS, and behind a DATA that is refused. */
	if (!whole.options.starttls && !whole.server.ahead && !bitten.server.ahead &&
	    !str_eq(buf_str(&whole.script), buf_str(&bitten.script)))
		abort();
	stage_done(&whole);
	stage_done(&bitten);
	return 0;
}
