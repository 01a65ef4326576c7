#include <string.h>

#include "base/clock.h"
#include "domain/settings_rows.h"

#define SOCKET_PATH_MAX 107 /* unix(7), sun_path without its NUL */

/*
 * What the settings can say and this version cannot do. `value` NULL: the whole key; else what the value
 * begins with. To allow one: build it, then delete its row.
 */
static const struct {
	enum settings_section section;
	const char *key;
	const char *value;
} not_built[] = {
	{ SECTION_LEDGER, "url", "postgresql" },
	{ SECTION_LISTENERS, "proxy-protocol-from", NULL },
	{ SECTION_LISTENERS, "personality", "exchange" },
	{ SECTION_CONSOLE, "address", NULL },
	{ SECTION_METRICS, "address", NULL },
};

enum outcome settings_check_built(struct settings_reader *reader, const struct settings_row *row,
                                  struct str value, struct settings_mark mark)
{
	for (size_t i = 0; i < sizeof(not_built) / sizeof(*not_built); i++) {
		if (not_built[i].section != row->section ||
		    !str_eq(str_of(not_built[i].key), str_of(row->key)))
			continue;
		if (!not_built[i].value)
			return SETTINGS_BLAME(reader, mark, N_("%s: %s is not available in this version"),
			                      settings_sections[row->section].name, row->key);
		if (str_starts(value, str_of(not_built[i].value)))
			return SETTINGS_BLAME(reader, mark, N_("%s %s is not available in this version"),
			                      row->key, not_built[i].value);
	}
	return OUTCOME_OK;
}

struct settings_mark settings_mark_of(const struct settings_reader *reader, enum settings_section section,
                                      size_t at, const char *key)
{
	size_t count;
	const struct settings_row *first = settings_rows_of(section, &count);
	const struct settings_row *row = settings_row_find(section, str_of(key));
	struct settings_mark mark = { 0 };

	if (row && reader->marks[section] && reader->marks[section][at])
		mark = reader->marks[section][at][row - first];
	return mark.line ? mark : reader->items[section][at];
}

bool settings_is_given(const struct settings_reader *reader, enum settings_section section, size_t at,
                       const char *key)
{
	size_t count;
	const struct settings_row *first = settings_rows_of(section, &count);

	return reader->marks[section][at][settings_row_find(section, str_of(key)) - first].line > 0;
}

static enum outcome check_listener(struct settings_reader *reader, size_t at)
{
	const struct listener_settings *listener = &reader->settings->listeners[at];

#define MARK(key) settings_mark_of(reader, SECTION_LISTENERS, at, key)
	if (listener->tls != LISTENER_NONE && listener->certificates_count == 0)
		return SETTINGS_BLAME(reader, MARK("tls"),
		                      N_("listener %s needs certificates: [ { certificate: FILE, key: FILE } "
		                         "], or tls: none"),
		                      listener->name);
	if (!listener->require_auth && listener->trusted_count == 0)
		return SETTINGS_BLAME(reader, MARK("require-auth"),
		                      N_("listener %s: require-auth: no needs trusted, the networks that may "
		                         "send without signing in; or anybody could send"),
		                      listener->name);
	if (listener->tls == LISTENER_NONE && listener->plaintext_auth_from.count == 0 &&
	    listener->trusted_count == 0)
		return SETTINGS_BLAME(reader, MARK("tls"),
		                      N_("listener %s: with tls: none nobody could sign in; name the "
		                         "networks that may in plaintext-auth-from"),
		                      listener->name);
	if (listener->mechanisms == 0)
		return SETTINGS_BLAME(reader, MARK("mechanisms"), N_("listener %s: mechanisms is empty"),
		                      listener->name);
	return OUTCOME_OK;
#undef MARK
}

static bool is_loopback(const char *host)
{
	static const struct cidr loopback[] = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 }, 104 },
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 128 },
	};
	unsigned char ip[16];

	if (str_eq_nocase(str_of(host), STR("localhost")))
		return true;
	return ip_parse(str_of(host), ip) && cidr_any_has(loopback, 2, ip);
}

static bool is_oauth(const struct upstream_settings *upstream)
{
	return upstream->auth == UPSTREAM_XOAUTH2 || upstream->auth == UPSTREAM_OAUTHBEARER;
}

/* http://user:password@host */
static bool has_password(struct str url)
{
	size_t at = str_find_last(url, '@');
	size_t scheme = str_find(url, '/');
	struct str who;

	if (at == url.len)
		return false;
	who = scheme < at ? (struct str){ url.ptr + scheme, at - scheme } : (struct str){ url.ptr, at };
	return str_find(who, ':') < who.len;
}

#define MARK(key) settings_mark_of(reader, SECTION_UPSTREAMS, at, key)

static enum outcome check_smtp(struct settings_reader *reader, size_t at)
{
	const struct upstream_settings *upstream = &reader->settings->upstreams[at];

	if (is_oauth(upstream) && settings_check_oauth(reader, at) != OUTCOME_OK)
		return reader->fault->outcome;
	if (!upstream->host)
		return SETTINGS_BLAME(reader, MARK("host"), N_("upstream %s needs host, the server's name"),
		                      upstream->name);
	if ((upstream->auth == UPSTREAM_LOGIN || upstream->auth == UPSTREAM_PLAIN) &&
	    (!upstream->user || !upstream->password_file))
		return SETTINGS_BLAME(reader, MARK("auth"),
		                      N_("upstream %s: auth: login and plain need user and password-file"),
		                      upstream->name);
	if (upstream->tls == UPSTREAM_CLEAR && upstream->auth != UPSTREAM_NO_AUTH &&
	    !is_loopback(upstream->host))
		return SETTINGS_BLAME(reader, MARK("tls"),
		                      N_("upstream %s: tls: none would send credentials in clear; use "
		                         "starttls or implicit, or auth: none"),
		                      upstream->name);
	return OUTCOME_OK;
}

static enum outcome check_graph(struct settings_reader *reader, size_t at)
{
	const struct upstream_settings *upstream = &reader->settings->upstreams[at];

	if (!is_oauth(upstream))
		return SETTINGS_BLAME(reader, MARK("auth"),
		                      N_("upstream %s: kind: graph signs in with tokens only; leave out auth"), upstream->name);
	if (!upstream->graph_url)
		return SETTINGS_BLAME(reader, MARK("graph-url"),
		                      N_("upstream %s: kind: graph with cloud: custom needs graph-url"), upstream->name);
	return settings_check_oauth(reader, at);
}

static enum outcome check_inbox(struct settings_reader *reader, size_t at)
{
	const struct upstream_settings *upstream = &reader->settings->upstreams[at];

	if (!upstream->folder)
		return SETTINGS_BLAME(reader, MARK("folder"),
		                      N_("upstream %s: kind: inbox needs folder, where messages are put"), upstream->name);
	return OUTCOME_OK;
}

/* What each kind needs. To add a kind: a row. */
static enum outcome (*const kind_checks[UPSTREAM_KIND_COUNT])(struct settings_reader *reader, size_t at) = {
	[UPSTREAM_SMTP] = check_smtp,
	[UPSTREAM_GRAPH] = check_graph,
	[UPSTREAM_INBOX] = check_inbox,
};

static enum outcome check_upstream(struct settings_reader *reader, size_t at)
{
	const struct upstream_settings *upstream = &reader->settings->upstreams[at];
	int64_t date_us;

	if (upstream->folder && upstream->kind != UPSTREAM_INBOX)
		return SETTINGS_BLAME(reader, MARK("folder"), N_("upstream %s: folder needs kind: inbox"), upstream->name);
	if (upstream->client_secret_expires && !upstream->client_secret_file &&
	    (!upstream->certificate_file || clock_rfc3339_parse(str_of(upstream->client_secret_expires), &date_us)))
		return SETTINGS_BLAME(reader, MARK("client-secret-expires"),
		                      N_("upstream %s: client-secret-expires needs client-secret-file"), upstream->name);
	if (upstream->proxy_password_file && (!upstream->proxy || !strchr(upstream->proxy, '@')))
		return SETTINGS_BLAME(reader, MARK("proxy-password-file"),
		                      N_("upstream %s: proxy-password-file needs a proxy with a name, such as http://user@proxy.example:3128"),
		                      upstream->name);
	if (upstream->proxy && has_password(str_of(upstream->proxy)))
		return SETTINGS_BLAME(reader, MARK("proxy"),
		                      N_("upstream %s: proxy: the password belongs into proxy-password-file, not into the URL"),
		                      upstream->name);
	return kind_checks[upstream->kind](reader, at);
}

#undef MARK

enum outcome settings_check_item(struct settings_reader *reader, enum settings_section section, size_t at)
{
	if (section == SECTION_LISTENERS)
		return check_listener(reader, at);
	if (section == SECTION_UPSTREAMS)
		return check_upstream(reader, at);
	return OUTCOME_OK;
}

/* Whether two listeners want one port of one address; an address of all hosts takes the others' as well. */
static bool is_same_place(const char *a, const char *b)
{
	struct str host[2];
	unsigned port[2];
	unsigned char ip[2][16];

	return address_port_parse(str_of(a), &host[0], &port[0]) &&
	       address_port_parse(str_of(b), &host[1], &port[1]) && port[0] == port[1] &&
	       ip_parse(host[0], ip[0]) && ip_parse(host[1], ip[1]) &&
	       memcmp(ip[0], ip[1], sizeof(ip[0])) == 0;
}

static enum outcome check_listeners(struct settings_reader *reader)
{
	const struct settings *settings = reader->settings;

	if (settings->listeners_count == 0)
		return SETTINGS_BLAME(reader, reader->sections[SECTION_LISTENERS],
		                      N_("there is no listener; devices need one under listeners"));
	for (size_t i = 0; i < settings->listeners_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (is_same_place(settings->listeners[i].address, settings->listeners[k].address))
				return SETTINGS_BLAME(
				        reader, settings_mark_of(reader, SECTION_LISTENERS, i, "address"),
				        N_("listeners %s and %s have the same address %s"),
				        settings->listeners[k].name, settings->listeners[i].name,
				        settings->listeners[i].address);
		}
	}
	return OUTCOME_OK;
}

static enum outcome check_fallbacks(struct settings_reader *reader)
{
	const struct settings *settings = reader->settings;

	for (size_t i = 0; i < settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &settings->upstreams[i];
		const struct upstream_settings *fallback = upstream->fallback ? settings_upstream(settings, str_of(upstream->fallback)) : upstream;

		if (upstream->fallback && (!fallback || fallback == upstream))
			return SETTINGS_BLAME(reader, settings_mark_of(reader, SECTION_UPSTREAMS, i, "fallback"),
			                      N_("upstream %s: fallback %s is not another upstream"), upstream->name,
			                      upstream->fallback);
	}
	return OUTCOME_OK;
}

static enum outcome check_routes(struct settings_reader *reader)
{
	const struct settings *settings = reader->settings;

	if (settings->upstreams_count == 0)
		return SETTINGS_BLAME(reader, reader->sections[SECTION_UPSTREAMS],
		                      N_("there is no upstream; mail needs one under upstreams to go on to"));
	if (settings->upstreams_count > 1 && settings->routes_count == 0)
		return SETTINGS_BLAME(
		        reader, reader->sections[SECTION_UPSTREAMS],
		        N_("there are %zu upstreams and no routes; say which mail goes where under routes"),
		        settings->upstreams_count);
	for (size_t i = 0; i < settings->routes_count; i++) {
		if (settings_upstream_known(settings, str_of(settings->routes[i].upstream), reader->fault) != OUTCOME_OK)
			return settings_place(reader, settings_mark_of(reader, SECTION_ROUTES, i, "upstream"));
	}
	return OUTCOME_OK;
}

static enum outcome check_notices(struct settings_reader *reader)
{
	const struct settings *settings = reader->settings;
	const struct notices_settings *notices = &settings->notices;

	if (!reader->sections[SECTION_NOTICES].line)
		return OUTCOME_OK;
#define MARK(key) settings_mark_of(reader, SECTION_NOTICES, 0, key)
	if (notices->webhook && !notices->webhook_secret_file)
		return SETTINGS_BLAME(reader, MARK("webhook"),
		                      N_("notices: webhook needs webhook-secret-file, so that who gets them can tell "
		                         "that they are this gateway's"));
	if (notices->mail_to.count > 0 && !settings_notices_from(settings))
		return SETTINGS_BLAME(reader, MARK("mail-to"),
		                      N_("notices: mail-to needs from, the address that sends them (or dsn: mailbox)"));
	if (notices->upstream && settings_upstream_known(settings, str_of(notices->upstream), reader->fault) != OUTCOME_OK)
		return settings_place(reader, MARK("upstream"));
	return OUTCOME_OK;
#undef MARK
}

enum outcome settings_check_file(struct settings_reader *reader)
{
	const struct settings *settings = reader->settings;

	if (check_listeners(reader) != OUTCOME_OK || check_routes(reader) != OUTCOME_OK ||
	    check_fallbacks(reader) != OUTCOME_OK || check_notices(reader) != OUTCOME_OK)
		return OUTCOME_NEVER;
	if (strlen(settings->daemon.socket) > SOCKET_PATH_MAX)
		return SETTINGS_BLAME(
		        reader, reader->sections[SECTION_DAEMON],
		        N_("socket: %s is longer than %d bytes, the most that a socket's name may have"),
		        settings->daemon.socket, SOCKET_PATH_MAX);
	if (settings->limits.retry_first_seconds > settings->limits.retry_seconds_max)
		return SETTINGS_BLAME(reader, reader->sections[SECTION_LIMITS],
		                      N_("retry-first-seconds is more than retry-seconds-max"));
	return OUTCOME_OK;
}
