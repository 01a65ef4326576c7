#include "domain/settings_rows.h"

#include <string.h>

#include "domain/settings_derive.h"

#define ITEMS(member, bytes, max, name)                                           \
	.item_bytes = (bytes), .items_offset = offsetof(struct settings, member), \
	.count_offset = offsetof(struct settings, member##_count), .items_max = (max), .name_offset = (name)

const struct settings_section_row settings_sections[SECTION_COUNT] = {
	[SECTION_DAEMON] = { .name = "daemon", .shape = SHAPE_ONE },
	[SECTION_LEDGER] = { .name = "ledger", .shape = SHAPE_ONE },
	[SECTION_LISTENERS] = { .name = "listeners",
	                        .shape = SHAPE_NAMED,
	                        ITEMS(listeners, sizeof(struct listener_settings), LISTENERS_MAX,
	                              offsetof(struct listener_settings, name)) },
	[SECTION_UPSTREAMS] = { .name = "upstreams",
	                        .shape = SHAPE_NAMED,
	                        ITEMS(upstreams, sizeof(struct upstream_settings), UPSTREAMS_MAX,
	                              offsetof(struct upstream_settings, name)) },
	[SECTION_ROUTES] = { .name = "routes",
	                     .shape = SHAPE_LIST,
	                     ITEMS(routes, sizeof(struct route_settings), ROUTES_MAX, 0) },
	[SECTION_ISSUERS] = { .name = "issuers",
	                      .shape = SHAPE_NAMED,
	                      ITEMS(issuers, sizeof(struct issuer_settings), ISSUERS_MAX,
	                            offsetof(struct issuer_settings, name)) },
	[SECTION_DSN] = { .name = "dsn", .shape = SHAPE_ONE },
	[SECTION_NOTICES] = { .name = "notices", .shape = SHAPE_ONE },
	[SECTION_CONSOLE] = { .name = "console", .shape = SHAPE_ONE },
	[SECTION_METRICS] = { .name = "metrics", .shape = SHAPE_ONE },
	[SECTION_LIMITS] = { .name = "limits", .shape = SHAPE_ONE },
	[SECTION_CERTIFICATES] = { .name = "certificates", .shape = SHAPE_LIST },
	[SECTION_TRUSTED] = { .name = "trusted", .shape = SHAPE_LIST },
};

#define ROW(section_, key_, kind_, offset_, initial_, explain_)                                            \
	.section = (section_), .key = (key_), .kind = (kind_), .offset = (offset_), .initial = (initial_), \
	.explain = (explain_)
#define DAEMON(key, kind, member, initial, explain, ...)                                                    \
	{                                                                                                   \
		ROW(SECTION_DAEMON, key, kind, offsetof(struct settings, daemon.member), initial, explain), \
		        ##__VA_ARGS__                                                                       \
	}
#define ONE(section, key, kind, member, initial, explain, ...)                                              \
	{                                                                                                   \
		ROW(section, key, kind, offsetof(struct settings, member), initial, explain), ##__VA_ARGS__ \
	}
#define LISTENER(key, kind, member, initial, explain, ...)                                             \
	{                                                                                              \
		ROW(SECTION_LISTENERS, key, kind, offsetof(struct listener_settings, member), initial, \
		    explain),                                                                          \
		        ##__VA_ARGS__                                                                  \
	}
#define UPSTREAM(key, kind, member, initial, explain, ...)                                             \
	{                                                                                              \
		ROW(SECTION_UPSTREAMS, key, kind, offsetof(struct upstream_settings, member), initial, \
		    explain),                                                                          \
		        ##__VA_ARGS__                                                                  \
	}
#define ROUTE(key, kind, member, initial, explain, ...)                                                    \
	{                                                                                                  \
		ROW(SECTION_ROUTES, key, kind, offsetof(struct route_settings, member), initial, explain), \
		        ##__VA_ARGS__                                                                      \
	}
#define ISSUER(key, kind, member, initial, explain, ...)                                                     \
	{                                                                                                    \
		ROW(SECTION_ISSUERS, key, kind, offsetof(struct issuer_settings, member), initial, explain), \
		        ##__VA_ARGS__                                                                        \
	}
#define INNER(section, key, kind, member, explain)                                              \
	{                                                                                       \
		ROW(section, key, kind, offsetof(union settings_inner, member), NULL, explain), \
		        .required = true                                                        \
	}
#define LIMIT(key, member, initial, min, max, explain)                                                    \
	{                                                                                                 \
		ROW(SECTION_LIMITS, key, &kind_number, offsetof(struct settings, limits.member), initial, \
		    explain),                                                                             \
		        .value_min = (min), .value_max = (max)                                            \
	}

#define SECONDS_MAX 31536000    /* a year */
#define BYTES_MAX 1099511627776 /* a TiB */

/* Rows of one section stand together; a row that derives its default stands below those that it looks at. */
const struct settings_row settings_rows[] = {
	DAEMON("state", &kind_path, state, "/var/lib/sekisho",
	       N_("The folder of the spool, the ledger and the keys; made when it is not there. One running "
	          "gateway has it at a time.")),
	DAEMON("socket", &kind_path, socket, "/run/sekisho/control.sock",
	       N_("The socket on which the other commands reach the running gateway. At most 107 bytes "
	          "long.")),
	DAEMON("user", &kind_name, user, NULL,
	       N_("The system user that the gateway becomes after it has opened its ports. Unset: it stays "
	          "who started it.")),
	DAEMON("gates", &kind_gates, gates, "auto",
	       N_("How many processes take connections; auto: one for each processor.")),
	DAEMON("hostname", &kind_host, hostname, NULL,
	       N_("The name in the greeting, in EHLO and in trace headers. Unset: the system's.")),
	DAEMON("administrator", &kind_mail_address, administrator, NULL,
	       N_("Who gets notices, and delivery reports that have no sender to go to. Unset: postmaster at "
	          "the hostname.")),
	DAEMON("language", &kind_choice, language, "en",
	       N_("The language of log, notices and delivery reports; commands take --lang as well."),
	       .choices = choices_languages),
	DAEMON("timezone", &kind_text, timezone, NULL,
	       N_("The time zone of times that people read, such as Asia/Tokyo. Unset: the system's. "
	          "A change counts from the next start on, not from a reload.")),
	DAEMON("log", &kind_flag, log_json, "logfmt", N_("How a line of the log is written."),
	       .choices = choices_log_forms),

	ONE(SECTION_LEDGER, "url", &kind_ledger, ledger.url, "sqlite",
	    N_("Where accounts and sign-ins are kept; sqlite: in the state folder.")),
	ONE(SECTION_LEDGER, "node", &kind_name, ledger.node, NULL,
	    N_("This gateway's name among several that share a ledger. Unset: the hostname.")),

	LISTENER("address", &kind_address_port, address, NULL,
	         N_("The address and port where devices connect: 0.0.0.0:587 or [::]:587 for every address "
	            "of this host."),
	         .required = true),
	LISTENER("tls", &kind_choice, tls, "starttls",
	         N_("starttls: clear until STARTTLS, as on port 587. implicit: TLS from the first byte, as "
	            "on port 465. none: clear. auto: whichever the device begins with; one that says nothing "
	            "is greeted after 3 seconds."),
	         .choices = choices_listener_tls),
	LISTENER("certificates", &kind_items, certificates, NULL,
	         N_("Chains and keys in PEM; an RSA and a P-256 one together serve old and new devices. "
	            "Needed unless tls is none."),
	         .inner = SECTION_CERTIFICATES),
	LISTENER("tls-min", &kind_choice, tls_min, "1.2",
	         N_("The oldest TLS that is taken. Exchange Online takes 1.2; older ones are for devices "
	            "that know no better."),
	         .choices = choices_tls_versions),
	LISTENER("require-auth", &kind_flag, require_auth, "yes",
	         N_("Whether a device must sign in before it sends. With no, only those under trusted may "
	            "send without."),
	         .choices = choices_yes_no),
	LISTENER("plaintext-auth-from", &kind_cidrs, plaintext_auth_from, NULL,
	         N_("Networks from which a password is taken without TLS.")),
	LISTENER("trusted", &kind_items, trusted, NULL,
	         N_("Devices that cannot sign in: who comes from the network is the account."),
	         .inner = SECTION_TRUSTED),
	LISTENER("bare-newline", &kind_flag, bare_newline_reject, "normalize",
	         N_("A line that ends in a bare LF: normalize makes it CRLF, reject answers 550. The end of "
	            "a message is CRLF.CRLF with either."),
	         .choices = choices_newlines),
	LISTENER("proxy-protocol-from", &kind_cidrs, proxy_protocol_from, NULL,
	         N_("Load balancers whose PROXY header is believed.")),
	LISTENER("mechanisms", &kind_mechanisms, mechanisms, "LOGIN PLAIN XOAUTH2 OAUTHBEARER",
	         N_("How devices may sign in. Those with tokens are offered once there are issuers."),
	         .choices = choices_mechanisms),
	LISTENER("personality", &kind_choice, personality, "sekisho",
	         N_("Whose greeting and EHLO list devices see."), .choices = choices_personalities),
	LISTENER("size-bytes-max", &kind_number, size_bytes_max, "157286400",
	         N_("The largest message, as in the SIZE that EHLO tells; Exchange Online's is 157286400 "
	            "(150 MiB)."),
	         .value_min = 1024, .value_max = BYTES_MAX),
	LISTENER("repairs", &kind_repairs, repairs, NULL,
	         N_("What is put right in messages of devices that write them wrong: a list of these, or all. "
	            "Unset or none: a message goes on byte for byte. Signed mail is never touched."),
	         .choices = choices_repairs),

	UPSTREAM("kind", &kind_choice, kind, "smtp",
	         N_("How mail goes on: smtp to a server, graph through Microsoft Graph's sendMail, inbox into a folder."),
	         .choices = choices_upstream_kinds),
	UPSTREAM("auth", &kind_choice, auth, "xoauth2", N_("How the gateway signs in there."),
	         .choices = choices_upstream_auths),
	UPSTREAM("cloud", &kind_cloud, cloud, NULL,
	         N_("Whose Exchange Online: global, usgov (GCC High), usdod, china (21Vianet); google for Gmail; or custom for "
	            "anything else. It gives host, token-url, graph-url and scope."),
	         .derive = derive_cloud),
	UPSTREAM("tenant", &kind_name, tenant, NULL, N_("The Entra tenant: its ID or one of its domains.")),
	UPSTREAM("token-url", &kind_url, token_url, NULL,
	         N_("Where tokens are asked for; a URL of your own implies cloud: custom. Unset: the "
	            "cloud's, with the tenant in it."),
	         .derive = derive_token_url),
	UPSTREAM("host", &kind_host, host, NULL,
	         N_("The server's name, which its certificate must bear. Unset: the cloud's."),
	         .derive = derive_host),
	UPSTREAM("port", &kind_port, port, "587", N_("The server's port.")),
	UPSTREAM("tls", &kind_choice, tls, "starttls",
	         N_("none is only for auth: none or a host on this machine."), .choices = choices_upstream_tls),
	UPSTREAM("ca-file", &kind_path, ca_file, NULL,
	         N_("Certificates (PEM) that are trusted beside the system's, for the server, token-url and "
	            "graph-url.")),
	UPSTREAM("client-id", &kind_text, client_id, NULL, N_("The application's ID in Entra.")),
	UPSTREAM("client-secret-file", &kind_secret_path, client_secret_file, NULL,
	         N_("The file that holds the application's secret, readable by the gateway's user only.")),
	UPSTREAM("client-secret-expires", &kind_date, client_secret_expires, NULL,
	         N_("The day on which the secret ends, as Entra shows it beside the secret; status, health and notices tell how "
	            "many days are left. ask, and unset: Microsoft Graph is asked for it once a day, which tells those apps that may "
	            "read their registration (Application.Read.All). never: it is not asked.")),
	UPSTREAM("client-secret-file-next", &kind_secret_path, client_secret_file_next, NULL,
	         N_("A second secret, while one is rotated: when the endpoint refuses the one, the other is tried.")),
	UPSTREAM("certificate-file", &kind_path, certificate_file, NULL,
	         N_("The certificate that the application signs in with, instead of a secret: PEM, or PKCS#12 with "
	            "its key.")),
	UPSTREAM("key-file", &kind_secret_path, key_file, NULL,
	         N_("The private key of certificate-file. Unset: it stands in the same file.")),
	UPSTREAM("certificate-password-file", &kind_secret_path, certificate_password_file, NULL,
	         N_("The file that holds the password of the PKCS#12 file, or of the key.")),
	UPSTREAM("assertion-algorithm", &kind_choice, assertion_algorithm, "PS256",
	         N_("How a sign-in by certificate is signed; Entra takes both."), .choices = choices_assertion_algorithms),
	UPSTREAM("federated-token-file", &kind_secret_path, federated_token_file, NULL,
	         N_("The file that holds a token of a federated identity, instead of a secret; read anew each time.")),
	UPSTREAM("managed-identity", &kind_flag, managed_identity, "no",
	         N_("Whether the Azure machine's own identity signs in, instead of a secret. client-id names one "
	            "that was assigned by a user."),
	         .choices = choices_yes_no),
	UPSTREAM("managed-identity-url", &kind_text, managed_identity_url, NULL,
	         N_("Where the machine's identity is asked for. Unset: the metadata service, or what IDENTITY_ENDPOINT "
	            "of the environment names.")),
	UPSTREAM("service-account-file", &kind_secret_path, service_account_file, NULL,
	         N_("The JSON key of a Google service account with domain-wide delegation; it signs in as each mailbox.")),
	UPSTREAM("flow", &kind_choice, flow, "none",
	         N_("device-code or auth-code: a person signs in once, by sekisho upstream login NAME."), .choices = choices_flows),
	UPSTREAM("device-code-url", &kind_url, device_code_url, NULL,
	         N_("For flow: device-code: where the code is asked for. Unset: the cloud's."), .derive = derive_device_code_url),
	UPSTREAM("authorize-url", &kind_url, authorize_url, NULL,
	         N_("For flow: auth-code: the page on which the person signs in. Unset: the cloud's."), .derive = derive_authorize_url),
	UPSTREAM("redirect-url", &kind_url, redirect_url, NULL,
	         N_("For flow: auth-code: where the page leads back to, as it is registered. Unset: this machine, on a free port.")),
	UPSTREAM("proxy", &kind_text, proxy, NULL,
	         N_("The HTTP proxy for token-url and graph-url, such as http://user@proxy.example:3128. Unset: HTTPS_PROXY "
	            "and NO_PROXY of the environment.")),
	UPSTREAM("proxy-password-file", &kind_secret_path, proxy_password_file, NULL,
	         N_("The file that holds the password for the proxy.")),
	UPSTREAM("graph-url", &kind_url, graph_url, NULL, N_("Where Microsoft Graph is. Unset: the cloud's."),
	         .derive = derive_graph_url),
	UPSTREAM("header-recipients", &kind_flag, header_recipients_refuse, "rewrite",
	         N_("For kind: graph, which mails whoever To, Cc and Bcc name: rewrite takes out of them whom the message was not sent "
	            "to, refuse gives such a message back."),
	         .choices = choices_header_recipients),
	UPSTREAM("quoted-printable", &kind_flag, quoted_printable_base64, "as-is",
	         N_("For kind: graph: base64 writes quoted-printable parts anew as base64, for where they arrive with stray equals signs or "
	            "lost letters; what they say stays the same. Signed mail stays as it is."), .choices = choices_quoted_printables),
	UPSTREAM("graph-request-bytes-max", &kind_number, graph_request_bytes_max, "3145728",
	         N_("For kind: graph: a message larger than this goes as a draft with its attachments uploaded."),
	         .value_min = 65536, .value_max = 157286400),
	UPSTREAM("scope", &kind_text, scope, NULL,
	         N_("What the token is asked for. Unset: the cloud's; with cloud: custom none is sent."),
	         .derive = derive_scope),
	UPSTREAM("mailbox", &kind_mailboxes, mailboxes, "same",
	         N_("Whose mailbox sends: same is that of the account that signed in, whatever MAIL FROM "
	            "says; or one address for all; or a list of them that mail is spread over, an account's by "
	            "the same one while that has room.")),
	UPSTREAM("fallback", &kind_name, fallback, NULL,
	         N_("The upstream that mail goes by once nothing has got through to this one for fallback-after-seconds, and at once when "
	            "this one cannot carry it (kind: graph). Unset: the one waits, the other goes back to its sender.")),
	UPSTREAM("user", &kind_text, user, NULL, N_("For auth: login or plain: who the gateway is there.")),
	UPSTREAM("password-file", &kind_secret_path, password_file, NULL,
	         N_("For auth: login or plain: the file that holds the password.")),
	UPSTREAM("folder", &kind_path, folder, NULL, N_("For kind: inbox: where messages are put.")),
	UPSTREAM("connections-max", &kind_number, connections_max, NULL,
	         N_("Connections at once for each mailbox (kind: graph: requests); 0: no limit. Unset: 3 for Exchange Online's "
	            "hosts, 4 for kind: graph, else 20."),
	         .value_max = 100000, .derive = derive_connections_max),
	UPSTREAM("messages-per-minute-max", &kind_number, messages_per_minute_max, NULL,
	         N_("Messages a minute for each mailbox; a minute's share may go at once; 0: no limit. "
	            "Unset: 30 for Exchange Online's hosts, else 0."),
	         .value_max = 10000000, .derive = derive_messages_per_minute_max),
	UPSTREAM("recipients-per-day-max", &kind_number, recipients_per_day_max, NULL,
	         N_("Recipients a day for each mailbox; 0: no limit. Unset: 10000 for Exchange Online's "
	            "hosts, else 0."),
	         .value_max = 1000000000, .derive = derive_recipients_per_day_max),

	ROUTE("tenant", &kind_domain, tenant, NULL, N_("Only mail of this tenant's accounts.")),
	ROUTE("from", &kind_pattern, from, NULL,
	      N_("Only mail from this sender: an address, @domain, or * for all.")),
	ROUTE("size-over-bytes", &kind_number, size_over_bytes, "0", N_("Only messages larger than this."),
	      .value_max = BYTES_MAX),
	ROUTE("upstream", &kind_name, upstream, NULL,
	      N_("Where such mail goes. The first route that fits is taken."), .required = true),

	ISSUER("issuer", &kind_url, issuer, NULL,
	       N_("What its tokens have as iss, exactly; Entra's: https://login.microsoftonline.com/TENANT-ID/v2.0 or "
	          "https://sts.windows.net/TENANT-ID/."),
	       .required = true),
	ISSUER("jwks-url", &kind_url, jwks_url, NULL,
	       N_("Where its signing keys are; Entra's: "
	          "https://login.microsoftonline.com/TENANT-ID/discovery/v2.0/keys."),
	       .required = true),
	ISSUER("ca-file", &kind_path, ca_file, NULL, N_("Certificates (PEM) that are trusted beside the system's, for jwks-url.")),
	ISSUER("audiences", &kind_texts, audiences, "https://outlook.office.com https://outlook.office365.com",
	       N_("Whom a token must be meant for (aud).")),
	ISSUER("algorithms", &kind_mechanisms, algorithms, "RS256", N_("How a token may be signed."), .choices = choices_algorithms),
	ISSUER("tenant-id", &kind_name, tenant_id, NULL, N_("The Entra tenant that a token must belong to (tid).")),
	ISSUER("scope", &kind_text, scope, "SMTP.Send", N_("What a user's token must allow (scp).")),
	ISSUER("role", &kind_text, role, "SMTP.SendAsApp",
	       N_("What an application's token must allow (roles); it may then send as any account of domain.")),
	ISSUER("domain", &kind_domain, domain, NULL, N_("The tenant whose accounts its tokens may sign in. Unset: any.")),

	ONE(SECTION_DSN, "mailbox", &kind_mail_address, dsn_mailbox, NULL,
	    N_("The mailbox that delivery reports are sent as, since Exchange Online takes none without a "
	       "sender.")),
	ONE(SECTION_NOTICES, "mail", &kind_flag, notices.mail, "yes", N_("Whether notices are mailed."), .choices = choices_yes_no),
	ONE(SECTION_NOTICES, "mail-to", &kind_mail_addresses, notices.mail_to, NULL,
	    N_("Who gets notices by mail. Unset: daemon.administrator.")),
	ONE(SECTION_NOTICES, "language", &kind_choice, notices.language, "daemon",
	    N_("The language of mailed and posted notices; daemon: as daemon.language says."), .choices = choices_notices_languages),
	ONE(SECTION_NOTICES, "from", &kind_mail_address, notices.from, NULL,
	    N_("Who sends them. Unset: dsn.mailbox, else daemon.administrator.")),
	ONE(SECTION_NOTICES, "upstream", &kind_name, notices.upstream, NULL,
	    N_("By which upstream. Unset: as the routes say for the sender.")),
	ONE(SECTION_NOTICES, "webhook", &kind_url, notices.webhook, NULL,
	    N_("Where each notice is posted as JSON, signed with webhook-secret-file.")),
	ONE(SECTION_NOTICES, "webhook-secret-file", &kind_secret_path, notices.webhook_secret_file, NULL,
	    N_("The file that holds the secret of the signature, readable by the gateway's user only.")),
	ONE(SECTION_NOTICES, "webhook-ca-file", &kind_path, notices.webhook_ca_file, NULL,
	    N_("Certificates (PEM) that are trusted beside the system's, for webhook.")),
	ONE(SECTION_NOTICES, "digest-seconds", &kind_number, notices.digest_seconds, "300",
	    N_("How long a notice of a date, or only for information, waits for others, to be mailed together."), .value_max = 604800),
	ONE(SECTION_CONSOLE, "address", &kind_address_port, console.address, NULL,
	    N_("Where the console's pages are.")),
	ONE(SECTION_CONSOLE, "certificate", &kind_path, console.certificate, NULL,
	    N_("The console's certificate chain.")),
	ONE(SECTION_CONSOLE, "key", &kind_path, console.key, NULL,
	    N_("The key of the console's certificate.")),
	ONE(SECTION_METRICS, "address", &kind_address_port, metrics_address, NULL,
	    N_("Where Prometheus reads the metrics.")),

	LIMIT("retry-first-seconds", retry_first_seconds, "60", 1, SECONDS_MAX,
	      N_("The wait before a delivery is tried again; it doubles each time.")),
	LIMIT("retry-seconds-max", retry_seconds_max, "3600", 1, SECONDS_MAX,
	      N_("The longest wait between two tries.")),
	LIMIT("expire-seconds", expire_seconds, "172800", 1, SECONDS_MAX,
	      N_("After this long a message that could not be delivered goes back to its sender.")),
	LIMIT("delay-notice-seconds", delay_notice_seconds, "14400", 0, SECONDS_MAX,
	      N_("After this long the sender is told, once, that a message waits; 0: never.")),
	LIMIT("connections-max", connections_max, "12000", 1, 1000000,
	      N_("Connections at once, over all listeners; one more is answered 421.")),
	LIMIT("connections-per-address-max", connections_per_address_max, "200", 1, 1000000,
	      N_("Connections at once from one address; one more is answered 421.")),
	LIMIT("connections-upstream-idle-seconds-max", connections_upstream_idle_seconds_max, "30", 1, 3600,
	      N_("How long a connection to an upstream is kept for the next message.")),
	LIMIT("commands-max", commands_max, "500", 10, 1000000,
	      N_("Commands in one connection that carry no message on; then 421.")),
	LIMIT("errors-max", errors_max, "20", 1, 100000, N_("Refused commands in one connection; then 421.")),
	LIMIT("recipients-max", recipients_max, "1000", 1, 100000,
	      N_("Recipients of one message; one more is answered 452.")),
	LIMIT("received-headers-max", received_headers_max, "30", 1, 1000,
	      N_("Received headers of a message; one more is taken for a loop and answered 554.")),
	LIMIT("command-seconds-max", command_seconds_max, "300", 1, 86400,
	      N_("How long a connection may be silent between two commands (RFC 5321, 4.5.3.2: 5 minutes).")),
	LIMIT("data-seconds-max", data_seconds_max, "600", 1, 86400,
	      N_("How long a message's bytes may pause.")),
	LIMIT("handshake-seconds-max", handshake_seconds_max, "30", 1, 3600,
	      N_("How long a TLS handshake may take.")),
	LIMIT("session-seconds-max", session_seconds_max, "3600", 10, 604800,
	      N_("How long one connection may last; a message under way is finished first.")),
	LIMIT("data-bytes-per-second-min", data_bytes_per_second_min, "100", 0, 1000000000,
	      N_("The slowest that a message may come in, on the average since DATA; 0: as slow as it "
	         "likes.")),
	LIMIT("body-inline-bytes-max", body_inline_bytes_max, "32768", 0, 49152,
	      N_("Messages up to this size lie in the spool's database, larger ones in files of their own.")),
	LIMIT("transaction-bytes-max", transaction_bytes_max, "1048576", 65536, 1073741824,
	      N_("Memory that the envelope of one message may take; beyond it 452.")),
	LIMIT("disk-free-bytes-min", disk_free_bytes_min, "104857600", 0, BYTES_MAX,
	      N_("With less room than this beside the spool, new mail is answered 452.")),
	LIMIT("ballast-bytes", ballast_bytes, "8388608", 0, 1073741824,
	      N_("The size of a file that is given up when the disk is full, so that deliveries can still be "
	         "written down.")),
	LIMIT("hash-workers-max", hash_workers_max, "1", 1, 64,
	      N_("Passwords hashed at once; each takes 64 MiB while it lasts.")),
	LIMIT("hash-queue-max", hash_queue_max, "64", 1, 100000,
	      N_("Sign-ins that may wait for a hash; one more is answered 454.")),
	LIMIT("verified-seconds-max", verified_seconds_max, "3600", 0, 604800,
	      N_("How long a password found right is known without hashing it again.")),
	LIMIT("verified-entries-max", verified_entries_max, "20000", 0, 10000000,
	      N_("How many passwords found right are known at once.")),
	LIMIT("refusal-delay-ms", refusal_delay_ms, "300", 0, 60000,
	      N_("When a sign-in with wrong credentials is answered, counted from AUTH, whatever was "
	         "wrong.")),
	LIMIT("failures-account-max", failures_account_max, "10", 1, 1000000,
	      N_("Wrong passwords for one name within failures-window-seconds before it is locked out.")),
	LIMIT("failures-network-max", failures_network_max, "100", 1, 1000000,
	      N_("Wrong passwords from one network (IPv4 /24, IPv6 /64) within failures-window-seconds "
	         "before it is locked out.")),
	LIMIT("failures-window-seconds", failures_window_seconds, "300", 1, 604800,
	      N_("How long a wrong password counts.")),
	LIMIT("lock-out-seconds", lock_out_seconds, "900", 1, 604800, N_("How long a lock-out lasts.")),
	LIMIT("fallback-after-seconds", fallback_after_seconds, "300", 0, SECONDS_MAX,
	      N_("How long an upstream or its mailbox must have been paused before mail goes by its fallback.")),
	LIMIT("answer-upstream-seconds-max", answer_upstream_seconds_max, "60", 1, 100, /* a gate waits for 120 */
	      N_("How long a device whose account has answer-after upstream waits for the upstream's word; then the "
	         "spool's is given.")),
	LIMIT("dispatch-window-max", dispatch_window_max, "1000", 10, 100000,
	      N_("Due messages held in memory at once for delivery.")),
	LIMIT("upstream-connect-seconds-max", upstream_connect_seconds_max, "30", 1, 3600,
	      N_("How long a connection to an upstream may take to be made.")),
	LIMIT("upstream-reply-seconds-max", upstream_reply_seconds_max, "300", 1, 3600,
	      N_("How long an upstream may take to answer a command (RFC 5321, 4.5.3.2: 5 minutes).")),
	LIMIT("upstream-end-seconds-max", upstream_end_seconds_max, "600", 1, 7200,
	      N_("How long an upstream may take to answer the end of a message (RFC 5321, 4.5.3.2.6: 10 "
	         "minutes).")),
	LIMIT("token-refresh-early-seconds", token_refresh_early_seconds, "600", 0, 3600,
	      N_("How long before its end a token is replaced.")),
	LIMIT("token-seconds-max", token_seconds_max, "30", 1, 600,
	      N_("How long a token endpoint may take to answer.")),
	LIMIT("drain-seconds-max", drain_seconds_max, "8", 1, 3600,
	      N_("How long connections may go on after a stop or reload was asked for.")),
	LIMIT("repair-header-bytes-max", repair_header_bytes_max, "262144", 1024, 16777216,
	      N_("The largest header section that is repaired; a larger one goes on as it came.")),
	LIMIT("repair-look-bytes-max", repair_look_bytes_max, "65536", 0, 1048576,
	      N_("How much of a text is looked at for its charset and its longest line before it goes on.")),
	LIMIT("gate-body-write-bytes-max", gate_body_write_bytes_max, "262144", 4096, 16777216,
	      N_("How much of a large message a gate holds before it writes it to the body's file.")),
	LIMIT("sign-in-days-max", sign_in_days_max, "90", 1, 36500,
	      N_("How long a sign-in is kept in the log.")),
	LIMIT("trace-days-max", trace_days_max, "90", 1, 36500, N_("How long a message's trace is kept.")),

	INNER(SECTION_CERTIFICATES, "certificate", &kind_path, certificate.certificate,
	      N_("The chain in PEM, the host's own certificate first.")),
	INNER(SECTION_CERTIFICATES, "key", &kind_path, certificate.key, N_("Its private key in PEM.")),
	INNER(SECTION_TRUSTED, "from", &kind_cidr, trusted.from,
	      N_("The network, such as 192.0.2.7 or 10.1.0.0/16.")),
	INNER(SECTION_TRUSTED, "account", &kind_mail_address, trusted.account,
	      N_("The account that mail from there belongs to.")),
};
const size_t settings_rows_count = sizeof(settings_rows) / sizeof(*settings_rows);

const struct settings_row *settings_rows_of(enum settings_section section, size_t *ret_count)
{
	const struct settings_row *first = settings_rows;
	const struct settings_row *end = settings_rows + settings_rows_count;

	while (first < end && first->section != section)
		first++;
	*ret_count = 0;
	while (first + *ret_count < end && first[*ret_count].section == section)
		(*ret_count)++;
	return first;
}

const struct settings_row *settings_row_find(enum settings_section section, struct str key)
{
	size_t count;
	const struct settings_row *rows = settings_rows_of(section, &count);

	for (size_t i = 0; i < count; i++) {
		if (str_eq(key, str_of(rows[i].key)))
			return &rows[i];
	}
	return NULL;
}
