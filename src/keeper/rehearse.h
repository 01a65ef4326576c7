/* rehearse: the rehearsal of the retirement that runs now, if one does; outlives a restart in STATE/rehearsal.json. */
#ifndef KEEPER_REHEARSE_H
#define KEEPER_REHEARSE_H

#include "keeper/keeper.h"

struct rehearse;

struct rehearse *rehearse_new(struct keeper *keeper); /* reads the file; NULL: out of memory */
void rehearse_free(struct rehearse *rehearse);

/* Is this sign-in, whose credentials are right, to be refused? */
bool rehearse_wants(struct rehearse *rehearse, struct str user, struct str ip);

#endif
