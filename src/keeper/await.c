#include "keeper/await.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "keeper/commit.h"
#include "keeper/dispatch.h"

#define TEXT_BYTES_MAX 400 /* of a reply's line, with code and event ID within RFC 5321, 4.5.3.1.5 */

struct await {
	struct keeper *keeper;
	struct way_back way;
	uint64_t id;
	uv_timer_t deadline;
	char event_id[16];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void await_end(struct await *await)
{
	uv_close((uv_handle_t *)&await->deadline, on_closed);
}

static bool say_queued(const struct await *await)
{
	return commit_answer(await->keeper, &await->way,
			     &(struct ask_answer){ .good = true, .code = 250, .enhanced = STR("2.0.0"), .text = STR("OK queued") },
			     await->event_id);
}

/* "550 5.1.1 words" as the upstream said it. Whatever is no such reply are our own words. */
static bool say_refused(const struct await *await, struct str reply)
{
	struct ask_answer answer = { .code = 554, .enhanced = STR("5.0.0") };
	struct str rest = reply;
	struct str code_text = str_cut(&rest, ' ');
	char text[TEXT_BYTES_MAX];
	uint64_t code;

	if (code_text.len == 3 && str_to_u64(code_text, 599, &code) && code >= 500) {
		struct str after = rest;
		struct str enhanced = str_cut(&after, ' ');

		answer.code = (uint32_t)code;
		if (str_starts(enhanced, STR("5."))) {
			answer.enhanced = enhanced;
			rest = after;
		}
	} else {
		rest = reply;
	}
	rest.len = rest.len < sizeof(text) ? rest.len : sizeof(text);
	for (size_t i = 0; i < rest.len; i++)
		text[i] = rest.ptr[i] >= ' ' && rest.ptr[i] < 0x7f ? rest.ptr[i] : '?';
	answer.text = (struct str){ text, rest.len };
	return commit_answer(await->keeper, &await->way, &answer, await->event_id);
}

static bool on_word(void *context, enum dispatch_word word, struct str reply)
{
	struct await *await = context;
	bool told;

	switch (word) {
	case DISPATCH_TAKEN:
		told = commit_answer(await->keeper, &await->way,
				     &(struct ask_answer){ .good = true, .code = 250, .enhanced = STR("2.0.0"), .text = STR("OK delivered") },
				     await->event_id);
		break;
	case DISPATCH_REFUSED:
		told = say_refused(await, reply);
		break;
	case DISPATCH_LATER:
	default:
		told = say_queued(await);
		break;
	}
	await_end(await);
	return told;
}

static void on_time(uv_timer_t *timer)
{
	struct await *await = timer->data;

	dispatch_unwatch(await->keeper->dispatch, await->id);
	log_event(LOG_LEVEL_INFO, "the upstream's word did not come in time", LOG_TEXT("id", await->event_id));
	(void)say_queued(await);
	await_end(await);
}

bool await_begin(struct keeper *keeper, const struct way_back *way, uint64_t id, const char *event_id)
{
	uint64_t wait_ms = keeper->settings->limits.answer_upstream_seconds_max * 1000;
	struct await *await = calloc(1, sizeof(*await));

	if (!await)
		return false;
	*await = (struct await){ .keeper = keeper, .way = *way, .id = id };
	(void)str_copy(str_of(event_id), sizeof(await->event_id), await->event_id);
	if (!dispatch_watch(keeper->dispatch, id, wait_ms, on_word, await)) {
		free(await);
		return false;
	}
	await->deadline.data = await;
	(void)uv_timer_init(&keeper->loop.uv, &await->deadline);
	(void)uv_timer_start(&await->deadline, on_time, wait_ms, 0);
	return true;
}
