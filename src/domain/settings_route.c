#include "domain/settings.h"

#include <string.h>

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

const struct upstream_settings *settings_route(const struct settings *settings, struct str tenant,
                                               struct str from, uint64_t size)
{
	for (size_t i = 0; i < settings->routes_count; i++) {
		const struct route_settings *route = &settings->routes[i];

		if (route->tenant && !str_eq_nocase(str_of(route->tenant), tenant))
			continue;
		if (from_fits(route->from, from) &&
		    (route->size_over_bytes == 0 || size > route->size_over_bytes))
			return settings_upstream(settings, str_of(route->upstream));
	}
	return upstream_unrouted(settings);
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
