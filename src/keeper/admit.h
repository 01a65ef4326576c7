/* admit: may this client connect, may it sign in: limits, throttle, credentials, policy, the sign-in row; then the answer. */
#ifndef KEEPER_ADMIT_H
#define KEEPER_ADMIT_H

#include "keeper/gates.h"

struct attempt;

struct admit *admit_new(struct keeper *keeper);
void admit_free(struct admit *admit);

/* Answers; true: it may stay and is to be counted. */
bool admit_connected(struct keeper *keeper, struct visitor *visitor, const struct way_back *way);
void admit_sign_in(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		   const struct ask_sign_in *question);
/* The gate refuses something itself: names the event, writes the row (AUTH) or the line (MAIL, RCPT, DATA), answers. */
void admit_refused(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		   const struct ask_refused *question);
/* The account has changed: what was verified before is verified anew; `forgive` also lifts a lock-out. */
void admit_forget(struct admit *admit, struct str address, bool forgive);

/* admit_token's side of the throttle: whether nothing more is done for that network, a token that nobody genuine made, a genuine one. */
bool admit_network_is_locked(struct admit *admit, struct str user, const unsigned char ip[16]);
void admit_forged(struct admit *admit, const struct attempt *attempt);
void admit_proven(struct admit *admit, struct str user, const unsigned char ip[16]);

struct admit_counts {
	uint64_t passed, refused;
	size_t hashing, verified;
};
void admit_counts(const struct admit *admit, struct admit_counts *ret_counts);

#endif
