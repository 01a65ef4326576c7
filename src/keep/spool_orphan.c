/* spool_orphan: body files that no message names: of sessions that ended before their commit, or of a keeper that was
 * killed between a commit and the removal. Only files from before this start are looked at. */
#include <dirent.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "keep/spool_private.h"

/* False also when nobody can say. */
static bool knows_no_owner(struct spool *spool, enum spool_statement which, uint64_t body_file)
{
	sqlite3_stmt *row;
	int code = SQLITE_ERROR;

	pthread_mutex_lock(&spool->reading);
	row = spool->reader.db ? spool_statement(&spool->reader, which) : NULL;
	if (row) {
		(void)sqlite3_bind_int64(row, 1, (sqlite3_int64)body_file);
		code = sqlite3_step(row);
		(void)sqlite3_reset(row);
	}
	pthread_mutex_unlock(&spool->reading);
	return code == SQLITE_DONE;
}

/* The rows are read beside their index, slow as that is: a bit turned over in one of them must not cost a body. */
static bool has_no_owner(struct spool *spool, uint64_t body_file)
{
	return knows_no_owner(spool, SQL_BODY_FILE_OWNER, body_file) && knows_no_owner(spool, SQL_BODY_FILE_OWNER_ROW, body_file);
}

void spool_orphans_remove(struct spool *spool, unsigned folder)
{
	char name[SPOOL_BODY_NAME_MAX];
	uint64_t body_file;
	struct dirent *entry;
	DIR *entries;
	int fd;

	(void)snprintf(name, sizeof(name), "%02x", folder);
	fd = file_open(spool->bodies_fd, name);
	entries = fd >= 0 ? fdopendir(fd) : NULL;
	if (!entries) {
		cleanup_fd(&fd);
		return;
	}
	while ((entry = readdir(entries))) {
		if (!str_to_u64(str_of(entry->d_name), UINT64_MAX, &body_file) || body_file >= spool->count_first)
			continue;
		spool_body_name(body_file, name);
		if (has_no_owner(spool, body_file))
			(void)file_remove(spool->bodies_fd, name);
	}
	(void)closedir(entries);
}
