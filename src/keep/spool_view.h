/* spool_view: a queued message as a queue row (contract, 4). */
#ifndef KEEP_SPOOL_VIEW_H
#define KEEP_SPOOL_VIEW_H

#include <jansson.h>

#include "keep/spool.h"

/* `whole`: also its recipients with their replies, subject, mailbox and the like. NULL: out of memory. */
json_t *spool_view_json(const struct spool_view *view, bool whole);

#endif
