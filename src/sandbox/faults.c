#include "sandbox/faults.h"

#include "domain/nearest.h"

#define TIMES_MAX 1000000

/* To add a case: an enum value, a row, and the place where it strikes. */
static const struct {
	const char *name;
	const char *explain;
} rows[FAULT_COUNT] = {
	[FAULT_TENANT_SWITCH] = { "tenant-switch", N_("AUTH is refused: SMTP AUTH is off for the tenant") },
	[FAULT_MAILBOX_SWITCH] = { "mailbox-switch", N_("AUTH is refused: SMTP AUTH is off for the mailbox") },
	[FAULT_SECURITY_DEFAULTS] = { "security-defaults", N_("AUTH is refused by security defaults") },
	[FAULT_AUTH_POLICY] = { "auth-policy", N_("AUTH is refused by an authentication policy") },
	[FAULT_CRITERIA] = { "criteria", N_("AUTH is refused by Conditional Access") },
	[FAULT_BASIC_RETIRED] = { "basic-retired", N_("AUTH with a password is refused for good: 550 5.7.30") },
	[FAULT_WRONG_SECRET] = { "wrong-secret", N_("the token endpoint knows another client secret: AADSTS7000215") },
	[FAULT_EXPIRED_SECRET] = { "expired-secret", N_("the client secret has expired: AADSTS7000222") },
	[FAULT_TOKEN_EXPIRING] = { "token-expiring", N_("tokens are good for 5 seconds") },
	[FAULT_TOKEN_ENDPOINT_DOWN] = { "token-endpoint-down", N_("the token endpoint hangs up without an answer") },
	[FAULT_CONCURRENT_432] = { "concurrent-432", N_("a fourth connection of a mailbox is answered 432") },
	[FAULT_RATE_30] = { "rate-30", N_("after 30 messages a minute of a mailbox the reply waits for the next minute") },
	[FAULT_SEND_AS_DENIED] = { "send-as-denied", N_("a message is refused: 554 5.2.252 SendAsDenied") },
	[FAULT_MAILBOX_FULL] = { "mailbox-full", N_("a message is refused: 554 5.2.2 mailbox full") },
	[FAULT_ERRORS_52251] = { "errors-52251", N_("the sender is throttled: 550 5.2.251 mailbox full errors") },
	[FAULT_ERRORS_52252] = { "errors-52252", N_("the sender is throttled: 550 5.2.252 send as denied errors") },
	[FAULT_ERRORS_52253] = { "errors-52253", N_("the sender is throttled: 550 5.2.253 invalid license errors") },
	[FAULT_ERRORS_52254] = { "errors-52254", N_("the sender is throttled: 550 5.2.254 too many recipients errors") },
	[FAULT_ERRORS_52255] = { "errors-52255", N_("the sender is throttled: 550 5.2.255 invalid recipients errors") },
	[FAULT_RECIPIENT_QUOTA] = { "recipient-quota", N_("RCPT is refused: 550 5.1.90 daily limit for recipients") },
	[FAULT_TEMPORARY_451] = { "temporary-451", N_("a message is answered 451 4.7.0 at its end") },
	[FAULT_SERVICE_421] = { "service-421", N_("MAIL is answered 421 and the connection closed") },
	[FAULT_CUT_AFTER_DOT] = { "cut-after-dot", N_("a message is taken, and the connection cut before the reply") },
	[FAULT_CUT_MID_DATA] = { "cut-mid-data", N_("the connection is cut in the middle of a message") },
	[FAULT_SLOW] = { "slow", N_("the reply to a message comes after 3 seconds") },
	[FAULT_NO_STARTTLS] = { "no-starttls", N_("STARTTLS is not offered") },
	[FAULT_BAD_CERTIFICATE] = { "bad-certificate", N_("the certificate is signed by itself and for another name") },
	[FAULT_CONSENT_MISSING] = { "consent-missing", N_("nobody has consented to the application: AADSTS65001") },
	[FAULT_APP_DISABLED] = { "app-disabled", N_("the application is disabled: AADSTS7000112") },
	[FAULT_CLOCK_SKEW] = { "clock-skew", N_("the token endpoint's clock is another: AADSTS700024") },
	[FAULT_NO_RESOURCE] = { "no-resource", N_("the tenant has no Exchange Online: AADSTS500011") },
	[FAULT_MFA_NEEDED] = { "mfa-needed", N_("multi-factor authentication is needed: AADSTS50076") },
	[FAULT_CONDITIONAL_ACCESS] = { "conditional-access", N_("Conditional Access gives no token: AADSTS53003") },
	[FAULT_PERSON_DISABLED] = { "person-disabled", N_("the person's account is disabled: AADSTS50057") },
	[FAULT_REFRESH_EXPIRED] = { "refresh-expired", N_("the refresh token has expired: AADSTS700082") },
	[FAULT_TOKEN_THROTTLED] = { "token-throttled", N_("the token endpoint answers 429 with Retry-After: AADSTS90055") },
	[FAULT_TOKEN_PAGE] = { "token-page", N_("a page of a firewall comes in place of a token") },
	[FAULT_TOKEN_NONSENSE] = { "token-nonsense", N_("half a JSON object comes in place of a token") },
	[FAULT_METADATA_UPDATING] = { "metadata-updating", N_("the metadata service answers 410") },
	[FAULT_GRAPH_401] = { "graph-401", N_("Graph refuses the token as expired: 401 InvalidAuthenticationToken") },
	[FAULT_GRAPH_403] = { "graph-403", N_("Graph refuses the application: 403 ErrorAccessDenied") },
	[FAULT_GRAPH_POLICY] = { "graph-policy", N_("Graph refuses the application by an access policy: 403") },
	[FAULT_GRAPH_SEND_AS] = { "graph-send-as", N_("Graph refuses the sender: 403 ErrorSendAsDenied") },
	[FAULT_GRAPH_NO_MAILBOX] = { "graph-no-mailbox", N_("Graph knows no such mailbox: 404 MailboxNotEnabledForRESTAPI") },
	[FAULT_GRAPH_NO_USER] = { "graph-no-user", N_("Graph knows no such user: 404 ErrorInvalidUser") },
	[FAULT_GRAPH_QUOTA] = { "graph-quota", N_("Graph says that the mailbox is full: ErrorQuotaExceeded") },
	[FAULT_GRAPH_RECIPIENTS] = { "graph-recipients", N_("Graph refuses the recipients: 400 ErrorInvalidRecipients") },
	[FAULT_GRAPH_413] = { "graph-413", N_("Graph finds the request too large: 413") },
	[FAULT_GRAPH_SIZE] = { "graph-size", N_("Graph finds the message too large: ErrorMessageSizeExceeded") },
	[FAULT_GRAPH_429] = { "graph-429", N_("Graph throttles the mailbox: 429 with Retry-After") },
	[FAULT_GRAPH_503] = { "graph-503", N_("Graph is busy: 503 with Retry-After") },
	[FAULT_GRAPH_500] = { "graph-500", N_("Graph fails: 500") },
	[FAULT_GRAPH_504] = { "graph-504", N_("Graph takes a message and answers 504") },
	[FAULT_GRAPH_200] = { "graph-200", N_("Graph answers 200 and sends nothing") },
	[FAULT_GRAPH_NONSENSE] = { "graph-nonsense", N_("what answers is not Graph: 404 with a page") },
	[FAULT_GRAPH_CUT] = { "graph-cut", N_("Graph takes a message, and hangs up before its answer") },
	[FAULT_GRAPH_HALF] = { "graph-half", N_("Graph takes a message, and hangs up in the middle of its answer") },
	[FAULT_GRAPH_HANG] = { "graph-hang", N_("Graph takes a message, and answers after 10 seconds") },
	[FAULT_GRAPH_UPLOAD] = { "graph-upload", N_("Graph fails in the middle of a file: 500") },
	[FAULT_GRAPH_SLOW] = { "graph-slow", N_("Graph answers after half a second") },
	[FAULT_APPLICATION_DENIED] = { "application-denied", N_("Graph does not show the application its registration: 403 Authorization_RequestDenied") },
	[FAULT_APPLICATION_OTHER] = { "application-other", N_("Graph shows an application with other secrets than its own") },
};

void faults_init(struct faults *faults)
{
	*faults = (struct faults){ 0 };
	(void)pthread_mutex_init(&faults->mutex, NULL);
}

const char *faults_name(enum sandbox_fault which)
{
	return rows[which].name;
}

const char *faults_explain(enum sandbox_fault which)
{
	return rows[which].explain;
}

static enum outcome unknown(struct str name, struct fault *fault)
{
	const char *names[FAULT_COUNT];
	struct str near;

	for (int i = 0; i < FAULT_COUNT; i++)
		names[i] = rows[i].name;
	near = nearest(name, names, FAULT_COUNT);
	if (near.len == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("--fail knows no case \"%.*s\"; see: sekisho sandbox --list-cases"), STR_ARG(name));
	return fault_set(fault, OUTCOME_NEVER, N_("--fail knows no case \"%.*s\"; did you mean \"%.*s\"?"), STR_ARG(name), STR_ARG(near));
}

enum outcome faults_add(struct faults *faults, struct str text, struct fault *fault)
{
	struct str rest = text;
	struct str name = str_cut(&rest, ':');
	uint64_t times = 0;

	if (name.len < text.len && (!str_to_u64(rest, TIMES_MAX, &times) || times == 0))
		return fault_set(fault, OUTCOME_NEVER, N_("--fail %.*s: behind the colon stands how often, a whole number from 1"), STR_ARG(text));
	for (int i = 0; i < FAULT_COUNT; i++) {
		if (!str_eq(name, str_of(rows[i].name)))
			continue;
		faults->on[i] = true;
		faults->counted[i] = times > 0;
		faults->left[i] = (unsigned)times;
		return OUTCOME_OK;
	}
	return unknown(name, fault);
}

bool faults_strike(struct faults *faults, enum sandbox_fault which)
{
	bool strikes;

	(void)pthread_mutex_lock(&faults->mutex);
	strikes = faults->on[which];
	if (strikes && faults->counted[which] && --faults->left[which] == 0)
		faults->on[which] = false;
	(void)pthread_mutex_unlock(&faults->mutex);
	return strikes;
}

bool faults_is_on(struct faults *faults, enum sandbox_fault which)
{
	bool on;

	(void)pthread_mutex_lock(&faults->mutex);
	on = faults->on[which];
	(void)pthread_mutex_unlock(&faults->mutex);
	return on;
}
