/*
 * grant: how a token is asked for: one table of the ways, each saying which settings it fits and what its request holds. To add one: a row in
 * grant.c, and the file it names.
 *
 *   grant_client.c   client credentials                    grant_managed.c  the identity of an Azure machine
 *   grant_user.c     a person's refresh token               grant_google.c   a Google service account
 */
#ifndef COURIER_GRANT_H
#define COURIER_GRANT_H

#include "courier/endpoint.h"
#include "keep/vault.h"
#include "wire/oauth.h"

enum grant_tried { TRIED_OTHER_SECRET = 1, TRIED_EARLIER_TOKEN = 2 };

/* What is asked for, and with which of several credentials. */
struct grant_ask {
	const struct upstream_settings *upstream;
	struct str mailbox;        /* whose token; only where the grant is of one mailbox */
	struct vault *vault;
	bool next_secret;          /* client-secret-file-next in place of client-secret-file */
	bool earlier_token;        /* the refresh token that the newest one replaced */
	unsigned tried;            /* enum grant_tried bits */
};

struct grant {
	const char *name;          /* for the log */
	bool of_mailbox;           /* a token is good for one mailbox only */
	bool (*fits)(const struct upstream_settings *upstream);
	/* NEVER, LATER: it cannot be made; a sentence. */
	enum outcome (*make)(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);
	/* A refusal: change *ask to what was not tried yet. False: nothing is left. NULL: there never is. */
	bool (*other)(struct grant_ask *ask, const struct oauth_answer *answer);
	bool keeps_refresh_token;  /* what comes with the token goes into the vault */
	const char *invalid_grant; /* N_(): what that error means for it, when no number tells; NULL: nothing more */
	const char *misasked;      /* N_(): what a refusal means that names nothing of its own; NULL: nothing more */
	const char *sign_in_again; /* N_() with %s for the upstream's name, added where a person must; NULL: nobody can */
};

const struct grant *grant_of(const struct upstream_settings *upstream);

/* The name in the vault of what a person's sign-in left: another endpoint or application never gets it. False: too long. */
bool grant_vault_name(const struct upstream_settings *upstream, size_t size, char *ret_name);
#define GRANT_VAULT_NAME_MAX 4096

/* The rows' functions. */
enum outcome grant_client_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);
enum outcome grant_user_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);
/* The refresh token that came with an answer goes to the disk. One that was asked for with none of the vault's does not, and that is OK as well:
 * somebody has signed in anew meanwhile, and it is of the session before. */
enum outcome grant_user_keep(struct vault *vault, struct str vault_name, const struct buf *sent, struct str token, struct fault *fault);
bool grant_user_other(struct grant_ask *ask, const struct oauth_answer *answer);
enum outcome grant_managed_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);
enum outcome grant_google_make(const struct grant_ask *ask, struct endpoint_request *request, struct fault *fault);

#endif
