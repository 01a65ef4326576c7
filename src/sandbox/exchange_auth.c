#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/exchange_private.h"

#define CONNECTIONS_OF_A_MAILBOX 3 /* Microsoft, SMTP submission improvements */

#define UNSUCCESSFUL "Authentication unsuccessful"

/* Faults of a sign-in, in the order in which they are looked at. To add one: a row. */
static const struct {
	enum sandbox_fault fault;
	bool basic_only;
	unsigned code;
	const char *enhanced, *text;
} sign_in_faults[] = {
	{ FAULT_BASIC_RETIRED, true, 550, "5.7.30", "Basic authentication is not supported for Client Submission." },
	{ FAULT_SECURITY_DEFAULTS, false, 535, "5.7.139",
	  UNSUCCESSFUL ", user is locked by your organization's security defaults policy. Contact your administrator." },
	{ FAULT_AUTH_POLICY, false, 535, "5.7.139", UNSUCCESSFUL ", basic authentication is disabled." },
	{ FAULT_CRITERIA, false, 535, "5.7.139",
	  UNSUCCESSFUL ", the request did not meet the criteria to be authenticated successfully. Contact your administrator." },
	{ FAULT_MAILBOX_SWITCH, false, 535, "5.7.139",
	  UNSUCCESSFUL ", SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more "
		       "information." },
	{ FAULT_TENANT_SWITCH, false, 535, "5.7.139",
	  UNSUCCESSFUL ", SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more "
		       "information." },
};

static struct sandbox_mailbox *mailbox_for(struct sandbox *sandbox, struct str address)
{
	struct sandbox_mailbox *mailbox = table_find(&sandbox->mailboxes, address);

	if (mailbox)
		return mailbox;
	mailbox = calloc(1, sizeof(*mailbox) + address.len + 1);
	if (!mailbox)
		return NULL;
	memcpy(mailbox->address, address.ptr, address.len);
	if (table_put(&sandbox->mailboxes, str_of(mailbox->address), mailbox))
		return mailbox;
	free(mailbox);
	return NULL;
}

static void signed_in(struct exchange_session *session, const struct sasl_credentials *given)
{
	struct sandbox *sandbox = session->sandbox;
	char *address = str_dup_lower(given->user);
	struct sandbox_mailbox *mailbox = address ? mailbox_for(sandbox, str_of(address)) : NULL;

	free(address);
	if (!mailbox) {
		exchange_refuse(session, 454, "4.7.0", "Temporary authentication failure");
		return;
	}
	session->mailbox = mailbox;
	(void)snprintf(session->mechanism, sizeof(session->mechanism), "%s", sasl_name(given->mechanism));
	mailbox->connections++;
	session->one_too_many = mailbox->connections > CONNECTIONS_OF_A_MAILBOX;
	if (mailbox->connections > sandbox->stats.connections_per_mailbox_max)
		sandbox->stats.connections_per_mailbox_max = mailbox->connections;
	exchange_accept(session);
}

static void refuse(struct exchange_session *session, unsigned code, const char *enhanced, const char *text)
{
	session->sandbox->stats.auth_failures++;
	(void)snprintf(session->auth_error, sizeof(session->auth_error), "%u %s %s", code, enhanced, text);
	exchange_refuse(session, code, enhanced, text);
}

void exchange_sign_in(struct exchange_session *session, const struct sasl_credentials *given)
{
	struct sandbox *sandbox = session->sandbox;
	bool basic = given->mechanism == SASL_LOGIN || given->mechanism == SASL_PLAIN;
	bool right = str_ends_nocase(given->user, STR("@" SANDBOX_TENANT)) &&
		     (basic ? given->secret.len > 0 : tokens_is_good(&sandbox->tokens, TOKEN_FOR_SMTP, given->secret));

	sandbox->stats.auth_attempts++;
	for (size_t i = 0; right && i < sizeof(sign_in_faults) / sizeof(*sign_in_faults); i++) {
		if ((sign_in_faults[i].basic_only && !basic) || !faults_strike(&sandbox->faults, sign_in_faults[i].fault))
			continue;
		refuse(session, sign_in_faults[i].code, sign_in_faults[i].enhanced, sign_in_faults[i].text);
		return;
	}
	if (right) {
		signed_in(session, given);
		return;
	}
	if (basic)
		refuse(session, 535, "5.7.139", UNSUCCESSFUL ", the user credentials were incorrect.");
	else
		refuse(session, 535, "5.7.3", UNSUCCESSFUL);
}
