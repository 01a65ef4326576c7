#include "courier/hold.h"

#include <assert.h>
#include <inttypes.h>

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

/* --- over a restart --- */

/* "CAUSE SINCE-US UNTIL-US BACK-OFF-MS", a line end, and the reply. */
bool hold_note_print(const struct hold_note *note, struct buf *out)
{
	return buf_add_format(out, "%s %" PRId64 " %" PRId64 " %" PRIu64 "\n", failure_kind_name(note->kind), note->since_us, note->until_us,
			      note->back_off_ms) &&
	       buf_add(out, note->reply);
}

static bool number(struct str *line, uint64_t value_max, uint64_t *ret_value)
{
	return str_to_u64(str_cut(line, ' '), value_max, ret_value);
}

bool hold_note_parse(struct str text, struct hold_note *ret_note)
{
	struct str line = str_cut(&text, '\n');
	struct str cause = str_cut(&line, ' ');
	uint64_t since_us, until_us, back_off_ms;

	if (!number(&line, INT64_MAX, &since_us) || !number(&line, INT64_MAX, &until_us) || !number(&line, BACK_OFF_MAX_MS, &back_off_ms) ||
	    line.len > 0 || back_off_ms == 0)
		return false;
	for (enum failure_kind kind = FAILURE_NO_KIND + 1; kind < FAILURE_KIND_COUNT; kind++) {
		if (!str_eq(cause, str_of(failure_kind_name(kind))))
			continue;
		*ret_note = (struct hold_note){ kind, (int64_t)since_us, (int64_t)until_us, back_off_ms, text };
		return true;
	}
	return false;
}

void hold_resume(struct hold *hold, const struct hold_note *note, int64_t now_us, uint64_t now_ms)
{
	uint64_t left_ms = note->until_us > now_us ? (uint64_t)(note->until_us - now_us) / 1000 : 0;

	*hold = (struct hold){
		.kind = note->kind,
		.back_off_ms = note->back_off_ms,
		.until_ms = now_ms + (left_ms < note->back_off_ms ? left_ms : note->back_off_ms),
	};
}
