/* dsn: a delivery status notification as a whole message (RFC 3464, 3461, 3462/6522, 3834), text in Japanese and English. */
#ifndef WIRE_DSN_H
#define WIRE_DSN_H

#include "base/buf.h"
#include "base/say.h"
#include "base/str.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_ACTION_COUNT };

struct dsn_recipient {
	struct str address;
	struct str orcpt;     /* "rfc822;xtext" as given, or empty */
	enum dsn_action action;
	struct str status;    /* "5.1.1" */
	struct str reply;     /* the remote server's words, "550 5.1.1 …", or our own reason */
	bool remote;          /* reply is a server's: Diagnostic-Code: smtp; */
	struct str remote_mta;
	int64_t last_attempt_us;
	int64_t retry_until_us; /* DELAYED: Will-Retry-Until */
};

struct dsn {
	struct str from;        /* header From: the dsn mailbox */
	struct str to;          /* the original sender, or the administrator */
	bool to_administrator;  /* the sender cannot be told: says so in the text */
	struct str hostname;    /* Reporting-MTA */
	struct str message_id;  /* of this notification, without <> */
	struct str envid;       /* xtext as given, or empty */
	struct str subject;     /* the original's, UTF-8 */
	struct str original_id; /* its Message-ID or empty */
	struct str event_id;    /* the original's: what the administrator looks up */
	int64_t arrival_us;
	int64_t now_us;
	enum language first;    /* which language's text comes first; both are there */
	const struct dsn_recipient *recipients;
	size_t recipients_count;
	bool full;              /* RET=FULL: message/rfc822 with all of it, else text/rfc822-headers */
	struct str original;    /* the bytes to return: whole or header section, as the caller cut them */
	struct str boundary;    /* unique, from the caller (wire knows no randomness); letters, digits and - _ . =, at most 70 */
};

/* A complete RFC 5322 message with CRLF lines of at most 998 octets. What is returned whole goes as it is (8bit if need be:
 * then the message is 8bit too); where that cannot be (long lines, bare line ends, NUL) its header goes, encoded. With a
 * UTF-8 address in `from` or `to` the header holds UTF-8 and wants SMTPUTF8. False: no room, or no good boundary. */
bool dsn_print(struct buf *out, const struct dsn *dsn) __attribute__((warn_unused_result));

#endif
