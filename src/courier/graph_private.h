/* graph_private: what graph.c, graph_request.c and graph_end.c share: one message on its way through Microsoft Graph. */
#ifndef COURIER_GRAPH_PRIVATE_H
#define COURIER_GRAPH_PRIVATE_H

#include "courier/carrier.h"
#include "courier/graph_source.h"
#include "sys/http.h"
#include "wire/graph_answer.h"

#define GRAPH_ID_BYTES 37 /* a GUID and its NUL */

enum graph_step {
	GRAPH_TOKEN, /* waits for one */
	GRAPH_SEND,  /* sendMail with the whole message */
	GRAPH_STEP_COUNT
};

struct graph_call {
	struct mailbox *mailbox;
	struct graph_call *next;         /* of the mailbox */
	const struct upstream *upstream; /* NULL once the settings changed */
	struct work *work;
	enum graph_step step, next_step; /* next_step: what the token is waited for */
	bool begun;                      /* graph_carry has returned: the caller may be offered room */
	struct buf head;
	struct graph_source source;
	struct buf authorization;        /* "Authorization: Bearer …" */
	uint64_t token_generation;
	uint64_t silence_s;
	char *base;                      /* "https://graph.microsoft.com/v1.0/users/MAILBOX" */
	char *ca_file, *proxy, *proxy_password_file; /* copies: the settings may go; NULL: none */
	char host[256];
	char request_id[GRAPH_ID_BYTES]; /* client-request-id of the request under way */
};

/* graph.c */
void graph_free(struct graph_call *call); /* out of its mailbox, whose slot is free then */
/* Wait for a token, then make the request of that step. */
void graph_with_token(struct graph_call *call, enum graph_step step);

/* graph_request.c: make the request of `step`; its answer goes to graph_on_answer. */
void graph_request(struct graph_call *call, enum graph_step step);

/* graph_end.c */
void graph_on_answer(void *context, const struct http_answer *answer);
void graph_refuse(struct graph_call *call, const char *sentence); /* for good: it was not even asked */
void graph_give_up(struct graph_call *call, const char *why);     /* later, and nothing was tried, unless it may have been sent */

#endif
