#include "courier/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "courier/token_fetch.h"

#define IDENTITIES_MAX 4096        /* upstreams, or mailboxes where each has its own token */
#define TRY_AGAIN_SOON_MS 5000     /* the endpoint was not to be reached, or asked to come back; doubled each time up to: */
#define TRY_AGAIN_SOON_MS_MAX 60000
#define TRY_AGAIN_LATE_MS 60000    /* it said no: only an administrator can change that; likewise */
#define TRY_AGAIN_LATE_MS_MAX 900000
#define KEY_BYTES_MAX 1024

struct waiter {
	struct waiter *next;
	void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault);
	void *context;
	bool fresh; /* what was at hand before does not do */
};

/* One identity: an upstream's, or one mailbox's at it. */
struct entry {
	struct token_store *store;
	char *key;            /* "UPSTREAM\nMAILBOX" */
	struct str upstream, mailbox; /* within key */
	const struct upstream_settings *settings; /* those that who asked last came with; NULL: they are gone */
	const struct limits *limits;
	char *value;          /* NULL: none yet */
	uint64_t generation;
	uint64_t expires_ms;  /* monotonic */
	uint64_t refresh_ms;
	bool next_secret;     /* which of two secrets worked */
	struct token_fetch *fetch; /* NULL: nothing is under way */
	unsigned failures;    /* in a row */
	uint64_t failed_until_ms;
	struct fault fault;
	struct waiter *waiting;
};

struct token_store {
	struct loop *loop;
	struct http *http;
	struct vault *vault;
	uint64_t generation;  /* of the newest token of all */
	struct table entries; /* by key */
};

struct token_store *token_store_new(struct loop *loop, struct http *http, struct vault *vault)
{
	struct token_store *store = calloc(1, sizeof(*store));

	if (store) {
		store->loop = loop;
		store->http = http;
		store->vault = vault;
	}
	return store;
}

static void value_drop(struct entry *entry)
{
	if (entry->value)
		sodium_memzero(entry->value, strlen(entry->value));
	free(entry->value);
	entry->value = NULL;
}

static void entry_free(struct entry *entry)
{
	while (entry->waiting) {
		struct waiter *next = entry->waiting->next;

		free(entry->waiting);
		entry->waiting = next;
	}
	if (entry->fetch)
		token_fetch_orphan(entry->fetch);
	value_drop(entry);
	free(entry->key);
	free(entry);
}

void token_store_free(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at)))
		entry_free(entry);
	table_done(&store->entries);
	free(store);
}

/* Room for one more: a mailbox that nobody asks for now makes it. */
static bool make_room(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	if (store->entries.count < IDENTITIES_MAX)
		return true;
	while ((entry = table_next(&store->entries, &at))) {
		if (entry->waiting || entry->fetch)
			continue;
		(void)table_take(&store->entries, str_of(entry->key));
		entry_free(entry);
		return true;
	}
	return false;
}

/* False: longer than any key. */
static bool key_print(struct str upstream, struct str mailbox, char ret_key[KEY_BYTES_MAX])
{
	int len = snprintf(ret_key, KEY_BYTES_MAX, "%.*s\n%.*s", STR_ARG(upstream), STR_ARG(mailbox));

	return len >= 0 && len < KEY_BYTES_MAX;
}

static struct entry *entry_for(struct token_store *store, struct str upstream, struct str mailbox)
{
	char key[KEY_BYTES_MAX];
	struct entry *entry;

	if (!key_print(upstream, mailbox, key))
		return NULL;
	entry = table_find(&store->entries, str_of(key));
	if (entry || !make_room(store))
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->store = store;
	entry->key = str_dup(str_of(key));
	if (entry->key && table_put(&store->entries, str_of(entry->key), entry)) {
		entry->upstream = (struct str){ entry->key, upstream.len };
		entry->mailbox = (struct str){ entry->key + upstream.len + 1, mailbox.len };
		return entry;
	}
	free(entry->key);
	free(entry);
	return NULL;
}

static void answer(const struct entry *entry, const struct waiter *waiter)
{
	struct token token = {
		.value = str_of(entry->value),
		.generation = entry->generation,
	};

	if (entry->value && !(waiter->fresh && entry->failed_until_ms > 0))
		waiter->on_token(waiter->context, OUTCOME_OK, &token, NULL);
	else
		waiter->on_token(waiter->context, OUTCOME_LATER, NULL, &entry->fault);
}

static void answer_all(struct entry *entry)
{
	struct waiter *waiter = entry->waiting;

	entry->waiting = NULL;
	while (waiter) {
		struct waiter *next = waiter->next;

		answer(entry, waiter);
		free(waiter);
		waiter = next;
	}
}

/* --- fetching --- */

/* Each failure in a row doubles the wait. */
static uint64_t back_off_ms(unsigned failures, bool passing)
{
	uint64_t wait_ms = passing ? TRY_AGAIN_SOON_MS : TRY_AGAIN_LATE_MS;
	uint64_t wait_ms_max = passing ? TRY_AGAIN_SOON_MS_MAX : TRY_AGAIN_LATE_MS_MAX;

	for (; failures > 0 && wait_ms < wait_ms_max; failures--)
		wait_ms *= 2;
	return wait_ms < wait_ms_max ? wait_ms : wait_ms_max;
}

static void failed(struct entry *entry, bool passing, uint64_t asked_ms)
{
	uint64_t wait_ms = back_off_ms(entry->failures, passing);

	if (asked_ms > wait_ms)
		wait_ms = asked_ms;
	entry->failures++;
	entry->failed_until_ms = clock_monotonic_ms() + wait_ms;
	log_event(LOG_LEVEL_ERROR, "no token", LOG_STR("upstream", entry->upstream), LOG_STR("mailbox", entry->mailbox),
		  LOG_TEXT("reason", entry->fault.text[LANGUAGE_EN]), LOG_NUMBER("again_ms", wait_ms));
}

static void take(struct entry *entry, struct token_result *result)
{
	uint64_t now_ms = clock_monotonic_ms();
	/* A short-lived token is refreshed at half its time: the limit may be more than it has. */
	uint64_t early_s = entry->limits->token_refresh_early_seconds;

	if (early_s > result->lifetime_s / 2)
		early_s = result->lifetime_s / 2;
	value_drop(entry);
	entry->value = result->value;
	result->value = NULL;
	entry->generation = ++entry->store->generation;
	entry->expires_ms = now_ms + result->lifetime_s * 1000;
	entry->refresh_ms = now_ms + (result->lifetime_s - early_s) * 1000;
	entry->failures = 0;
	entry->failed_until_ms = 0;
	entry->next_secret = result->next_secret;
	log_event(LOG_LEVEL_INFO, "token", LOG_STR("upstream", entry->upstream), LOG_STR("mailbox", entry->mailbox),
		  LOG_TEXT("grant", grant_of(entry->settings)->name), LOG_NUMBER("seconds", result->lifetime_s),
		  LOG_NUMBER("generation", entry->generation));
}

static void on_end(void *context, struct token_result *result)
{
	struct entry *entry = context;

	entry->fetch = NULL;
	if (result->value) {
		take(entry, result);
	} else {
		entry->fault = result->fault;
		failed(entry, result->passing, result->wait_ms);
	}
	answer_all(entry);
}

static void fetch(struct entry *entry)
{
	const struct token_fetch_request request = {
		.http = entry->store->http,
		.vault = entry->store->vault,
		.upstream = entry->settings,
		.limits = entry->limits,
		.mailbox = entry->mailbox,
		.next_secret = entry->next_secret && entry->settings->client_secret_file_next,
	};

	if (!entry->fetch && token_fetch_start(&request, on_end, entry, &entry->fetch, &entry->fault) != OUTCOME_OK)
		failed(entry, false, 0);
}

static void wait_for(struct entry *entry, const struct waiter *now)
{
	struct waiter *waiter = entry ? malloc(sizeof(*waiter)) : NULL;
	struct fault fault;

	if (!waiter) {
		(void)fault_set(&fault, OUTCOME_LATER, N_("out of memory for a token"));
		now->on_token(now->context, OUTCOME_LATER, NULL, &fault);
		return;
	}
	*waiter = *now;
	waiter->next = entry->waiting;
	entry->waiting = waiter;
}

static struct entry *entry_of(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits,
			      struct str mailbox)
{
	struct entry *entry = entry_for(store, str_of(upstream->name), grant_of(upstream)->of_mailbox ? mailbox : STR(""));

	if (entry) {
		entry->settings = upstream;
		entry->limits = limits;
	}
	return entry;
}

void token_get_for(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits, struct str mailbox,
		   void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context)
{
	struct entry *entry = entry_of(store, upstream, limits, mailbox);
	struct waiter now = { .on_token = on_token, .context = context };
	uint64_t now_ms = clock_monotonic_ms();

	if (entry && entry->value && now_ms >= entry->expires_ms)
		value_drop(entry);
	if (entry && now_ms >= entry->failed_until_ms && (!entry->value || now_ms >= entry->refresh_ms))
		fetch(entry);
	if (entry && (entry->value || !entry->fetch))
		answer(entry, &now); /* a token that is only being refreshed is still good */
	else
		wait_for(entry, &now);
}

void token_renew(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits, struct str mailbox,
		 void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context)
{
	struct entry *entry = entry_of(store, upstream, limits, mailbox);
	struct waiter now = { .on_token = on_token, .context = context, .fresh = true };

	if (entry)
		fetch(entry);
	if (entry && !entry->fetch)
		answer(entry, &now);
	else
		wait_for(entry, &now);
}

void token_get(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits,
	       void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault),
	       void *context)
{
	token_get_for(store, upstream, limits, STR(""), on_token, context);
}

void token_cancel(struct token_store *store, void *context)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at))) {
		for (struct waiter **link = &entry->waiting; *link;) {
			struct waiter *waiter = *link;

			if (waiter->context != context) {
				link = &waiter->next;
				continue;
			}
			*link = waiter->next;
			free(waiter);
		}
	}
}

/* --- one upstream's --- */

static struct entry *entry_next(const struct token_store *store, struct str upstream, size_t *at)
{
	struct entry *entry;

	while ((entry = table_next(&store->entries, at))) {
		if (str_eq(entry->upstream, upstream))
			return entry;
	}
	return NULL;
}

void token_refused(struct token_store *store, struct str upstream, uint64_t generation)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = entry_next(store, upstream, &at))) {
		if (entry->generation == generation)
			value_drop(entry);
	}
}

void token_retry(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at))) {
		entry->failed_until_ms = 0;
		entry->failures = 0;
	}
}

/* What is under way was asked by what is gone: nobody gets it. Who waits is moved to *gone, to be told when the table is not being walked. */
static void forget(struct entry *entry, struct waiter **gone)
{
	value_drop(entry);
	entry->failed_until_ms = 0;
	entry->failures = 0;
	if (entry->fetch)
		token_fetch_orphan(entry->fetch);
	entry->fetch = NULL;
	while (entry->waiting) {
		struct waiter *waiter = entry->waiting;

		entry->waiting = waiter->next;
		waiter->next = *gone;
		*gone = waiter;
	}
}

static void tell_gone(struct waiter *gone)
{
	struct fault fault;

	(void)fault_set(&fault, OUTCOME_LATER, N_("the settings have changed"));
	while (gone) {
		struct waiter *next = gone->next;

		gone->on_token(gone->context, OUTCOME_LATER, NULL, &fault);
		free(gone);
		gone = next;
	}
}

void token_forget_all(struct token_store *store)
{
	struct waiter *gone = NULL;
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at))) {
		forget(entry, &gone);
		entry->settings = NULL;
		entry->limits = NULL;
	}
	tell_gone(gone);
}

void token_forget(struct token_store *store, struct str upstream)
{
	struct waiter *gone = NULL;
	struct entry *entry;
	size_t at = 0;

	while ((entry = entry_next(store, upstream, &at)))
		forget(entry, &gone);
	tell_gone(gone);
}

/* By key, since it is asked before each message. */
static bool is_newest(const struct token_store *store, struct str upstream, struct str mailbox, uint64_t generation)
{
	const struct entry *entry;
	char key[KEY_BYTES_MAX];

	if (!key_print(upstream, mailbox, key))
		return false;
	entry = table_find(&store->entries, str_of(key));
	return entry && entry->generation == generation;
}

bool token_is_current(const struct token_store *store, struct str upstream, struct str mailbox, uint64_t generation)
{
	return is_newest(store, upstream, STR(""), generation) || is_newest(store, upstream, mailbox, generation);
}

uint64_t token_waits_ms(const struct token_store *store, struct str upstream, const struct fault **ret_fault)
{
	const struct entry *entry;
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t longest_ms = 0;
	size_t at = 0;

	*ret_fault = NULL;
	while ((entry = entry_next(store, upstream, &at))) {
		if (entry->failed_until_ms <= now_ms + longest_ms)
			continue;
		longest_ms = entry->failed_until_ms - now_ms;
		*ret_fault = &entry->fault;
	}
	return longest_ms;
}

static const struct entry *newest(const struct token_store *store, struct str upstream)
{
	const struct entry *entry;
	const struct entry *found = NULL;
	size_t at = 0;

	while ((entry = entry_next(store, upstream, &at))) {
		if (!found || entry->generation > found->generation)
			found = entry;
	}
	return found;
}

int64_t token_expires_us(const struct token_store *store, struct str upstream)
{
	const struct entry *entry = newest(store, upstream);

	if (!entry || !entry->value)
		return 0;
	return clock_real_us() + ((int64_t)entry->expires_ms - (int64_t)clock_monotonic_ms()) * 1000;
}

uint64_t token_generation(const struct token_store *store, struct str upstream)
{
	const struct entry *entry = newest(store, upstream);

	return entry ? entry->generation : 0;
}
