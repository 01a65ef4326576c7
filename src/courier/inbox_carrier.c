#include <stdlib.h>
#include <unistd.h>

#include "courier/carrier.h"
#include "courier/inbox.h"

#define ENVELOPE_BYTES_MAX (16u << 20)
#define FOLDER_STOPS_MS 10000 /* a disk that is full, or a folder that may not be written, is not tried at once again */

/* One message on its way to the folder: a worker's while it writes. */
struct deposit {
	struct worker_job job; /* first: the pool gives it back */
	struct mailbox *mailbox;
	struct deposit *next;
	struct work *work;     /* NULL: given up; the file may come none the less, and again */
	struct courier_job copy;
	char *folder, *name;
	struct buf envelope;
	enum outcome outcome;
	struct fault fault;
};

static void unlink_deposit(struct deposit *deposit)
{
	struct deposit **at = &deposit->mailbox->deposits;

	while (*at != deposit)
		at = &(*at)->next;
	*at = deposit->next;
	deposit->mailbox->slots--;
}

static void deposit_free(struct deposit *deposit)
{
	if (deposit->copy.body_fd != -1)
		(void)close(deposit->copy.body_fd);
	else
		free((char *)(uintptr_t)deposit->copy.body.ptr);
	buf_done(&deposit->envelope);
	free(deposit->folder);
	free(deposit->name);
	free(deposit);
}

static void run(struct worker_job *job)
{
	struct deposit *deposit = (struct deposit *)(void *)job;

	deposit->outcome = inbox_put(deposit->folder, str_of(deposit->name), buf_str(&deposit->envelope), &deposit->copy, &deposit->fault);
}

static void finish(struct deposit *deposit, enum courier_end end, const char *text, struct courier_fate *fate)
{
	struct work *work = deposit->work;

	deposit->work = NULL;
	work_settle(work, end, NULL, text);
	courier_finish(deposit->mailbox, work, fate);
}

static void done(struct worker_job *job)
{
	struct deposit *deposit = (struct deposit *)(void *)job;
	struct mailbox *mailbox = deposit->mailbox;
	const char *why = deposit->fault.text[LANGUAGE_EN];

	if (deposit->work && deposit->outcome == OUTCOME_OK) {
		mailbox->trouble[0] = '\0';
		finish(deposit, COURIER_DELIVERED, "250 2.0.0 in the folder", &(struct courier_fate){ 0 });
	} else if (deposit->work) {
		mailbox_pause_upstream(mailbox, FOLDER_STOPS_MS, str_of(why));
		finish(deposit, COURIER_LATER, why, &(struct courier_fate){ .nothing_tried = true, .retry_after_ms = FOLDER_STOPS_MS });
	}
	unlink_deposit(deposit);
	deposit_free(deposit);
	mailbox_give_room(mailbox);
}

/* The worker's own: the caller's body and descriptor go with the fate. */
static bool copy_body(struct deposit *deposit, const struct courier_job *job)
{
	deposit->copy = *job;
	if (job->body_fd != -1) {
		deposit->copy.body_fd = dup(job->body_fd);
		return deposit->copy.body_fd != -1;
	}
	deposit->copy.body.ptr = str_dup(job->body);
	return deposit->copy.body.ptr != NULL;
}

static bool carry(struct mailbox *mailbox, struct upstream *upstream, struct work *work)
{
	struct deposit *deposit = calloc(1, sizeof(*deposit));

	if (!deposit)
		return false;
	deposit->job = (struct worker_job){ .run = run, .done = done };
	deposit->mailbox = mailbox;
	deposit->copy.body_fd = -1;
	buf_init(&deposit->envelope, ENVELOPE_BYTES_MAX);
	deposit->folder = str_dup(str_of(upstream->settings->folder));
	deposit->name = str_dup(work->job.event_id);
	if (!deposit->folder || !deposit->name || !copy_body(deposit, &work->job) ||
	    !inbox_envelope_print(&work->job, &work->message, &deposit->envelope) || !worker_add(mailbox->courier->workers, &deposit->job)) {
		deposit_free(deposit);
		return false;
	}
	deposit->work = work;
	deposit->next = mailbox->deposits;
	mailbox->deposits = deposit;
	mailbox->slots++;
	return true;
}

static void abandon(struct mailbox *mailbox, const char *why)
{
	for (struct deposit *deposit = mailbox->deposits; deposit; deposit = deposit->next) {
		if (deposit->work)
			finish(deposit, COURIER_LATER, why, &(struct courier_fate){ .ambiguous = true });
	}
}

const struct carrier inbox_carrier = { .carry = carry, .abandon = abandon };
