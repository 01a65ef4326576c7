/* notice_list: some notices with a memory of their own: drafts on their way to the ledger, rows on their way out. */
#ifndef DOMAIN_NOTICE_LIST_H
#define DOMAIN_NOTICE_LIST_H

#include "base/arena.h"
#include "domain/notice.h"

#define NOTICE_LIST_MAX 200
#define NOTICE_LIST_BYTES_MAX (16u << 20)

struct notice_list {
	struct arena arena;
	struct notice items[NOTICE_LIST_MAX];
	size_t count;
};

struct notice_list *notice_list_new(void); /* NULL: out of memory */
void notice_list_free(struct notice_list *list);
/* A copy, with its texts. False: the list is full, or out of memory; it is as it was. */
bool notice_list_add(struct notice_list *list, const struct notice *notice) __attribute__((warn_unused_result));
/* Likewise, with `data` as its data (taken over; NULL: out of memory) and the kind's severity. */
bool notice_list_draft(struct notice_list *list, enum notice_kind kind, const char *key, struct str subject, struct str tenant,
		       int64_t created_us, json_t *data) __attribute__((warn_unused_result));

#endif
