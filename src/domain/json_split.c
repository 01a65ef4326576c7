#include "domain/json_split.h"

#include <string.h>

#include "base/say.h"

#define DEPTH_MAX 64

/* Where a scan ended, and why it is no good. */
struct scan {
	struct str input;
	bool at_end;
	size_t at;
	const char *why;
};

static enum json_cut bad(struct scan *scan, const char *why)
{
	scan->why = why;
	return JSON_CUT_BAD;
}

static enum json_cut cut_short(struct scan *scan)
{
	return scan->at_end ? bad(scan, N_("it ends in the middle of a record")) : JSON_CUT_MORE;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->input.len && is_blank(scan->input.ptr[scan->at]))
		scan->at++;
}

/* From the quote at scan->at to behind the closing one. A line end within is an error: the record was cut off there. */
static enum json_cut scan_string(struct scan *scan)
{
	size_t at = scan->at + 1;

	for (; at < scan->input.len; at++) {
		char byte = scan->input.ptr[at];

		if (byte == '"') {
			scan->at = at + 1;
			return JSON_CUT_OBJECT;
		}
		if (byte == '\n') {
			scan->at = at;
			return bad(scan, N_("a text is cut off by the end of the line"));
		}
		at += byte == '\\';
	}
	return cut_short(scan);
}

/* One open bracket a bit: 1 for an array. */
struct nest {
	uint64_t arrays;
	unsigned depth;
};

static bool in_array(const struct nest *nest)
{
	return nest->arrays & 1;
}

/* An object within an object stands behind a colon, within an array behind its bracket or a comma: any other is the next record,
 * and the one before it was cut off. */
static bool may_open(const struct nest *nest, char before)
{
	return nest->depth == 0 || before == ':' || (in_array(nest) && (before == '[' || before == ','));
}

static enum json_cut scan_bracket(struct scan *scan, struct nest *nest, char byte, char before)
{
	bool array = byte == '[' || byte == ']';

	if (byte == '{' || byte == '[') {
		if (!may_open(nest, before))
			return bad(scan, N_("it is cut off: another record begins within it"));
		if (nest->depth == DEPTH_MAX) {
			scan->at++; /* no record begins here */
			return bad(scan, N_("it is nested too deeply"));
		}
		nest->arrays = nest->arrays << 1 | array;
		nest->depth++;
		return JSON_CUT_OBJECT;
	}
	if (in_array(nest) != array)
		return bad(scan, N_("a bracket is closed that was not opened"));
	nest->arrays >>= 1;
	nest->depth--;
	return JSON_CUT_OBJECT;
}

/* From the bracket at scan->at to behind the one that closes it. */
static enum json_cut scan_nested(struct scan *scan)
{
	struct nest nest = { 0 };
	char before = '\0';

	do {
		enum json_cut cut = JSON_CUT_OBJECT;
		char byte;

		if (scan->at >= scan->input.len)
			return cut_short(scan);
		byte = scan->input.ptr[scan->at];
		if (byte == '"') {
			cut = scan_string(scan);
		} else {
			if (byte == '{' || byte == '}' || byte == '[' || byte == ']')
				cut = scan_bracket(scan, &nest, byte, before);
			scan->at += cut == JSON_CUT_OBJECT;
		}
		if (cut != JSON_CUT_OBJECT)
			return cut;
		before = is_blank(byte) ? before : byte;
	} while (nest.depth > 0);
	return JSON_CUT_OBJECT;
}

static enum json_cut scan_value(struct scan *scan)
{
	if (scan->at >= scan->input.len)
		return cut_short(scan);
	if (scan->input.ptr[scan->at] == '"')
		return scan_string(scan);
	if (scan->input.ptr[scan->at] == '{' || scan->input.ptr[scan->at] == '[')
		return scan_nested(scan);
	while (scan->at < scan->input.len && !memchr(",}]\n", scan->input.ptr[scan->at], 4))
		scan->at++;
	return scan->at < scan->input.len ? JSON_CUT_OBJECT : cut_short(scan);
}

/* `"name":` with what is around it. */
static enum json_cut scan_name(struct scan *scan, struct str *ret_name)
{
	size_t start = scan->at;
	enum json_cut cut;

	if (start >= scan->input.len)
		return cut_short(scan);
	if (scan->input.ptr[start] != '"')
		return bad(scan, N_("it is no JSON"));
	cut = scan_string(scan);
	if (cut != JSON_CUT_OBJECT)
		return cut;
	*ret_name = (struct str){ scan->input.ptr + start + 1, scan->at - start - 2 };
	skip_blanks(scan);
	if (scan->at >= scan->input.len)
		return cut_short(scan);
	if (scan->input.ptr[scan->at] != ':')
		return bad(scan, N_("it is no JSON"));
	scan->at++;
	skip_blanks(scan);
	return scan->at < scan->input.len ? JSON_CUT_OBJECT : cut_short(scan);
}

static void skip_commas(struct scan *scan)
{
	while (scan->at < scan->input.len && (is_blank(scan->input.ptr[scan->at]) || scan->input.ptr[scan->at] == ','))
		scan->at++;
}

/* At a brace: is it a page, {"@odata.context":"…","value":[…]} or {"records":[…]}? Then scan->at is behind its array's bracket. */
static enum json_cut scan_page(struct scan *scan, bool *ret_page)
{
	struct str name = STR("@");
	enum json_cut cut;

	*ret_page = false;
	scan->at++;
	while (str_starts(name, STR("@"))) {
		skip_commas(scan);
		if (scan->at < scan->input.len && scan->input.ptr[scan->at] != '"')
			return JSON_CUT_OBJECT;
		cut = scan_name(scan, &name);
		if (cut == JSON_CUT_OBJECT && str_starts(name, STR("@")))
			cut = scan_value(scan);
		if (cut != JSON_CUT_OBJECT)
			return cut;
	}
	*ret_page = (str_eq(name, STR("value")) || str_eq(name, STR("records"))) && scan->input.ptr[scan->at] == '[';
	scan->at += *ret_page;
	return JSON_CUT_OBJECT;
}

/* The rest of a page behind its array, up to its brace. */
static enum json_cut scan_tail(struct json_split *split, struct scan *scan)
{
	struct str name;
	enum json_cut cut;

	skip_commas(scan);
	if (scan->at < scan->input.len && scan->input.ptr[scan->at] == '}') {
		split->in_tail = false;
		scan->at++;
		return JSON_CUT_SKIP;
	}
	cut = scan_name(scan, &name);
	if (cut == JSON_CUT_OBJECT)
		cut = scan_value(scan);
	return cut == JSON_CUT_OBJECT ? JSON_CUT_SKIP : cut;
}

static enum json_cut scan_object(struct json_split *split, struct scan *scan, struct str *ret_object)
{
	bool page = false;
	enum json_cut cut = JSON_CUT_OBJECT;

	if (!split->in_page)
		cut = scan_page(scan, &page);
	if (cut == JSON_CUT_OBJECT && page) {
		split->in_page = true;
		return JSON_CUT_SKIP;
	}
	if (cut == JSON_CUT_OBJECT) {
		scan->at = 0;
		cut = scan_nested(scan);
	}
	*ret_object = (struct str){ scan->input.ptr, scan->at };
	return cut;
}

/* What may stand between objects. */
static bool is_between(const struct json_split *split, char byte)
{
	return is_blank(byte) || byte == ',' || byte == '\x1e' || (!split->in_page && (byte == '[' || byte == ']'));
}

/* Where to go on behind something bad: at the record that begins where it stopped, else on the next line. */
static size_t next_start(const struct scan *scan)
{
	struct str rest;

	if (scan->at > 0 && scan->at < scan->input.len && scan->input.ptr[scan->at] == '{')
		return scan->at;
	rest = str_skip(scan->input, scan->at);
	return scan->at + str_find(rest, '\n') + (str_find(rest, '\n') < rest.len);
}

enum json_cut json_split_next(struct json_split *split, struct str input, bool at_end, struct str *ret_object, size_t *ret_used,
			      const char **ret_why)
{
	struct scan scan = { .input = input, .at_end = at_end };
	enum json_cut cut;

	while (scan.at < input.len && is_between(split, input.ptr[scan.at]))
		scan.at++;
	*ret_used = scan.at;
	if (scan.at > 0 || input.len == 0) /* alone, so that who counts lines knows where what follows begins */
		return scan.at > 0 ? JSON_CUT_SKIP : JSON_CUT_MORE;
	if (split->in_tail) {
		cut = scan_tail(split, &scan);
	} else if (split->in_page && input.ptr[0] == ']') {
		*split = (struct json_split){ .in_tail = true };
		scan.at++;
		cut = JSON_CUT_SKIP;
	} else if (input.ptr[0] == '{') {
		cut = scan_object(split, &scan, ret_object);
	} else {
		cut = bad(&scan, N_("it is no JSON"));
	}
	if (cut == JSON_CUT_OBJECT || cut == JSON_CUT_SKIP)
		*ret_used = scan.at;
	if (cut != JSON_CUT_BAD)
		return cut;
	*ret_used = next_start(&scan);
	if (*ret_used == input.len && input.ptr[input.len - 1] != '\n' && !at_end) /* where the line ends is not known yet */
		return JSON_CUT_MORE;
	split->in_tail = false;
	*ret_why = scan.why;
	return JSON_CUT_BAD;
}
