/*
 * dispatch: brings due messages from the spool to the courier, lane by lane (route, mailbox), and their fates back: delivered,
 * tried again later (domain/retry), told to the sender (wire/dsn). Holds a bounded window of heads in memory, whatever is queued.
 */
#ifndef KEEPER_DISPATCH_H
#define KEEPER_DISPATCH_H

#include "courier/courier.h"
#include "keep/spool.h"

struct dispatch;

/* `settings` borrowed until dispatch_settings. Nothing moves before dispatch_start, which gives it the courier (whose handler it is), our
 * host name (borrowed, for notifications), and asks the spool for its lanes. */
struct dispatch *dispatch_new(struct loop *loop, struct spool *spool, const struct settings *settings);
void dispatch_start(struct dispatch *dispatch, struct courier *courier, struct str hostname, uint32_t node);
/* A message of this gateway's own was refused for good; borrowed for the call. Before dispatch_start. */
void dispatch_tell_unsent(struct dispatch *dispatch, void (*on_unsent)(void *context, const struct spool_message *message, struct str reply),
			  void *context);
void dispatch_settings(struct dispatch *dispatch, const struct settings *settings); /* the ones before must still be there */
/* The routes are others now: what waits is asked anew which way it goes, and what was put off is due. */
void dispatch_reroute(struct dispatch *dispatch);
void dispatch_free(struct dispatch *dispatch); /* after courier_drain */

/* A message was just committed: goes at once when its lane is free and nothing older waits (its small body is kept from the commit, at
 * most a few MiB in all, so that it is not read back). */
void dispatch_committed(struct dispatch *dispatch, const struct spool_message *message);
/* An administrator released, retried or dropped something, or `queue flush`: look into the spool anew. */
void dispatch_wake(struct dispatch *dispatch);
/* By which upstream and mailbox a message of the spool would go now, were nothing in its way; borrowed of the settings and of the message.
 * False: its upstream is gone from the settings and no route fits. */
bool dispatch_way(const struct dispatch *dispatch, const struct spool_message *message, struct str *ret_upstream, struct str *ret_mailbox);
bool dispatch_is_away(const struct dispatch *dispatch, uint64_t id); /* being sent or settled: hands off */

/*
 * Somebody waits for the upstream's first word on a message, for so long. `on_word` is called at most once: TAKEN (by some recipient at
 * least), REFUSED (all of it, for good, with the words), LATER (no word will come in time). It says whether the words arrived: then nobody
 * is sent a report of what was refused. False: out of memory, or too many wait.
 */
enum dispatch_word { DISPATCH_TAKEN, DISPATCH_REFUSED, DISPATCH_LATER };
bool dispatch_watch(struct dispatch *dispatch, uint64_t id, uint64_t wait_ms,
		    bool (*on_word)(void *context, enum dispatch_word word, struct str reply), void *context);
void dispatch_unwatch(struct dispatch *dispatch, uint64_t id);

/* courier's handler, context = the dispatch */
extern const struct courier_handler dispatch_courier_handler;

#endif
