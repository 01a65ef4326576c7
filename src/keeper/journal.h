/* journal: writes down what happened: sign-in rows and traces into the spool's outbox, one line each into the log. */
#ifndef KEEPER_JOURNAL_H
#define KEEPER_JOURNAL_H

#include "domain/sign_in.h"
#include "domain/trace.h"
#include "keeper/gates.h"

#define JOURNAL_ADDRESS_MAX 48

/* "192.0.2.7", or IPv6. */
void journal_address_print(const unsigned char ip[16], char ret_text[JOURNAL_ADDRESS_MAX]);
/* The connection's correlationId, in the form of a GUID. */
void journal_correlation_print(const struct way_back *way, char ret_text[40]);

/* Durable enough to survive a kill when `on_done` comes. False: the outbox takes no more; nothing was written. */
bool journal_sign_in(struct keeper *keeper, const struct sign_in *row,
		     void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context);
/* A message that was refused at MAIL, RCPT or the end of DATA: it never was in the spool. */
void journal_refused(struct keeper *keeper, const struct trace *trace, struct str peer, struct str reply);

#endif
