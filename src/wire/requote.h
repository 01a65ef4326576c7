/*
 * requote: the quoted-printable parts of a message written anew as base64 (RFC 2045, 6.7, 6.8; RFC 2046, 5.1), as it streams by. What each part
 * decodes to stays the same to the byte; of its header section only the value of Content-Transfer-Encoding changes, and all else is copied.
 *
 * The message is for the caller to send as it was, and what came out to throw away, whenever there is doubt: signed mail (S/MIME, PGP, DKIM);
 * quoted-printable with anything but an escape, a soft line end or itself in it; a multipart without boundary, not ended, or encoded; fields
 * that stand twice; line ends that are none. A signed part among others is copied, and so is an attached message: its parts are somebody else's.
 * Time is linear; memory is what one header section of a part takes.
 */
#ifndef WIRE_REQUOTE_H
#define WIRE_REQUOTE_H

#include "base/buf.h"
#include "base/str.h"

#define REQUOTE_DEPTH_MAX 16       /* of multiparts in each other */
#define REQUOTE_HEAD_MAX 65536     /* of a part's header section */
#define REQUOTE_BOUNDARY_MAX 70    /* RFC 2046, 5.1.1 */
#define REQUOTE_LINE_MAX 256       /* as much of a line as is held to see whether it is a boundary */
#define REQUOTE_BLANKS_MAX 1024    /* blanks that may stand at the end of a line */
#define REQUOTE_GROUP_BYTES 57     /* a line of base64 */

enum requote_verdict {
	REQUOTE_GOOD,
	REQUOTE_UNREADABLE, /* signed, or in doubt */
	REQUOTE_NO_MEMORY   /* or no room in `out` */
};

struct requote_level {
	char boundary[REQUOTE_BOUNDARY_MAX + 3]; /* with the dashes before it */
	size_t len;
	bool digest; /* its parts are messages unless they say otherwise */
};

struct requote {
	enum requote_verdict verdict;
	size_t parts;        /* written anew so far */
	/* private */
	struct requote_level levels[REQUOTE_DEPTH_MAX];
	size_t depth;
	unsigned state;
	struct buf head;
	char line[REQUOTE_LINE_MAX];
	size_t line_len;
	bool line_over, line_seen; /* longer than is held; the part's body has one */
	unsigned escape;
	unsigned char high;
	bool newline, ends_soft;   /* of the body's last line: a line end that may belong to the boundary; it went on softly */
	char blanks[REQUOTE_BLANKS_MAX];
	size_t blanks_len;
	unsigned char group[REQUOTE_GROUP_BYTES];
	size_t group_len;
	bool wrote_line;
	struct buf *out;
};

/* `head` is the message's header section with the empty line behind it; it comes out in `ret_head`. False: the message is to be sent as it is, since it
 * has no such parts, or by the verdict. */
bool requote_init(struct requote *requote, struct str head, struct buf *ret_head) __attribute__((warn_unused_result));
void requote_done(struct requote *requote);
/* The next run of the body, cut anywhere; `out` may grow by what was held and twice `run`. False: by the verdict. */
bool requote_feed(struct requote *requote, struct str run, struct buf *out) __attribute__((warn_unused_result));
/* True: `parts` were written anew; when that is 0 the message came out as it went in. */
bool requote_end(struct requote *requote, struct buf *out) __attribute__((warn_unused_result));

#endif
