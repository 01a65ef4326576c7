/* oauth: the request, and what a token endpoint may answer. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "wire/oauth.h"

static const struct {
	const char *label;
	unsigned status;
	const char *body;
	bool answer, good;
	const char *token, *error, *description;
	uint64_t expires_in_s;
	unsigned aadsts;
	bool passing;
} cases[] = {
	{ "a token", 200, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ.a-b_c~+/=\"}", true, true,
	  "eyJ.a-b_c~+/=", "", "", 3599, 0, false },
	{ "the type in another case, expiry as text", 200, "{\"token_type\":\"bearer\",\"expires_in\":\"600\",\"access_token\":\"t\"}",
	  true, true, "t", "", "", 600, 0, false },
	{ "no expiry", 200, "{\"access_token\":\"t\"}", true, true, "t", "", "", 0, 0, false },
	{ "an absurd expiry", 200, "{\"access_token\":\"t\",\"expires_in\":9e99}", true, true, "t", "", "", 0, 0, false },
	{ "a long expiry", 200, "{\"access_token\":\"t\",\"expires_in\":999999999999}", true, true, "t", "", "", 366 * 86400, 0, false },
	{ "a negative expiry", 200, "{\"access_token\":\"t\",\"expires_in\":-1}", true, true, "t", "", "", 0, 0, false },
	{ "another type", 200, "{\"token_type\":\"mac\",\"access_token\":\"t\"}", false, false, NULL, "",
	  "the token endpoint gave a token that is not of the type Bearer", 0, 0, false },
	{ "an empty token", 200, "{\"access_token\":\"\"}", false, false, NULL, "",
	  "the token endpoint gave a token that is too long or holds odd characters", 0, 0, false },
	{ "^A in the token", 200, "{\"access_token\":\"a\\u0001auth=x\"}", false, false, NULL, "",
	  "the token endpoint gave a token that is too long or holds odd characters", 0, 0, false },
	{ "CRLF in the token", 200, "{\"access_token\":\"a\\r\\nQUIT\"}", false, false, NULL, "",
	  "the token endpoint gave a token that is too long or holds odd characters", 0, 0, false },
	{ "a number for a token", 200, "{\"access_token\":7}", false, false, NULL, "",
	  "the token endpoint gave a token that is too long or holds odd characters", 0, 0, false },
	{ "a token with a bad status", 400, "{\"access_token\":\"t\"}", false, false, NULL, "",
	  "the token endpoint's answer holds neither a token nor an error", 0, 0, false },
	{ "wrong secret", 401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided.\\r\\nTrace ID: x\","
	  "\"error_codes\":[7000215]}", true, false, NULL, "invalid_client", "AADSTS7000215: Invalid client secret provided.", 0, 7000215, false },
	{ "the number only in the text", 400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS53003: blocked\"}", true, false, NULL,
	  "invalid_grant", "AADSTS53003: blocked", 0, 53003, false },
	{ "throttled by Entra", 400, "{\"error\":\"invalid_request\",\"error_codes\":[90055]}", true, false, NULL, "invalid_request",
	  "invalid_request", 0, 90055, true },
	{ "temporarily_unavailable", 400, "{\"error\":\"temporarily_unavailable\"}", true, false, NULL, "temporarily_unavailable",
	  "temporarily_unavailable", 0, 0, true },
	{ "429", 429, "{\"error\":\"invalid_request\"}", true, false, NULL, "invalid_request", "invalid_request", 0, 0, true },
	{ "a gateway's page", 502, "<html>Bad Gateway</html>", false, false, NULL, "", "a page for people came in place of the token endpoint's answer: is token-url right, and does a proxy or firewall stand between?", 0, 0, true },
	{ "nothing", 200, "", false, false, NULL, "", "the token endpoint's answer is not a JSON object", 0, 0, false },
	{ "a list", 200, "[]", false, false, NULL, "", "the token endpoint's answer is not a JSON object", 0, 0, false },
	{ "a name twice", 200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", false, false, NULL, "",
	  "the token endpoint's answer is not a JSON object", 0, 0, false },
	{ "something else", 200, "{\"ok\":true}", false, false, NULL, "", "the token endpoint's answer holds neither a token nor an error", 0, 0, false },
	{ "controls in the words", 400, "{\"error\":\"a\\u001b[31mb\",\"error_description\":\"c\\td\\u202ee\"}", true, false, NULL, "a[31mb", "c de", 0, 0, false },
};

static void check_answers(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct oauth_answer got;
		bool answer = oauth_answer_parse(cases[i].status, str_of(cases[i].body), &got);
		bool same = answer == cases[i].answer && got.good == cases[i].good && got.expires_in_s == cases[i].expires_in_s &&
			    got.aadsts == cases[i].aadsts && got.passing == cases[i].passing &&
			    strcmp(got.error, cases[i].error) == 0 && strcmp(got.description, cases[i].description) == 0 &&
			    str_eq(str_of(got.token), str_of(cases[i].token)) && !got.token == !cases[i].token;

		if (!CHECK(same, cases[i].label))
			printf("# got %d good %d %s|%s|%s|%ju|%u|%d\n", answer, got.good, got.token ? got.token : "-", got.error,
			       got.description, (uintmax_t)got.expires_in_s, got.aadsts, got.passing);
		oauth_answer_done(&got);
		CHECK(!got.token, cases[i].label);
	}
}

static void check_long(void)
{
	static char body[OAUTH_ANSWER_MAX + 2];
	struct oauth_answer got;

	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"access_token\":\"t\"}", 20);
	CHECK(oauth_answer_parse(200, (struct str){ body, OAUTH_ANSWER_MAX }, &got) && got.good, "the longest answer");
	oauth_answer_done(&got);
	CHECK(!oauth_answer_parse(200, (struct str){ body, OAUTH_ANSWER_MAX + 1 }, &got), "one byte more");
	CHECK(strcmp(got.description, "the token endpoint's answer is too long") == 0, "and it says so");
	oauth_answer_done(&got);
	memset(body, 'x', sizeof(body));
	memcpy(body, "{\"access_token\":\"", 17);
	memcpy(body + 17 + OAUTH_TOKEN_MAX, "\"}", 2);
	CHECK(oauth_answer_parse(200, (struct str){ body, 17 + OAUTH_TOKEN_MAX + 2 }, &got) && strlen(got.token) == OAUTH_TOKEN_MAX,
	      "the longest token");
	oauth_answer_done(&got);
	memset(body, '[', sizeof(body));
	CHECK(!oauth_answer_parse(200, (struct str){ body, OAUTH_ANSWER_MAX }, &got), "a deep nest");
	oauth_answer_done(&got);
}

static void check_form(void)
{
	struct buf out;

	CHECK(oauth_form_begin(&out) && oauth_form_add(&out, "grant_type", STR("client_credentials")) &&
	      oauth_form_add(&out, "client_id", STR("app id")) && oauth_form_add(&out, "scope", STR("")) &&
	      oauth_form_add(&out, "client_secret", STR("a&b=c~\xc3\xa9+")), "form: fits");
	CHECK(str_eq(buf_str(&out), STR("grant_type=client_credentials&client_id=app%20id&client_secret=a%26b%3Dc%7E%C3%A9%2B")),
	      "form: no byte of a value ends it, and what is empty is left out");
	buf_wipe(&out);
	buf_init(&out, 8);
	CHECK(!oauth_form_add(&out, "client_secret", STR("x")), "form: no room");
	buf_wipe(&out);
}

static void check_more_members(void)
{
	struct oauth_answer got;

	CHECK(oauth_answer_parse(200, STR("{\"access_token\":\"a\",\"refresh_token\":\"r-1\",\"expires_on\":\"1700000000\"}"), &got) && got.good &&
	      strcmp(got.refresh_token, "r-1") == 0 && got.expires_on_s == 1700000000 && got.expires_in_s == 0, "a refresh token, and the end as a moment");
	oauth_answer_done(&got);
	CHECK(!got.refresh_token, "and it is wiped");
	CHECK(!oauth_answer_parse(200, STR("{\"access_token\":\"a\",\"refresh_token\":\"r 1\"}"), &got) && !got.token && !got.refresh_token,
	      "a refresh token with a blank");
	oauth_answer_done(&got);
	(void)oauth_answer_parse(200, STR("  <!DOCTYPE html><title>Sign in to the network</title>"), &got);
	CHECK(got.why && strstr(got.why, "a page for people came"), "a page of a firewall says so");
	CHECK(oauth_answer_explain(&got) == got.why, "and is its own explanation");
	oauth_answer_done(&got);
}

static void check_names(void)
{
	static const char *const names[] = { "invalid_client", "unauthorized_client", "invalid_scope", "access_denied", "expired_token", "server_error",
					     "org_internal", "admin_policy_enforced" };
	struct oauth_answer got = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)str_copy(str_of(names[i]), sizeof(got.error), got.error);
		CHECK(oauth_answer_explain(&got) && strlen(oauth_answer_explain(&got)) > 30, names[i]);
	}
	got.aadsts = 7000222;
	CHECK(oauth_answer_explain(&got) == oauth_aadsts_explain(7000222), "the number goes before the name");
	got = (struct oauth_answer){ .error = "of_another_world" };
	CHECK(!oauth_answer_explain(&got), "an error that nobody knows");
}

static void check_hiding(void)
{
	struct oauth_answer got;

	(void)oauth_answer_parse(400, STR("{\"error\":\"e\",\"error_description\":\"secret s3cr3t~x is wrong: s3cr3t~x\"}"), &got);
	oauth_answer_hide(&got, STR("s3cr3t~x"));
	CHECK(strcmp(got.description, "secret ******** is wrong: ********") == 0, "hide: the secret is starred out");
	oauth_answer_done(&got);
}

static void check_explanations(void)
{
	static const unsigned numbers[] = {
		50011, 50012, 50013, 50034, 50053, 50055, 50056, 50057, 50074, 50076, 50079, 50105, 50126, 50132, 50133, 50173, 50196, 53000, 53001, 53003, 54005,
		65001, 70000, 70003, 70008, 70011, 70016, 70019, 70043, 90002, 90006, 90014, 90024, 90033, 90055, 90094, 500011, 500131, 500133, 530032,
		530035, 650056, 650057, 700005, 700016, 700024, 700025, 700027, 700082, 700211, 700212, 700213, 900023, 900144, 900561, 7000112, 7000215, 7000218,
		7000222, 7000229, 1002012, 9001023,
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		all &= oauth_aadsts_explain(numbers[i]) && strlen(oauth_aadsts_explain(numbers[i])) > 40;
	CHECK(all, "explain: each number has a cause and a mend");
	CHECK(!oauth_aadsts_explain(0) && !oauth_aadsts_explain(1), "explain: others have none");
}

int main(void)
{
	check_answers();
	check_long();
	check_form();
	check_more_members();
	check_names();
	check_hiding();
	check_explanations();
	return check_report();
}
