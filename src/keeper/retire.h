/* retire: carries out the retirement plans of tenants that say `enforce`: when the day has come, the tenant's `basic` is changed, with
 * an audit row. All other plans and the schedule only inform. */
#ifndef KEEPER_RETIRE_H
#define KEEPER_RETIRE_H

#include "keeper/keeper.h"

/* Reads the plans; NULL: out of memory, or the ledger's fault. */
struct retire *retire_new(struct keeper *keeper, struct fault *fault);
void retire_free(struct retire *retire);
void retire_tick(struct retire *retire); /* now and then */

/* A tenant's own plan; NULL: none. Valid until the next change. */
const struct retirement_plan *retire_plan(const struct retire *retire, struct str tenant);
bool retire_put(struct retire *retire, const struct retirement_plan *plan); /* copied. False: out of memory */

#endif
