/* spool_ground: a spool in a folder of its own, and its questions asked so that the answer is there when they return. */
#ifndef TESTS_UNIT_SPOOL_GROUND_H
#define TESTS_UNIT_SPOOL_GROUND_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "keep/spool.h"

#define BYTES_SMALL 3000
#define BYTES_LARGE 200000
#define SEEN_MAX 64

static char state[] = "/tmp/sekisho-test-spool-XXXXXX";
static struct loop ground_loop;
static struct spool *spool;
static struct fault last_fault;

static inline int wipe_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
	(void)about;
	(void)kind;
	return at->level == 0 ? 0 : remove(path);
}

static inline void wipe_state(void)
{
	(void)nftw(state, wipe_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void path_of(const char *name, char ret_path[256])
{
	(void)snprintf(ret_path, 256, "%s/%s", state, name);
}

/* In memory, where what fails fails by the test's hand and a disk's own syncs are only slow. */
static inline bool make_state_in_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		(void)snprintf(state, sizeof(state), "/dev/shm/sekisho-spool-XXXXXX");
	return mkdtemp(state) != NULL;
}

static inline bool torture_is_long(void)
{
	const char *torture = getenv("SEKISHO_TORTURE");

	return torture && strcmp(torture, "long") == 0;
}

static inline enum outcome open_spool(void)
{
	struct spool_options options = { .state = state, .ballast_bytes = 1u << 20, .sync_workers = 1 };
	enum outcome outcome;

	loop_init(&ground_loop);
	spool = NULL;
	outcome = spool_open(&ground_loop, &options, &spool, &last_fault);
	if (outcome != OUTCOME_OK)
		loop_done(&ground_loop);
	return outcome;
}

static inline void close_spool(void)
{
	spool_close(spool);
	spool = NULL;
	loop_done(&ground_loop);
}

static inline bool reopen_spool(void)
{
	close_spool();
	return open_spool() == OUTCOME_OK;
}

static inline bool run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char path[256];
	bool done;

	path_of("spool.db", path);
	done = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	(void)sqlite3_close(db);
	return done;
}

/* --- answers --- */

struct answer {
	bool came;
	enum outcome outcome;
};

static inline void on_answer(void *context, enum outcome outcome, const struct fault *fault)
{
	struct answer *answer = context;

	*answer = (struct answer){ true, outcome };
	if (fault)
		last_fault = *fault;
}

static inline enum outcome wait_answer(bool asked, struct answer *answer)
{
	if (!asked)
		return OUTCOME_LATER;
	while (!answer->came)
		(void)uv_run(&ground_loop.uv, UV_RUN_ONCE);
	return answer->outcome;
}

/* --- messages --- */

static char body_small[BYTES_SMALL], body_large[BYTES_LARGE];
static const struct spool_recipient three[] = {
	{ .address = { "a@example.net", 13 } }, { .address = { "b@example.net", 13 }, .notify = 3 }, { .address = { "c@example.net", 13 } },
};

static inline void fill_body(char *body, size_t len, uint64_t id)
{
	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + (id * 7 + i * i) % 26);
}

static inline struct spool_message message_of(uint64_t id, const char *mailbox, int64_t due_us)
{
	struct spool_message message = {
		.id = id,
		.event_id = STR("ABC2345678"),
		.account = STR("copier@contoso.example"),
		.tenant = STR("contoso.example"),
		.sender = STR("copier@contoso.example"),
		.subject = STR("\xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f"),
		.message_id = STR("<1@contoso.example>"),
		.route = STR("exchange"),
		.mailbox = str_of(mailbox),
		.received_us = 1000000 + (int64_t)id,
		.expires_us = 2000000,
		.due_us = due_us,
		.size_bytes = BYTES_SMALL,
		.body = { body_small, BYTES_SMALL },
		.recipients = three,
		.recipients_count = 3,
		.envid = STR("envelope-1"),
		.note = STR(""),
	};

	fill_body(body_small, sizeof(body_small), id);
	spool_checksum(message.body, message.checksum);
	return message;
}

static inline enum outcome commit(const struct spool_message *message)
{
	struct answer answer = { 0 };

	return wait_answer(spool_commit(spool, message, on_answer, &answer), &answer);
}

static inline enum outcome commit_small(uint64_t id, const char *mailbox, int64_t due_us)
{
	struct spool_message message = message_of(id, mailbox, due_us);

	return commit(&message);
}

/* *ret_file: its body file. */
static inline enum outcome commit_large(uint64_t id, const char *mailbox, int64_t due_us, uint64_t *ret_file)
{
	struct spool_message message = message_of(id, mailbox, due_us);
	struct str body = { body_large, BYTES_LARGE };
	int fd = -1;

	fill_body(body_large, sizeof(body_large), id);
	if (spool_body_create(spool, ret_file, &fd, &last_fault) != OUTCOME_OK)
		return last_fault.outcome;
	if (write(fd, body.ptr, body.len) != (ssize_t)body.len)
		abort();
	(void)close(fd);
	spool_checksum(body, message.checksum);
	message.body = STR("");
	message.size_bytes = body.len;
	message.body_file = *ret_file;
	return commit(&message);
}

static inline enum outcome settle(const struct spool_fate *fate)
{
	struct answer answer = { 0 };

	return wait_answer(spool_settle(spool, fate, on_answer, &answer), &answer);
}

static inline enum outcome hand(uint64_t id, enum spool_hand which)
{
	struct answer answer = { 0 };

	return wait_answer(spool_hand(spool, id, which, on_answer, &answer), &answer);
}

static inline enum outcome settle_sent(uint64_t id)
{
	static const uint32_t done[] = { 0, 1, 2 };
	static const struct trace_recipient as[] = {
		{ .state = TRACE_SENT, .reply = { "250 a", 5 }, .at_us = 5, .upstream = { "up", 2 } },
		{ .state = TRACE_SENT, .reply = { "250 b", 5 }, .at_us = 6, .upstream = { "up", 2 } },
		{ .state = TRACE_FAILED, .reply = { "550 c", 5 }, .at_us = 7, .upstream = { "up", 2 } },
	};
	struct spool_fate fate = { .id = id, .attempts = 1, .done = done, .done_as = as, .done_count = 3, .finished = true,
				   .has_body_file = true };

	return settle(&fate);
}

/* --- what is read --- */

struct seen {
	bool came, whole;
	size_t count;
	struct {
		uint64_t id;
		int64_t due_us;
		uint8_t state;
		uint32_t attempts, first_index;
		size_t recipients;
		char mailbox[64], last_reply[256], first[64], sender[64];
		uint8_t recipient_states[3];
		char reply[3][64];
	} rows[SEEN_MAX];
};

static inline void wait_seen(struct seen *seen)
{
	while (!seen->came)
		(void)uv_run(&ground_loop.uv, UV_RUN_ONCE);
}

static inline void see_message(struct seen *seen, size_t at, const struct spool_message *message)
{
	seen->rows[at].id = message->id;
	seen->rows[at].due_us = message->due_us;
	seen->rows[at].state = message->state;
	seen->rows[at].attempts = message->attempts;
	(void)str_copy(message->mailbox, sizeof(seen->rows[at].mailbox), seen->rows[at].mailbox);
	(void)str_copy(message->sender, sizeof(seen->rows[at].sender), seen->rows[at].sender);
	(void)str_copy(message->last_reply, sizeof(seen->rows[at].last_reply), seen->rows[at].last_reply);
}

static inline void see_heads(void *context, const struct spool_head *heads, size_t count, bool whole)
{
	struct seen *seen = context;

	seen->whole = whole;
	seen->came = true;
	seen->count = count;
	for (size_t i = 0; i < count && i < SEEN_MAX; i++) {
		see_message(seen, i, &heads[i].message);
		seen->rows[i].recipients = heads[i].message.recipients_count;
		if (heads[i].message.recipients_count) {
			seen->rows[i].first_index = heads[i].indexes[0];
			(void)str_copy(heads[i].message.recipients[0].address, sizeof(seen->rows[i].first), seen->rows[i].first);
		}
	}
}

static inline void see_views(void *context, const struct spool_view *views, size_t count)
{
	struct seen *seen = context;

	seen->came = true;
	seen->count = count;
	for (size_t i = 0; i < count && i < SEEN_MAX; i++) {
		see_message(seen, i, &views[i].message);
		seen->rows[i].recipients = views[i].recipients_count;
		for (size_t k = 0; k < views[i].recipients_count && k < 3; k++) {
			seen->rows[i].recipient_states[k] = views[i].recipients[k].state;
			(void)str_copy(views[i].recipients[k].reply, sizeof(seen->rows[i].reply[k]), seen->rows[i].reply[k]);
		}
	}
}

static inline void see_lanes(void *context, const struct spool_lane *lanes, size_t count, bool whole)
{
	struct seen *seen = context;

	seen->whole = whole;
	seen->came = true;
	seen->count = count;
	for (size_t i = 0; i < count && i < SEEN_MAX; i++) {
		seen->rows[i].due_us = lanes[i].due_us;
		(void)str_copy(lanes[i].mailbox, sizeof(seen->rows[i].mailbox), seen->rows[i].mailbox);
	}
}

static inline void load_lane(const char *mailbox, int64_t after_due_us, uint64_t after_id, size_t count_max, struct seen *ret_seen)
{
	*ret_seen = (struct seen){ 0 };
	spool_lane_load(spool, &(struct spool_lane){ STR("exchange"), str_of(mailbox), STR("copier@contoso.example"), 0 }, after_due_us, after_id, count_max, see_heads, ret_seen);
	wait_seen(ret_seen);
}

static inline void list(uint64_t id, uint64_t before_id, size_t count_max, struct seen *ret_seen)
{
	*ret_seen = (struct seen){ 0 };
	spool_list(spool, id, before_id, count_max, see_views, ret_seen);
	wait_seen(ret_seen);
}

struct seen_body {
	bool came;
	enum outcome outcome;
	bool right; /* the bytes that fill_body made for `id` */
	uint64_t id;
};

static inline void see_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	struct seen_body *seen = context;
	static char want[BYTES_LARGE], got[BYTES_LARGE];

	seen->came = true;
	seen->outcome = outcome;
	if (fault)
		last_fault = *fault;
	if (outcome != OUTCOME_OK)
		return;
	fill_body(want, body->size_bytes, seen->id);
	if (body->fd < 0) {
		seen->right = str_eq(body->bytes, (struct str){ want, body->size_bytes });
		return;
	}
	seen->right = pread(body->fd, got, sizeof(got), 0) == (ssize_t)body->size_bytes && memcmp(got, want, body->size_bytes) == 0;
	(void)close(body->fd);
}

static inline struct seen_body load_body(uint64_t id)
{
	struct seen_body seen = { .id = id };

	spool_body_load(spool, id, see_body, &seen);
	while (!seen.came)
		(void)uv_run(&ground_loop.uv, UV_RUN_ONCE);
	return seen;
}

struct seen_rows {
	bool came;
	size_t count;
	uint64_t last;
	enum spool_row_kind kinds[SEEN_MAX];
	char packed[SEEN_MAX][1024];
	size_t packed_len[SEEN_MAX];
};

static inline void see_rows(void *context, const struct spool_row *rows, size_t count)
{
	struct seen_rows *seen = context;

	seen->came = true;
	seen->count = count;
	for (size_t i = 0; i < count && i < SEEN_MAX; i++) {
		seen->kinds[i] = rows[i].kind;
		seen->packed_len[i] = rows[i].packed.len;
		if (rows[i].packed.len <= sizeof(seen->packed[i]))
			memcpy(seen->packed[i], rows[i].packed.ptr, rows[i].packed.len);
	}
	if (count)
		seen->last = rows[count - 1].number;
}

static inline void load_rows(size_t count_max, struct seen_rows *ret_seen)
{
	*ret_seen = (struct seen_rows){ 0 };
	spool_rows_load(spool, count_max, see_rows, ret_seen);
	while (!ret_seen->came)
		(void)uv_run(&ground_loop.uv, UV_RUN_ONCE);
}

static inline uint64_t queued(void)
{
	struct spool_counts counts;

	spool_counts(spool, &counts);
	return counts.messages[SPOOL_READY] + counts.messages[SPOOL_DEFERRED] + counts.messages[SPOOL_HELD];
}

#endif
