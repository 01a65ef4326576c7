#include "courier/courier_private.h"

#include <stdlib.h>

#define WORK_BYTES_MAX (160u << 20) /* recipients-max addresses and their replies */

void work_free(struct work *work)
{
	arena_free_all(&work->arena);
	free(work);
}

static bool copy_recipients(struct work *work, const struct courier_job *job)
{
	struct smtp_client_recipient *recipients = arena_take(&work->arena, job->recipients_count * sizeof(*recipients));

	work->fates = arena_take(&work->arena, job->recipients_count * sizeof(*work->fates));
	work->settled = arena_take(&work->arena, job->recipients_count * sizeof(*work->settled));
	if (!recipients || !work->fates || !work->settled)
		return false;
	for (size_t i = 0; i < job->recipients_count; i++) {
		recipients[i].notify = job->recipients[i].notify;
		if (!arena_keep(&work->arena, job->recipients[i].address, &recipients[i].address) ||
		    !arena_keep(&work->arena, job->recipients[i].orcpt, &recipients[i].orcpt))
			return false;
	}
	work->message.recipients = recipients;
	work->message.recipients_count = job->recipients_count;
	return true;
}

struct work *work_new(const struct courier_job *job)
{
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	arena_init(&work->arena, WORK_BYTES_MAX);
	work->job = *job;
	work->message = (struct smtp_client_message){
		.size = job->size_bytes,
		.body_8bit = job->body_8bit,
		.utf8 = job->utf8,
		.ret = (enum smtp_ret)job->ret,
	};
	if (copy_recipients(work, job) && arena_keep(&work->arena, job->sender, &work->job.sender) &&
	    arena_keep(&work->arena, job->envid, &work->job.envid) &&
	    arena_keep(&work->arena, job->event_id, &work->job.event_id) &&
	    arena_keep(&work->arena, job->message_id, &work->job.message_id) &&
	    arena_keep(&work->arena, job->upstream, &work->job.upstream) &&
	    arena_keep(&work->arena, job->mailbox, &work->job.mailbox)) {
		work->message.sender = work->job.sender;
		work->message.envid = work->job.envid;
		return work;
	}
	work_free(work);
	return NULL;
}

/* "550 5.1.1 text" on one line, or our own sentence. */
static struct str reply_text(struct work *work, const struct smtp_reply *reply, const char *text)
{
	struct str kept = STR("");
	struct buf line;

	buf_init(&line, 2048);
	if (!reply) {
		return arena_keep(&work->arena, str_of(text), &kept) ? kept : STR("");
	}
	if (buf_add_format(&line, "%u %.*s%s%.*s", reply->code, STR_ARG(reply->enhanced), reply->enhanced.len ? " " : "",
			   reply->text.len < 1500 ? (int)reply->text.len : 1500, reply->text.ptr)) {
		for (size_t i = 0; i < line.len; i++) {
			if (line.ptr[i] == '\n' || line.ptr[i] == '\r')
				line.ptr[i] = ' ';
		}
		if (!arena_keep(&work->arena, buf_str(&line), &kept))
			kept = STR("");
	}
	buf_done(&line);
	return kept;
}

static struct str status_of(struct work *work, enum courier_end end, const struct smtp_reply *reply)
{
	struct str kept;

	if (reply && reply->enhanced.len > 0 && arena_keep(&work->arena, reply->enhanced, &kept))
		return kept;
	return end == COURIER_DELIVERED ? STR("2.0.0") : end == COURIER_LATER ? STR("4.0.0") : STR("5.0.0");
}

void work_settle_one(struct work *work, size_t index, enum courier_end end, const struct smtp_reply *reply, const char *text)
{
	work->settled[index] = true;
	work->fates[index] = (struct courier_recipient_fate){
		.end = end,
		.reply = reply_text(work, reply, text),
		.status = status_of(work, end, reply),
		.remote = reply != NULL,
	};
}

void work_settle(struct work *work, enum courier_end end, const struct smtp_reply *reply, const char *text)
{
	for (size_t i = 0; i < work->message.recipients_count; i++) {
		if (!work->settled[i])
			work_settle_one(work, i, end, reply, text);
	}
}
