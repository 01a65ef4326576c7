#include "domain/settings_derive.h"

#include <stdio.h>
#include <string.h>

#include "domain/settings.h"

#define TENANT "{tenant}"
#define ENTRA(host_) "https://" host_ "/" TENANT "/oauth2/v2.0/"
#define CLOUD(name_, login_, host_, graph_, resource_, user_resource_) \
	{ .name = (name_), .host = (host_), .token = ENTRA(login_) "token", .device_code = ENTRA(login_) "devicecode",             \
	  .authorize = ENTRA(login_) "authorize", .graph = (graph_), .scope = resource_ "/.default",                               \
	  .user_scope = user_resource_ "/SMTP.Send offline_access" }

/*
 * Endpoints of Entra, of SMTP client submission and of Graph, and Google's. To add one: a row. Sources: Microsoft, "National clouds"
 * (Entra, Graph); "Authenticate an IMAP, POP or SMTP connection using OAuth" (scopes); Google, "Using OAuth 2.0 for Web Server
 * Applications" and "IMAP, POP, and SMTP" (Gmail).
 */
static const struct cloud {
	const char *name, *host, *token, *device_code, *authorize, *graph;
	const char *scope, *user_scope; /* of an application; of a person who signs in for it */
} clouds[] = {
	CLOUD("global", "login.microsoftonline.com", "smtp.office365.com", "https://graph.microsoft.com",
	      "https://outlook.office365.com", "https://outlook.office.com"),
	CLOUD("usgov", "login.microsoftonline.us", "smtp.office365.us", "https://graph.microsoft.us",
	      "https://outlook.office365.us", "https://outlook.office365.us"),
	CLOUD("usdod", "login.microsoftonline.us", "outlook-dod.office365.us", "https://dod-graph.microsoft.us",
	      "https://outlook-dod.office365.us", "https://outlook-dod.office365.us"),
	CLOUD("china", "login.partner.microsoftonline.cn", "smtp.partner.outlook.cn", "https://microsoftgraph.chinacloudapi.cn",
	      "https://partner.outlook.cn", "https://partner.outlook.cn"),
	{ .name = "google", .host = "smtp.gmail.com", .token = "https://oauth2.googleapis.com/token",
	  .device_code = "https://oauth2.googleapis.com/device/code", .authorize = "https://accounts.google.com/o/oauth2/v2/auth",
	  .scope = "https://mail.google.com/", .user_scope = "https://mail.google.com/" },
};

#define CLOUDS (sizeof(clouds) / sizeof(*clouds))

/* Hosts with Exchange Online's limits for a mailbox beside those above (HVE, with others, is not among them).
 */
static const char *const other_hosts[] = { "smtp-legacy.office365.com", "outlook.office365.com" };

static const struct cloud *cloud_of(const struct upstream_settings *upstream)
{
	for (size_t i = 0; upstream->cloud && i < CLOUDS; i++) {
		if (str_eq(str_of(upstream->cloud), str_of(clouds[i].name)))
			return &clouds[i];
	}
	return NULL;
}

const char *const *cloud_names(size_t *ret_count)
{
	static const char *names[CLOUDS + 1] = { "global", "usgov", "usdod", "china", "google", "custom" };

	*ret_count = CLOUDS + 1;
	return names;
}

/* While a file is read, token_url is set here only when the file gives it; later the cloud is known. */
bool derive_cloud(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	bool own =
	        upstream->token_url && (!upstream->cloud || str_eq(str_of(upstream->cloud), STR("custom")));

	if (upstream->kind == UPSTREAM_INBOX || (upstream->auth != UPSTREAM_XOAUTH2 && upstream->auth != UPSTREAM_OAUTHBEARER))
		return false;
	return str_copy(own ? STR("custom") : STR("global"), size, ret_text);
}

bool derive_host(const void *item, size_t size, char *ret_text)
{
	const struct cloud *cloud = cloud_of(item);

	return cloud && str_copy(str_of(cloud->host), size, ret_text);
}

/* The URL with the tenant in its place. False: there is no URL, or no tenant for it. */
static bool fill_in(const char *url, const char *tenant, size_t size, char *ret_text)
{
	const char *gap = url ? strstr(url, TENANT) : NULL;

	if (!gap || !tenant)
		return url && !gap && str_copy(str_of(url), size, ret_text);
	return (size_t)snprintf(ret_text, size, "%.*s%s%s", (int)(gap - url), url, tenant, gap + sizeof(TENANT) - 1) < size;
}

bool derive_token_url(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	const struct cloud *cloud = cloud_of(upstream);

	return cloud && fill_in(cloud->token, upstream->tenant, size, ret_text);
}

/* Entra's other endpoints stand beside its token endpoint, wherever that is. */
static bool beside_token(const struct upstream_settings *upstream, const char *name, size_t size, char *ret_text)
{
	static const char tail[] = "/oauth2/v2.0/token";
	struct str url = str_of(upstream->token_url);

	if (!str_ends_nocase(url, STR(tail)))
		return false;
	return (size_t)snprintf(ret_text, size, "%.*s%s", (int)(url.len - strlen("token")), url.ptr, name) < size;
}

bool derive_device_code_url(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	const struct cloud *cloud = cloud_of(upstream);

	if (!cloud)
		return beside_token(upstream, "devicecode", size, ret_text);
	return fill_in(cloud->device_code, upstream->tenant, size, ret_text);
}

bool derive_authorize_url(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	const struct cloud *cloud = cloud_of(upstream);

	if (!cloud)
		return beside_token(upstream, "authorize", size, ret_text);
	return fill_in(cloud->authorize, upstream->tenant, size, ret_text);
}

bool derive_graph_url(const void *item, size_t size, char *ret_text)
{
	const struct cloud *cloud = cloud_of(item);

	return cloud && cloud->graph && str_copy(str_of(cloud->graph), size, ret_text);
}

bool derive_scope(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	const struct cloud *cloud = cloud_of(upstream);

	if (cloud && cloud->graph && upstream->kind == UPSTREAM_GRAPH)
		return (size_t)snprintf(ret_text, size, upstream->flow == FLOW_NONE ? "%s/.default" : "%s/Mail.Send offline_access",
		                        cloud->graph) < size;
	return cloud && str_copy(str_of(upstream->flow == FLOW_NONE ? cloud->scope : cloud->user_scope), size, ret_text);
}

static bool is_exchange_online(const struct upstream_settings *upstream)
{
	struct str host = str_of(upstream->host);

	for (size_t i = 0; i < CLOUDS; i++) {
		if (clouds[i].graph && str_eq_nocase(host, str_of(clouds[i].host)))
			return true;
	}
	for (size_t i = 0; i < sizeof(other_hosts) / sizeof(*other_hosts); i++) {
		if (str_eq_nocase(host, str_of(other_hosts[i])))
			return true;
	}
	return false;
}

/* Four requests at once are what Graph allows a mailbox. Twenty is what a smarthost sees from other mail servers too: without a ceiling a queue that drains fills its listen queue. */
bool derive_connections_max(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;

	if (upstream->kind == UPSTREAM_GRAPH)
		return str_copy(STR("4"), size, ret_text);
	return str_copy(is_exchange_online(item) ? STR("3") : STR("20"), size, ret_text);
}

bool derive_messages_per_minute_max(const void *item, size_t size, char *ret_text)
{
	return str_copy(is_exchange_online(item) ? STR("30") : STR("0"), size, ret_text);
}

bool derive_recipients_per_day_max(const void *item, size_t size, char *ret_text)
{
	return str_copy(is_exchange_online(item) ? STR("10000") : STR("0"), size, ret_text);
}
