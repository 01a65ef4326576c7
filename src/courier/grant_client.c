#include "courier/grant.h"
#include "courier/proof.h"

/* RFC 6749, 4.4. */
enum outcome grant_client_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault)
{
	if (!oauth_form_add(&request->form, "grant_type", STR("client_credentials")) ||
	    !oauth_form_add(&request->form, "scope", str_of(ask->upstream->scope)))
		return fault_set(fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), ask->upstream->name);
	return proof_add(ask, request, fault);
}
