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

const struct argument upstream_token_arguments[] = {
	{ "--mailbox", ARGUMENT_TEXT, "mailbox", N_("whose, where each mailbox has a token of its own") },
	{ 0 },
};

const struct argument upstream_login_arguments[] = {
	{ "--port", ARGUMENT_COUNT, "port", N_("where this machine listens for the page that leads back (default: a free port)") },
	{ "--paste", ARGUMENT_FLAG, "paste", N_("listen nowhere: paste the address that the browser shows after the sign-in") },
	{ 0 },
};

const struct argument upstream_test_arguments[] = {
	{ "--send", ARGUMENT_TEXT, "send", N_("also send one test message to this address") },
	{ "--from", ARGUMENT_TEXT, "from", N_("try this sender only (default: every account whose mail goes this way)") },
	{ 0 },
};

const struct argument route_add_arguments[] = {
	{ "--upstream", ARGUMENT_TEXT, "upstream", N_("where such mail goes") },
	{ "--tenant", ARGUMENT_TEXT, "tenant", N_("only mail of this tenant's accounts") },
	{ "--from", ARGUMENT_TEXT, "from", N_("only mail from this sender: an address, @domain, or * for all") },
	{ "--size-over-bytes", ARGUMENT_TEXT, "size-over-bytes", N_("only messages larger than this") },
	{ "--before", ARGUMENT_TEXT, "before", N_("asked before this one (default: after all that were added)") },
	{ "--dry-run", ARGUMENT_FLAG, "dry-run", N_("change nothing; tell how it would be") },
	{ 0 },
};

const struct argument import_entra_arguments[] = {
	{ "--all", ARGUMENT_FLAG, "all", N_("all sign-ins, not only those that concern SMTP AUTH") },
	{ "--dates", ARGUMENT_TEXT, "dates", N_("how 4/12/2025 is meant: mdy or dmy (default: as the file shows, else mdy)") },
	{ 0 },
};

const struct argument import_eac_arguments[] = {
	{ "--as-of", ARGUMENT_SINCE, "as-of", N_("when the report was made (default: the time of the file)") },
	{ 0 },
};

const struct argument report_arguments[] = {
	{ "--days", ARGUMENT_COUNT, "days", N_("7 (the default) to 90 days, today among them") },
	{ "--by", ARGUMENT_TEXT, "by", N_("sender, domain, device, tls or day") },
	{ "--html", ARGUMENT_TEXT, "html", N_("write it to this file as a page with charts; - is standard output") },
	{ 0 },
};

const struct argument notices_list_arguments[] = {
	{ "--all", ARGUMENT_FLAG, "all", N_("acknowledged and snoozed ones, too") },
	{ "--count", ARGUMENT_COUNT, "count", N_("at most so many rows, the newest") },
	{ 0 },
};

const struct argument notices_snooze_arguments[] = {
	{ "--for", ARGUMENT_TEXT, "for", N_("how long: 1h, 7d …") },
	{ 0 },
};

const struct argument retirement_show_arguments[] = {
	{ "--tenant", ARGUMENT_TEXT, "tenant", N_("as this tenant plans it") },
	{ "--history", ARGUMENT_FLAG, "history", N_("how the plan came to be") },
	{ 0 },
};

const struct argument retirement_set_arguments[] = {
	{ "--tenant", ARGUMENT_TEXT, "tenant", N_("whose plan") },
	{ "--phase", ARGUMENT_TEXT, "phase", N_("default-off or retired") },
	{ "--date", ARGUMENT_TEXT, "date", N_("its day, such as 2027-01-15; none: as scheduled") },
	{ "--enforce", ARGUMENT_TEXT, "enforce", N_("yes: the tenant's basic is changed when the day comes; no: it only informs") },
	{ 0 },
};

const struct argument retirement_simulate_arguments[] = {
	{ "--at", ARGUMENT_TEXT, "at", N_("the day to try, such as 2027-01-15") },
	{ "--days", ARGUMENT_COUNT, "days", N_("who signed in in so many days (default: 30)") },
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
	{ "--messages-per-minute", ARGUMENT_COUNT, "messages-per-minute", N_("what rate-30 allows a mailbox instead of 30") },
	{ "--transcript", ARGUMENT_FLAG, "transcript", N_("write what goes over the wire to transcript.txt, without credentials and bodies") },
	{ "--list-cases", ARGUMENT_FLAG, "list-cases", N_("print the names that --fail knows") },
	{ 0 },
};

/* --- columns --- */

const struct column tenant_columns[] = {
	{ "tenant", N_("Tenant"), COLUMN_BOTH },
	{ "smtp-auth", N_("SMTP AUTH"), COLUMN_BOTH },
	{ "security-defaults", N_("Security defaults"), COLUMN_BOTH },
	{ "oauth2-client-profile", N_("OAuth2ClientProfile"), COLUMN_BOTH },
	{ "auth-policy-basic-smtp", N_("Basic allowed by policy"), COLUMN_BOTH },
	{ "basic", N_("Basic authentication"), COLUMN_BOTH },
	{ 0 },
};

const struct column user_columns[] = {
	{ "user", N_("User"), COLUMN_BOTH },
	{ "smtp-auth-effective", N_("SMTP AUTH"), COLUMN_BOTH },
	{ "smtp-auth-from", N_("set by"), COLUMN_BOTH },
	{ "mfa", N_("MFA"), COLUMN_BOTH },
	{ "licensed", N_("Licensed"), COLUMN_BOTH },
	{ "enabled", N_("Enabled"), COLUMN_BOTH },
	{ "password", N_("Password"), COLUMN_BOTH },
	{ "send-as", N_("Send as"), COLUMN_BOTH },
	{ "smtp-auth", N_("Own SMTP AUTH switch"), COLUMN_CSV },
	{ "auth-policy-basic-smtp", N_("Basic allowed by policy"), COLUMN_CSV },
	{ "address-limits", N_("Address limits"), COLUMN_CSV },
	{ "from-rewrite", N_("From rewrite"), COLUMN_CSV },
	{ "answer-after", N_("Answer after"), COLUMN_CSV },
	{ 0 },
};

/* The portal's own headers where it has the column (Entra, sign-in logs, download). */
const struct column signins_columns[] = {
	{ "createdDateTime", N_("Date (UTC)"), COLUMN_CSV },
	{ "createdDateTime", N_("Date"), COLUMN_TABLE },
	{ "id", N_("Request ID"), COLUMN_BOTH },
	{ "correlationId", N_("Correlation ID"), COLUMN_CSV },
	{ "userPrincipalName", N_("Username"), COLUMN_BOTH },
	{ "ipAddress", N_("IP address"), COLUMN_BOTH },
	{ "clientAppUsed", N_("Client app"), COLUMN_CSV },
	{ "authenticationProtocol", N_("Authentication Protocol"), COLUMN_BOTH },
	{ "mechanism", N_("Mechanism"), COLUMN_BOTH },
	{ "tlsVersion", N_("TLS"), COLUMN_BOTH },
	{ "ehlo", N_("EHLO"), COLUMN_BOTH },
	{ "listener", N_("Listener"), COLUMN_CSV },
	{ "status.errorCode", N_("Sign-in error code"), COLUMN_BOTH },
	{ "status.failureReason", N_("Failure reason"), COLUMN_CSV },
	{ "policyRule", N_("Rule"), COLUMN_BOTH },
	{ "smtpReply", N_("SMTP reply"), COLUMN_CSV },
	{ "authenticationRequirement", N_("Authentication requirement"), COLUMN_CSV },
	{ "conditionalAccessStatus", N_("Conditional Access"), COLUMN_CSV },
	{ "appId", N_("Application ID"), COLUMN_CSV },
	{ "appDisplayName", N_("Application"), COLUMN_CSV },
	{ "resourceDisplayName", N_("Resource"), COLUMN_CSV },
	{ "eventId", N_("Event ID"), COLUMN_CSV },
	{ "source", N_("Source"), COLUMN_CSV },
	{ 0 },
};

const struct column trace_columns[] = {
	{ "id", N_("ID"), COLUMN_BOTH },
	{ "receivedDateTime", N_("Received"), COLUMN_BOTH },
	{ "from", N_("From"), COLUMN_BOTH },
	{ "recipients", N_("To"), COLUMN_BOTH },
	{ "recipients.state", N_("State"), COLUMN_BOTH },
	{ "recipients.reply", N_("Reply"), COLUMN_BOTH },
	{ "subject", N_("Subject"), COLUMN_CSV },
	{ "sizeBytes", N_("Bytes"), COLUMN_BOTH },
	{ "attempts", N_("Attempts"), COLUMN_CSV },
	{ "messageId", N_("Message-ID"), COLUMN_CSV },
	{ 0 },
};

const struct column audit_columns[] = {
	{ "dateTime", N_("Date"), COLUMN_BOTH },
	{ "actor", N_("Who"), COLUMN_BOTH },
	{ "object", N_("Object"), COLUMN_BOTH },
	{ "what", N_("Change"), COLUMN_BOTH },
	{ 0 },
};

const struct column queue_columns[] = {
	{ "id", N_("ID"), COLUMN_BOTH },
	{ "receivedDateTime", N_("Received"), COLUMN_BOTH },
	{ "state", N_("State"), COLUMN_BOTH },
	{ "from", N_("From"), COLUMN_BOTH },
	{ "to", N_("To"), COLUMN_BOTH },
	{ "sizeBytes", N_("Bytes"), COLUMN_BOTH },
	{ "attempts", N_("Attempts"), COLUMN_BOTH },
	{ "nextAttemptDateTime", N_("Next attempt"), COLUMN_BOTH },
	{ "lastReply", N_("Last reply"), COLUMN_BOTH },
	{ "route", N_("Upstream"), COLUMN_CSV },
	{ 0 },
};

const struct column upstream_columns[] = {
	{ "upstream", N_("Upstream"), COLUMN_BOTH },
	{ "mailbox", N_("Mailbox"), COLUMN_BOTH },
	{ "connections", N_("Connections"), COLUMN_BOTH },
	{ "delivered", N_("Delivered"), COLUMN_BOTH },
	{ "deferred", N_("Deferred"), COLUMN_BOTH },
	{ "failed", N_("Failed"), COLUMN_BOTH },
	{ "pausedUntil", N_("Paused until"), COLUMN_BOTH },
	{ "tokenExpires", N_("Token ends"), COLUMN_BOTH },
	{ "trouble", N_("Trouble"), COLUMN_BOTH },
	{ 0 },
};

const struct column upstream_test_columns[] = {
	{ "step", N_("Step"), COLUMN_BOTH },
	{ "state", N_("State"), COLUMN_BOTH },
	{ "ms", N_("ms"), COLUMN_BOTH },
	{ "text", N_("Found"), COLUMN_BOTH },
	{ "reply", N_("Reply"), COLUMN_BOTH },
	{ "cause", N_("Cause"), COLUMN_BOTH },
	{ "meaning", N_("Meaning"), COLUMN_CSV },
	{ "remedy", N_("What to do"), COLUMN_CSV },
	{ 0 },
};

const struct column upstream_gauge_columns[] = {
	{ "upstream", N_("Upstream"), COLUMN_CSV },
	{ "mailbox", N_("Mailbox"), COLUMN_BOTH },
	{ "connections", N_("Connections"), COLUMN_BOTH },
	{ "connectionsMax", N_("of"), COLUMN_BOTH },
	{ "messagesLastMinute", N_("Messages in a minute"), COLUMN_BOTH },
	{ "messagesPerMinuteMax", N_("of"), COLUMN_BOTH },
	{ "recipientsLastDay", N_("Recipients in a day"), COLUMN_BOTH },
	{ "recipientsPerDayMax", N_("of"), COLUMN_BOTH },
	{ "waiting", N_("Waiting"), COLUMN_BOTH },
	{ "drainsDateTime", N_("Drained by"), COLUMN_BOTH },
	{ "pausedUntil", N_("Paused until"), COLUMN_BOTH },
	{ "secretEndsDateTime", N_("Secret ends"), COLUMN_BOTH },
	{ "trouble", N_("Trouble"), COLUMN_BOTH },
	{ 0 },
};

const struct column route_columns[] = {
	{ "number", N_("No."), COLUMN_BOTH },
	{ "id", N_("ID"), COLUMN_BOTH },
	{ "source", N_("Source"), COLUMN_BOTH },
	{ "tenant", N_("Tenant"), COLUMN_BOTH },
	{ "from", N_("From"), COLUMN_BOTH },
	{ "sizeOverBytes", N_("Larger than"), COLUMN_BOTH },
	{ "upstream", N_("Upstream"), COLUMN_BOTH },
	{ "fallback", N_("Fallback"), COLUMN_BOTH },
	{ "inForce", N_("In force"), COLUMN_CSV },
	{ "takenBy", N_("Taken by"), COLUMN_BOTH },
	{ 0 },
};

const struct column rehearse_columns[] = {
	{ "user", N_("User"), COLUMN_BOTH },
	{ "ip", N_("IP address"), COLUMN_BOTH },
	{ "refused", N_("Refused"), COLUMN_BOTH },
	{ "passed", N_("Passed"), COLUMN_BOTH },
	{ "device", N_("Device"), COLUMN_BOTH },
	{ "backAfterSeconds", N_("Back after (s)"), COLUMN_BOTH },
	{ 0 },
};

const struct column notices_columns[] = {
	{ "id", N_("ID"), COLUMN_BOTH },
	{ "createdDateTime", N_("Date"), COLUMN_BOTH },
	{ "severity", N_("Severity"), COLUMN_BOTH },
	{ "kind", N_("Kind"), COLUMN_BOTH },
	{ "tenant", N_("Tenant"), COLUMN_CSV },
	{ "subject", N_("Subject"), COLUMN_CSV },
	{ "title", N_("Notice"), COLUMN_BOTH },
	{ "text", N_("Text"), COLUMN_CSV },
	{ "state", N_("State"), COLUMN_BOTH },
	{ "snoozedUntilDateTime", N_("Snoozed until"), COLUMN_CSV },
	{ "mailedDateTime", N_("Mailed"), COLUMN_BOTH },
	{ "postedDateTime", N_("Posted"), COLUMN_BOTH },
	{ "trouble", N_("Trouble"), COLUMN_CSV },
	{ 0 },
};

const struct column notices_sent_columns[] = {
	{ "way", N_("By"), COLUMN_BOTH },
	{ "to", N_("To"), COLUMN_BOTH },
	{ "result", N_("Result"), COLUMN_BOTH },
	{ "detail", N_("Detail"), COLUMN_BOTH },
	{ 0 },
};

const struct column retirement_columns[] = {
	{ "phase", N_("Phase"), COLUMN_BOTH },
	{ "when", N_("When"), COLUMN_BOTH },
	{ "date", N_("Date"), COLUMN_CSV },
	{ "tenants", N_("Tenants"), COLUMN_BOTH },
	{ "effect", N_("Effect"), COLUMN_BOTH },
	{ "come", N_("Has come"), COLUMN_BOTH },
	{ "text", N_("What happens"), COLUMN_BOTH },
	{ "source", N_("Source"), COLUMN_BOTH },
	{ "asOf", N_("As of"), COLUMN_BOTH },
	{ 0 },
};

const struct column simulate_columns[] = {
	{ "user", N_("User"), COLUMN_BOTH },
	{ "ipAddress", N_("IP address"), COLUMN_BOTH },
	{ "ehlo", N_("EHLO"), COLUMN_BOTH },
	{ "signIns", N_("Sign-ins"), COLUMN_BOTH },
	{ "messagesSent", N_("Messages sent"), COLUMN_BOTH },
	{ "lastSeen", N_("Last seen"), COLUMN_BOTH },
	{ "policyRule", N_("Rule"), COLUMN_BOTH },
	{ "smtpReply", N_("SMTP reply"), COLUMN_CSV },
	{ "refusedToday", N_("Refused today"), COLUMN_BOTH },
	{ "insteadText", N_("What to do instead"), COLUMN_BOTH },
	{ "source", N_("Source"), COLUMN_CSV },
	{ 0 },
};
