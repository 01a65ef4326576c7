/* smtp_reply: replies, ours as one table, and those of a server read back. */
#ifndef WIRE_SMTP_REPLY_H
#define WIRE_SMTP_REPLY_H

#include "base/buf.h"
#include "base/str.h"
#include "wire/parse.h"

/* What the server machine itself says; wording in smtp_reply.c, Exchange Online's own where it has one. */
enum smtp_reply_id {
	SMTP_REPLY_CLOSING,          /* 221 2.0.0 Service closing transmission channel */
	SMTP_REPLY_START_TLS,        /* 220 2.0.0 SMTP server ready */
	SMTP_REPLY_SIGNED_IN,        /* 235 2.7.0 Authentication successful */
	SMTP_REPLY_OK,               /* 250 2.0.0 OK */
	SMTP_REPLY_RESET,            /* 250 2.0.0 Resetting */
	SMTP_REPLY_SENDER_OK,        /* 250 2.1.0 Sender OK */
	SMTP_REPLY_RECIPIENT_OK,     /* 250 2.1.5 Recipient OK */
	SMTP_REPLY_CANNOT_VERIFY,    /* 252 2.1.5 Cannot VRFY user */
	SMTP_REPLY_HELP,             /* 214 2.0.0 … */
	SMTP_REPLY_START_INPUT,      /* 354 Start mail input; end with <CRLF>.<CRLF> (no enhanced code) */
	SMTP_REPLY_TOO_MANY_ERRORS,  /* 421 4.7.0 Too many errors on this connection, closing transmission channel */
	SMTP_REPLY_SHUTTING_DOWN,    /* 421 4.3.2 Service not available, closing transmission channel */
	SMTP_REPLY_TIMED_OUT,        /* 421 4.4.1 Connection timed out */
	SMTP_REPLY_TOO_MANY_CONNECTIONS, /* 421 4.3.2 Too many connections … */
	SMTP_REPLY_TLS_FAILED,       /* 421 4.7.0 … */
	SMTP_REPLY_RECIPIENTS_MAX,   /* 452 4.5.3 Too many recipients */
	SMTP_REPLY_NO_ROOM,          /* 452 4.3.1 Insufficient system resources */
	SMTP_REPLY_TRY_LATER,        /* 451 4.3.0 Requested action aborted, try again later */
	SMTP_REPLY_UNKNOWN_COMMAND,  /* 500 5.3.3 Unrecognized command */
	SMTP_REPLY_LINE_LONG,        /* 500 5.5.2 Line too long */
	SMTP_REPLY_AUTH_LINE_LONG,   /* 500 5.5.6 Authentication exchange line is too long */
	SMTP_REPLY_LINE_BAD,         /* 500 5.5.2 bare CR, bare LF or NUL in a command line */
	SMTP_REPLY_BAD_ARGUMENTS,    /* 501 5.5.4 Invalid arguments */
	SMTP_REPLY_BAD_HELLO,        /* 501 5.5.4 Invalid domain name */
	SMTP_REPLY_BAD_SENDER,       /* 501 5.1.7 Invalid address */
	SMTP_REPLY_BAD_RECIPIENT,    /* 501 5.1.3 Invalid address */
	SMTP_REPLY_AUTH_CANCELLED,   /* 501 5.5.4 Authentication cancelled → RFC 4954 wants 501 5.0.0/5.5.4 */
	SMTP_REPLY_AUTH_BASE64,      /* 501 5.5.2 Cannot decode response */
	SMTP_REPLY_AUTH_BAD,         /* 501 5.5.4 malformed SASL message */
	SMTP_REPLY_NOT_IMPLEMENTED,  /* 502 5.3.3 Command not implemented */
	SMTP_REPLY_HELLO_FIRST,      /* 503 5.5.2 Send hello first */
	SMTP_REPLY_MAIL_FIRST,       /* 503 5.5.2 Need mail command */
	SMTP_REPLY_RCPT_FIRST,       /* 503 5.5.2 Need rcpt command */
	SMTP_REPLY_SENDER_GIVEN,     /* 503 5.5.2 Sender already specified */
	SMTP_REPLY_BAD_ORDER,        /* 503 5.5.1 Bad sequence of commands */
	SMTP_REPLY_AUTH_DONE,        /* 503 5.5.2 Auth command already specified */
	SMTP_REPLY_TLS_ACTIVE,       /* 503 5.5.1 TLS is already on */
	SMTP_REPLY_UNKNOWN_MECHANISM,/* 504 5.7.4 Unrecognized authentication type */
	SMTP_REPLY_NEED_SIGN_IN,     /* 530 5.7.57 Client not authenticated to send mail. */
	SMTP_REPLY_NEED_TLS,         /* 530 5.7.0 Must issue a STARTTLS command first */
	SMTP_REPLY_NEED_TLS_AUTH,    /* 538 5.7.11 Encryption required for requested authentication mechanism */
	SMTP_REPLY_SIZE_MAX,         /* 552 5.3.4 Message size exceeds fixed maximum message size */
	SMTP_REPLY_UTF8_NEEDED,      /* 553 5.6.7 (MAIL/RCPT): a non-ASCII address without SMTPUTF8 */
	SMTP_REPLY_BARE_NEWLINE,     /* 550 5.6.11 bare CR or LF in the message */
	SMTP_REPLY_LOOP,             /* 554 5.4.6 Hop count exceeded - possible mail loop */
	SMTP_REPLY_EARLY_TALK,       /* 554 5.5.0 … spoke before the greeting */
	SMTP_REPLY_PARAM_UNKNOWN,    /* 555 5.5.4 Unsupported option */
	SMTP_REPLY_COUNT
};

/* One reply line or group. `text` may hold several lines parted by '\n'. */
struct smtp_reply {
	unsigned code;       /* 200 … 599 */
	struct str enhanced; /* "5.7.0", or empty */
	struct str text;
	struct str event_id; /* ends the last line as " [ID]" when not empty */
};

struct smtp_reply smtp_reply_of(enum smtp_reply_id id);

/* RFC 5321, 4.2 and RFC 2034: "535-5.7.139 first\r\n535 5.7.139 last [ID]\r\n". Control bytes of the text become '?'.
 * False: no room in `out`. */
bool smtp_reply_print(struct buf *out, const struct smtp_reply *reply) __attribute__((warn_unused_result));

#define SMTP_REPLY_BYTES_MAX 65536

/*
 * A whole reply of a server at the start of `input` (RFC 5321, 4.2.1). OK: *ret_used, and *ret_reply whose text is the
 * reply without codes, lines parted by '\n' (held in `keep`, cleared first); enhanced is filled only when every line
 * begins with the same class.subject.detail. Lenient as real servers need: a lone "250" line, codes that differ
 * between lines (the last counts), bare LF at a line's end. BAD: not a reply, or more than SMTP_REPLY_BYTES_MAX.
 */
enum parse smtp_reply_parse(struct str input, struct buf *keep, struct smtp_reply *ret_reply, size_t *ret_used);

#endif
