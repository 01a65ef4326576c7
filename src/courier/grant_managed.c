#include <stdlib.h>

#include "courier/grant.h"

#define METADATA_URL "http://169.254.169.254/metadata/identity/oauth2/token"

/* "https://outlook.office365.com/.default": here the service is named alone. */
static struct str resource_of(const struct upstream_settings *upstream)
{
	static const char tail[] = "/.default";
	struct str scope = str_of(upstream->scope);

	if (str_ends_nocase(scope, STR(tail)))
		scope.len -= sizeof(tail) - 1;
	return scope;
}

static bool add_query(struct buf *url, const char *name, struct str value)
{
	char mark = str_find(buf_str(url), '?') < url->len ? '&' : '?';

	return value.len == 0 || (buf_add_byte(url, mark) && buf_add(url, str_of(name)) && buf_add_byte(url, '=') && oauth_value_print(url, value));
}

/*
 * Microsoft, "How to use managed identities on an Azure VM to acquire an access token" and "Managed identities for App Service": the former asks
 * for `Metadata: true`, the latter names its address and a secret in the environment.
 */
enum outcome grant_managed_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	const struct upstream_settings *upstream = ask->upstream;
	const char *service = getenv("IDENTITY_ENDPOINT");
	const char *service_secret = getenv("IDENTITY_HEADER");
	bool of_service = service && service_secret;
	const char *url = upstream->managed_identity_url ? upstream->managed_identity_url : of_service ? service : METADATA_URL;

	request->metadata_service = true;
	buf_clear(&request->url);
	if (!buf_add(&request->url, str_of(url)) ||
	    !add_query(&request->url, "api-version", of_service ? STR("2019-08-01") : STR("2018-02-01")) ||
	    !add_query(&request->url, "resource", resource_of(upstream)) || !add_query(&request->url, "client_id", str_of(upstream->client_id)))
		return fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), upstream->name);
	if (of_service ? !endpoint_header(request, 0, "X-IDENTITY-HEADER", str_of(service_secret)) || !endpoint_secret(request, str_of(service_secret))
		       : !endpoint_header(request, 0, "Metadata", STR("true")))
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	return OUTCOME_OK;
}
