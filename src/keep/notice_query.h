/* notice_query: what the ledger alone knows to tell: phases of the retirement that come nearer, with who is still on Basic
 * authentication, and accounts that began with it. */
#ifndef KEEP_NOTICE_QUERY_H
#define KEEP_NOTICE_QUERY_H

#include "domain/notice_list.h"
#include "keep/ledger.h"

#define NOTICE_REPORT_DAYS 30 /* who signed in in so many days counts as still there */

/* Drafts (without id) of what is due on that day, since 1970, and not in the ledger yet. What finds no room comes the next time. */
enum outcome notice_query_retirement(struct ledger *ledger, int64_t now_us, int64_t today, struct notice_list *drafts, struct fault *fault);
enum outcome notice_query_basic(struct ledger *ledger, int64_t now_us, struct notice_list *drafts, struct fault *fault);

/* The SMTP AUTH clients report of these days as a CSV file, as `report smtp-auth --csv` prints it; lines that find no room are left out. */
enum outcome notice_query_report(struct ledger *ledger, int64_t now_us, bool upstream_basic, enum language language, struct buf *out,
				 struct fault *fault);

#endif
