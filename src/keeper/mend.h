/* mend: for a cause of refusal, the switch that lifts it: here, by cmdlet, and in the portal of the real tenant. */
#ifndef KEEPER_MEND_H
#define KEEPER_MEND_H

#include "keeper/api.h"

/* Notes, in the caller's language; nothing when no switch would help (wrong password, lock-out). */
void mend_tell(struct api_call *call, struct str cause, struct str user, struct str tenant);

#endif
