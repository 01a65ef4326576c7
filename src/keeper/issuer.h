/* issuer: tokens of clients, checked against the issuers of the settings: their keys are fetched, kept and fetched anew when a token
 * names one that is not known, at most once in five minutes, whoever asks. */
#ifndef KEEPER_ISSUER_H
#define KEEPER_ISSUER_H

#include "domain/bearer.h"
#include "domain/settings.h"
#include "sys/http.h"
#include "sys/loop.h"

#define ISSUER_FETCH_SECONDS_MIN 300

struct issuers;

struct issuers *issuers_new(struct http *http, const struct settings *settings);
void issuers_settings(struct issuers *issuers, const struct settings *settings); /* keys are fetched anew */
void issuers_free(struct issuers *issuers);

/*
 * `on_verdict` comes once, at once or when the keys are here. `claims` (NULL when the token could not be read) are borrowed for the call.
 * `later`: the issuer's keys cannot be had just now; the verdict is BEARER_KEY then.
 */
void issuers_check(struct issuers *issuers, struct str token, struct str user, struct str domain,
		   void (*on_verdict)(void *context, enum bearer_verdict verdict, bool later, const json_t *claims), void *context);

#endif
