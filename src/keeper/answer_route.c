/* answer_route: the routes of the settings file and those that were added: shown, added, removed. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "keeper/ledger_job.h"
#include "keeper/routes.h"

/* --- shown --- */

static json_t *route_json(const struct settings *settings, const struct route_list *list, size_t at)
{
	const struct route_settings *rule = route_at(settings, list, at);
	const struct upstream_settings *upstream = settings_upstream(settings, str_of(rule->upstream));
	char id[ROUTE_ID_MAX], by[ROUTE_ID_MAX] = "";
	size_t taken_by;

	route_id_print(list, at, id);
	if (route_taken_by(settings, list, at, &taken_by))
		route_id_print(list, taken_by, by);
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:s,s:s?,s:b,s:s?}", "number", (json_int_t)(at + 1), "id", id, "source",
			 at < list->count ? "ledger" : "settings", "tenant", rule->tenant ? rule->tenant : "*", "from",
			 rule->from ? rule->from : "*", "sizeOverBytes", (json_int_t)rule->size_over_bytes, "upstream", rule->upstream,
			 "fallback", upstream ? upstream->fallback : NULL, "inForce", upstream != NULL, "takenBy", by[0] ? by : NULL);
}

void answer_route_list(struct api_call *call)
{
	const struct settings *settings = call->keeper->settings;
	const struct route_list *list = call->keeper->routes;

	for (size_t i = 0; i < route_count(settings, list); i++) {
		const struct route_settings *rule = route_at(settings, list, i);
		char id[ROUTE_ID_MAX];

		api_row(call, route_json(settings, list, i));
		route_id_print(list, i, id);
		if (!route_is_in_force(settings, rule))
			api_note(call, N_("%s is passed over: its upstream %s is not in the settings; add it there, or: sekisho route remove %s"),
				 id, rule->upstream, id);
	}
	if (settings->routes_count == 0 && settings->upstreams_count > 0)
		api_note(call, list->count == 0 ? N_("there are no routes: all mail goes by %s") : N_("all other mail goes by %s"),
			 settings->upstreams[0].name);
	api_end(call, EX_OK);
}

/* --- changes: to the ledger first, then what the ledger has is what is in memory --- */

struct change {
	struct keeper *keeper;
	struct route_settings rule; /* its texts are the call's, or of the list in memory, which no other change replaces meanwhile */
	uint64_t number;            /* of the one to remove, or that was made */
	uint64_t before;
	struct route_list *list;    /* as it is after the change */
};

static void change_drop(void *state)
{
	struct change *change = state;

	change->keeper->routes_change = false;
	route_list_free(change->list);
	free(change);
}

/* A job with `change` in it. NULL: the call has been ended. */
static struct ledger_job *job_of(struct api_call *call, const struct change *change)
{
	struct ledger_job *job;
	struct change *copy;

	if (call->keeper->routes_change) {
		api_fail_text(call, EX_TEMPFAIL, N_("another change of the routes is being written; try again"));
		return NULL;
	}
	copy = malloc(sizeof(*copy));
	if (copy) {
		*copy = *change;
		copy->list = route_list_new();
	}
	if (!copy || !copy->list) {
		free(copy);
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return NULL;
	}
	copy->keeper = call->keeper;
	job = ledger_job_new(call, true);
	if (!job) {
		route_list_free(copy->list);
		free(copy);
		return NULL;
	}
	call->keeper->routes_change = true;
	job->state = copy;
	job->drop = change_drop;
	return job;
}

/* True: the ledger has it, and so has the memory. Else the call has been ended; `job` is the caller's to free all the same. */
static bool taken(struct ledger_job *job)
{
	struct change *change = job->state;

	if (job->outcome != OUTCOME_OK) {
		api_end_outcome(job->call, job->outcome, &job->fault);
		return false;
	}
	routes_take(change->keeper, change->list);
	change->list = NULL;
	return true;
}

static enum outcome read_back(struct change *change, struct ledger *ledger, struct fault *fault)
{
	if (ledger_routes(ledger, change->list, fault) == OUTCOME_OK)
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_LATER, N_("it is written, but the daemon is out of memory; restart it"));
}

/* --- added --- */

/* What of its mail, or of the others', now never comes there. */
static void tell_taken(struct api_call *call, const struct route_list *list, size_t at)
{
	const struct settings *settings = call->keeper->settings;
	const struct route_settings *rule = route_at(settings, list, at);
	char id[ROUTE_ID_MAX], other[ROUTE_ID_MAX];
	size_t by, count = 0, first = 0;

	route_id_print(list, at, id);
	if (route_taken_by(settings, list, at, &by)) {
		route_id_print(list, by, other);
		api_note(call, N_("no mail will go by this route: %s before it takes all of it; put it in front with --before"), other);
		return;
	}
	for (size_t i = at + 1; i < route_count(settings, list); i++) {
		if (route_taken_by(settings, list, i, &by) && by == at && count++ == 0)
			first = i;
	}
	route_id_print(list, first, other);
	if (count == 1)
		api_note(call, N_("no mail goes by %s any more: this route before it takes all of it"), other);
	else if (count > 1)
		api_note(call, N_("no mail goes by %s and %zu more any more: this route before them takes all of it"), other, count - 1);
	if (rule->tenant && !directory_tenant(&call->keeper->directory, str_of(rule->tenant)))
		api_note(call, N_("there is no tenant %s yet: no mail goes by this route before there is"), rule->tenant);
}

static enum outcome run_add(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct change *change = job->state;

	if (ledger_route_add(ledger, &change->rule, change->before, str_of(job->call->actor), &change->number, fault) != OUTCOME_OK)
		return fault->outcome;
	return read_back(change, ledger, fault);
}

static void done_add(struct ledger_job *job)
{
	const struct change *change = job->state;
	const struct keeper *keeper = change->keeper;

	if (taken(job)) {
		for (size_t i = 0; i < keeper->routes->count; i++) {
			if (keeper->routes->numbers[i] != change->number)
				continue;
			api_row(job->call, route_json(keeper->settings, keeper->routes, i));
			tell_taken(job->call, keeper->routes, i);
		}
		api_end(job->call, EX_OK);
	}
	change_drop(job->state);
	ledger_job_free(job);
}

/* Nothing is written: as it would be. */
static void try_it(struct api_call *call, const struct change *change, size_t at)
{
	const struct settings *settings = call->keeper->settings;
	struct route_list *list = route_list_new();
	json_t *row;

	if (!list || !route_list_copy(call->keeper->routes, list) || !route_list_put(list, at, 0, &change->rule)) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
	} else {
		row = route_json(settings, list, at);
		if (row)
			(void)json_object_set_new(row, "id", json_null());
		api_row(call, row);
		tell_taken(call, list, at);
		api_note(call, N_("nothing was changed: this is how it would be"));
		api_end(call, EX_OK);
	}
	route_list_free(list);
}

/* Among the added ones. False: the call has been ended. */
static bool place_of(struct api_call *call, struct change *change, size_t *ret_at)
{
	const struct route_list *list = call->keeper->routes;
	const char *before = api_text(call, "before");

	*ret_at = list->count;
	if (!before)
		return true;
	if (!route_find(call->keeper->settings, list, str_of(before), ret_at)) {
		api_fail_text(call, EX_DATAERR, N_("there is no route %s; see: sekisho route list"), before);
		return false;
	}
	if (*ret_at < list->count) {
		change->before = list->numbers[*ret_at];
		return true;
	}
	if (*ret_at == list->count) /* the file's first: the added ones stand before it anyway */
		return true;
	api_fail_text(call, EX_DATAERR, N_("%s stands in the settings, and every added route before those; leave out --before"), before);
	return false;
}

/* False: the call has been ended. */
static bool may_be_added(struct api_call *call, const struct change *change)
{
	const struct route_list *list = call->keeper->routes;
	char id[ROUTE_ID_MAX];

	for (size_t i = 0; i < list->count; i++) {
		if (!route_is_same(&list->rules[i], &change->rule))
			continue;
		route_id_print(list, i, id);
		api_fail_text(call, EX_DATAERR, N_("there is such a route already: %s; to give it another place, remove it first: sekisho route remove %s"), id, id);
		return false;
	}
	if (list->count < ROUTES_ADDED_MAX)
		return true;
	api_fail_text(call, EX_DATAERR, N_("there are %d added routes, and more are not taken; put those that stay into the settings"), ROUTES_ADDED_MAX);
	return false;
}

void answer_route_add(struct api_call *call)
{
	struct route_text text = { api_text(call, "tenant"), api_text(call, "from"), api_text(call, "size-over-bytes"), api_text(call, "upstream") };
	struct change change = { 0 };
	struct ledger_job *job;
	struct fault fault;
	size_t at;

	if (!text.upstream) {
		api_fail_text(call, EX_USAGE, N_("say by which upstream: route add --upstream NAME; sekisho upstream list has their names"));
		return;
	}
	if (route_parse(&text, &change.rule, &fault) != OUTCOME_OK ||
	    settings_upstream_known(call->keeper->settings, str_of(text.upstream), &fault) != OUTCOME_OK) {
		api_end_outcome(call, fault.outcome, &fault);
		return;
	}
	if (!place_of(call, &change, &at) || !may_be_added(call, &change))
		return;
	if (api_flag(call, "dry-run")) {
		try_it(call, &change, at);
		return;
	}
	job = job_of(call, &change);
	if (!job)
		return;
	job->run = run_add;
	job->done = done_add;
	ledger_job_start(job);
}

/* --- removed --- */

static enum outcome run_remove(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	struct change *change = job->state;

	if (ledger_route_remove(ledger, change->number, &change->rule, str_of(job->call->actor), fault) != OUTCOME_OK)
		return fault->outcome;
	return read_back(change, ledger, fault);
}

static void done_remove(struct ledger_job *job)
{
	const struct change *change = job->state;
	CLEANUP(cleanup_buf) struct buf words;

	buf_init(&words, ROUTE_TEXT_MAX);
	(void)route_print(&change->rule, &words); /* before the list goes that has them */
	if (taken(job)) {
		api_note(job->call, N_("removed; its mail now goes as the others say. To have it again: sekisho route add %.*s"), (int)words.len,
			 words.len ? words.ptr : "");
		api_end(job->call, EX_OK);
	}
	change_drop(job->state);
	ledger_job_free(job);
}

/* The place in the list is no name: it changes with every route before it. */
static void fail_unknown(struct api_call *call, const char *name)
{
	const struct route_list *list = call->keeper->routes;
	uint64_t number;
	char id[ROUTE_ID_MAX];

	if (str_to_u64(str_of(name), route_count(call->keeper->settings, list), &number) && number > 0) {
		route_id_print(list, (size_t)number - 1, id);
		api_fail_text(call, EX_DATAERR, N_("a route is named by its ID, which number %s of the list has as %s: sekisho route remove %s"), name, id, id);
	} else {
		api_fail_text(call, EX_DATAERR, N_("there is no route %s; see: sekisho route list"), name);
	}
}

void answer_route_remove(struct api_call *call)
{
	const struct settings *settings = call->keeper->settings;
	const struct route_list *list = call->keeper->routes;
	const char *name = api_text(call, "id");
	struct change change = { 0 };
	struct ledger_job *job;
	size_t at;

	if (!name) {
		api_fail_text(call, EX_USAGE, N_("say which one: route remove r1; sekisho route list has their IDs"));
		return;
	}
	if (!route_find(settings, list, str_of(name), &at)) {
		fail_unknown(call, name);
		return;
	}
	if (at >= list->count) {
		api_fail_text(call, 1, N_("%s stands in the settings file: take item %zu out of routes in %s, then: sekisho reload"), name,
			      at - list->count + 1, settings->file);
		return;
	}
	change.number = list->numbers[at];
	change.rule = list->rules[at];
	job = job_of(call, &change);
	if (!job)
		return;
	job->run = run_remove;
	job->done = done_remove;
	ledger_job_start(job);
}
