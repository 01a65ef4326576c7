/* oauth_device, oauth_authorize: what an endpoint for codes answers, the page's URL, and what it leads back with. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "wire/oauth_authorize.h"
#include "wire/oauth_device.h"

static const struct {
	const char *label;
	unsigned status;
	const char *body;
	bool good;
	const char *user_code, *url;
	unsigned interval_s, expires_in_s;
} devices[] = {
	{ "Entra's", 200, "{\"device_code\":\"d\",\"user_code\":\"ABCD\",\"verification_uri\":\"https://microsoft.com/devicelogin\",\"expires_in\":900,\"interval\":5}",
	  true, "ABCD", "https://microsoft.com/devicelogin", 5, 900 },
	{ "Google's", 200, "{\"device_code\":\"d\",\"user_code\":\"A-B\",\"verification_url\":\"https://www.google.com/device\"}", true, "A-B",
	  "https://www.google.com/device", 5, 900 },
	{ "absurd times", 200, "{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"https://x/\",\"expires_in\":1e9,\"interval\":100000}", true, "A",
	  "https://x/", 60, 900 },
	{ "no code", 200, "{\"user_code\":\"A\",\"verification_uri\":\"https://x/\"}", false, "", "", 0, 0 },
	{ "no code to type", 200, "{\"device_code\":\"d\",\"verification_uri\":\"https://x/\"}", false, "", "", 0, 0 },
	{ "a page in clear", 200, "{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"http://x.example/\"}", false, "", "", 0, 0 },
	{ "a page that steers the terminal", 200, "{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"https://x/\\u001b[2J\"}", false, "", "", 0, 0 },
	{ "a refusal", 400, "{\"error\":\"invalid_client\"}", false, "", "", 0, 0 },
	{ "nonsense", 200, "<html>", false, "", "", 0, 0 },
};

static void check_devices(void)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		struct oauth_device device;
		struct oauth_answer error;
		bool good = oauth_device_parse(devices[i].status, str_of(devices[i].body), &device, &error);

		CHECK(good == devices[i].good && (!good || (strcmp(device.user_code, devices[i].user_code) == 0 && strcmp(device.url, devices[i].url) == 0 &&
							   device.interval_s == devices[i].interval_s && device.expires_in_s == devices[i].expires_in_s)),
		      devices[i].label);
		CHECK(good || error.error[0] || error.why, "and a refusal says why");
	}
}

static void check_polls(void)
{
	static const struct {
		const char *error;
		bool passing;
		enum oauth_poll want;
	} polls[] = {
		{ "authorization_pending", false, OAUTH_POLL_WAIT }, { "slow_down", true, OAUTH_POLL_SLOWER }, { "access_denied", false, OAUTH_POLL_ENDED },
		{ "expired_token", false, OAUTH_POLL_ENDED }, { "", true, OAUTH_POLL_SLOWER }, { "invalid_grant", false, OAUTH_POLL_ENDED },
	};

	for (size_t i = 0; i < sizeof(polls) / sizeof(*polls); i++) {
		struct oauth_answer answer = { .passing = polls[i].passing };

		(void)str_copy(str_of(polls[i].error), sizeof(answer.error), answer.error);
		CHECK(oauth_device_poll(&answer) == polls[i].want, polls[i].error);
	}
}

static void check_page(void)
{
	const struct oauth_authorize authorize = { STR("https://login.example/authorize?p=1"), STR("app id"), STR("http://localhost:5/"),
						   STR("a offline_access"), STR("s&t"), STR("ch") };
	struct buf out;

	buf_init(&out, 4096);
	CHECK(oauth_authorize_print(&out, &authorize) &&
	      str_eq(buf_str(&out), STR("https://login.example/authorize?p=1&client_id=app%20id&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A5%2F"
					"&scope=a%20offline_access&state=s%26t&code_challenge=ch&code_challenge_method=S256&access_type=offline&prompt=consent")),
	      "the page's URL");
	buf_done(&out);
	buf_init(&out, 64);
	CHECK(!oauth_authorize_print(&out, &authorize), "no room for it");
	buf_done(&out);
}

static const struct {
	const char *label, *text;
	bool good;
	const char *code, *state, *error, *description;
} redirects[] = {
	{ "as a browser asks", "/?code=c%2Fd&state=s", true, "c/d", "s", "", "" },
	{ "as it is pasted", "  http://localhost:8765/?state=s&code=c&session_state=x#\r\n", true, "c", "s", "", "" },
	{ "a refusal", "/?error=access_denied&error_description=No+way%0Atrace&state=s", true, "", "s", "access_denied", "No way" },
	{ "neither", "/?state=s", false, "", "", "", "" },
	{ "both", "/?code=c&error=e&state=s", false, "", "", "", "" },
	{ "a code twice", "/?code=c&code=d&state=s", false, "", "", "", "" },
	{ "a NUL", "/?code=%00&state=s", false, "", "", "", "" },
	{ "a broken escape", "/?code=%4&state=s", false, "", "", "", "" },
	{ "an error that steers the terminal", "/?error=%1b[2J&state=s", false, "", "", "", "" },
	{ "nothing", "", false, "", "", "", "" },
};

static void check_redirects(void)
{
	static struct oauth_redirect redirect;

	for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++) {
		bool good = oauth_redirect_parse(str_of(redirects[i].text), &redirect);

		if (!CHECK(good == redirects[i].good && strcmp(redirect.code, redirects[i].code) == 0 && strcmp(redirect.state, redirects[i].state) == 0 &&
			   strcmp(redirect.error, redirects[i].error) == 0 && strcmp(redirect.description, redirects[i].description) == 0, redirects[i].label))
			printf("# %d %s|%s|%s|%s\n", good, redirect.code, redirect.state, redirect.error, redirect.description);
	}
}

int main(void)
{
	check_devices();
	check_polls();
	check_page();
	check_redirects();
	return check_report();
}
