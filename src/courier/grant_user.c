#include "base/clock.h"
#include "courier/grant.h"
#include "courier/proof.h"

/* RFC 6749, 6: what a person's sign-in left in the vault buys each next token. */
enum outcome grant_user_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	const char *name = ask->upstream->name;
	char vault_name[GRANT_VAULT_NAME_MAX];
	struct vault_view view;
	struct str token;

	if (!grant_vault_name(ask->upstream, sizeof(vault_name), vault_name))
		return fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), name);
	/* Whatever could not be written last time. Not fatal: the token is good all the same. */
	(void)vault_sync(ask->vault, NULL);
	if (vault_get(ask->vault, str_of(vault_name), &view, fault) != OUTCOME_OK)
		return fault->outcome;
	token = ask->earlier_token ? view.before : view.value;
	if (token.len == 0)
		return fault_set(fault, OUTCOME_LATER, N_("nobody has signed in for upstream %s yet. Sign in: sekisho upstream login %s"), name, name);
	if (!oauth_form_add(&request->form, "grant_type", STR("refresh_token")) || !oauth_form_add(&request->form, "refresh_token", token) ||
	    !endpoint_secret(request, token) ||
	    !oauth_form_add(&request->form, "scope", str_of(ask->upstream->scope)))
		return fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), name);
	return proof_add(ask, request, fault);
}

/* Between an answer with a new refresh token and the disk the machine may have stopped; or the new one never worked. The one before it may. */
bool grant_user_other(struct grant_ask *ask, const struct oauth_answer *answer)
{
	char vault_name[GRANT_VAULT_NAME_MAX];
	struct vault_view view;

	if (proof_other(ask, answer))
		return true;
	if ((ask->tried & TRIED_EARLIER_TOKEN) || !str_eq(str_of(answer->error), STR("invalid_grant")) ||
	    !grant_vault_name(ask->upstream, sizeof(vault_name), vault_name) ||
	    vault_get(ask->vault, str_of(vault_name), &view, NULL) != OUTCOME_OK || view.before.len == 0)
		return false;
	ask->tried |= TRIED_EARLIER_TOKEN;
	ask->earlier_token = true;
	return true;
}

enum outcome grant_user_keep(struct vault *vault, struct str vault_name, const struct buf *sent, struct str token, struct fault *fault)
{
	struct vault_view view;

	if (vault_get(vault, vault_name, &view, fault) != OUTCOME_OK)
		return fault->outcome;
	if (!endpoint_was_sent(sent, view.value) && !endpoint_was_sent(sent, view.before))
		return OUTCOME_OK;
	return vault_put(vault, vault_name, token, clock_real_us(), fault);
}
