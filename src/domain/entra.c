#include "domain/entra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "domain/import.h"
#include "domain/json_text.h"
#include "domain/policy.h"

#define TEXT_BYTES_MAX 512
#define CODE_MAX 99999999
#define CODE_UNTOLD 1 /* refused, and no number: AADSTS has no such one */
#define ID_LEN_MIN 16
#define ID_LEN_MAX 64
#define TIME_DIGITS 8
#define EXCHANGE_ONLINE "00000002-0000-0ff1-ce00-000000000000"

/* --- small things --- */

static bool has_nocase(struct str text, struct str what)
{
	for (; text.len >= what.len; text = str_skip(text, 1)) {
		if (str_starts_nocase(text, what))
			return true;
	}
	return false;
}

static bool is_any(struct str text, const char *const *words)
{
	while (*words && !str_eq_nocase(text, str_of(*words)))
		words++;
	return *words;
}

/* At most TEXT_BYTES_MAX, not cut within a character. */
static struct str shortened(struct str text)
{
	if (text.len <= TEXT_BYTES_MAX)
		return text;
	text.len = TEXT_BYTES_MAX;
	while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
		text.len--;
	return text;
}

/* --- which sign-ins concern SMTP AUTH --- */

/* Legacy clients of which the log does not tell which protocol they spoke. BAV2ROPC makes them Basic. */
static const char *const general_clients[] = { "", "Other clients", "Unknown", "Mobile Apps and Desktop clients", "Browser", NULL };
static const char *const modern_clients[] = { "", "Unknown", "Mobile Apps and Desktop clients", "Browser", NULL };

static bool is_oauth(const struct entra_record *record)
{
	return str_starts_nocase(record->values[ENTRA_PROTOCOL], STR("oauth"));
}

static bool is_exchange(const struct entra_record *record)
{
	return str_eq_nocase(record->values[ENTRA_RESOURCE_ID], STR(EXCHANGE_ONLINE)) ||
	       str_eq_nocase(record->values[ENTRA_RESOURCE], STR("Office 365 Exchange Online"));
}

static enum entra_verdict judge(const struct entra_record *record, bool all, uint8_t *ret_protocol)
{
	struct str client = record->values[ENTRA_CLIENT];
	bool turned = has_nocase(record->values[ENTRA_USER_AGENT], STR("BAV2ROPC"));
	bool modern = is_any(client, modern_clients);

	if (has_nocase(client, STR("SMTP"))) {
		*ret_protocol = is_oauth(record) && !turned ? AUTH_PROTOCOL_OAUTH : AUTH_PROTOCOL_BASIC;
		return ENTRA_TAKEN;
	}
	if (turned && is_any(client, general_clients)) {
		*ret_protocol = AUTH_PROTOCOL_BASIC;
		return ENTRA_TAKEN;
	}
	/* IMAP4, POP3 and the like are not SMTP, and must not be found as such. */
	*ret_protocol = modern ? AUTH_PROTOCOL_OAUTH : AUTH_PROTOCOL_NONE;
	if (all)
		return ENTRA_TAKEN;
	return modern && is_exchange(record) ? ENTRA_UNTOLD : ENTRA_LEFT_OUT;
}

/* --- the row --- */

static const char *const successes[] = { "Success", "\xe6\x88\x90\xe5\x8a\x9f", "0", NULL }; /* 成功 */

static bool put_status(const struct entra_record *record, struct sign_in *row, struct fault *fault)
{
	struct str code = record->values[ENTRA_CODE];
	struct str status = record->values[ENTRA_STATUS];
	uint64_t number = is_any(status, successes) ? 0 : CODE_UNTOLD;

	if (code.len == 0 && status.len == 0) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("it has neither a status nor an error code"));
		return false;
	}
	if (code.len > 0 && !str_to_u64(code, CODE_MAX, &number)) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no error code"), STR_ARG(shortened(code)));
		return false;
	}
	row->error_code = (uint32_t)number;
	row->failure_reason = number ? shortened(record->values[ENTRA_REASON]) : STR("");
	return true;
}

static bool put_time(const struct entra_record *record, enum date_order order, struct sign_in *row, bool *ret_zone,
		     struct fault *fault)
{
	struct str time = record->values[ENTRA_TIME].len ? record->values[ENTRA_TIME] : record->values[ENTRA_TIME_LOGGED];

	if (time.len == 0)
		(void)fault_set(fault, OUTCOME_NEVER, N_("it has no time"));
	else if (import_time_parse(time, order, &row->created_us, ret_zone) && row->created_us > 0)
		return true;
	else if (import_time_order(time) != DATE_ORDER_OPEN && import_time_order(time) != order)
		(void)fault_set(fault, OUTCOME_NEVER,
				N_("\"%.*s\" is no time as this file's others are written; --dates dmy or --dates mdy says how"),
				STR_ARG(shortened(time)));
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no time"), STR_ARG(shortened(time)));
	return false;
}

static bool put_address(const struct entra_record *record, struct sign_in *row, struct fault *fault)
{
	unsigned char ip[16];

	row->ip = record->values[ENTRA_IP];
	if (row->ip.len == 0 || ip_parse(row->ip, ip))
		return true;
	(void)fault_set(fault, OUTCOME_NEVER, N_("\"%.*s\" is no IP address"), STR_ARG(shortened(row->ip)));
	return false;
}

/* The time and the request ID; for what cannot be one stands a hash of the row. No gateway's ID is as long. */
static bool put_id(const struct entra_record *record, struct arena *arena, struct sign_in *row)
{
	struct str id = record->values[ENTRA_ID];
	size_t size = TIME_DIGITS + 1 + ID_LEN_MAX + 1;
	char *text = arena_take(arena, size);

	if ((id.len < ID_LEN_MIN || id.len > ID_LEN_MAX || !str_is_ascii(id) || str_find(id, ' ') < id.len) &&
	    !import_id("entra-", record->values, ENTRA_FIELD_COUNT, arena, &id))
		return false;
	if (!text)
		return false;
	(void)snprintf(text, size, "%0*llx-%.*s", TIME_DIGITS, (unsigned long long)(row->created_us / 1000000), STR_ARG(id));
	row->event_id = str_of(text);
	return true;
}

/* "true" and "false" said; else by the category. */
static json_t *interactive(const struct entra_record *record)
{
	static const char *const yes[] = { "true", "SignInLogs", "interactiveUser", NULL };
	static const char *const no[] = { "false", "NonInteractiveUserSignInLogs", "nonInteractiveUser", "ServicePrincipalSignInLogs",
					  "servicePrincipal", "ManagedIdentitySignInLogs", "managedIdentity", NULL };
	struct str said = record->values[ENTRA_INTERACTIVE].len ? record->values[ENTRA_INTERACTIVE] : record->values[ENTRA_CATEGORY];

	if (is_any(said, yes))
		return json_true();
	return is_any(said, no) || record->values[ENTRA_PRINCIPAL].len ? json_false() : NULL;
}

/* What our columns have no place for, in Graph's names. */
static json_t *more_json(const struct entra_record *record)
{
	static const struct {
		const char *name;
		enum entra_field field;
	} rows[] = {
		{ "clientAppUsed", ENTRA_CLIENT },
		{ "userAgent", ENTRA_USER_AGENT },
		{ "resourceDisplayName", ENTRA_RESOURCE },
		{ "authenticationRequirement", ENTRA_REQUIREMENT },
		{ "conditionalAccessStatus", ENTRA_ACCESS },
		{ "servicePrincipalName", ENTRA_PRINCIPAL },
	};
	json_t *json = json_object();
	json_t *said = interactive(record);
	bool put = !said || json_put(json, "isInteractive", said);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str value = shortened(record->values[rows[i].field]);

		put = put && (value.len == 0 || json_put(json, rows[i].name, json_text(value)));
	}
	if (put)
		return json;
	json_decref(json);
	return NULL;
}

static bool put_more(const struct entra_record *record, struct arena *arena, struct sign_in *row)
{
	json_t *json = more_json(record);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	bool put = text && arena_keep(arena, str_of(text), &row->more);

	free(text);
	json_decref(json);
	return put;
}

static bool put_who(const struct entra_record *record, struct arena *arena, struct sign_in *row)
{
	struct str local;

	if (!import_lower(shortened(record->values[ENTRA_USER]), arena, &row->user))
		return false;
	row->tenant = row->user;
	local = str_cut(&row->tenant, '@'); /* what is left is the domain */
	row->tenant = local.len == row->user.len ? STR("") : row->tenant;
	row->app_id = shortened(record->values[ENTRA_APP_ID]);
	row->app_name = shortened(record->values[ENTRA_APP].len ? record->values[ENTRA_APP] : record->values[ENTRA_PRINCIPAL]);
	row->correlation_id = shortened(record->values[ENTRA_CORRELATION]);
	return true;
}

enum entra_verdict entra_sign_in(const struct entra_record *record, const struct entra_options *options, struct arena *arena,
				 struct sign_in *ret_row, bool *ret_zone, struct fault *fault)
{
	struct sign_in row = { .mechanism = SIGN_IN_MECHANISM_NONE, .source = STR("entra") };
	enum entra_verdict verdict = judge(record, options->all, &row.protocol);

	if (!put_time(record, options->order, &row, ret_zone, fault) || !put_status(record, &row, fault) ||
	    !put_address(record, &row, fault))
		return ENTRA_BAD;
	if (verdict != ENTRA_TAKEN)
		return verdict;
	if (!put_who(record, arena, &row) || !put_id(record, arena, &row) || !put_more(record, arena, &row)) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("it is too long"));
		return ENTRA_BAD;
	}
	*ret_row = row;
	return ENTRA_TAKEN;
}
