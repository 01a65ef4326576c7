/*
 * login: a person signs in once for an upstream: with a code typed in elsewhere (RFC 8628), or on a page that leads back (RFC 6749, 4.1, with PKCE).
 * What comes of it, a refresh token, goes into the vault. One at a time for each upstream.
 */
#ifndef COURIER_LOGIN_H
#define COURIER_LOGIN_H

#include "domain/settings.h"
#include "keep/vault.h"
#include "sys/http.h"
#include "sys/loop.h"

#define LOGINS_MAX 16
#define LOGIN_PAGE_S_MAX 600 /* how long a page may take */

struct login_desk;

/* What the person is shown; borrowed for the call. */
struct login_step {
	enum upstream_flow flow;
	struct str url;       /* the page to open */
	struct str code;      /* to type in there; empty for FLOW_AUTH_CODE */
	struct str whole_url; /* with the code in it; empty: there is none */
	unsigned expires_in_s;
};

struct login_handler {
	void (*on_step)(void *context, const struct login_step *step); /* once, later */
	/* Once, last. OK: `user` is who signed in, as far as the token tells. */
	void (*on_end)(void *context, enum outcome outcome, const char *user, const struct fault *fault);
};

/* `on_signed_in` is told after each one that succeeds. NULL: out of memory. */
struct login_desk *login_desk_new(struct loop *loop, struct http *http, struct vault *vault, void (*on_signed_in)(void *context, struct str upstream),
				  void *context);
void login_desk_free(struct login_desk *desk);   /* nobody is told anything more */
void login_desk_forget(struct login_desk *desk); /* settings have changed: each one ends */

/* `redirect_url` is for FLOW_AUTH_CODE. NEVER: this upstream has no flow; LATER: somebody signs in already, or too many at once. Settings are borrowed until
 * login_desk_forget. */
enum outcome login_start(struct login_desk *desk, const struct upstream_settings *upstream, const struct limits *limits, struct str redirect_url,
			 const struct login_handler *handler, void *context, struct fault *fault);
/* The page led back: its whole URL, or path and query. OK: it is looked into, and on_end of the one who began tells the rest. */
enum outcome login_redirected(struct login_desk *desk, struct str upstream, struct str text, struct fault *fault);
void login_cancel(struct login_desk *desk, void *context); /* who began it is gone */

#endif
