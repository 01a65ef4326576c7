#include "wire/repair_private.h"

#define LINE_BYTES_MAX 1024
#define QUOTED_COLUMNS 76 /* RFC 2045, 6.7 (5) */

void repair_body_init(struct repair_body *body, enum repair_body_mode mode, bool drop_nul)
{
	*body = (struct repair_body){ .mode = mode, .drop_nul = drop_nul };
	buf_init(&body->line, LINE_BYTES_MAX);
}

void repair_body_done(struct repair_body *body)
{
	buf_done(&body->line);
}

/* How much of a text of more than REPAIR_LINE_MAX bytes goes into this line: behind the last blank of its second half, else
 * all that fits; never half a UTF-8 character, nor (SOFT) half a =XX. */
static size_t wrap_at(const struct repair_body *body, struct str text)
{
	size_t at = REPAIR_LINE_MAX;

	if (body->mode == REPAIR_BODY_SOFT) {
		at--; /* for the = */
		return text.ptr[at - 1] == '=' ? at - 1 : text.ptr[at - 2] == '=' ? at - 2 : at;
	}
	for (size_t i = at; i > REPAIR_LINE_MAX / 2; i--) {
		if (repair_is_blank(text.ptr[i - 1]))
			return i;
	}
	while (at > REPAIR_LINE_MAX - 4 && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
		at--;
	return at;
}

/* A whole line, or as much as is known to be longer than one may be; what stays is held. */
static bool wrap(struct repair_body *body, struct str text, struct buf *out)
{
	bool ended = text.len >= 2 && text.ptr[text.len - 1] == '\n';

	for (;;) {
		size_t len = ended ? text.len - 2 : text.len;
		size_t at;

		/* The last two bytes of what goes on may be its line end. */
		if (ended ? len <= REPAIR_LINE_MAX : len <= REPAIR_LINE_MAX + 2)
			break;
		at = wrap_at(body, text);
		if (!buf_add(out, (struct str){ text.ptr, at }) ||
		    !buf_add(out, body->mode == REPAIR_BODY_SOFT ? STR("=\r\n") : STR("\r\n")))
			return false;
		body->wrapped = true;
		text = str_skip(text, at);
	}
	return buf_add(ended ? out : &body->line, text);
}

static bool feed_wrap(struct repair_body *body, struct str run, struct buf *out)
{
	while (run.len > 0) {
		size_t newline = str_find(run, '\n');
		struct str piece = { run.ptr, newline < run.len ? newline + 1 : run.len };
		char held[LINE_BYTES_MAX];
		size_t have = body->line.len;

		if (have > 0) {
			/* Top up what is held until it is a line, or known to be too long. */
			if (piece.len > LINE_BYTES_MAX - have)
				piece.len = LINE_BYTES_MAX - have;
			if (!buf_add(&body->line, piece))
				return false;
			for (size_t i = 0; i < body->line.len; i++)
				held[i] = body->line.ptr[i];
			have = body->line.len;
			buf_clear(&body->line);
			if (!wrap(body, (struct str){ held, have }, out))
				return false;
		} else if (!wrap(body, piece, out)) {
			return false;
		}
		run = str_skip(run, piece.len);
	}
	return true;
}

static bool add_quoted(struct repair_body *body, char byte, bool as_is, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[] = { '=', digits[(unsigned char)byte >> 4], digits[byte & 15] };
	struct str token = as_is ? (struct str){ &byte, 1 } : (struct str){ text, 3 };

	if (body->column + token.len > QUOTED_COLUMNS - 1) {
		if (!buf_add(out, STR("=\r\n")))
			return false;
		body->column = 0;
	}
	body->column += token.len;
	return buf_add(out, token);
}

static bool feed_quoted(struct repair_body *body, struct str run, struct buf *out)
{
	for (size_t i = 0; i < run.len; i++) {
		char byte = run.ptr[i];

		if (byte == '\r') /* a LF follows: no bare CR comes here */
			continue;
		if (body->held && !add_quoted(body, body->held, byte != '\n', out))
			return false;
		body->held = 0;
		if (byte == '\n') {
			if (!buf_add(out, STR("\r\n")))
				return false;
			body->column = 0;
		} else if (repair_is_blank(byte)) {
			body->held = byte;
		} else if (!add_quoted(body, byte, byte > ' ' && byte < 0x7f && byte != '=', out)) {
			return false;
		}
	}
	return true;
}

static bool feed(struct repair_body *body, struct str run, struct buf *out)
{
	switch (body->mode) {
	case REPAIR_BODY_WRAP:
	case REPAIR_BODY_SOFT:
		return feed_wrap(body, run, out);
	case REPAIR_BODY_QUOTED:
		return feed_quoted(body, run, out);
	case REPAIR_BODY_AS_IS:
		break;
	}
	return buf_add(out, run);
}

bool repair_body_feed(struct repair_body *body, struct str run, struct buf *out)
{
	while (body->drop_nul && run.len > 0) {
		size_t nul = str_find(run, '\0');

		if (nul == run.len)
			break;
		body->dropped_nul = true;
		if (!feed(body, (struct str){ run.ptr, nul }, out))
			return false;
		run = str_skip(run, nul + 1);
	}
	return feed(body, run, out);
}

bool repair_body_end(struct repair_body *body, struct buf *out)
{
	struct str line = buf_str(&body->line);

	if (body->held && !add_quoted(body, body->held, false, out))
		return false;
	body->held = 0;
	if (line.len > REPAIR_LINE_MAX && line.ptr[line.len - 1] != '\r') {
		size_t at = wrap_at(body, line);

		if (!buf_add(out, (struct str){ line.ptr, at }) ||
		    !buf_add(out, body->mode == REPAIR_BODY_SOFT ? STR("=\r\n") : STR("\r\n")))
			return false;
		line = str_skip(line, at);
	}
	return buf_add(out, line);
}
