/* notice_watch: upstreams and mailboxes that take no mail: a pause that goes on is told, once an outage, within a minute of its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "domain/json_text.h"
#include "keeper/notice_private.h"

#define LOOK_EVERY_MS 1000
#define TELL_AFTER_MS 30000 /* what a pause of seconds mends by itself is nobody's news */
#define OVER_AFTER_MS 20000 /* between two attempts an upstream looks well */
#define PAUSES_MAX 256

struct pause {
	struct pause *next;
	char *key;          /* "UPSTREAM MAILBOX" */
	uint64_t since_ms, seen_ms;
	int64_t since_us;
	bool told;
};

static void forget(struct pause **link)
{
	struct pause *pause = *link;

	*link = pause->next;
	free(pause->key);
	free(pause);
}

void notice_watch_free(struct notices *notices)
{
	while (notices->pauses)
		forget(&notices->pauses);
}

static struct pause *pause_for(struct notices *notices, const char *key, uint64_t now_ms)
{
	struct pause *pause = notices->pauses;
	size_t count = 0;

	for (; pause; pause = pause->next, count++) {
		if (strcmp(pause->key, key) == 0)
			return pause;
	}
	pause = count < PAUSES_MAX ? calloc(1, sizeof(*pause)) : NULL;
	if (!pause)
		return NULL;
	pause->key = str_dup(str_of(key));
	if (!pause->key) {
		free(pause);
		return NULL;
	}
	pause->since_ms = now_ms;
	pause->since_us = clock_real_us();
	pause->next = notices->pauses;
	notices->pauses = pause;
	return pause;
}

static void tell(struct notices *notices, struct pause *pause, const struct courier_status *status)
{
	char key[NOTICE_KEY_MAX];
	json_t *data = json_object();

	if (!json_put(data, "upstream", json_text(status->upstream)) ||
	    !json_put(data, "mailbox", status->mailbox.len ? json_text(status->mailbox) : notice_words(N_("all mailboxes"))) ||
	    !json_put(data, "trouble", json_text(status->trouble)) || !json_put(data, "at", json_time(pause->since_us))) {
		json_decref(data);
		return;
	}
	pause->told = true;
	(void)snprintf(key, sizeof(key), "paused/%s/%lld", pause->key, (long long)pause->since_us);
	notice_draft(notices, NOTICE_PAUSED, key, str_of(pause->key), STR(""), data);
}

static void look(void *context, const struct courier_status *status)
{
	struct notices *notices = context;
	uint64_t now_ms = clock_monotonic_ms();
	struct pause *pause;
	char key[400];

	if (status->paused_until_us == 0)
		return;
	(void)snprintf(key, sizeof(key), "%.*s%s%.*s", STR_ARG(status->upstream), status->mailbox.len ? " " : "", STR_ARG(status->mailbox));
	pause = pause_for(notices, key, now_ms);
	if (!pause)
		return;
	pause->seen_ms = now_ms;
	if (!pause->told && now_ms - pause->since_ms >= TELL_AFTER_MS)
		tell(notices, pause, status);
}

void notice_watch(struct notices *notices)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (now_ms - notices->watched_ms < LOOK_EVERY_MS)
		return;
	notices->watched_ms = now_ms;
	courier_each(notices->keeper->courier, look, notices);
	for (struct pause **link = &notices->pauses; *link;) {
		if (now_ms - (*link)->seen_ms > OVER_AFTER_MS)
			forget(link);
		else
			link = &(*link)->next;
	}
}
