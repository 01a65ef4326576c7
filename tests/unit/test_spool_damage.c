/* keep/spool on a file that is not what it wrote: another's, a newer one's, or its own with a bit turned over. Whatever was hit, no
 * other body and no other envelope comes out. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "check.h"
#include "spool_ground.h"

#define INT64_BEGIN (-1)
#define MESSAGES 12 /* the last is large */
#define FLIPS 300
#define FLIPS_LONG 3000

static uint32_t roll(uint32_t bound) /* xorshift: the same dice in every run */
{
	static uint64_t seed = 20261124;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % bound;
}

static void write_file(const char *name, struct str bytes)
{
	char path[256];

	path_of(name, path);
	if (file_replace(path, bytes, 0600, NULL) != OUTCOME_OK)
		abort();
}

/* --- whose it is --- */

static void refused(enum outcome want, const char *word, const char *label)
{
	last_fault.text[LANGUAGE_EN][0] = '\0';
	CHECK(open_spool() == want && strstr(last_fault.text[LANGUAGE_EN], word) && strstr(last_fault.text[LANGUAGE_EN], state), label);
	printf("# %s\n", last_fault.text[LANGUAGE_EN]);
	if (spool)
		close_spool();
}

static void test_whose(void)
{
	struct seen seen = { 0 };

	if (open_spool() != OUTCOME_OK)
		abort();
	close_spool();
	CHECK(run_sql("PRAGMA user_version = 7"), "a spool of a newer version");
	refused(OUTCOME_NEVER, "newer Sekisho (schema 7, this one knows 2)", "is refused, and left alone");
	CHECK(run_sql("PRAGMA user_version = 2") && open_spool() == OUTCOME_OK, "and opens with its own version");
	CHECK(commit_small(1, "m@contoso.example", 5) == OUTCOME_OK, "a message in it");
	close_spool();
	CHECK(run_sql("DROP TABLE note; DROP INDEX message_due; ALTER TABLE message DROP COLUMN account;"
		      "CREATE INDEX message_due ON message(route, mailbox, due_us) WHERE state <> 2; PRAGMA user_version = 1"),
	      "a spool as the version before made it");
	CHECK(open_spool() == OUTCOME_OK, "is brought up to date");
	spool_lane_load(spool, &(struct spool_lane){ STR("exchange"), STR("m@contoso.example"), STR(""), 0 }, 0, 0, 10, see_heads, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 1 && seen.rows[0].id == 1, "and its message is in a lane");
	close_spool();
	wipe_state();
	CHECK(run_sql("CREATE TABLE other(x)"), "somebody else's database");
	refused(OUTCOME_NEVER, "not a spool of Sekisho", "is refused");
	wipe_state();
	write_file("spool.db", STR("This is a letter to grandmother, and no database at all, however long one looks at it.\n"));
	refused(OUTCOME_NEVER, "not a spool of Sekisho", "a text is refused");
	wipe_state();
}

/* --- bits --- */

static struct buf whole; /* spool.db as it was written */
static uint64_t large_file;

static void make_whole(void)
{
	char path[256];

	if (open_spool() != OUTCOME_OK)
		abort();
	for (uint64_t id = 1; id < MESSAGES; id++) {
		if (commit_small(id, id % 2 ? "odd@contoso.example" : "even@contoso.example", (int64_t)id) != OUTCOME_OK)
			abort();
	}
	if (commit_large(MESSAGES, "even@contoso.example", MESSAGES, &large_file) != OUTCOME_OK)
		abort();
	close_spool();
	path_of("spool.db", path);
	if (file_load(path, 64u << 20, &whole, NULL) != OUTCOME_OK)
		abort();
}

static void flip(size_t offset)
{
	whole.ptr[offset] ^= (char)(1 << roll(8));
}

struct found {
	unsigned heads, right, held, other; /* other: what must never be */
};

static void look_at_lane(const char *mailbox, uint64_t parity, struct found *found)
{
	struct seen seen;

	load_lane(mailbox, INT64_BEGIN, 0, SEEN_MAX, &seen);
	for (size_t i = 0; i < seen.count; i++) {
		uint64_t id = seen.rows[i].id;
		struct seen_body body = load_body(id);

		found->heads++;
		found->right += body.outcome == OUTCOME_OK && body.right;
		found->other += (body.outcome == OUTCOME_OK && !body.right) || id % 2 != parity || id > MESSAGES ||
				seen.rows[i].recipients != 3 || strcmp(seen.rows[i].first, "a@example.net") != 0 ||
				strcmp(seen.rows[i].sender, "copier@contoso.example") != 0;
	}
}

static struct found look(void)
{
	struct found found = { 0 };
	struct seen seen;

	look_at_lane("odd@contoso.example", 1, &found);
	look_at_lane("even@contoso.example", 0, &found);
	list(0, 0, SEEN_MAX, &seen); /* behind the holds that were asked for */
	for (size_t i = 0; i < seen.count; i++)
		found.held += seen.rows[i].state == SPOOL_HELD && strstr(seen.rows[i].last_reply, "damaged") != NULL;
	return found;
}

/* Inside a run of body letters, so that a body is hit and nothing else. */
static size_t body_offset(void)
{
	for (;;) {
		size_t offset = 64 + roll((uint32_t)whole.len - 128), from = offset - 32;

		while (from < offset + 32 && whole.ptr[from] >= 'a' && whole.ptr[from] <= 'z')
			from++;
		if (from == offset + 32)
			return offset;
	}
}

static void test_bodies(void)
{
	unsigned flips = torture_is_long() ? FLIPS_LONG : FLIPS, found_all = 0, others_right = 0, told = 0;
	struct found found;

	for (unsigned i = 0; i < flips; i++) {
		size_t offset = body_offset();
		char before = whole.ptr[offset];

		flip(offset);
		write_file("spool.db", buf_str(&whole));
		whole.ptr[offset] = before;
		if (open_spool() != OUTCOME_OK)
			abort();
		found = look();
		found_all += found.other == 0 && found.right == MESSAGES - 1;
		told += found.held == 1;
		look_at_lane("odd@contoso.example", 1, &found);
		look_at_lane("even@contoso.example", 0, &found);
		others_right += found.heads == 2 * MESSAGES - 1; /* at the second look the damaged one is in no lane */
		close_spool();
	}
	printf("# %u flips in bodies: %u found, %u set aside and told\n", flips, found_all, told);
	CHECK(found_all == flips, "a bit turned over in a body is always found");
	CHECK(told == flips, "its message is set aside, and says so");
	CHECK(others_right == flips, "the others flow");
}

static void test_anywhere(void)
{
	unsigned flips = torture_is_long() ? FLIPS_LONG : FLIPS, opened = 0, mangled = 0;

	for (unsigned i = 0; i < flips; i++) {
		size_t offset = roll((uint32_t)whole.len);
		char before = whole.ptr[offset];
		struct found found;

		flip(offset);
		write_file("spool.db", buf_str(&whole));
		whole.ptr[offset] = before;
		if (open_spool() != OUTCOME_OK)
			continue;
		opened++;
		found = look();
		mangled += found.other != 0;
		close_spool();
	}
	printf("# %u flips anywhere: %u spools opened\n", flips, opened);
	CHECK(mangled == 0 && opened > flips / 2, "a bit turned over anywhere mangles no mail");
}

/* The index of body files no longer has the message that its table still has, as a bit turned over in the index does it. */
static void test_index(void)
{
	char name[64], path[256], sql[256];
	struct seen seen;

	write_file("spool.db", buf_str(&whole));
	(void)snprintf(name, sizeof(name), "bodies/%02x/%llu", (unsigned)(large_file % 256), (unsigned long long)large_file);
	path_of(name, path);
	(void)snprintf(sql, sizeof(sql),
		       "UPDATE message SET body_file = %llu WHERE body_file = %llu; PRAGMA writable_schema = ON; INSERT INTO sqlite_schema "
		       "SELECT type, name, tbl_name, rootpage, sql FROM away; DROP TABLE away",
		       (unsigned long long)large_file, (unsigned long long)large_file + 1000000);
	CHECK(run_sql("UPDATE message SET body_file = body_file + 1000000 WHERE body_file IS NOT NULL; CREATE TABLE away AS SELECT * FROM "
		      "sqlite_schema WHERE name = 'message_body_file'; PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = "
		      "'message_body_file'") &&
		      run_sql(sql) && open_spool() == OUTCOME_OK,
	      "a spool whose index has lost a body file");
	for (unsigned i = 0; i < 300; i++) { /* the reader looks at one folder of files between two questions */
		list(1, 0, 1, &seen);
		(void)usleep(1000);
	}
	CHECK(access(path, F_OK) == 0 && load_body(MESSAGES).right, "keeps the body, and its mail is whole");
	close_spool();
	write_file("spool.db", buf_str(&whole));
}

static void test_file(void)
{
	char name[64], path[256];
	struct buf body;
	struct seen seen;

	write_file("spool.db", buf_str(&whole));
	(void)snprintf(name, sizeof(name), "bodies/%02x/%llu", (unsigned)(large_file % 256), (unsigned long long)large_file);
	path_of(name, path);
	if (file_load(path, BYTES_LARGE, &body, NULL) != OUTCOME_OK || open_spool() != OUTCOME_OK)
		abort();
	body.ptr[BYTES_LARGE / 2] ^= 1;
	write_file(name, buf_str(&body));
	CHECK(load_body(MESSAGES).outcome == OUTCOME_NEVER, "a bit turned over in a body file is found");
	list(MESSAGES, 0, 1, &seen);
	CHECK(seen.count == 1 && seen.rows[0].state == SPOOL_HELD && strstr(seen.rows[0].last_reply, "damaged"), "and told");
	body.ptr[BYTES_LARGE / 2] ^= 1;
	write_file(name, buf_str(&body));
	CHECK(hand(MESSAGES, SPOOL_HAND_RELEASE) == OUTCOME_OK && load_body(MESSAGES).right, "mended by hand it is whole again");
	(void)unlink(path);
	CHECK(load_body(MESSAGES).outcome == OUTCOME_NEVER, "a body file that is missing is told, too");
	close_spool();
	buf_done(&body);
}

int main(void)
{
	if (!make_state_in_memory())
		return 1;
	test_whose();
	make_whole();
	test_bodies();
	test_anywhere();
	test_index();
	test_file();
	buf_done(&whole);
	wipe_state();
	(void)rmdir(state);
	return check_report();
}
