/*
 * hold: a sender whose mail an upstream refuses for good, again and again for one cause, is held back, since a row of such errors
 * makes Exchange Online block the whole mailbox (Microsoft, "Continuous error throttling": 5.2.251 to 5.2.255). Pure: the time is
 * given in.
 *
 *   free → (errors-max of one kind within an hour) → held → (its back-off is over) → one message on trial
 *   on trial → taken: free; refused for the same kind: held, twice as long; neither: the next one is on trial
 */
#ifndef COURIER_HOLD_H
#define COURIER_HOLD_H

#include "base/buf.h"
#include "courier/failure.h"

#define HOLD_ERRORS_MAX 20 /* the most that a kind may have in its row */

struct hold {
	struct {
		uint64_t errors_ms[HOLD_ERRORS_MAX]; /* a ring of when; 0: none */
		unsigned next;
	} kinds[FAILURE_KIND_COUNT];
	enum failure_kind kind;  /* why it is held; FAILURE_NO_KIND: it is not */
	uint64_t until_ms;       /* held until then */
	uint64_t back_off_ms;
	unsigned on_trial;       /* messages under way since */
};

/* How long a message of this sender has to wait; 0: it may go. While one is on trial: until it is known what became of it, or a minute. */
uint64_t hold_wait_ms(const struct hold *hold, uint64_t now_ms);
void hold_begin(struct hold *hold); /* a message of this sender goes */
/* What became of it: refused for this kind, or (FAILURE_NO_KIND) taken or not. True: the sender is held from now on. */
bool hold_end(struct hold *hold, enum failure_kind kind, bool taken, uint64_t now_ms);
void hold_release(struct hold *hold); /* an administrator has mended the cause */
bool hold_is_idle(const struct hold *hold, uint64_t now_ms); /* nothing worth remembering */

/* A hold as one text, to be kept over a restart: its times are those of the calendar. */
struct hold_note {
	enum failure_kind kind;
	int64_t since_us, until_us; /* of the first refusal too many; of the next trial */
	uint64_t back_off_ms;
	struct str reply;           /* the upstream's, "" when there is none; borrowed of the text */
};
bool hold_note_print(const struct hold_note *note, struct buf *out) __attribute__((warn_unused_result));
bool hold_note_parse(struct str text, struct hold_note *ret_note); /* false: no such text */
/* As it was when it was noted, with what is left of its wait; whatever the clock did meanwhile, at most its back-off. */
void hold_resume(struct hold *hold, const struct hold_note *note, int64_t now_us, uint64_t now_ms);

#endif
