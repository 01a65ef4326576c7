/* What an upstream's reply means for the mail: above all, what is no delivery. */
#include <string.h>

#include "base/say.h"
#include "check.h"
#include "courier/failure_graph.h"
#include "courier/remedy.h"

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
	  "continuous-mailbox-full" },
	{ "the day's recipients", SMTP_CLIENT_RCPT, 550, "5.1.90", "Your message can't be sent", FAILURE_PAUSE_MAILBOX, "recipient-quota" },
	{ "421", SMTP_CLIENT_MAIL, 421, "4.3.2", "Service not available", FAILURE_PAUSE_UPSTREAM, "service-unavailable" },
	{ "451", SMTP_CLIENT_END, 451, "4.7.0", "Temporary server error.", FAILURE_LATER, "temporary" },
	{ "SendAsDenied", SMTP_CLIENT_END, 554, "5.2.252", "SendAsDenied; a not allowed to send as b", FAILURE_NEVER, "send-as-denied" },
	{ "may not send as", SMTP_CLIENT_MAIL, 550, "5.7.60", "SMTP; Client does not have permissions", FAILURE_NEVER, "send-as-denied" },
	{ "mailbox full", SMTP_CLIENT_END, 554, "5.2.2", "mailbox full", FAILURE_NEVER, "mailbox-full" },
	{ "5.1.1 is not 5.1.16", SMTP_CLIENT_RCPT, 550, "5.1.16", "moved", FAILURE_NEVER, "permanent" },
	{ "not signed in is no matter of the message", SMTP_CLIENT_RCPT, 530, "5.7.0", "Must issue a STARTTLS command first", FAILURE_PAUSE_MAILBOX, "not-signed-in" },
};

/*
 * Every text that Exchange Online is known to say, as it stands on the wire (without its host and time), and what it means here.
 * A text that falls through to the last words of the table would be "permanent", "temporary", "sign-in-refused" or "nonsense":
 * where that is wanted, it is said.
 */
#define AUTH SMTP_CLIENT_AUTH
#define MAIL SMTP_CLIENT_MAIL
#define RCPT SMTP_CLIENT_RCPT
#define END SMTP_CLIENT_END
static const struct {
	enum smtp_client_phase phase;
	const char *text;
	enum failure_meaning meaning;
	const char *cause;
	enum failure_kind kind;
} catalogue[] = {
	/* AUTH */
	{ AUTH, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
	  FAILURE_PAUSE_MAILBOX, "upstream-smtp-auth-tenant", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
	  FAILURE_PAUSE_MAILBOX, "upstream-smtp-auth-mailbox", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
	  FAILURE_PAUSE_MAILBOX, "upstream-criteria", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
	  FAILURE_PAUSE_MAILBOX, "upstream-security-defaults", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", FAILURE_PAUSE_MAILBOX, "upstream-auth-policy", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", FAILURE_PAUSE_MAILBOX, "upstream-credentials", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator.", FAILURE_PAUSE_MAILBOX, "upstream-locked", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.", FAILURE_PAUSE_MAILBOX, "upstream-federation", 0 },
	{ AUTH, "535 5.7.139 Authentication unsuccessful, the federated STS URL does not support HTTPS.", FAILURE_PAUSE_MAILBOX, "upstream-federation", 0 },
	{ AUTH, "535 5.7.3 Authentication unsuccessful", FAILURE_REFRESH_TOKEN, "token-refused", 0 },
	{ AUTH, "535 5.7.3 Authentication unsuccessful. Tenant locked out", FAILURE_PAUSE_UPSTREAM, "upstream-tenant-locked", 0 },
	{ AUTH, "550 5.7.30 Basic authentication is not supported for Client Submission.", FAILURE_PAUSE_MAILBOX, "upstream-basic-retired", 0 },
	{ AUTH, "501 5.5.124 Invalid XOAUTH2 auth data", FAILURE_PAUSE_MAILBOX, "upstream-auth-data", 0 },
	{ AUTH, "504 5.7.4 Unrecognized authentication type", FAILURE_PAUSE_MAILBOX, "upstream-mechanism", 0 },
	{ AUTH, "501 5.5.4 Authentication cancelled", FAILURE_PAUSE_MAILBOX, "sign-in-refused", 0 },
	{ AUTH, "503 5.5.2 Auth command already specified", FAILURE_PAUSE_MAILBOX, "sign-in-refused", 0 },
	{ AUTH, "454 4.7.0 Temporary authentication failure", FAILURE_PAUSE_MAILBOX, "sign-in-later", 0 },
	{ AUTH, "451 4.7.3 Authentication unsuccessful due to temporary server error. Please try again later.", FAILURE_PAUSE_MAILBOX, "sign-in-later", 0 },
	{ AUTH, "421 4.7.0 Too many errors on this connection, closing transmission channel", FAILURE_PAUSE_MAILBOX, "too-many-errors", 0 },
	{ AUTH, "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls.",
	  FAILURE_PAUSE_UPSTREAM, "upstream-tls-too-old", 0 },
	/* MAIL */
	{ MAIL, "530 5.7.57 Client not authenticated to send mail.", FAILURE_PAUSE_MAILBOX, "not-signed-in", 0 },
	{ MAIL, "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
	  FAILURE_PAUSE_MAILBOX, "not-signed-in", 0 },
	{ MAIL, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM.", FAILURE_PAUSE_MAILBOX, "not-signed-in", 0 },
	{ MAIL, "451 5.7.3 STARTTLS is required to send mail", FAILURE_PAUSE_UPSTREAM, "starttls-required", 0 },
	{ MAIL, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", FAILURE_NEVER, "send-as-denied", FAILURE_SEND_AS_DENIED },
	{ MAIL, "550 5.1.8 Access denied, bad outbound sender", FAILURE_PAUSE_MAILBOX, "bad-outbound-sender", 0 },
	{ MAIL, "501 5.1.7 Invalid address", FAILURE_NEVER, "invalid-sender", 0 },
	/* RCPT and policy */
	{ RCPT, "452 4.5.3 Too many recipients", FAILURE_LATER, "recipients-next-time", 0 },
	{ RCPT, "550 5.5.3 Too many recipients", FAILURE_NEVER, "too-many-recipients", FAILURE_TOO_MANY_RECIPIENTS },
	{ RCPT, "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", FAILURE_PAUSE_MAILBOX, "recipient-quota", 0 },
	{ RCPT, "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
	  FAILURE_PAUSE_UPSTREAM, "tenant-recipient-quota", 0 },
	{ END, "554 5.2.2 Submission quota exceeded", FAILURE_PAUSE_MAILBOX, "recipient-quota", 0 },
	{ RCPT, "501 5.1.3 Invalid address", FAILURE_NEVER, "invalid-recipient", FAILURE_INVALID_RECIPIENT },
	{ RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", FAILURE_NEVER, "invalid-recipient", FAILURE_INVALID_RECIPIENT },
	{ RCPT, "252 2.1.5 Cannot VRFY user", FAILURE_DELIVERED, "delivered", 0 },
	/* DATA and its end */
	{ END, "554 5.2.252 SendAsDenied; a@x not allowed to send as b@x; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message.",
	  FAILURE_NEVER, "send-as-denied", FAILURE_SEND_AS_DENIED },
	{ END, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message", FAILURE_NEVER, "send-as-denied",
	  FAILURE_SEND_AS_DENIED },
	{ END, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", FAILURE_PAUSE_MAILBOX, "recipient-quota", 0 },
	{ END, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", FAILURE_NEVER, "mailbox-full",
	  FAILURE_MAILBOX_FULL },
	{ END, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded", FAILURE_NEVER, "mailbox-full",
	  FAILURE_MAILBOX_FULL },
	{ END, "550 5.2.251 Sender throttled due to continuous mailbox full errors.", FAILURE_PAUSE_MAILBOX, "continuous-mailbox-full", 0 },
	{ END, "550 5.2.252 Sender throttled due to continuous send as denied errors.", FAILURE_PAUSE_MAILBOX, "continuous-send-as-denied", 0 },
	{ END, "550 5.2.253 Sender throttled due to continuous invalid license errors.", FAILURE_PAUSE_MAILBOX, "continuous-invalid-license", 0 },
	{ END, "550 5.2.254 Sender throttled due to continuous too many recipients errors.", FAILURE_PAUSE_MAILBOX, "continuous-too-many-recipients", 0 },
	{ END, "550 5.2.255 Sender throttled due to continuous invalid recipients errors.", FAILURE_PAUSE_MAILBOX, "continuous-invalid-recipients", 0 },
	{ END, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", FAILURE_PAUSE_MAILBOX, "concurrent-connections", 0 },
	{ END, "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.", FAILURE_PAUSE_MAILBOX, "concurrent-connections", 0 },
	{ END, "552 5.3.4 Message size exceeds fixed maximum message size", FAILURE_NEVER, "too-large", 0 },
	{ END, "552 5.3.4 Header size exceeds fixed maximum size", FAILURE_NEVER, "header-too-large", 0 },
	{ END, "554 5.6.0 Invalid message content", FAILURE_NEVER, "invalid-content", 0 },
	{ END, "554 5.6.11 Invalid characters", FAILURE_NEVER, "invalid-content", 0 },
	/* The service */
	{ MAIL, "421 4.3.2 Service not available", FAILURE_PAUSE_UPSTREAM, "service-unavailable", 0 },
	{ SMTP_CLIENT_GREETING, "421 4.3.2 Service not active", FAILURE_PAUSE_UPSTREAM, "upstream-refuses", 0 },
	{ END, "451 4.7.0 Temporary server error. Please try again later. PRX2", FAILURE_LATER, "temporary", 0 },
	{ MAIL, "421 4.4.1 Connection timed out", FAILURE_PAUSE_UPSTREAM, "service-unavailable", 0 },
	{ MAIL, "421 4.4.2 Connection dropped due to SocketError", FAILURE_PAUSE_UPSTREAM, "service-unavailable", 0 },
	{ MAIL, "421 4.4.2 Message submission rate for this client has exceeded the configured limit", FAILURE_PAUSE_MAILBOX, "submission-rate", 0 },
	{ RCPT, "451 4.7.500 Access denied, please try again later (AS780)", FAILURE_LATER, "temporary", 0 },
	/* The protocol */
	{ MAIL, "500 5.3.3 Unrecognized command 'xxx'", FAILURE_NEVER, "permanent", 0 },
	{ MAIL, "502 5.3.3 Command not implemented", FAILURE_NEVER, "permanent", 0 },
	{ MAIL, "503 5.5.2 Send hello first", FAILURE_NEVER, "permanent", 0 },
	{ SMTP_CLIENT_HELLO, "501 5.5.4 Invalid domain name", FAILURE_PAUSE_UPSTREAM, "upstream-refuses", 0 },
	{ MAIL, "501 5.5.4 Invalid arguments", FAILURE_NEVER, "permanent", 0 },
	/* Direct send and connectors */
	{ MAIL, "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources", FAILURE_PAUSE_UPSTREAM, "direct-send-off", 0 },
	{ RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", FAILURE_PAUSE_UPSTREAM, "connector-unknown", 0 },
	{ RCPT, "450 4.4.62 Mail sent to the wrong Office 365 region", FAILURE_PAUSE_UPSTREAM, "connector-unknown", 0 },
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

/* What it means and what to do, in both languages. */
static void check_remedy(const struct failure_verdict *verdict, const char *label)
{
	const struct remedy *remedy = remedy_find(verdict->cause);

	CHECK(remedy != NULL, label);
	CHECK(strcmp(say(LANGUAGE_JA, verdict->explain), verdict->explain) != 0, label);
	if (remedy)
		CHECK(strcmp(say(LANGUAGE_JA, remedy->mend), remedy->mend) != 0, label);
}

static bool is_general(const char *cause)
{
	static const char *const causes[] = { "permanent", "temporary", "upstream-refuses", "service-unavailable", "sign-in-refused" };

	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		if (strcmp(causes[i], cause) == 0)
			return true;
	}
	return false;
}

static void test_catalogue(void)
{
	for (size_t i = 0; i < sizeof(catalogue) / sizeof(*catalogue); i++) {
		struct str rest = str_of(catalogue[i].text);
		uint64_t code = 0;
		struct smtp_reply reply = { 0 };
		const struct failure_verdict *verdict;

		CHECK(str_to_u64(str_cut(&rest, ' '), 999, &code), catalogue[i].text);
		reply.code = (unsigned)code;
		reply.enhanced = str_cut(&rest, ' ');
		reply.text = rest;
		verdict = failure_decide(catalogue[i].phase, &reply);
		CHECK(verdict->meaning == catalogue[i].meaning && strcmp(verdict->cause, catalogue[i].cause) == 0 &&
			      verdict->kind == catalogue[i].kind,
		      catalogue[i].text);
		if (reply.code >= 400)
			check_remedy(verdict, catalogue[i].text);
		/* Without its phase: the same, or for want of anything more particular the general words of another phase. */
		if (reply.code >= 400)
			CHECK(strcmp(remedy_verdict(&reply)->cause, verdict->cause) == 0 || is_general(verdict->cause), catalogue[i].text);
	}
	for (size_t i = 0; i < remedies_count; i++)
		CHECK((failure_explain(remedies[i].cause) || failure_graph_explain(remedies[i].cause)) != (remedies[i].meaning != NULL), remedies[i].cause);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct failure_verdict *verdict = decide(cases[i].phase, cases[i].code, cases[i].enhanced, cases[i].text);

		CHECK(verdict->meaning == cases[i].meaning && strcmp(verdict->cause, cases[i].cause) == 0, cases[i].label);
	}
	test_nothing_else_delivers();
	test_catalogue();
	return check_report();
}
