#include "wire/oauth_device.h"

#include <string.h>

#include <jansson.h>

#include "base/say.h"
#include "wire/text.h"

#define INTERVAL_S 5
#define EXPIRES_S 900 /* what Entra gives */

static struct str member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? (struct str){ json_string_value(value), json_string_length(value) } : STR("");
}

static unsigned number(const json_t *object, const char *name, unsigned otherwise, unsigned value_max)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	if (value <= 0)
		return otherwise;
	return value > value_max ? value_max : (unsigned)value;
}

/* It is shown to a person, who opens it: only https, or this machine's own. */
static bool url_fits(struct str url)
{
	for (size_t i = 0; i < url.len; i++) {
		if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f)
			return false;
	}
	return str_starts(url, STR("https://")) || str_starts(url, STR("http://localhost")) || str_starts(url, STR("http://127.0.0.1"));
}

static bool take(const json_t *json, struct oauth_device *device)
{
	struct str code = member(json, "device_code");
	struct str url = member(json, "verification_uri");
	struct str whole = member(json, "verification_uri_complete");
	bool good;

	if (url.len == 0)
		url = member(json, "verification_url");
	*device = (struct oauth_device){
		.interval_s = number(json, "interval", INTERVAL_S, OAUTH_INTERVAL_S_MAX),
		.expires_in_s = number(json, "expires_in", EXPIRES_S, OAUTH_DEVICE_S_MAX),
	};
	text_clean_copy(member(json, "user_code"), sizeof(device->user_code), device->user_code);
	if (url_fits(whole) && !str_copy(whole, sizeof(device->whole_url), device->whole_url))
		device->whole_url[0] = '\0';
	good = code.len > 0 && str_copy(code, sizeof(device->code), device->code) && url_fits(url) &&
	       str_copy(url, sizeof(device->url), device->url) && device->user_code[0] != '\0';
	if (code.len > 0)
		explicit_bzero((char *)(uintptr_t)code.ptr, code.len);
	return good;
}

bool oauth_device_parse(unsigned status, struct str body, struct oauth_device *ret_device, struct oauth_answer *ret_error)
{
	json_t *json = body.len <= OAUTH_ANSWER_MAX ? json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool good = status >= 200 && status < 300 && json_is_object(json) && take(json, ret_device);

	json_decref(json);
	*ret_error = (struct oauth_answer){ 0 };
	if (good)
		return true;
	explicit_bzero(ret_device, sizeof(*ret_device));
	(void)oauth_answer_parse(status, body, ret_error);
	oauth_answer_done(ret_error);
	if (ret_error->error[0] == '\0')
		ret_error->why = N_("the endpoint for device codes gave no code; is device-code-url right, and may this application sign in by device code?");
	return false;
}

enum oauth_poll oauth_device_poll(const struct oauth_answer *answer)
{
	static const struct {
		const char *error;
		enum oauth_poll poll;
	} rows[] = {
		{ "authorization_pending", OAUTH_POLL_WAIT },
		{ "slow_down", OAUTH_POLL_SLOWER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (str_eq(str_of(answer->error), str_of(rows[i].error)))
			return rows[i].poll;
	}
	return answer->passing ? OAUTH_POLL_SLOWER : OAUTH_POLL_ENDED; /* RFC 8628, 3.5: also back off from a timeout */
}
