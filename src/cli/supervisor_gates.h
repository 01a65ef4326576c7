/* supervisor_gates: the set of gates: started for a generation of settings, replaced when they die, drained when they are old. */
#ifndef CLI_SUPERVISOR_GATES_H
#define CLI_SUPERVISOR_GATES_H

#include "cli/supervisor.h"

void supervisor_gates_start(struct supervisor *supervisor);                      /* this generation's, all of them */
void supervisor_gates_stop(struct supervisor *supervisor, unsigned generation); /* those up to it drain */
void supervisor_gates_retire(struct supervisor *supervisor, unsigned generation); /* those accept nobody new, and end with their last session */

/* supervisor.c */
void supervisor_give_gate(struct supervisor *supervisor, int fd); /* the keeper gets its end of a new gate's link */
void supervisor_settle(struct supervisor *supervisor);            /* something has ended: is it over? */

#endif
