/* gates: the keeper's side of the links: who is connected where, and which question goes to whom. It trusts no gate. */
#ifndef KEEPER_GATES_H
#define KEEPER_GATES_H

#include "base/buf.h"
#include "domain/account.h"
#include "keeper/keeper.h"
#include "wire/ask.h"

struct gate_peer; /* one gate process */

/* One connected client, as far as the keeper cares. */
struct visitor {
	struct gate_peer *gate;
	uint64_t id;            /* the gate's session number */
	unsigned char ip[16];
	uint32_t listener;
	bool admitted;          /* counted by address and in all */
	bool signed_in;
	char *account;          /* who; NULL: a listener without sign-in */
	uint64_t next_count;    /* number of its next message's event ID */
	uint64_t body_file;     /* opened for it, not yet committed */
	struct buf recipients;  /* packed, told ahead of COMMIT */
	uint32_t recipients_count;
	bool recipients_lost;   /* some were told and did not fit */
};

/* An answer's way back: gate and client may be gone when it is ready. */
struct way_back {
	uint64_t gate;
	uint64_t session;
	uint64_t question;
};

struct gates *gates_new(struct keeper *keeper);
void gates_free(struct gates *gates);
void gates_add(struct gates *gates, int fd); /* a new gate's link */
size_t gates_count(const struct gates *gates);
size_t gates_visitors(const struct gates *gates);

struct visitor *gates_visitor(struct gates *gates, const struct way_back *way); /* NULL: gone */
/* `fd` -1 or a descriptor to hand over (stays the caller's). A link that is full costs its gate its life: it does not follow. */
void gates_answer(struct gates *gates, const struct way_back *way, const struct ask_answer *answer, int fd);
void gates_forget_transaction(struct visitor *visitor); /* the recipients and the body file that were not committed */
void gates_tell_room(struct gates *gates, bool has_room);

/* How many visitors are from this address / in all (admitted ones). */
unsigned gates_from(const struct gates *gates, const unsigned char ip[16]);

#endif
