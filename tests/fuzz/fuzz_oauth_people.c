/* Whatever an endpoint for codes answers and a page leads back with: what is shown is clean and fits, a URL is one to open; a redirection has a code or an
 * error, never both. And the page's URL gives its values back. */
#include <stdlib.h>
#include <string.h>

#include "wire/oauth_authorize.h"
#include "wire/oauth_device.h"

static void check_clean(const char *text, size_t size)
{
	struct str all = { text, strnlen(text, size) };

	if (all.len == size || !str_is_utf8(all))
		abort();
	for (size_t i = 0; i < all.len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
	}
}

static void check_device(unsigned status, struct str body)
{
	static struct oauth_device device;
	struct oauth_answer error;

	if (!oauth_device_parse(status, body, &device, &error)) {
		if (error.error[0] == '\0' && !error.why)
			abort();
		return;
	}
	check_clean(device.user_code, sizeof(device.user_code));
	check_clean(device.url, sizeof(device.url));
	check_clean(device.whole_url, sizeof(device.whole_url));
	if (!device.code[0] || !device.user_code[0] || strncmp(device.url, "http", 4) != 0 || device.interval_s < 1 ||
	    device.interval_s > OAUTH_INTERVAL_S_MAX || device.expires_in_s > OAUTH_DEVICE_S_MAX)
		abort();
}

static void check_redirect(struct str text)
{
	static struct oauth_redirect redirect;

	if (!oauth_redirect_parse(text, &redirect)) {
		if (redirect.code[0] || redirect.error[0])
			abort();
		return;
	}
	check_clean(redirect.error, sizeof(redirect.error));
	check_clean(redirect.description, sizeof(redirect.description));
	if ((redirect.code[0] == '\0') == (redirect.error[0] == '\0') || strnlen(redirect.state, sizeof(redirect.state)) == sizeof(redirect.state))
		abort();
}

/* A state of any bytes but NUL comes back as it went. */
static void check_round(struct str state)
{
	static struct oauth_redirect redirect;
	const struct oauth_authorize authorize = { STR("https://x/?code=c"), STR("id"), STR("http://localhost/"), STR("s"), state, STR("ch") };
	struct buf out;

	if (state.len == 0 || state.len > 200 || memchr(state.ptr, 0, state.len))
		return;
	buf_init(&out, 4096);
	if (!oauth_authorize_print(&out, &authorize) || !oauth_redirect_parse(buf_str(&out), &redirect) || !str_eq(str_of(redirect.state), state))
		abort();
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };

	if (size < 1)
		return 0;
	check_device(data[0] & 1 ? 200 : 400, str_skip(input, 1));
	check_redirect(str_skip(input, 1));
	check_round(str_skip(input, 1));
	return 0;
}
