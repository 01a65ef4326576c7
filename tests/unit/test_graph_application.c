/* graph_application: which credential of an application is ours, and when it ends, from Graph's answers as they come. */
#include "base/buf.h"
#include "base/clock.h"
#include "check.h"
#include "wire/graph_application.h"

#define NOW "2026-11-24T12:00:00Z"
#define SECRETS(list) "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#applications/$entity\",\"passwordCredentials\":[" list "]}"
#define SECRET(hint, ends) "{\"customKeyIdentifier\":null,\"displayName\":\"x\",\"endDateTime\":" ends ",\"hint\":" hint ",\"keyId\":\"f0b0\",\"secretText\":null}"

static int64_t us_of(const char *text)
{
	int64_t us = 0;

	if (text)
		CHECK(clock_rfc3339_parse(str_of(text), &us), text);
	return us;
}

static const struct {
	const char *label, *body;
	const char *secret, *ends; /* NULL: none is ours */
} secrets[] = {
	{ "one, and it is ours", SECRETS(SECRET("\"ab~\"", "\"2027-05-23T08:15:02.1234567Z\"")), "ab~QwErTy", "2027-05-23T08:15:02.123456Z" },
	{ "none begins so", SECRETS(SECRET("\"ab~\"", "\"2027-05-23T00:00:00Z\"")), "aB~QwErTy", NULL },
	{ "none at all", SECRETS(""), "ab~QwErTy", NULL },
	{ "two while one is rotated",
	  SECRETS(SECRET("\"old\"", "\"2026-12-01T00:00:00Z\"") "," SECRET("\"new\"", "\"2028-12-01T00:00:00Z\"")), "newSecret", "2028-12-01T00:00:00Z" },
	{ "of two that begin alike the one that has not ended",
	  SECRETS(SECRET("\"ab~\"", "\"2026-01-01T00:00:00Z\"") "," SECRET("\"ab~\"", "\"2027-01-01T00:00:00Z\"")), "ab~x", "2027-01-01T00:00:00Z" },
	{ "of two that are good the first to end",
	  SECRETS(SECRET("\"ab~\"", "\"2028-01-01T00:00:00Z\"") "," SECRET("\"ab~\"", "\"2027-01-01T00:00:00Z\"")), "ab~x", "2027-01-01T00:00:00Z" },
	{ "all have ended: the last that did",
	  SECRETS(SECRET("\"ab~\"", "\"2025-01-01T00:00:00Z\"") "," SECRET("\"ab~\"", "\"2026-01-01T00:00:00Z\"")), "ab~x", "2026-01-01T00:00:00Z" },
	{ "no hint (of an old one), no date, a date that is none, a hint too long",
	  SECRETS(SECRET("null", "\"2027-01-01T00:00:00Z\"") "," SECRET("\"ab~\"", "null") "," SECRET("\"ab~\"", "\"soon\"") ","
		  SECRET("\"ab~QwErTyUiOpAsDfGh\"", "\"2027-01-01T00:00:00Z\"")), "ab~QwErTyUiOpAsDfGh", NULL },
	{ "an empty hint is nobody's", SECRETS(SECRET("\"\"", "\"2027-01-01T00:00:00Z\"")), "ab~x", NULL },
	{ "a hint with a NUL", SECRETS(SECRET("\"ab\\u0000\"", "\"2027-01-01T00:00:00Z\"")), "ab", NULL },
	{ "things that are no credentials", SECRETS("7,null,[],\"ab~\""), "ab~x", NULL },
};

#define THUMBPRINT { 0x52, 0xed, 0x9b, 0x50, 0x38, 0xa4, 0x7b, 0x9e, 0x2e, 0x21, 0x90, 0x71, 0x5c, 0xc2, 0x38, 0x35, 0x9d, 0x4f, 0x8f, 0x73 }
#define KEYS(id) "{\"keyCredentials\":[{\"customKeyIdentifier\":" id ",\"endDateTime\":\"2027-02-01T00:00:00Z\",\"key\":null,\"type\":\"AsymmetricX509Cert\",\"usage\":\"Verify\"}]}"

static const struct {
	const char *label, *body;
	bool ours;
} certificates[] = {
	{ "thumbprint: digits", KEYS("\"52ED9B5038A47B9E2E2190715CC238359D4F8F73\""), true },
	{ "thumbprint: small digits", KEYS("\"52ed9b5038a47b9e2e2190715cc238359d4f8f73\""), true },
	{ "thumbprint: base64", KEYS("\"Uu2bUDike54uIZBxXMI4NZ1Pj3M=\""), true },
	{ "thumbprint: base64 of digits", KEYS("\"NTJFRDlCNTAzOEE0N0I5RTJFMjE5MDcxNUNDMjM4MzU5RDRGOEY3Mw==\""), true },
	{ "thumbprint: another's", KEYS("\"00ED9B5038A47B9E2E2190715CC238359D4F8F73\""), false },
	{ "thumbprint: of a name of its own", KEYS("\"bXkga2V5\""), false },
	{ "thumbprint: none", KEYS("null"), false },
	{ "thumbprint: no base64", KEYS("\"!\""), false },
};

static const char *const no_answers[] = {
	"", "[]", "{}", "<html>", "{\"passwordCredentials\":null}", "{\"passwordCredentials\":{}}",
	"{\"error\":{\"code\":\"Authorization_RequestDenied\",\"message\":\"Insufficient privileges to complete the operation.\"}}",
};

static void check_many(void)
{
	struct graph_application application;
	struct buf body;

	buf_init(&body, 1 << 20);
	CHECK(buf_add(&body, STR("{\"passwordCredentials\":[")), "many");
	for (int i = 0; i < 3 * GRAPH_CREDENTIALS_MAX; i++)
		CHECK(buf_add(&body, STR(SECRET("\"ab~\"", "\"2027-01-01T00:00:00Z\"") ",")), "many");
	CHECK(buf_add(&body, STR("null]}")) && graph_application_parse(buf_str(&body), &application) &&
		      application.secrets_count == GRAPH_CREDENTIALS_MAX,
	      "no more than there is room for");
	buf_done(&body);
}

int main(void)
{
	static const unsigned char sha1[] = THUMBPRINT;
	struct graph_application application;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		CHECK(graph_application_parse(str_of(secrets[i].body), &application) &&
			      graph_secret_ends_us(&application, str_of(secrets[i].secret), us_of(NOW)) == us_of(secrets[i].ends),
		      secrets[i].label);
	for (size_t i = 0; i < sizeof(certificates) / sizeof(*certificates); i++)
		CHECK(graph_application_parse(str_of(certificates[i].body), &application) &&
			      graph_certificate_ends_us(&application, sha1) == (certificates[i].ours ? us_of("2027-02-01T00:00:00Z") : 0),
		      certificates[i].label);
	for (size_t i = 0; i < sizeof(no_answers) / sizeof(*no_answers); i++)
		CHECK(!graph_application_parse(str_of(no_answers[i]), &application), no_answers[i]);
	check_many();
	return check_report();
}
