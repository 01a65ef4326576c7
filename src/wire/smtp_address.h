/* smtp_address: mailboxes as they stand in MAIL, RCPT and headers. */
#ifndef WIRE_SMTP_ADDRESS_H
#define WIRE_SMTP_ADDRESS_H

#include "base/str.h"
#include "wire/parse.h"

#define SMTP_ADDRESS_MAX 320 /* RFC 5321, 4.5.3.1: 64 + @ + 255 */
#define SMTP_LOCAL_MAX 64
#define SMTP_DOMAIN_MAX 255

struct smtp_address {
	struct str whole;  /* local@domain as sent, without <> and without a source route; empty: the null path <> */
	struct str local;  /* as sent, quotes included */
	struct str domain; /* name or [literal] */
	bool utf8;         /* some byte is not ASCII (RFC 6531) */
};

/*
 * RFC 5321, 4.1.2 Path at the start of `text`: <local@domain>, <>, <@a,@b:local@domain> (the route is dropped, as 3.6.1
 * wants). Device leniences: blanks before it, and no <> at all (then it ends at a blank). *ret_rest is what follows
 * (parameters). BAD for anything else: no @ (but <postmaster> is allowed with `bare_postmaster`), empty local part
 * `""`, control bytes, NUL, unbalanced quotes, over-long parts, invalid UTF-8, scoped IPv6 literals.
 */
enum parse smtp_path_parse(struct str text, bool bare_postmaster, struct smtp_address *ret_address,
			   struct str *ret_rest);

/* A bare `local@domain`, the whole of `text`; for settings, accounts and headers. */
bool smtp_address_parse(struct str text, struct smtp_address *ret_address);

/* Same mailbox: local parts and domains compared without ASCII case, as Exchange does. */
bool smtp_address_eq(struct str a, struct str b);

#endif
