/* token: access tokens for the upstreams: one request per identity at a time, kept, refreshed well before they end, a refused one
 * refreshed once. How a token is asked for is grant.h's. */
#ifndef COURIER_TOKEN_H
#define COURIER_TOKEN_H

#include "base/fault.h"
#include "domain/settings.h"
#include "keep/vault.h"
#include "sys/http.h"
#include "sys/loop.h"

struct token_store;

struct token {
	struct str value;    /* borrowed for the call */
	uint64_t generation; /* rises with each new token, no two tokens have the same: what was made with an older one is not reused */
};

struct token_store *token_store_new(struct loop *loop, struct http *http, struct vault *vault);
void token_store_free(struct token_store *store); /* who waits hears nothing more */

/* The token for an upstream's identity, now or when it is here. OUTCOME_LATER with a sentence: the endpoint is down or said no; that answer is
 * kept for a while, so that nothing hammers it. `mailbox` counts only where each mailbox has a token of its own (a Google service account); "" else. */
void token_get_for(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits, struct str mailbox,
		   void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context);
void token_get(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits,
	       void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault),
	       void *context);
/* Likewise, but a fresh one, asked for now even after a failure: for who tests whether the endpoint gives any. What is at hand stays in
 * use until the new one comes. */
void token_renew(struct token_store *store, const struct upstream_settings *upstream, const struct limits *limits, struct str mailbox,
		 void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context);
void token_cancel(struct token_store *store, void *context); /* that waiter is gone; looks through all identities: only who waits asks it */

/* The upstream refused this generation: the next token_get asks for a new one, once for all who noticed. */
void token_refused(struct token_store *store, struct str upstream, uint64_t generation);
void token_retry(struct token_store *store);      /* what failed may be asked for again at once */
void token_forget_all(struct token_store *store); /* settings have changed */
void token_forget(struct token_store *store, struct str upstream); /* somebody has signed in anew */

/* Is this generation the newest of its identity (`mailbox` as it was asked for with)? What was made with an older one is not reused. */
bool token_is_current(const struct token_store *store, struct str upstream, struct str mailbox, uint64_t generation);
/* How long no new try is made; 0: the next token_get may. *ret_fault NULL: nothing failed. For an upstream whose mailboxes have tokens of their own,
 * the longest. */
uint64_t token_waits_ms(const struct token_store *store, struct str upstream, const struct fault **ret_fault);

/* Of the newest of the upstream's tokens. 0: none. */
int64_t token_expires_us(const struct token_store *store, struct str upstream);
uint64_t token_generation(const struct token_store *store, struct str upstream);

#endif
