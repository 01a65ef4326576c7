/* throttle: who guesses too often, by name as typed and by network, in bounded memory; time is given in. */
#ifndef DOMAIN_THROTTLE_H
#define DOMAIN_THROTTLE_H

#include <stdint.h>

#include "base/str.h"

struct throttle_options {
	unsigned account_failures_max, network_failures_max; /* this many within the window lock; 0: never */
	uint64_t window_ms, lock_ms;
	size_t entries_max; /* of each kind; the least recent goes first */
};

struct throttle;
/* NULL: out of memory. */
struct throttle *throttle_new(const struct throttle_options *options);
void throttle_free(struct throttle *throttle);

enum throttle_verdict { THROTTLE_PASS, THROTTLE_ACCOUNT_LOCKED, THROTTLE_NETWORK_LOCKED };

/* Before the hashing. A locked account or network stays open to those (account, network) pairs that signed in lately (the
 * lane), so that a guesser cannot lock a copier out; a pair that guesses itself loses its lane. Networks are /32 (IPv4) and
 * /64 (IPv6). Names are taken without regard to case. Asking remembers nothing new. */
enum throttle_verdict throttle_ask(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms);
/* After it. Wrong credentials only; a refusal by a rule never counts. What this failure has locked: nothing (PASS), the account, or the
 * network (or both). */
enum throttle_verdict throttle_failed(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms);
/* A token that nobody genuine has made. It is no guess at the name's password, whose owner must not suffer; but each costs work, and so it
 * counts for the network, and for the pair's lane. */
enum throttle_verdict throttle_forged(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms);
void throttle_succeeded(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms);
/* An administrator set a new password: the account's lock goes, and that of the network that failed last for it. */
void throttle_forget(struct throttle *throttle, struct str name);

#endif
