#include "domain/entra.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "domain/import.h"

#define NUMBER_TEXT 24

/*
 * Names as import_name() gives them. First the portal's columns, then the members of Graph, diagnostic settings and Log Analytics where they
 * differ, then the Japanese portal's. To know another name: a row.
 */
static const struct {
	const char *name;
	enum entra_field field;
} names[] = {
	{ "dateutc", ENTRA_TIME },
	{ "date", ENTRA_TIME },
	{ "createddatetime", ENTRA_TIME },
	{ "createddatetimeutc", ENTRA_TIME },
	{ "\xe6\x97\xa5\xe4\xbb\x98utc", ENTRA_TIME },           /* 日付 */
	{ "\xe6\x97\xa5\xe4\xbb\x98", ENTRA_TIME },
	{ "\xe6\x97\xa5\xe6\x99\x82utc", ENTRA_TIME },           /* 日時 */
	{ "\xe6\x97\xa5\xe6\x99\x82", ENTRA_TIME },
	{ "time", ENTRA_TIME_LOGGED },
	{ "timegenerated", ENTRA_TIME_LOGGED },
	{ "timegeneratedutc", ENTRA_TIME_LOGGED },
	{ "requestid", ENTRA_ID },
	{ "id", ENTRA_ID },
	{ "\xe8\xa6\x81\xe6\xb1\x82id", ENTRA_ID },              /* 要求 */
	{ "correlationid", ENTRA_CORRELATION },
	{ "\xe7\x9b\xb8\xe9\x96\xa2id", ENTRA_CORRELATION },     /* 相関 */
	{ "\xe9\x96\xa2\xe9\x80\xa3\xe4\xbb\x98\xe3\x81\x91id", ENTRA_CORRELATION }, /* 関連付け */
	{ "username", ENTRA_USER },
	{ "userprincipalname", ENTRA_USER },
	{ "\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe3\x83\xbc\xe5\x90\x8d", ENTRA_USER }, /* ユーザー名 */
	{ "useragent", ENTRA_USER_AGENT },
	{ "\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe3\x83\xbc\xe3\x82\xa8\xe3\x83\xbc\xe3\x82\xb8\xe3\x82\xa7\xe3\x83\xb3\xe3\x83\x88",
	  ENTRA_USER_AGENT },                                    /* ユーザー エージェント */
	{ "authenticationprotocol", ENTRA_PROTOCOL },
	{ "\xe8\xaa\x8d\xe8\xa8\xbc\xe3\x83\x97\xe3\x83\xad\xe3\x83\x88\xe3\x82\xb3\xe3\x83\xab", ENTRA_PROTOCOL }, /* 認証プロトコル */
	{ "application", ENTRA_APP },
	{ "appdisplayname", ENTRA_APP },
	{ "\xe3\x82\xa2\xe3\x83\x97\xe3\x83\xaa\xe3\x82\xb1\xe3\x83\xbc\xe3\x82\xb7\xe3\x83\xa7\xe3\x83\xb3", ENTRA_APP }, /* アプリケーション */
	{ "applicationid", ENTRA_APP_ID },
	{ "appid", ENTRA_APP_ID },
	{ "\xe3\x82\xa2\xe3\x83\x97\xe3\x83\xaa\xe3\x82\xb1\xe3\x83\xbc\xe3\x82\xb7\xe3\x83\xa7\xe3\x83\xb3id", ENTRA_APP_ID },
	{ "resource", ENTRA_RESOURCE },
	{ "resourcedisplayname", ENTRA_RESOURCE },
	{ "\xe3\x83\xaa\xe3\x82\xbd\xe3\x83\xbc\xe3\x82\xb9", ENTRA_RESOURCE }, /* リソース */
	{ "resourceid", ENTRA_RESOURCE_ID },
	{ "resourceidentity", ENTRA_RESOURCE_ID },
	{ "\xe3\x83\xaa\xe3\x82\xbd\xe3\x83\xbc\xe3\x82\xb9id", ENTRA_RESOURCE_ID },
	{ "ipaddress", ENTRA_IP },
	{ "calleripaddress", ENTRA_IP },
	{ "ip\xe3\x82\xa2\xe3\x83\x89\xe3\x83\xac\xe3\x82\xb9", ENTRA_IP }, /* アドレス */
	{ "status", ENTRA_STATUS },
	{ "\xe7\x8a\xb6\xe6\x85\x8b", ENTRA_STATUS },            /* 状態 */
	{ "\xe3\x82\xb9\xe3\x83\x86\xe3\x83\xbc\xe3\x82\xbf\xe3\x82\xb9", ENTRA_STATUS }, /* ステータス */
	{ "signinerrorcode", ENTRA_CODE },
	{ "errorcode", ENTRA_CODE },
	{ "resulttype", ENTRA_CODE },
	{ "\xe3\x82\xb5\xe3\x82\xa4\xe3\x83\xb3\xe3\x82\xa4\xe3\x83\xb3\xe3\x82\xa8\xe3\x83\xa9\xe3\x83\xbc\xe3\x82\xb3\xe3\x83\xbc\xe3\x83\x89",
	  ENTRA_CODE },                                          /* サインイン エラー コード */
	{ "failurereason", ENTRA_REASON },
	{ "resultdescription", ENTRA_REASON },
	{ "\xe5\xa4\xb1\xe6\x95\x97\xe3\x81\xae\xe7\x90\x86\xe7\x94\xb1", ENTRA_REASON }, /* 失敗の理由 */
	{ "\xe3\x82\xa8\xe3\x83\xa9\xe3\x83\xbc\xe3\x81\xae\xe7\x90\x86\xe7\x94\xb1", ENTRA_REASON }, /* エラーの理由 */
	{ "clientapp", ENTRA_CLIENT },
	{ "clientappused", ENTRA_CLIENT },
	{ "\xe3\x82\xaf\xe3\x83\xa9\xe3\x82\xa4\xe3\x82\xa2\xe3\x83\xb3\xe3\x83\x88\xe3\x82\xa2\xe3\x83\x97\xe3\x83\xaa", ENTRA_CLIENT }, /* クライアント アプリ */
	{ "authenticationrequirement", ENTRA_REQUIREMENT },
	{ "\xe8\xaa\x8d\xe8\xa8\xbc\xe8\xa6\x81\xe4\xbb\xb6", ENTRA_REQUIREMENT }, /* 認証要件 */
	{ "conditionalaccess", ENTRA_ACCESS },
	{ "conditionalaccessstatus", ENTRA_ACCESS },
	{ "\xe6\x9d\xa1\xe4\xbb\xb6\xe4\xbb\x98\xe3\x81\x8d\xe3\x82\xa2\xe3\x82\xaf\xe3\x82\xbb\xe3\x82\xb9", ENTRA_ACCESS }, /* 条件付きアクセス */
	{ "isinteractive", ENTRA_INTERACTIVE },
	{ "category", ENTRA_CATEGORY },
	{ "signineventtypes", ENTRA_CATEGORY },
	{ "serviceprincipalname", ENTRA_PRINCIPAL },
	{ "\xe3\x82\xb5\xe3\x83\xbc\xe3\x83\x93\xe3\x82\xb9\xe3\x83\x97\xe3\x83\xaa\xe3\x83\xb3\xe3\x82\xb7\xe3\x83\x91\xe3\x83\xab\xe5\x90\x8d",
	  ENTRA_PRINCIPAL },                                     /* サービス プリンシパル名 */
	{ "properties", ENTRA_PROPERTIES },
};

bool entra_field_of(struct str name, enum entra_field *ret_field)
{
	char plain[IMPORT_NAME_MAX];

	if (!import_name(name, plain))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].name[0] == plain[0] && strcmp(names[i].name, plain) == 0) {
			*ret_field = names[i].field;
			return true;
		}
	}
	return false;
}

/* --- CSV --- */

static const struct {
	const char *what; /* N_() */
	unsigned fields;  /* one of them is enough */
} needed[] = {
	{ N_("the time"), 1u << ENTRA_TIME | 1u << ENTRA_TIME_LOGGED },
	{ N_("the user, or the service principal"), 1u << ENTRA_USER | 1u << ENTRA_PRINCIPAL },
	{ N_("the status, or the error code"), 1u << ENTRA_STATUS | 1u << ENTRA_CODE },
};

static bool has_utc(struct str name)
{
	char plain[IMPORT_NAME_MAX];

	return import_name(name, plain) && str_ends_nocase(str_of(plain), STR("utc"));
}

bool entra_columns_read(const struct csv_record *header, struct entra_columns *ret_columns, const char **ret_lacks)
{
	unsigned found = 0;

	*ret_columns = (struct entra_columns){ .count = header->count };
	for (size_t i = 0; i < header->count; i++) {
		enum entra_field field;

		ret_columns->fields[i] = ENTRA_FIELD_COUNT;
		if (!entra_field_of(header->cells[i], &field) || (found & 1u << field)) /* of a doubled column the first counts */
			continue;
		ret_columns->fields[i] = (uint8_t)field;
		found |= 1u << field;
		ret_columns->utc |= field <= ENTRA_TIME_LOGGED && has_utc(header->cells[i]);
	}
	*ret_lacks = NULL;
	for (size_t i = 0; found && i < sizeof(needed) / sizeof(*needed); i++) {
		if (!(found & needed[i].fields)) {
			*ret_lacks = needed[i].what;
			return false;
		}
	}
	return found != 0;
}

static bool read_nested(struct str text, struct arena *arena, struct entra_record *record, struct fault *fault);

bool entra_of_csv(const struct entra_columns *columns, const struct csv_record *row, struct arena *arena,
		  struct entra_record *ret_record, struct fault *fault)
{
	struct str status;

	*ret_record = (struct entra_record){ 0 };
	if (row->count != columns->count) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("it has %zu cells where the header has %zu"), row->count, columns->count);
		return false;
	}
	for (size_t i = 0; i < row->count; i++) {
		if (columns->fields[i] == ENTRA_FIELD_COUNT)
			continue;
		if (!str_is_utf8(row->cells[i]) || str_find(row->cells[i], '\0') < row->cells[i].len) {
			(void)fault_set(fault, OUTCOME_NEVER, N_("cell %zu is no UTF-8"), i + 1);
			return false;
		}
		ret_record->values[columns->fields[i]] = str_trim(row->cells[i]);
	}
	status = ret_record->values[ENTRA_STATUS];
	if (!str_starts(status, STR("{")))
		return true;
	ret_record->values[ENTRA_STATUS] = STR(""); /* Log Analytics puts an object into the cell */
	return read_nested(status, arena, ret_record, fault);
}

/* --- JSON --- */

/* A scalar as text; of a list its first item. False: memory. */
static bool keep_value(const json_t *value, struct arena *arena, struct str *ret_text)
{
	char number[NUMBER_TEXT];

	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_boolean(value))
		return arena_keep(arena, json_is_true(value) ? STR("true") : STR("false"), ret_text);
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return arena_keep(arena, str_of(number), ret_text);
	}
	if (json_is_string(value))
		return arena_keep(arena, str_trim((struct str){ json_string_value(value), json_string_length(value) }), ret_text);
	return true;
}

static bool read_object(const json_t *object, struct arena *arena, struct entra_record *record, struct fault *fault);

/* An object, or its text in a string. */
static bool read_member(const json_t *value, enum entra_field field, struct arena *arena, struct entra_record *record,
			struct fault *fault)
{
	bool wraps = field == ENTRA_STATUS || field == ENTRA_PROPERTIES;
	const char *text = json_string_value(value);

	if (wraps && json_is_object(value))
		return read_object(value, arena, record, fault);
	if (wraps && text && text[0] == '{')
		return read_nested(str_of(text), arena, record, fault);
	if (record->values[field].len > 0 || keep_value(value, arena, &record->values[field]))
		return true;
	(void)fault_set(fault, OUTCOME_NEVER, N_("it is too long"));
	return false;
}

/* What `properties` says goes before what is around it: it is read first. */
static bool read_object(const json_t *object, struct arena *arena, struct entra_record *record, struct fault *fault)
{
	const json_t *properties = json_object_get(object, "properties");
	const char *name;
	json_t *value;

	if (properties && !read_member(properties, ENTRA_PROPERTIES, arena, record, fault))
		return false;
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		enum entra_field field;

		if (value == properties || !entra_field_of(str_of(name), &field))
			continue;
		if (!read_member(value, field, arena, record, fault))
			return false;
	}
	return true;
}

static bool read_nested(struct str text, struct arena *arena, struct entra_record *record, struct fault *fault)
{
	json_error_t error;
	json_t *object = json_loadb(text.ptr, text.len, 0, &error);
	bool read = false;

	if (json_is_object(object))
		read = read_object(object, arena, record, fault);
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("it is no JSON: %s"), object ? "{ is missing" : error.text);
	json_decref(object);
	return read;
}

bool entra_of_json(struct str object, struct arena *arena, struct entra_record *ret_record, struct fault *fault)
{
	*ret_record = (struct entra_record){ 0 };
	return read_nested(object, arena, ret_record, fault);
}
