#include "keep/staging.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define FOLDER "import"
#define PART ".part"
#define ROWS ".rows"
#define PATH_BYTES_MAX 4096
#define LENGTH_BYTES 4
#define WINDOW_BYTES (1u << 20) /* read at once; at least one row */

struct staging {
	int dir_fd, fd;
	char part[STAGING_ID_MAX + 8], rows[STAGING_ID_MAX + 8];
	bool finished;
	uint64_t at, before; /* where the next batch begins, and where the last one began */
	struct buf window;
};

static bool is_id(const char *id)
{
	size_t len = strlen(id);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)id[i]) && id[i] != '-')
			return false;
	}
	return len > 0 && len <= STAGING_ID_MAX;
}

static enum outcome folder(const char *state, int *ret_fd, struct fault *fault)
{
	char path[PATH_BYTES_MAX];

	if (!path_join(state, STR(FOLDER), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_BYTES_MAX, state);
	if (folder_make(path, fault) != OUTCOME_OK)
		return fault->outcome;
	*ret_fd = folder_open(path);
	return *ret_fd == -1 ? fault_errno(fault, "open", path) : OUTCOME_OK;
}

static enum outcome make(const char *state, const char *id, bool finished, struct staging **ret_staging, struct fault *fault)
{
	struct staging *staging;

	if (!is_id(id))
		return fault_set(fault, OUTCOME_NEVER, N_("\"%s\" is no import"), id);
	staging = calloc(1, sizeof(*staging));
	if (!staging)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory during an import"));
	*staging = (struct staging){ .dir_fd = -1, .fd = -1, .finished = finished };
	buf_init(&staging->window, WINDOW_BYTES);
	(void)snprintf(staging->part, sizeof(staging->part), "%s" PART, id);
	(void)snprintf(staging->rows, sizeof(staging->rows), "%s" ROWS, id);
	if (folder(state, &staging->dir_fd, fault) != OUTCOME_OK) {
		staging_close(staging);
		return fault->outcome;
	}
	staging->fd = finished ? file_open(staging->dir_fd, staging->rows) : file_create(staging->dir_fd, staging->part);
	if (staging->fd == -1) {
		(void)fault_errno(fault, finished ? "open" : "create", finished ? staging->rows : staging->part);
		staging_close(staging);
		return fault->outcome;
	}
	*ret_staging = staging;
	return OUTCOME_OK;
}

enum outcome staging_new(const char *state, const char *id, struct staging **ret_staging, struct fault *fault)
{
	return make(state, id, false, ret_staging, fault);
}

enum outcome staging_open(const char *state, const char *id, struct staging **ret_staging, struct fault *fault)
{
	return make(state, id, true, ret_staging, fault);
}

void staging_close(struct staging *staging)
{
	if (staging->fd != -1)
		(void)close(staging->fd);
	if (staging->dir_fd != -1)
		(void)close(staging->dir_fd);
	buf_done(&staging->window);
	free(staging);
}

void staging_remove(struct staging *staging)
{
	(void)file_remove(staging->dir_fd, staging->finished ? staging->rows : staging->part);
	staging_close(staging);
}

/* --- rows in --- */

bool staging_frame(struct buf *out, struct str packed)
{
	char *room = packed.len <= STAGING_ROW_BYTES_MAX ? buf_room(out, LENGTH_BYTES + packed.len) : NULL;

	if (!room)
		return false;
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		room[i] = (char)(packed.len >> (8 * i) & 0xff);
	memcpy(room + LENGTH_BYTES, packed.ptr, packed.len);
	buf_grew(out, LENGTH_BYTES + packed.len);
	return true;
}

/* The row at the start of *rest. False: cut short (it goes on behind), or *ret_bad. */
static bool unframe(struct str *rest, struct str *ret_row, bool *ret_bad)
{
	size_t len = 0;

	*ret_bad = false;
	if (rest->len < LENGTH_BYTES)
		return false;
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		len |= (size_t)(unsigned char)rest->ptr[i] << (8 * i);
	*ret_bad = len > STAGING_ROW_BYTES_MAX;
	if (*ret_bad || rest->len - LENGTH_BYTES < len)
		return false;
	*ret_row = (struct str){ rest->ptr + LENGTH_BYTES, len };
	*rest = str_skip(*rest, LENGTH_BYTES + len);
	return true;
}

enum outcome staging_add(struct staging *staging, struct str framed, size_t *ret_rows, struct fault *fault)
{
	struct str rest = framed, row;
	bool bad;

	for (*ret_rows = 0; unframe(&rest, &row, &bad); ++*ret_rows)
		continue;
	if (bad || rest.len > 0)
		return fault_set(fault, OUTCOME_NEVER, N_("the rows of an import came damaged"));
	return file_write(staging->fd, framed) == -1 ? fault_errno(fault, "write", staging->part) : OUTCOME_OK;
}

enum outcome staging_finish(struct staging *staging, struct fault *fault)
{
	if (file_sync(staging->fd) == -1)
		return fault_errno(fault, "sync", staging->part);
	if (file_rename(staging->dir_fd, staging->part, staging->rows) == -1)
		return fault_errno(fault, "rename", staging->part);
	staging->finished = true;
	if (file_sync(staging->dir_fd) == -1) /* or a power cut may take the name back */
		return fault_errno(fault, "sync the folder of", staging->rows);
	(void)close(staging->fd); /* it was for writing */
	staging->fd = file_open(staging->dir_fd, staging->rows);
	return staging->fd == -1 ? fault_errno(fault, "open", staging->rows) : OUTCOME_OK;
}

/* --- rows out --- */

static enum outcome window_fill(struct staging *staging, struct fault *fault)
{
	char *room;
	ssize_t got;

	buf_clear(&staging->window);
	room = buf_room(&staging->window, WINDOW_BYTES);
	if (!room)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory during an import"));
	got = file_read_at(staging->fd, room, WINDOW_BYTES, staging->at);
	if (got == -1)
		return fault_errno(fault, "read", staging->rows);
	buf_grew(&staging->window, (size_t)got);
	return OUTCOME_OK;
}

enum outcome staging_next(struct staging *staging, struct staging_batch *ret_batch, struct fault *fault)
{
	struct str rest;
	bool bad = false;
	enum outcome outcome = window_fill(staging, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	rest = buf_str(&staging->window);
	ret_batch->count = 0;
	while (ret_batch->count < STAGING_BATCH_MAX && unframe(&rest, &ret_batch->rows[ret_batch->count], &bad))
		ret_batch->count++;
	if (bad || (ret_batch->count == 0 && rest.len > 0))
		return fault_set(fault, OUTCOME_NEVER, N_("%s is damaged behind its byte %llu; import the file again"), staging->rows,
				 (unsigned long long)staging->at);
	staging->before = staging->at;
	staging->at += staging->window.len - rest.len;
	return OUTCOME_OK;
}

void staging_back(struct staging *staging)
{
	staging->at = staging->before;
}

/* --- at the start --- */

static void see(int dir_fd, const char *name, void (*each)(void *context, const char *id), void *context)
{
	struct str text = str_of(name);
	char id[STAGING_ID_MAX + 1];

	if (str_ends_nocase(text, STR(PART)))
		(void)file_remove(dir_fd, name);
	if (!str_ends_nocase(text, STR(ROWS)))
		return;
	text.len -= strlen(ROWS);
	if (str_copy(text, sizeof(id), id) && is_id(id))
		each(context, id);
}

enum outcome staging_each(const char *state, void (*each)(void *context, const char *id), void *context, struct fault *fault)
{
	int dir_fd = -1, list_fd;
	DIR *list;
	enum outcome outcome = folder(state, &dir_fd, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	list_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	list = list_fd == -1 ? NULL : fdopendir(list_fd);
	if (!list) {
		(void)fault_errno(fault, "read", FOLDER);
		if (list_fd != -1)
			(void)close(list_fd);
		(void)close(dir_fd);
		return fault->outcome;
	}
	for (const struct dirent *entry; (entry = readdir(list));)
		see(dir_fd, entry->d_name, each, context);
	(void)closedir(list);
	(void)close(dir_fd);
	return OUTCOME_OK;
}
