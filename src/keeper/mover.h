/* mover: carries sign-in and trace rows from the spool's outbox to the ledger; nothing that a device waits for depends on it. */
#ifndef KEEPER_MOVER_H
#define KEEPER_MOVER_H

#include "keeper/keeper.h"

struct mover *mover_new(struct keeper *keeper);
void mover_free(struct mover *mover);
void mover_tick(struct mover *mover); /* from the keeper's timer: move what has collected */

/* Why the ledger did not take the last rows; NULL: it did. */
const struct fault *mover_trouble(const struct mover *mover);

/* Call back when every row that is in the outbox now is in the ledger: for questions that want to see them. False fault: could not. */
void mover_flush(struct mover *mover, void (*on_done)(void *context, enum outcome outcome), void *context);

#endif
