#include "keeper/issuer.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "sys/jws.h"
#include "wire/jwks.h"
#include "wire/jwt.h"

#define FETCH_TIMEOUT_MS 10000
#define KEYS_STALE_MS (24ull * 3600 * 1000)
#define WAITING_MAX 256

struct key {
	char *kid;
	struct jws_key *public;
};

/* A token that waits for its issuer's keys. */
struct waiter {
	struct waiter *next;
	struct jwt jwt;
	char *token; /* what jwt borrows from */
	char *user, *domain;
	void (*on_verdict)(void *context, enum bearer_verdict verdict, bool later, const json_t *claims);
	void *context;
};

struct issuer {
	struct issuers *issuers;
	char *name;
	struct table keys;    /* of struct key, by kid */
	bool fetched, fetching;
	uint64_t asked_ms;    /* when the last fetch began */
	struct waiter *waiting;
	size_t waiting_count;
};

struct issuers {
	struct http *http;
	const struct settings *settings;
	struct table by_name;
};

/* --- keys --- */

static void drop_keys(struct issuer *issuer)
{
	struct key *key;
	size_t at = 0;

	while ((key = table_next(&issuer->keys, &at))) {
		jws_key_free(key->public);
		free(key->kid);
		free(key);
	}
	table_done(&issuer->keys);
}

static void add_key(void *context, const struct jwk *jwk)
{
	struct issuer *issuer = context;
	struct key *key = calloc(1, sizeof(*key));

	if (!key || table_find(&issuer->keys, jwk->kid)) {
		free(key);
		return;
	}
	key->kid = str_dup(jwk->kid);
	key->public = jwk->kind == JWK_RSA ? jws_key_rsa(jwk->first, jwk->second) : jws_key_p256(jwk->first, jwk->second);
	if (key->kid && key->public && table_put(&issuer->keys, str_of(key->kid), key))
		return;
	jws_key_free(key->public);
	free(key->kid);
	free(key);
}

static const struct issuer_settings *settings_of(const struct issuer *issuer)
{
	const struct settings *settings = issuer->issuers->settings;

	for (size_t i = 0; i < settings->issuers_count; i++) {
		if (strcmp(settings->issuers[i].name, issuer->name) == 0)
			return &settings->issuers[i];
	}
	return NULL;
}

/* A token without a kid is tried with the only key there is. */
static const struct key *key_for(const struct issuer *issuer, const struct jwt *jwt)
{
	size_t at = 0;

	if (jwt->kid[0] == '\0')
		return issuer->keys.count == 1 ? table_next(&issuer->keys, &at) : NULL;
	return table_find(&issuer->keys, str_of(jwt->kid));
}

/* --- one token --- */

static enum bearer_verdict judge(const struct issuer *issuer, const struct issuer_settings *settings, const struct jwt *jwt,
				 struct str user, struct str domain)
{
	const struct key *key = key_for(issuer, jwt);
	enum jws_algorithm algorithm;

	/* Pinned by the settings: a token does not choose how it is checked. */
	if (!jws_algorithm_parse(str_of(jwt->algorithm), &algorithm) || !(settings->algorithms & 1u << algorithm))
		return BEARER_ALGORITHM;
	if (!key)
		return BEARER_KEY;
	if (!jws_verify(key->public, algorithm, jwt->signed_part, buf_str(&jwt->signature)))
		return BEARER_SIGNATURE;
	return bearer_decide(settings, jwt->claims, user, domain, clock_real_ms() / 1000);
}

static void waiter_done(struct waiter *waiter)
{
	jwt_done(&waiter->jwt);
	if (waiter->token)
		sodium_memzero(waiter->token, strlen(waiter->token));
	free(waiter->token);
	free(waiter->user);
	free(waiter->domain);
}

static void waiter_free(struct waiter *waiter)
{
	waiter_done(waiter);
	free(waiter);
}

static void answer_waiting(struct issuer *issuer, bool later)
{
	const struct issuer_settings *settings = settings_of(issuer);
	struct waiter *waiter = issuer->waiting;

	issuer->waiting = NULL;
	issuer->waiting_count = 0;
	while (waiter) {
		struct waiter *next = waiter->next;
		enum bearer_verdict verdict = settings && !later ?
			judge(issuer, settings, &waiter->jwt, str_of(waiter->user), str_of(waiter->domain)) : BEARER_KEY;

		waiter->on_verdict(waiter->context, verdict, later, waiter->jwt.claims);
		waiter_free(waiter);
		waiter = next;
	}
}

static void on_key_set(void *context, const struct http_answer *answer)
{
	struct issuer *issuer = context;
	struct table old = issuer->keys;
	bool good;

	issuer->fetching = false;
	table_init(&issuer->keys);
	good = answer->outcome == OUTCOME_OK && answer->status == 200 && jwks_parse(answer->body, add_key, issuer) &&
	       issuer->keys.count > 0;
	if (good) {
		struct table fresh = issuer->keys;

		issuer->keys = old;
		drop_keys(issuer);
		issuer->keys = fresh;
		issuer->fetched = true;
		log_event(LOG_LEVEL_INFO, "issuer keys", LOG_TEXT("issuer", issuer->name), LOG_NUMBER("keys", fresh.count));
	} else {
		drop_keys(issuer);
		issuer->keys = old; /* the old ones are still genuine */
		log_event(LOG_LEVEL_ERROR, "no issuer keys", LOG_TEXT("issuer", issuer->name), LOG_NUMBER("status", answer->status),
			  LOG_TEXT("reason", answer->outcome == OUTCOME_OK ? "no key set came" : answer->fault.text[LANGUAGE_EN]));
	}
	answer_waiting(issuer, !good && !issuer->fetched);
}

/* False: not now; it was asked a moment ago. */
static bool fetch(struct issuer *issuer, const struct issuer_settings *settings)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct http_request request = {
		.url = settings->jwks_url,
		.ca_file = settings->ca_file,
		.timeout_ms = FETCH_TIMEOUT_MS,
		.answer_bytes_max = JWKS_BYTES_MAX,
	};
	struct fault fault;

	if (issuer->fetching)
		return true;
	if (issuer->asked_ms && now_ms - issuer->asked_ms < ISSUER_FETCH_SECONDS_MIN * 1000ull)
		return false;
	issuer->asked_ms = now_ms;
	issuer->fetching = http_send(issuer->issuers->http, &request, on_key_set, issuer, &fault) == OUTCOME_OK;
	if (!issuer->fetching)
		log_event(LOG_LEVEL_ERROR, "no issuer keys", LOG_TEXT("issuer", issuer->name), LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	return issuer->fetching;
}

static struct issuer *issuer_for(struct issuers *issuers, const char *name)
{
	struct issuer *issuer = table_find(&issuers->by_name, str_of(name));

	if (issuer)
		return issuer;
	issuer = calloc(1, sizeof(*issuer));
	if (!issuer)
		return NULL;
	issuer->issuers = issuers;
	issuer->name = str_dup(str_of(name));
	if (issuer->name && table_put(&issuers->by_name, str_of(issuer->name), issuer))
		return issuer;
	free(issuer->name);
	free(issuer);
	return NULL;
}

/* The settings' issuer that the token says it is from. That it says so is no proof: the signature is. */
static const struct issuer_settings *named_issuer(const struct issuers *issuers, const json_t *claims)
{
	const char *iss = json_string_value(json_object_get(claims, "iss"));

	for (size_t i = 0; iss && i < issuers->settings->issuers_count; i++) {
		if (strcmp(issuers->settings->issuers[i].issuer, iss) == 0)
			return &issuers->settings->issuers[i];
	}
	return NULL;
}

static bool wait_for_keys(struct issuer *issuer, const struct waiter *waiter)
{
	struct waiter *copy = issuer->waiting_count < WAITING_MAX ? malloc(sizeof(*copy)) : NULL;

	if (!copy)
		return false;
	*copy = *waiter;
	copy->next = issuer->waiting;
	issuer->waiting = copy;
	issuer->waiting_count++;
	return true;
}

void issuers_check(struct issuers *issuers, struct str token, struct str user, struct str domain,
		   void (*on_verdict)(void *context, enum bearer_verdict verdict, bool later, const json_t *claims), void *context)
{
	struct waiter waiter = { .on_verdict = on_verdict, .context = context, .token = str_dup(token),
				 .user = str_dup(user), .domain = str_dup(domain) };
	const struct issuer_settings *settings;
	struct issuer *issuer;
	enum bearer_verdict verdict = BEARER_MALFORMED;
	bool later = false;
	const char *why;

	if (!waiter.token || !waiter.user || !waiter.domain || !jwt_parse((struct str){ waiter.token, token.len }, &waiter.jwt, &why))
		goto answer;
	settings = named_issuer(issuers, waiter.jwt.claims);
	issuer = settings ? issuer_for(issuers, settings->name) : NULL;
	if (!issuer) {
		verdict = BEARER_ISSUER;
		goto answer;
	}
	if (issuer->fetched && clock_monotonic_ms() - issuer->asked_ms > KEYS_STALE_MS)
		(void)fetch(issuer, settings);
	verdict = judge(issuer, settings, &waiter.jwt, user, domain);
	if (verdict == BEARER_KEY) {
		if (fetch(issuer, settings) && wait_for_keys(issuer, &waiter))
			return;
		later = !issuer->fetched;
	}

answer:
	on_verdict(context, verdict, later, waiter.jwt.claims);
	waiter_done(&waiter);
}

struct issuers *issuers_new(struct http *http, const struct settings *settings)
{
	struct issuers *issuers = calloc(1, sizeof(*issuers));

	if (issuers) {
		issuers->http = http;
		issuers->settings = settings;
	}
	return issuers;
}

void issuers_settings(struct issuers *issuers, const struct settings *settings)
{
	struct issuer *issuer;
	size_t at = 0;

	issuers->settings = settings;
	while ((issuer = table_next(&issuers->by_name, &at))) {
		if (!issuer->fetching)
			issuer->asked_ms = 0; /* the next token that needs a key may ask at once */
	}
}

void issuers_free(struct issuers *issuers)
{
	struct issuer *issuer;
	size_t at = 0;

	while (issuers && (issuer = table_next(&issuers->by_name, &at))) {
		while (issuer->waiting) {
			struct waiter *next = issuer->waiting->next;

			waiter_free(issuer->waiting);
			issuer->waiting = next;
		}
		drop_keys(issuer);
		free(issuer->name);
		free(issuer);
	}
	if (issuers)
		table_done(&issuers->by_name);
	free(issuers);
}
