/* graph_private: what graph.c, graph_draft.c and graph_message.c share. */
#ifndef SANDBOX_GRAPH_PRIVATE_H
#define SANDBOX_GRAPH_PRIVATE_H

#include "sandbox/https.h"

/* An answer of Graph's: a status, and an error's code and words when it is one. */
struct graph_reply {
	unsigned status;
	const char *code, *message;
	const char *retry_after; /* seconds; NULL: none */
};

/* A request that was let in: for whom, and what comes behind the mailbox in its path. */
struct graph_visit {
	const struct https_request *request;
	char mailbox[512];
	struct str rest; /* "sendMail", "messages/ID/send" */
};

/* graph.c: say it, with the headers that Graph gives. `json` is taken; NULL: the error, or nothing. */
enum MHD_Result graph_say(const struct https_request *request, const struct graph_reply *reply, json_t *json, const char *location);
/* The message is in the inbox: 202, or what a fault makes of it. */
enum MHD_Result graph_sent(struct sandbox *sandbox, const struct https_request *request);

/* A file that is added to a draft. */
struct graph_attachment {
	struct graph_attachment *next;
	char name[512], type[128];
	uint64_t size, got;
	struct buf bytes;
	char session[64]; /* "" once it is whole */
};

/* graph_message.c: what base64 encodes. False: it is none. */
bool graph_decode(struct str base64, struct buf *out);
/* Into the inbox, as the mailbox: to whom its header says. NULL: done; else why not. */
const struct graph_reply *graph_deliver(struct sandbox *sandbox, const char *mailbox, struct str mime);
/* Add a file to a message whose top is multipart/mixed, before its last boundary. False: it is none, or memory is short. */
bool graph_attach(struct buf *mime, const struct graph_attachment *attachment);

/* graph_draft.c */
enum MHD_Result graph_draft_new(struct sandbox *sandbox, const struct graph_visit *visit);
enum MHD_Result graph_draft_change(struct sandbox *sandbox, const struct graph_visit *visit);
void graph_drafts_done(struct sandbox *sandbox);

#endif
