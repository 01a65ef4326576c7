/* repair_mailbox: an address list as people and copiers write it, read leniently and printed as RFC 5322, 3.4 wants; for repair*.c.
 * What is meant is not guessed at: a list that can be read in two ways is left alone. */
#ifndef WIRE_REPAIR_MAILBOX_H
#define WIRE_REPAIR_MAILBOX_H

#include "wire/repair_private.h"

#define REPAIR_MAILBOXES_MAX 1024

enum repair_mailbox_kind { MAILBOX_WORDS, MAILBOX_BARE, MAILBOX_ANGLE };

struct repair_mailbox {
	enum repair_mailbox_kind kind;
	struct str text;    /* as it stands */
	struct str phrase;  /* the display name, as it stands */
	struct str address;
	struct str behind;  /* a comment behind it */
	char end;           /* , ; or 0 */
	bool changed;       /* `text` will not do */
};

struct repair_mailboxes {
	struct repair_mailbox *items;
	size_t count;
	bool bent; /* ANGLE_BRACKETS: an address stood where none may */
	bool unquoted; /* QUOTED_AT */
	bool raw;  /* RAW_HEADERS */
};

/* `value` is unfolded UTF-8. False: it cannot be read with certainty, or the arena is full. */
bool repair_mailboxes_parse(struct arena *arena, struct str value, struct repair_mailboxes *ret_list);

/* With `quote`, phrases that need it are quoted; what is not ASCII is encoded. *column as in repair_words_print. */
bool repair_mailboxes_print(struct buf *out, const struct repair_mailboxes *list, bool quote, size_t column);

#endif
