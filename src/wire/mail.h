/* mail: a message of this gateway's own: a text, and files with it (RFC 5322, 2045 to 2047, 2183, 3834). */
#ifndef WIRE_MAIL_H
#define WIRE_MAIL_H

#include "base/buf.h"
#include "base/str.h"

struct mail_file {
	struct str name;  /* letters, digits and - _ . */
	const char *type; /* "text/csv; charset=utf-8" */
	struct str bytes;
};

struct mail {
	struct str from;
	const struct str *to;
	size_t to_count;
	struct str subject;    /* UTF-8 */
	struct str message_id; /* without <> */
	struct str mark;       /* X-Sekisho-Notice: by which a receiver knows doubles; "": none */
	int64_t now_us;
	struct str text;       /* UTF-8; lines end in LF */
	const struct mail_file *files;
	size_t files_count;
	struct str boundary;   /* unique, from the caller; letters, digits and - _ . =, at most 70 */
};

/* A complete message in ASCII (but for a UTF-8 address in From or To, which wants SMTPUTF8) with CRLF lines of at most 998 octets. Text and
 * subject are cleaned of what steers a screen. False: no room, no recipient, or no good boundary or file name. */
bool mail_print(struct buf *out, const struct mail *mail) __attribute__((warn_unused_result));

#endif
