#include "wire/smtp_body.h"

#include <string.h>

enum {
	LINE_START, /* the first byte, or the raw bytes before were CRLF */
	LINE_INSIDE,
	CR_PENDING, /* out only: a CR ended the last text */
};

/* Looking for one of two bytes in runs of this many keeps a text of nothing but bare newlines from costing its square. */
#define LOOK_BYTES 512

/* The first CR or LF at or after `at`; `end` when there is none. */
static const char *next_newline(const char *at, const char *end)
{
	while (at < end) {
		size_t len = (size_t)(end - at) < LOOK_BYTES ? (size_t)(end - at) : LOOK_BYTES;
		const char *lf = memchr(at, '\n', len);
		size_t until_lf = lf ? (size_t)(lf - at) : len;
		const char *cr = memchr(at, '\r', until_lf);

		if (cr || lf)
			return cr ? cr : lf;
		at += len;
	}
	return end;
}

void smtp_body_in_init(struct smtp_body_in *body, enum smtp_bare_newline bare_newline)
{
	*body = (struct smtp_body_in){ .bare_newline = bare_newline, .state = LINE_START };
}

static size_t take(struct smtp_body_in *body, size_t used, unsigned next)
{
	body->raw_bytes += used;
	body->state = next;
	return used;
}

/*
 * `input` starts with a bare newline, or with a CR that may be one. CR CR LF, which some devices write, is one line end:
 * as two it would end a header section early. Longer runs of CR are not, so that three bytes always decide.
 */
static size_t feed_bare(struct smtp_body_in *body, struct str input, struct str *ret_run)
{
	bool two = input.len >= 2 && input.ptr[0] == '\r' && input.ptr[1] == '\r';

	if (input.ptr[0] == '\r' && (input.len == 1 || (two && input.len == 2)))
		return 0;
	*ret_run = STR("\r\n");
	body->bare_newlines++;
	if (two && input.ptr[2] == '\n')
		return take(body, 3, LINE_START);
	return take(body, 1, LINE_INSIDE);
}

/*
 * A dot is stuffing, or the message's end, only behind a CRLF of the raw bytes. With a bare newline behind it the line
 * would become a lone dot by repair alone: then the dot is text. Answers how many bytes to drop; *ret_ready: decided.
 */
static size_t dot_bytes(struct str input, bool *ret_ready, bool *ret_end)
{
	*ret_ready = input.len >= 2 && (input.ptr[1] != '\r' || input.len >= 3);
	*ret_end = *ret_ready && input.ptr[1] == '\r' && input.ptr[2] == '\n';
	if (*ret_end)
		return 3;
	return *ret_ready && input.ptr[1] != '\r' && input.ptr[1] != '\n' ? 1 : 0;
}

size_t smtp_body_in_feed(struct smtp_body_in *body, struct str input, struct str *ret_run, bool *ret_end)
{
	const char *end = input.ptr + input.len;
	const char *start = input.ptr;
	const char *at = start;
	bool ready;

	*ret_run = STR("");
	*ret_end = false;
	if (input.len == 0)
		return 0;
	if (body->state == LINE_START && *at == '.') {
		start += dot_bytes(input, &ready, ret_end);
		if (!ready || *ret_end)
			return take(body, ready ? 3 : 0, LINE_START);
		at++;
	}
	for (;;) {
		at = next_newline(at, end);
		if (at == end) {
			*ret_run = (struct str){ start, (size_t)(end - start) };
			return take(body, input.len, LINE_INSIDE);
		}
		if (*at == '\n' || at + 1 == end || at[1] != '\n')
			break;
		at += 2;
		if (at == end || *at == '.') {
			*ret_run = (struct str){ start, (size_t)(at - start) };
			return take(body, (size_t)(at - input.ptr), LINE_START);
		}
	}
	if (at == input.ptr)
		return feed_bare(body, input, ret_run);
	*ret_run = (struct str){ start, (size_t)(at - start) };
	return take(body, (size_t)(at - input.ptr), LINE_INSIDE);
}

void smtp_body_out_init(struct smtp_body_out *body)
{
	body->state = LINE_START;
}

/* One line of `text`, or what there is of it, to `out`; *state is the state behind it. */
static bool add_line(struct str *text, unsigned *state, struct buf *out)
{
	const char *end = text->ptr + text->len;
	const char *newline = next_newline(text->ptr, end);
	struct str line = { text->ptr, (size_t)(newline - text->ptr) };

	if (*state == LINE_START && text->ptr[0] == '.' && !buf_add_byte(out, '.'))
		return false;
	*text = str_skip(*text, line.len);
	if (newline == end) {
		*state = LINE_INSIDE;
		return buf_add(out, line);
	}
	*state = *newline == '\r' ? CR_PENDING : LINE_START;
	*text = str_skip(*text, 1);
	if (*state == CR_PENDING && text->len > 0) {
		*state = LINE_START;
		if (text->ptr[0] == '\n') {
			*text = str_skip(*text, 1);
			return buf_add(out, (struct str){ line.ptr, line.len + 2 });
		}
	}
	return buf_add(out, line) && (*state == CR_PENDING || buf_add(out, STR("\r\n")));
}

bool smtp_body_out_add(struct smtp_body_out *body, struct str text, struct buf *out)
{
	size_t before = out->len;
	unsigned state = body->state;
	bool fits = true;

	if (state == CR_PENDING && text.len > 0) {
		fits = buf_add(out, STR("\r\n"));
		state = LINE_START;
		if (text.ptr[0] == '\n')
			text = str_skip(text, 1);
	}
	while (fits && text.len > 0)
		fits = add_line(&text, &state, out);
	if (fits)
		body->state = state;
	else
		out->len = before;
	return fits;
}

bool smtp_body_out_end(struct smtp_body_out *body, struct buf *out)
{
	return buf_add(out, body->state == LINE_START ? STR(".\r\n") : STR("\r\n.\r\n"));
}
