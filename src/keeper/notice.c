#include "keeper/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/json_text.h"
#include "keep/ledger_notice.h"
#include "keep/notice_query.h"
#include "keep/report_query.h"
#include "keeper/notice_private.h"
#include "sys/zone.h"

#define LOOK_EVERY_MS 2000   /* two look-ups by index */
#define WELL_EVERY_MS 60000  /* dates, with what stands behind them */
#define KEPT_DAYS 730        /* acknowledged ones; their keys keep them from being made again */
#define LOCKS_A_DAY_MAX 100  /* a guesser writes no book */
#define REPORT_BYTES_MAX (2u << 20)
#define DAY_US (86400ll * 1000000)

struct notices *notices_new(struct keeper *keeper)
{
	struct notices *notices = calloc(1, sizeof(*notices));

	if (!notices)
		return NULL;
	notices->keeper = keeper;
	notices->drafts = notice_list_new();
	if (notices->drafts)
		return notices;
	free(notices);
	return NULL;
}

void notices_free(struct notices *notices)
{
	if (!notices)
		return;
	notice_watch_free(notices);
	notice_list_free(notices->drafts);
	free(notices);
}

size_t notices_open(const struct notices *notices)
{
	return notices->open;
}

void notices_wake(struct notices *notices)
{
	notices->looked_ms = notices->looked_well_ms = 0;
}

/* --- what happens --- */

void notice_draft(struct notices *notices, enum notice_kind kind, const char *key, struct str subject, struct str tenant, json_t *data)
{
	if (!notice_list_draft(notices->drafts, kind, key, subject, tenant, clock_real_us(), data))
		log_event(LOG_LEVEL_ERROR, "notice lost", LOG_TEXT("key", key));
}

void notices_locked_out(struct notices *notices, enum throttle_verdict verdict, struct str account, struct str ip)
{
	const struct keeper *keeper = notices->keeper;
	const struct limits *limits = &keeper->settings->limits;
	const struct account *known = directory_account(&keeper->directory, account);
	bool network = verdict == THROTTLE_NETWORK_LOCKED;
	int64_t now_us = clock_real_us();
	char key[NOTICE_KEY_MAX];
	json_t *data;

	/* Of names that nobody has the log tells. */
	if (verdict == THROTTLE_PASS || (!network && !known))
		return;
	if (notices->locks_day != now_us / DAY_US)
		notices->locks_count = 0;
	notices->locks_day = now_us / DAY_US;
	if (notices->locks_count++ >= LOCKS_A_DAY_MAX)
		return;
	data = json_object();
	if (!json_put(data, "account", json_text(known ? str_of(known->address) : account)) || !json_put(data, "ip", json_text(ip)) ||
	    !json_put(data, "at", json_time(now_us)) ||
	    !json_put(data, "failures", json_integer((json_int_t)(network ? limits->failures_network_max : limits->failures_account_max))) ||
	    !json_put(data, "window", json_integer((json_int_t)limits->failures_window_seconds)) ||
	    !json_put(data, "lasts", json_integer((json_int_t)limits->lock_out_seconds))) {
		json_decref(data);
		return;
	}
	(void)snprintf(key, sizeof(key), "locked/%.*s/%lld", STR_ARG(network ? ip : str_of(known->address)), (long long)now_us);
	notice_draft(notices, network ? NOTICE_LOCKED_NETWORK : NOTICE_LOCKED_ACCOUNT, key, network ? ip : str_of(known->address),
		     network ? STR("") : str_of(known->domain), data);
}

void notices_unsent(void *context, const struct spool_message *message, struct str reply)
{
	bool ours = message->is_dsn == SPOOL_NOTICE;
	struct str to = message->recipients_count ? message->recipients[0].address : STR("");
	char key[NOTICE_KEY_MAX];
	json_t *data = json_object();

	if (!json_put(data, "id", json_text(message->event_id)) || !json_put(data, "to", json_text(to)) ||
	    !json_put(data, "reply", json_text(reply))) {
		json_decref(data);
		return;
	}
	(void)snprintf(key, sizeof(key), "unsent/%.*s", STR_ARG(message->event_id));
	notice_draft(context, ours ? NOTICE_MAIL_UNSENT : NOTICE_REPORT_UNSENT, key, to, STR(""), data);
}

/* --- one round --- */

bool notice_mail_is_due(const struct round *round)
{
	for (size_t i = 0; i < round->waiting->count; i++) {
		const struct notice *notice = &round->waiting->items[i];

		if (round->only[0] || (notice->mailed_us == 0 && (round->force || !notice_waits(notice) ||
								  round->now_us - notice->created_us >= round->digest_us)))
			return true;
	}
	return false;
}

static void round_free(struct round *round)
{
	notice_list_free(round->drafts);
	notice_list_free(round->waiting);
	notice_hold_list_free(round->held);
	buf_done(&round->report);
	free(round);
}

static bool round_start(struct round *round);

static void round_end(struct round *round)
{
	struct notices *notices = round->notices;

	if (round->outcome != OUTCOME_OK && !notices->troubled && !notices->keeper->stopping)
		log_event(LOG_LEVEL_ERROR, "notices not looked at", LOG_TEXT("reason", round->fault.text[LANGUAGE_EN]));
	notices->troubled = round->outcome != OUTCOME_OK;
	notice_hold_done(notices, round);
	if (round->call && round->outcome != OUTCOME_OK)
		api_end_outcome(round->call, round->outcome, &round->fault);
	else if (round->call)
		api_end(round->call, round->exit_code);
	notices->round = NULL;
	round_free(round);
	if (notices->next && (notices->keeper->stopping || !round_start(notices->next))) {
		api_fail_text(notices->next->call, EX_TEMPFAIL, N_("too many questions wait for the ledger; try again"));
		round_free(notices->next);
	}
	notices->next = NULL;
}

void notice_done(struct round *round)
{
	if (--round->under_way == 0)
		round_end(round);
}

void notice_tell(struct round *round, const char *way, struct str to, const char *result, const char *detail)
{
	if (!round->call)
		return;
	if (strcmp(result, "failed") == 0)
		round->exit_code = 1;
	api_row(round->call, json_pack("{s:s,s:s%,s:s,s:s}", "way", way, "to", to.len ? to.ptr : "", to.len, "result", result, "detail", detail));
}

static void deliver(struct round *round)
{
	round->under_way = 1; /* until both have begun */
	notice_mail_send(round);
	notice_post_send(round);
	notice_done(round);
}

static void run_write(struct worker_job *job)
{
	struct round *round = (struct round *)job;
	struct ledger *ledger = round->notices->keeper->ledger;

	round->outcome = ledger_notices_make(ledger, round->drafts->items, round->drafts->count, round->made, &round->fault);
	if (round->outcome == OUTCOME_OK)
		round->outcome = notice_hold_end(round, ledger, &round->fault);
	if (round->outcome == OUTCOME_OK)
		round->outcome = ledger_notices_expire(ledger, round->now_us - KEPT_DAYS * DAY_US, round->now_us, &round->fault);
}

/* What happened must not be lost because the ledger is busy; what was found in the ledger is found again. */
static void keep_drafts(struct round *round)
{
	for (size_t i = 0; i < round->drafts->count; i++) {
		const struct notice *draft = &round->drafts->items[i];

		if (draft->kind == NOTICE_RETIREMENT || draft->kind == NOTICE_FIRST_BASIC || draft->kind == NOTICE_SENDER_HELD)
			continue;
		if (!notice_list_add(round->notices->drafts, draft))
			log_event(LOG_LEVEL_ERROR, "notice lost", LOG_STR("key", draft->key));
	}
}

static void run_look(struct worker_job *job);
static void on_looked(struct worker_job *job);

/* For who asked; the clock does so by itself. */
static bool look_again(struct round *round)
{
	notice_hold_done(round->notices, round);
	round->drafts->count = 0;
	round->waiting->count = 0;
	round->well = false;
	notice_hold_list_free(round->held);
	round->held = NULL;
	round->job = (struct worker_job){ .run = run_look, .done = on_looked };
	return worker_add(round->notices->keeper->reader, &round->job);
}

static void on_written(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	if (round->outcome != OUTCOME_OK) {
		keep_drafts(round);
		round_end(round);
		return;
	}
	for (size_t i = 0; i < round->drafts->count; i++) {
		if (round->made[i])
			log_event(LOG_LEVEL_WARNING, "notice", LOG_STR("id", round->drafts->items[i].id),
				  LOG_STR("key", round->drafts->items[i].key));
	}
	/* Now they wait to be sent, with the others: another look. */
	round->notices->looked_ms = 0;
	if (round->call && !round->notices->keeper->stopping && look_again(round))
		return;
	round_end(round);
}

static bool name_drafts(struct round *round)
{
	for (size_t i = 0; i < round->drafts->count; i++) {
		char id[16];
		uint64_t count;

		keeper_event_id(round->notices->keeper, id, &count);
		if (!arena_keep(&round->drafts->arena, str_of(id), &round->drafts->items[i].id))
			return false;
	}
	return true;
}

static void on_looked(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	if (round->outcome == OUTCOME_OK && round->notices->keeper->stopping) /* spool and courier may be closed: the next start looks */
		round->outcome = fault_set(&round->fault, OUTCOME_LATER, N_("the daemon is stopping"));
	if (round->outcome == OUTCOME_OK && !round->test && !round->only[0])
		round->notices->open = round->open;
	if (round->outcome != OUTCOME_OK || (round->drafts->count == 0 && !notice_hold_any_over(round))) {
		if (round->outcome == OUTCOME_OK) {
			deliver(round);
		} else {
			keep_drafts(round);
			round_end(round);
		}
		return;
	}
	round->job = (struct worker_job){ .run = run_write, .done = on_written };
	if (name_drafts(round) && worker_add(round->notices->keeper->scribe, &round->job))
		return;
	keep_drafts(round);
	round->outcome = fault_set(&round->fault, OUTCOME_LATER, N_("too many questions wait for the ledger; try again"));
	round_end(round);
}

static bool add_waiting(void *context, const struct notice *notice)
{
	struct round *round = context;

	return notice_list_add(round->waiting, notice);
}

/* Those whose key is known are left out here, so that the scribe is asked only when there is something new. */
static enum outcome drop_known(struct round *round, struct ledger *ledger)
{
	struct notice_list *drafts = round->drafts;
	size_t kept = 0;
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < drafts->count && outcome == OUTCOME_OK; i++) {
		bool known = false;

		outcome = ledger_notice_has(ledger, drafts->items[i].key, &known, &round->fault);
		if (!known)
			drafts->items[kept++] = drafts->items[i];
	}
	if (outcome == OUTCOME_OK)
		drafts->count = kept;
	return outcome;
}

static void run_look(struct worker_job *job)
{
	struct round *round = (struct round *)job;
	struct ledger *ledger = round->notices->keeper->ledger_read;
	struct notice_filter filter = { .id = str_of(round->only), .unsent = true, .now_us = round->now_us, .count_max = NOTICE_LIST_MAX };
	struct fault *fault = &round->fault;

	round->outcome = drop_known(round, ledger);
	if (round->outcome == OUTCOME_OK && round->well)
		round->outcome = notice_query_retirement(ledger, round->now_us, round->today, round->drafts, fault);
	if (round->outcome == OUTCOME_OK && round->held)
		round->outcome = notice_hold_look(round, ledger, fault);
	if (round->outcome == OUTCOME_OK && !round->test)
		round->outcome = notice_query_basic(ledger, round->now_us, round->drafts, fault);
	if (round->outcome == OUTCOME_OK && !round->test)
		round->outcome = ledger_notices(ledger, &filter, add_waiting, round, fault);
	if (round->outcome == OUTCOME_OK && round->only[0] && round->waiting->count == 0)
		round->outcome = fault_set(fault, OUTCOME_NEVER, N_("there is no notice %.*s; see: sekisho notices list --all"), (int)strlen(round->only), round->only);
	if (round->outcome == OUTCOME_OK)
		round->outcome = ledger_notices_open(ledger, round->now_us, &round->open, fault);
	if (round->outcome == OUTCOME_OK && notice_mail_is_due(round))
		round->outcome = notice_query_report(ledger, round->now_us, round->upstream_basic, round->language, &round->report, fault);
}

static struct round *round_new(struct notices *notices)
{
	const struct settings *settings = notices->keeper->settings;
	struct round *round = calloc(1, sizeof(*round));

	if (!round)
		return NULL;
	round->waiting = notice_list_new();
	round->drafts = notice_list_new();
	if (!round->waiting || !round->drafts) {
		round_free(round);
		return NULL;
	}
	round->job = (struct worker_job){ .run = run_look, .done = on_looked };
	round->notices = notices;
	round->now_us = clock_real_us();
	round->today = notice_day(round->now_us, zone_offset_us(round->now_us));
	round->upstream_basic = report_upstream_basic(settings);
	round->language = settings_notices_language(settings);
	round->digest_us = (int64_t)settings->notices.digest_seconds * 1000000;
	buf_init(&round->report, REPORT_BYTES_MAX);
	return round;
}

/* False: too much waits for the ledger; the round is still the caller's. */
static bool round_start(struct round *round)
{
	struct notices *notices = round->notices;
	struct notice_list *empty = round->drafts;

	if (!round->test && !round->only[0]) {
		round->drafts = notices->drafts;
		notices->drafts = empty;
		round->held = notice_hold_list(notices, round->well);
	}
	if (worker_add(notices->keeper->reader, &round->job)) {
		notices->round = round;
		notices->looked_ms = clock_monotonic_ms();
		if (round->well)
			notices->looked_well_ms = notices->looked_ms;
		return true;
	}
	if (round->drafts != empty) {
		notices->drafts = round->drafts;
		round->drafts = empty;
		notices->holds_unseen = true;
	}
	return false;
}

void notices_tick(struct notices *notices)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct round *round;

	notice_watch(notices);
	if (notices->round || (notices->looked_ms && now_ms - notices->looked_ms < LOOK_EVERY_MS))
		return;
	round = round_new(notices);
	if (!round)
		return;
	round->well = notices->looked_well_ms == 0 || now_ms - notices->looked_well_ms >= WELL_EVERY_MS;
	if (round->well)
		notice_expiry(notices);
	if (!round_start(round))
		round_free(round);
}

/* --- by hand --- */

static bool add_test(struct round *round)
{
	const struct keeper *keeper = round->notices->keeper;
	json_t *data = json_object();
	char id[16];
	uint64_t count;

	keeper_event_id(round->notices->keeper, id, &count);
	if (!json_put(data, "host", json_text(keeper->boot.hostname)) || !json_put(data, "actor", json_string(round->call->actor)) ||
	    !json_put(data, "at", json_time(round->now_us))) {
		json_decref(data);
		return false;
	}
	return notice_list_draft(round->waiting, NOTICE_TEST, "test", keeper->boot.hostname, STR(""), round->now_us, data) &&
	       arena_keep(&round->waiting->arena, str_of(id), &round->waiting->items[0].id);
}

void notices_send(struct api_call *call, const char *id, bool test)
{
	struct notices *notices = call->keeper->notices;
	const struct settings *settings = call->keeper->settings;
	struct round *round;

	if (!settings_notices_to(settings, 0) && !settings->notices.webhook) {
		api_fail_text(call, 1, N_("nobody gets notices: set mail-to or webhook under notices in the settings, or administrator under daemon"));
		return;
	}
	if (call->keeper->stopping || notices->next) {
		api_fail_text(call, EX_TEMPFAIL, N_("somebody else is sending notices just now; try again"));
		return;
	}
	round = round_new(notices);
	if (round) {
		round->call = call;
		round->test = test;
		round->force = !id;
		round->well = !test && !id;
		if (round->well)
			notice_expiry(notices);
		(void)str_copy(str_of(id), sizeof(round->only), round->only);
	}
	if (round && (!test || add_test(round))) {
		if (notices->round)
			notices->next = round; /* when that has ended */
		if (notices->round || round_start(round))
			return;
	}
	if (round)
		round_free(round);
	api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
}
