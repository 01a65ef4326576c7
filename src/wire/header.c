#include "wire/header.h"

#include <assert.h>
#include <string.h>

enum state {
	AT_LINE,       /* the first byte of a line */
	AT_LINE_CR,    /* a CR there: the header's end, if LF follows */
	IN_NAME,
	BEHIND_NAME,   /* "From :", blanks before the colon */
	IN_VALUE,
	STATE_COUNT
};

enum { FIELD_NONE = -1, FIELD_RECEIVED = HEADER_FIELD_COUNT };

/* To look at one more field: an enum value in header.h and a row. */
static const struct {
	const char *name;
	int field;
} fields[] = {
	{ "from", HEADER_FROM },
	{ "sender", HEADER_SENDER },
	{ "resent-from", HEADER_RESENT_FROM },
	{ "resent-sender", HEADER_RESENT_SENDER },
	{ "subject", HEADER_SUBJECT },
	{ "date", HEADER_DATE },
	{ "message-id", HEADER_MESSAGE_ID },
	{ "received", FIELD_RECEIVED },
};

void header_scan_init(struct header_scan *scan, struct str own_mark)
{
	*scan = (struct header_scan){ .own_mark = own_mark, .state = AT_LINE, .field = FIELD_NONE };
	for (int i = 0; i < HEADER_FIELD_COUNT; i++)
		buf_init(&scan->value[i], HEADER_VALUE_MAX);
}

void header_scan_done(struct header_scan *scan)
{
	for (int i = 0; i < HEADER_FIELD_COUNT; i++)
		buf_done(&scan->value[i]);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static bool has_eight_bit(struct str run)
{
	const uint64_t high = 0x8080808080808080;
	size_t at = 0;

	for (; at + 32 <= run.len; at += 32) {
		uint64_t eight[4];

		memcpy(eight, run.ptr + at, sizeof(eight));
		if ((eight[0] | eight[1] | eight[2] | eight[3]) & high)
			return true;
	}
	for (; at < run.len; at++) {
		if ((unsigned char)run.ptr[at] & 0x80)
			return true;
	}
	return false;
}

static struct buf *value_of(struct header_scan *scan)
{
	bool kept = scan->field >= 0 && scan->field < HEADER_FIELD_COUNT && scan->count[scan->field] == 1;

	return kept ? &scan->value[scan->field] : NULL;
}

#define MARK_MISSED SIZE_MAX

/* The mark is a whole word of a Received field; words do not reach over a fold, so one counter does. */
static void look_for_mark(struct header_scan *scan, struct str run)
{
	for (size_t i = 0; i < run.len; i++) {
		char byte = run.ptr[i];
		bool in_word = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
			       byte == '-' || byte == '_' || byte == '.';

		if (!in_word) {
			scan->loop_mark |= scan->mark_at > 0 && scan->mark_at == scan->own_mark.len;
			scan->mark_at = 0;
		} else if (scan->mark_at < scan->own_mark.len && byte == scan->own_mark.ptr[scan->mark_at]) {
			scan->mark_at++;
		} else {
			scan->mark_at = MARK_MISSED;
		}
	}
}

/* Each step takes what it can of `run` (never empty) and says how much; it takes nothing only where it changes state. */

static bool step_line(struct header_scan *scan, struct str run, size_t *ret_used)
{
	struct buf *value = value_of(scan);

	*ret_used = 1;
	if (is_blank(run.ptr[0]) && !scan->begun) { /* goes on from nothing: some drop the blanks */
		scan->begun = true;
		scan->state = IN_NAME;
		return true;
	}
	scan->begun = true;
	if (is_blank(run.ptr[0]) && scan->name_open) {
		scan->state = BEHIND_NAME;
		return true;
	}
	scan->name_open = false;
	if (is_blank(run.ptr[0])) { /* the field goes on: unfolding takes the line end away, not the blank */
		scan->state = IN_VALUE;
		*ret_used = 0;
		return true;
	}
	while (value && value->len > 0 && is_blank(value->ptr[value->len - 1]))
		value->len--;
	scan->field = FIELD_NONE;
	scan->name_len = 0;
	if (run.ptr[0] == '\r') {
		scan->state = AT_LINE_CR;
	} else if (run.ptr[0] == '\n') {
		scan->ended = true;
	} else {
		scan->state = IN_NAME;
		*ret_used = 0;
	}
	return true;
}

static bool step_line_cr(struct header_scan *scan, struct str run, size_t *ret_used)
{
	scan->ended = run.ptr[0] == '\n';
	scan->state = IN_VALUE; /* of no field: a line that begins with a bare CR */
	*ret_used = scan->ended ? 1 : 0;
	return true;
}

static void open_field(struct header_scan *scan)
{
	struct str name = { scan->name, scan->name_len };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (str_eq_nocase(name, str_of(fields[i].name)))
			scan->field = fields[i].field;
	}
	if (scan->field == FIELD_RECEIVED)
		scan->received++;
	else if (scan->field != FIELD_NONE)
		scan->count[scan->field]++;
	scan->mark_at = 0;
	scan->state = IN_VALUE;
}

/* A line without a colon is no field, unless the next one brings it, for who unfolds first. */
static void end_name(struct header_scan *scan)
{
	scan->state = AT_LINE;
	scan->name_open = scan->name_len > 0;
}

static bool step_name(struct header_scan *scan, struct str run, size_t *ret_used)
{
	size_t at = 0;

	for (; at < run.len && scan->state == IN_NAME; at++) {
		char byte = run.ptr[at];

		if (byte == ':')
			open_field(scan);
		else if (byte == '\n')
			end_name(scan);
		else if (is_blank(byte) && scan->name_len > 0)
			scan->state = BEHIND_NAME;
		else if (byte > ' ' && byte < 0x7f && scan->name_len < sizeof(scan->name))
			scan->name[scan->name_len++] = byte;
		/* What no name may hold is passed over, as some readers do. Longer names are none of ours: the longest has 13 bytes. */
	}
	*ret_used = at;
	return true;
}

static bool step_behind_name(struct header_scan *scan, struct str run, size_t *ret_used)
{
	*ret_used = 1;
	if (run.ptr[0] == ':') {
		open_field(scan);
	} else if (run.ptr[0] == '\n') {
		end_name(scan);
	} else if (!is_blank(run.ptr[0]) && run.ptr[0] != '\r') {
		scan->state = IN_VALUE; /* no field */
		*ret_used = 0;
	}
	return true;
}

static bool keep_value(struct header_scan *scan, struct buf *value, struct str part)
{
	size_t room;

	while (value->len == 0 && part.len > 0 && is_blank(part.ptr[0]))
		part = str_skip(part, 1);
	room = value->bytes_max - value->len;
	if (part.len > room) {
		scan->cut[scan->field] = true;
		part.len = room;
	}
	return buf_add(value, part);
}

static bool step_value(struct header_scan *scan, struct str run, size_t *ret_used)
{
	const char *newline = memchr(run.ptr, '\n', run.len);
	struct str part = { run.ptr, newline ? (size_t)(newline - run.ptr) : run.len };
	struct buf *value = value_of(scan);

	if (value && !keep_value(scan, value, part))
		return false;
	if (scan->field == FIELD_RECEIVED)
		look_for_mark(scan, newline ? (struct str){ run.ptr, part.len + 1 } : part);
	*ret_used = part.len + (newline ? 1 : 0);
	if (!newline)
		return true;
	/* The CR before it may have come with an earlier run. */
	if (value && value->len > 0 && value->ptr[value->len - 1] == '\r' && !scan->cut[scan->field])
		value->len--;
	scan->state = AT_LINE;
	return true;
}

static bool (*const steps[STATE_COUNT])(struct header_scan *scan, struct str run, size_t *ret_used) = {
	[AT_LINE] = step_line,
	[AT_LINE_CR] = step_line_cr,
	[IN_NAME] = step_name,
	[BEHIND_NAME] = step_behind_name,
	[IN_VALUE] = step_value,
};

bool header_scan_feed(struct header_scan *scan, struct str run)
{
	if (!scan->eight_bit)
		scan->eight_bit = has_eight_bit(run);
	while (run.len > 0 && !scan->ended) {
		size_t used;

		assert(scan->state < STATE_COUNT);
		if (!steps[scan->state](scan, run, &used))
			return false;
		run = str_skip(run, used);
	}
	return true;
}
