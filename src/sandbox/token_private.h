/* token_private: what the parts of the sandbox's token endpoint share: a request, and what it is refused with. */
#ifndef SANDBOX_TOKEN_PRIVATE_H
#define SANDBOX_TOKEN_PRIVATE_H

#include "sandbox/sandbox_private.h"

#define TOKEN_VALUE_MAX 16384
#define TOKEN_SERVICE_ACCOUNT "sekisho@sandbox.iam.gserviceaccount.example"
#define TOKEN_GOOGLE_SCOPE "https://mail.google.com/"
#define TOKEN_PERSON "person@" SANDBOX_TENANT
#define TOKEN_USER_SCOPE "https://outlook.office.com/SMTP.Send offline_access"

enum token_refusal {
	NO_REFUSAL, NO_TENANT, NO_FIELD, NO_SECRET, BAD_VERB, BAD_GRANT, BAD_CLIENT, BAD_SECRET, OLD_SECRET, BAD_SCOPE, NO_ROOM,
	BAD_ASSERTION, ASSERTION_TIME, ASSERTION_AUDIENCE, ASSERTION_AGAIN, NO_CONSENT, APP_OFF, NO_RESOURCE, NEEDS_MFA, BY_POLICY, PERSON_OFF,
	OLD_REFRESH, USED_REFRESH, USED_CODE, BAD_VERIFIER, PENDING, DECLINED, TOO_FAST, OLD_CODE, THROTTLED, NO_METADATA, UPDATING, TOKEN_REFUSAL_COUNT
};

/* What a refusal is about, as text; never a secret. */
struct token_about {
	char text[TOKEN_VALUE_MAX];
};

/* token_form.c: application/x-www-form-urlencoded: the value of `name`, decoded. False: not there, empty, or with a NUL in it. */
bool token_form_value(struct str form, const char *name, char ret_value[TOKEN_VALUE_MAX]);
unsigned token_refusal_status(enum token_refusal refusal);
json_t *token_refusal_json(enum token_refusal refusal, const char *about);

/* token_client.c: who asks, and whether it is the registered application. `may_be_public`: nothing but its client_id will do. */
enum token_refusal token_client_judge(struct sandbox *sandbox, struct str form, bool may_be_public, struct token_about *about);

/* Likewise a Google service account's assertion; ret_user: as whom. */
enum token_refusal token_client_service_account(struct sandbox *sandbox, struct str assertion, struct token_about *ret_user);

/* token_grant.c: a whole form to the token endpoint. NO_REFUSAL: *ret_json is the answer; NULL: no room. */
enum token_refusal token_grant_answer(struct sandbox *sandbox, struct str form, struct token_about *about, json_t **ret_json);
/* A token with `rights` in it ("roles" of the application, "graph" of it for Graph, or "scp" of `user`; "" : nobody's). NULL: no room. */
json_t *token_grant_json(struct sandbox *sandbox, const char *rights, const char *user, bool with_refresh_token);
enum token_refusal token_grant_device(struct sandbox *sandbox, struct str form, struct token_about *about, json_t **ret_json);

#endif
