#include "wire/graph_answer.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "wire/text.h"

static json_t *load(struct str body)
{
	json_t *json = json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static void copy_member(const json_t *object, const char *name, size_t size, char *ret_text)
{
	const json_t *text = json_object_get(object, name);

	if (json_is_string(text))
		text_clean_copy((struct str){ json_string_value(text), json_string_length(text) }, size, ret_text);
}

bool graph_error_parse(struct str body, struct graph_error *ret_error)
{
	json_t *json = load(body);
	const json_t *error = json_object_get(json, "error");

	*ret_error = (struct graph_error){ 0 };
	copy_member(error, "code", sizeof(ret_error->code), ret_error->code);
	copy_member(error, "message", sizeof(ret_error->message), ret_error->message);
	json_decref(json);
	return ret_error->code[0] != '\0';
}

bool graph_member(struct str body, const char *name, size_t size, char *ret_text)
{
	json_t *json = load(body);
	const json_t *text = json_object_get(json, name);
	bool good = json_is_string(text) && json_string_length(text) > 0 &&
		    str_copy((struct str){ json_string_value(text), json_string_length(text) }, size, ret_text);

	json_decref(json);
	return good;
}

bool graph_path_print(struct buf *out, struct str text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@";
	bool good = true;

	for (size_t i = 0; good && i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		good = byte && strchr(plain, byte) ? buf_add_byte(out, (char)byte) : buf_add_format(out, "%%%02X", byte);
	}
	return good;
}
