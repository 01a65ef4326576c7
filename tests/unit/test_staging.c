/* The staging of an import: rows in, all or nothing, rows out batch by batch. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "check.h"
#include "keep/staging.h"

#define ROWS 4500

static char state[] = "/tmp/sekisho-test-staging-XXXXXX";
static struct fault fault;

static bool is_there(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/import/%s", state, name);
	return access(path, F_OK) == 0;
}

static bool add_rows(struct staging *staging, unsigned from, unsigned count)
{
	CLEANUP(cleanup_buf) struct buf framed;
	char text[32];
	size_t rows = 0;
	bool good = true;

	buf_init(&framed, 1 << 20);
	for (unsigned i = from; i < from + count; i++) {
		(void)snprintf(text, sizeof(text), "row %u", i);
		good = good && staging_frame(&framed, str_of(text));
	}
	return good && staging_add(staging, buf_str(&framed), &rows, &fault) == OUTCOME_OK && rows == count;
}

static void test_all(void)
{
	static struct staging_batch batch;
	struct staging *staging = NULL;
	unsigned seen = 0, batches = 0;
	bool right = true;
	char want[32];

	CHECK(staging_new(state, "one", &staging, &fault) == OUTCOME_OK, "a new one");
	CHECK(add_rows(staging, 0, 1000) && add_rows(staging, 1000, ROWS - 1000), "rows in two chunks");
	CHECK(is_there("one.part") && !is_there("one.rows"), "not finished: .part");
	CHECK(staging_finish(staging, &fault) == OUTCOME_OK && !is_there("one.part") && is_there("one.rows"), "finished: .rows");
	for (;;) {
		if (staging_next(staging, &batch, &fault) != OUTCOME_OK || batch.count == 0)
			break;
		if (batches == 1) { /* the ledger did not take it */
			staging_back(staging);
			right = right && staging_next(staging, &batch, &fault) == OUTCOME_OK;
		}
		for (size_t i = 0; i < batch.count; i++) {
			(void)snprintf(want, sizeof(want), "row %u", seen++);
			right = right && str_eq(batch.rows[i], str_of(want));
		}
		batches++;
	}
	CHECK(right && seen == ROWS && batches == 3, "all rows come out in their order, a batch that was not taken twice");
	staging_remove(staging);
	CHECK(!is_there("one.rows"), "removed");
}

static unsigned found;

static void see(void *context, const char *id)
{
	(void)context;
	found += strcmp(id, "done") == 0 ? 1 : 100;
}

static void test_restart(void)
{
	static struct staging_batch batch;
	struct staging *half = NULL, *done = NULL;

	CHECK(staging_new(state, "half", &half, &fault) == OUTCOME_OK && add_rows(half, 0, 10), "one under way");
	CHECK(staging_new(state, "done", &done, &fault) == OUTCOME_OK && add_rows(done, 0, 10) &&
		      staging_finish(done, &fault) == OUTCOME_OK,
	      "one finished");
	staging_close(half);
	staging_close(done);
	CHECK(staging_each(state, see, NULL, &fault) == OUTCOME_OK && found == 1, "after a restart only the finished one is there");
	CHECK(!is_there("half.part"), "the other one is removed");
	CHECK(staging_open(state, "done", &done, &fault) == OUTCOME_OK && staging_next(done, &batch, &fault) == OUTCOME_OK &&
		      batch.count == 10,
	      "its rows");
	staging_remove(done);
}

static void test_bad(void)
{
	static struct staging_batch batch;
	static char huge[STAGING_ROW_BYTES_MAX + 1];
	CLEANUP(cleanup_buf) struct buf framed;
	CLEANUP(cleanup_fd) int fd = -1;
	struct staging *staging = NULL, *again = NULL;
	char path[128];
	size_t rows;

	buf_init(&framed, 1 << 20);
	CHECK(staging_new(state, "../x", &staging, &fault) == OUTCOME_NEVER, "no ID");
	CHECK(staging_new(state, "", &staging, &fault) == OUTCOME_NEVER, "an empty ID");
	CHECK(!staging_frame(&framed, (struct str){ huge, sizeof(huge) }), "too long a row");
	CHECK(staging_new(state, "bad", &staging, &fault) == OUTCOME_OK && staging_new(state, "bad", &again, &fault) != OUTCOME_OK,
	      "an ID that is taken");
	CHECK(staging_add(staging, STR("\5\0\0\0abc"), &rows, &fault) == OUTCOME_NEVER, "cut short");
	CHECK(staging_add(staging, STR("\xff\xff\xff\xff"), &rows, &fault) == OUTCOME_NEVER, "a length that cannot be");
	CHECK(add_rows(staging, 0, 3) && staging_finish(staging, &fault) == OUTCOME_OK, "three rows");
	(void)snprintf(path, sizeof(path), "%s/import/bad.rows", state);
	fd = open(path, O_WRONLY | O_APPEND);
	CHECK(fd != -1 && write(fd, "\xff\xff\xff\xff", 4) == 4, "somebody damages it");
	CHECK(staging_next(staging, &batch, &fault) == OUTCOME_NEVER && strstr(fault.text[LANGUAGE_EN], "damaged"), "that is told");
	staging_remove(staging);
}

int main(void)
{
	char path[128];

	if (!CHECK(mkdtemp(state), "a folder"))
		return check_report();
	test_all();
	test_restart();
	test_bad();
	(void)snprintf(path, sizeof(path), "%s/import", state);
	CHECK(rmdir(path) == 0 && rmdir(state) == 0, "nothing is left behind");
	return check_report();
}
