#include "sandbox/inbox.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define RUN_BYTES 131072
#define PART ".part"

/* What a killed sandbox was receiving was never answered 250. */
static void remove_parts(const struct inbox *inbox)
{
	DIR *folder = opendir(inbox->folder);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (str_ends_nocase(str_of(entry->d_name), STR(PART)))
			(void)file_remove(inbox->folder_fd, entry->d_name);
	}
	if (folder)
		(void)closedir(folder);
}

enum outcome inbox_open(struct inbox *inbox, const char *dir, struct fault *fault)
{
	*inbox = (struct inbox){ .folder_fd = -1 };
	if (!path_join(dir, STR("inbox"), sizeof(inbox->folder), inbox->folder))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(inbox->folder), dir);
	if (folder_make(inbox->folder, fault) != OUTCOME_OK)
		return fault->outcome;
	inbox->folder_fd = folder_open(inbox->folder);
	if (inbox->folder_fd == -1)
		return fault_errno(fault, "open folder", inbox->folder);
	remove_parts(inbox);
	return OUTCOME_OK;
}

static void name_with(const struct inbox_message *message, const char *ending, char ret_name[96])
{
	(void)snprintf(ret_name, 96, "%s%s", message->name, ending);
}

bool inbox_begin(struct inbox *inbox, struct inbox_message *ret_message)
{
	char name[96];

	*ret_message = (struct inbox_message){ .fd = -1 };
	(void)snprintf(ret_message->name, sizeof(ret_message->name), "%lld-%06llu", (long long)clock_real_us(),
		       (unsigned long long)++inbox->count);
	buf_init(&ret_message->collected, 4 * RUN_BYTES);
	name_with(ret_message, ".eml" PART, name);
	ret_message->fd = file_create(inbox->folder_fd, name);
	return ret_message->fd != -1;
}

static void write_out(struct inbox_message *message)
{
	if (file_write(message->fd, buf_str(&message->collected)) == -1)
		message->failed = true;
	buf_clear(&message->collected);
}

void inbox_add(struct inbox_message *message, struct str run)
{
	if (!buf_add(&message->collected, run))
		message->failed = true;
	if (message->collected.len >= RUN_BYTES)
		write_out(message);
}

static bool write_envelope(const struct inbox *inbox, const struct inbox_message *message, const struct inbox_envelope *envelope)
{
	char when[CLOCK_RFC3339_MAX];
	char part[96];
	char whole[96];
	json_t *to = json_array();
	json_t *json;
	struct str rest = envelope->to;
	char *text;
	bool written = false;
	int fd;

	while (rest.len > 0) {
		struct str one = str_cut(&rest, '\n');

		(void)json_array_append_new(to, json_stringn(one.ptr, one.len));
	}
	clock_rfc3339_print(clock_real_us(), when);
	json = json_pack("{s:s%,s:o,s:s%,s:s%,s:s,s:b}", "from", envelope->from.ptr, envelope->from.len, "to", to, "authenticatedAs",
			 envelope->authenticated_as.ptr, envelope->authenticated_as.len, "mechanism", envelope->mechanism.ptr,
			 envelope->mechanism.len, "receivedDateTime", when, "sandbox", 1);
	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	name_with(message, ".json" PART, part);
	name_with(message, ".json", whole);
	fd = text ? file_create(inbox->folder_fd, part) : -1;
	if (fd != -1) {
		written = file_write(fd, str_of(text)) == 0 && file_rename(inbox->folder_fd, part, whole) == 0;
		(void)close(fd);
		if (!written)
			(void)file_remove(inbox->folder_fd, part);
	}
	free(text);
	json_decref(json);
	return written;
}

bool inbox_finish(struct inbox *inbox, struct inbox_message *message, const struct inbox_envelope *envelope)
{
	char part[96];
	char whole[96];

	write_out(message);
	name_with(message, ".eml" PART, part);
	name_with(message, ".eml", whole);
	if (message->failed || !write_envelope(inbox, message, envelope)) {
		inbox_drop(inbox, message);
		return false;
	}
	if (file_rename(inbox->folder_fd, part, whole) == -1) {
		inbox_drop(inbox, message);
		name_with(message, ".json", whole);
		(void)file_remove(inbox->folder_fd, whole);
		return false;
	}
	(void)close(message->fd);
	buf_done(&message->collected);
	message->fd = -1;
	return true;
}

void inbox_drop(struct inbox *inbox, struct inbox_message *message)
{
	char part[96];

	if (message->fd == -1)
		return;
	(void)close(message->fd);
	message->fd = -1;
	buf_done(&message->collected);
	name_with(message, ".eml" PART, part);
	(void)file_remove(inbox->folder_fd, part);
}
