#include <stddef.h>

#include "base/say.h"
#include "wire/oauth.h"

/* Errors by name, where no number of Entra's tells more (RFC 6749, 5.2; RFC 8628, 3.5; RFC 7523, 3.2; Google: "Errors" of its OAuth pages).
 * To add one: a row. */
static const struct {
	const char *error, *sentence;
} rows[] = {
	{ "invalid_client",
	  N_("The endpoint does not know this application, or its secret or certificate is wrong. Check client-id and the credential of this upstream.") },
	{ "unauthorized_client",
	  N_("The application may not ask for a token in this way. Allow it in the application's registration; for a Google service account, delegate the scope https://mail.google.com/ to its client ID for the whole domain.") },
	{ "unsupported_grant_type", N_("The endpoint does not know this way of asking for a token. Check token-url and the credential of this upstream.") },
	{ "invalid_scope", N_("The scope is not known, or not allowed for this application. Check scope of this upstream.") },
	{ "invalid_resource", N_("The service named in the scope is not known there. Check scope of this upstream.") },
	{ "invalid_target", N_("The service named in the scope is not known there. Check scope of this upstream.") },
	{ "invalid_request", N_("The endpoint does not understand the request. Check token-url, client-id and scope of this upstream.") },
	{ "access_denied", N_("The sign-in was refused: by the person, or by a rule of the administrator.") },
	{ "authorization_declined", N_("The sign-in was refused: by the person, or by a rule of the administrator.") },
	{ "consent_required", N_("Nobody has consented to this app's permissions. Give admin consent in the Entra admin center.") },
	{ "interaction_required", N_("A person must sign in again.") },
	{ "login_required", N_("A person must sign in again.") },
	{ "expired_token", N_("The code of the sign-in has expired. Begin the sign-in again.") },
	{ "bad_verification_code", N_("The code of the sign-in is not known there. Begin the sign-in again.") },
	{ "org_internal", N_("Google lets only accounts of the organization that owns this application use it. Sign in with one of those.") },
	{ "admin_policy_enforced", N_("The Google Workspace administrator does not allow this application the scope. Let the application in, in the Admin console.") },
	{ "temporarily_unavailable", N_("The endpoint is out of order for a while. The request is made again later.") },
	{ "server_error", N_("The endpoint is out of order for a while. The request is made again later.") },
	{ "slow_down", N_("The endpoint is asked too often. The request is made again later.") },
};

const char *oauth_answer_explain(const struct oauth_answer *answer)
{
	const char *sentence = answer->aadsts ? oauth_aadsts_explain(answer->aadsts) : NULL;

	for (size_t i = 0; !sentence && i < sizeof(rows) / sizeof(*rows); i++) {
		if (str_eq(str_of(answer->error), str_of(rows[i].error)))
			sentence = rows[i].sentence;
	}
	return sentence ? sentence : answer->why;
}
