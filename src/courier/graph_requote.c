#include "courier/graph_requote.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "courier/graph_source.h"
#include "wire/requote.h"

#define RUN_BYTES 65536
#define OUT_BYTES_MAX (4u * RUN_BYTES)
#define NO_ROOM "no room on the disk to write quoted-printable anew"

void graph_requoted_done(struct graph_requoted *requoted)
{
	buf_done(&requoted->head);
	if (requoted->fd != -1)
		(void)close(requoted->fd);
	requoted->fd = -1;
}

bool graph_requote_is_worth(struct str head)
{
	struct requote requote;
	struct buf new_head;
	bool worth;

	buf_init(&new_head, head.len + 1);
	worth = requote_init(&requote, head, &new_head);
	requote_done(&requote);
	buf_done(&new_head);
	return worth;
}

/* Base64 takes half as much again at most; who cannot be asked is taken to have room: the write itself will tell. */
static bool has_room(int fd, uint64_t bytes, uint64_t free_bytes_min)
{
	struct statvfs about;

	return fstatvfs(fd, &about) == -1 || (uint64_t)about.f_bavail * about.f_frsize > bytes + bytes / 2 + free_bytes_min;
}

/* NULL: goes on, or ends by the verdict. */
static const char *pass(struct requote *requote, const struct courier_job *job, uint64_t at, struct buf *out, struct graph_requoted *requoted)
{
	char bytes[RUN_BYTES];
	bool good = true;

	while (good) {
		ssize_t got = graph_body_read(job, at, bytes, sizeof(bytes));

		if (got < 0 || (got == 0 && at < job->size_bytes))
			return "the body could not be read";
		good = got > 0 ? requote_feed(requote, (struct str){ bytes, (size_t)got }, out) : requote_end(requote, out);
		if (good && file_write(requoted->fd, buf_str(out)) == -1)
			return NO_ROOM;
		at += (uint64_t)got;
		requoted->bytes += out->len;
		buf_clear(out);
		if (got == 0)
			break;
	}
	return requote->verdict == REQUOTE_NO_MEMORY ? "out of memory to write quoted-printable anew" : NULL;
}

const char *graph_requote(const struct courier_job *job, struct str head, uint64_t from, const char *state, uint64_t free_bytes_min,
			  struct graph_requoted *ret_requoted)
{
	struct requote requote;
	struct buf out;
	const char *why = NULL;

	*ret_requoted = (struct graph_requoted){ .fd = -1 };
	buf_init(&ret_requoted->head, head.len + 1);
	buf_init(&out, OUT_BYTES_MAX);
	if (requote_init(&requote, head, &ret_requoted->head)) {
		ret_requoted->fd = file_nameless(state);
		if (ret_requoted->fd == -1 || !has_room(ret_requoted->fd, job->size_bytes, free_bytes_min))
			why = NO_ROOM;
		else
			why = pass(&requote, job, from, &out, ret_requoted);
	} else if (requote.verdict == REQUOTE_NO_MEMORY) {
		why = "out of memory to write quoted-printable anew";
	}
	if (why || requote.verdict != REQUOTE_GOOD || requote.parts == 0)
		graph_requoted_done(ret_requoted);
	requote_done(&requote);
	buf_done(&out);
	return why;
}
