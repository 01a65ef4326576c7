/* What an upstream's reply means for the mail: above all, what is no delivery. */
#include <string.h>

#include "check.h"
#include "courier/failure.h"

static const struct {
	const char *label;
	enum smtp_client_phase phase;
	unsigned code; /* 0: the connection is gone */
	const char *enhanced, *text;
	enum failure_meaning meaning;
	const char *cause;
} cases[] = {
	{ "taken", SMTP_CLIENT_END, 250, "2.0.0", "OK", FAILURE_DELIVERED, "delivered" },
	{ "a recipient taken", SMTP_CLIENT_RCPT, 251, "2.1.5", "elsewhere", FAILURE_DELIVERED, "delivered" },
	{ "a greeting is no delivery", SMTP_CLIENT_HELLO, 250, "", "odd.example", FAILURE_LATER, "nonsense" },
	{ "250 to DATA", SMTP_CLIENT_DATA, 250, "2.0.0", "OK", FAILURE_LATER, "nonsense" },
	{ "354 at the end", SMTP_CLIENT_END, 354, "", "go on", FAILURE_LATER, "nonsense" },
	{ "no connection", SMTP_CLIENT_GREETING, 0, "", "", FAILURE_PAUSE_UPSTREAM, "unreachable" },
	{ "cut after the dot", SMTP_CLIENT_END, 0, "", "", FAILURE_LATER, "connection-lost" },
	{ "a fourth connection", SMTP_CLIENT_END, 432, "4.3.2", "Concurrent connections limit exceeded", FAILURE_PAUSE_MAILBOX, "concurrent-connections" },
	{ "the tenant's switch", SMTP_CLIENT_AUTH, 535, "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
	  FAILURE_PAUSE_MAILBOX, "upstream-smtp-auth-tenant" },
	{ "the mailbox's switch", SMTP_CLIENT_AUTH, 535, "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
	  FAILURE_PAUSE_MAILBOX, "upstream-smtp-auth-mailbox" },
	{ "Conditional Access", SMTP_CLIENT_AUTH, 535, "5.7.139", "Authentication unsuccessful, the request did not meet the criteria to be",
	  FAILURE_PAUSE_MAILBOX, "upstream-criteria" },
	{ "basic is over", SMTP_CLIENT_AUTH, 550, "5.7.30", "Basic authentication is not supported for Client Submission.", FAILURE_PAUSE_MAILBOX,
	  "upstream-basic-retired" },
	{ "the token", SMTP_CLIENT_AUTH, 535, "5.7.3", "Authentication unsuccessful", FAILURE_REFRESH_TOKEN, "token-refused" },
	{ "continuous errors", SMTP_CLIENT_MAIL, 550, "5.2.251", "Sender throttled due to continuous mailbox full errors.", FAILURE_PAUSE_MAILBOX,
	  "continuous-errors" },
	{ "the day's recipients", SMTP_CLIENT_RCPT, 550, "5.1.90", "Your message can't be sent", FAILURE_PAUSE_MAILBOX, "recipient-quota" },
	{ "421", SMTP_CLIENT_MAIL, 421, "4.3.2", "Service not available", FAILURE_PAUSE_UPSTREAM, "service-unavailable" },
	{ "451", SMTP_CLIENT_END, 451, "4.7.0", "Temporary server error.", FAILURE_LATER, "temporary" },
	{ "SendAsDenied", SMTP_CLIENT_END, 554, "5.2.252", "SendAsDenied; a not allowed to send as b", FAILURE_NEVER, "send-as-denied" },
	{ "may not send as", SMTP_CLIENT_MAIL, 550, "5.7.60", "SMTP; Client does not have permissions", FAILURE_NEVER, "send-as-denied" },
	{ "mailbox full", SMTP_CLIENT_END, 554, "5.2.2", "mailbox full", FAILURE_NEVER, "permanent" },
};

static const struct failure_verdict *decide(enum smtp_client_phase phase, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply = { .code = code, .enhanced = str_of(enhanced), .text = str_of(text) };

	return failure_decide(phase, code ? &reply : NULL);
}

/* Every phase with every code: mail is delivered by a 2yz to its recipient or at its end, and by nothing else in the world. */
static void test_nothing_else_delivers(void)
{
	unsigned wrong = 0;

	for (int phase = 0; phase < SMTP_CLIENT_PHASE_COUNT; phase++) {
		for (unsigned code = 0; code < 1000; code++) {
			bool yes = code >= 200 && code <= 299 && (phase == SMTP_CLIENT_RCPT || phase == SMTP_CLIENT_END);

			wrong += (decide((enum smtp_client_phase)phase, code, "", "")->meaning == FAILURE_DELIVERED) != yes;
		}
	}
	CHECK(wrong == 0, "a 2yz to RCPT or at the end, and nothing else, delivers");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct failure_verdict *verdict = decide(cases[i].phase, cases[i].code, cases[i].enhanced, cases[i].text);

		CHECK(verdict->meaning == cases[i].meaning && strcmp(verdict->cause, cases[i].cause) == 0, cases[i].label);
	}
	test_nothing_else_delivers();
	return check_report();
}
