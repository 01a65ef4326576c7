/* data: what a session does between DATA and the dot: trace header, repairs, what the header section may not say, COMMIT. */
#ifndef GATE_DATA_H
#define GATE_DATA_H

#include "gate/session.h"

void data_begin(struct session *session);               /* answers DATA */
void data_add(struct session *session, struct str run);
bool data_end(struct session *session);                 /* asks to commit, or refuses. False: the link is full, hang up */
bool data_commit(struct session *session);              /* the same, once the file is there that the end has asked for */

#endif
