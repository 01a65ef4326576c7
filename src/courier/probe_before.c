#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "courier/grant.h"
#include "courier/probe_private.h"
#include "wire/oauth.h"
#include "wire/token_view.h"

#define LOOKUP_MS 10000

/* --- a folder --- */

void probe_begin_folder(struct probe *probe)
{
	const char *name = ".sekisho-test";
	struct fault fault;
	int folder = folder_open(probe->settings->folder ? probe->settings->folder : "");
	int fd = folder == -1 ? -1 : file_create(folder, name);

	if (fd == -1)
		(void)fault_errno(&fault, folder == -1 ? "open folder" : "write in folder", probe->settings->folder);
	else
		(void)close(fd);
	if (fd != -1)
		(void)file_remove(folder, name);
	if (folder != -1)
		(void)close(folder);
	if (fd != -1) {
		probe_say(probe, N_("%s can be written to"), probe->settings->folder);
		probe_ok(probe);
	} else {
		probe_say(probe, "%s", fault.text[probe->options.language]);
		probe_fail(probe, "folder-not-writable", NULL);
	}
}

/* --- names --- */

static void add_address(struct probe *probe, const struct sockaddr *address)
{
	char *text = probe->addresses[probe->addresses_count];

	if (address->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text, sizeof(*probe->addresses));
	else if (address->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
				sizeof(*probe->addresses));
	else
		return;
	probe->addresses_count++;
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct probe *probe = lookup->data;

	probe->looking_up = false;
	for (const struct addrinfo *each = found; each && !probe->over && probe->addresses_count < PROBE_ADDRESSES_MAX; each = each->ai_next)
		add_address(probe, each->ai_addr);
	uv_freeaddrinfo(found);
	if (!probe->over && probe->addresses_count > 0) {
		probe_say(probe, "%s:", probe->settings->host);
		for (size_t i = 0; i < probe->addresses_count; i++)
			probe_say_more(probe, " %s", probe->addresses[i]);
		probe_ok(probe);
	} else if (!probe->over) {
		probe_say(probe, N_("no address is known for %s: %s"), probe->settings->host, uv_strerror(status));
		probe_fail(probe, status == UV_EAI_AGAIN ? "dns-no-answer" : "dns-unknown", NULL);
	}
	probe_let_go(probe);
}

static void on_no_name_server(struct probe *probe)
{
	(void)uv_cancel((uv_req_t *)&probe->lookup);
	probe_say(probe, N_("no name server answered in time for %s"), probe->settings->host);
	probe_fail(probe, "dns-no-answer", NULL);
}

void probe_begin_dns(struct probe *probe)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	unsigned char ip[16];
	int error;

	if (ip_parse(str_of(probe->settings->host), ip) &&
	    str_copy(str_of(probe->settings->host), sizeof(*probe->addresses), probe->addresses[0])) {
		probe->addresses_count = 1;
		probe_say(probe, N_("%s is an address: there is no name to look up"), probe->settings->host);
		probe_ok(probe);
		return;
	}
	probe->lookup.data = probe;
	error = uv_getaddrinfo(&probe->courier->loop->uv, &probe->lookup, on_looked_up, probe->settings->host, NULL, &hints);
	if (error != 0) {
		probe_say(probe, N_("no address is known for %s: %s"), probe->settings->host, uv_strerror(error));
		probe_fail(probe, "dns-unknown", NULL);
		return;
	}
	probe->looking_up = true;
	probe->holders++;
	probe_wait(probe, LOOKUP_MS, on_no_name_server);
}

/* --- tokens --- */

const char *probe_proxy(void)
{
	static const char *const names[] = { "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

void probe_begin_proxy(struct probe *probe)
{
	const char *proxy = probe->settings->proxy ? probe->settings->proxy : probe_proxy();
	const char *at = strrchr(proxy, '@'); /* before it may stand a password */

	probe_say(probe, N_("requests for tokens go by the proxy %s, unless NO_PROXY names their host"), at ? at + 1 : proxy);
	probe_ok(probe);
}

static const char *endpoint_name(const struct probe *probe)
{
	return probe->settings->token_url ? probe->settings->token_url : say(probe->options.language, N_("the machine's identity service"));
}

/* "AADSTS7000215: …" in what the endpoint said. */
static unsigned aadsts_in(const char *text)
{
	const char *at = strstr(text, "AADSTS");
	unsigned number = 0;

	for (at = at ? at + 6 : ""; isdigit((unsigned char)*at) && number < 100000000; at++)
		number = number * 10 + (unsigned)(*at - '0');
	return number;
}

static void token_failed(struct probe *probe, const struct fault *fault)
{
	unsigned number = aadsts_in(fault->text[LANGUAGE_EN]);
	const char *meaning = number ? oauth_aadsts_explain(number) : NULL;
	char cause[32];

	probe_say(probe, "%s", fault->text[probe->options.language]);
	if (meaning) {
		(void)snprintf(cause, sizeof(cause), "AADSTS%u", number);
		probe_fail(probe, cause, meaning);
		return;
	}
	if (fault->outcome == OUTCOME_NEVER) { /* nobody was asked: a secret that cannot be read */
		probe_fail(probe, "token-not-asked", NULL);
		return;
	}
	/* Said by the endpoint, or by nobody. */
	probe_fail(probe, strstr(fault->text[LANGUAGE_EN], "HTTP ") ? "token-endpoint-refuses" : "token-endpoint-silent", NULL);
}

/* What Exchange Online and Graph ask for; another service has its own names. */
static const char *missing_right(struct probe *probe, const struct token_view *view)
{
	bool exchange = strstr(view->audience, "outlook.office") || strstr(view->audience, "00000002-0000-0ff1-ce00-000000000000") ||
			strstr(view->audience, "partner.outlook.cn");

	if (probe->settings->kind == UPSTREAM_GRAPH) {
		probe->may_send = token_view_has(view->roles, STR("Mail.Send")) || token_view_has(view->scopes, STR("Mail.Send"));
		return probe->may_send || (!view->roles[0] && !view->scopes[0]) ? NULL : "token-without-mail-send";
	}
	if (!exchange || token_view_has(view->roles, STR("SMTP.SendAsApp")) || token_view_has(view->scopes, STR("SMTP.Send")))
		return NULL;
	return "token-without-right";
}

static void tell_claims(struct probe *probe, const struct token_view *view)
{
	const struct {
		const char *name, *value;
	} claims[] = {
		{ "aud", view->audience }, { "tid", view->tenant }, { "app", view->app },
		{ "upn", view->user },     { "roles", view->roles }, { "scp", view->scopes },
	};
	char ends[CLOCK_RFC3339_MAX];

	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		if (claims[i].value[0])
			probe_say_more(probe, "%s %s %s", i ? "," : ";", claims[i].name, claims[i].value);
	}
	clock_rfc3339_print(view->expires_s * 1000000, ends);
	if (view->expires_s)
		probe_say_more(probe, ", exp %.19sZ", ends);
}

static void on_token(void *context, enum outcome outcome, const struct token *token, const struct fault *fault)
{
	struct probe *probe = context;
	struct token_view view;
	const char *missing;

	if (outcome != OUTCOME_OK) {
		token_failed(probe, fault);
		return;
	}
	token_view_parse(token->value, &view);
	probe_say(probe, N_("a token came from %s (%s)"), endpoint_name(probe), grant_of(probe->settings)->name);
	if (view.why_opaque) {
		probe_say_more(probe, "; %s", say(probe->options.language, view.why_opaque));
		probe_ok(probe);
		return;
	}
	tell_claims(probe, &view);
	missing = missing_right(probe, &view);
	if (missing)
		probe_warn(probe, missing);
	else
		probe_ok(probe);
}

static void on_no_token(struct probe *probe)
{
	token_cancel(probe->courier->tokens, probe);
	probe_say(probe, N_("%s did not answer in time"), endpoint_name(probe));
	probe_fail(probe, "token-endpoint-silent", NULL);
}

void probe_begin_token(struct probe *probe)
{
	const struct limits *limits = &probe->courier->settings->limits;

	probe_wait(probe, limits->token_seconds_max * 1000 + 1000, on_no_token);
	token_renew(probe->courier->tokens, probe->settings, limits, probe_sender(probe) ? probe_sender(probe)->mailbox : STR(""), on_token,
		    probe);
}
