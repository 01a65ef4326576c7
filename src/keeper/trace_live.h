/* trace_live: traces of messages that are still in the spool, sent as rows to a call. */
#ifndef KEEPER_TRACE_LIVE_H
#define KEEPER_TRACE_LIVE_H

#include "keeper/api.h"

/* `then` comes when they are sent. `filter` is borrowed from call->args. */
void trace_live(struct api_call *call, const struct trace_filter *filter, void (*then)(struct api_call *call));

#endif
