#include "domain/notice_list.h"

#include <stdlib.h>

struct notice_list *notice_list_new(void)
{
	struct notice_list *list = calloc(1, sizeof(*list));

	if (list)
		arena_init(&list->arena, NOTICE_LIST_BYTES_MAX);
	return list;
}

void notice_list_free(struct notice_list *list)
{
	if (!list)
		return;
	arena_free_all(&list->arena);
	free(list);
}

bool notice_list_add(struct notice_list *list, const struct notice *notice)
{
	struct notice *copy = &list->items[list->count];

	if (list->count == NOTICE_LIST_MAX)
		return false;
	*copy = *notice;
	if (!arena_keep(&list->arena, notice->key, &copy->key) || !arena_keep(&list->arena, notice->id, &copy->id) ||
	    !arena_keep(&list->arena, notice->subject, &copy->subject) || !arena_keep(&list->arena, notice->tenant, &copy->tenant) ||
	    !arena_keep(&list->arena, notice->data, &copy->data) || !arena_keep(&list->arena, notice->trouble, &copy->trouble))
		return false;
	list->count++;
	return true;
}

bool notice_list_draft(struct notice_list *list, enum notice_kind kind, const char *key, struct str subject, struct str tenant,
		       int64_t created_us, json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
	struct notice notice = {
		.kind = kind,
		.severity = notice_severity_of(kind),
		.key = str_of(key),
		.subject = subject,
		.tenant = tenant,
		.created_us = created_us,
		.data = str_of(text),
	};
	bool added = text && notice.data.len <= NOTICE_DATA_BYTES_MAX && notice_list_add(list, &notice);

	free(text);
	json_decref(data);
	return added;
}
