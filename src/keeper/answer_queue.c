#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "domain/event_id.h"
#include "keep/spool_view.h"
#include "keeper/api.h"

#define ROWS_A_TIME 500
#define CAT_RUN_BYTES 65536

/* --- list, show --- */

struct listing {
	struct api_call *call;
	uint64_t id;      /* 0: all */
	size_t left, found;
	bool whole;       /* show: with recipients and replies */
};

/* A pause is no state of the message: only the courier knows of it. And its upstream is what the routes say of it today. */
static json_t *view_json(struct keeper *keeper, const struct spool_view *stored, bool whole)
{
	struct spool_view view = *stored;
	struct spool_message *message = &view.message;
	const char *cause;
	json_t *row;

	(void)dispatch_way(keeper->dispatch, &stored->message, &message->route, &message->mailbox);
	row = spool_view_json(&view, whole);

	if (row && message->state != SPOOL_HELD &&
	    (courier_is_paused(keeper->courier, message->route, message->mailbox) ||
	     courier_hold_ms(keeper->courier, message->route, message->mailbox, message->sender, &cause) > 0))
		(void)json_object_set_new(row, "state", json_string("paused"));
	return row;
}

static void on_views(void *context, const struct spool_view *views, size_t count)
{
	struct listing *listing = context;
	struct api_call *call = listing->call;

	for (size_t i = 0; i < count; i++)
		api_row(call, view_json(call->keeper, &views[i], listing->whole));
	listing->found += count;
	listing->left -= count < listing->left ? count : listing->left;
	if (!listing->id && count == ROWS_A_TIME && listing->left > 0 && call->client) {
		spool_list(call->keeper->spool, 0, views[count - 1].message.id,
			   listing->left < ROWS_A_TIME ? listing->left : ROWS_A_TIME, on_views, listing);
		return;
	}
	if (listing->id && listing->found == 0)
		api_fail_text(call, EX_DATAERR, N_("there is no message %s in the queue; if it has left: sekisho trace --id %s"),
			      api_text(call, "id"), api_text(call, "id"));
	else
		api_end(call, EX_OK);
	free(listing);
}

/* The number in an event ID. False: the call has been ended. */
static bool read_id(struct api_call *call, uint64_t *ret_id)
{
	struct str given = str_of(api_text(call, "id"));
	char id[EVENT_ID_LEN + 1];

	if (event_id_parse(given, id) && event_id_count(id, ret_id))
		return true;
	api_fail_text(call, EX_USAGE, N_("\"%.*s\" is no message ID; an ID has %d letters and digits, as in the reply to the device"),
		      STR_ARG(given), EVENT_ID_LEN);
	return false;
}

static void list(struct api_call *call, uint64_t id, bool whole)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int64_t count = api_number(call, "count", 1000000);

	if (!listing) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	*listing = (struct listing){ call, id, count > 0 ? (size_t)count : 1, 0, whole };
	spool_list(call->keeper->spool, id, 0, listing->left < ROWS_A_TIME ? listing->left : ROWS_A_TIME, on_views, listing);
}

void answer_queue_list(struct api_call *call)
{
	list(call, 0, false);
}

void answer_queue_show(struct api_call *call)
{
	uint64_t id;

	if (read_id(call, &id))
		list(call, id, true);
}

/* --- cat --- */

static void send_run(struct api_call *call, struct str run)
{
	/* JSON carries no bytes that are not UTF-8: as one character a byte, which the CLI turns back. */
	struct buf latin;

	buf_init(&latin, run.len * 2 + 1);
	for (size_t i = 0; i < run.len; i++) {
		unsigned char byte = (unsigned char)run.ptr[i];
		bool added = byte < 0x80 ? buf_add_byte(&latin, (char)byte) :
					   buf_add_byte(&latin, (char)(0xc0 | byte >> 6)) && buf_add_byte(&latin, (char)(0x80 | (byte & 0x3f)));

		if (!added)
			break;
	}
	api_row(call, json_pack("{s:o}", "bytes", json_stringn(latin.len ? latin.ptr : "", latin.len)));
	buf_done(&latin);
}

static void on_body(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault)
{
	struct api_call *call = context;
	char run[CAT_RUN_BYTES];
	uint64_t at = 0;
	ssize_t got;

	if (outcome != OUTCOME_OK) {
		api_fail(call, EX_DATAERR, fault);
		return;
	}
	if (body->fd == -1) {
		send_run(call, body->bytes);
	} else {
		while (call->client && (got = file_read_at(body->fd, run, sizeof(run), at)) > 0) {
			send_run(call, (struct str){ run, (size_t)got });
			at += (uint64_t)got;
		}
		(void)close(body->fd);
	}
	api_end(call, EX_OK);
}

void answer_queue_cat(struct api_call *call)
{
	uint64_t id;

	if (read_id(call, &id))
		spool_body_load(call->keeper->spool, id, on_body, call);
}

/* --- hands --- */

static void on_done(void *context, enum outcome outcome, const struct fault *fault)
{
	struct api_call *call = context;

	if (outcome == OUTCOME_OK) {
		if (!api_text(call, "id"))
			courier_resume(call->keeper->courier); /* flush: whatever pause was on */
		dispatch_wake(call->keeper->dispatch);
	}
	api_end_outcome(call, outcome, fault);
}

struct handing {
	struct api_call *call;
	uint64_t id;
	enum spool_hand hand;
};

static void put(struct api_call *call, uint64_t id, enum spool_hand hand)
{
	if (!spool_hand(call->keeper->spool, id, hand, on_done, call))
		api_fail_text(call, EX_TEMPFAIL, N_("too much waits for the disk; try again"));
}

/* Who releases or retries a message has mended what its sender was held for. */
static void on_view_to_free(void *context, const struct spool_view *views, size_t count)
{
	struct handing *handing = context;
	struct api_call *call = handing->call;

	if (count > 0)
		courier_release(call->keeper->courier, views[0].message.sender);
	put(call, handing->id, handing->hand);
	free(handing);
}

static void free_and_put(struct api_call *call, uint64_t id, enum spool_hand hand)
{
	struct handing *handing = malloc(sizeof(*handing));

	if (!handing) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	*handing = (struct handing){ call, id, hand };
	spool_list(call->keeper->spool, id, 0, 1, on_view_to_free, handing);
}

static void put_hand(struct api_call *call, enum spool_hand hand)
{
	uint64_t id;

	if (!read_id(call, &id))
		return;
	if (dispatch_is_away(call->keeper->dispatch, id))
		api_fail_text(call, EX_TEMPFAIL, N_("message %s is being sent just now; try again in a moment"), api_text(call, "id"));
	else if (hand == SPOOL_HAND_RELEASE || hand == SPOOL_HAND_RETRY)
		free_and_put(call, id, hand);
	else
		put(call, id, hand);
}

void answer_queue_hold(struct api_call *call)
{
	put_hand(call, SPOOL_HAND_HOLD);
}

void answer_queue_release(struct api_call *call)
{
	put_hand(call, SPOOL_HAND_RELEASE);
}

void answer_queue_retry(struct api_call *call)
{
	put_hand(call, SPOOL_HAND_RETRY);
}

void answer_queue_drop(struct api_call *call)
{
	put_hand(call, SPOOL_HAND_DROP);
}

void answer_queue_flush(struct api_call *call)
{
	put(call, 0, SPOOL_HAND_RETRY);
}
