/* courier/hold: each case is a history of one sender, step by step. */
#include <string.h>

#include "check.h"
#include "courier/hold.h"

#define MINUTE 60000u
#define DENIED FAILURE_SEND_AS_DENIED
#define FULL FAILURE_MAILBOX_FULL

enum step_kind { END, BEGIN, DENY, FILL, TAKE, OTHER, RELEASE };

struct step {
	enum step_kind kind;
	uint64_t at_ms;
	bool held;        /* by this step */
	uint64_t wait_ms; /* after it */
};

static const struct {
	const char *label;
	struct step steps[12];
} cases[] = {
	{ "two of a kind are no row", { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { FILL, 3, false, 0 } } },
	{ "three within an hour are", { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE } } },
	{ "three in more than an hour are not", { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 61 * MINUTE, false, 0 } } },
	{ "good mail between them does not hide them",
	  { { DENY, 1, false, 0 }, { TAKE, 2, false, 0 }, { DENY, 3, false, 0 }, { TAKE, 4, false, 0 }, { DENY, 5, true, 15 * MINUTE } } },
	{ "those under way make it no longer",
	  { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE }, { DENY, 4, false, 15 * MINUTE - 1 } } },
	{ "one on trial, and the next waits; taken, all is free",
	  { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE }, { OTHER, 16 * MINUTE, false, 0 },
	    { BEGIN, 16 * MINUTE, false, MINUTE }, { TAKE, 16 * MINUTE + 5, false, 0 }, { DENY, 17 * MINUTE, false, 0 } } },
	{ "refused again: twice as long, to four hours at most",
	  { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE }, { BEGIN, 16 * MINUTE, false, MINUTE },
	    { DENY, 16 * MINUTE, true, 30 * MINUTE }, { BEGIN, 60 * MINUTE, false, MINUTE }, { DENY, 60 * MINUTE, true, 60 * MINUTE },
	    { BEGIN, 200 * MINUTE, false, MINUTE }, { DENY, 200 * MINUTE, true, 120 * MINUTE }, { BEGIN, 400 * MINUTE, false, MINUTE },
	    { DENY, 400 * MINUTE, true, 240 * MINUTE } } },
	{ "neither taken nor refused: the next is on trial",
	  { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE }, { BEGIN, 16 * MINUTE, false, MINUTE },
	    { OTHER, 16 * MINUTE + 5, false, 0 } } },
	{ "released by hand",
	  { { DENY, 1, false, 0 }, { DENY, 2, false, 0 }, { DENY, 3, true, 15 * MINUTE }, { RELEASE, 4, false, 0 }, { DENY, 5, false, 0 } } },
};

static void play(size_t at)
{
	struct hold hold = { 0 };

	for (const struct step *step = cases[at].steps; step->kind != END; step++) {
		bool held = false;

		switch (step->kind) {
		case END: break;
		case BEGIN: hold_begin(&hold); break;
		case DENY: held = hold_end(&hold, DENIED, false, step->at_ms); break;
		case FILL: held = hold_end(&hold, FULL, false, step->at_ms); break;
		case TAKE: held = hold_end(&hold, FAILURE_NO_KIND, true, step->at_ms); break;
		case OTHER: held = hold_end(&hold, FAILURE_NO_KIND, false, step->at_ms); break;
		case RELEASE: hold_release(&hold); break;
		}
		CHECK(held == step->held && hold_wait_ms(&hold, step->at_ms) == step->wait_ms, cases[at].label);
	}
}

static void test_recipients_that_are_gone(void)
{
	struct hold hold = { 0 };
	unsigned held = 0;

	for (uint64_t i = 1; i <= HOLD_ERRORS_MAX; i++)
		held += hold_end(&hold, FAILURE_INVALID_RECIPIENT, false, i) ? (unsigned)i : 0;
	CHECK(held == HOLD_ERRORS_MAX, "some recipients that are gone hold nobody; a row of twenty does");
	CHECK(!hold_is_idle(&hold, 1), "who is held is remembered");
	hold_release(&hold);
	CHECK(hold_is_idle(&hold, 1), "who is free may be forgotten");
	(void)hold_end(&hold, DENIED, false, 5);
	CHECK(!hold_is_idle(&hold, 6) && hold_is_idle(&hold, 61 * MINUTE), "an error is remembered for an hour");
}

static void test_notes(void)
{
	static const struct {
		const char *label, *text;
		bool good;
		uint64_t wait_ms; /* resumed at 1,000,000 s */
	} texts[] = {
		{ "note: half of its wait is left", "send-as-denied 999000000000 1000450000000 900000\n550 5.7.60 no", true, 450000 },
		{ "note: its wait is over: the next goes on trial", "send-as-denied 999000000000 999900000000 900000\n", true, 0 },
		{ "note: a clock that was set back makes it no longer", "mailbox-full 999000000000 2000000000000 900000\nx", true, 900000 },
		{ "note: a cause of another version", "solar-flare 999000000000 1000450000000 900000\nx", false, 0 },
		{ "note: cut short", "send-as-denied 999000000000 1000450000000\nx", false, 0 },
		{ "note: one word too many", "send-as-denied 999000000000 1000450000000 900000 7\nx", false, 0 },
		{ "note: no back-off", "send-as-denied 999000000000 1000450000000 0\nx", false, 0 },
		{ "note: a back-off over the longest", "send-as-denied 999000000000 1000450000000 14400001\nx", false, 0 },
		{ "note: no number", "send-as-denied -1 1000450000000 900000\nx", false, 0 },
		{ "note: nothing", "", false, 0 },
	};
	struct hold_note note = { 0 };
	struct hold hold = { 0 };
	struct buf text;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bool good = hold_note_parse(str_of(texts[i].text), &note);

		CHECK(good == texts[i].good, texts[i].label);
		if (!good)
			continue;
		hold_resume(&hold, &note, 1000000000000, 5000);
		CHECK(hold_wait_ms(&hold, 5000) == texts[i].wait_ms, texts[i].label);
	}
	(void)hold_note_parse(STR("send-as-denied 1 2 900000\n550 5.7.60 SendAsDenied\nsecond line"), &note);
	buf_init(&text, 640);
	CHECK(hold_note_print(&note, &text) && str_eq(buf_str(&text), STR("send-as-denied 1 2 900000\n550 5.7.60 SendAsDenied\nsecond line")),
	      "note: printed as it was read");
	buf_done(&text);
	hold_resume(&hold, &note, 1000000000000, 5000);
	hold_begin(&hold);
	CHECK(hold_end(&hold, DENIED, false, 5001) && hold_wait_ms(&hold, 5001) == 30 * MINUTE, "note: resumed, the next wait is twice as long");
}

int main(void)
{
	test_notes();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		play(i);
	test_recipients_that_are_gone();
	return check_report();
}
