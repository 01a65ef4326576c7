/* keep/spool: what was answered is there, in its lane and in its order, until it is settled; then its trace is. */
#include <sys/stat.h>

#include "check.h"
#include "keep/spool_private.h"
#include "spool_ground.h"

#define INT64_BEGIN (-1)

static void test_commit_and_lanes(void)
{
	struct seen seen = { 0 };
	struct spool_counts counts;

	CHECK(open_spool() == OUTCOME_OK, "a new folder becomes a spool");
	spool_lanes(spool, &(struct spool_lane){ 0 }, 10, see_lanes, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 0, "an empty spool has no lane");
	CHECK(commit_small(11, "b@contoso.example", 300) == OUTCOME_OK && commit_small(12, "a@contoso.example", 200) == OUTCOME_OK &&
		      commit_small(13, "b@contoso.example", 100) == OUTCOME_OK && commit_small(14, "b@contoso.example", 100) == OUTCOME_OK,
	      "four messages are committed");
	CHECK(commit_small(12, "a@contoso.example", 200) == OUTCOME_NEVER, "a number is not taken twice");
	seen = (struct seen){ 0 };
	spool_lanes(spool, &(struct spool_lane){ 0 }, 10, see_lanes, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 2 && strcmp(seen.rows[0].mailbox, "a@contoso.example") == 0 && seen.rows[1].due_us == 100,
	      "two lanes in order, each with its earliest due time");
	seen = (struct seen){ 0 };
	spool_lanes(spool, &(struct spool_lane){ STR("exchange"), STR("a@contoso.example"), STR("copier@contoso.example"), 0 }, 10, see_lanes, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 1 && strcmp(seen.rows[0].mailbox, "b@contoso.example") == 0, "lanes after a given one");
	load_lane("b@contoso.example", INT64_BEGIN, 0, 10, &seen);
	CHECK(seen.count == 3 && seen.rows[0].id == 13 && seen.rows[1].id == 14 && seen.rows[2].id == 11, "by due time, then number");
	CHECK(seen.rows[0].recipients == 3 && strcmp(seen.rows[0].first, "a@example.net") == 0 &&
		      strcmp(seen.rows[0].sender, "copier@contoso.example") == 0,
	      "with envelope and recipients");
	load_lane("b@contoso.example", 100, 13, 1, &seen);
	CHECK(seen.count == 1 && seen.rows[0].id == 14, "a window goes on where the last one ended");
	spool_counts(spool, &counts);
	CHECK(counts.messages[SPOOL_READY] == 4 && counts.bytes == 4 * BYTES_SMALL, "all are counted");
	CHECK(load_body(13).right && load_body(11).right, "bodies come back byte for byte");
	CHECK(load_body(999).outcome == OUTCOME_NEVER, "no body of a message that is not there");
	CHECK(reopen_spool() && queued() == 4 && load_body(14).right, "all of it is there after a restart");
}

/* One mailbox for many: each account is a lane, so that nobody's thousands stand in anybody's way. */
static void test_lanes_by_account(void)
{
	struct spool_message message = message_of(9002, "q@contoso.example", 5);
	struct seen seen = { 0 };

	message.account = STR("zoe@contoso.example");
	CHECK(commit(&message) == OUTCOME_OK && commit_small(9001, "q@contoso.example", 100) == OUTCOME_OK, "two accounts' mail by one mailbox");
	spool_lanes(spool, &(struct spool_lane){ STR("exchange"), STR("q@contoso.example"), STR(""), 0 }, 2, see_lanes, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 2 && seen.rows[0].due_us == 100 && seen.rows[1].due_us == 5, "is a lane for each");
	seen = (struct seen){ 0 };
	spool_lane_load(spool, &(struct spool_lane){ STR("exchange"), STR("q@contoso.example"), STR("zoe@contoso.example"), 0 }, INT64_BEGIN, 0, 10,
			see_heads, &seen);
	wait_seen(&seen);
	CHECK(seen.count == 1 && seen.rows[0].id == 9002, "with what is its own");
	load_lane("q@contoso.example", INT64_BEGIN, 0, 10, &seen);
	CHECK(seen.count == 1 && seen.rows[0].id == 9001, "and so the other");
}

struct noted {
	unsigned count;
	char name[32], text[32];
};

static void see_note(void *context, struct str name, int64_t at_us, struct str text)
{
	struct noted *noted = context;

	noted->count += at_us > 0;
	(void)str_copy(name, sizeof(noted->name), noted->name);
	(void)str_copy(text, sizeof(noted->text), noted->text);
}

static void test_notes(void)
{
	struct noted noted = { 0 };

	CHECK(spool_note(spool, STR("spent\nm"), STR("1 2;;")) && spool_note(spool, STR("gone"), STR("x")) &&
		      spool_note(spool, STR("spent\nm"), STR("3 4;;")) && spool_note(spool, STR("gone"), STR("")),
	      "notes are taken, replaced, and taken out");
	CHECK(reopen_spool() && spool_notes_read(state, see_note, &noted, &last_fault) == OUTCOME_OK, "and read at the next start");
	CHECK(noted.count == 1 && strcmp(noted.name, "spent\nm") == 0 && strcmp(noted.text, "3 4;;") == 0, "as they last were");
}

static void test_settle(void)
{
	static const uint32_t second = 1;
	static const struct trace_recipient as = { .state = TRACE_SENT, .reply = { "250 one", 7 }, .at_us = 9, .upstream = { "up", 2 } };
	struct spool_fate fate = { .id = 13, .state = SPOOL_DEFERRED, .due_us = 500, .attempts = 1, .last_reply = STR("451 later"),
				   .done = &second, .done_as = &as, .done_count = 1 };
	struct seen_rows rows;
	struct trace trace;
	struct trace_recipient recipient;
	struct str packed;
	struct seen seen;

	CHECK(settle(&fate) == OUTCOME_OK, "one recipient is done, two wait");
	load_lane("b@contoso.example", INT64_BEGIN, 0, 10, &seen);
	CHECK(seen.count == 3 && seen.rows[2].id == 13 && seen.rows[2].due_us == 500 && seen.rows[2].state == SPOOL_DEFERRED &&
		      seen.rows[2].attempts == 1 && strcmp(seen.rows[2].last_reply, "451 later") == 0,
	      "the message waits, at the end of its lane now");
	CHECK(seen.rows[2].recipients == 2 && seen.rows[2].first_index == 0, "with those that are not done");
	list(13, 0, 1, &seen);
	CHECK(seen.count == 1 && seen.rows[0].recipients == 3 && seen.rows[0].recipient_states[0] == TRACE_DEFERRED &&
		      seen.rows[0].recipient_states[1] == TRACE_SENT && strcmp(seen.rows[0].reply[1], "250 one") == 0,
	      "a view shows all three as they are");
	fate.id = 4711;
	CHECK(settle(&fate) == OUTCOME_NEVER, "no fate of a message that is not there");
	CHECK(reopen_spool() && settle_sent(13) == OUTCOME_OK && queued() == 3, "finished: it leaves");
	CHECK(settle_sent(13) == OUTCOME_NEVER, "and does not leave twice");
	load_rows(10, &rows);
	packed = (struct str){ rows.packed[0], rows.packed_len[0] };
	CHECK(rows.count == 1 && rows.kinds[0] == SPOOL_ROW_TRACE && trace_parse(packed, &trace) && trace.recipients_count == 3 &&
		      str_eq(trace.from, STR("copier@contoso.example")) && trace.size_bytes == BYTES_SMALL,
	      "its trace is in the outbox");
	packed = trace.recipients;
	CHECK(trace_recipient_next(&packed, &recipient) && recipient.state == TRACE_SENT && str_eq(recipient.reply, STR("250 a")) &&
		      trace_recipient_next(&packed, &recipient) && trace_recipient_next(&packed, &recipient) &&
		      recipient.state == TRACE_FAILED && str_eq(recipient.address, STR("c@example.net")),
	      "and says of each how it ended");
}

static void test_outbox(void)
{
	struct answer answer = { 0 };
	struct seen_rows rows;
	struct spool_counts counts;

	CHECK(wait_answer(spool_row_add(spool, SPOOL_ROW_SIGN_IN, STR("signed in"), on_answer, &answer), &answer) == OUTCOME_OK,
	      "a sign-in row is taken");
	load_rows(10, &rows);
	CHECK(rows.count == 2 && rows.kinds[1] == SPOOL_ROW_SIGN_IN && memcmp(rows.packed[1], "signed in", 9) == 0, "after the trace");
	load_rows(1, &rows);
	answer = (struct answer){ 0 };
	CHECK(wait_answer(spool_rows_forget(spool, rows.last, on_answer, &answer), &answer) == OUTCOME_OK, "the first is forgotten");
	load_rows(10, &rows);
	CHECK(rows.count == 1 && rows.kinds[0] == SPOOL_ROW_SIGN_IN, "and the second stays");
	answer = (struct answer){ 0 };
	(void)wait_answer(spool_rows_forget(spool, rows.last, on_answer, &answer), &answer);
	answer = (struct answer){ 0 };
	CHECK(reopen_spool() && wait_answer(spool_row_add(spool, SPOOL_ROW_SIGN_IN, STR("x"), on_answer, &answer), &answer) == OUTCOME_OK,
	      "a row after a restart");
	load_rows(10, &rows);
	spool_counts(spool, &counts);
	CHECK(rows.count == 1 && rows.last == 3 && counts.outbox_rows == 1, "bears a number that no row had before");
}

static void test_hands(void)
{
	struct spool_counts counts;
	struct seen seen;

	CHECK(hand(11, SPOOL_HAND_HOLD) == OUTCOME_OK, "an administrator holds a message");
	load_lane("b@contoso.example", INT64_BEGIN, 0, 10, &seen);
	spool_counts(spool, &counts);
	CHECK(seen.count == 1 && seen.rows[0].id == 14 && counts.messages[SPOOL_HELD] == 1, "it is in no lane");
	CHECK(settle(&(struct spool_fate){ .id = 11, .state = SPOOL_DEFERRED, .due_us = 1, .attempts = 2 }) == OUTCOME_OK,
	      "an attempt that was under way ends");
	list(11, 0, 1, &seen);
	CHECK(seen.rows[0].state == SPOOL_HELD && seen.rows[0].attempts == 2, "and does not undo the hold");
	CHECK(hand(11, SPOOL_HAND_RELEASE) == OUTCOME_OK, "released");
	list(11, 0, 1, &seen);
	CHECK(seen.rows[0].state == SPOOL_READY && seen.rows[0].due_us > 1000000, "it is due now");
	CHECK(settle(&(struct spool_fate){ .id = 11, .state = SPOOL_DEFERRED, .due_us = INT64_MAX, .attempts = 3 }) == OUTCOME_OK &&
		      hand(0, SPOOL_HAND_RETRY) == OUTCOME_OK,
	      "every deferred message is tried at once");
	list(0, 0, 10, &seen);
	CHECK(seen.count == 3 && seen.rows[0].id == 14 && seen.rows[2].id == 11 && seen.rows[2].state == SPOOL_READY &&
		      seen.rows[2].due_us < INT64_MAX,
	      "newest first");
	list(0, 12, 10, &seen);
	CHECK(seen.count == 1 && seen.rows[0].id == 11, "and older than a given one");
	CHECK(hand(11, SPOOL_HAND_DROP) == OUTCOME_OK && queued() == 2 && hand(11, SPOOL_HAND_DROP) == OUTCOME_NEVER, "dropped, once");
}

static enum outcome commit_on(uint64_t id, const char *route, const char *note)
{
	struct spool_message message = message_of(id, "route@contoso.example", INT64_MAX);

	message.route = str_of(route);
	message.note = str_of(note);
	message.state = SPOOL_DEFERRED;
	return commit(&message);
}

static void test_one_route(void)
{
	struct answer answer = { 0 };
	struct spool_counts before, after;
	struct seen seen;

	CHECK(commit_on(91, "first", "") == OUTCOME_OK && commit_on(92, "second", "") == OUTCOME_OK && commit_on(93, "first", "") == OUTCOME_OK &&
		      hand(93, SPOOL_HAND_HOLD) == OUTCOME_OK,
	      "three wait on two routes, one of them held");
	spool_counts(spool, &before);
	CHECK(wait_answer(spool_retry_route(spool, STR("first"), on_answer, &answer), &answer) == OUTCOME_OK, "those of one are due now");
	spool_counts(spool, &after);
	list(91, 0, 1, &seen);
	CHECK(seen.rows[0].state == SPOOL_READY && seen.rows[0].due_us < INT64_MAX, "it is");
	list(92, 0, 1, &seen);
	CHECK(seen.rows[0].state == SPOOL_DEFERRED && seen.rows[0].due_us == INT64_MAX, "the other's waits on");
	list(93, 0, 1, &seen);
	CHECK(seen.rows[0].state == SPOOL_HELD, "and what is held is held");
	CHECK(after.messages[SPOOL_READY] == before.messages[SPOOL_READY] + 1 && after.messages[SPOOL_DEFERRED] == before.messages[SPOOL_DEFERRED] - 1,
	      "one is counted over");
	for (uint64_t id = 91; id <= 93; id++)
		(void)hand(id, SPOOL_HAND_DROP);
}

static void test_note_of_what_is_dropped(void)
{
	static const struct {
		const char *label, *note, *after;
	} cases[] = {
		{ "nothing was said of it before", "", "dropped" },
		{ "what was repaired stays told", "repair:date repair:message-id", "repair:date repair:message-id dropped" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer answer = { 0 };
		struct seen_rows rows;
		struct trace trace;

		(void)wait_answer(spool_rows_forget(spool, UINT32_MAX, on_answer, &answer), &answer);
		CHECK(commit_on(95, "first", cases[i].note) == OUTCOME_OK && hand(95, SPOOL_HAND_DROP) == OUTCOME_OK, cases[i].label);
		load_rows(10, &rows);
		CHECK(rows.count == 1 && trace_parse((struct str){ rows.packed[0], rows.packed_len[0] }, &trace) &&
			      str_eq(trace.note, str_of(cases[i].after)),
		      cases[i].label);
		answer = (struct answer){ 0 };
		(void)wait_answer(spool_row_add(spool, SPOOL_ROW_SIGN_IN, STR("of the next test"), on_answer, &answer), &answer);
	}
}

static bool is_file(uint64_t body_file)
{
	char name[64], path[256];
	struct stat about;

	(void)snprintf(name, sizeof(name), "bodies/%02x/%llu", (unsigned)(body_file % 256), (unsigned long long)body_file);
	path_of(name, path);
	return stat(path, &about) == 0;
}

static void wait_for_orphans(uint64_t body_file)
{
	for (int i = 0; i < 200 && is_file(body_file); i++) {
		struct seen seen;

		list(1, 0, 1, &seen); /* the reader has its turn, and then time for orphans */
		(void)usleep(10000);
	}
}

static void test_files(void)
{
	struct spool_message lying = message_of(33, "l@contoso.example", 100);
	uint64_t kept, lost, orphan;
	int fd = -1;

	CHECK(commit_large(31, "l@contoso.example", 100, &kept) == OUTCOME_OK && is_file(kept), "a large body lies in a file");
	CHECK(load_body(31).right, "and comes back byte for byte");
	CHECK(spool_body_create(spool, &lost, &fd, &last_fault) == OUTCOME_OK && write(fd, "short", 5) == 5 && close(fd) == 0,
	      "a file of another length than was told");
	lying.body_file = lost;
	lying.body = STR("");
	lying.size_bytes = 6;
	CHECK(commit(&lying) == OUTCOME_LATER && load_body(33).outcome == OUTCOME_NEVER, "is not taken");
	lying.size_bytes = 5;
	CHECK(commit(&lying) == OUTCOME_LATER, "nor one with another checksum");
	spool_body_forget(spool, lost);
	CHECK(!is_file(lost), "a file that is forgotten is gone");
	CHECK(spool_body_create(spool, &orphan, &fd, &last_fault) == OUTCOME_OK && close(fd) == 0 && reopen_spool(), "a restart in between");
	wait_for_orphans(orphan);
	CHECK(!is_file(orphan) && is_file(kept), "takes away the file that no message names, and no other");
	CHECK(load_body(31).right && settle_sent(31) == OUTCOME_OK && !is_file(kept), "a file goes with its message");
}

static void test_dsn_with_fate(void)
{
	struct spool_message dsn = message_of(41, "d@contoso.example", 100);
	struct spool_fate fate = { .id = 12, .attempts = 9, .finished = true, .dsn = &dsn };

	dsn.is_dsn = 1;
	dsn.sender = STR("");
	CHECK(settle(&fate) == OUTCOME_OK && load_body(41).right && load_body(12).outcome == OUTCOME_NEVER,
	      "a message leaves and its DSN comes, in one");
	dsn = message_of(14, "d@contoso.example", 100); /* that number is taken */
	fate.id = 41;
	CHECK(settle(&fate) == OUTCOME_NEVER && load_body(41).right && load_body(14).outcome == OUTCOME_OK,
	      "neither, when one of both cannot be");
}

#define MANY 5000

static void test_many_recipients(void)
{
	static struct spool_recipient many[MANY];
	static char addresses[MANY][24];
	struct spool_message message = message_of(51, "m@contoso.example", 100);
	uint32_t last = MANY - 1;
	struct trace_recipient as = { .state = TRACE_SENT, .reply = STR("250 last") };
	struct spool_fate fate = { .id = 51, .attempts = 1, .done = &last, .done_as = &as, .done_count = 1, .due_us = 100 };
	struct seen seen;

	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(addresses[i], sizeof(addresses[i]), "user-%zu@example.net", i);
		many[i] = (struct spool_recipient){ .address = str_of(addresses[i]) };
	}
	message.recipients = many;
	message.recipients_count = MANY;
	CHECK(commit(&message) == OUTCOME_OK && settle(&fate) == OUTCOME_OK, "5,000 recipients, the last of them done");
	load_lane("m@contoso.example", INT64_BEGIN, 0, 10, &seen);
	CHECK(seen.count == 1 && seen.rows[0].recipients == MANY - 1 && strcmp(seen.rows[0].first, "user-0@example.net") == 0,
	      "the others wait");
	CHECK(load_body(51).right && hand(51, SPOOL_HAND_DROP) == OUTCOME_OK, "and go together");
}

#define GROUP 300

static void test_group(void)
{
	static struct answer answers[GROUP + 1];
	struct spool_message last = message_of(5000, "g@contoso.example", 100);
	uint64_t first = 1000;
	unsigned good = 0;

	for (uint64_t i = 0; i < GROUP; i++) {
		struct spool_message message = message_of(i == 150 ? first + 7 : first + i, "g@contoso.example", 100);

		if (!spool_commit(spool, &message, on_answer, &answers[i]))
			abort();
	}
	for (unsigned i = 0; i < GROUP; i++)
		good += wait_answer(true, &answers[i]) == OUTCOME_OK;
	CHECK(good == GROUP - 1 && answers[150].outcome == OUTCOME_NEVER, "one bad message of a group does not harm the others");
	last.body = STR("");
	last.size_bytes = 0;
	CHECK(commit(&last) == OUTCOME_LATER, "a body that is not what its checksum says is refused");
	spool_checksum(last.body, last.checksum);
	CHECK(spool_commit(spool, &last, on_answer, &answers[GROUP]), "one more, and no time to wait");
	close_spool();
	CHECK(answers[GROUP].came && answers[GROUP].outcome == OUTCOME_OK, "is written and answered before the spool is closed");
	CHECK(open_spool() == OUTCOME_OK && load_body(5000).outcome == OUTCOME_OK, "an empty body, too");
}

static void test_numbers(void)
{
	uint64_t last = spool_count_next(spool), next;

	for (unsigned i = 0; i < 250000; i++) {
		next = spool_count_next(spool);
		if (next <= last)
			abort();
		last = next;
		if (i % 1000 == 0)
			(void)uv_run(&ground_loop.uv, UV_RUN_NOWAIT);
	}
	CHECK(reopen_spool() && spool_count_next(spool) > last, "numbers rise, also over a restart");
}

static void test_second_daemon(void)
{
	struct spool_options options = { .state = state, .sync_workers = 1 };
	struct spool *second = NULL;

	CHECK(spool_open(&ground_loop, &options, &second, &last_fault) == OUTCOME_LATER && !second &&
		      strstr(last_fault.text[LANGUAGE_EN], state),
	      "a second spool on the folder is refused, with its name");
}

static bool count_row(void *context, enum spool_row_kind kind, struct str packed)
{
	(void)kind;
	(void)packed;
	++*(unsigned *)context;
	return true;
}

static void test_without_daemon(void)
{
	unsigned rows = 0;

	close_spool();
	CHECK(spool_outbox_read(state, count_row, &rows, &last_fault) == OUTCOME_OK && rows > 1, "the outbox is read without a daemon");
}

struct told {
	size_t whole, cut_short;
};

static void count_told(void *context, const struct spool_head *heads, size_t count, bool whole)
{
	struct told *told = context;

	(void)heads;
	(void)count;
	told->whole += whole;
	told->cut_short += !whole;
}

/* "I could not look" is not "there is nothing": who believed that would leave mail lying for ever. */
static void test_reads_refused(void)
{
	struct told told = { 0 };
	struct spool_lane lane = { STR("exchange"), STR("nobody@contoso.example"), STR("copier@contoso.example"), 0 };
	struct seen seen = { 0 };

	for (size_t i = 0; i < SPOOL_READS_MAX; i++)
		spool_lane_load(spool, &lane, 0, 0, 10, count_told, &told);
	CHECK(told.whole + told.cut_short == 0, "so many questions may wait for their answers");
	spool_lane_load(spool, &lane, 0, 0, 10, count_told, &told);
	spool_lanes(spool, &(struct spool_lane){ 0 }, 10, see_lanes, &seen);
	CHECK(told.cut_short == 1 && seen.came && !seen.whole, "one too many is told at once that it saw nothing");
	while (told.whole < SPOOL_READS_MAX)
		(void)uv_run(&ground_loop.uv, UV_RUN_ONCE);
	load_lane("nobody@contoso.example", INT64_BEGIN, 0, 10, &seen);
	CHECK(told.cut_short == 1 && seen.whole && seen.count == 0, "an empty lane is seen whole");
}

int main(void)
{
	if (!mkdtemp(state))
		return 1;
	test_commit_and_lanes();
	test_settle();
	test_outbox();
	test_hands();
	test_files();
	test_dsn_with_fate();
	test_many_recipients();
	test_group();
	test_numbers();
	test_lanes_by_account();
	test_notes();
	test_one_route();
	test_note_of_what_is_dropped();
	test_reads_refused();
	test_second_daemon();
	test_without_daemon();
	wipe_state();
	(void)rmdir(state);
	return check_report();
}
