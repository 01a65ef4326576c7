#include "courier/budget.h"

#define MINUTE_SLOT_MS 500u
#define DAY_SLOT_MS 900000u
#define LEAD_MS 172800000u /* before the clock began, as far as slots are concerned: a host that was just started has a day behind it */

/* One sliding window: counts by slot, of which the newest is known. */
struct window {
	uint32_t *counts;
	size_t slots;
	uint64_t slot_ms;
	uint64_t *newest;
};

static struct window minute_of(struct budget *budget)
{
	return (struct window){ budget->minute, BUDGET_MINUTE_SLOTS, MINUTE_SLOT_MS, &budget->minute_slot };
}

static struct window day_of(struct budget *budget)
{
	return (struct window){ budget->day, BUDGET_DAY_SLOTS, DAY_SLOT_MS, &budget->day_slot };
}

/* What has slid out is forgotten. A clock that goes back leaves the window where it is. */
static void slide(const struct window *window, uint64_t now_ms)
{
	uint64_t slot = (now_ms + LEAD_MS) / window->slot_ms;

	for (size_t i = 0; i < window->slots && *window->newest < slot; i++) {
		/* Far behind, only the last round matters. */
		if (slot - *window->newest > window->slots)
			*window->newest = slot - window->slots;
		window->counts[++*window->newest % window->slots] = 0;
	}
}

static uint64_t sum_of(const struct window *window)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < window->slots; i++)
		sum += window->counts[i];
	return sum;
}

static void add(const struct window *window, uint64_t slot, uint64_t count)
{
	uint32_t *at = &window->counts[slot % window->slots];

	*at = count < UINT32_MAX - *at ? *at + (uint32_t)count : UINT32_MAX;
}

/* Until so many have slid out; `window` was slid to now. UINT64_MAX: all of it is not enough. */
static uint64_t until_out_ms(const struct window *window, uint64_t count, uint64_t now_ms)
{
	uint64_t out = 0;

	for (size_t age = window->slots; age-- > 0;) {
		uint64_t slot = *window->newest - age;

		out += window->counts[slot % window->slots];
		if (out >= count)
			return (slot + window->slots) * window->slot_ms - (now_ms + LEAD_MS);
	}
	return UINT64_MAX;
}

static uint64_t wait_for(const struct window *window, uint64_t away, uint64_t more, uint64_t most, uint64_t now_ms)
{
	uint64_t spent;

	slide(window, now_ms);
	spent = sum_of(window) + away;
	/* What alone is over the share would wait for ever: it goes when nothing else is spent. */
	if (most == 0 || spent == 0 || spent + more <= most)
		return 0;
	return until_out_ms(window, more > most ? spent : spent + more - most, now_ms);
}

void budget_limits(struct budget *budget, uint64_t messages_per_minute_max, uint64_t recipients_per_day_max)
{
	budget->messages_per_minute_max = messages_per_minute_max;
	budget->recipients_per_day_max = recipients_per_day_max;
}

uint64_t budget_wait_ms(struct budget *budget, size_t recipients, uint64_t now_ms)
{
	struct window minute = minute_of(budget), day = day_of(budget);
	uint64_t of_minute = wait_for(&minute, budget->away_messages, 1, budget->messages_per_minute_max, now_ms);
	uint64_t of_day = wait_for(&day, budget->away_recipients, recipients, budget->recipients_per_day_max, now_ms);

	return of_minute > of_day ? of_minute : of_day;
}

void budget_begin(struct budget *budget, size_t recipients)
{
	budget->away_messages++;
	budget->away_recipients += recipients;
}

void budget_end(struct budget *budget, size_t recipients, bool tried, uint64_t now_ms)
{
	struct window minute = minute_of(budget), day = day_of(budget);

	budget->away_messages--;
	budget->away_recipients -= recipients;
	if (!tried)
		return;
	slide(&minute, now_ms);
	slide(&day, now_ms);
	add(&minute, *minute.newest, 1);
	add(&day, *day.newest, recipients);
}

uint64_t budget_messages(struct budget *budget, uint64_t now_ms)
{
	struct window minute = minute_of(budget);

	slide(&minute, now_ms);
	return sum_of(&minute) + budget->away_messages;
}

uint64_t budget_recipients(struct budget *budget, uint64_t now_ms)
{
	struct window day = day_of(budget);

	slide(&day, now_ms);
	return sum_of(&day) + budget->away_recipients;
}

/* --- over a restart: "MESSAGES RECIPIENTS under way; AGE:COUNT … of the minute; of the day", ages in slots --- */

static bool print_window(const struct window *window, struct buf *out)
{
	for (size_t age = 0; age < window->slots; age++) {
		uint32_t count = window->counts[(*window->newest - age) % window->slots];

		if (count > 0 && !buf_add_format(out, " %zu:%u", age, count))
			return false;
	}
	return true;
}

bool budget_print(struct budget *budget, uint64_t now_ms, struct buf *out)
{
	struct window minute = minute_of(budget), day = day_of(budget);

	slide(&minute, now_ms);
	slide(&day, now_ms);
	return buf_add_format(out, "%llu %llu;", (unsigned long long)budget->away_messages,
			      (unsigned long long)budget->away_recipients) &&
	       print_window(&minute, out) && buf_add_byte(out, ';') && print_window(&day, out);
}

static bool parse_window(const struct window *window, struct str text, uint64_t later_ms, uint64_t now_ms)
{
	slide(window, now_ms);
	text = str_trim(text);
	while (text.len > 0) {
		struct str count_text = str_cut(&text, ' ');
		struct str age_text = str_cut(&count_text, ':');
		uint64_t age, count;

		if (!str_to_u64(age_text, UINT32_MAX, &age) || !str_to_u64(count_text, UINT32_MAX, &count))
			return false;
		age += later_ms / window->slot_ms; /* rounded towards now: rather too long than too short */
		if (age < window->slots)
			add(window, *window->newest - age, count);
	}
	return true;
}

bool budget_parse(struct budget *budget, struct str text, uint64_t later_ms, uint64_t now_ms)
{
	struct window minute = minute_of(budget), day = day_of(budget);
	struct str recipients_text = str_cut(&text, ';');
	struct str messages_text = str_cut(&recipients_text, ' ');
	struct str of_minute = str_cut(&text, ';');
	uint64_t messages, recipients;

	if (!str_to_u64(messages_text, UINT32_MAX, &messages) || !str_to_u64(recipients_text, UINT32_MAX, &recipients) ||
	    !parse_window(&minute, of_minute, later_ms, now_ms) || !parse_window(&day, text, later_ms, now_ms))
		return false;
	add(&minute, *minute.newest, messages);
	add(&day, *day.newest, recipients);
	return true;
}
