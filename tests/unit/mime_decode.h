/* mime_decode: what each part of a message decodes to, by a reader that shares nothing with src/wire/requote: the whole in memory, from the top down. */
#ifndef TESTS_MIME_DECODE_H
#define TESTS_MIME_DECODE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/buf.h"

static void decode_add(struct buf *out, const char *bytes, size_t len)
{
	if (!buf_add(out, (struct str){ bytes, len }))
		abort();
}

/* The value of a field, unfolded, in `value`; "": it has none. */
static void decode_field(struct str head, const char *name, size_t size, char *value)
{
	size_t name_len = strlen(name);

	value[0] = '\0';
	for (size_t at = 0; at < head.len; at += str_find(str_skip(head, at), '\n') + 1) {
		size_t len = 0;

		if (head.len - at <= name_len || strncasecmp(head.ptr + at, name, name_len) != 0 || head.ptr[at + name_len] != ':')
			continue;
		for (size_t i = at + name_len + 1; i < head.len && len + 1 < size; i++) {
			if (head.ptr[i] == '\n' && (i + 1 == head.len || (head.ptr[i + 1] != ' ' && head.ptr[i + 1] != '\t')))
				break;
			if (head.ptr[i] != '\r' && head.ptr[i] != '\n' && head.ptr[i] != '\0' && (len > 0 || (head.ptr[i] != ' ' && head.ptr[i] != '\t')))
				value[len++] = head.ptr[i];
		}
		while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
			len--;
		value[len] = '\0';
		return;
	}
}

static int decode_digit(char byte)
{
	const char *digits = "0123456789ABCDEF0123456789abcdef";
	const char *at = byte ? strchr(digits, byte) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

static void decode_quoted(struct str body, struct buf *out)
{
	while (body.len > 0) {
		size_t end = str_find(body, '\n');
		bool has_end = end < body.len;
		struct str line = { body.ptr, end };

		body = str_skip(body, end + 1);
		if (has_end && line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
			line.len--;
		if (line.len > 0 && line.ptr[line.len - 1] == '=') {
			line.len--;
			has_end = false;
		}
		for (size_t i = 0; i < line.len; i++) {
			bool escape = line.ptr[i] == '=' && i + 2 < line.len;
			char byte = escape ? (char)(decode_digit(line.ptr[i + 1]) * 16 + decode_digit(line.ptr[i + 2])) : line.ptr[i];

			decode_add(out, &byte, 1);
			i += escape ? 2 : 0;
		}
		if (has_end)
			decode_add(out, "\r\n", 2);
	}
}

static void decode_base64(struct str body, struct buf *out)
{
	struct buf letters;

	buf_init(&letters, body.len + 1);
	for (size_t i = 0; i < body.len; i++) {
		if (body.ptr[i] != '\r' && body.ptr[i] != '\n')
			decode_add(&letters, body.ptr + i, 1);
	}
	/* What the input had in base64 need not be good; it is compared as it is. */
	if (!base64_parse(buf_str(&letters), out))
		decode_add(out, body.ptr, body.len);
	buf_done(&letters);
}

static void decode_message(struct str message, bool in_digest, struct buf *out);

static void decode_parts(struct str body, const char *boundary, bool digest, struct buf *out)
{
	size_t len = strlen(boundary);
	size_t from = SIZE_MAX;

	for (size_t at = 0; at < body.len;) {
		struct str line = { body.ptr + at, str_find(str_skip(body, at), '\n') };
		struct str rest;

		if (line.len >= len + 2 && line.ptr[0] == '-' && line.ptr[1] == '-' && memcmp(line.ptr + 2, boundary, len) == 0) {
			rest = str_trim(str_skip(line, len + 2));
			if (rest.len == 0 || str_eq(rest, STR("--"))) {
				if (from != SIZE_MAX) /* without the line end before the boundary */
					decode_message((struct str){ body.ptr + from, at >= from + 2 ? at - 2 - from : 0 }, digest, out);
				from = rest.len == 0 ? at + line.len + 1 : SIZE_MAX;
				if (rest.len > 0)
					return;
			}
		}
		at += line.len + 1;
	}
}

/* The value of the parameter "boundary" of an unfolded field. */
static void decode_boundary(const char *type, size_t size, char *boundary)
{
	const char *at = strchr(type, ';');
	size_t len = 0;

	boundary[0] = '\0';
	while (at && len == 0) {
		bool quoted = false;
		const char *name = at + 1 + strspn(at + 1, " \t");
		bool fits = strncasecmp(name, "boundary", 8) == 0 && name[8 + strspn(name + 8, " \t")] == '=';

		for (at = name; *at && (quoted || *at != ';'); at++) {
			if (*at == '"')
				quoted = !quoted;
			else if (*at == '\\' && quoted && at[1])
				at++;
		}
		if (fits) {
			const char *value = strchr(name, '=') + 1;
			const char *end = at;

			value += strspn(value, " \t");
			if (*value == '"')
				end = value + 1 + strcspn(value + 1, "\"");
			value += *value == '"';
			for (; value < end && len + 1 < size; value++)
				boundary[len++] = *value;
			while (len > 0 && (boundary[len - 1] == ' ' || boundary[len - 1] == '\t'))
				len--;
			boundary[len] = '\0';
		}
		at = *at ? at : NULL;
	}
}

/* Each part as "<bytes>". A part without a body lacks its empty line's end, which was taken for the boundary's. */
static void decode_message(struct str message, bool in_digest, struct buf *out)
{
	char type[70000], encoding[256], boundary[256], media[256];
	struct str head = message;
	size_t at = 0;

	while (at < message.len && message.ptr[at] != '\r')
		at += str_find(str_skip(message, at), '\n') + 1;
	at = at < message.len ? at : message.len;
	head.len = at;
	message = str_skip(message, at + 2);
	decode_field(head, "Content-Type", sizeof(type), type);
	decode_field(head, "Content-Transfer-Encoding", sizeof(encoding), encoding);
	decode_boundary(type, sizeof(boundary), boundary);
	type[strcspn(type, ";")] = '\0';
	if (!str_copy(str_trim(str_of(type)), sizeof(media), media))
		memcpy(media, type, sizeof(media) - 1);
	media[sizeof(media) - 1] = '\0';
	if (media[0] == '\0')
		(void)str_copy(in_digest ? STR("message/rfc822") : STR("text/plain"), sizeof(media), media);
	if (strncasecmp(media, "multipart/", 10) == 0 && strcasecmp(media, "multipart/signed") != 0 &&
	    strcasecmp(media, "multipart/encrypted") != 0 && boundary[0]) {
		decode_parts(message, boundary, strcasecmp(media, "multipart/digest") == 0, out);
		return;
	}
	decode_add(out, "<", 1);
	if (strncasecmp(media, "message/", 8) == 0)
		decode_add(out, message.ptr, message.len);
	else if (strcasecmp(encoding, "quoted-printable") == 0)
		decode_quoted(message, out);
	else if (strcasecmp(encoding, "base64") == 0)
		decode_base64(message, out);
	else
		decode_add(out, message.ptr, message.len);
	decode_add(out, ">", 1);
}

#endif
