/*
 * await: devices whose account wants the upstream's word before the answer to a message (`answer-after upstream`). The message is in
 * the spool like any other; only the words wait. What the upstream refuses for good is refused to the device, and then nobody is sent a
 * report; when the word does not come in time, or the device is gone, all is as with the spool's answer.
 */
#ifndef KEEPER_AWAIT_H
#define KEEPER_AWAIT_H

#include "keeper/gates.h"

/* False: out of memory, or too many wait: answer now. */
bool await_begin(struct keeper *keeper, const struct way_back *way, uint64_t id, const char *event_id);

#endif
