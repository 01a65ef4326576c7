/* routes: the added routes in memory: read from the ledger, and given to whatever settings are in force. */
#ifndef KEEPER_ROUTES_H
#define KEEPER_ROUTES_H

#include "domain/route.h"
#include "keeper/keeper.h"

/* At the start, after the ledger: reads them and gives them to the keeper's settings. */
enum outcome routes_load(struct keeper *keeper, struct fault *fault);
/* New settings get them before anything is routed by these; those whose upstream is not there are told to the log. */
void routes_settings(const struct keeper *keeper, struct settings *settings);
/* Takes over `list`, as the ledger now is. */
void routes_take(struct keeper *keeper, struct route_list *list);

#endif
