#include "courier/failure.h"

#include "base/say.h"

#define ANY_PHASE ((1u << SMTP_CLIENT_PHASE_COUNT) - 1)
#define AT(phase) (1u << (phase))
#define BEFORE_MAIL                                                                                                    \
	(AT(SMTP_CLIENT_GREETING) | AT(SMTP_CLIENT_HELLO) | AT(SMTP_CLIENT_STARTTLS) | AT(SMTP_CLIENT_AUTH))
#define SECONDS(n) ((uint64_t)(n) * 1000)

/*
 * The first row that fits. A row fits when the phase is among its own, the code is between its bounds, the enhanced code begins
 * with its own (NULL: any), and the text holds its words (NULL: any). Sources: RFC 5321, 4.2 and 4954, 6; Microsoft, "SMTP
 * submission improvements", "Fix issues with printers", "Continuous error throttling", NDR list; transcripts where Microsoft has no page.
 */
static const struct {
	unsigned phases;
	unsigned code_min, code_max; /* 0, 0: the connection was lost, or never made */
	const char *enhanced;
	const char *words;
	struct failure_verdict verdict;
} rows[] = {
	/* No connection, or one that went. */
	{ BEFORE_MAIL, 0, 0, NULL, NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(15), "unreachable",
	    N_("The upstream cannot be reached. Check its host name, port and the firewall: sekisho upstream test.") } },
	{ ANY_PHASE, 0, 0, NULL, NULL,
	  { FAILURE_LATER, 0, "connection-lost", N_("The connection to the upstream was cut; the mail is tried again.") } },

	/* RFC 5321, 4.1.1.4: only a yes to a recipient, or to the end of the body, takes responsibility. Any other says nothing of the
	 * mail, and falls through to the last words of this page. */
	{ AT(SMTP_CLIENT_RCPT) | AT(SMTP_CLIENT_END), 200, 299, NULL, NULL, { FAILURE_DELIVERED, 0, "delivered", N_("Delivered.") } },

	/* Microsoft, SMTP submission improvements: more than three connections of a mailbox. */
	{ ANY_PHASE, 432, 432, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(10), "concurrent-connections",
	    N_("Another program sends with the same mailbox: Exchange Online allows three connections at once.") } },
	/* Rate of the client; also Google's. */
	{ ANY_PHASE, 421, 421, "4.4.2", "submission rate",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(60), "submission-rate",
	    N_("The mailbox sends more messages a minute than the upstream allows; it goes on in a minute.") } },

	/* AUTH. Microsoft, "Enable or disable authenticated SMTP"; the switch is off for tenant or mailbox: trying again in a
	 * second does not help, and every AUTH counts as a failed sign-in. */
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "disabled for the Tenant",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-smtp-auth-tenant",
	    N_("SMTP AUTH is switched off for the tenant upstream: Set-TransportConfig -SmtpClientAuthenticationDisabled $false.") } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "disabled for the Mailbox",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-smtp-auth-mailbox",
	    N_("SMTP AUTH is switched off for this mailbox upstream: Set-CASMailbox -SmtpClientAuthenticationDisabled $false.") } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "security defaults",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-security-defaults",
	    N_("The tenant's security defaults refuse this sign-in upstream.") } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "did not meet the criteria",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-criteria",
	    N_("Conditional Access or MFA refuses this sign-in upstream; see the Entra sign-in log of the application.") } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "basic authentication is disabled",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-auth-policy",
	    N_("The upstream takes no password for this mailbox; use auth: xoauth2.") } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "locked",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "upstream-locked",
	    N_("The mailbox is locked upstream after failed sign-ins; it is left alone for a quarter of an hour.") } },
	{ ANY_PHASE, 550, 550, "5.7.30", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "upstream-basic-retired",
	    N_("The upstream no longer takes basic authentication; use auth: xoauth2.") } },
	/* The token (or its mailbox permission) was refused: RFC 7628, 3.2.2; Exchange says plain 535 5.7.3. */
	{ AT(SMTP_CLIENT_AUTH), 535, 535, NULL, NULL,
	  { FAILURE_REFRESH_TOKEN, SECONDS(120), "token-refused",
	    N_("The upstream refuses the token: the application needs SMTP.SendAsApp with consent, a service principal in Exchange with the "
	       "enterprise application's object ID, and FullAccess to this mailbox.") } },
	{ AT(SMTP_CLIENT_AUTH), 500, 599, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "sign-in-refused", N_("The upstream refuses the sign-in for this mailbox.") } },
	{ AT(SMTP_CLIENT_AUTH), 400, 499, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(60), "sign-in-later", N_("The upstream cannot check sign-ins just now.") } },
	{ BEFORE_MAIL, 400, 599, NULL, NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(60), "upstream-refuses", N_("The upstream refuses connections.") } },

	/* MAIL and later. Not signed in for it: ours to mend, not the sender's. */
	{ ANY_PHASE, 530, 530, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "not-signed-in", N_("The upstream wants a sign-in that the settings do not give.") } },
	/* Microsoft, continuous error throttling: more of the same keeps the sender blocked. */
	{ ANY_PHASE, 550, 550, "5.2.25", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-errors",
	    N_("Exchange Online blocks the mailbox after a row of permanent errors; it is left alone for a quarter of an hour.") } },
	{ ANY_PHASE, 550, 550, "5.1.90", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day.") } },
	{ ANY_PHASE, 550, 550, "5.7.233", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(3600), "tenant-recipient-quota",
	    N_("The tenant has used up its external recipients for the day.") } },
	{ ANY_PHASE, 554, 554, NULL, "SubmissionQuotaExceeded",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day.") } },
	{ ANY_PHASE, 550, 550, "5.1.8", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "bad-outbound-sender",
	    N_("The mailbox is restricted for sending spam; unblock it in Defender, Restricted entities.") } },
	{ ANY_PHASE, 421, 421, NULL, NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(30), "service-unavailable", N_("The upstream closes the connection for now.") } },
	{ ANY_PHASE, 400, 499, NULL, NULL, { FAILURE_LATER, 0, "temporary", N_("The upstream asks to try again later.") } },
	{ ANY_PHASE, 500, 599, "5.2.252", NULL,
	  { FAILURE_NEVER, 0, "send-as-denied", N_("The mailbox may not send as this sender; give it SendAs, or set from-rewrite.") } },
	{ ANY_PHASE, 500, 599, NULL, "SendAsDenied",
	  { FAILURE_NEVER, 0, "send-as-denied", N_("The mailbox may not send as this sender; give it SendAs, or set from-rewrite.") } },
	{ ANY_PHASE, 550, 550, "5.7.60", NULL,
	  { FAILURE_NEVER, 0, "send-as-denied", N_("The mailbox may not send as this sender; give it SendAs, or set from-rewrite.") } },
	{ ANY_PHASE, 552, 552, NULL, NULL,
	  { FAILURE_NEVER, 0, "too-large", N_("The message is larger than the upstream takes.") } },
	{ ANY_PHASE, 500, 599, NULL, NULL, { FAILURE_NEVER, 0, "permanent", N_("The upstream refuses this message for good.") } },
};

/* A reply that is no SMTP reply at all. */
static const struct failure_verdict nonsense = { FAILURE_LATER, 0, "nonsense",
						 N_("The upstream answered what is no SMTP reply; the mail is tried again.") };

static bool holds(struct str text, struct str words)
{
	for (size_t i = 0; i + words.len <= text.len; i++) {
		if (str_starts_nocase(str_skip(text, i), words))
			return true;
	}
	return false;
}

const struct failure_verdict *failure_decide(enum smtp_client_phase phase, const struct smtp_reply *reply)
{
	unsigned code = reply ? reply->code : 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!(rows[i].phases & AT(phase)) || code < rows[i].code_min || code > rows[i].code_max)
			continue;
		if (rows[i].enhanced && !str_starts(reply->enhanced, str_of(rows[i].enhanced)))
			continue;
		if (rows[i].words && !holds(reply->text, str_of(rows[i].words)))
			continue;
		return &rows[i].verdict;
	}
	return &nonsense;
}
