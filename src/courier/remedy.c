#include "courier/remedy.h"

#include <string.h>

#include "base/say.h"

#define OTHER_KIND \
	N_("An upstream of kind smtp carries it: name one as the fallback of the upstream of kind graph; sekisho config explain upstreams.fallback.")
#define ASK_TLS N_("Ask who runs the server for a certificate that is in order. Nothing is sent until it is.")

/*
 * To add a cause: a row. Sources: Microsoft, "How to set up a multifunction device or application", "Authenticate an IMAP, POP or SMTP
 * connection using OAuth", "Enable or disable authenticated client SMTP submission", "Fix issues with printers, scanners and LOB
 * applications", "Continuous error throttling", "Set-Mailbox", "Add-RecipientPermission".
 */

const struct remedy remedies[] = {
	/* Names and connections. */
	{ "dns-unknown", N_("The name server knows no such name."),
	  N_("Write the server's name into host as its owner gives it; Exchange Online's is smtp.office365.com. Try: getent hosts NAME.") },
	{ "dns-no-answer", N_("The name server does not answer."),
	  N_("Look at /etc/resolv.conf, and whether this machine may reach the name server (UDP and TCP port 53).") },
	{ "tcp-refused", N_("The machine answers, but no server listens on that port."),
	  N_("Check host and port: 587 for starttls, 465 for implicit, 25 for a relay.") },
	{ "tcp-no-answer", N_("Nothing answers; most often a firewall drops the connection without a word."),
	  N_("Let this machine connect to the server's port in the firewall. Some providers block port 25; 587 is rarely blocked.") },
	{ "tcp-unreachable", N_("There is no way through the network to this address."),
	  N_("Look at this machine's routes: ip route get ADDRESS. Where only IPv6 fails, it can stay so.") },
	{ "tcp-failed", N_("The connection could not be made."), N_("Check host and port, and this machine's network.") },
	{ "connections-in-use", N_("The mailbox already has as many connections as connections-max allows."),
	  N_("Test again when less mail is under way: sekisho upstream list.") },
	{ "connection-lost", NULL, N_("Nothing is to be done unless it comes again and again; then: sekisho upstream test NAME.") },
	{ "connection-cut", N_("The connection was cut."),
	  N_("Test again. When it stays so, look for a firewall or a mail filter between here and the server.") },
	{ "no-answer", N_("The server says nothing."),
	  N_("Check the port: one for implicit TLS is silent towards starttls, and the other way round. Look for a filter in between.") },
	{ "not-smtp", N_("What answers there is no SMTP server, or something in between changes what it says."),
	  N_("Check host and port.") },
	{ "test-cut-short", N_("The test did not come to its end."), N_("Test again.") },

	/* TLS. */
	{ "starttls-not-offered", N_("The server offers no encryption, so nothing is sent to it."),
	  N_("Check host and port. A firewall that inspects SMTP (\"fixup\", \"ESMTP inspection\") hides STARTTLS: switch that off.") },
	{ "certificate-expired", N_("The certificate's time is over."),
	  N_("Ask who runs the server to renew it. If this machine's clock is wrong, set it right: timedatectl.") },
	{ "certificate-not-yet-valid", N_("The certificate is from the future."), N_("Set this machine's clock right: timedatectl.") },
	{ "certificate-wrong-name", N_("The server is not the one that host names, or its certificate is for another name."),
	  N_("Write one of the certificate's names into host; an address will not do where the certificate has none.") },
	{ "certificate-self-signed", N_("Nobody vouches for the certificate but itself."),
	  N_("If the server is your own, put its certificate into a file and name it in ca-file. Else something may be listening in.") },
	{ "certificate-unknown-authority", N_("The authority that vouches for the certificate is not trusted here."),
	  N_("If it is your own authority, or a proxy's that you know, put its root certificate into a file and name it in ca-file; for "
	     "public ones install ca-certificates.") },
	{ "certificate-revoked", N_("The authority has taken the certificate back."), ASK_TLS },
	{ "certificate-untrusted", N_("The certificate is not good."), ASK_TLS },
	{ "certificate-ends-soon", N_("The certificate's time is nearly over."), N_("Ask who runs the server to renew it in time.") },
	{ "ca-file-not-readable", N_("The file that ca-file names cannot be used."),
	  N_("Let it hold the authority's certificate as PEM, readable by the gateway's user.") },
	{ "tls-too-old", N_("The server knows only old TLS, and 1.2 is the least that is taken."),
	  N_("Update the server, or have TLS 1.2 switched on there.") },
	{ "tls-not-spoken", N_("The server does not speak TLS from the first byte on this port."),
	  N_("For port 587 set tls: starttls; tls: implicit is for port 465.") },
	{ "tls-nothing-shared", N_("The server and this machine have no way of encrypting in common."), N_("Update the server's TLS.") },
	{ "tls-garbled", N_("What was sent was changed on its way."), N_("Look for a filter or proxy between here and the server.") },
	{ "tls-refused", N_("The server refuses this machine's TLS."), N_("Ask who runs the server; it may want a client certificate.") },
	{ "tls-failed", N_("TLS could not be agreed on."), N_("Check host, port and tls; try: openssl s_client -starttls smtp -connect HOST:587.") },

	/* Tokens. An AADSTS number explains itself (oauth_aadsts). */
	{ "token-endpoint-silent", N_("The token endpoint gives no answer."),
	  N_("Check tenant or token-url, and that this machine may reach it by HTTPS (port 443), by way of the proxy if there is one.") },
	{ "token-endpoint-refuses", N_("The token endpoint refuses."),
	  N_("Check client-id, the secret, scope and tenant of this upstream against the app's registration.") },
	{ "token-not-asked", N_("What the gateway signs in with cannot be read."),
	  N_("Let the file that the settings name hold it, readable by the gateway's user only (chmod 600).") },
	{ "token-without-right", N_("The token gives no right to send by SMTP."),
	  N_("Entra admin center > App registrations > the app > API permissions > Add > APIs my organization uses > Office 365 Exchange Online "
	     "> Application permissions > SMTP.SendAsApp; then Grant admin consent.") },

	/* EHLO and AUTH. */
	{ "mechanism-not-offered", N_("The server does not offer the way of signing in that auth names."),
	  N_("Choose one that it offers, or check the port: many servers offer AUTH on 587 only.") },
	{ "credentials-not-sayable", N_("They are empty or hold a control character."), N_("Look into the file that holds them.") },
	{ "password-not-readable", N_("The password cannot be read."),
	  N_("Let password-file hold it, readable by the gateway's user only (chmod 600).") },
	{ "no-account", N_("The test went as far as it can without a sender."),
	  N_("Add the device's account: sekisho user add ADDRESS --generate. Or test with --from ADDRESS.") },
	{ "upstream-smtp-auth-tenant", NULL,
	  N_("Better for this mailbox only: Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false. For all: Set-TransportConfig "
	     "-SmtpClientAuthenticationDisabled $false, or Exchange admin center > Settings > Mail flow > Turn off SMTP AUTH protocol for your "
	     "organization. It takes some minutes.") },
	{ "upstream-smtp-auth-mailbox", NULL,
	  N_("Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false, or Microsoft 365 admin center > Users > Active users > the "
	     "user > Mail > Manage email apps > Authenticated SMTP. It takes some minutes.") },
	{ "upstream-security-defaults", NULL,
	  N_("Use auth: xoauth2 with an app of its own (SMTP.SendAsApp). Or, with Conditional Access in their place: Entra admin center > Overview > "
	     "Properties > Manage security defaults > Disabled.") },
	{ "upstream-criteria", NULL,
	  N_("Entra admin center > Monitoring > Sign-in logs > the failed sign-in > Conditional Access names the policy: exclude the account or this "
	     "gateway's address from it. For a password with MFA use auth: xoauth2.") },
	{ "upstream-auth-policy", NULL,
	  N_("Use auth: xoauth2. Or: Set-AuthenticationPolicy -Identity POLICY -AllowBasicAuthSmtp; Microsoft 365 admin center > Settings > Org "
	     "settings > Modern authentication > Authenticated SMTP.") },
	{ "upstream-credentials", NULL, N_("Put the right password into password-file; after a few wrong ones the account is locked.") },
	{ "upstream-locked", NULL, N_("Wait, and find who signs in with a wrong password: Entra admin center > Monitoring > Sign-in logs.") },
	{ "upstream-federation", NULL, N_("Use auth: xoauth2, or make the federation server reachable by HTTPS from the internet.") },
	{ "upstream-tenant-locked", NULL, N_("Ask Microsoft 365 support: Microsoft 365 admin center > Support.") },
	{ "upstream-basic-retired", NULL, N_("Set auth: xoauth2 for this upstream; sekisho init prints the steps in Entra and Exchange.") },
	{ "token-refused", NULL,
	  N_("In Exchange Online PowerShell: New-ServicePrincipal -AppId CLIENT-ID -ObjectId OBJECT-ID-OF-THE-ENTERPRISE-APPLICATION; "
	     "Add-MailboxPermission -Identity MAILBOX -User OBJECT-ID -AccessRights FullAccess. The object ID is that under Enterprise "
	     "applications, not that of the app registration.") },
	{ "upstream-auth-data", NULL, N_("Check that mailbox is the address of a mailbox there, and that auth fits this kind of endpoint.") },
	{ "upstream-mechanism", NULL, N_("Set auth to one that the EHLO row shows.") },
	{ "sign-in-refused", NULL, N_("Check user and password, or the mailbox, with who runs the server.") },
	{ "sign-in-later", NULL, N_("Test again in some minutes.") },
	{ "upstream-tls-too-old", NULL, N_("Let OpenSSL on this machine use TLS 1.2: MinProtocol in /etc/ssl/openssl.cnf.") },
	{ "upstream-refuses", NULL, N_("The server's own words say why; a block list or a rule by address is likely.") },

	/* MAIL and later. */
	{ "sender-not-sayable", N_("This server cannot be told that address."), N_("Use an address in ASCII, without blanks.") },
	{ "send-as-denied", NULL,
	  N_("Add-RecipientPermission -Identity SENDER -Trustee MAILBOX -AccessRights SendAs, or Exchange admin center > Recipients > Mailboxes > the "
	     "sender > Delegation > Send as. Or here: sekisho user set USER from-rewrite MAILBOX.") },
	{ "continuous-send-as-denied", NULL,
	  N_("Mend the sender first: Add-RecipientPermission -Identity SENDER -Trustee MAILBOX -AccessRights SendAs. The block ends by itself when "
	     "the errors stop.") },
	{ "continuous-mailbox-full", NULL, N_("Make room in the mailbox, its Sent Items above all; the block ends by itself.") },
	{ "continuous-invalid-license", NULL, N_("Microsoft 365 admin center > Users > Active users > the user > Licenses and apps.") },
	{ "continuous-too-many-recipients", NULL, N_("Let the device send to a distribution group; the block ends by itself.") },
	{ "continuous-invalid-recipients", NULL, N_("Clean the device's address book; the block ends by itself.") },
	{ "mailbox-full", NULL, N_("Empty Sent Items and Deleted Items of the mailbox that sends, or Set-Mailbox -MessageCopyForSMTPClientSubmissionEnabled $false.") },
	{ "recipient-quota", NULL, N_("Wait until a day has passed since the most of it, spread over several mailboxes, or use High Volume Email.") },
	{ "tenant-recipient-quota", NULL, N_("Wait a day, or use Azure Communication Services or High Volume Email for bulk mail.") },
	{ "bad-outbound-sender", NULL,
	  N_("Microsoft Defender portal > Email & collaboration > Review > Restricted entities > Unblock; change the mailbox's password first.") },
	{ "concurrent-connections", NULL, N_("Find the other program that sends with this mailbox, or lower connections-max.") },
	{ "submission-rate", NULL, N_("Set messages-per-minute-max: 30, or spread the mail over several mailboxes.") },
	{ "not-signed-in", NULL, N_("Set auth and what belongs to it for this upstream.") },
	{ "starttls-required", NULL, N_("Set tls: starttls for this upstream.") },
	{ "direct-send-off", NULL,
	  N_("Exchange admin center > Mail flow > Connectors > Add: from your organization's email server, by this host's address or certificate.") },
	{ "connector-unknown", NULL,
	  N_("Exchange admin center > Mail flow > Connectors > Add: from your organization's email server, by this host's address or certificate.") },
	{ "service-unavailable", NULL, N_("Test again in some minutes; Microsoft 365 admin center > Health > Service health tells of outages.") },
	{ "too-many-errors", NULL, N_("Test again in a minute.") },
	{ "temporary", NULL, N_("Test again in some minutes.") },
	{ "invalid-recipient", NULL, N_("Check the recipient's address.") },
	{ "invalid-sender", NULL, N_("Check the sender's address.") },
	{ "header-too-large", NULL, N_("Let the device send to fewer recipients at once; each stands in the header.") },
	{ "too-many-recipients", NULL,
	  N_("Let the device send to a distribution group, or raise the limit: Set-Mailbox -Identity MAILBOX -RecipientLimits 1000.") },
	{ "recipients-next-time", NULL, N_("Nothing is to be done; the rest follows by itself.") },
	{ "invalid-content", NULL, N_("Look at the message: sekisho queue cat ID. Bare LF and control characters are the usual reasons; the listener's "
				      "bare-newline: normalize mends the first.") },
	{ "permanent", NULL, N_("The server's own words say why. The message goes back to its sender.") },
	{ "nonsense", NULL, N_("Check host and port: sekisho upstream test NAME shows what answers there.") },
	{ "unreachable", NULL, N_("sekisho upstream test NAME shows how far it comes.") },
	{ "too-large", NULL, N_("Let the device scan with fewer dots an inch, or raise the mailbox's limit: Set-Mailbox -MaxSendSize.") },

	/* Microsoft Graph. */
	{ "token-without-mail-send", N_("The token gives no right to send by Microsoft Graph."),
	  N_("Entra admin center > App registrations > the app > API permissions > Add > Microsoft Graph > Application permissions > Mail.Send; then "
	     "Grant admin consent. With roles over single mailboxes (RBAC for Applications) the token shows none, and that is in order.") },
	{ "graph-token-refused", N_("Microsoft Graph refuses the token."),
	  N_("Leave scope out, or set it to https://graph.microsoft.com/.default; tenant must be the mailbox's.") },
	{ "graph-not-asked", N_("The request could not be made."), N_("Check the proxy's settings and the token of this upstream.") },
	{ "graph-unreachable", NULL, N_("Let this machine reach graph-url by HTTPS (port 443), by way of the proxy if there is one.") },
	{ "graph-elsewhere", NULL, N_("Leave graph-url out, or set it to https://graph.microsoft.com.") },
	{ "graph-access-policy", NULL,
	  N_("Test-ApplicationAccessPolicy -Identity MAILBOX -AppId CLIENT-ID shows it; add the mailbox to the policy's group, or "
	     "Remove-ApplicationAccessPolicy.") },
	{ "graph-permission", NULL,
	  N_("Entra admin center > App registrations > the app > API permissions > Add > Microsoft Graph > Application permissions > Mail.Send; then "
	     "Grant admin consent.") },
	{ "graph-permission-none", NULL,
	  N_("Entra admin center > App registrations > the app > API permissions > Add > Microsoft Graph > Application permissions > Mail.Send; then "
	     "Grant admin consent.") },
	{ "graph-no-mailbox", NULL, N_("Give the user a licence with Exchange Online, or move the mailbox there: Get-Mailbox -Identity MAILBOX.") },
	{ "graph-no-user", NULL, N_("Write the mailbox's address as Get-Mailbox shows it, and check tenant.") },
	{ "graph-throttled", NULL, N_("Wait; lower connections-max when it comes again and again (Graph takes 4 requests of a mailbox at once).") },
	{ "graph-busy", NULL, N_("Test again in some minutes; Microsoft 365 admin center > Health > Service health tells of outages.") },
	{ "graph-not-split", NULL, OTHER_KIND },
	{ "graph-request-too-large", NULL, OTHER_KIND },
	{ "graph-header-too-large", NULL, OTHER_KIND },
	{ "graph-names-others", NULL, OTHER_KIND },

	/* A folder. */
	{ "folder-not-writable", N_("The folder cannot be written to."), N_("Make it, and let it belong to the gateway's user.") },
};
const size_t remedies_count = sizeof(remedies) / sizeof(*remedies);

const struct remedy *remedy_find(const char *cause)
{
	for (size_t i = 0; i < remedies_count; i++) {
		if (strcmp(remedies[i].cause, cause) == 0)
			return &remedies[i];
	}
	return NULL;
}

/* --- a reply of which nobody knows where it was given --- */

/* What the rows at the end of a phase say, where nothing more particular fits. */
static const char *const general[] = {
	"permanent", "temporary", "nonsense", "delivered", "sign-in-refused", "sign-in-later", "upstream-refuses", "service-unavailable",
};

static bool is_general(const struct failure_verdict *verdict)
{
	for (size_t i = 0; i < sizeof(general) / sizeof(*general); i++) {
		if (strcmp(general[i], verdict->cause) == 0)
			return true;
	}
	return false;
}

static bool is_of_sign_in(const struct smtp_reply *reply)
{
	return reply->code == 535 || reply->code == 504 || reply->code == 454 ||
	       (reply->code != 530 && memmem(reply->text.ptr, reply->text.len, "uthentication unsuccessful", 26));
}

const struct failure_verdict *remedy_verdict(const struct smtp_reply *reply)
{
	static const enum smtp_client_phase phases[] = {
		SMTP_CLIENT_AUTH, SMTP_CLIENT_MAIL, SMTP_CLIENT_RCPT, SMTP_CLIENT_END, SMTP_CLIENT_AUTH,
	};
	const struct failure_verdict *first = NULL;

	for (size_t i = is_of_sign_in(reply) ? 0 : 1; i < sizeof(phases) / sizeof(*phases); i++) {
		const struct failure_verdict *verdict = failure_decide(phases[i], reply);

		if (!is_general(verdict))
			return verdict;
		first = first ? first : verdict;
	}
	return first;
}
