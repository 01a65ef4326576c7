#include "domain/settings.h"

#include <string.h>

#include "domain/nearest.h"

bool address_port_parse(struct str text, struct str *ret_host, unsigned *ret_port)
{
	size_t colon = str_find_last(text, ':');
	struct str host = { text.ptr, colon };
	uint64_t port;

	if (colon == text.len || !str_to_u64(str_skip(text, colon + 1), UINT16_MAX, &port) || port == 0)
		return false;
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = (struct str){ host.ptr + 1, host.len - 2 };
	else if (str_find(host, ':') < host.len)
		return false; /* an IPv6 address without its brackets */
	if (host.len == 0)
		return false;
	*ret_host = host;
	*ret_port = (unsigned)port;
	return true;
}

const struct upstream_settings *settings_upstream(const struct settings *settings, struct str name)
{
	for (size_t i = 0; i < settings->upstreams_count; i++) {
		if (str_eq(name, str_of(settings->upstreams[i].name)))
			return &settings->upstreams[i];
	}
	return NULL;
}

enum outcome settings_upstream_known(const struct settings *settings, struct str name, struct fault *fault)
{
	const char *names[UPSTREAMS_MAX];
	struct str near;

	if (settings_upstream(settings, name))
		return OUTCOME_OK;
	for (size_t i = 0; i < settings->upstreams_count; i++)
		names[i] = settings->upstreams[i].name;
	near = nearest(name, names, settings->upstreams_count);
	return fault_set(fault, OUTCOME_NEVER, N_("there is no upstream %.*s; there is %.*s"), STR_ARG(name),
	                 STR_ARG(near.len ? near : str_of(names[0])));
}

/* FNV-1a: any even spread will do, and it must be the same one after a restart. */
static uint32_t hash_of(struct str text)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
	return hash;
}

struct str settings_mailbox(const struct upstream_settings *upstream, struct str account, struct str sender)
{
	const struct mailbox_list *list = &upstream->mailboxes;
	struct str who = account.len ? account : sender;

	if (strcmp(upstream->mailbox, "same") == 0)
		return who;
	return str_of(list->items[list->count > 1 ? hash_of(who) % list->count : 0]);
}

static bool from_fits(const char *pattern, struct str from)
{
	if (!pattern || str_eq(str_of(pattern), STR("*")))
		return true;
	return pattern[0] == '@' ? str_ends_nocase(from, str_of(pattern))
	                         : str_eq_nocase(from, str_of(pattern));
}

/* A route names it, or another one falls back to it. */
static bool is_routed(const struct settings *settings, const struct upstream_settings *upstream)
{
	for (size_t i = 0; i < settings->upstreams_count; i++) {
		if (settings->upstreams[i].fallback && str_eq(str_of(settings->upstreams[i].fallback), str_of(upstream->name)))
			return true;
	}
	for (size_t i = 0; i < settings->routes_count; i++) {
		if (str_eq(str_of(settings->routes[i].upstream), str_of(upstream->name)))
			return true;
	}
	return false;
}

/* The one upstream that no route names; NULL when there is none or more than one. */
static const struct upstream_settings *upstream_unrouted(const struct settings *settings)
{
	const struct upstream_settings *found = NULL;

	for (size_t i = 0; i < settings->upstreams_count; i++) {
		if (is_routed(settings, &settings->upstreams[i]))
			continue;
		if (found)
			return NULL;
		found = &settings->upstreams[i];
	}
	return found;
}

static bool route_fits(const struct route_settings *route, struct str tenant, struct str from, uint64_t size)
{
	return (!route->tenant || str_eq_nocase(str_of(route->tenant), tenant)) && from_fits(route->from, from) &&
	       (route->size_over_bytes == 0 || size > route->size_over_bytes);
}

static const struct upstream_settings *first_that_fits(const struct settings *settings, const struct route_settings *routes,
                                                       size_t count, struct str tenant, struct str from, uint64_t size)
{
	const struct upstream_settings *upstream = NULL;

	for (size_t i = 0; i < count && !upstream; i++) {
		if (route_fits(&routes[i], tenant, from, size))
			upstream = settings_upstream(settings, str_of(routes[i].upstream));
	}
	return upstream;
}

const struct upstream_settings *settings_route(const struct settings *settings, struct str tenant,
                                               struct str from, uint64_t size)
{
	const struct upstream_settings *upstream =
	        first_that_fits(settings, settings->added, settings->added_count, tenant, from, size);

	if (!upstream)
		upstream = first_that_fits(settings, settings->routes, settings->routes_count, tenant, from, size);
	return upstream ? upstream : upstream_unrouted(settings);
}

enum language settings_notices_language(const struct settings *settings)
{
	return settings->notices.language ? (enum language)(settings->notices.language - 1) : settings->daemon.language;
}

const char *settings_notices_from(const struct settings *settings)
{
	if (settings->notices.from)
		return settings->notices.from;
	return settings->dsn_mailbox ? settings->dsn_mailbox : settings->daemon.administrator;
}

const struct upstream_settings *settings_notices_upstream(const struct settings *settings)
{
	struct str from = str_of(settings_notices_from(settings));

	if (settings->notices.upstream)
		return settings_upstream(settings, str_of(settings->notices.upstream));
	return settings_route(settings, str_skip(from, str_find_last(from, '@') + 1), from, 0);
}

const char *settings_notices_to(const struct settings *settings, size_t at)
{
	if (!settings->notices.mail)
		return NULL;
	if (settings->notices.mail_to.count > 0)
		return at < settings->notices.mail_to.count ? settings->notices.mail_to.items[at] : NULL;
	return at == 0 ? settings->daemon.administrator : NULL;
}
