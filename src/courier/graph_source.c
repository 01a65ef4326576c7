#include "courier/graph_source.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"

#define RUN_BYTES 12288 /* a multiple of 3: its base64 has no padding but at the end of all */

uint64_t graph_source_bytes(const struct graph_source *source)
{
	return source->head.len + (source->job->size_bytes - source->body_from);
}

uint64_t graph_source_base64_bytes(const struct graph_source *source)
{
	return (graph_source_bytes(source) + 2) / 3 * 4;
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
	size_t from_head = 0;
	ssize_t from_body;

	if (offset < source->head.len) {
		from_head = source->head.len - (size_t)offset < count ? source->head.len - (size_t)offset : count;
		memcpy(into, source->head.ptr + offset, from_head);
	}
	if (from_head == count)
		return (ssize_t)count;
	from_body = graph_body_read(source->job, source->body_from + (offset + from_head - source->head.len), into + from_head,
				    count - from_head);
	return from_body < 0 ? -1 : (ssize_t)from_head + from_body;
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
