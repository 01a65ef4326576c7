#include "courier/hold.h"

#include <assert.h>

#define WINDOW_MS 3600000u
#define BACK_OFF_FIRST_MS 900000u
#define BACK_OFF_MAX_MS 14400000u
#define TRIAL_MS 60000u

/*
 * So many of a kind within an hour hold a sender. Microsoft tells no figures; a sender that may not send as somebody will not be
 * allowed to at the third try, while among the recipients of an honest sender some are gone.
 */
static const unsigned errors_max[FAILURE_KIND_COUNT] = {
	[FAILURE_SEND_AS_DENIED] = 3,
	[FAILURE_MAILBOX_FULL] = 3,
	[FAILURE_TOO_MANY_RECIPIENTS] = 3,
	[FAILURE_INVALID_RECIPIENT] = HOLD_ERRORS_MAX,
};

uint64_t hold_wait_ms(const struct hold *hold, uint64_t now_ms)
{
	if (hold->kind == FAILURE_NO_KIND)
		return 0;
	if (now_ms < hold->until_ms)
		return hold->until_ms - now_ms;
	return hold->on_trial ? TRIAL_MS : 0;
}

void hold_begin(struct hold *hold)
{
	if (hold->kind != FAILURE_NO_KIND)
		hold->on_trial++;
}

/* Is the row of this kind full, all of it within the last hour? */
static bool is_row(struct hold *hold, enum failure_kind kind, uint64_t now_ms)
{
	unsigned count = errors_max[kind];
	uint64_t oldest_ms;

	hold->kinds[kind].errors_ms[hold->kinds[kind].next] = now_ms;
	hold->kinds[kind].next = (hold->kinds[kind].next + 1) % count;
	oldest_ms = hold->kinds[kind].errors_ms[hold->kinds[kind].next];
	return oldest_ms != 0 && now_ms - oldest_ms < WINDOW_MS;
}

static void close_for(struct hold *hold, enum failure_kind kind, uint64_t now_ms)
{
	uint64_t longer_ms = hold->back_off_ms ? 2 * hold->back_off_ms : BACK_OFF_FIRST_MS;

	hold->back_off_ms = longer_ms < BACK_OFF_MAX_MS ? longer_ms : BACK_OFF_MAX_MS;
	hold->kind = kind;
	hold->until_ms = now_ms + hold->back_off_ms;
}

bool hold_end(struct hold *hold, enum failure_kind kind, bool taken, uint64_t now_ms)
{
	bool was_on_trial = hold->on_trial > 0;

	assert(kind < FAILURE_KIND_COUNT);
	if (was_on_trial)
		hold->on_trial--;
	if (kind != FAILURE_NO_KIND) {
		bool row = is_row(hold, kind, now_ms ? now_ms : 1);

		/* Those that were under way already when it was held make it no longer. */
		if (hold->kind != FAILURE_NO_KIND ? !was_on_trial || hold->kind != kind : !row)
			return false;
		close_for(hold, kind, now_ms);
		return true;
	}
	if (taken && was_on_trial)
		hold_release(hold);
	return false;
}

void hold_release(struct hold *hold)
{
	unsigned on_trial = hold->on_trial;

	*hold = (struct hold){ .on_trial = on_trial };
}

bool hold_is_idle(const struct hold *hold, uint64_t now_ms)
{
	if (hold->kind != FAILURE_NO_KIND || hold->on_trial)
		return false;
	for (size_t kind = 1; kind < FAILURE_KIND_COUNT; kind++) {
		for (size_t i = 0; i < HOLD_ERRORS_MAX; i++) {
			uint64_t at_ms = hold->kinds[kind].errors_ms[i];

			if (at_ms != 0 && now_ms - at_ms < WINDOW_MS)
				return false;
		}
	}
	return true;
}
