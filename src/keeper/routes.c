#include "keeper/routes.h"

#include "base/log.h"

enum outcome routes_load(struct keeper *keeper, struct fault *fault)
{
	keeper->routes = route_list_new();
	if (!keeper->routes)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory at the start"));
	if (ledger_routes(keeper->ledger, keeper->routes, fault) != OUTCOME_OK)
		return fault->outcome;
	routes_settings(keeper, keeper->settings);
	return OUTCOME_OK;
}

void routes_settings(const struct keeper *keeper, struct settings *settings)
{
	const struct route_list *list = keeper->routes;

	settings->added = list->rules;
	settings->added_count = list->count;
	for (size_t i = 0; i < list->count; i++) {
		char id[ROUTE_ID_MAX];

		if (route_is_in_force(settings, &list->rules[i]))
			continue;
		route_id_print(list, i, id);
		log_event(LOG_LEVEL_ERROR, "an added route is passed over: its upstream is not in the settings", LOG_TEXT("route", id),
			  LOG_TEXT("upstream", list->rules[i].upstream));
	}
}

void routes_take(struct keeper *keeper, struct route_list *list)
{
	struct route_list *old = keeper->routes;

	keeper->routes = list;
	keeper->settings->added = list->rules;
	keeper->settings->added_count = list->count;
	route_list_free(old);
	dispatch_reroute(keeper->dispatch);
}
