/* The policy: every combination of switches against the rules as one would tell them to somebody, replies included. */
#include <inttypes.h>
#include <string.h>

#include "base/say.h"
#include "check.h"
#include "domain/policy.h"

#define CREDENTIALS "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect."
#define CRITERIA                                                                                                       \
	"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "          \
	"successfully. Contact your administrator."
#define BASIC_OFF "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
#define RETIRED	  "550 5.7.30 Basic authentication is not supported for Client Submission."
#define TENANT_OFF                                                                                                     \
	"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "         \
	"https://aka.ms/smtp_auth_disabled for more information."
#define MAILBOX_OFF                                                                                                    \
	"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit "        \
	"https://aka.ms/smtp_auth_disabled for more information."
#define SECURITY_DEFAULTS                                                                                              \
	"535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. "    \
	"Contact your administrator."

struct verdict {
	const char *reply;
	unsigned error_code;
};

/*
 * Nobody learns more than "incorrect" until the credentials are right; a device that does not sign in has none to be
 * locked out for. Then, for everybody: a disabled account is out, and one without a licence. Only for Basic: where it has
 * been retired, or is off by default, or a rehearsal wants this one, no password helps; nor under security defaults, nor
 * where the authentication policy (the account's own, else the tenant's) forbids it, nor with MFA in any state but
 * disabled. For whoever signs in: SMTP AUTH must be on for the mailbox or, when the mailbox says nothing, for the tenant. Only for
 * OAuth: the tenant must allow it. At last, the address must be one of those that the account is limited to, if it is.
 */
static struct verdict told(const struct policy_question *question, bool address_is_fit)
{
	const struct account *account = question->account;
	const struct tenant *tenant = question->tenant;
	bool basic = question->protocol == AUTH_PROTOCOL_BASIC;
	bool oauth = question->protocol == AUTH_PROTOCOL_OAUTH;

	if ((basic || oauth) && question->locked_out)
		return (struct verdict){ CREDENTIALS, 50053 };
	if (!question->credentials_right)
		return (struct verdict){ CREDENTIALS, 50126 };
	if (!account->enabled)
		return (struct verdict){ "535 5.7.3 Authentication unsuccessful", 50057 };
	if (!account->licensed)
		return (struct verdict){ CRITERIA, 50105 };
	if (basic) {
		if (tenant->basic == BASIC_RETIRED)
			return (struct verdict){ RETIRED, 530032 };
		if (tenant->basic == BASIC_DEFAULT_OFF)
			return (struct verdict){ BASIC_OFF, 530032 };
		if (question->rehearsed)
			return (struct verdict){ RETIRED, 530032 };
		if (tenant->security_defaults)
			return (struct verdict){ SECURITY_DEFAULTS, 530035 };
		if (account->auth_policy_basic_smtp == TRI_OFF ||
		    (account->auth_policy_basic_smtp == TRI_INHERIT && !tenant->auth_policy_basic_smtp))
			return (struct verdict){ BASIC_OFF, 530032 };
		if (account->mfa == MFA_ENABLED || account->mfa == MFA_ENFORCED)
			return (struct verdict){ CRITERIA, 50076 };
	}
	if (basic || oauth) {
		if (account->smtp_auth == TRI_OFF)
			return (struct verdict){ MAILBOX_OFF, 530032 };
		if (account->smtp_auth == TRI_INHERIT && !tenant->smtp_auth)
			return (struct verdict){ TENANT_OFF, 530032 };
	}
	if (oauth && !tenant->oauth2_client_profile)
		return (struct verdict){ "535 5.7.3 Authentication unsuccessful", 530032 };
	if (!address_is_fit)
		return (struct verdict){ CRITERIA, 53003 };
	return (struct verdict){ "235 2.7.0 Authentication successful", 0 };
}

static unsigned take(unsigned *rest, unsigned values)
{
	unsigned value = *rest % values;

	*rest /= values;
	return value;
}

static bool combination_fits(enum auth_protocol protocol, unsigned number)
{
	static char limits[2][40] = { "192.0.2.0/24 2001:db8::/32", "198.51.100.0/24 203.0.113.9" };
	struct tenant tenant = { .domain = NULL };
	struct account account = { .address = NULL };
	struct policy_question question = { .protocol = protocol, .account = &account, .tenant = &tenant };
	const struct policy_answer *answer;
	unsigned rest = number;
	bool address_is_fit;
	struct verdict want;
	char reply[512];

	account.smtp_auth = (enum tristate)take(&rest, 3);
	account.auth_policy_basic_smtp = (enum tristate)take(&rest, 3);
	account.mfa = (enum mfa_state)take(&rest, 3);
	tenant.basic = (enum basic_state)take(&rest, 4);
	tenant.smtp_auth = take(&rest, 2);
	tenant.security_defaults = take(&rest, 2);
	tenant.auth_policy_basic_smtp = take(&rest, 2);
	tenant.oauth2_client_profile = take(&rest, 2);
	account.licensed = take(&rest, 2);
	account.enabled = take(&rest, 2);
	question.credentials_right = take(&rest, 2);
	question.locked_out = take(&rest, 2);
	question.rehearsed = take(&rest, 2);
	address_is_fit = take(&rest, 2);
	account.address_limits = limits[!address_is_fit];
	(void)ip_parse(STR("192.0.2.7"), question.ip);

	answer = policy_log_answer(policy_decide(&question), &question);
	want = told(&question, address_is_fit);
	(void)snprintf(reply, sizeof(reply), "%u %s %s", answer->code, answer->enhanced, answer->text);
	if (strcmp(reply, want.reply) == 0 && answer->error_code == want.error_code)
		return true;
	printf("# protocol %d, combination %u: \"%s\" %u, wanted \"%s\" %u\n", (int)protocol, number, reply, answer->error_code,
	       want.reply, want.error_code);
	return false;
}

static void test_all(void)
{
	static const char *const labels[] = { "Basic", "OAuth", "no sign-in" };
	const unsigned combinations = 3 * 3 * 3 * 4 * 1024;

	for (int protocol = 0; protocol < 3; protocol++) {
		unsigned right = 0;
		unsigned number = 0;

		for (; number < combinations && right == number; number++)
			right += combination_fits((enum auth_protocol)protocol, number);
		printf("# %u combinations\n", number);
		CHECK(right == combinations, labels[protocol]);
	}
}

/* Before the credentials are right, three different things must read alike. */
static void test_oracle(void)
{
	struct tenant tenant;
	struct account account;
	struct policy_question unknown = { .protocol = AUTH_PROTOCOL_BASIC };
	struct policy_question wrong = { .protocol = AUTH_PROTOCOL_BASIC, .account = &account, .tenant = &tenant };
	struct policy_question locked = wrong, no_tenant = wrong;
	const struct policy_question *questions[] = { &unknown, &wrong, &locked, &no_tenant };
	static const unsigned codes[] = { 50034, 50126, 50053, 50126 };

	tenant_init(&tenant);
	account_init(&account);
	account.enabled = false; /* must not show */
	locked.locked_out = true;
	locked.credentials_right = true;
	no_tenant.tenant = NULL;
	no_tenant.credentials_right = true;
	unknown.credentials_right = true;
	for (size_t i = 0; i < 4; i++) {
		enum policy_rule rule = policy_decide(questions[i]);
		const struct policy_answer *reply = policy_answer_of(rule);
		const struct policy_answer *log = policy_log_answer(rule, questions[i]);
		char text[256];

		(void)snprintf(text, sizeof(text), "%u %s %s", reply->code, reply->enhanced, reply->text);
		CHECK(strcmp(text, CREDENTIALS) == 0, "one reply until the credentials are right");
		(void)snprintf(text, sizeof(text), "%u %s %s", log->code, log->enhanced, log->text);
		CHECK(strcmp(text, CREDENTIALS) == 0, "and the log's answer has no other");
		CHECK(log->error_code == codes[i], "but the log knows");
	}
}

static void test_causes(void)
{
	for (int rule = POLICY_ALLOWED + 1; rule < POLICY_RULE_COUNT; rule++) {
		const struct policy_answer *answer = policy_answer_of((enum policy_rule)rule);
		enum policy_rule back = POLICY_ALLOWED;

		CHECK(policy_rule_parse(str_of(answer->cause), &back) && back == (enum policy_rule)rule &&
			      policy_answer_find(str_of(answer->cause)) == answer,
		      answer->cause);
		CHECK(answer->details[0] && answer->reason[0] && answer->error_code && answer->code >= 500, answer->cause);
	}
	CHECK(policy_answer_find(STR("unknown-user"))->error_code == 50034, "unknown-user");
	CHECK(!policy_answer_find(STR("")) && !policy_answer_find(STR("credential")), "no cause");
}

static void test_smtp_auth(void)
{
	static const struct {
		const char *label;
		enum tristate mailbox;
		bool tenant, want;
		const char *from;
	} cases[] = {
		{ "mailbox on over tenant off", TRI_ON, false, true, "mailbox" },
		{ "mailbox off over tenant on", TRI_OFF, true, false, "mailbox" },
		{ "inherited on", TRI_INHERIT, true, true, "tenant" },
		{ "inherited off", TRI_INHERIT, false, false, "tenant" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tenant tenant = { .smtp_auth = cases[i].tenant };
		struct account account = { .smtp_auth = cases[i].mailbox };
		const char *from = "";

		CHECK(policy_smtp_auth(&tenant, &account, &from) == cases[i].want && strcmp(from, cases[i].from) == 0,
		      cases[i].label);
	}
}

static void test_address_limits(void)
{
	static const struct {
		const char *label, *limits, *ip;
		bool fits;
	} cases[] = {
		{ "none: from anywhere", "", "203.0.113.9", true },
		{ "blanks are none", "  ", "203.0.113.9", true },
		{ "IPv4 network", "192.0.2.0/24", "192.0.2.255", true },
		{ "outside", "192.0.2.0/24", "192.0.3.0", false },
		{ "second of two, two blanks between", "10.0.0.0/8  2001:db8::/32", "2001:db8::9", true },
		{ "one address", "192.0.2.7", "192.0.2.7", true },
		{ "IPv4-mapped is IPv4", "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "what cannot be read lets nobody in", "192.0.2.0/33", "192.0.2.1", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tenant tenant;
		struct account account;
		struct policy_question question = { .account = &account, .tenant = &tenant, .credentials_right = true };
		char limits[64];

		tenant_init(&tenant);
		account_init(&account);
		(void)snprintf(limits, sizeof(limits), "%s", cases[i].limits);
		account.address_limits = limits;
		CHECK(ip_parse(str_of(cases[i].ip), question.ip), cases[i].ip);
		CHECK(policy_decide(&question) == (cases[i].fits ? POLICY_ALLOWED : POLICY_ADDRESS), cases[i].label);
	}
}

int main(void)
{
	test_all();
	test_oracle();
	test_causes();
	test_smtp_auth();
	test_address_limits();
	return check_report();
}
