/* graph_plan: a message too large for one request, taken apart: a draft without its largest files, and these behind it. The scan of
 * the whole body is a worker's. */
#ifndef COURIER_GRAPH_PLAN_H
#define COURIER_GRAPH_PLAN_H

#include "courier/graph_private.h"

/* Find the files of the call's message; graph_planned follows on the loop, unless graph_plan_cancel. False: no worker or no memory. */
bool graph_plan(struct graph_call *call);
void graph_plan_cancel(struct graph_call *call);

#endif
