#include "domain/route.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/settings_rows.h"

#define LIST_BYTES_MAX (2u << 20)
#define SCRATCH_BYTES_MAX 65536

/* --- the list --- */

struct route_list *route_list_new(void)
{
	struct route_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	arena_init(&list->arena, LIST_BYTES_MAX);
	list->rules = arena_take(&list->arena, ROUTES_ADDED_MAX * sizeof(*list->rules));
	list->numbers = arena_take(&list->arena, ROUTES_ADDED_MAX * sizeof(*list->numbers));
	if (list->rules && list->numbers)
		return list;
	route_list_free(list);
	return NULL;
}

void route_list_free(struct route_list *list)
{
	if (!list)
		return;
	arena_free_all(&list->arena);
	free(list);
}

/* An empty text is none. */
static bool keep(struct arena *arena, const char *text, const char **ret_kept)
{
	struct str kept;

	*ret_kept = NULL;
	if (!text || !text[0])
		return true;
	if (!arena_keep(arena, str_of(text), &kept))
		return false;
	*ret_kept = kept.ptr;
	return true;
}

bool route_list_put(struct route_list *list, size_t at, uint64_t number, const struct route_settings *rule)
{
	struct route_settings copy = { .size_over_bytes = rule->size_over_bytes };

	if (list->count == ROUTES_ADDED_MAX || !keep(&list->arena, rule->tenant, &copy.tenant) ||
	    !keep(&list->arena, rule->from, &copy.from) || !keep(&list->arena, rule->upstream, &copy.upstream))
		return false;
	memmove(&list->rules[at + 1], &list->rules[at], (list->count - at) * sizeof(*list->rules));
	memmove(&list->numbers[at + 1], &list->numbers[at], (list->count - at) * sizeof(*list->numbers));
	list->rules[at] = copy;
	list->numbers[at] = number;
	list->count++;
	return true;
}

bool route_list_copy(const struct route_list *list, struct route_list *ret_list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!route_list_put(ret_list, i, list->numbers[i], &list->rules[i]))
			return false;
	}
	return true;
}

/* --- text and back --- */

/* Each key of the settings' routes, and which text is meant for it. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "tenant", offsetof(struct route_text, tenant) },
	{ "from", offsetof(struct route_text, from) },
	{ "size-over-bytes", offsetof(struct route_text, size_over_bytes) },
	{ "upstream", offsetof(struct route_text, upstream) },
};

enum outcome route_parse(const struct route_text *text, struct route_settings *ret_rule, struct fault *fault)
{
	struct settings scratch = { 0 };
	struct route_settings parsed = { 0 };
	enum outcome outcome = OUTCOME_OK;

	arena_init(&scratch.arena, SCRATCH_BYTES_MAX);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts) && outcome == OUTCOME_OK; i++) {
		const struct settings_row *row = settings_row_find(SECTION_ROUTES, str_of(texts[i].key));
		const char *typed = *(const char *const *)((const char *)text + texts[i].offset);

		if (typed)
			outcome = row->kind->parse(&scratch, row, str_of(typed), (char *)&parsed + row->offset);
		if (outcome == OUTCOME_NEVER)
			(void)settings_value_wrong(row, str_of(typed), fault);
		else if (outcome == OUTCOME_LATER)
			(void)fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), row->key);
	}
	arena_free_all(&scratch.arena);
	if (outcome != OUTCOME_OK)
		return outcome;
	*ret_rule = (struct route_settings){
		.tenant = text->tenant,
		.from = text->from && strcmp(text->from, "*") == 0 ? NULL : text->from,
		.size_over_bytes = parsed.size_over_bytes,
		.upstream = text->upstream,
	};
	return OUTCOME_OK;
}

bool route_print(const struct route_settings *rule, struct buf *out)
{
	if (rule->tenant && !buf_add_format(out, "--tenant %s ", rule->tenant))
		return false;
	if (rule->from && !buf_add_format(out, "--from %s ", rule->from))
		return false;
	if (rule->size_over_bytes &&
	    !buf_add_format(out, "--size-over-bytes %llu ", (unsigned long long)rule->size_over_bytes))
		return false;
	return buf_add_format(out, "--upstream %s", rule->upstream);
}

/* --- all of them --- */

size_t route_count(const struct settings *settings, const struct route_list *list)
{
	return list->count + settings->routes_count;
}

const struct route_settings *route_at(const struct settings *settings, const struct route_list *list, size_t at)
{
	return at < list->count ? &list->rules[at] : &settings->routes[at - list->count];
}

void route_id_print(const struct route_list *list, size_t at, char ret_id[ROUTE_ID_MAX])
{
	if (at < list->count)
		(void)snprintf(ret_id, ROUTE_ID_MAX, "r%llu", (unsigned long long)list->numbers[at]);
	else
		(void)snprintf(ret_id, ROUTE_ID_MAX, "settings-%zu", at - list->count + 1);
}

bool route_find(const struct settings *settings, const struct route_list *list, struct str id, size_t *ret_at)
{
	for (size_t i = 0; i < route_count(settings, list); i++) {
		char name[ROUTE_ID_MAX];

		route_id_print(list, i, name);
		if (str_eq_nocase(id, str_of(name))) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

bool route_is_in_force(const struct settings *settings, const struct route_settings *rule)
{
	return settings_upstream(settings, str_of(rule->upstream)) != NULL;
}

static bool is_any(const char *pattern)
{
	return !pattern || strcmp(pattern, "*") == 0;
}

bool route_takes_all_of(const struct route_settings *a, const struct route_settings *b)
{
	if (a->tenant && !(b->tenant && str_eq_nocase(str_of(a->tenant), str_of(b->tenant))))
		return false;
	if (a->size_over_bytes > b->size_over_bytes)
		return false;
	if (is_any(a->from))
		return true;
	if (is_any(b->from))
		return false;
	if (a->from[0] == '@')
		return str_ends_nocase(str_of(b->from), str_of(a->from));
	return str_eq_nocase(str_of(a->from), str_of(b->from));
}

bool route_is_same(const struct route_settings *a, const struct route_settings *b)
{
	return route_takes_all_of(a, b) && route_takes_all_of(b, a) && strcmp(a->upstream, b->upstream) == 0;
}

bool route_taken_by(const struct settings *settings, const struct route_list *list, size_t at, size_t *ret_by)
{
	for (size_t i = 0; i < at; i++) {
		if (route_is_in_force(settings, route_at(settings, list, i)) &&
		    route_takes_all_of(route_at(settings, list, i), route_at(settings, list, at))) {
			*ret_by = i;
			return true;
		}
	}
	return false;
}

bool route_files_agree(const struct settings *a, const struct settings *b)
{
	if (a->upstreams_count != b->upstreams_count || a->routes_count != b->routes_count)
		return false;
	for (size_t i = 0; i < a->upstreams_count; i++) {
		const struct upstream_settings *one = &a->upstreams[i];
		const struct upstream_settings *other = settings_upstream(b, str_of(one->name));

		/* Of two that no route names there is no rest; whom another falls back to is named. */
		if (!other || !str_eq(str_of(one->fallback), str_of(other->fallback)))
			return false;
	}
	for (size_t i = 0; i < a->routes_count; i++) {
		if (!route_is_same(&a->routes[i], &b->routes[i]))
			return false;
	}
	return true;
}
