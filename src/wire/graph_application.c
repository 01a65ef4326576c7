#include "wire/graph_application.h"

#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"

#define THUMBPRINT_BYTES_MAX 64

static struct str member(const json_t *object, const char *name)
{
	const json_t *text = json_object_get(object, name);

	return json_is_string(text) ? (struct str){ json_string_value(text), json_string_length(text) } : STR("");
}

static bool ends(const json_t *credential, int64_t *ret_us)
{
	return clock_rfc3339_parse(member(credential, "endDateTime"), ret_us) && *ret_us > 0;
}

static bool hex_digit(char letter, unsigned char *ret_value)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = letter ? strchr(digits, letter) : NULL;

	if (!found)
		return false;
	*ret_value = (unsigned char)((found - digits) % 16);
	return true;
}

static bool hex_parse(struct str text, unsigned char ret_sha1[GRAPH_SHA1_BYTES])
{
	if (text.len != GRAPH_SHA1_BYTES * 2)
		return false;
	for (size_t i = 0; i < GRAPH_SHA1_BYTES; i++) {
		unsigned char high, low;

		if (!hex_digit(text.ptr[2 * i], &high) || !hex_digit(text.ptr[2 * i + 1], &low))
			return false;
		ret_sha1[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* As Entra shows it (40 hexadecimal digits), as Graph encodes bytes (base64 of the 20), or as older tools wrote it (base64 of the digits). */
static bool thumbprint_parse(struct str text, unsigned char ret_sha1[GRAPH_SHA1_BYTES])
{
	struct buf bytes;
	bool good;

	if (hex_parse(text, ret_sha1))
		return true;
	buf_init(&bytes, THUMBPRINT_BYTES_MAX);
	good = base64_parse(text, &bytes);
	if (good && bytes.len == GRAPH_SHA1_BYTES)
		memcpy(ret_sha1, bytes.ptr, GRAPH_SHA1_BYTES);
	else
		good = good && hex_parse(buf_str(&bytes), ret_sha1);
	buf_done(&bytes);
	return good;
}

static void take_secrets(const json_t *list, struct graph_application *application)
{
	size_t at;
	const json_t *item;

	json_array_foreach(list, at, item) {
		struct graph_secret *secret = &application->secrets[application->secrets_count];
		struct str hint = member(item, "hint");

		if (application->secrets_count == GRAPH_CREDENTIALS_MAX)
			return;
		if (hint.len > 0 && str_copy(hint, sizeof(secret->hint), secret->hint) && ends(item, &secret->ends_us))
			application->secrets_count++;
	}
}

static void take_certificates(const json_t *list, struct graph_application *application)
{
	size_t at;
	const json_t *item;

	json_array_foreach(list, at, item) {
		struct graph_certificate *certificate = &application->certificates[application->certificates_count];

		if (application->certificates_count == GRAPH_CREDENTIALS_MAX)
			return;
		if (thumbprint_parse(member(item, "customKeyIdentifier"), certificate->sha1) && ends(item, &certificate->ends_us))
			application->certificates_count++;
	}
}

bool graph_application_parse(struct str body, struct graph_application *ret_application)
{
	json_t *json = json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL);
	const json_t *secrets = json_object_get(json, "passwordCredentials");
	const json_t *certificates = json_object_get(json, "keyCredentials");
	bool good = json_is_array(secrets) || json_is_array(certificates);

	if (good) {
		*ret_application = (struct graph_application){ 0 };
		take_secrets(secrets, ret_application);
		take_certificates(certificates, ret_application);
	}
	json_decref(json);
	return good;
}

int64_t graph_secret_ends_us(const struct graph_application *application, struct str secret, int64_t now_us)
{
	int64_t first_us = 0, last_us = 0;

	for (size_t i = 0; i < application->secrets_count; i++) {
		int64_t ends_us = application->secrets[i].ends_us;

		if (!str_starts(secret, str_of(application->secrets[i].hint)))
			continue;
		if (ends_us > now_us && (first_us == 0 || ends_us < first_us))
			first_us = ends_us;
		if (ends_us > last_us)
			last_us = ends_us;
	}
	return first_us ? first_us : last_us;
}

int64_t graph_certificate_ends_us(const struct graph_application *application, const unsigned char sha1[GRAPH_SHA1_BYTES])
{
	for (size_t i = 0; i < application->certificates_count; i++) {
		if (memcmp(application->certificates[i].sha1, sha1, GRAPH_SHA1_BYTES) == 0)
			return application->certificates[i].ends_us;
	}
	return 0;
}
