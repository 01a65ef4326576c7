#include "wire/smtp_param.h"

#include <ctype.h>
#include <string.h>

/* One value of a parameter into its struct; empty when there was no "=". False: bad. */
struct param {
	const char *name;
	bool (*take)(struct str value, void *params);
};

static bool is_xchar(char byte)
{
	return byte >= '!' && byte <= '~' && byte != '+' && byte != '=';
}

static int hex_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* The first byte that `*text` encodes, which is taken off it. */
static bool xtext_byte(struct str *text, char *ret_byte)
{
	int high, low;
	char byte = text->ptr[0];

	if (is_xchar(byte)) {
		*ret_byte = byte;
		*text = str_skip(*text, 1);
		return true;
	}
	if (byte != '+' || text->len < 3)
		return false;
	high = hex_value(text->ptr[1]);
	low = hex_value(text->ptr[2]);
	if (high < 0 || low < 0)
		return false;
	*ret_byte = (char)(high * 16 + low);
	*text = str_skip(*text, 3);
	return *ret_byte != '\r' && *ret_byte != '\n' && *ret_byte != '\0';
}

bool xtext_parse(struct str text, struct buf *out)
{
	size_t before = out->len;
	char byte;

	while (text.len > 0) {
		if (!xtext_byte(&text, &byte) || !buf_add_byte(out, byte)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

bool xtext_print(struct buf *out, struct str raw)
{
	size_t before = out->len;

	for (size_t i = 0; i < raw.len; i++) {
		bool fits = is_xchar(raw.ptr[i]) ? buf_add_byte(out, raw.ptr[i])
						 : buf_add_format(out, "+%02X", (unsigned char)raw.ptr[i]);

		if (!fits) {
			out->len = before;
			return false;
		}
	}
	return true;
}

static bool is_xtext(struct str text)
{
	char byte;

	while (text.len > 0) {
		if (!xtext_byte(&text, &byte))
			return false;
	}
	return true;
}

static bool take_size(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;

	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.ptr[i]))
			return false;
	}
	mail->size_given = true;
	if (!str_to_u64(value, UINT64_MAX, &mail->size))
		mail->size = UINT64_MAX;
	return value.len > 0;
}

static bool take_body(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;

	mail->body_8bit = str_eq_nocase(value, STR("8BITMIME"));
	return mail->body_8bit || str_eq_nocase(value, STR("7BIT"));
}

static bool take_utf8(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;

	mail->utf8 = true;
	return value.len == 0;
}

static bool take_ret(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;
	bool full = str_eq_nocase(value, STR("FULL"));

	mail->ret = full ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return full || str_eq_nocase(value, STR("HDRS"));
}

static bool take_envid(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;

	mail->envid = value;
	return value.len > 0 && value.len <= SMTP_ENVID_MAX && is_xtext(value);
}

static bool take_auth(struct str value, void *params)
{
	struct smtp_mail_params *mail = params;

	mail->auth = value;
	return value.len > 0 && is_xtext(value);
}

static bool take_notify(struct str value, void *params)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {
		{ "NEVER", SMTP_NOTIFY_NEVER },
		{ "SUCCESS", SMTP_NOTIFY_SUCCESS },
		{ "FAILURE", SMTP_NOTIFY_FAILURE },
		{ "DELAY", SMTP_NOTIFY_DELAY },
	};
	struct smtp_rcpt_params *rcpt = params;
	bool more;

	do {
		more = str_find(value, ',') < value.len;
		struct str word = str_cut(&value, ',');
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			if (str_eq_nocase(word, str_of(words[i].name)))
				bit = words[i].bit;
		}
		if (bit == 0)
			return false;
		rcpt->notify |= bit;
	} while (more);
	return !(rcpt->notify & SMTP_NOTIFY_NEVER) || rcpt->notify == SMTP_NOTIFY_NEVER;
}

/* RFC 3461, 4.2: addr-type ";" xtext. */
static bool take_orcpt(struct str value, void *params)
{
	struct smtp_rcpt_params *rcpt = params;
	struct str address = value;
	struct str type = str_cut(&address, ';');

	rcpt->orcpt = value;
	for (size_t i = 0; i < type.len; i++) {
		if (!isalnum((unsigned char)type.ptr[i]) && type.ptr[i] != '-')
			return false;
	}
	return type.len > 0 && address.len > 0 && value.len <= SMTP_ORCPT_MAX && is_xtext(address);
}

/* To add a parameter: its field in the header, a row here, and the function it names. */
static const struct param mail_params[] = {
	{ "SIZE", take_size }, { "BODY", take_body },	{ "SMTPUTF8", take_utf8 },
	{ "RET", take_ret },   { "ENVID", take_envid }, { "AUTH", take_auth },
};
static const struct param rcpt_params[] = {
	{ "NOTIFY", take_notify },
	{ "ORCPT", take_orcpt },
};

static bool is_keyword(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!isalnum((unsigned char)name.ptr[i]) && (name.ptr[i] != '-' || i == 0))
			return false;
	}
	return name.len > 0;
}

/* One "NAME[=VALUE]". *seen has a bit for each row that stood before. */
static enum smtp_param_fault take_word(struct str word, const struct param *rows, size_t rows_count, void *params,
				       unsigned *seen, struct str *ret_name)
{
	struct str value = word;

	*ret_name = str_cut(&value, '=');
	if (!is_keyword(*ret_name) || (ret_name->len < word.len && value.len == 0))
		return SMTP_PARAM_BAD;
	for (size_t i = 0; i < rows_count; i++) {
		if (!str_eq_nocase(*ret_name, str_of(rows[i].name)))
			continue;
		if (*seen & 1u << i)
			return SMTP_PARAM_DOUBLED;
		*seen |= 1u << i;
		return rows[i].take(value, params) ? SMTP_PARAM_OK : SMTP_PARAM_BAD;
	}
	return SMTP_PARAM_UNKNOWN;
}

static enum smtp_param_fault params_parse(struct str text, const struct param *rows, size_t rows_count, void *params,
					  struct str *ret_bad)
{
	unsigned seen = 0;

	for (text = str_trim(text); text.len > 0; text = str_trim(text)) {
		size_t len = 0;
		enum smtp_param_fault fault;

		while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\t')
			len++;
		fault = take_word((struct str){ text.ptr, len }, rows, rows_count, params, &seen, ret_bad);
		if (fault != SMTP_PARAM_OK)
			return fault;
		text = str_skip(text, len);
	}
	return SMTP_PARAM_OK;
}

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

enum smtp_param_fault smtp_mail_params_parse(struct str text, struct smtp_mail_params *ret_params, struct str *ret_bad)
{
	struct smtp_mail_params params = { 0 };
	enum smtp_param_fault fault = params_parse(text, mail_params, COUNT(mail_params), &params, ret_bad);

	if (fault == SMTP_PARAM_OK)
		*ret_params = params;
	return fault;
}

enum smtp_param_fault smtp_rcpt_params_parse(struct str text, struct smtp_rcpt_params *ret_params, struct str *ret_bad)
{
	struct smtp_rcpt_params params = { 0 };
	enum smtp_param_fault fault = params_parse(text, rcpt_params, COUNT(rcpt_params), &params, ret_bad);

	if (fault == SMTP_PARAM_OK)
		*ret_params = params;
	return fault;
}
