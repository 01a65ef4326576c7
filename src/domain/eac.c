#include "domain/eac.h"

#include <stdio.h>
#include <string.h>

#include "domain/import.h"
#include "domain/policy.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define SENDER_BYTES_MAX 320
#define MESSAGES_MAX 1000000000000u
#define SHARE_ONE 1000000u       /* a share of 1, or one per cent */
#define SHARE_MAX (1000u * SHARE_ONE)
#define TLS_COUNT 4
#define SHARE_SLACK 200          /* what rounding may leave of the whole: one part in 200 */

/* What stands in a column's name, as import_name() gives it. The first that fits counts. */
static const struct {
	const char *part;
	enum eac_field field;
} parts[] = {
	{ "tls10", EAC_TLS_10 },
	{ "tls11", EAC_TLS_11 },
	{ "tls12", EAC_TLS_12 },
	{ "tls13", EAC_TLS_13 },
	{ "protocol", EAC_PROTOCOL },
	{ "\xe3\x83\x97\xe3\x83\xad\xe3\x83\x88\xe3\x82\xb3\xe3\x83\xab", EAC_PROTOCOL },             /* プロトコル */
	{ "messages", EAC_MESSAGES },
	{ "messagecount", EAC_MESSAGES },
	{ "\xe3\x83\xa1\xe3\x83\x83\xe3\x82\xbb\xe3\x83\xbc\xe3\x82\xb8", EAC_MESSAGES },             /* メッセージ */
	{ "senderdomain", EAC_DOMAIN },
	{ "sender", EAC_SENDER },
	{ "\xe9\x80\x81\xe4\xbf\xa1\xe8\x80\x85", EAC_SENDER },                                       /* 送信者 */
	{ "domain", EAC_DOMAIN },
	{ "\xe3\x83\x89\xe3\x83\xa1\xe3\x82\xa4\xe3\x83\xb3", EAC_DOMAIN },                           /* ドメイン */
};

static enum eac_field field_of(struct str name)
{
	char plain[IMPORT_NAME_MAX];

	for (size_t i = 0; import_name(name, plain) && i < COUNT(parts); i++) {
		if (strstr(plain, parts[i].part))
			return parts[i].field;
	}
	return EAC_FIELD_COUNT;
}

bool eac_columns_read(const struct csv_record *header, struct eac_columns *ret_columns, const char **ret_lacks)
{
	bool any = false;

	*ret_columns = (struct eac_columns){ .count = header->count };
	for (size_t i = 0; i < header->count; i++) {
		enum eac_field field = field_of(header->cells[i]);

		ret_columns->fields[i] = EAC_FIELD_COUNT;
		if (field == EAC_FIELD_COUNT || ret_columns->has[field])
			continue;
		ret_columns->fields[i] = (uint8_t)field;
		ret_columns->has[field] = any = true;
	}
	*ret_lacks = NULL;
	if (any && !ret_columns->has[EAC_SENDER])
		*ret_lacks = N_("the sender address");
	else if (any && !ret_columns->has[EAC_MESSAGES])
		*ret_lacks = N_("the messages sent");
	return any && !*ret_lacks;
}

/* "1,234", "1 234" and the like: digits in groups. */
static bool count_parse(struct str text, uint64_t *ret_count)
{
	char digits[16];
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == ',' || text.ptr[i] == ' ')
			continue;
		if (len == sizeof(digits))
			return false;
		digits[len++] = text.ptr[i];
	}
	return str_to_u64((struct str){ digits, len }, MESSAGES_MAX, ret_count);
}

/* "45", "45.3 %", "0,453": in millionths. Empty, or a dash: none. */
static bool share_parse(struct str text, uint64_t *ret_share)
{
	uint64_t unit = SHARE_ONE;
	bool behind = false;

	*ret_share = 0;
	if (str_ends_nocase(text, STR("%")))
		text = str_trim((struct str){ text.ptr, text.len - 1 });
	if (str_eq(text, STR("-")))
		return true;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.ptr[i] - '0');

		if (!behind && i > 0 && (text.ptr[i] == '.' || text.ptr[i] == ',')) {
			behind = true;
			continue;
		}
		if (digit > 9 || *ret_share > SHARE_MAX)
			return false;
		unit /= behind ? 10 : 1;
		*ret_share = behind ? *ret_share + digit * unit : *ret_share * 10 + digit * unit;
	}
	return *ret_share <= SHARE_MAX;
}

static bool protocol_parse(struct str text, uint8_t *ret_protocol)
{
	char plain[IMPORT_NAME_MAX];

	if (!import_name(text, plain))
		return false;
	if (strstr(plain, "basic") || strstr(plain, "\xe5\x9f\xba\xe6\x9c\xac")) /* 基本 */
		*ret_protocol = AUTH_PROTOCOL_BASIC;
	else if (strstr(plain, "oauth") || strstr(plain, "modern") || strstr(plain, "\xe5\x85\x88\xe9\x80\xb2")) /* 先進 */
		*ret_protocol = AUTH_PROTOCOL_OAUTH;
	else
		return false;
	return true;
}

/* A line's cells by meaning, read. */
struct line {
	struct str sender, domain;
	uint8_t protocol;
	uint64_t shares[TLS_COUNT + 1]; /* the last: not told */
	uint64_t messages;
};

__attribute__((format(printf, 2, 0))) static bool no_value(struct str cell, const char *sentence, struct fault *fault)
{
	(void)fault_set(fault, OUTCOME_NEVER, sentence, cell.len > 64 ? 64 : (int)cell.len, cell.ptr);
	return false;
}

static bool cell_read(enum eac_field field, struct str cell, struct line *line, struct fault *fault)
{
	switch (field) {
	case EAC_SENDER:
		line->sender = cell;
		if (cell.len == 0 || cell.len > SENDER_BYTES_MAX || str_find(cell, '@') == cell.len)
			return no_value(cell, N_("\"%.*s\" is no sender address"), fault);
		return true;
	case EAC_DOMAIN:
		line->domain = cell;
		return cell.len <= SENDER_BYTES_MAX || no_value(cell, N_("\"%.*s\" is no domain"), fault);
	case EAC_PROTOCOL:
		return protocol_parse(cell, &line->protocol) || no_value(cell, N_("\"%.*s\" is no authentication protocol: Basic auth or OAuth"), fault);
	case EAC_TLS_10:
	case EAC_TLS_11:
	case EAC_TLS_12:
	case EAC_TLS_13:
		return share_parse(cell, &line->shares[field - EAC_TLS_10]) || no_value(cell, N_("\"%.*s\" is no percentage"), fault);
	case EAC_MESSAGES:
		return count_parse(cell, &line->messages) || no_value(cell, N_("\"%.*s\" is no number of messages"), fault);
	case EAC_FIELD_COUNT:
		break;
	}
	return true;
}

static bool line_read(const struct eac_columns *columns, const struct csv_record *record, struct line *line, struct fault *fault)
{
	*line = (struct line){ .protocol = AUTH_PROTOCOL_NONE };
	if (record->count != columns->count) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("it has %zu cells where the header has %zu"), record->count, columns->count);
		return false;
	}
	for (size_t i = 0; i < record->count; i++) {
		struct str cell = str_trim(record->cells[i]);

		if (!str_is_utf8(cell) || str_find(cell, '\0') < cell.len) {
			(void)fault_set(fault, OUTCOME_NEVER, N_("cell %zu is no UTF-8"), i + 1);
			return false;
		}
		if (!cell_read((enum eac_field)columns->fields[i], cell, line, fault))
			return false;
	}
	return true;
}

/* What the shares leave of the whole is not told: an older report has no column for TLS 1.3. Returns the whole. */
static uint64_t whole_of(struct line *line)
{
	uint64_t sum = 0, whole;

	for (size_t i = 0; i < TLS_COUNT; i++)
		sum += line->shares[i];
	whole = sum > SHARE_ONE + SHARE_ONE / SHARE_SLACK ? 100 * SHARE_ONE : SHARE_ONE;
	if (sum + whole / SHARE_SLACK < whole)
		line->shares[TLS_COUNT] = whole - sum;
	return sum + line->shares[TLS_COUNT];
}

static bool row_make(const struct line *line, size_t tls, uint64_t messages, struct str report, int64_t as_of_us, struct arena *arena,
		     struct sign_in *row)
{
	static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3", "" };
	char more[48];

	*row = (struct sign_in){ .created_us = as_of_us, .protocol = line->protocol, .mechanism = SIGN_IN_MECHANISM_NONE,
				 .tls_version = str_of(versions[tls]), .source = STR("eac") };
	(void)snprintf(more, sizeof(more), "{\"messages\":%llu}", (unsigned long long)messages);
	if (!arena_keep(arena, str_of(more), &row->more) || !import_lower(line->sender, arena, &row->user) ||
	    !import_lower(line->domain, arena, &row->tenant))
		return false;
	if (row->tenant.len == 0)
		row->tenant = str_skip(row->user, str_find_last(row->user, '@') + 1);
	return import_id("eac-", (const struct str[]){ report, row->user, str_of(sign_in_protocol_name(row->protocol)), row->tls_version },
			 4, arena, &row->event_id);
}

bool eac_rows(const struct eac_columns *columns, const struct csv_record *record, struct str report, int64_t as_of_us,
	      struct arena *arena, struct sign_in ret_rows[EAC_ROWS_MAX], size_t *ret_count, struct fault *fault)
{
	struct line line;
	uint64_t whole, before = 0, given = 0;

	if (!line_read(columns, record, &line, fault))
		return false;
	whole = whole_of(&line);
	*ret_count = 0;
	for (size_t i = 0; i <= TLS_COUNT; i++) {
		uint64_t up_to, messages;

		/* Shared so that the parts sum up to the whole. */
		before += line.shares[i];
		up_to = (uint64_t)((__extension__ (unsigned __int128)line.messages * before + whole / 2) / whole);
		messages = up_to - given;
		given = up_to;
		if (messages == 0)
			continue;
		if (!row_make(&line, i, messages, report, as_of_us, arena, &ret_rows[(*ret_count)++])) {
			(void)fault_set(fault, OUTCOME_NEVER, N_("it is too long"));
			return false;
		}
	}
	return true;
}
