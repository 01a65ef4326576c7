/*
 * credentials: when what an application signs in with ends, as Microsoft Graph tells whoever may read the application's registration: once a day, after
 * new settings, and when a secret has changed, one upstream after the other, beside the mail, which never waits for it. An application that may not
 * read it is let be: the date can stand in the settings.
 */
#ifndef COURIER_CREDENTIALS_H
#define COURIER_CREDENTIALS_H

#include "courier/courier.h"

enum credentials_state {
	CREDENTIALS_UNASKED,
	CREDENTIALS_READ,      /* … and ours are among them */
	CREDENTIALS_FOREIGN,   /* … and none of ours is */
	CREDENTIALS_DENIED,    /* the application may not read its registration */
	CREDENTIALS_UNREACHED, /* no token for Graph, or no answer */
	CREDENTIALS_STATE_COUNT
};

/* What is known of one upstream's. */
struct credentials {
	enum credentials_state state;
	struct courier_ends ends;
	struct fault fault;      /* of the last two states: why */
	unsigned readings;       /* how often it was asked to the end */
	uint64_t due_ms;         /* not before this is it asked again */
	int64_t files_us;        /* when the newest of the files was changed */
	bool next_secret;        /* which of two was good for a token */
};

struct credentials_desk;

struct credentials_desk *credentials_desk_new(struct courier *courier); /* NULL: out of memory */
void credentials_desk_free(struct credentials_desk *desk);
void credentials_tick(struct credentials_desk *desk);  /* some times a second */
void credentials_abort(struct credentials_desk *desk); /* the settings go */
/* Ask about this one as soon as nothing else is being asked. */
void credentials_hurry(struct credentials_desk *desk, struct credentials *credentials);

/* Is Graph asked about an upstream so set? By client-secret-expires, and whether there is a Graph and something that ends. */
bool credentials_asks(const struct upstream_settings *settings);

#endif
