#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "sandbox/sandbox_private.h"

#define NAME "stats.json"
#define PART "stats.json.part"

static json_t *stats_json(struct sandbox *sandbox)
{
	const struct sandbox_stats *stats = &sandbox->stats;
	struct sandbox_graph graph;

	(void)pthread_mutex_lock(&sandbox->graph.mutex);
	graph = sandbox->graph;
	(void)pthread_mutex_unlock(&sandbox->graph.mutex);

	return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sandbox", 1, "messages", (json_int_t)(stats->messages + graph.messages), "connections",
			 (json_int_t)stats->connections, "connectionsPerMailboxMax", (json_int_t)stats->connections_per_mailbox_max,
			 "tokensIssued", (json_int_t)tokens_issued(&sandbox->tokens), "authAttempts", (json_int_t)stats->auth_attempts,
			 "authFailures", (json_int_t)stats->auth_failures, "authBeforeTls", (json_int_t)stats->auth_before_tls, "refused",
			 (json_int_t)stats->refused, "graphRequests", (json_int_t)graph.requests, "graphRequestsPerMailboxMax",
			 (json_int_t)graph.requests_per_mailbox_max, "graphThrottled", (json_int_t)graph.throttled, "rateDelayed",
			 (json_int_t)stats->rate_delayed, "graphDrafts", (json_int_t)graph.drafts.count,
			 "graphApplications", (json_int_t)graph.applications);
}

/* Not synced: it is written twice a second, and a power cut leaves nobody who counts. */
static bool write_text(const struct sandbox *sandbox, struct str text)
{
	bool written;
	int fd;

	(void)file_remove(sandbox->folder_fd, PART);
	fd = file_create(sandbox->folder_fd, PART);
	if (fd == -1)
		return false;
	written = file_write(fd, text) == 0 && file_rename(sandbox->folder_fd, PART, NAME) == 0;
	(void)close(fd);
	return written;
}

void stats_write(struct sandbox *sandbox)
{
	json_t *json = stats_json(sandbox);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	if (!text || !write_text(sandbox, str_of(text)))
		log_event(LOG_LEVEL_ERROR, "SANDBOX stats not written", LOG_TEXT("folder", sandbox->dir));
	free(text);
	json_decref(json);
}
