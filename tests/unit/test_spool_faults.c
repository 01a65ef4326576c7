/* keep/spool when the disk fails: the n-th call of each kind, once and for ever. Never an OK for what is not there, nothing left of
 * what was refused, and it serves again as soon as the disk does. */
#include <errno.h>
#include <stdatomic.h>

#include "base/file.h"
#include "check.h"
#include "spool_ground.h"

/* --- what fails --- */

enum call { CALL_WRITE, CALL_SYNC, CALL_TRUNCATE, CALL_OPEN, CALL_READ, CALL_FILE, CALL_COUNT };

static struct {
	const char *label;
	enum call call;
	int code;        /* SQLite's, or errno for CALL_FILE */
	bool after_sync; /* only called when a sync has failed before */
} const kinds[] = {
	{ "a write of the database: EIO", CALL_WRITE, SQLITE_IOERR_WRITE, false },
	{ "a write of the database: ENOSPC", CALL_WRITE, SQLITE_FULL, false },
	{ "a sync of the database: EIO", CALL_SYNC, SQLITE_IOERR_FSYNC, false },
	{ "a truncation of the log: EIO", CALL_TRUNCATE, SQLITE_IOERR_TRUNCATE, true },
	{ "an open of the database: EMFILE", CALL_OPEN, SQLITE_CANTOPEN, true },
	{ "a read of the database: EIO", CALL_READ, SQLITE_IOERR_READ, false },
	{ "a call on a body file: EIO", CALL_FILE, EIO, false },
	{ "a call on a body file: ENOSPC", CALL_FILE, ENOSPC, false },
};

static atomic_int until[CALL_COUNT]; /* calls that go well yet; negative: all */
static atomic_bool for_ever, fired;

static unsigned kind_now;

static bool fails(enum call call)
{
	int left = atomic_load(&until[call]);

	if (left < 0)
		return false;
	if (left > 0) {
		(void)atomic_fetch_sub(&until[call], 1);
		return false;
	}
	if (!atomic_load(&for_ever) || call != kinds[kind_now].call)
		atomic_store(&until[call], -1);
	if (call == kinds[kind_now].call)
		atomic_store(&fired, true);
	return true;
}

static void faults_off(void)
{
	for (int call = 0; call < CALL_COUNT; call++)
		atomic_store(&until[call], -1);
}

/* --- SQLite's files: the methods of the real ones, some of them replaced --- */

#define METHODS_MAX 8
static const sqlite3_io_methods *real_methods[METHODS_MAX];
static sqlite3_io_methods shim_methods[METHODS_MAX];
static sqlite3_vfs shim_vfs;
static const sqlite3_vfs *real_vfs;

static const sqlite3_io_methods *real_of(sqlite3_file *file)
{
	return real_methods[file->pMethods - shim_methods];
}

static int shim_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
	if (!fails(CALL_WRITE))
		return real_of(file)->xWrite(file, bytes, count, offset);
	if (count > 1)
		(void)real_of(file)->xWrite(file, bytes, count / 2, offset); /* half of it is there all the same */
	return kinds[kind_now].code;
}

static int shim_sync(sqlite3_file *file, int flags)
{
	return fails(CALL_SYNC) ? kinds[kind_now].code : real_of(file)->xSync(file, flags);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return fails(CALL_TRUNCATE) ? kinds[kind_now].code : real_of(file)->xTruncate(file, size);
}

static int shim_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
	return fails(CALL_READ) ? kinds[kind_now].code : real_of(file)->xRead(file, bytes, count, offset);
}

static pthread_mutex_t methods_lock = PTHREAD_MUTEX_INITIALIZER;

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int at = 0, code;

	(void)vfs;
	if (fails(CALL_OPEN)) {
		file->pMethods = NULL;
		return kinds[kind_now].code;
	}
	code = real_vfs->xOpen((sqlite3_vfs *)(uintptr_t)real_vfs, name, file, flags, ret_flags);
	if (code != SQLITE_OK || !file->pMethods)
		return code;
	(void)pthread_mutex_lock(&methods_lock);
	while (real_methods[at] && real_methods[at] != file->pMethods)
		at++;
	if (at == METHODS_MAX - 1)
		abort();
	if (!real_methods[at]) {
		real_methods[at] = file->pMethods;
		shim_methods[at] = *file->pMethods;
		shim_methods[at].xWrite = shim_write;
		shim_methods[at].xSync = shim_sync;
		shim_methods[at].xTruncate = shim_truncate;
		shim_methods[at].xRead = shim_read;
	}
	file->pMethods = &shim_methods[at];
	(void)pthread_mutex_unlock(&methods_lock);
	return code;
}

static void shim_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.pNext = NULL;
	shim_vfs.xOpen = shim_open;
	if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK)
		abort();
}

/* --- body files: base/file, by the linker's --wrap --- */

#define FAIL_IN_TURN(name, parameters, arguments)                                                                      \
	int __real_##name parameters;                                                                                  \
	int __wrap_##name parameters;                                                                                  \
	int __wrap_##name parameters                                                                                   \
	{                                                                                                              \
		if (!fails(CALL_FILE))                                                                                 \
			return __real_##name arguments;                                                                \
		errno = kinds[kind_now].code;                                                                                      \
		return -1;                                                                                             \
	}

FAIL_IN_TURN(file_create, (int dir_fd, const char *name), (dir_fd, name))
FAIL_IN_TURN(file_open, (int dir_fd, const char *name), (dir_fd, name))
FAIL_IN_TURN(file_sync, (int fd), (fd))
FAIL_IN_TURN(file_remove, (int dir_fd, const char *name), (dir_fd, name))

ssize_t __real_file_read_at(int fd, void *ret_bytes, size_t count, uint64_t offset);
ssize_t __wrap_file_read_at(int fd, void *ret_bytes, size_t count, uint64_t offset);
ssize_t __wrap_file_read_at(int fd, void *ret_bytes, size_t count, uint64_t offset)
{
	if (!fails(CALL_FILE))
		return __real_file_read_at(fd, ret_bytes, count, offset);
	errno = kinds[kind_now].code;
	return -1;
}

/* --- one run --- */

static bool long_run; /* every call; else every third, and every eleventh for ever */

#define MESSAGES 8 /* 1 … 8; the last is large */

static enum outcome committed[MESSAGES + 1], settled[MESSAGES + 1];

static void commit_three(uint64_t first)
{
	struct answer answers[3] = { 0 };
	bool asked[3];

	for (unsigned i = 0; i < 3; i++) {
		struct spool_message message = message_of(first + i, "f@contoso.example", 100);

		asked[i] = spool_commit(spool, &message, on_answer, &answers[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		committed[first + i] = wait_answer(asked[i], &answers[i]);
}

static void play(void)
{
	struct seen_body body;
	uint64_t file = 0;

	memset(settled, 0xff, sizeof(settled));
	commit_three(1);
	settled[1] = settle_sent(1);
	body = load_body(2);
	if (body.outcome == OUTCOME_OK && !body.right)
		CHECK(false, "a body that is not the one");
	committed[MESSAGES] = commit_large(MESSAGES, "f@contoso.example", 100, &file);
	if (committed[MESSAGES] == OUTCOME_OK)
		(void)load_body(MESSAGES);
	commit_three(4);
	settled[5] = settle_sent(5);
	committed[7] = commit_small(7, "f@contoso.example", 100);
}

/* The disk is well again: sooner or later a message is taken, without a restart. */
static bool recovers(void)
{
	for (uint64_t i = 0; i < 150; i++) {
		if (commit_small(100 + i, "r@contoso.example", 100) == OUTCOME_OK)
			return true;
		(void)usleep(20000);
	}
	return false;
}

static bool is_right(uint64_t id)
{
	struct seen seen;
	bool must = committed[id] == OUTCOME_OK && settled[id] != OUTCOME_OK;

	list(id, 0, 1, &seen);
	/* Where nobody could open the database to look, a fate may be there that was answered LATER: told again, it is NEVER. */
	if (kinds[kind_now].after_sync && must && settled[id] == OUTCOME_LATER && seen.count == 0)
		return settle_sent(id) == OUTCOME_NEVER;
	if (!must)
		return seen.count == 0;
	return seen.count == 1 && (seen.rows[0].state == SPOOL_HELD || load_body(id).right);
}

static bool tally_is_right(void)
{
	struct spool_counts counts;
	struct seen seen;
	uint64_t found[SPOOL_STATE_COUNT] = { 0 };

	spool_counts(spool, &counts);
	list(0, 0, SEEN_MAX, &seen);
	for (size_t i = 0; i < seen.count; i++)
		found[seen.rows[i].state]++;
	return memcmp(found, counts.messages, sizeof(found)) == 0;
}

/* *ret_fired: there was a call to fail. */
static bool run(unsigned kind, int number, bool ever, bool *ret_fired)
{
	bool good = true, back;

	wipe_state();
	faults_off();
	if (open_spool() != OUTCOME_OK)
		return CHECK(false, last_fault.text[LANGUAGE_EN]);
	kind_now = kind;
	atomic_store(&fired, false);
	atomic_store(&for_ever, ever);
	atomic_store(&until[kinds[kind].call], number);
	if (kinds[kind].after_sync)
		atomic_store(&until[CALL_SYNC], 1);
	play();
	*ret_fired = atomic_load(&fired);
	faults_off();
	back = recovers();
	close_spool();
	if (open_spool() != OUTCOME_OK)
		return CHECK(false, last_fault.text[LANGUAGE_EN]);
	for (uint64_t id = 1; id <= MESSAGES && good; id++) {
		good = is_right(id);
		if (!good)
			printf("# %s, call %d%s: message %llu was answered %d, its fate %d\n", kinds[kind].label, number,
			       ever ? " and all after it" : "", (unsigned long long)id, (int)committed[id], (int)settled[id]);
	}
	if (!back)
		printf("# %s, call %d%s: does not recover\n", kinds[kind].label, number, ever ? " and all after it" : "");
	good = good && tally_is_right();
	close_spool();
	return good && back;
}

static void fail_in_turn(unsigned kind, bool ever)
{
	unsigned runs = 0, bad = 0;
	char label[128];
	bool more = true;

	for (int number = 0; more; number += long_run ? 1 : ever ? 11 : 3) {
		bad += !run(kind, number, ever, &more);
		runs++;
	}
	(void)snprintf(label, sizeof(label), "%s, %s: %u runs", kinds[kind].label, ever ? "for ever" : "once", runs);
	CHECK(bad == 0 && runs > 1, label);
}

/* Opening, with each call failing in turn: an outcome with a sentence, and the next start is whole. */
static void fail_at_open(unsigned kind)
{
	unsigned refused = 0, bad = 0;
	char label[128];
	bool more = true;

	for (int number = 0; more; number++) {
		enum outcome outcome;

		wipe_state();
		kind_now = kind;
		atomic_store(&fired, false);
		atomic_store(&for_ever, false);
		atomic_store(&until[kinds[kind].call], number);
		outcome = open_spool();
		more = atomic_load(&fired);
		faults_off();
		refused += outcome != OUTCOME_OK;
		bad += outcome != OUTCOME_OK && last_fault.text[LANGUAGE_EN][0] == '\0';
		if (outcome == OUTCOME_OK)
			close_spool();
		bad += open_spool() != OUTCOME_OK || commit_small(1, "o@contoso.example", 1) != OUTCOME_OK;
		if (spool)
			close_spool();
	}
	(void)snprintf(label, sizeof(label), "while opening, %s: %u refusals", kinds[kind].label, refused);
	CHECK(bad == 0, label);
}

int main(void)
{
	long_run = torture_is_long();
	if (!make_state_in_memory())
		return 1;
	faults_off();
	shim_install();
	for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		fail_in_turn(kind, false);
		fail_in_turn(kind, true);
		fail_at_open(kind);
	}
	wipe_state();
	(void)rmdir(state);
	return check_report();
}
