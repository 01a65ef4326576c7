#include "courier/token.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "wire/oauth.h"

#define SECRET_BYTES_MAX 4096
#define LIFETIME_S_MAX 86400 /* whatever the endpoint says: a secret is asked for again within a day */
#define TRY_AGAIN_SOON_MS 5000     /* the endpoint was not to be reached, or asked to come back */
#define TRY_AGAIN_LATE_MS 60000    /* it said no: only an administrator can change that */

struct waiter {
	struct waiter *next;
	void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault);
	void *context;
};

/* One upstream's identity. */
struct entry {
	struct token_store *store;
	char *name;
	char *value;          /* NULL: none yet */
	uint64_t generation;
	uint64_t expires_ms;  /* monotonic */
	uint64_t refresh_ms;
	uint64_t early_seconds;
	bool fetching;
	struct buf secret;    /* what was sent, while the answer is awaited: no log may show it if it comes back */
	uint64_t failed_until_ms;
	struct fault fault;
	struct waiter *waiting;
};

struct token_store {
	struct loop *loop;
	struct http *http;
	struct table entries; /* by name */
};

struct token_store *token_store_new(struct loop *loop, struct http *http)
{
	struct token_store *store = calloc(1, sizeof(*store));

	if (store) {
		store->loop = loop;
		store->http = http;
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

void token_store_free(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at))) {
		while (entry->waiting) {
			struct waiter *next = entry->waiting->next;

			free(entry->waiting);
			entry->waiting = next;
		}
		value_drop(entry);
		buf_wipe(&entry->secret);
		free(entry->name);
		free(entry);
	}
	table_done(&store->entries);
	free(store);
}

static struct entry *entry_for(struct token_store *store, struct str name)
{
	struct entry *entry = table_find(&store->entries, name);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->store = store;
	entry->name = str_dup(name);
	if (entry->name && table_put(&store->entries, str_of(entry->name), entry))
		return entry;
	free(entry->name);
	free(entry);
	return NULL;
}

static void answer(const struct entry *entry, const struct waiter *waiter)
{
	struct token token = {
		.value = str_of(entry->value),
		.generation = entry->generation,
	};

	if (entry->value)
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

static void failed(struct entry *entry, uint64_t wait_ms)
{
	entry->failed_until_ms = clock_monotonic_ms() + wait_ms;
	log_event(LOG_LEVEL_ERROR, "no token", LOG_TEXT("upstream", entry->name),
		  LOG_TEXT("reason", entry->fault.text[LANGUAGE_EN]), LOG_NUMBER("again_ms", wait_ms));
}

static void take(struct entry *entry, struct oauth_answer *given)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t lifetime_s = given->expires_in_s < LIFETIME_S_MAX ? given->expires_in_s : LIFETIME_S_MAX;
	/* A short-lived token is refreshed at half its time: early_seconds may be more than it has. */
	uint64_t early_s = entry->early_seconds < lifetime_s / 2 ? entry->early_seconds : lifetime_s / 2;

	value_drop(entry);
	entry->value = given->token;
	given->token = NULL;
	entry->generation++;
	entry->expires_ms = now_ms + lifetime_s * 1000;
	entry->refresh_ms = now_ms + (lifetime_s - early_s) * 1000;
	entry->failed_until_ms = 0;
	log_event(LOG_LEVEL_INFO, "token", LOG_TEXT("upstream", entry->name), LOG_NUMBER("seconds", lifetime_s),
		  LOG_NUMBER("generation", entry->generation));
}

static void understand(struct entry *entry, const struct http_answer *answer_)
{
	struct oauth_answer given = { 0 };
	const char *meaning;
	bool known;

	if (answer_->outcome != OUTCOME_OK) {
		entry->fault = answer_->fault;
		failed(entry, TRY_AGAIN_SOON_MS);
		return;
	}
	known = oauth_answer_parse(answer_->status, answer_->body, &given);
	oauth_answer_hide(&given, buf_str(&entry->secret));
	if (known && given.good) {
		take(entry, &given);
	} else {
		meaning = given.aadsts ? oauth_aadsts_explain(given.aadsts) : NULL;
		(void)fault_set(&entry->fault, OUTCOME_LATER, N_("the token endpoint of upstream %s answered %u %s: %s"), entry->name,
				answer_->status, given.error, given.description);
		if (meaning)
			log_event(LOG_LEVEL_ERROR, "token refused", LOG_TEXT("upstream", entry->name),
				  LOG_NUMBER("aadsts", given.aadsts), LOG_TEXT("meaning", meaning));
		failed(entry, given.passing ? TRY_AGAIN_SOON_MS : TRY_AGAIN_LATE_MS);
	}
	oauth_answer_done(&given);
}

static void on_answer(void *context, const struct http_answer *answer_)
{
	struct entry *entry = context;

	entry->fetching = false;
	understand(entry, answer_);
	buf_wipe(&entry->secret);
	answer_all(entry);
}

static enum outcome ask(struct entry *entry, const struct upstream_settings *upstream, const struct limits *limits,
			struct fault *fault)
{
	struct buf secret = { 0 };
	struct buf form;
	struct oauth_request request = { .client_id = str_of(upstream->client_id), .scope = str_of(upstream->scope) };
	struct http_request post = {
		.url = upstream->token_url,
		.ca_file = upstream->ca_file,
		.timeout_ms = (unsigned)limits->token_seconds_max * 1000,
		.answer_bytes_max = OAUTH_ANSWER_MAX,
	};
	enum outcome outcome = file_load_secret(upstream->client_secret_file, SECRET_BYTES_MAX, &secret, fault);

	buf_init(&form, 3 * SECRET_BYTES_MAX + 4096);
	request.client_secret = buf_str(&secret);
	if (outcome == OUTCOME_OK && !oauth_request_print(&form, &request))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), upstream->name);
	post.body = buf_str(&form);
	if (outcome == OUTCOME_OK)
		outcome = http_send(entry->store->http, &post, on_answer, entry, fault);
	buf_wipe(&form);
	buf_wipe(&entry->secret);
	if (outcome == OUTCOME_OK)
		entry->secret = secret;
	else
		buf_wipe(&secret);
	return outcome;
}

static void fetch(struct entry *entry, const struct upstream_settings *upstream, const struct limits *limits)
{
	if (entry->fetching)
		return;
	entry->early_seconds = limits->token_refresh_early_seconds;
	if (ask(entry, upstream, limits, &entry->fault) == OUTCOME_OK)
		entry->fetching = true;
	else
		failed(entry, TRY_AGAIN_LATE_MS);
}

void token_get(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits,
	       void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault),
	       void *context)
{
	struct entry *entry = entry_for(store, str_of(upstream->name));
	struct waiter now = { NULL, on_token, context };
	struct waiter *waiter;
	uint64_t now_ms = clock_monotonic_ms();
	struct fault fault;

	if (entry && entry->value && now_ms >= entry->expires_ms)
		value_drop(entry);
	if (entry && now_ms >= entry->failed_until_ms && (!entry->value || now_ms >= entry->refresh_ms))
		fetch(entry, upstream, limits);
	if (entry && (entry->value || !entry->fetching)) {
		answer(entry, &now); /* a token that is only being refreshed is still good */
		return;
	}
	waiter = entry ? malloc(sizeof(*waiter)) : NULL;
	if (!waiter) {
		(void)fault_set(&fault, OUTCOME_LATER, N_("out of memory for a token"));
		on_token(context, OUTCOME_LATER, NULL, &fault);
		return;
	}
	*waiter = now;
	waiter->next = entry->waiting;
	entry->waiting = waiter;
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

void token_refused(struct token_store *store, struct str upstream, uint64_t generation)
{
	struct entry *entry = table_find(&store->entries, upstream);

	if (entry && entry->generation == generation)
		value_drop(entry);
}

void token_retry(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at)))
		entry->failed_until_ms = 0;
}

void token_forget_all(struct token_store *store)
{
	struct entry *entry;
	size_t at = 0;

	while ((entry = table_next(&store->entries, &at))) {
		value_drop(entry);
		entry->failed_until_ms = 0;
	}
}

int64_t token_expires_us(const struct token_store *store, struct str upstream)
{
	const struct entry *entry = table_find(&store->entries, upstream);

	if (!entry || !entry->value)
		return 0;
	return clock_real_us() + ((int64_t)entry->expires_ms - (int64_t)clock_monotonic_ms()) * 1000;
}

uint64_t token_generation(const struct token_store *store, struct str upstream)
{
	const struct entry *entry = table_find(&store->entries, upstream);

	return entry ? entry->generation : 0;
}
