/* sasl: the messages of PLAIN (RFC 4616), LOGIN, XOAUTH2 (Google's and Microsoft's page) and OAUTHBEARER (RFC 7628),
 * after base64. */
#ifndef WIRE_SASL_H
#define WIRE_SASL_H

#include "base/buf.h"
#include "base/str.h"

enum sasl_mechanism { SASL_LOGIN, SASL_PLAIN, SASL_XOAUTH2, SASL_OAUTHBEARER, SASL_MECHANISM_COUNT };

#define SASL_BIT(mechanism) (1u << (mechanism))
#define SASL_LINE_MAX 12288 /* RFC 4954, 4: octets of one line, AUTH and mechanism included, CRLF not */
#define SASL_USER_MAX 1024

struct sasl_credentials {
	enum sasl_mechanism mechanism;
	struct str authzid; /* PLAIN, OAUTHBEARER; empty: none */
	struct str user;
	struct str secret;  /* password, or the bearer token */
};

const char *sasl_name(enum sasl_mechanism mechanism);
bool sasl_mechanism_parse(struct str name, enum sasl_mechanism *ret_mechanism); /* any case */

/* `raw` is the decoded message; the results borrow from it. False: malformed (missing NUL, NUL inside, no user, two
 * user=, empty token, missing ^A, bad gs2 header or escape, control bytes or invalid UTF-8 in the user). */
bool sasl_plain_parse(struct str raw, struct sasl_credentials *ret_credentials);
bool sasl_xoauth2_parse(struct str raw, struct sasl_credentials *ret_credentials);
/* "=2C" and "=3D" in the user are undone into `keep`. */
bool sasl_oauthbearer_parse(struct str raw, struct buf *keep, struct sasl_credentials *ret_credentials);
/* A LOGIN user name or password, PLAIN's rules for its bytes: a name is UTF-8 without controls and not empty, a password
 * (or an empty one: the verdict on it is not the parser's) anything without a NUL. */
bool sasl_user_fits(struct str user);
bool sasl_secret_fits(struct str secret);

/* For the courier: the raw messages, not yet base64. False: no room. */
bool sasl_xoauth2_print(struct buf *out, struct str user, struct str token) __attribute__((warn_unused_result));
bool sasl_oauthbearer_print(struct buf *out, struct str user, struct str host, unsigned port, struct str token)
	__attribute__((warn_unused_result));
bool sasl_plain_print(struct buf *out, struct str user, struct str password) __attribute__((warn_unused_result));

#endif
