#include "courier/courier_private.h"

#include "base/clock.h"
#include "courier/grant.h"

#define PAUSE_MS_MIN 5000

/* Somebody has signed in: what waited for that goes on. */
static void on_signed_in(void *context, struct str upstream_name)
{
	struct courier *courier = context;
	struct upstream *upstream = upstream_find(courier, upstream_name);
	struct mailbox *mailbox;
	size_t at = 0;

	token_forget(courier->tokens, upstream_name);
	if (upstream)
		upstream->paused_until_ms = 0;
	while ((mailbox = table_next(&courier->mailboxes, &at))) {
		if (str_eq(mailbox->upstream_name, upstream_name))
			mailbox->paused_until_ms = 0; /* on_room follows with the next sweep */
	}
}

bool courier_tokens_open(struct courier *courier, const char *state)
{
	courier->vault = vault_new(state);
	courier->tokens = courier->vault ? token_store_new(courier->loop, courier->http, courier->vault) : NULL;
	courier->logins = courier->tokens ? login_desk_new(courier->loop, courier->http, courier->vault, on_signed_in, courier) : NULL;
	courier->credentials = courier->logins ? credentials_desk_new(courier) : NULL;
	if (!courier->credentials)
		courier_tokens_close(courier);
	return courier->credentials != NULL;
}

void courier_tokens_close(struct courier *courier)
{
	credentials_desk_free(courier->credentials);
	courier->credentials = NULL;
	login_desk_free(courier->logins);
	courier->logins = NULL;
	if (courier->tokens)
		token_store_free(courier->tokens);
	courier->tokens = NULL;
	/* The vault stays while requests are under way, and the process is about to end: http_free ends them. */
}

void courier_pause_for_token(struct mailbox *mailbox, const struct fault *fault)
{
	struct courier *courier = mailbox->courier;
	const struct upstream *upstream = upstream_find(courier, mailbox->upstream_name);
	const struct fault *latest;
	uint64_t wait_ms = token_waits_ms(courier->tokens, mailbox->upstream_name, &latest);

	if (wait_ms < PAUSE_MS_MIN)
		wait_ms = PAUSE_MS_MIN;
	if (upstream && grant_of(upstream->settings)->of_mailbox)
		mailbox_pause(mailbox, wait_ms, str_of(fault->text[LANGUAGE_EN]));
	else
		mailbox_pause_upstream(mailbox, wait_ms, str_of(fault->text[LANGUAGE_EN]));
}

enum outcome courier_token(struct courier *courier, struct str upstream_name, struct str mailbox,
			   void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context,
			   struct fault *fault)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);

	if (!upstream)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no upstream \"%.*s\"; see: sekisho upstream list"), STR_ARG(upstream_name));
	if (upstream->settings->auth != UPSTREAM_XOAUTH2 && upstream->settings->auth != UPSTREAM_OAUTHBEARER)
		return fault_set(fault, OUTCOME_NEVER, N_("upstream %s signs in without a token"), upstream->settings->name);
	token_get_for(courier->tokens, upstream->settings, &courier->settings->limits, mailbox, on_token, context);
	return OUTCOME_OK;
}

enum outcome courier_login(struct courier *courier, struct str upstream_name, struct str redirect_url, const struct login_handler *handler,
			   void *context, struct fault *fault)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);

	if (!upstream)
		return fault_set(fault, OUTCOME_NEVER, N_("there is no upstream \"%.*s\"; see: sekisho upstream list"), STR_ARG(upstream_name));
	return login_start(courier->logins, upstream->settings, &courier->settings->limits, redirect_url, handler, context, fault);
}

enum outcome courier_login_redirected(struct courier *courier, struct str upstream_name, struct str text, struct fault *fault)
{
	return login_redirected(courier->logins, upstream_name, text, fault);
}

void courier_login_cancel(struct courier *courier, void *context)
{
	login_cancel(courier->logins, context);
}

int64_t courier_signed_in_us(struct courier *courier, struct str upstream_name)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);
	char name[GRANT_VAULT_NAME_MAX];
	struct vault_view view;

	if (!upstream || !grant_of(upstream->settings)->keeps_refresh_token || !grant_vault_name(upstream->settings, sizeof(name), name) ||
	    vault_get(courier->vault, str_of(name), &view, NULL) != OUTCOME_OK || view.value.len == 0)
		return 0;
	return view.changed_us;
}
