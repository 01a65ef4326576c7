/* deadline: how long a client may take; a command must come whole within its time, however slowly it drips. */
#ifndef GATE_DEADLINE_H
#define GATE_DEADLINE_H

#include "gate/session.h"

#define DEADLINE_SNIFF_MS 3000 /* listener `auto`: contract, 3 */
#define DEADLINE_ANSWER_MS 120000 /* the keeper's, to any question: beyond it something is wrong, and the client is told */

bool deadline_is_over(const struct session *session, uint64_t now_ms);

#endif
