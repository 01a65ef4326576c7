#include "domain/report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "domain/json_text.h"
#include "domain/policy.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define KEY_BYTES_MAX 2048
#define DAY_CHARS 10
#define PART_BYTES_MAX 400 /* what is longer counts as one when it begins alike */

const char *const report_by_names[REPORT_BY_COUNT] = {
	[REPORT_BY_SENDER] = "sender", [REPORT_BY_DOMAIN] = "domain", [REPORT_BY_DEVICE] = "device",
	[REPORT_BY_TLS] = "tls",       [REPORT_BY_DAY] = "day",
};
static const char *const tls_names[] = {
	[REPORT_TLS_UNKNOWN] = "unknown", [REPORT_TLS_CLEAR] = "none", [REPORT_TLS_10] = "1.0",
	[REPORT_TLS_11] = "1.1",   [REPORT_TLS_12] = "1.2",     [REPORT_TLS_13] = "1.3",
};
static_assert(COUNT(tls_names) == REPORT_TLS_COUNT, "name each version");
static const struct {
	const char *id;
	const char *text; /* N_() */
} afters[] = {
	[REPORT_AFTER_WORKS] = { "works", N_("works") },
	[REPORT_AFTER_RELAYED] = { "relayed", N_("works through this gateway") },
	[REPORT_AFTER_UPSTREAM] = { "upstream", N_("works once this gateway signs in upstream by OAuth") },
	[REPORT_AFTER_REFUSED] = { "refused", N_("refused") },
};

struct line {
	struct report_row row; /* its texts are in key */
	uint64_t senders, devices, sign_ins;
	enum report_after after;
	enum report_tls version; /* by TLS */
	size_t key_len;
	char key[]; /* sender, ip, ehlo, domain … as they were, behind each other */
};

/* A sender or a device that a line has counted. */
struct seen {
	size_t len;
	char key[];
};

struct report {
	enum report_by by;
	bool upstream_basic;
	bool (*refuses)(void *context, struct str domain);
	void *context;
	struct table lines; /* by key */
	struct table seen;
};

/* --- what a record adds --- */

static enum report_tls tls_of(const struct sign_in *sign_in)
{
	for (size_t i = REPORT_TLS_10; i < COUNT(tls_names); i++) {
		if (str_eq(sign_in->tls_version, str_of(tls_names[i])))
			return (enum report_tls)i;
	}
	return sign_in->tls_version.len == 0 && str_eq(sign_in->source, STR("gateway")) ? REPORT_TLS_CLEAR : REPORT_TLS_UNKNOWN;
}

bool report_of_sign_in(const struct sign_in *sign_in, struct report_row *ret_row)
{
	if (sign_in->error_code != 0)
		return false;
	*ret_row = (struct report_row){
		.sender = sign_in->user, .protocol = sign_in->protocol, .ip = sign_in->ip, .ehlo = sign_in->ehlo, .source = sign_in->source,
		.day = sign_in->created_us / REPORT_DAY_US, .last_us = sign_in->created_us,
	};
	/* A line of the exchange admin center stands for so many messages, and tells nothing of sign-ins. */
	if (str_eq(sign_in->source, STR("eac")))
		ret_row->messages = sign_in_messages(sign_in);
	ret_row->tls[tls_of(sign_in)] = ret_row->messages ? ret_row->messages : 1;
	return true;
}

struct str report_domain(struct str address)
{
	size_t at = str_find_last(address, '@');

	return str_skip(address, at < address.len ? at + 1 : address.len);
}

bool report_of_trace(const struct trace *trace, struct report_row *ret_row)
{
	struct trace_recipient recipient;
	struct str rest = trace->recipients;
	struct str domain = report_domain(trace->account);
	bool taken = false, internal = true;

	if (trace->account.len == 0) /* a notification of ours */
		return false;
	while (trace_recipient_next(&rest, &recipient)) {
		taken = taken || recipient.state != TRACE_REFUSED;
		internal = internal && str_eq_nocase(report_domain(recipient.address), domain);
	}
	*ret_row = (struct report_row){
		.sender = trace->account, .day = trace->received_us / REPORT_DAY_US, .messages = 1, .internal = internal,
		.last_us = trace->received_us,
	};
	return taken;
}

/* --- lines --- */

bool report_by_parse(struct str name, enum report_by *ret_by)
{
	for (size_t i = 0; i < COUNT(report_by_names); i++) {
		if (str_eq_nocase(name, str_of(report_by_names[i]))) {
			*ret_by = (enum report_by)i;
			return true;
		}
	}
	return false;
}

struct report *report_new(enum report_by by, bool upstream_basic, bool (*refuses)(void *context, struct str domain), void *context)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->by = by;
	report->upstream_basic = upstream_basic;
	report->refuses = refuses;
	report->context = context;
	table_init(&report->lines);
	table_init(&report->seen);
	return report;
}

void report_free(struct report *report)
{
	size_t at = 0;
	void *one;

	if (!report)
		return;
	while ((one = table_next(&report->lines, &at)))
		free(one);
	at = 0;
	while ((one = table_next(&report->seen, &at)))
		free(one);
	table_done(&report->lines);
	table_done(&report->seen);
	free(report);
}

/* A text behind its length: no part can run into the next. */
static bool add_part(struct buf *key, struct str text)
{
	if (text.len > PART_BYTES_MAX)
		text.len = PART_BYTES_MAX;
	return buf_add_format(key, "%zu:", text.len) && buf_add(key, text);
}

static bool add_number(struct buf *key, int64_t number)
{
	return buf_add_format(key, "%lld:", (long long)number);
}

static bool key_print(enum report_by by, const struct report_row *row, enum report_tls version, struct buf *key)
{
	switch (by) {
	case REPORT_BY_SENDER:
		return add_number(key, row->protocol) && add_part(key, row->sender);
	case REPORT_BY_DOMAIN:
		return add_number(key, row->protocol) && add_part(key, report_domain(row->sender));
	case REPORT_BY_DEVICE:
		return add_number(key, row->protocol) && add_part(key, row->ip) && add_part(key, row->ehlo);
	case REPORT_BY_TLS:
		return add_number(key, version);
	case REPORT_BY_DAY:
		return add_number(key, row->day) && add_number(key, row->protocol) && add_part(key, report_domain(row->sender));
	case REPORT_BY_COUNT:
		break;
	}
	assert(false);
	return false;
}

/* What of the row this kind of line has for itself; the texts are moved behind the key. */
static struct line *line_new(const struct report_row *row, struct str key)
{
	struct line *line = calloc(1, sizeof(*line) + key.len + row->sender.len + row->ip.len + row->ehlo.len);
	char *at;

	if (!line)
		return NULL;
	memcpy(line->key, key.ptr, key.len);
	line->key_len = key.len;
	at = line->key + key.len;
	line->row = (struct report_row){ .protocol = row->protocol, .day = row->day };
	struct {
		struct str from, *to;
	} texts[] = { { row->sender, &line->row.sender }, { row->ip, &line->row.ip }, { row->ehlo, &line->row.ehlo } };
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (texts[i].from.len > 0)
			memcpy(at, texts[i].from.ptr, texts[i].from.len);
		*texts[i].to = (struct str){ at, texts[i].from.len };
		at += texts[i].from.len;
	}
	return line;
}

static struct line *line_for(struct report *report, const struct report_row *row, enum report_tls version)
{
	char room[KEY_BYTES_MAX];
	struct buf key = { .ptr = room, .cap = sizeof(room), .bytes_max = sizeof(room) };
	struct line *line;

	if (!key_print(report->by, row, version, &key))
		return NULL;
	line = table_find(&report->lines, buf_str(&key));
	if (line)
		return line;
	line = line_new(row, buf_str(&key));
	if (!line || !table_put(&report->lines, (struct str){ line->key, line->key_len }, line)) {
		free(line);
		return NULL;
	}
	line->version = version;
	return line;
}

/* Count a thing once a line. */
static bool count_once(struct report *report, const struct line *line, char kind, struct str a, struct str b, uint64_t *count)
{
	char room[KEY_BYTES_MAX];
	struct buf key = { .ptr = room, .cap = sizeof(room), .bytes_max = sizeof(room) };
	struct seen *seen;

	if (!buf_add(&key, (struct str){ (const char *)&line, sizeof(line) }) || !buf_add_byte(&key, kind) || !add_part(&key, a) ||
	    !add_part(&key, b))
		return false;
	if (table_find(&report->seen, buf_str(&key)))
		return true;
	seen = malloc(sizeof(*seen) + key.len);
	if (!seen)
		return false;
	seen->len = key.len;
	memcpy(seen->key, key.ptr, key.len);
	if (!table_put(&report->seen, (struct str){ seen->key, seen->len }, seen)) {
		free(seen);
		return false;
	}
	++*count;
	return true;
}

static enum report_after after_of(const struct report *report, const struct report_row *row)
{
	if (row->protocol != AUTH_PROTOCOL_BASIC)
		return REPORT_AFTER_WORKS;
	/* Seen at Exchange Online itself: there it ends. */
	if (!str_eq(row->source, STR("gateway")))
		return REPORT_AFTER_REFUSED;
	if (report->refuses && report->refuses(report->context, report_domain(row->sender)))
		return REPORT_AFTER_REFUSED;
	return report->upstream_basic ? REPORT_AFTER_UPSTREAM : REPORT_AFTER_RELAYED;
}

static bool add_to(struct report *report, const struct report_row *row, enum report_tls version)
{
	struct line *line = line_for(report, row, version);
	enum report_after after = after_of(report, row);

	if (!line)
		return false;
	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		line->row.tls[i] += report->by != REPORT_BY_TLS || i == version ? row->tls[i] : 0;
	if (!str_eq(row->source, STR("eac"))) {
		for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
			line->sign_ins += report->by != REPORT_BY_TLS || i == version ? row->tls[i] : 0;
	}
	line->row.messages += row->messages;
	line->row.internal += row->internal;
	if (row->last_us > line->row.last_us)
		line->row.last_us = row->last_us;
	if (after > line->after)
		line->after = after;
	/* A message of a client whose device nobody knows is no device. */
	if (report->by == REPORT_BY_DAY)
		return true; /* many lines of a few clients each: not worth their memory */
	return count_once(report, line, 's', row->sender, STR(""), &line->senders) &&
	       (row->ip.len + row->ehlo.len == 0 || count_once(report, line, 'd', row->ip, row->ehlo, &line->devices));
}

bool report_add(struct report *report, const struct report_row *row)
{
	if (report->by != REPORT_BY_TLS)
		return add_to(report, row, REPORT_TLS_UNKNOWN);
	for (size_t i = 0; i < REPORT_TLS_COUNT; i++) {
		if (row->tls[i] > 0 && !add_to(report, row, (enum report_tls)i))
			return false;
	}
	return true;
}

/* --- as JSON --- */

static uint64_t sign_ins_of(const struct report_row *row)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		sum += row->tls[i];
	return sum;
}

/* Of the sign-ins of which it is known, in tenths. */
static json_t *share_json(const struct report_row *row, enum report_tls version)
{
	uint64_t known = sign_ins_of(row) - row->tls[REPORT_TLS_UNKNOWN];

	if (known == 0)
		return json_null();
	return json_real((double)((row->tls[version] * 2000 + known) / (2 * known)) / 10);
}

static bool put_who(json_t *json, enum report_by by, const struct line *line)
{
	const struct report_row *row = &line->row;
	char day[CLOCK_RFC3339_MAX];

	switch (by) {
	case REPORT_BY_SENDER:
		return json_put(json, "senderAddress", json_text(row->sender)) &&
		       json_put(json, "domain", json_text(report_domain(row->sender)));
	case REPORT_BY_DOMAIN:
		return json_put(json, "domain", json_text(report_domain(row->sender)));
	case REPORT_BY_DEVICE:
		return json_put(json, "ipAddress", json_text(row->ip)) && json_put(json, "ehlo", json_text(row->ehlo));
	case REPORT_BY_TLS:
		return json_put(json, "tlsVersion", json_string(tls_names[line->version]));
	case REPORT_BY_DAY:
		clock_rfc3339_print(row->day * REPORT_DAY_US, day);
		return json_put(json, "day", json_stringn(day, DAY_CHARS)) && json_put(json, "domain", json_text(report_domain(row->sender)));
	case REPORT_BY_COUNT:
		break;
	}
	return false;
}

static json_t *line_json(const struct report *report, const struct line *line, enum language language)
{
	static const struct {
		const char *name;
		enum report_tls version;
	} shares[] = { { "tls10", REPORT_TLS_10 }, { "tls11", REPORT_TLS_11 }, { "tls12", REPORT_TLS_12 }, { "tls13", REPORT_TLS_13 } };
	const struct report_row *row = &line->row;
	json_t *json = json_object();
	bool good = put_who(json, report->by, line);

	if (good && report->by != REPORT_BY_TLS) {
		good = json_put(json, "authenticationProtocol", json_string(sign_in_protocol_name(row->protocol)));
		for (size_t i = 0; good && i < COUNT(shares); i++)
			good = json_put(json, shares[i].name, share_json(row, shares[i].version));
		good = good && json_put(json, "messagesSent", json_integer((json_int_t)row->messages));
	}
	good = good && json_put(json, "signIns", json_integer((json_int_t)line->sign_ins));
	if (good && report->by != REPORT_BY_DAY && report->by != REPORT_BY_SENDER)
		good = json_put(json, "senders", json_integer((json_int_t)line->senders));
	if (good && report->by != REPORT_BY_DAY && report->by != REPORT_BY_DEVICE)
		good = json_put(json, "devices", json_integer((json_int_t)line->devices));
	good = good && json_put(json, "lastSeen", json_time(row->last_us));
	if (good && report->by != REPORT_BY_TLS)
		good = json_put(json, "afterRetirement", json_string(afters[line->after].id)) &&
		       json_put(json, "afterRetirementText", json_string(say(language, afters[line->after].text)));
	if (good)
		return json;
	json_decref(json);
	return NULL;
}

static int compare_texts(struct str a, struct str b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_lines(const void *left, const void *right)
{
	const struct line *a = *(const struct line *const *)left;
	const struct line *b = *(const struct line *const *)right;

	if (a->version != b->version)
		return (a->version > b->version) - (a->version < b->version);
	if (a->row.messages != b->row.messages)
		return (a->row.messages < b->row.messages) - (a->row.messages > b->row.messages);
	if (sign_ins_of(&a->row) != sign_ins_of(&b->row))
		return sign_ins_of(&a->row) < sign_ins_of(&b->row) ? 1 : -1;
	return compare_texts((struct str){ a->key, a->key_len }, (struct str){ b->key, b->key_len });
}

static int compare_days(const void *left, const void *right)
{
	const struct line *a = *(const struct line *const *)left;
	const struct line *b = *(const struct line *const *)right;

	if (a->row.day != b->row.day)
		return a->row.day < b->row.day ? 1 : -1;
	return compare_lines(left, right);
}

bool report_lines(struct report *report, enum language language, bool (*each)(void *context, json_t *line), void *context)
{
	size_t count = 0, at = 0;
	struct line **lines = calloc(report->lines.count + 1, sizeof(*lines));
	struct line *line;
	bool good = lines != NULL;

	if (!lines)
		return false;
	while ((line = table_next(&report->lines, &at)))
		lines[count++] = line;
	qsort(lines, count, sizeof(*lines), report->by == REPORT_BY_DAY ? compare_days : compare_lines);
	for (size_t i = 0; i < count && good; i++) {
		json_t *json = line_json(report, lines[i], language);

		good = json != NULL;
		if (json && !each(context, json))
			break;
	}
	free(lines);
	return good;
}
