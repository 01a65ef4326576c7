#include "courier/grant.h"

#include <stdio.h>

#include "courier/proof.h"

static bool is_managed(const struct upstream_settings *upstream)
{
	return upstream->managed_identity;
}

static bool is_google_account(const struct upstream_settings *upstream)
{
	return upstream->service_account_file != NULL;
}

static bool is_of_person(const struct upstream_settings *upstream)
{
	return upstream->flow != FLOW_NONE;
}

static bool is_any(const struct upstream_settings *upstream)
{
	(void)upstream;
	return true;
}

/* The first that fits. */
static const struct grant rows[] = {
	{ .name = "managed identity", .fits = is_managed, .make = grant_managed_make,
	  .misasked = N_("What gives this machine its identity does not take the request: see that an identity is assigned to the machine, that client-id is "
			 "left out or names one of its own, and that managed-identity-url is left out or fits IDENTITY_ENDPOINT and IDENTITY_HEADER of the "
			 "environment.") },
	{ .name = "service account", .of_mailbox = true, .fits = is_google_account, .make = grant_google_make,
	  .invalid_grant = N_("Google does not take the service account's assertion: set this machine's clock right, see that the key in "
			      "service-account-file was not deleted, and that the mailbox exists in the domain.") },
	{ .name = "refresh token", .fits = is_of_person, .make = grant_user_make, .other = grant_user_other, .keeps_refresh_token = true,
	  .invalid_grant = N_("The sign-in is not valid any more: it was revoked, expired, or the password changed."),
	  .sign_in_again = N_("Sign in again: sekisho upstream login %s") },
	{ .name = "client credentials", .fits = is_any, .make = grant_client_make, .other = proof_other },
};

const struct grant *grant_of(const struct upstream_settings *upstream)
{
	const struct grant *row = rows;

	while (!row->fits(upstream))
		row++;
	return row;
}

bool grant_vault_name(const struct upstream_settings *upstream, size_t size, char *ret_name)
{
	int len = snprintf(ret_name, size, "%s\n%s\n%s", upstream->name, upstream->token_url ? upstream->token_url : "",
			   upstream->client_id ? upstream->client_id : "");

	return len > 0 && (size_t)len < size;
}
