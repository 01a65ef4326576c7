#include "wire/mime_field.h"

static const char *const signing_types[] = { "multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime",
					     "application/pgp-encrypted" };
static const char *const signing_fields[] = { "dkim-signature", "domainkey-signature", "arc-seal" };

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

bool mime_field_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	size_t end = 0;
	size_t colon;

	if (rest->len == 0)
		return false;
	do
		end += str_find(str_skip(*rest, end), '\n') + 1;
	while (end < rest->len && is_blank(rest->ptr[end]));
	*ret_value = (struct str){ rest->ptr, end < rest->len ? end : rest->len };
	*rest = str_skip(*rest, ret_value->len);
	colon = str_find(*ret_value, ':');
	*ret_name = (struct str){ ret_value->ptr, 0 };
	if (colon < ret_value->len && !is_blank(ret_value->ptr[0])) {
		ret_name->len = colon;
		*ret_value = str_skip(*ret_value, colon + 1);
	}
	*ret_value = str_trim(*ret_value);
	return true;
}

struct str mime_field(struct str head, const char *name)
{
	struct str found, value;

	while (mime_field_next(&head, &found, &value)) {
		if (found.len > 0 && str_eq_nocase(str_trim(found), str_of(name)))
			return value;
	}
	return STR("");
}

bool mime_parameter_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	size_t at = str_find(*rest, ';');
	size_t end;

	if (at == rest->len)
		return false;
	*rest = str_skip(*rest, at + 1);
	*ret_name = str_trim(str_cut(rest, '='));
	while (rest->len > 0 && (is_blank(rest->ptr[0]) || rest->ptr[0] == '\r' || rest->ptr[0] == '\n'))
		*rest = str_skip(*rest, 1);
	if (rest->len > 0 && rest->ptr[0] == '"') {
		*rest = str_skip(*rest, 1);
		for (end = 0; end < rest->len && rest->ptr[end] != '"'; end++)
			end += rest->ptr[end] == '\\' && end + 1 < rest->len ? 1 : 0;
	} else {
		end = str_find(*rest, ';');
	}
	*ret_value = (struct str){ rest->ptr, end < rest->len ? end : rest->len };
	*rest = str_skip(*rest, end);
	*ret_value = str_trim(*ret_value);
	return true;
}

static bool is_one_of(struct str what, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq_nocase(what, str_of(names[i])))
			return true;
	}
	return false;
}

bool mime_field_signs(struct str name)
{
	return is_one_of(name, signing_fields, sizeof(signing_fields) / sizeof(*signing_fields));
}

bool mime_type_signs(struct str type)
{
	return is_one_of(type, signing_types, sizeof(signing_types) / sizeof(*signing_types));
}
