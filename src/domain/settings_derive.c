#include "domain/settings_derive.h"

#include <stdio.h>

#include "domain/settings.h"

/* Microsoft's clouds: endpoints of Entra, of SMTP client submission and of Graph. To add one: a row. */
static const struct cloud {
	const char *name, *login, *host, *graph, *scope;
} clouds[] = {
	{ "global", "login.microsoftonline.com", "smtp.office365.com", "https://graph.microsoft.com",
	  "https://outlook.office365.com/.default" },
	{ "usgov", "login.microsoftonline.us", "smtp.office365.us", "https://graph.microsoft.us",
	  "https://outlook.office365.us/.default" },
	{ "usdod", "login.microsoftonline.us", "outlook-dod.office365.us", "https://dod-graph.microsoft.us",
	  "https://outlook-dod.office365.us/.default" },
	{ "china", "login.partner.microsoftonline.cn", "smtp.partner.outlook.cn",
	  "https://microsoftgraph.chinacloudapi.cn", "https://partner.outlook.cn/.default" },
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
	static const char *names[CLOUDS + 1] = { "global", "usgov", "usdod", "china", "custom" };

	*ret_count = CLOUDS + 1;
	return names;
}

/* While a file is read, token_url is set here only when the file gives it; later the cloud is known. */
bool derive_cloud(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	bool own =
	        upstream->token_url && (!upstream->cloud || str_eq(str_of(upstream->cloud), STR("custom")));

	if (upstream->auth != UPSTREAM_XOAUTH2 && upstream->auth != UPSTREAM_OAUTHBEARER)
		return false;
	return str_copy(own ? STR("custom") : STR("global"), size, ret_text);
}

bool derive_host(const void *item, size_t size, char *ret_text)
{
	const struct cloud *cloud = cloud_of(item);

	return cloud && str_copy(str_of(cloud->host), size, ret_text);
}

bool derive_token_url(const void *item, size_t size, char *ret_text)
{
	const struct upstream_settings *upstream = item;
	const struct cloud *cloud = cloud_of(upstream);

	if (!cloud || !upstream->tenant)
		return false;
	return (size_t)snprintf(ret_text, size, "https://%s/%s/oauth2/v2.0/token", cloud->login,
	                        upstream->tenant) < size;
}

bool derive_graph_url(const void *item, size_t size, char *ret_text)
{
	const struct cloud *cloud = cloud_of(item);

	return cloud && str_copy(str_of(cloud->graph), size, ret_text);
}

bool derive_scope(const void *item, size_t size, char *ret_text)
{
	const struct cloud *cloud = cloud_of(item);

	return cloud && str_copy(str_of(cloud->scope), size, ret_text);
}

static bool is_exchange_online(const struct upstream_settings *upstream)
{
	struct str host = str_of(upstream->host);

	for (size_t i = 0; i < CLOUDS; i++) {
		if (str_eq_nocase(host, str_of(clouds[i].host)))
			return true;
	}
	for (size_t i = 0; i < sizeof(other_hosts) / sizeof(*other_hosts); i++) {
		if (str_eq_nocase(host, str_of(other_hosts[i])))
			return true;
	}
	return false;
}

/* Twenty is what a smarthost sees from other mail servers too: without a ceiling a queue that drains fills its listen queue. */
bool derive_connections_max(const void *item, size_t size, char *ret_text)
{
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
