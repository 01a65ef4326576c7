/* login_ask: the requests of a sign-in, for login.c: each adds to a request what is asked for, and how the application proves who it is. */
#ifndef COURIER_LOGIN_ASK_H
#define COURIER_LOGIN_ASK_H

#include "courier/endpoint.h"

#define LOGIN_VERIFIER_MAX 64
#define LOGIN_STATE_MAX 64

/* RFC 8628, 3.1. */
enum outcome login_ask_device(const struct upstream_settings *upstream, struct endpoint_request *ret_request, struct fault *fault);
/* RFC 8628, 3.4. */
enum outcome login_ask_poll(const struct upstream_settings *upstream, const char *device_code, struct endpoint_request *ret_request, struct fault *fault);
/* RFC 6749, 4.1.3; RFC 7636, 4.5. */
enum outcome login_ask_redeem(const struct upstream_settings *upstream, const char *code, const char *redirect_url, const char *verifier,
			      struct endpoint_request *ret_request, struct fault *fault);

/* A fresh secret of 256 bits as base64url: a verifier (RFC 7636, 4.1) or a state. */
void login_random_text(char ret_text[LOGIN_VERIFIER_MAX]);
/* The page's URL, with the challenge of that verifier (S256). False: too long. */
bool login_page_print(struct buf *out, const struct upstream_settings *upstream, const char *redirect_url, const char *state, const char *verifier)
	__attribute__((warn_unused_result));

#endif
