/* graph_plan: how a message goes that does not go as it stands: its quoted-printable parts written anew; one too large for one request taken
 * apart: a draft without its largest files, and these behind it. The scans of the whole body are a worker's. */
#ifndef COURIER_GRAPH_PLAN_H
#define COURIER_GRAPH_PLAN_H

#include "courier/graph_private.h"

/* Scan the call's message; it goes on from the loop, unless graph_plan_cancel. False: no worker or no memory. */
bool graph_plan(struct graph_call *call, bool requote);
void graph_plan_cancel(struct graph_call *call);

#endif
