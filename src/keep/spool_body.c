/* spool_body: bodies too large for a row, each a file bodies/NN/ID. Read, hashed and synced on workers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "keep/spool_private.h"

#define CHUNK_BYTES 65536

struct body_job {
	struct worker_job job;
	struct spool *spool;
	struct spool_work *work; /* to commit, or NULL */
	struct spool_read *read; /* to load, or NULL */
	uint64_t body_file;
	uint64_t size_bytes;
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
	int fd; /* out: open for reading */
	enum outcome outcome;
	bool damaged;
	struct fault fault;
};

void spool_body_name(uint64_t body_file, char ret_name[SPOOL_BODY_NAME_MAX])
{
	(void)snprintf(ret_name, SPOOL_BODY_NAME_MAX, "%02x/%" PRIu64, (unsigned)(body_file % SPOOL_FOLDERS), body_file);
}

bool spool_body_folders_make(struct spool *spool)
{
	for (unsigned folder = 0; folder < SPOOL_FOLDERS; folder++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%02x", folder);
		if (mkdirat(spool->bodies_fd, name, 0700) == -1 && errno != EEXIST)
			return false;
	}
	return file_sync(spool->bodies_fd) == 0;
}

enum outcome spool_body_create(struct spool *spool, uint64_t *ret_body_file, int *ret_fd, struct fault *fault)
{
	uint64_t body_file = spool_count_next(spool);
	char name[SPOOL_BODY_NAME_MAX];
	int fd;

	if (!spool_has_room(spool, 0))
		return fault_set(fault, OUTCOME_LATER, N_("the disk that holds %s is full: make room there"), spool->state);
	spool_body_name(body_file, name);
	fd = file_create(spool->bodies_fd, name);
	if (fd == -1) {
		fault_errno(fault, "create", name);
		if (fault)
			fault->outcome = OUTCOME_LATER;
		return OUTCOME_LATER;
	}
	*ret_body_file = body_file;
	*ret_fd = fd;
	return OUTCOME_OK;
}

/* Removing is cheap enough for the loop: the blocks of a large file are given back by the kernel in the background. */
void spool_body_forget(struct spool *spool, uint64_t body_file)
{
	char name[SPOOL_BODY_NAME_MAX];

	spool_body_name(body_file, name);
	(void)file_remove(spool->bodies_fd, name); /* what stays is removed at the next start */
}

/* --- on a worker --- */

static enum outcome hash_file(int fd, const char *name, unsigned char ret_checksum[SPOOL_CHECKSUM_BYTES],
			      struct fault *fault)
{
	CLEANUP(cleanup_free) char *chunk = malloc(CHUNK_BYTES);
	XXH3_state_t *state = chunk ? XXH3_createState() : NULL;
	XXH128_canonical_t canonical;
	uint64_t offset = 0;
	ssize_t got = -1;

	if (!state)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), name);
	(void)XXH3_128bits_reset(state);
	while ((got = file_read_at(fd, chunk, CHUNK_BYTES, offset)) > 0) {
		(void)XXH3_128bits_update(state, chunk, (size_t)got);
		offset += (uint64_t)got;
	}
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	(void)XXH3_freeState(state);
	if (got == -1) {
		fault_errno(fault, "read", name);
		return OUTCOME_LATER;
	}
	memcpy(ret_checksum, canonical.digest, SPOOL_CHECKSUM_BYTES);
	return OUTCOME_OK;
}

/* Opens into job->fd; damaged when length or checksum are not what they should be. */
static enum outcome check(struct body_job *job, const char *name)
{
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
	enum outcome outcome;
	int64_t size;

	job->fd = file_open(job->spool->bodies_fd, name);
	if (job->fd == -1) {
		job->damaged = errno == ENOENT;
		fault_errno(&job->fault, "open", name);
		return OUTCOME_LATER;
	}
	size = file_size(job->fd);
	if (size == -1) {
		fault_errno(&job->fault, "look at", name);
		return OUTCOME_LATER;
	}
	outcome = hash_file(job->fd, name, checksum, &job->fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	job->damaged = (uint64_t)size != job->size_bytes || memcmp(checksum, job->checksum, sizeof(checksum)) != 0;
	return OUTCOME_OK;
}

/* The file's bytes, then its name: what is in neither a power cut takes back. */
static enum outcome sync_both(struct body_job *job, const char *name)
{
	char folder[8];
	CLEANUP(cleanup_fd) int folder_fd = -1;

	(void)snprintf(folder, sizeof(folder), "%02x", (unsigned)(job->body_file % SPOOL_FOLDERS));
	if (file_sync(job->fd) == 0)
		folder_fd = file_open(job->spool->bodies_fd, folder);
	if (folder_fd == -1 || file_sync(folder_fd) == -1) {
		fault_errno(&job->fault, "sync", name);
		return OUTCOME_LATER;
	}
	return OUTCOME_OK;
}

static void run_commit(struct worker_job *worker_job)
{
	struct body_job *job = (struct body_job *)worker_job;
	char name[SPOOL_BODY_NAME_MAX];

	spool_body_name(job->body_file, name);
	job->outcome = check(job, name);
	if (job->outcome == OUTCOME_OK && job->damaged)
		job->outcome = fault_set(&job->fault, OUTCOME_LATER,
					 N_("the body is not what was sent (length or checksum): send it again"));
	if (job->outcome == OUTCOME_OK)
		job->outcome = sync_both(job, name);
}

static void run_load(struct worker_job *worker_job)
{
	struct body_job *job = (struct body_job *)worker_job;
	char name[SPOOL_BODY_NAME_MAX];

	spool_body_name(job->body_file, name);
	job->outcome = check(job, name);
	if (job->damaged)
		job->outcome = fault_set(&job->fault, OUTCOME_NEVER, SPOOL_DAMAGED);
}

/* --- on the loop --- */

static void job_free(struct body_job *job)
{
	cleanup_fd(&job->fd);
	free(job);
}

static void done_commit(struct worker_job *worker_job)
{
	struct body_job *job = (struct body_job *)worker_job;

	if (job->outcome == OUTCOME_OK) {
		spool_work_add(job->spool, job->work);
	} else {
		spool_work_answer(job->work, OUTCOME_LATER, &job->fault);
		spool_work_done(job->spool, job->work);
	}
	job_free(job);
}

static void done_load(struct worker_job *worker_job)
{
	struct body_job *job = (struct body_job *)worker_job;
	struct spool_read *read = job->read;

	read->outcome = job->outcome;
	if (job->outcome == OUTCOME_OK) {
		read->body.fd = job->fd;
		job->fd = -1;
	} else {
		read->fault = malloc(sizeof(*read->fault));
		if (read->fault)
			*read->fault = job->fault;
	}
	read->body_damaged = job->damaged;
	read->body_file = 0;
	spool_read_done(job->spool, read);
	job_free(job);
}

bool spool_body_commit(struct spool *spool, struct spool_work *work)
{
	struct body_job *job = malloc(sizeof(*job));

	if (!job)
		return false;
	*job = (struct body_job){
		.job = { .run = run_commit, .done = done_commit },
		.spool = spool,
		.work = work,
		.body_file = work->message.body_file,
		.size_bytes = work->message.size_bytes,
		.fd = -1,
	};
	memcpy(job->checksum, work->message.checksum, sizeof(job->checksum));
	if (!worker_add(spool->workers, &job->job)) {
		free(job);
		return false;
	}
	return true;
}

bool spool_body_open(struct spool *spool, struct spool_read *read)
{
	struct body_job *job = malloc(sizeof(*job));

	if (!job)
		return false;
	*job = (struct body_job){
		.job = { .run = run_load, .done = done_load },
		.spool = spool,
		.read = read,
		.body_file = read->body_file,
		.size_bytes = read->body.size_bytes,
		.fd = -1,
	};
	memcpy(job->checksum, read->checksum, sizeof(job->checksum));
	if (!worker_add(spool->workers, &job->job)) {
		free(job);
		return false;
	}
	return true;
}
