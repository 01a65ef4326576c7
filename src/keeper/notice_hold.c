/* notice_hold: senders whose mail is held back are told once a hold, and what was told is over when it is. By comparison with the ledger, so
 * that nothing is told twice or stays open after a kill. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "courier/failure.h"
#include "courier/remedy.h"
#include "domain/json_text.h"
#include "keep/ledger_notice.h"
#include "keeper/notice_private.h"

#define TEXTS_BYTES_MAX (12u << 20)
#define OVER_A_ROUND_MAX 256
#define HOLDS_A_DAY_MAX 100 /* mailed one by one; status has all of them */
#define DAY_US (86400ll * 1000000)

struct held {
	struct held *next;
	struct courier_hold hold;
	struct str tenant, key;
};

struct held_list {
	const struct keeper *keeper;
	struct arena arena;
	struct held *first;
	bool whole;      /* all of them are in it */
	bool cut;        /* more is over than fits into one round */
	unsigned left;   /* so many may be told today */
	struct str over[OVER_A_ROUND_MAX]; /* IDs of notices */
	size_t over_count;
};

/* --- who is held --- */

/* The time first: it alone makes a key of its own, even where the rest is too long. */
static bool key_print(struct arena *arena, const struct courier_hold *hold, struct str *ret_key)
{
	char key[NOTICE_KEY_MAX];

	(void)snprintf(key, sizeof(key), "held/%lld/%.*s/%.*s/%.*s", (long long)hold->since_us, STR_ARG(hold->upstream), STR_ARG(hold->mailbox),
		       STR_ARG(hold->sender));
	return arena_keep(arena, str_of(key), ret_key);
}

static void add(void *context, const struct courier_hold *hold)
{
	struct held_list *list = context;
	struct str domain = str_skip(hold->sender, str_find_last(hold->sender, '@') + 1);
	const struct tenant *tenant = directory_tenant(&list->keeper->directory, domain);
	struct arena *arena = &list->arena;
	struct held *held = arena_take(arena, sizeof(*held));

	list->whole = list->whole && held && arena_keep(arena, hold->upstream, &held->hold.upstream) &&
		      arena_keep(arena, hold->mailbox, &held->hold.mailbox) && arena_keep(arena, hold->sender, &held->hold.sender) &&
		      arena_keep(arena, hold->reply, &held->hold.reply) && key_print(arena, hold, &held->key) &&
		      arena_keep(arena, tenant ? domain : STR(""), &held->tenant);
	if (!list->whole)
		return;
	held->hold.cause = hold->cause;
	held->hold.since_us = hold->since_us;
	held->hold.until_us = hold->until_us;
	held->next = list->first;
	list->first = held;
}

struct held_list *notice_hold_list(struct notices *notices, bool well)
{
	struct courier *courier = notices->keeper->courier;
	int64_t today = clock_real_us() / DAY_US;
	struct held_list *list;

	if (!well && !notices->holds_unseen && notices->holds_seen == courier_holds_changes(courier))
		return NULL;
	list = calloc(1, sizeof(*list));
	if (!list)
		return NULL;
	if (notices->holds_day != today)
		notices->holds_count = 0;
	notices->holds_day = today;
	notices->holds_seen = courier_holds_changes(courier);
	notices->holds_unseen = false;
	list->keeper = notices->keeper;
	list->left = HOLDS_A_DAY_MAX > notices->holds_count ? HOLDS_A_DAY_MAX - notices->holds_count : 0;
	list->whole = true;
	arena_init(&list->arena, TEXTS_BYTES_MAX);
	courier_holds_each(courier, add, list);
	return list;
}

void notice_hold_list_free(struct held_list *list)
{
	if (!list)
		return;
	arena_free_all(&list->arena);
	free(list);
}

/* --- compared with what was told --- */

static json_t *words_of(const char *english)
{
	return english ? notice_words(english) : json_string("");
}

static json_t *data_of(const struct courier_hold *hold)
{
	const struct remedy *remedy = remedy_find(hold->cause);
	json_t *data = json_object();

	if (json_put(data, "sender", json_text(hold->sender.len ? hold->sender : STR("<>"))) &&
	    json_put(data, "upstream", json_text(hold->upstream)) &&
	    json_put(data, "mailbox", hold->mailbox.len ? json_text(hold->mailbox) : notice_words(N_("all mailboxes"))) &&
	    json_put(data, "cause", json_string(hold->cause)) && json_put(data, "reply", json_text(hold->reply)) &&
	    json_put(data, "meaning", words_of(failure_explain(hold->cause))) &&
	    json_put(data, "mend", words_of(remedy ? remedy->mend : NULL)) && json_put(data, "at", json_time(hold->since_us)) &&
	    json_put(data, "until", json_time(hold->until_us)))
		return data;
	json_decref(data);
	return NULL;
}

static enum outcome tell_new(struct round *round, struct ledger *ledger, struct fault *fault)
{
	struct held_list *list = round->held;
	enum outcome outcome = OUTCOME_OK;

	for (struct held *held = list->first; held && outcome == OUTCOME_OK && list->left > 0; held = held->next) {
		struct str subject = held->hold.sender.len ? held->hold.sender : STR("<>");
		bool told = false;

		outcome = ledger_notice_has(ledger, held->key, &told, fault);
		if (outcome != OUTCOME_OK || told)
			continue;
		if (!notice_list_draft(round->drafts, NOTICE_SENDER_HELD, held->key.ptr, subject, held->tenant, round->now_us,
				       data_of(&held->hold))) {
			list->cut = true;
			break;
		}
		list->left--;
	}
	return outcome;
}

static bool find_over(void *context, const struct notice *notice)
{
	struct held_list *list = context;

	for (const struct held *held = list->first; held; held = held->next) {
		if (str_eq(held->key, notice->key))
			return true;
	}
	if (list->over_count < OVER_A_ROUND_MAX && arena_keep(&list->arena, notice->id, &list->over[list->over_count]))
		list->over_count++;
	else
		list->cut = true;
	return !list->cut;
}

enum outcome notice_hold_look(struct round *round, struct ledger *ledger, struct fault *fault)
{
	struct notice_filter filter = { .kind = str_of(notice_kind_name(NOTICE_SENDER_HELD)), .now_us = round->now_us };
	enum outcome outcome = tell_new(round, ledger, fault);

	if (outcome != OUTCOME_OK || !round->held->whole)
		return outcome;
	return ledger_notices(ledger, &filter, find_over, round->held, fault);
}

bool notice_hold_any_over(const struct round *round)
{
	return round->held && round->held->over_count > 0;
}

enum outcome notice_hold_end(struct round *round, struct ledger *ledger, struct fault *fault)
{
	return notice_hold_any_over(round) ? ledger_notices_over(ledger, round->held->over, round->held->over_count, fault) : OUTCOME_OK;
}

void notice_hold_done(struct notices *notices, const struct round *round)
{
	if (!round->held)
		return;
	notices->holds_unseen |= round->outcome != OUTCOME_OK || round->held->cut;
	for (size_t i = 0; i < round->drafts->count && round->outcome == OUTCOME_OK; i++)
		notices->holds_count += round->made[i] && round->drafts->items[i].kind == NOTICE_SENDER_HELD;
}
