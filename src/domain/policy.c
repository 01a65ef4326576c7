#include "domain/policy.h"

#include <assert.h>

#include "base/say.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define BASIC (1u << AUTH_PROTOCOL_BASIC)
#define OAUTH (1u << AUTH_PROTOCOL_OAUTH)
#define NONE  (1u << AUTH_PROTOCOL_NONE) /* a trusted device that does not sign in */

static bool locked_out(const struct policy_question *question)
{
	return question->locked_out;
}

static bool credentials_wrong(const struct policy_question *question)
{
	return !question->account || !question->tenant || !question->credentials_right;
}

static bool disabled(const struct policy_question *question)
{
	return !question->account->enabled;
}

static bool unlicensed(const struct policy_question *question)
{
	return !question->account->licensed;
}

static bool basic_retired(const struct policy_question *question)
{
	return question->tenant->basic == BASIC_RETIRED;
}

static bool basic_default_off(const struct policy_question *question)
{
	return question->tenant->basic == BASIC_DEFAULT_OFF;
}

static bool rehearsed(const struct policy_question *question)
{
	return question->rehearsed;
}

static bool security_defaults(const struct policy_question *question)
{
	return question->tenant->security_defaults;
}

static bool auth_policy_forbids(const struct policy_question *question)
{
	enum tristate own = question->account->auth_policy_basic_smtp;

	return own == TRI_INHERIT ? !question->tenant->auth_policy_basic_smtp : own == TRI_OFF;
}

/* `enabled` refuses like `enforced`; Microsoft lets the former pass until the user has registered. */
static bool mfa_asked(const struct policy_question *question)
{
	return question->account->mfa != MFA_DISABLED;
}

static bool off_for_mailbox(const struct policy_question *question)
{
	return question->account->smtp_auth == TRI_OFF;
}

static bool off_for_tenant(const struct policy_question *question)
{
	return question->account->smtp_auth == TRI_INHERIT && !question->tenant->smtp_auth;
}

static bool oauth_profile_off(const struct policy_question *question)
{
	return !question->tenant->oauth2_client_profile;
}

static bool address_unfit(const struct policy_question *question)
{
	struct str limits = str_trim(str_of(question->account->address_limits));
	struct cidr cidr;

	if (limits.len == 0)
		return false;
	while (limits.len > 0) {
		if (cidr_parse(str_cut(&limits, ' '), &cidr) && cidr_has(&cidr, question->ip))
			return false;
	}
	return true;
}

#define UNSUCCESSFUL "Authentication unsuccessful"
#define INCORRECT    UNSUCCESSFUL ", the user credentials were incorrect."
#define BASIC_IS_OFF UNSUCCESSFUL ", basic authentication is disabled."
#define CRITERIA                                                                                                       \
	UNSUCCESSFUL ", the request did not meet the criteria to be authenticated successfully. Contact your "         \
		     "administrator."
#define SMTP_AUTH_OFF(of)                                                                                              \
	UNSUCCESSFUL ", SmtpClientAuthentication is disabled for the " of ". Visit https://aka.ms/smtp_auth_disabled " \
		     "for more information."
#define RETIRED "Basic authentication is not supported for Client Submission."

/* Entra has no number for what Exchange refuses after it: this one says that the organization's policy did. */
#define BLOCKED_BY_POLICY 530032
#define BLOCKED_BY_POLICY_REASON "The tenant admin has configured a security policy that blocks this request."

/*
 * In the order in which they are asked; the replies word for word as Exchange Online gives them. Up to the credentials all
 * replies are one, so that nobody learns which names exist. To add a rule: an enum value and a row.
 */
static const struct {
	unsigned protocols; /* to which it applies */
	bool (*refuses)(const struct policy_question *);
	struct policy_answer answer;
} rules[] = {
	[POLICY_ALLOWED] = { 0, NULL, { "", 235, "2.7.0", "Authentication successful", 0, "", "" } },
	[POLICY_LOCKED_OUT] = { BASIC | OAUTH, locked_out,
		{ "locked-out", 535, "5.7.139", INCORRECT, 50053,
		  "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
		  N_("Too many wrong passwords were tried, so this name or network is refused for a while, whatever the "
		     "password. Put the right password into the device that fails; the lock ends by itself, or set a new "
		     "password with \"user passwd\".") } },
	[POLICY_CREDENTIALS] = { BASIC | OAUTH | NONE, credentials_wrong,
		{ "credentials", 535, "5.7.139", INCORRECT, 50126,
		  "Error validating credentials due to invalid username or password.",
		  N_("The password was wrong. Type it again on the device, without blanks before or behind it, or set a new "
		     "one with \"user passwd\".") } },
	[POLICY_ACCOUNT_DISABLED] = { BASIC | OAUTH | NONE, disabled,
		{ "account-disabled", 535, "5.7.3", UNSUCCESSFUL, 50057,
		  "The user account is disabled.",
		  N_("The password was right, but the account is switched off. Switch it on with \"user set ACCOUNT enabled "
		     "yes\".") } },
	[POLICY_UNLICENSED] = { BASIC | OAUTH | NONE, unlicensed,
		{ "unlicensed", 535, "5.7.139", CRITERIA, 50105,
		  "The signed in user is not assigned to a role for the application.",
		  N_("Only a licensed mailbox may send by SMTP AUTH. Assign a licence to the account; here: \"user set ACCOUNT "
		     "licensed yes\".") } },
	[POLICY_BASIC_RETIRED] = { BASIC, basic_retired,
		{ "basic-retired", 550, "5.7.30", RETIRED, BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("Basic authentication has been retired for this tenant: no password signs in any more. The device needs "
		     "OAuth (XOAUTH2), or another way to send.") } },
	[POLICY_BASIC_DEFAULT_OFF] = { BASIC, basic_default_off,
		{ "basic-default-off", 535, "5.7.139", BASIC_IS_OFF, BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("Basic authentication is off by default for this tenant. An administrator can switch it on again until it is "
		     "retired: \"tenant set DOMAIN basic re-enabled\".") } },
	[POLICY_REHEARSAL] = { BASIC, rehearsed,
		{ "rehearsal", 550, "5.7.30", RETIRED, BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("A rehearsal of the retirement refused this sign-in on purpose; nothing is wrong with the account. It ends by "
		     "itself, or with \"rehearse stop\".") } },
	[POLICY_SECURITY_DEFAULTS] = { BASIC, security_defaults,
		{ "security-defaults", 535, "5.7.139",
		  UNSUCCESSFUL ", user is locked by your organization's security defaults policy. Contact your administrator.",
		  530035,
		  "Access has been blocked by security defaults. This is due to the request using legacy auth or being deemed "
		  "unsafe by security defaults policies.",
		  N_("Security defaults are on for this tenant and block Basic authentication. Switch them off where another "
		     "policy protects the tenant (\"tenant set DOMAIN security-defaults off\"), or let the device use OAuth.") } },
	[POLICY_AUTH_POLICY] = { BASIC, auth_policy_forbids,
		{ "auth-policy", 535, "5.7.139", BASIC_IS_OFF, BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("The authentication policy of this account or tenant does not allow Basic authentication for SMTP "
		     "(AllowBasicAuthSmtp). Allow it with \"auth-policy-basic-smtp on\", or let the device use OAuth.") } },
	[POLICY_MFA] = { BASIC, mfa_asked,
		{ "mfa", 535, "5.7.139", CRITERIA, 50076,
		  "Due to a configuration change made by your administrator, or because you moved to a new location, you must use "
		  "multi-factor authentication to access the resource.",
		  N_("Multi-factor authentication is on for this account, which a password alone cannot satisfy. Use an account "
		     "without it for the device (\"user set ACCOUNT mfa disabled\"), or OAuth.") } },
	[POLICY_SMTP_AUTH_MAILBOX] = { BASIC | OAUTH, off_for_mailbox,
		{ "smtp-auth-mailbox", 535, "5.7.139", SMTP_AUTH_OFF("Mailbox"), BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("SMTP AUTH is switched off for this account. Its own setting counts before the tenant's: \"user set ACCOUNT "
		     "smtp-auth on\" (or inherit).") } },
	[POLICY_SMTP_AUTH_TENANT] = { BASIC | OAUTH, off_for_tenant,
		{ "smtp-auth-tenant", 535, "5.7.139", SMTP_AUTH_OFF("Tenant"), BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("SMTP AUTH is switched off for the tenant, and this account has no setting of its own. Switch it on for the "
		     "tenant (\"tenant set DOMAIN smtp-auth on\") or, better, for this account alone (\"user set ACCOUNT "
		     "smtp-auth on\").") } },
	[POLICY_OAUTH_PROFILE] = { OAUTH, oauth_profile_off,
		{ "oauth-profile", 535, "5.7.3", UNSUCCESSFUL, BLOCKED_BY_POLICY, BLOCKED_BY_POLICY_REASON,
		  N_("OAuth is switched off for this tenant (OAuth2ClientProfileEnabled). Switch it on: \"tenant set DOMAIN "
		     "oauth2-client-profile on\".") } },
	[POLICY_ADDRESS] = { BASIC | OAUTH | NONE, address_unfit,
		{ "address", 535, "5.7.139", CRITERIA, 53003,
		  "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
		  N_("The password was right, but this account may sign in from certain addresses only. Add the device's address "
		     "to its address-limits, or find out who else uses this password.") } },
};
static_assert(COUNT(rules) == POLICY_RULE_COUNT, "a row for each rule");

/* What the log says of a name that nobody has; the device reads what all read whose credentials are wrong. */
static const struct policy_answer nobody = {
	"unknown-user", 535, "5.7.139", INCORRECT, 50034,
	"The user account does not exist in the directory.",
	N_("Nobody here has that user name. Check how it is written on the device: it is the whole mail address. New accounts are "
	   "made with \"user add\"."),
};

enum policy_rule policy_decide(const struct policy_question *question)
{
	for (size_t i = POLICY_ALLOWED + 1; i < COUNT(rules); i++) {
		if ((rules[i].protocols & 1u << question->protocol) && rules[i].refuses(question))
			return (enum policy_rule)i;
	}
	return POLICY_ALLOWED;
}

const struct policy_answer *policy_answer_of(enum policy_rule rule)
{
	assert((unsigned)rule < POLICY_RULE_COUNT);
	return &rules[rule].answer;
}

const struct policy_answer *policy_log_answer(enum policy_rule rule, const struct policy_question *question)
{
	return rule == POLICY_CREDENTIALS && !question->account ? &nobody : policy_answer_of(rule);
}

const struct policy_answer *policy_answer_find(struct str cause)
{
	if (str_eq(cause, str_of(nobody.cause)))
		return &nobody;
	for (size_t i = POLICY_ALLOWED + 1; i < COUNT(rules); i++) {
		if (str_eq(cause, str_of(rules[i].answer.cause)))
			return &rules[i].answer;
	}
	return NULL;
}

bool policy_rule_parse(struct str cause, enum policy_rule *ret_rule)
{
	for (size_t i = POLICY_ALLOWED + 1; i < COUNT(rules); i++) {
		if (str_eq(cause, str_of(rules[i].answer.cause))) {
			*ret_rule = (enum policy_rule)i;
			return true;
		}
	}
	if (!str_eq(cause, str_of(nobody.cause)))
		return false;
	*ret_rule = POLICY_CREDENTIALS;
	return true;
}

bool policy_smtp_auth(const struct tenant *tenant, const struct account *account, const char **ret_from)
{
	bool own = account->smtp_auth != TRI_INHERIT;

	*ret_from = own ? "mailbox" : "tenant";
	return own ? account->smtp_auth == TRI_ON : tenant->smtp_auth;
}
