/*
 * imports: rows that the CLI read from exports of the real tenant, on their way into the ledger: "import begin" stays open while they
 * come ("import rows"), and when its client goes first, nothing was imported; from "import end" on, everything will be, also across a
 * restart.
 */
#ifndef KEEPER_IMPORTS_H
#define KEEPER_IMPORTS_H

#include "keeper/keeper.h"

struct imports;
struct imports *imports_new(struct keeper *keeper); /* carries on with what a restart interrupted; NULL: out of memory */
void imports_tick(struct imports *imports);         /* tries again what the ledger did not take */

#endif
