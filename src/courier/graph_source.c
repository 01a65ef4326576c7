#include "courier/graph_source.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"

#define RUN_BYTES 12288 /* a multiple of 3: its base64 has no padding but at the end of all */

void graph_source_add_text(struct graph_source *source, struct str text)
{
	assert(source->count < GRAPH_PIECES_MAX);
	if (text.len == 0)
		return;
	source->pieces[source->count++] = (struct graph_piece){ .text = text };
	source->bytes += text.len;
}

void graph_source_add_body(struct graph_source *source, uint64_t from, uint64_t to)
{
	assert(source->count < GRAPH_PIECES_MAX);
	if (from == to)
		return;
	source->pieces[source->count++] = (struct graph_piece){ .from = from, .to = to };
	source->bytes += to - from;
}

uint64_t graph_source_base64_bytes(const struct graph_source *source)
{
	return (source->bytes + 2) / 3 * 4;
}

ssize_t graph_body_read(const struct courier_job *job, uint64_t offset, char *into, size_t count)
{
	uint64_t left = offset < job->size_bytes ? job->size_bytes - offset : 0;

	if (left < count)
		count = (size_t)left;
	if (count == 0)
		return 0;
	if (job->body_fd == -1)
		memcpy(into, job->body.ptr + offset, count);
	else if (file_read_at(job->body_fd, into, count, offset) != (ssize_t)count)
		return -1;
	return (ssize_t)count;
}

ssize_t graph_source_read(const struct graph_source *source, uint64_t offset, char *into, size_t count)
{
	size_t done = 0;

	for (size_t i = 0; i < source->count && done < count; i++) {
		const struct graph_piece *piece = &source->pieces[i];
		uint64_t len = piece->text.len ? piece->text.len : piece->to - piece->from;
		size_t take;

		if (offset >= len) {
			offset -= len;
			continue;
		}
		take = len - offset < count - done ? (size_t)(len - offset) : count - done;
		if (piece->text.len > 0)
			memcpy(into + done, piece->text.ptr + offset, take);
		else if (graph_body_read(source->job, piece->from + offset, into + done, take) != (ssize_t)take)
			return -1;
		done += take;
		offset = 0;
	}
	return (ssize_t)done;
}

ssize_t graph_source_base64(const struct graph_source *source, uint64_t offset, char *into, size_t count)
{
	unsigned char raw[RUN_BYTES];
	unsigned char coded[RUN_BYTES / 3 * 4 + 1];
	size_t done = 0;

	while (done < count) {
		uint64_t group = (offset + done) / 4;
		size_t skip = (size_t)((offset + done) % 4);
		ssize_t got = graph_source_read(source, group * 3, (char *)raw, sizeof(raw));
		size_t len;

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len = (size_t)EVP_EncodeBlock(coded, raw, (int)got) - skip;
		if (len > count - done)
			len = count - done;
		memcpy(into + done, coded + skip, len);
		done += len;
	}
	return (ssize_t)done;
}

/* --- a file --- */

static bool is_letter(char byte)
{
	return byte != '\r' && byte != '\n' && byte != ' ' && byte != '\t'; /* whoever found the part saw that nothing else is there */
}

ssize_t graph_part_letters(const struct courier_job *job, const struct graph_part *part, struct graph_cursor *cursor, char *into, size_t room)
{
	char raw[RUN_BYTES];
	size_t done = 0;

	while (done < room && cursor->at < part->body_to) {
		uint64_t left = part->body_to - cursor->at;
		ssize_t got = graph_body_read(job, cursor->at, raw, left < sizeof(raw) ? (size_t)left : sizeof(raw));
		size_t used = 0;

		if (got <= 0)
			return -1;
		for (; used < (size_t)got && done < room; used++) {
			if (is_letter(raw[used]))
				into[done++] = raw[used];
		}
		cursor->at += used;
	}
	cursor->done += done;
	return (ssize_t)done;
}

ssize_t graph_part_bytes(const struct courier_job *job, const struct graph_part *part, struct graph_cursor *cursor, char *into, size_t room)
{
	char letters[RUN_BYTES / 3 * 4];
	unsigned char bytes[RUN_BYTES + 1];
	uint64_t left = part->bytes - cursor->done;
	size_t done = 0;

	if (room > left)
		room = (size_t)left;
	while (done < room) {
		size_t want = (room - done < RUN_BYTES ? room - done : RUN_BYTES);
		struct graph_cursor next = *cursor;
		size_t groups = left - done <= want ? (want + 2) / 3 : want / 3; /* only the last group may be a short one */
		ssize_t got = graph_part_letters(job, part, &next, letters, groups * 4);

		if (groups == 0)
			break; /* less than a group fits: the rest another time */
		if (got != (ssize_t)(groups * 4) || EVP_DecodeBlock(bytes, (const unsigned char *)letters, (int)got) < 0)
			return -1;
		want = groups * 3 < left - done ? groups * 3 : (size_t)(left - done);
		memcpy(into + done, bytes, want);
		done += want;
		cursor->at = next.at;
		cursor->done += want;
	}
	return done > 0 || room == 0 ? (ssize_t)done : -1;
}
