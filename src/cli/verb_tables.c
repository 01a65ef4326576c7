#include "cli/verbs.h"

#define PASSWORD_ARGUMENTS                                                                                             \
	{ "--generate", ARGUMENT_FLAG, "generate", N_("make a password of 16 letters and digits and print it once") },    \
	{ "--password-file", ARGUMENT_SECRET_FILE, "password", N_("take the password from a file (chmod 600)") },         \
	{ "--password-stdin", ARGUMENT_SECRET_STDIN, "password", N_("take the password from standard input") }

const struct argument user_add_arguments[] = { PASSWORD_ARGUMENTS, { 0 } };
const struct argument user_passwd_arguments[] = { PASSWORD_ARGUMENTS, { 0 } };

const struct argument tenant_arguments[] = {
	{ "--exchange-defaults", ARGUMENT_FLAG, "exchange-defaults", N_("as Exchange Online makes new tenants: smtp-auth off") },
	{ 0 },
};

#define DRY_RUN { "--dry-run", ARGUMENT_FLAG, "dry-run", N_("change nothing; tell who would be refused") }

const struct argument user_set_arguments[] = { DRY_RUN, { 0 } };

const struct argument tenant_set_arguments[] = {
	DRY_RUN,
	{ "--reason", ARGUMENT_TEXT, "reason", N_("why security defaults are turned off; kept in the audit trail") },
	{ 0 },
};

const struct argument tenant_filter_arguments[] = {
	{ "--tenant", ARGUMENT_TEXT, "tenant", N_("only this tenant's") },
	{ 0 },
};

const struct argument signins_arguments[] = {
	{ "--since", ARGUMENT_FILTER, "since", N_("7d, 12h, 2026-11-24 or 2026-11-24T08:30:00Z") },
	{ "--until", ARGUMENT_FILTER, "until", N_("likewise") },
	{ "--user", ARGUMENT_FILTER, "user", N_("the user name") },
	{ "--ip", ARGUMENT_FILTER, "ip", N_("an address or a network such as 192.0.2.0/24") },
	{ "--client-app", ARGUMENT_FILTER, "client-app", N_("smtp: legacy authentication by SMTP") },
	{ "--auth", ARGUMENT_FILTER, "auth", N_("basic, oauth or none") },
	{ "--status", ARGUMENT_FILTER, "status", N_("success or failure") },
	{ "--code", ARGUMENT_FILTER, "code", N_("an error code such as 50126") },
	{ "--id", ARGUMENT_FILTER, "id", N_("the ID at the end of the reply that the device got") },
	{ "--not", ARGUMENT_NOT, "not", N_("KEY=VALUE: leave out what fits") },
	{ "--count", ARGUMENT_COUNT, "count", N_("at most so many rows, the newest") },
	{ "--follow", ARGUMENT_FLAG, "follow", N_("go on as sign-ins happen") },
	{ 0 },
};

const struct argument trace_arguments[] = {
	{ "--from", ARGUMENT_TEXT, "from", N_("the sender, or @domain") },
	{ "--to", ARGUMENT_TEXT, "to", N_("a recipient, or @domain") },
	{ "--since", ARGUMENT_SINCE, "since", N_("7d, 12h, 2026-11-24 or 2026-11-24T08:30:00Z") },
	{ "--message-id", ARGUMENT_TEXT, "message-id", N_("the Message-ID, with its <>") },
	{ "--id", ARGUMENT_TEXT, "id", N_("the ID at the end of the reply that the device got") },
	{ "--count", ARGUMENT_COUNT, "count", N_("at most so many rows, the newest") },
	{ 0 },
};

const struct argument audit_arguments[] = {
	{ "--since", ARGUMENT_SINCE, "since", N_("7d, 12h, 2026-11-24 or 2026-11-24T08:30:00Z") },
	{ 0 },
};

const struct argument list_arguments[] = {
	{ "--count", ARGUMENT_COUNT, "count", N_("at most so many rows, the newest") },
	{ 0 },
};

const struct argument config_show_arguments[] = {
	{ "--changed", ARGUMENT_FLAG, "changed", N_("only what differs from the defaults") },
	{ 0 },
};

const struct argument rehearse_arguments[] = {
	{ "--percent", ARGUMENT_COUNT, "percent", N_("how many of a hundred sign-ins are refused") },
	{ "--for", ARGUMENT_TEXT, "for", N_("how long: 1h, 2d …") },
	{ "--user", ARGUMENT_TEXTS, "users", N_("only this user's; may be repeated") },
	{ "--twice", ARGUMENT_FLAG, "twice", N_("a device may be refused twice in a row") },
	{ 0 },
};

const struct argument demo_arguments[] = {
	{ "--once", ARGUMENT_FLAG, "once", N_("end after the tour: 0 when all of it was seen to work, else 1") },
	{ "--keep", ARGUMENT_FLAG, "keep", N_("leave the demo's folder behind") },
	{ 0 },
};

const struct argument sandbox_arguments[] = {
	{ "--dir", ARGUMENT_TEXT, "dir", N_("where inbox, certificate and sandbox.json go (default: ./sandbox)") },
	{ "--port", ARGUMENT_COUNT, "port", N_("SMTP on loopback (default: a free one)") },
	{ "--https-port", ARGUMENT_COUNT, "https-port", N_("token endpoint on loopback (default: a free one)") },
	{ "--fail", ARGUMENT_TEXTS, "fail", N_("CASE or CASE:N, the first N times; may be repeated") },
	{ "--list-cases", ARGUMENT_FLAG, "list-cases", N_("print the names that --fail knows") },
	{ 0 },
};

/* --- columns --- */

const struct column tenant_columns[] = {
	{ "tenant", N_("Tenant"), true },
	{ "smtp-auth", N_("SMTP AUTH"), true },
	{ "security-defaults", N_("Security defaults"), true },
	{ "oauth2-client-profile", N_("OAuth2ClientProfile"), true },
	{ "auth-policy-basic-smtp", N_("Basic allowed by policy"), true },
	{ "basic", N_("Basic authentication"), true },
	{ 0 },
};

const struct column user_columns[] = {
	{ "user", N_("User"), true },
	{ "smtp-auth-effective", N_("SMTP AUTH"), true },
	{ "smtp-auth-from", N_("set by"), true },
	{ "mfa", N_("MFA"), true },
	{ "licensed", N_("Licensed"), true },
	{ "enabled", N_("Enabled"), true },
	{ "password", N_("Password"), true },
	{ "send-as", N_("Send as"), true },
	{ "smtp-auth", N_("Own SMTP AUTH switch"), false },
	{ "auth-policy-basic-smtp", N_("Basic allowed by policy"), false },
	{ "address-limits", N_("Address limits"), false },
	{ "from-rewrite", N_("From rewrite"), false },
	{ 0 },
};

/* The portal's own headers where it has the column (Entra, sign-in logs, download). */
const struct column signins_columns[] = {
	{ "createdDateTime", N_("Date (UTC)"), false },
	{ "createdDateTime", N_("Date"), true },
	{ "id", N_("Request ID"), true },
	{ "correlationId", N_("Correlation ID"), false },
	{ "userPrincipalName", N_("Username"), true },
	{ "ipAddress", N_("IP address"), true },
	{ "clientAppUsed", N_("Client app"), false },
	{ "authenticationProtocol", N_("Authentication Protocol"), true },
	{ "mechanism", N_("Mechanism"), true },
	{ "tlsVersion", N_("TLS"), true },
	{ "ehlo", N_("EHLO"), true },
	{ "listener", N_("Listener"), false },
	{ "status.errorCode", N_("Sign-in error code"), true },
	{ "status.failureReason", N_("Failure reason"), false },
	{ "policyRule", N_("Rule"), true },
	{ "smtpReply", N_("SMTP reply"), false },
	{ "authenticationRequirement", N_("Authentication requirement"), false },
	{ "conditionalAccessStatus", N_("Conditional Access"), false },
	{ "appId", N_("Application ID"), false },
	{ "appDisplayName", N_("Application"), false },
	{ "resourceDisplayName", N_("Resource"), false },
	{ "eventId", N_("Event ID"), false },
	{ "source", N_("Source"), false },
	{ 0 },
};

const struct column trace_columns[] = {
	{ "id", N_("ID"), true },
	{ "receivedDateTime", N_("Received"), true },
	{ "from", N_("From"), true },
	{ "recipients", N_("To"), true },
	{ "recipients.state", N_("State"), true },
	{ "recipients.reply", N_("Reply"), true },
	{ "subject", N_("Subject"), false },
	{ "sizeBytes", N_("Bytes"), true },
	{ "attempts", N_("Attempts"), false },
	{ "messageId", N_("Message-ID"), false },
	{ 0 },
};

const struct column audit_columns[] = {
	{ "dateTime", N_("Date"), true },
	{ "actor", N_("Who"), true },
	{ "object", N_("Object"), true },
	{ "what", N_("Change"), true },
	{ 0 },
};

const struct column queue_columns[] = {
	{ "id", N_("ID"), true },
	{ "receivedDateTime", N_("Received"), true },
	{ "state", N_("State"), true },
	{ "from", N_("From"), true },
	{ "to", N_("To"), true },
	{ "sizeBytes", N_("Bytes"), true },
	{ "attempts", N_("Attempts"), true },
	{ "nextAttemptDateTime", N_("Next attempt"), true },
	{ "lastReply", N_("Last reply"), true },
	{ "route", N_("Upstream"), false },
	{ 0 },
};

const struct column upstream_columns[] = {
	{ "upstream", N_("Upstream"), true },
	{ "mailbox", N_("Mailbox"), true },
	{ "connections", N_("Connections"), true },
	{ "delivered", N_("Delivered"), true },
	{ "deferred", N_("Deferred"), true },
	{ "failed", N_("Failed"), true },
	{ "pausedUntil", N_("Paused until"), true },
	{ "tokenExpires", N_("Token ends"), true },
	{ "trouble", N_("Trouble"), true },
	{ 0 },
};

const struct column rehearse_columns[] = {
	{ "user", N_("User"), true },
	{ "ip", N_("IP address"), true },
	{ "refused", N_("Refused"), true },
	{ "passed", N_("Passed"), true },
	{ "device", N_("Device"), true },
	{ "backAfterSeconds", N_("Back after (s)"), true },
	{ 0 },
};
