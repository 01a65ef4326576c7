/* notice_private: one round of notices on their way, shared by notice.c, notice_mail.c and notice_post.c. */
#ifndef KEEPER_NOTICE_PRIVATE_H
#define KEEPER_NOTICE_PRIVATE_H

#include "domain/notice_list.h"
#include "keeper/notice.h"

#define POSTS_A_ROUND_MAX 20

struct notices {
	struct keeper *keeper;
	struct notice_list *drafts; /* what happened and what is due, until it is in the ledger */
	struct round *round;        /* one at a time; NULL: none */
	struct round *next;         /* somebody asked meanwhile; NULL: nobody */
	uint64_t looked_ms, looked_well_ms; /* at the ledger; also at dates */
	uint64_t mail_again_ms;     /* the disk said no */
	bool troubled;              /* the last look failed: told once */
	size_t open;
	struct pause *pauses;       /* notice_watch.c */
	uint64_t holds_seen;        /* how often they had changed at the last look … */
	bool holds_unseen;          /* … which failed, or did not come to its end */
	int64_t holds_day;          /* how many held senders were told on that day */
	unsigned holds_count;
	uint64_t watched_ms;
	int64_t locks_day;          /* how many lock-outs were told on that day */
	unsigned locks_count;
};

/* A look: on the reader's thread what is due and what waits; on the scribe's what is new; then by mail and webhook what waits. */
struct round {
	struct worker_job job; /* first */
	struct notices *notices;
	struct api_call *call; /* who asked for it; NULL: the clock */
	bool force;            /* nothing waits for company or for another try */
	bool test;
	bool well;             /* dates, too */
	char only[16];         /* this one, sent or not */
	int64_t now_us, today;
	struct notice_list *drafts;  /* NULL: none was new */
	struct notice_list *waiting; /* to be mailed or posted */
	struct held_list *held;      /* who is held, as of the beginning; NULL: not looked at this time */
	size_t open;
	bool made[NOTICE_LIST_MAX]; /* of the drafts */
	struct buf report;     /* CSV, when something is to be mailed */
	bool upstream_basic;
	enum language language;
	int64_t digest_us;
	struct fault fault;
	enum outcome outcome;
	size_t under_way;      /* mail and posts; the round ends with the last */
	unsigned posts;
	int exit_code;
};

/* Is it mailed in this round? A notice for information waits for others, at most so long. */
bool notice_mail_is_due(const struct round *round);

/* notice_mail.c: all that waits to be mailed in one mail. */
void notice_mail_send(struct round *round);
/* notice_post.c: each that waits to be posted. */
void notice_post_send(struct round *round);
/* notice_expiry.c: what ends. */
void notice_expiry(struct notices *notices);
/* notice_watch.c: upstreams that take no mail. */
void notice_watch(struct notices *notices);
void notice_watch_free(struct notices *notices);

/* notice_hold.c: senders that are held: at the beginning of a round on the loop, then on the reader's thread, then on the scribe's. */
struct held_list *notice_hold_list(struct notices *notices, bool well); /* NULL: nothing has changed, or out of memory */
void notice_hold_list_free(struct held_list *held);
enum outcome notice_hold_look(struct round *round, struct ledger *ledger, struct fault *fault); /* drafts what is new, finds what is over */
bool notice_hold_any_over(const struct round *round);
enum outcome notice_hold_end(struct round *round, struct ledger *ledger, struct fault *fault);
void notice_hold_done(struct notices *notices, const struct round *round); /* the round is over, well or not */

/* Put a draft by until the next look. */
void notice_draft(struct notices *notices, enum notice_kind kind, const char *key, struct str subject, struct str tenant, json_t *data);
/* A row for who asked. `result` is "queued", "posted", "failed" … */
void notice_tell(struct round *round, const char *way, struct str to, const char *result, const char *detail);
void notice_done(struct round *round); /* one of `under_way` has ended */

/* What came of sending, on its way to the ledger. */
struct notice_write {
	struct worker_job job; /* first */
	struct round *round;
	struct str ids[NOTICE_LIST_MAX];
	size_t ids_count;
	int64_t mailed_us;
	struct notice posted;  /* of notice_post.c; its texts in trouble and id */
	char trouble[FAULT_TEXT_MAX];
	struct fault fault;
	enum outcome outcome;
};

#endif
