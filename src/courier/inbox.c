#include "courier/inbox.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "courier/graph_source.h"
#include "domain/json_text.h"
#include "wire/smtp_client.h"

#define RUN_BYTES 65536
#define NAME_BYTES 128

bool inbox_envelope_print(const struct courier_job *job, const struct smtp_client_message *message, struct buf *out)
{
	json_t *json = json_object();
	json_t *to = json_array();
	char when[CLOCK_RFC3339_MAX];
	char *text = NULL;
	bool good = json && to;

	for (size_t i = 0; good && i < message->recipients_count; i++)
		good = json_array_append_new(to, json_text(message->recipients[i].address)) == 0;
	clock_rfc3339_print(job->received_us, when);
	good = good && json_put(json, "id", json_text(job->event_id)) && json_put(json, "from", json_text(job->sender)) &&
	       json_put(json, "to", json_incref(to)) && json_put(json, "receivedDateTime", json_string(when));
	if (good)
		text = json_dumps(json, JSON_INDENT(2));
	good = text && buf_add(out, str_of(text)) && buf_add_byte(out, '\n');
	free(text);
	json_decref(to);
	json_decref(json);
	return good;
}

/* --- to disk --- */

static int write_body(int fd, const struct courier_job *job)
{
	char run[RUN_BYTES];

	for (uint64_t at = 0; at < job->size_bytes;) {
		ssize_t got = graph_body_read(job, at, run, sizeof(run));

		if (got <= 0 || file_write(fd, (struct str){ run, (size_t)got }) == -1)
			return -1;
		at += (uint64_t)got;
	}
	return 0;
}

/* `text` or the job's body, beside, and then under its name: what a crash left of an earlier try is written over. */
static enum outcome put_one(int folder_fd, const char *name, struct str text, const struct courier_job *job, struct fault *fault)
{
	char part[NAME_BYTES + 8];
	const char *doing = "create";
	int fd;

	(void)snprintf(part, sizeof(part), ".%s.part", name);
	(void)file_remove(folder_fd, part);
	fd = file_create(folder_fd, part);
	if (fd == -1)
		return fault_errno(fault, doing, part);
	doing = "write";
	if ((job ? write_body(fd, job) : file_write(fd, text)) == -1)
		goto undo;
	doing = "sync";
	if (file_sync(fd) == -1)
		goto undo;
	doing = "rename";
	if (file_rename(folder_fd, part, name) == -1)
		goto undo;
	(void)close(fd);
	return OUTCOME_OK;

undo:
	(void)fault_errno(fault, doing, part);
	(void)close(fd);
	(void)file_remove(folder_fd, part);
	return fault->outcome;
}

enum outcome inbox_put(const char *folder, struct str name, struct str envelope, const struct courier_job *job, struct fault *fault)
{
	CLEANUP(cleanup_fd) int folder_fd = -1;
	char whole[NAME_BYTES];

	if (folder_make(folder, fault) != OUTCOME_OK)
		return fault->outcome;
	folder_fd = folder_open(folder);
	if (folder_fd == -1)
		return fault_errno(fault, "open folder", folder);
	(void)snprintf(whole, sizeof(whole), "%.*s.json", STR_ARG(name));
	if (put_one(folder_fd, whole, envelope, NULL, fault) != OUTCOME_OK)
		return fault->outcome;
	(void)snprintf(whole, sizeof(whole), "%.*s.eml", STR_ARG(name));
	if (put_one(folder_fd, whole, STR(""), job, fault) != OUTCOME_OK)
		return fault->outcome;
	if (file_sync(folder_fd) == -1) /* or a power cut may take the names back */
		return fault_errno(fault, "sync the folder of", folder);
	return OUTCOME_OK;
}
