/* ledger_notice: notices in the ledger: made once, by key; how each was mailed and posted; what the administrator said to it. And which
 * accounts have begun with Basic authentication, noted while their sign-ins come in. */
#ifndef KEEP_LEDGER_NOTICE_H
#define KEEP_LEDGER_NOTICE_H

#include "domain/notice.h"
#include "keep/ledger.h"

/* All in one transaction. One whose key is there already, or that has another of its kind and subject within notice_quiet_us(), is left
 * out, and its ret_made[i] false. What a notice tells of an account's beginning (below) is told with it. */
enum outcome ledger_notices_make(struct ledger *ledger, const struct notice *notices, size_t count, bool *ret_made, struct fault *fault);
enum outcome ledger_notice_has(struct ledger *ledger, struct str key, bool *ret_has, struct fault *fault);

struct notice_filter {
	struct str id;    /* "": any */
	bool all;         /* acknowledged and snoozed ones, too */
	struct str kind;  /* "": any; else only open ones of it */
	bool unsent;      /* only open ones that are still to be mailed or posted */
	int64_t now_us;
	size_t count_max; /* 0: all */
};
/* Newest first (unsent: oldest first). The row lives until `each` returns; false: enough. */
enum outcome ledger_notices(struct ledger *ledger, const struct notice_filter *filter,
			    bool (*each)(void *context, const struct notice *notice), void *context, struct fault *fault);
enum outcome ledger_notices_open(struct ledger *ledger, int64_t now_us, size_t *ret_count, struct fault *fault);

/* They were mailed then, or will never be. */
enum outcome ledger_notices_mailed(struct ledger *ledger, const struct str *ids, size_t count, int64_t mailed_us, struct fault *fault);
/* Of `notice` id, posted_us, post_attempts, post_due_us and trouble. */
enum outcome ledger_notice_posted(struct ledger *ledger, const struct notice *notice, struct fault *fault);
/* With a line in the audit. NEVER: there is no such notice. */
enum outcome ledger_notice_state(struct ledger *ledger, struct str id, enum notice_state state, int64_t until_us, struct str actor,
				 struct fault *fault);
/* What they told of is over: those that are open or snoozed are so no more, and are not sent any more. */
enum outcome ledger_notices_over(struct ledger *ledger, const struct str *ids, size_t count, struct fault *fault);
/* Those that were made before that time, and are open no more. */
enum outcome ledger_notices_expire(struct ledger *ledger, int64_t before_us, int64_t now_us, struct fault *fault);

/* An account that began with Basic authentication, or began again after NOTICE_BASIC_GAP_DAYS. Borrowed. */
struct basic_start {
	struct str account, ip, ehlo, event_id;
	int64_t since_us, previous_us; /* previous 0: never before */
};
/* Those of which no notice has been made. */
enum outcome ledger_basic_starts(struct ledger *ledger, size_t count_max, bool (*each)(void *context, const struct basic_start *start),
				 void *context, struct fault *fault);

#endif
