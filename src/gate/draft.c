#include "gate/draft.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define REPAIRED_TIMES_MAX 4  /* how much longer a repair makes what it changes */
#define FILE_RUN_BYTES 131072 /* written in one go */
#define HEADER_MARK STR("")

struct draft *draft_new(size_t bytes_max, uint64_t inline_bytes_max)
{
	struct draft *draft = calloc(1, sizeof(*draft));

	if (!draft)
		return NULL;
	arena_init(&draft->arena, bytes_max);
	buf_init(&draft->recipients, bytes_max);
	buf_init(&draft->body, FILE_RUN_BYTES * 2 + (size_t)inline_bytes_max);
	header_scan_init(&draft->header, HEADER_MARK);
	draft->inline_bytes_max = inline_bytes_max;
	draft->fd = -1;
	return draft;
}

void draft_free(struct draft *draft)
{
	if (!draft)
		return;
	arena_free_all(&draft->arena);
	buf_done(&draft->recipients);
	buf_done(&draft->body);
	header_scan_done(&draft->header);
	repair_free(draft->repair);
	XXH3_freeState(draft->checksum);
	if (draft->fd != -1)
		(void)close(draft->fd);
	free(draft);
}

bool draft_sender(struct draft *draft, struct str sender, const struct smtp_mail_params *params)
{
	draft->mail = *params;
	return arena_keep(&draft->arena, sender, &draft->sender) &&
	       arena_keep(&draft->arena, params->envid, &draft->envid);
}

bool draft_recipient(struct draft *draft, struct str address, const struct smtp_rcpt_params *params)
{
	struct ask_recipient recipient = {
		.address = address,
		.orcpt = params->orcpt,
		.notify = (uint8_t)params->notify,
	};

	if (!ask_recipient_print(&draft->recipients, &recipient))
		return false;
	draft->recipients_count++;
	return true;
}

static void write_out(struct draft *draft)
{
	struct str run = buf_str(&draft->body);

	if (run.len == 0)
		return;
	if (file_write(draft->fd, run) == -1 || XXH3_128bits_update(draft->checksum, run.ptr, run.len) != XXH_OK)
		draft->failed = true;
	buf_clear(&draft->body);
}

void draft_add_own(struct draft *draft, struct str header)
{
	draft->size_bytes += header.len;
	if (!draft->failed && !buf_add(&draft->body, header))
		draft->failed = true;
}

bool draft_repair(struct draft *draft, unsigned switches, const struct repair_facts *facts, size_t header_bytes_max,
		  size_t look_bytes_max)
{
	draft->repair = repair_new(switches, facts, header_bytes_max, look_bytes_max);
	draft->body.bytes_max += header_bytes_max * REPAIRED_TIMES_MAX + look_bytes_max * REPAIRED_TIMES_MAX;
	return draft->repair != NULL;
}

static void take(struct draft *draft, struct str run)
{
	draft->size_bytes += run.len;
	if (draft->failed)
		return;
	if (!header_scan_feed(&draft->header, run) || !buf_add(&draft->body, run)) {
		draft->failed = true;
		return;
	}
	if (draft->fd != -1 && draft->body.len >= FILE_RUN_BYTES)
		write_out(draft);
}

void draft_add(struct draft *draft, struct str run)
{
	CLEANUP(cleanup_buf) struct buf repaired = { 0 };

	if (!draft->repair || draft->failed) {
		take(draft, run);
		return;
	}
	buf_init(&repaired, draft->body.bytes_max);
	if (repair_feed(draft->repair, run, &repaired))
		take(draft, buf_str(&repaired));
	else
		draft->failed = true;
}

void draft_end(struct draft *draft)
{
	CLEANUP(cleanup_buf) struct buf repaired = { 0 };

	draft->ended = true;
	if (!draft->repair || draft->failed)
		return;
	buf_init(&repaired, draft->body.bytes_max);
	if (repair_end(draft->repair, &repaired))
		take(draft, buf_str(&repaired));
	else
		draft->failed = true;
}

bool draft_wants_file(const struct draft *draft)
{
	return !draft->failed && draft->fd == -1 && draft->body.len > draft->inline_bytes_max;
}

void draft_take_file(struct draft *draft, uint64_t body_file, int fd)
{
	draft->body_file = body_file;
	draft->fd = fd;
	draft->checksum = XXH3_createState();
	if (!draft->checksum || XXH3_128bits_reset(draft->checksum) != XXH_OK)
		draft->failed = true;
	else
		write_out(draft);
}

bool draft_finish(struct draft *draft, unsigned char ret_checksum[ASK_CHECKSUM_BYTES])
{
	XXH128_hash_t hash;

	if (draft->failed)
		return false;
	if (draft->fd == -1) {
		hash = XXH3_128bits(draft->body.ptr, draft->body.len);
	} else {
		write_out(draft);
		hash = XXH3_128bits_digest(draft->checksum);
	}
	XXH128_canonicalFromHash((XXH128_canonical_t *)ret_checksum, hash);
	return !draft->failed;
}
