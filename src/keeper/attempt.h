/* attempt: one sign-in on its way from question to row to answer; outlives the client that asked. */
#ifndef KEEPER_ATTEMPT_H
#define KEEPER_ATTEMPT_H

#include "base/arena.h"
#include "domain/policy.h"
#include "keeper/gates.h"
#include "keeper/journal.h"

struct attempt {
	struct keeper *keeper;
	struct way_back way;
	struct arena arena;    /* the strings of `row` */
	struct sign_in row;
	unsigned char ip[16];
	bool locked_out;
	bool good;             /* how it ended */
	struct ask_answer answer;
	char event_id[16];
	char reply[512];       /* as the client gets it, without the ID */
	uint64_t answer_at_ms; /* a refusal before the credentials are right waits until then */
	uv_timer_t timer;
	struct attempt *next;  /* in line for the same hash */
};

/* NULL: out of memory. `ehlo` and the rest are copied. */
struct attempt *attempt_new(struct keeper *keeper, const struct visitor *visitor, const struct way_back *way,
			    struct str user, struct str ehlo, struct str tls_version, struct str tls_cipher);

/* Write the row, then answer: at once, or at answer_at_ms. Frees the attempt. */
void attempt_finish(struct attempt *attempt, const struct policy_answer *policy, const struct ask_answer *answer);

#endif
