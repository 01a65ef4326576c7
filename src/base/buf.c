#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#define FIRST_BYTES 256

void buf_init(struct buf *buf, size_t bytes_max)
{
	*buf = (struct buf){ .bytes_max = bytes_max };
}

void buf_done(struct buf *buf)
{
	free(buf->ptr);
	buf_init(buf, buf->bytes_max);
}

void buf_wipe(struct buf *buf)
{
	if (buf->ptr)
		sodium_memzero(buf->ptr, buf->cap);
	buf_done(buf);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
}

char *buf_room(struct buf *buf, size_t count)
{
	size_t cap = buf->cap ? buf->cap : FIRST_BYTES;
	char *grown;

	if (count > buf->bytes_max - buf->len)
		return NULL;
	if (buf->len + count <= buf->cap)
		return buf->ptr + buf->len;
	while (cap < buf->len + count)
		cap *= 2;
	if (cap > buf->bytes_max)
		cap = buf->bytes_max;
	grown = realloc(buf->ptr, cap);
	if (!grown)
		return NULL;
	buf->ptr = grown;
	buf->cap = cap;
	return buf->ptr + buf->len;
}

void buf_grew(struct buf *buf, size_t count)
{
	assert(count <= buf->cap - buf->len);
	buf->len += count;
}

bool buf_add(struct buf *buf, struct str text)
{
	char *room;

	if (text.len == 0)
		return true;
	room = buf_room(buf, text.len);
	if (!room)
		return false;
	memcpy(room, text.ptr, text.len);
	buf->len += text.len;
	return true;
}

bool buf_add_byte(struct buf *buf, char byte)
{
	return buf_add(buf, (struct str){ &byte, 1 });
}

bool buf_add_format(struct buf *buf, const char *format, ...)
{
	va_list args;
	char *room;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return false;
	room = buf_room(buf, (size_t)len + 1);
	if (!room)
		return false;
	va_start(args, format);
	(void)vsnprintf(room, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return true;
}

void buf_eat(struct buf *buf, size_t count)
{
	assert(count <= buf->len);
	buf->len -= count;
	if (buf->len)
		memmove(buf->ptr, buf->ptr + count, buf->len);
}

struct str buf_str(const struct buf *buf)
{
	return buf->len ? (struct str){ buf->ptr, buf->len } : STR("");
}
