/* graph_private: what graph.c, graph_request.c and graph_end.c share: one message on its way through Microsoft Graph. */
#ifndef COURIER_GRAPH_PRIVATE_H
#define COURIER_GRAPH_PRIVATE_H

#include "courier/carrier.h"
#include "courier/graph_requote.h"
#include "courier/graph_source.h"
#include "sys/http.h"
#include "wire/graph_answer.h"

#define GRAPH_ID_BYTES 37 /* a GUID and its NUL */
#define GRAPH_REPLY_BYTES_MAX 1024

#define GRAPH_CHUNK_BYTES 3145728       /* of a file in one request: Graph takes less than 4 MB; a multiple of 3 */
#define GRAPH_SESSION_BYTES_MIN 3000000 /* smaller files are added whole */

/* Small: TOKEN → SEND. Large, or with quoted-printable to write anew: (scan) → TOKEN → DRAFT → for each file SESSION → CHUNK …, or FILE → SEND_DRAFT. What goes wrong behind
 * DRAFT → DISCARD. */
enum graph_step {
	GRAPH_TOKEN,      /* waits for one, or for the scan */
	GRAPH_SEND,       /* sendMail with the whole message */
	GRAPH_DRAFT,      /* what is left of a large one */
	GRAPH_SESSION,    /* for the file `file` of it */
	GRAPH_CHUNK,
	GRAPH_FILE,       /* or the whole file */
	GRAPH_SEND_DRAFT,
	GRAPH_DISCARD,    /* the draft of a message that came to nothing */
	GRAPH_STEP_COUNT
};

struct graph_call {
	struct mailbox *mailbox;
	struct graph_call *next;         /* of the mailbox */
	const struct upstream *upstream; /* NULL once the settings changed */
	struct work *work;
	struct courier_job message;      /* the work's; once quoted-printable was written anew, with that for its body */
	struct graph_requoted requoted;
	enum graph_step step, next_step; /* next_step: what the token is waited for */
	bool waits_for_token;
	bool begun;                      /* graph_carry has returned: the caller may be offered room */
	struct buf head;
	uint64_t body_from;              /* what of the job's body stands behind its header section */
	struct graph_source source;
	struct buf authorization;        /* "Authorization: Bearer …" */
	uint64_t token_generation;
	uint64_t silence_s;
	uint64_t request_bytes_max;
	struct graph_scan *scan;         /* under way; NULL: none */
	struct buf empty_part;           /* what stands for files that were all there was */
	struct graph_part *files;        /* those that go behind the draft */
	size_t files_count, file;
	char draft[512];                 /* its id; "" none */
	char *upload_url;                /* of the session under way */
	struct buf json;                 /* around a file's letters */
	struct graph_cursor cursor, mark; /* how far the file is read; where the request under way begins */
	struct graph_ending *ending;     /* what is said once the draft is gone */
	char *base;                      /* "https://graph.microsoft.com/v1.0/users/MAILBOX" */
	char *ca_file, *proxy, *proxy_password_file; /* copies: the settings may go; NULL: none */
	char host[256];
	char request_id[GRAPH_ID_BYTES]; /* client-request-id of the request under way */
	char reply[GRAPH_REPLY_BYTES_MAX]; /* what was answered last, in one line */
};

/* graph.c */
void graph_free(struct graph_call *call); /* out of its mailbox, whose slot is free then */
void graph_take_whole(struct graph_call *call); /* all of the message as one source */
/* Wait for a token, then make the request of that step. */
void graph_with_token(struct graph_call *call, enum graph_step step);

/* graph_request.c: make the request of `step`; its answer goes to graph_on_answer. */
void graph_request(struct graph_call *call, enum graph_step step);

/* The answer was a yes: the next step, or the end. `body` is its JSON. */
void graph_next(struct graph_call *call, struct str body);
/* Is that status a yes to the step under way? */
bool graph_is_yes(const struct graph_call *call, unsigned status);

/* graph_end.c */
void graph_accepted(struct graph_call *call);                         /* the last yes */
void graph_on_answer(void *context, const struct http_answer *answer);
void graph_refuse(struct graph_call *call, unsigned why, const char *sentence); /* it was not even asked. `why`: GRAPH_NOT_SPLIT, … */
void graph_give_up(struct graph_call *call, const char *why);     /* later, and nothing was tried, unless it may have been sent */

#endif
