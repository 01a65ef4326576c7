#include "courier/failure.h"

#include <string.h>

#include "base/say.h"

#define ANY_PHASE ((1u << SMTP_CLIENT_PHASE_COUNT) - 1)
#define AT(phase) (1u << (phase))
#define BEFORE_MAIL                                                                                                    \
	(AT(SMTP_CLIENT_GREETING) | AT(SMTP_CLIENT_HELLO) | AT(SMTP_CLIENT_STARTTLS) | AT(SMTP_CLIENT_AUTH))
#define SECONDS(n) ((uint64_t)(n) * 1000)

#define SEND_AS_DENIED                                                                                                         \
	{ FAILURE_NEVER, 0, "send-as-denied", N_("The mailbox may not send as this sender; give it SendAs, or set from-rewrite."), \
	  FAILURE_SEND_AS_DENIED }
#define MAILBOX_FULL                                                                                                           \
	{ FAILURE_NEVER, 0, "mailbox-full", N_("The mailbox that sends is full upstream; make room in it."), FAILURE_MAILBOX_FULL }
#define INVALID_RECIPIENT                                                                                                      \
	{ FAILURE_NEVER, 0, "invalid-recipient", N_("The upstream knows no such recipient."), FAILURE_INVALID_RECIPIENT }

/*
 * The first row that fits. A row fits when the phase is among its own, the code is between its bounds, the enhanced code begins
 * with its own (NULL: any), and the text holds its words (NULL: any). The mark above rows is their source:
 *   [RFC n]   that standard                     [SUB]   Microsoft, "SMTP submission improvements"
 *   [FIX]     Microsoft, "Fix issues with printers, scanners, and LOB applications"
 *   [CET]     Microsoft, "Continuous error throttling"          [NDR]   Microsoft's list of NDR codes
 *   [LOG]     transcripts of real sessions, where Microsoft has no page          [EX]   Exchange Server's own reply texts
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
	    N_("The upstream cannot be reached. Check its host name, port and the firewall: sekisho upstream test."), 0 } },
	{ ANY_PHASE, 0, 0, NULL, NULL,
	  { FAILURE_LATER, 0, "connection-lost", N_("The connection to the upstream was cut; the mail is tried again."), 0 } },

	/* [RFC 5321, 4.1.1.4] Only a yes to a recipient, or to the end of the body, takes responsibility. Any other says nothing of
	 * the mail, and falls through to the last words of this page. */
	{ AT(SMTP_CLIENT_RCPT) | AT(SMTP_CLIENT_END), 200, 299, NULL, NULL, { FAILURE_DELIVERED, 0, "delivered", N_("Delivered."), 0 } },

	/* [SUB] More than three connections of a mailbox. */
	{ ANY_PHASE, 432, 432, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(10), "concurrent-connections",
	    N_("Another program sends with the same mailbox: Exchange Online allows three connections at once."), 0 } },
	/* [EX] Rate of the client; also Google's. */
	{ ANY_PHASE, 421, 421, "4.4.2", "submission rate",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(60), "submission-rate",
	    N_("The mailbox sends more messages a minute than the upstream allows; it goes on in a minute."), 0 } },
	/* [LOG] */
	{ ANY_PHASE, 421, 421, "4.7.66", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "upstream-tls-too-old",
	    N_("The upstream takes TLS 1.2 and later only; this host's OpenSSL settings do not allow it."), 0 } },
	/* [EX] */
	{ ANY_PHASE, 421, 421, "4.7.0", "Too many errors",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(60), "too-many-errors",
	    N_("The upstream closed the connection after too many refused commands."), 0 } },

	/* AUTH. [FIX] [LOG] A switch, a rule or the directory refuses: trying again in a second does not help, and every AUTH counts as
	 * a failed sign-in. */
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "disabled for the Tenant",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-smtp-auth-tenant",
	    N_("SMTP AUTH is switched off for the tenant upstream: Set-TransportConfig -SmtpClientAuthenticationDisabled $false."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "disabled for the Mailbox",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-smtp-auth-mailbox",
	    N_("SMTP AUTH is switched off for this mailbox upstream: Set-CASMailbox -SmtpClientAuthenticationDisabled $false."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "security defaults",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-security-defaults",
	    N_("The tenant's security defaults refuse this sign-in upstream."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "did not meet the criteria",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-criteria",
	    N_("Conditional Access or MFA refuses this sign-in upstream; see the Entra sign-in log of the application."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "basic authentication is disabled",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-auth-policy",
	    N_("The upstream takes no password for this mailbox; use auth: xoauth2."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "credentials were incorrect",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-credentials",
	    N_("The upstream says that user or password are wrong. Each try counts towards a lock-out, so it is left alone for five minutes."),
	    0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "locked",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "upstream-locked",
	    N_("The mailbox is locked upstream after failed sign-ins; it is left alone for a quarter of an hour."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.139", "federated STS",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-federation",
	    N_("The tenant's federation server (AD FS) cannot be asked by Microsoft; use auth: xoauth2, or mend the server."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 535, 535, "5.7.3", "Tenant locked out",
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(900), "upstream-tenant-locked",
	    N_("The tenant is locked out upstream; everything for it is left alone for a quarter of an hour."), 0 } },
	/* [SUB] After the retirement. */
	{ ANY_PHASE, 550, 550, "5.7.30", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "upstream-basic-retired",
	    N_("The upstream no longer takes basic authentication; use auth: xoauth2."), 0 } },
	/* [RFC 7628, 3.2.2] [FIX] The token (or its mailbox permission) was refused: Exchange says plain 535 5.7.3. */
	{ AT(SMTP_CLIENT_AUTH), 535, 535, NULL, NULL,
	  { FAILURE_REFRESH_TOKEN, SECONDS(120), "token-refused",
	    N_("The upstream refuses the token: the application needs SMTP.SendAsApp with consent, a service principal in Exchange with the "
	       "enterprise application's object ID, and FullAccess to this mailbox."), 0 } },
	/* [LOG] */
	{ AT(SMTP_CLIENT_AUTH), 501, 501, "5.5.124", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-auth-data",
	    N_("The upstream cannot read the sign-in: this kind of endpoint wants another auth, or the mailbox is no address it knows."), 0 } },
	/* [RFC 4954, 4] [LOG] */
	{ AT(SMTP_CLIENT_AUTH), 504, 504, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "upstream-mechanism",
	    N_("The upstream does not take this way of signing in; choose another under auth."), 0 } },
	{ AT(SMTP_CLIENT_AUTH), 500, 599, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "sign-in-refused", N_("The upstream refuses the sign-in for this mailbox."), 0 } },
	/* [RFC 4954, 6] [EX] */
	{ AT(SMTP_CLIENT_AUTH), 400, 499, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(60), "sign-in-later", N_("The upstream cannot check sign-ins just now."), 0 } },
	{ BEFORE_MAIL, 400, 599, NULL, NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(60), "upstream-refuses", N_("The upstream refuses connections."), 0 } },

	/* MAIL and later. [FIX] Not signed in for it: ours to mend, not the sender's. */
	{ ANY_PHASE, 530, 530, NULL, NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(300), "not-signed-in", N_("The upstream wants a sign-in that the settings do not give."), 0 } },
	/* [EX] */
	{ ANY_PHASE, 451, 451, "5.7.3", "STARTTLS",
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "starttls-required", N_("The upstream takes mail by TLS only; set tls: starttls."), 0 } },
	/* Microsoft, direct send and connectors: the settings, or the tenant's connector, do not let this host send. */
	{ ANY_PHASE, 550, 550, "5.7.68", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "direct-send-off",
	    N_("The tenant takes no direct send (Set-OrganizationConfig -RejectDirectSend): make an inbound connector for this host, or "
	       "sign in."), 0 } },
	{ ANY_PHASE, 500, 599, "5.7.64", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "connector-unknown",
	    N_("No inbound connector of the tenant knows this host's address or certificate: Exchange admin center, Mail flow, Connectors."),
	    0 } },
	{ ANY_PHASE, 400, 499, "4.4.62", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "connector-unknown",
	    N_("No inbound connector of the tenant knows this host's address or certificate: Exchange admin center, Mail flow, Connectors."),
	    0 } },
	/* [CET] More of the same keeps the sender blocked: everything of the mailbox waits. */
	{ ANY_PHASE, 550, 550, "5.2.251", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-mailbox-full",
	    N_("Exchange Online blocks the mailbox: its mail was refused as full again and again. Make room in it; it is left alone for a "
	       "quarter of an hour."), 0 } },
	{ ANY_PHASE, 550, 550, "5.2.252", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-send-as-denied",
	    N_("Exchange Online blocks the mailbox: it tried again and again to send as somebody it may not. It is left alone for a quarter "
	       "of an hour."), 0 } },
	{ ANY_PHASE, 550, 550, "5.2.253", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-invalid-license",
	    N_("Exchange Online blocks the mailbox: it has no valid licence. Assign one; it is left alone for a quarter of an hour."), 0 } },
	{ ANY_PHASE, 550, 550, "5.2.254", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-too-many-recipients",
	    N_("Exchange Online blocks the mailbox: message after message had too many recipients. It is left alone for a quarter of an hour."),
	    0 } },
	{ ANY_PHASE, 550, 550, "5.2.255", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(900), "continuous-invalid-recipients",
	    N_("Exchange Online blocks the mailbox: message after message went to recipients that do not exist. It is left alone for a "
	       "quarter of an hour."), 0 } },
	/* [SUB] Recipients of 24 hours: of the mailbox, of the tenant. */
	{ ANY_PHASE, 550, 550, "5.1.90", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day."), 0 } },
	{ ANY_PHASE, 550, 550, "5.7.233", NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(3600), "tenant-recipient-quota",
	    N_("The tenant has used up its external recipients for the day."), 0 } },
	{ ANY_PHASE, 500, 599, NULL, "SubmissionQuotaExceeded",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day."), 0 } },
	{ ANY_PHASE, 500, 599, "5.2.2", "Submission quota exceeded",
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day."), 0 } },
	/* [NDR] */
	{ ANY_PHASE, 550, 550, "5.1.8", NULL,
	  { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "bad-outbound-sender",
	    N_("The mailbox is restricted for sending spam; unblock it in Defender, Restricted entities."), 0 } },
	{ ANY_PHASE, 421, 421, NULL, NULL,
	  { FAILURE_PAUSE_UPSTREAM, SECONDS(30), "service-unavailable", N_("The upstream closes the connection for now."), 0 } },
	/* [RFC 5321, 4.5.3.1.10] The rest of them goes by another try. */
	{ AT(SMTP_CLIENT_RCPT), 452, 452, "4.5.3", NULL,
	  { FAILURE_LATER, 0, "recipients-next-time", N_("The upstream takes no more recipients in one message; the rest follows."), 0 } },
	{ ANY_PHASE, 400, 499, NULL, NULL, { FAILURE_LATER, 0, "temporary", N_("The upstream asks to try again later."), 0 } },

	/* For good; those of a kind are counted by sender, since a row of them is what trips 5.2.251 to 5.2.255 [CET]. */
	{ ANY_PHASE, 500, 599, "5.2.252", NULL, SEND_AS_DENIED },
	{ ANY_PHASE, 500, 599, NULL, "SendAsDenied", SEND_AS_DENIED },
	{ ANY_PHASE, 550, 550, "5.7.60", NULL, SEND_AS_DENIED },
	{ AT(SMTP_CLIENT_DATA) | AT(SMTP_CLIENT_END), 500, 599, NULL, "QuotaExceeded", MAILBOX_FULL },
	{ AT(SMTP_CLIENT_DATA) | AT(SMTP_CLIENT_END), 554, 554, "5.2.2", NULL, MAILBOX_FULL },
	/* [RFC 3463, 3.6] */
	{ ANY_PHASE, 500, 599, "5.5.3", NULL,
	  { FAILURE_NEVER, 0, "too-many-recipients", N_("The message has more recipients than the upstream takes."),
	    FAILURE_TOO_MANY_RECIPIENTS } },
	/* [RFC 3463, 3.2] [NDR] No such recipient: 5.1.1 to 5.1.3, and 5.1.10 of Exchange. */
	{ AT(SMTP_CLIENT_RCPT) | AT(SMTP_CLIENT_END), 500, 599, "5.1.1", NULL, INVALID_RECIPIENT },
	{ AT(SMTP_CLIENT_RCPT) | AT(SMTP_CLIENT_END), 500, 599, "5.1.2", NULL, INVALID_RECIPIENT },
	{ AT(SMTP_CLIENT_RCPT) | AT(SMTP_CLIENT_END), 500, 599, "5.1.3", NULL, INVALID_RECIPIENT },
	/* [EX] */
	{ AT(SMTP_CLIENT_MAIL), 501, 501, "5.1.7", NULL,
	  { FAILURE_NEVER, 0, "invalid-sender", N_("The upstream does not take the sender's address."), 0 } },
	{ ANY_PHASE, 552, 552, "5.3.4", "Header size",
	  { FAILURE_NEVER, 0, "header-too-large", N_("The message's header is larger than the upstream takes."), 0 } },
	{ ANY_PHASE, 552, 552, NULL, NULL,
	  { FAILURE_NEVER, 0, "too-large", N_("The message is larger than the upstream takes."), 0 } },
	{ ANY_PHASE, 554, 554, "5.6.", NULL,
	  { FAILURE_NEVER, 0, "invalid-content", N_("The upstream does not take the message as the device wrote it."), 0 } },
	{ ANY_PHASE, 500, 599, NULL, NULL, { FAILURE_NEVER, 0, "permanent", N_("The upstream refuses this message for good."), 0 } },
};

/* A reply that is no SMTP reply at all. */
static const struct failure_verdict nonsense = { FAILURE_LATER, 0, "nonsense",
						 N_("The upstream answered what is no SMTP reply; the mail is tried again."), 0 };

static bool holds(struct str text, struct str words)
{
	for (size_t i = 0; i + words.len <= text.len; i++) {
		if (str_starts_nocase(str_skip(text, i), words))
			return true;
	}
	return false;
}

/* "5.1.1" is 5.1.1 and not 5.1.10; "5.6." is all that begin so; Exchange's own 5.1.10 counts as 5.1.1 in the rows above. */
static bool enhanced_fits(struct str given, struct str wanted)
{
	if (str_eq(given, STR("5.1.10")))
		given = STR("5.1.1");
	return wanted.ptr[wanted.len - 1] == '.' ? str_starts(given, wanted) : str_eq(given, wanted);
}

static const char *const kinds[FAILURE_KIND_COUNT] = {
	[FAILURE_SEND_AS_DENIED] = "send-as-denied",
	[FAILURE_MAILBOX_FULL] = "mailbox-full",
	[FAILURE_TOO_MANY_RECIPIENTS] = "too-many-recipients",
	[FAILURE_INVALID_RECIPIENT] = "invalid-recipient",
};

const char *failure_kind_name(enum failure_kind kind)
{
	return kinds[kind];
}

const struct failure_verdict *failure_decide(enum smtp_client_phase phase, const struct smtp_reply *reply)
{
	unsigned code = reply ? reply->code : 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!(rows[i].phases & AT(phase)) || code < rows[i].code_min || code > rows[i].code_max)
			continue;
		if (rows[i].enhanced && !enhanced_fits(reply->enhanced, str_of(rows[i].enhanced)))
			continue;
		if (rows[i].words && !holds(reply->text, str_of(rows[i].words)))
			continue;
		return &rows[i].verdict;
	}
	return &nonsense;
}

const char *failure_explain(const char *cause)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].verdict.cause, cause) == 0)
			return rows[i].verdict.explain;
	}
	return strcmp(nonsense.cause, cause) == 0 ? nonsense.explain : NULL;
}
