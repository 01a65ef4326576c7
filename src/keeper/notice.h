/* notice: the room that makes notices, mails them and posts them: off the message path, by looks at the ledger now and then. What is due
 * by date or has happened becomes a row once; what is not sent yet goes out, at least once, also after a kill. */
#ifndef KEEPER_NOTICE_H
#define KEEPER_NOTICE_H

#include "domain/throttle.h"
#include "keeper/api.h"

struct notices *notices_new(struct keeper *keeper); /* NULL: out of memory */
void notices_free(struct notices *notices);
void notices_tick(struct notices *notices); /* from the keeper's timer */
void notices_wake(struct notices *notices); /* a date may have come nearer, a row may have changed: look at once */
size_t notices_open(const struct notices *notices); /* as of the last look */

/* This failure has locked out an account or a network. */
void notices_locked_out(struct notices *notices, enum throttle_verdict verdict, struct str account, struct str ip);
/* dispatch's: a message of ours was refused. */
void notices_unsent(void *notices, const struct spool_message *message, struct str reply);

/* `notices send [ID]` and `notices test`: what is due now, that one again, or a test; a row for each way it went. Ends the call. */
void notices_send(struct api_call *call, const char *id, bool test);

#endif
