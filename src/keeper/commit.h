/* commit: a message that a gate has taken in: checked again, routed, made durable; only then is it answered 250. */
#ifndef KEEPER_COMMIT_H
#define KEEPER_COMMIT_H

#include "keeper/gates.h"

void commit_message(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		    const struct ask_commit *question);

/* Say it to the device, if it is still there (false: it is not). */
bool commit_answer(struct keeper *keeper, const struct way_back *way, struct ask_answer *answer, const char *event_id);

#endif
