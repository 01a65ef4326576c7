/* forecast: what this gateway has that will expire: secrets, certificates, tokens; for status, health, notices and metrics. */
#ifndef KEEPER_FORECAST_H
#define KEEPER_FORECAST_H

#include <jansson.h>

#include "domain/forecast.h"
#include "keeper/keeper.h"

#define FORECAST_ITEMS_MAX 512

/* Every item, judged by the daemon's clock and zone, the soonest first; borrowed for the call. What cannot be read is left out. */
void forecast_each(struct keeper *keeper, void (*each)(void *context, const struct forecast_item *item), void *context);

/* For status: [ { kind, name, subject, expiresDateTime, daysLeft, urgency, source } ]. */
json_t *forecast_json(struct keeper *keeper);

/* A source of items (a row in forecast.c) calls this for each; the texts are copied. expires_us 0: none, left out. */
struct forecast;
void forecast_add(struct forecast *forecast, enum forecast_kind kind, struct str name, struct str subject, struct str source,
		  int64_t expires_us);

#endif
