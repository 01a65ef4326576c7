#include "wire/graph_mime.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/header.h"

#define ADDRESSES_MAX 100000 /* in one field: more than its ceiling holds */

struct graph_mime_wanted {
	char *address; /* lower case */
	char *given;   /* as in the envelope */
	bool named;
};

/* The fields that name recipients. `counts`: Graph is known to mail to them, so that who is named there needs no Bcc.
 * `kept_as`: where the field goes that named others; a hidden one goes nowhere. To add a field: a row. */
static const struct rule {
	const char *name, *kept_as, *when_empty;
	bool counts;
} rules[] = {
	{ "To", "X-Sekisho-Original-To", "To: undisclosed-recipients:;\r\n", true },
	{ "Cc", "X-Sekisho-Original-Cc", "", true },
	{ "Bcc", NULL, "", true },
	{ "Resent-To", "X-Sekisho-Original-Resent-To", "", false },
	{ "Resent-Cc", "X-Sekisho-Original-Resent-Cc", "", false },
	{ "Resent-Bcc", NULL, "", false },
};

/* One field, or a line that is none. */
struct field {
	struct str whole; /* with its line ends */
	struct str value; /* behind the colon, folded as it came */
	const struct rule *rule;
	bool is_field;
};

bool graph_mime_init(struct graph_mime *mime, size_t recipients_max)
{
	*mime = (struct graph_mime){ .wanted_max = recipients_max };
	buf_init(&mime->raw, GRAPH_MIME_HEAD_MAX);
	table_init(&mime->by_address);
	mime->wanted = calloc(recipients_max ? recipients_max : 1, sizeof(*mime->wanted));
	return mime->wanted != NULL;
}

void graph_mime_done(struct graph_mime *mime)
{
	for (size_t i = 0; i < mime->wanted_count; i++) {
		free(mime->wanted[i].address);
		free(mime->wanted[i].given);
	}
	free(mime->wanted);
	table_done(&mime->by_address);
	buf_done(&mime->raw);
	*mime = (struct graph_mime){ 0 };
}

bool graph_mime_recipient(struct graph_mime *mime, struct str address)
{
	struct graph_mime_wanted *wanted = &mime->wanted[mime->wanted_count];

	if (mime->wanted_count == mime->wanted_max)
		return false;
	mime->wanted_count++;
	wanted->address = str_dup_lower(address);
	wanted->given = str_dup(address);
	if (!wanted->address || !wanted->given)
		return false;
	return table_find(&mime->by_address, str_of(wanted->address)) ||
	       table_put(&mime->by_address, str_of(wanted->address), wanted);
}

/* --- where it ends --- */

/* The empty line that ends the section, CRLF or LF; with its line end. 0: not yet. */
static size_t end_of(struct graph_mime *mime)
{
	struct str raw = buf_str(&mime->raw);

	for (size_t at = mime->scanned; at < raw.len; at++) {
		bool starts_line = at == 0 || raw.ptr[at - 1] == '\n';

		if (!starts_line)
			continue;
		if (raw.ptr[at] == '\n')
			return at + 1;
		if (raw.ptr[at] == '\r' && at + 1 == raw.len) {
			mime->scanned = at;
			return 0;
		}
		if (raw.ptr[at] == '\r' && raw.ptr[at + 1] == '\n')
			return at + 2;
	}
	mime->scanned = raw.len;
	return 0;
}

enum parse graph_mime_feed(struct graph_mime *mime, struct str run, size_t *ret_used)
{
	size_t before = mime->raw.len;
	size_t room = GRAPH_MIME_HEAD_MAX - before;
	size_t end;

	if (mime->ended) {
		*ret_used = 0;
		return PARSE_OK;
	}
	if (!buf_add(&mime->raw, (struct str){ run.ptr, run.len < room ? run.len : room }))
		return PARSE_BAD;
	end = end_of(mime);
	if (end == 0)
		return run.len > room ? PARSE_BAD : PARSE_MORE;
	mime->ended = true;
	mime->raw.len = end;
	*ret_used = end - before;
	return PARSE_OK;
}

/* --- its fields --- */

static struct str cut_line(struct str *rest)
{
	const char *newline = memchr(rest->ptr, '\n', rest->len);
	struct str line = { rest->ptr, newline ? (size_t)(newline - rest->ptr) + 1 : rest->len };

	*rest = str_skip(*rest, line.len);
	return line;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static const struct rule *rule_of(struct str name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (str_eq_nocase(name, str_of(rules[i].name)))
			return &rules[i];
	}
	return NULL;
}

/* A line and those that go on with it. */
static struct field cut_field(struct str *rest)
{
	struct field field = { .whole = cut_line(rest) };
	size_t colon = str_find(field.whole, ':');

	while (rest->len > 0 && is_blank(rest->ptr[0]))
		field.whole.len += cut_line(rest).len;
	field.is_field = colon > 0 && colon < field.whole.len && !is_blank(field.whole.ptr[0]);
	if (!field.is_field)
		return field;
	field.value = str_skip(field.whole, colon + 1);
	field.rule = rule_of(str_trim((struct str){ field.whole.ptr, colon }));
	return field;
}

/* "undisclosed-recipients:;": nobody is named, and nothing there could be taken for a name. */
static bool names_nobody(struct str value)
{
	size_t colon;

	value = str_trim(value);
	colon = str_find(value, ':');
	if (value.len == 0)
		return true;
	if (value.ptr[value.len - 1] != ';' || str_find(value, '@') < value.len || str_find(value, ',') < value.len)
		return false;
	value.len--;
	return colon < value.len && str_trim(str_skip(value, colon + 1)).len == 0;
}

/* Whom the field names, parted by '\n'. False: it cannot be read for certain. */
static bool named_in(const struct field *field, struct buf *addresses)
{
	buf_init(addresses, field->value.len + 1);
	return names_nobody(field->value) || header_addresses_parse(field->value, ADDRESSES_MAX, addresses);
}

static struct graph_mime_wanted *wanted_find(const struct graph_mime *mime, struct str address)
{
	char *lower = str_dup_lower(address);
	struct graph_mime_wanted *wanted = lower ? table_find(&mime->by_address, str_of(lower)) : NULL;

	free(lower);
	return wanted;
}

/* --- what is sent --- */

/* Each recipient of the envelope that the field names; true when it names nobody else. */
static bool look_at(struct graph_mime *mime, const struct field *field, bool trusted, struct graph_mime_outcome *outcome)
{
	CLEANUP(buf_done) struct buf addresses = { 0 };
	bool clean = named_in(field, &addresses);
	struct str rest = buf_str(&addresses);

	while (rest.len > 0) {
		struct str one = str_cut(&rest, '\n');
		struct graph_mime_wanted *wanted = wanted_find(mime, one);

		if (wanted && field->rule->counts && trusted)
			wanted->named = true;
		if (wanted)
			continue;
		clean = false;
		if (outcome->name[0] == '\0')
			(void)str_copy(one, sizeof(outcome->name), outcome->name);
	}
	return clean;
}

static bool print_list(struct buf *out, const char *name, const struct graph_mime *mime, struct str addresses, bool *ret_any)
{
	bool good = true;

	*ret_any = false;
	while (good && addresses.len > 0) {
		struct str one = str_cut(&addresses, '\n');

		if (!wanted_find(mime, one))
			continue;
		good = (*ret_any ? buf_add(out, STR(",\r\n <")) : buf_add_format(out, "%s: <", name)) && buf_add(out, one) &&
		       buf_add_byte(out, '>');
		*ret_any = true;
	}
	return good && (!*ret_any || buf_add(out, STR("\r\n")));
}

static bool print_changed(struct buf *out, const struct graph_mime *mime, const struct field *field)
{
	CLEANUP(buf_done) struct buf addresses = { 0 };
	bool any = false;

	if (named_in(field, &addresses) && !print_list(out, field->rule->name, mime, buf_str(&addresses), &any))
		return false;
	if (!any && !buf_add(out, str_of(field->rule->when_empty)))
		return false;
	return !field->rule->kept_as ||
	       (buf_add(out, str_of(field->rule->kept_as)) && buf_add_byte(out, ':') && buf_add(out, field->value) &&
		(field->value.ptr[field->value.len - 1] == '\n' || buf_add(out, STR("\r\n"))));
}

static bool print_missing(struct buf *out, const struct graph_mime *mime, struct graph_mime_outcome *outcome)
{
	bool good = true;

	for (size_t i = 0; good && i < mime->wanted_count; i++) {
		const struct graph_mime_wanted *wanted = &mime->wanted[i];

		/* Twice in the envelope is once here: only the first is in the table. */
		if (wanted->named || table_find(&mime->by_address, str_of(wanted->address)) != wanted)
			continue;
		good = buf_add(out, outcome->added++ ? STR(",\r\n <") : STR("Bcc: <")) && buf_add(out, str_of(wanted->given)) &&
		       buf_add_byte(out, '>');
	}
	good = good && (outcome->added == 0 || buf_add(out, STR("\r\n")));
	/* A message that begins in the middle of a field must not go on with ours. */
	if (good && outcome->added > 0 && mime->raw.len > 0 && is_blank(mime->raw.ptr[0]))
		good = buf_add(out, STR("X-Sekisho-Original:\r\n"));
	return good;
}

bool graph_mime_print(struct graph_mime *mime, struct buf *out, struct graph_mime_outcome *ret_outcome)
{
	struct graph_mime_outcome outcome = { 0 };
	struct str rest = buf_str(&mime->raw);
	bool trusted = true;

	while (rest.len > 0) {
		struct field field = cut_field(&rest);

		/* Behind a line that is no field, some readers see fields, and others the body: whom such a field names gets a Bcc as
		 * well, and others are taken out of it none the less. */
		trusted = trusted && (field.is_field || rest.len == 0);
		if (field.rule)
			(void)look_at(mime, &field, trusted, &outcome);
	}
	if (!print_missing(out, mime, &outcome))
		return false;
	rest = buf_str(&mime->raw);
	while (rest.len > 0) {
		struct field field = cut_field(&rest);
		bool clean = !field.rule || look_at(mime, &field, false, &outcome);

		outcome.foreign += clean ? 0 : 1;
		if (clean ? !buf_add(out, field.whole) : !print_changed(out, mime, &field))
			return false;
	}
	*ret_outcome = outcome;
	return true;
}
