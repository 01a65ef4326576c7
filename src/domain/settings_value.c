#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "domain/settings_derive.h"
#include "domain/settings_rows.h"

#define GATES_MAX 64
#define SECRET_LIKE_MIN 30

/* Text as it can be printed and read back: no controls (C0, DEL, C1), no line separators, no byte order mark.
 */
static bool is_text(struct str text)
{
	const unsigned char *b = (const unsigned char *)text.ptr;

	if (text.len == 0 || text.len > SETTINGS_TEXT_MAX || !str_is_utf8(text))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (b[i] < 0x20 || b[i] == 0x7f)
			return false;
		if (b[i] == 0xc2 && b[i + 1] < 0xa0)
			return false;
		if (b[i] == 0xe2 && b[i + 1] == 0x80 && (b[i + 2] == 0xa8 || b[i + 2] == 0xa9))
			return false;
		if (b[i] == 0xef && (b[i + 1] == 0xbb || b[i + 1] == 0xbf) && b[i + 2] >= 0xbe)
			return false;
	}
	return true;
}

static bool is_of(struct str text, const char *more)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!plain && (c == '\0' || !strchr(more, c)))
			return false;
	}
	return text.len > 0 && text.len <= SETTINGS_TEXT_MAX;
}

static enum outcome keep(struct settings *settings, struct str text, void *field)
{
	struct str kept;

	if (!arena_keep(&settings->arena, text, &kept))
		return OUTCOME_LATER;
	*(const char **)field = kept.ptr;
	return OUTCOME_OK;
}

static bool text_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	const char *text = *(const char *const *)field;

	(void)row;
	return at == 0 && text && buf_add(out, str_of(text));
}

#define TEXT_KIND(name, fits, sentence)                                                                   \
	static enum outcome name##_field_parse(struct settings *settings, const struct settings_row *row, \
	                                       struct str text, void *field)                              \
	{                                                                                                 \
		(void)row;                                                                                \
		return is_text(text) && (fits) ? keep(settings, text, field) : OUTCOME_NEVER;             \
	}                                                                                                 \
	const struct settings_kind kind_##name = { false, name##_field_parse, text_print, sentence };

static bool is_domain(struct str text)
{
	return (is_of(text, "-._") || (is_text(text) && !str_is_ascii(text))) && text.len <= 253 &&
	       text.ptr[0] != '.' && text.ptr[0] != '-' && text.ptr[text.len - 1] != '.';
}

static bool is_host(struct str text)
{
	unsigned char ip[16];

	return ip_parse(text, ip) || is_domain(text);
}

static bool is_mail_address(struct str text)
{
	size_t at = str_find_last(text, '@');

	return at > 0 && at < text.len && str_find(text, ' ') == text.len &&
	       str_find(text, '<') == text.len && str_find(text, '>') == text.len &&
	       is_domain(str_skip(text, at + 1));
}

static bool is_pattern(struct str text)
{
	return str_eq(text, STR("*")) || (text.ptr[0] == '@' && is_domain(str_skip(text, 1))) ||
	       is_mail_address(text);
}

/* https, or http to this machine: a token endpoint is given the application's secret. */
static bool is_url(struct str text)
{
	static const char *const starts[] = { "https://", "http://127.0.0.1", "http://localhost",
		                              "http://[::1]" };

	if (!str_is_ascii(text) || str_find(text, ' ') < text.len || str_find(text, '#') < text.len)
		return false;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		struct str start = str_of(starts[i]);
		struct str rest = str_skip(text, start.len);

		if (str_starts_nocase(text, start) && rest.len > 0 && (i == 0 || strchr(":/", rest.ptr[0])))
			return str_find(rest, '@') == rest.len;
	}
	return false;
}

static bool is_address_port(struct str text)
{
	struct str host;
	unsigned port;
	unsigned char ip[16];

	return address_port_parse(text, &host, &port) && ip_parse(host, ip);
}

static bool is_ledger(struct str text)
{
	return str_eq(text, STR("sqlite")) || str_starts(text, STR("postgresql://"));
}

static bool is_cloud(struct str text)
{
	size_t count;
	const char *const *names = cloud_names(&count);

	for (size_t i = 0; i < count; i++) {
		if (str_eq(text, str_of(names[i])))
			return true;
	}
	return false;
}

static bool is_date(struct str text)
{
	int64_t us;

	return clock_rfc3339_parse(text, &us) || str_eq(text, STR("ask")) || str_eq(text, STR("never"));
}

TEXT_KIND(text, true, N_("%s: \"%.*s\" is empty, too long, or has a control character in it"))
TEXT_KIND(name, is_of(text, "-._"), N_("%s: \"%.*s\" is not a name of letters, digits, - . and _"))
TEXT_KIND(host, is_host(text), N_("%s: \"%.*s\" is not a host name or IP address (no https://, no port)"))
TEXT_KIND(domain, is_domain(text), N_("%s: \"%.*s\" is not a domain, such as contoso.example"))
TEXT_KIND(url, is_url(text),
          N_("%s: \"%.*s\" is not a URL that begins with https:// (http:// only to this machine)"))
TEXT_KIND(mail_address, is_mail_address(text), N_("%s: \"%.*s\" is not a mail address"))
TEXT_KIND(pattern, is_pattern(text), N_("%s: \"%.*s\" is not a mail address, @domain or *"))
TEXT_KIND(address_port, is_address_port(text),
          N_("%s: \"%.*s\" is not an IP address and port, such as 127.0.0.1:2587, 0.0.0.0:587 or [::1]:465"))
TEXT_KIND(ledger, is_ledger(text),
          N_("%s: \"%.*s\" is neither sqlite nor a URL that begins with postgresql://"))
TEXT_KIND(date, is_date(text), N_("%s: \"%.*s\" is not a date such as 2027-01-15 or 2027-01-15T09:00:00+09:00, nor ask, nor never"))
TEXT_KIND(cloud, is_cloud(text), N_("%s: \"%.*s\" is not one of global, usgov, usdod, china, custom"))

/* "same" stands alone. */
static enum outcome mailboxes_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                    void *field)
{
	struct mailbox_list *list = field;
	bool same = str_eq(text, STR("same"));
	enum outcome outcome;

	(void)row;
	if ((!same && (!is_text(text) || !is_mail_address(text))) || list->count == MAILBOXES_MAX ||
	    (list->count > 0 && (same || strcmp(list->items[0], "same") == 0)))
		return OUTCOME_NEVER;
	outcome = keep(settings, text, &list->items[list->count]);
	if (outcome == OUTCOME_OK)
		list->count++;
	return outcome;
}

static bool mailboxes_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	const struct mailbox_list *list = field;

	(void)row;
	return at < list->count && buf_add(out, str_of(list->items[at]));
}

static enum outcome path_parse(struct settings *settings, const struct settings_row *row, struct str text,
                               void *field)
{
	char path[2 * SETTINGS_TEXT_MAX + 2];

	(void)row;
	if (!is_text(text) || !path_join(settings->folder, text, sizeof(path), path))
		return OUTCOME_NEVER;
	return keep(settings, str_of(path), field);
}

/* Somebody may paste the secret itself where its file belongs: long, of mixed characters, and no path. */
static bool is_secret_like(struct str text)
{
	bool mixed = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '/' || text.ptr[i] == '\n')
			return text.ptr[i] == '\n';
		mixed = mixed || text.ptr[i] == '~' || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
	}
	return text.len >= SECRET_LIKE_MIN && mixed;
}

static enum outcome secret_path_parse(struct settings *settings, const struct settings_row *row,
                                      struct str text, void *field)
{
	return is_secret_like(text) ? OUTCOME_NEVER : path_parse(settings, row, text, field);
}

static enum outcome number_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                 void *field)
{
	uint64_t value;

	(void)settings;
	if (!str_to_u64(text, row->value_max, &value) || value < row->value_min)
		return OUTCOME_NEVER;
	memcpy(field, &value, sizeof(value));
	return OUTCOME_OK;
}

static bool number_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	uint64_t value;

	(void)row;
	memcpy(&value, field, sizeof(value));
	return at == 0 && buf_add_format(out, "%llu", (unsigned long long)value);
}

static enum outcome unsigned_parse(struct str text, uint64_t value_max, unsigned zero, void *field)
{
	uint64_t value;

	if (!str_to_u64(text, value_max, &value) || value == zero)
		return OUTCOME_NEVER;
	*(unsigned *)field = (unsigned)value;
	return OUTCOME_OK;
}

static enum outcome port_parse(struct settings *settings, const struct settings_row *row, struct str text,
                               void *field)
{
	(void)settings;
	(void)row;
	return unsigned_parse(text, UINT16_MAX, 0, field);
}

static enum outcome gates_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                void *field)
{
	(void)settings;
	(void)row;
	if (!str_eq(text, STR("auto")))
		return unsigned_parse(text, GATES_MAX, 0, field);
	*(unsigned *)field = 0;
	return OUTCOME_OK;
}

static bool unsigned_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	unsigned value = *(const unsigned *)field;

	(void)row;
	if (at > 0)
		return false;
	return value ? buf_add_format(out, "%u", value) : buf_add(out, STR("auto"));
}

static const struct settings_choice *choice_find(const struct settings_choice *choices, struct str text)
{
	for (; choices->name; choices++) {
		if (str_eq(text, str_of(choices->name)))
			return choices;
	}
	return NULL;
}

static enum outcome choice_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                 void *field)
{
	const struct settings_choice *found = choice_find(row->choices, text);

	(void)settings;
	if (!found)
		return OUTCOME_NEVER;
	*(unsigned *)field = found->value;
	return OUTCOME_OK;
}

static bool choice_print_value(const struct settings_row *row, unsigned value, size_t at, struct buf *out)
{
	const struct settings_choice *choice = row->choices;

	while (choice->name && choice->value != value)
		choice++;
	return at == 0 && choice->name && buf_add(out, str_of(choice->name));
}

static bool choice_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	return choice_print_value(row, *(const unsigned *)field, at, out);
}

static enum outcome flag_parse(struct settings *settings, const struct settings_row *row, struct str text,
                               void *field)
{
	const struct settings_choice *found = choice_find(row->choices, text);

	(void)settings;
	if (!found)
		return OUTCOME_NEVER;
	*(bool *)field = found->value;
	return OUTCOME_OK;
}

static bool flag_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	return choice_print_value(row, *(const bool *)field, at, out);
}

static enum outcome mechanisms_parse(struct settings *settings, const struct settings_row *row,
                                     struct str text, void *field)
{
	const struct settings_choice *found = choice_find(row->choices, text);

	(void)settings;
	if (!found)
		return OUTCOME_NEVER;
	*(unsigned *)field |= 1u << found->value;
	return OUTCOME_OK;
}

static bool mechanisms_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	for (unsigned bit = 0; row->choices[bit].name; bit++) {
		if (*(const unsigned *)field & 1u << row->choices[bit].value && at-- == 0)
			return buf_add(out, str_of(row->choices[bit].name));
	}
	return false;
}

/* Bits by their names; `all` is every one of them, `none` adds none. */
static enum outcome repairs_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                  void *field)
{
	const struct settings_choice *found = choice_find(row->choices, text);

	(void)settings;
	if (!found)
		return OUTCOME_NEVER;
	if (found->value < REPAIR_NONE)
		*(unsigned *)field |= 1u << found->value;
	for (unsigned bit = 0; found->value == REPAIR_ALL && row->choices[bit].value < REPAIR_NONE; bit++)
		*(unsigned *)field |= 1u << row->choices[bit].value;
	return OUTCOME_OK;
}

static bool repairs_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	for (unsigned bit = 0; row->choices[bit].value < REPAIR_NONE; bit++) {
		if (*(const unsigned *)field & 1u << row->choices[bit].value && at-- == 0)
			return buf_add(out, str_of(row->choices[bit].name));
	}
	return false;
}

static enum outcome cidr_field_parse(struct settings *settings, const struct settings_row *row,
                                     struct str text, void *field)
{
	(void)settings;
	(void)row;
	return cidr_parse(text, field) ? OUTCOME_OK : OUTCOME_NEVER;
}

static bool cidr_field_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	(void)row;
	return at == 0 && cidr_print(field, out);
}

static enum outcome cidrs_parse(struct settings *settings, const struct settings_row *row, struct str text,
                                void *field)
{
	struct cidr_list *list = field;
	struct cidr cidr;

	(void)row;
	if (list->count == CIDRS_MAX || !cidr_parse(text, &cidr))
		return OUTCOME_NEVER;
	if (!list->items)
		list->items = arena_take(&settings->arena, CIDRS_MAX * sizeof(*list->items));
	if (!list->items)
		return OUTCOME_LATER;
	list->items[list->count++] = cidr;
	return OUTCOME_OK;
}

static bool cidrs_print(const struct settings_row *row, const void *field, size_t at, struct buf *out)
{
	const struct cidr_list *list = field;

	(void)row;
	return at < list->count && cidr_print(&list->items[at], out);
}

#define CIDR_SENTENCE                                                                                    \
	N_("%s: \"%.*s\" is not a network such as 192.0.2.7 or 10.1.0.0/16 (the bits behind the prefix " \
	   "must be 0), or one too many")

const struct settings_kind kind_path = { false, path_parse, text_print,
	                                 N_("%s: \"%.*s\" is not the name of a file") };
/* Without the value: it may be the secret. */
const struct settings_kind kind_secret_path = {
	false, secret_path_parse, text_print,
	N_("%s: this looks like the secret itself; put it into a file that only the gateway's user can read, "
	   "and name the file here")
};
const struct settings_kind kind_number = { false, number_parse, number_print, NULL };
const struct settings_kind kind_port = { false, port_parse, unsigned_print,
	                                 N_("%s: \"%.*s\" is not a port, 1 to 65535") };
const struct settings_kind kind_gates = { false, gates_parse, unsigned_print,
	                                  N_("%s: \"%.*s\" is neither auto nor a number from 1 to 64") };
const struct settings_kind kind_choice = { false, choice_parse, choice_print, NULL };
const struct settings_kind kind_flag = { false, flag_parse, flag_print, NULL };
const struct settings_kind kind_mechanisms = { true, mechanisms_parse, mechanisms_print, NULL };
const struct settings_kind kind_repairs = { true, repairs_parse, repairs_print, NULL };
const struct settings_kind kind_cidr = { false, cidr_field_parse, cidr_field_print, CIDR_SENTENCE };
const struct settings_kind kind_cidrs = { true, cidrs_parse, cidrs_print, CIDR_SENTENCE };
const struct settings_kind kind_mailboxes = {
	true, mailboxes_parse, mailboxes_print,
	N_("%s: \"%.*s\" is neither same nor a mail address, or one too many; same stands alone")
};
const struct settings_kind kind_items = { true, NULL, NULL, NULL };
