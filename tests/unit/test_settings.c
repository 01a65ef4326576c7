/* settings: good files give what they say, bad ones a sentence with line, column, key and the nearest. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/settings.h"

#define UPSTREAM "upstreams: { m: { tenant: contoso.example, client-id: app, client-secret-file: s } }\n"
#define LISTENER \
	"listeners: { l: { address: 127.0.0.1:2587, certificates: [ { certificate: c, key: k } ] } }\n"
#define GOOD LISTENER UPSTREAM

static const struct {
	const char *label;
	const char *text;
	const char *want; /* the whole sentence after the file's name; NULL: it is good */
} cases[] = {
	{ "the smallest", GOOD, NULL },
	{ "an empty file", "", ":1:1: the file is empty" },
	{ "only a comment", "# nothing\n", ":2:1: the file is empty" },
	{ "a section left empty", GOOD "limits:\ndsn:\nroutes:\n", NULL },
	{ "not sections", "[a]",
	  ":1:1: settings are sections such as daemon:, listeners: and upstreams:, each with its keys" },
	{ "broken YAML", "daemon: {", ":2:1: this is not YAML: did not find expected node content" },
	{ "a tab as indent", "daemon:\n\tstate: x\n",
	  ":2:1: this is not YAML: found character that cannot start any token" },
	{ "a byte that is no UTF-8", "daemon: { state: \xff }",
	  ":1:18: this is not YAML: invalid leading UTF-8 octet" },
	{ "a second document", GOOD "---\na: b\n",
	  ":3:1: a second document begins here; the settings are one" },
	{ "an anchor", "daemon: &a { state: x }\n",
	  ":1:9: anchors (&), aliases (*) and tags (!) are not taken here; put a text that begins with one "
	  "into quotes" },
	{ "an alias", "daemon: { state: *a }\n",
	  ":1:18: anchors (&), aliases (*) and tags (!) are not taken here; put a text that begins with one "
	  "into quotes" },
	{ "a tag", "daemon: { state: !!int 4 }\n",
	  ":1:18: anchors (&), aliases (*) and tags (!) are not taken here; put a text that begins with one "
	  "into quotes" },
	{ "an unknown section", "listners: {}\n",
	  ":1:1: listners is not a section; the nearest is listeners" },
	{ "a key for a section", "state: x\n", ":1:1: state is not a section; it belongs in daemon" },
	{ "a section twice", GOOD "daemon: {}\ndaemon: {}\n",
	  ":4:1: daemon is given twice, first on line 3; take one out" },
	{ "an unknown key", "daemon:\n  stat: x\n",
	  ":2:3: stat is not a key of daemon; the nearest is state" },
	{ "a key of another section", "daemon:\n  certificates: []\n",
	  ":2:3: certificates is not a key of daemon; it belongs in listeners" },
	{ "a key like no other", "dsn:\n  zzzzzz: x\n",
	  ":2:3: zzzzzz is not a key of dsn; the first of its keys is mailbox" },
	{ "a key twice", "daemon:\n  state: x\n  state: y\n",
	  ":3:3: state is given twice, first on line 2; take one out" },
	{ "a key with a control in it", "daemon: { \"sta\\nte\": x }",
	  ":1:11: sta?te is not a key of daemon; the nearest is state" },
	{ "a list for a value", "daemon: { state: [] }\n",
	  ":1:18: state must be one value, not a list or keys" },
	{ "a value for a list", "listeners: { l: { address: 127.0.0.1:1, mechanisms: LOGIN } }\n",
	  ":1:53: mechanisms must be a list, such as [ one, another ]" },
	{ "a value for a section", "limits: 5\n", ":1:9: limits must hold keys and values" },
	{ "a list of listeners", "listeners: []\n",
	  ":1:12: listeners must hold names, and below each its keys" },
	{ "a mapping of routes", "routes: {}\n", ":1:9: routes must be a list of { key: value }" },
	{ "no value", "daemon:\n  state:\n", ":2:9: state has no value; give one, or take the key out" },
	{ "a number with a unit", "limits: { retry-first-seconds: 1m }\n",
	  ":1:32: retry-first-seconds: \"1m\" is not a whole number from 1 to 31536000" },
	{ "a number too small", "limits: { connections-max: 0 }\n",
	  ":1:28: connections-max: \"0\" is not a whole number from 1 to 1000000" },
	{ "a negative number", "limits: { connections-max: -1 }\n",
	  ":1:28: connections-max: \"-1\" is not a whole number from 1 to 1000000" },
	{ "a number beyond 64 bits", "limits: { ballast-bytes: 99999999999999999999 }\n",
	  ":1:26: ballast-bytes: \"99999999999999999999\" is not a whole number from 0 to 1073741824" },
	{ "a choice", "daemon: { language: jp }\n",
	  ":1:21: language: \"jp\" is not one of en, ja; the nearest is ja" },
	{ "a choice like no other", "daemon: { log: verbose }\n",
	  ":1:16: log: \"verbose\" is not one of logfmt, json" },
	{ "gates", "daemon: { gates: 0 }\n",
	  ":1:18: gates: \"0\" is neither auto nor a number from 1 to 64" },
	{ "an address without a port", "listeners: { l: { address: 127.0.0.1 } }\n",
	  ":1:28: address: \"127.0.0.1\" is not an IP address and port, such as 127.0.0.1:2587, 0.0.0.0:587 "
	  "or [::1]:465" },
	{ "IPv6 without brackets", "listeners: { l: { address: \"::1:25\" } }\n",
	  ":1:28: address: \"::1:25\" is not an IP address and port, such as 127.0.0.1:2587, 0.0.0.0:587 or "
	  "[::1]:465" },
	{ "no address", "listeners: { l: { tls: none } }\n", ":1:17: l needs address" },
	{ "a bad name", "listeners: { \"a b\": {} }\n",
	  ":1:14: listeners: \"a b\" is not a name of letters, digits, - . and _" },
	{ "a name twice", LISTENER "upstreams: { m: { auth: none, host: h }, m: { auth: none, host: h } }\n",
	  ":2:42: m is given twice, first on line 2; take one out" },
	{ "a network with host bits",
	  "listeners: { l: { address: 127.0.0.1:1, plaintext-auth-from: [ 10.0.0.1/8 ] } }\n",
	  ":1:64: plaintext-auth-from: \"10.0.0.1/8\" is not a network such as 192.0.2.7 or 10.1.0.0/16 (the "
	  "bits behind "
	  "the prefix must be 0), or one too many" },
	{ "half a certificate",
	  "listeners: { l: { address: 127.0.0.1:1, certificates: [ { certificate: c } ] } }\n",
	  ":1:57: certificates needs key" },
	{ "TLS without a certificate", "listeners: { l: { address: 127.0.0.1:1, tls: auto } }\n",
	  ":1:41: listener l needs certificates: [ { certificate: FILE, key: FILE } ], or tls: none" },
	{ "nobody could sign in", "listeners: { l: { address: 127.0.0.1:1, tls: none } }\n",
	  ":1:41: listener l: with tls: none nobody could sign in; name the networks that may in "
	  "plaintext-auth-from" },
	{ "an open relay", "listeners: { l: { address: 127.0.0.1:1, tls: none, require-auth: no } }\n",
	  ":1:52: listener l: require-auth: no needs trusted, the networks that may send without signing in; "
	  "or anybody "
	  "could send" },
	{ "no listener", UPSTREAM, ":1:1: there is no listener; devices need one under listeners" },
	{ "no upstream", LISTENER, ":1:1: there is no upstream; mail needs one under upstreams to go on to" },
	{ "one address twice",
	  "listeners: { a: { address: 127.0.0.1:25, tls: none, plaintext-auth-from: [ '::/0' ] }, "
	  "b: { address: '[::ffff:127.0.0.1]:25', tls: none, plaintext-auth-from: [ '::/0' ] } }\n",
	  ":1:93: listeners a and b have the same address [::ffff:127.0.0.1]:25" },
	{ "two upstreams and no route",
	  LISTENER "upstreams: { a: { auth: none, host: h }, b: { auth: none, host: h } }\n",
	  ":2:1: there are 2 upstreams and no routes; say which mail goes where under routes" },
	{ "a route to nowhere", GOOD "routes: [ { upstream: n } ]\n",
	  ":3:13: there is no upstream n; there is m" },
	{ "a fallback to nowhere", LISTENER "upstreams: { m: { auth: none, host: h, fallback: n } }\n",
	  ":2:40: upstream m: fallback n is not another upstream" },
	{ "a fallback to itself", LISTENER "upstreams: { m: { auth: none, host: h, fallback: m } }\n",
	  ":2:40: upstream m: fallback m is not another upstream" },
	{ "same among several mailboxes", LISTENER "upstreams: { m: { auth: none, host: h, mailbox: [ a@b.example, same ] } }\n",
	  ":2:64: mailbox: \"same\" is neither same nor a mail address, or one too many; same stands alone" },
	{ "several mailboxes, and one as ever",
	  LISTENER "upstreams: { m: { auth: none, host: h, mailbox: [ a@b.example, c@b.example ] }, "
		   "n: { auth: none, host: h, mailbox: a@b.example } }\nroutes: [ { upstream: m } ]\n", NULL },
	{ "notices to nowhere", GOOD "notices: { upstream: n }\n", ":3:12: there is no upstream n; there is m" },
	{ "notices nobody can verify", GOOD "notices: { webhook: 'https://h/' }\n",
	  ":3:12: notices: webhook needs webhook-secret-file, so that who gets them can tell that they are this gateway's" },
	{ "notices from nobody", GOOD "notices: { mail-to: [ a@b.example ] }\n",
	  ":3:12: notices: mail-to needs from, the address that sends them (or dsn: mailbox)" },
	{ "notices to no address", GOOD "notices: { mail-to: [ nonsense ] }\n",
	  ":3:23: mail-to: \"nonsense\" is not a mail address, or one too many" },
	{ "notices in clear", GOOD "notices: { webhook: 'http://h.example/' }\n",
	  ":3:21: webhook: \"http://h.example/\" is not a URL that begins with https:// (http:// only to this machine)" },
	{ "no tenant", LISTENER "upstreams: { m: { client-id: a } }\n",
	  ":2:14: upstream m needs tenant, the Entra tenant's ID or domain, or a token-url" },
	{ "no client", LISTENER "upstreams: { m: { tenant: t } }\n",
	  ":2:14: upstream m needs client-id, the application's ID" },
	{ "no secret", LISTENER "upstreams: { m: { tenant: t, client-id: a } }\n",
	  ":2:14: upstream m has nothing to sign in with: it needs client-secret-file, certificate-file, federated-token-file, managed-identity: yes, "
	  "service-account-file, or flow: device-code or auth-code" },
	{ "a day that is none",
	  LISTENER "upstreams: { m: { tenant: t, client-id: a, client-secret-file: s, client-secret-expires: 2027-02-29 } }\n",
	  ":2:90: client-secret-expires: \"2027-02-29\" is not a date such as 2027-01-15 or 2027-01-15T09:00:00+09:00, nor ask, nor never" },
	{ "the secret under its own name", "upstreams: { m: { client-secret: hunter2 } }\n",
	  ":1:19: client-secret: secrets do not stand in the settings; put it into a file and name that with "
	  "client-secret-file or password-file" },
	{ "the secret instead of its file",
	  "upstreams: { m: { client-secret-file: abC8Q~0123456789.abcdefghijklmnopqrstuv } }\n",
	  ":1:39: client-secret-file: this looks like the secret itself; put it into a file that only the "
	  "gateway's user "
	  "can read, and name the file here" },
	{ "custom without a token URL", LISTENER "upstreams: { m: { cloud: custom } }\n",
	  ":2:19: upstream m: cloud: custom needs token-url" },
	{ "a token URL and a cloud", LISTENER "upstreams: { m: { cloud: china, token-url: https://x/t } }\n",
	  ":2:33: upstream m: token-url implies cloud: custom; leave out cloud, or token-url" },
	{ "a token URL in clear", "upstreams: { m: { token-url: http://token.example/ } }\n",
	  ":1:30: token-url: \"http://token.example/\" is not a URL that begins with https:// (http:// only "
	  "to this machine)" },
	{ "a URL for a host", "upstreams: { m: { host: https://smtp.example } }\n",
	  ":1:25: host: \"https://smtp.example\" is not a host name or IP address (no https://, no port)" },
	{ "no host", LISTENER "upstreams: { m: { auth: none } }\n",
	  ":2:14: upstream m needs host, the server's name" },
	{ "login without a password", LISTENER "upstreams: { m: { auth: login, host: h } }\n",
	  ":2:19: upstream m: auth: login and plain need user and password-file" },
	{ "a password in clear to afar",
	  LISTENER "upstreams: { m: { auth: login, host: h, user: u, password-file: p, tls: none } }\n",
	  ":2:68: upstream m: tls: none would send credentials in clear; use starttls or implicit, or auth: "
	  "none" },
	{ "a password in clear to loopback",
	  LISTENER "upstreams: { m: { auth: login, host: '::1', user: u, password-file: p, tls: none } }\n",
	  NULL },
	{ "a password for OAuth",
	  LISTENER "upstreams: { m: { tenant: t, client-id: a, client-secret-file: s, user: u } }\n",
	  ":2:67: upstream m: user needs auth: login or plain" },
	{ "graph without a tenant", "upstreams: { m: { kind: graph } }\n",
	  ":1:14: upstream m needs tenant, the Entra tenant's ID or domain, or a token-url" },
	{ "graph by password", "upstreams: { m: { kind: graph, auth: login } }\n",
	  ":1:32: upstream m: kind: graph signs in with tokens only; leave out auth" },
	{ "graph of a cloud of one's own", "upstreams: { m: { kind: graph, token-url: https://t.example/t } }\n",
	  ":1:14: upstream m: kind: graph with cloud: custom needs graph-url" },
	{ "an inbox without folder", "upstreams: { m: { kind: inbox } }\n",
	  ":1:14: upstream m: kind: inbox needs folder, where messages are put" },
	{ "a folder without inbox", "upstreams: { m: { kind: graph, folder: f } }\n",
	  ":1:32: upstream m: folder needs kind: inbox" },
	{ "PostgreSQL", "ledger: { url: postgresql://h/d }\n",
	  ":1:16: url postgresql is not available in this version" },
	{ "an issuer without its keys", "issuers: { i: { issuer: https://i.example/ } }\n", ":1:15: i needs jwks-url" },
	{ "the console", "console: { address: 127.0.0.1:8025 }\n",
	  ":1:12: console: address is not available in this version" },
	{ "a socket too long",
	  GOOD "daemon: { socket: "
	       "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
	       "0123456789/0123456789 }\n",
	  ":3:1: socket: "
	  "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
	  "0123456789/0123456789 "
	  "is longer than 107 bytes, the most that a socket's name may have" },
};

static void check_sentences(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct settings *settings = NULL;
		struct fault fault = { 0 };
		char want[FAULT_TEXT_MAX];
		enum outcome outcome =
		        settings_parse("/etc/gw.yaml", str_of(cases[i].text), &settings, &fault);

		(void)snprintf(want, sizeof(want), "/etc/gw.yaml%s", cases[i].want ? cases[i].want : "");
		if (!CHECK(cases[i].want ? outcome == OUTCOME_NEVER && !settings &&
		                                   strcmp(fault.text[LANGUAGE_EN], want) == 0
		                         : outcome == OUTCOME_OK,
		           cases[i].label))
			printf("# got:  %s\n# want: %s\n", fault.text[LANGUAGE_EN], want);
		settings_free(settings);
	}
}

static struct settings *parsed(const char *text, const char *label)
{
	struct settings *settings = NULL;
	struct fault fault = { 0 };

	if (!CHECK(settings_parse("/etc/gw.yaml", str_of(text), &settings, &fault) == OUTCOME_OK, label))
		printf("# %s\n", fault.text[LANGUAGE_EN]);
	return settings;
}

static const char rich[] =
        "daemon: { state: var/sekisho, socket: /run/s, gates: 3, language: ja, log: json }\n"
        "listeners:\n"
        "  \"submission\":\n"
        "    address: '[::1]:587'\n"
        "    tls: auto\n"
        "    tls-min: 1.0\n"
        "    bare-newline: reject\n"
        "    certificates: [ { certificate: a.pem, key: a.key }, { key: /b.key, certificate: "
        "/b.pem } ]\n"
        "    plaintext-auth-from: [ 10.0.0.0/8, '::1' ]\n"
        "    trusted: [ { from: 192.0.2.7, account: fax@contoso.example } ]\n"
        "    mechanisms: [ PLAIN ]\n"
        "upstreams:\n"
        "  exo: { tenant: contoso.example, client-id: app, client-secret-file: secret, "
        "connections-max: 2 }\n"
        "  gov: { cloud: usgov, tenant: t, client-id: app, client-secret-file: /secret }\n"
        "  own: { host: mail.example, token-url: https://token.example/t, client-id: app, "
        "client-secret-file: s }\n"
        "routes: [ { from: \"@gov.example\", upstream: gov }, { tenant: big.example, "
        "size-over-bytes: 1000, upstream: own }, "
        "{ from: '*', upstream: exo } ]\n"
        "limits: { retry-first-seconds: 1 }\n";

static void check_values(void)
{
	struct settings *settings = parsed(rich, "values: parsed");
	const struct listener_settings *listener;
	const struct upstream_settings *exo;
	const struct upstream_settings *own;

	if (!settings)
		return;
	listener = &settings->listeners[0];
	exo = settings_upstream(settings, STR("exo"));
	own = settings_upstream(settings, STR("own"));
	CHECK(strcmp(settings->daemon.state, "/etc/var/sekisho") == 0,
	      "values: a relative path counts from the file");
	CHECK(strcmp(settings->daemon.socket, "/run/s") == 0, "values: an absolute path");
	CHECK(settings->daemon.gates == 3 && settings->daemon.language == LANGUAGE_JA &&
	              settings->daemon.log_json,
	      "values: daemon");
	CHECK(!settings->daemon.hostname && !settings->daemon.user, "values: what is unset");
	CHECK(strcmp(listener->name, "submission") == 0 && listener->tls == LISTENER_AUTO &&
	              listener->tls_min == 10,
	      "values: listener");
	CHECK(listener->certificates_count == 2 && strcmp(listener->certificates[0], "/etc/a.pem") == 0 &&
	              strcmp(listener->keys[1], "/b.key") == 0,
	      "values: certificates");
	CHECK(listener->plaintext_auth_from.count == 2 && listener->plaintext_auth_from.items[0].bits == 104,
	      "values: networks");
	CHECK(listener->trusted_count == 1 &&
	              strcmp(listener->trusted[0].account, "fax@contoso.example") == 0 &&
	              listener->trusted[0].from.bits == 128,
	      "values: trusted");
	CHECK(listener->mechanisms == 2 && listener->bare_newline_reject && listener->require_auth,
	      "values: mechanisms");
	CHECK(listener->size_bytes_max == 157286400, "values: size");
	CHECK(strcmp(exo->host, "smtp.office365.com") == 0 && exo->port == 587 &&
	              strcmp(exo->cloud, "global") == 0,
	      "values: cloud");
	CHECK(strcmp(exo->token_url, "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token") ==
	              0,
	      "values: token URL");
	CHECK(strcmp(exo->scope, "https://outlook.office365.com/.default") == 0, "values: scope");
	CHECK(strcmp(exo->client_secret_file, "/etc/secret") == 0 && strcmp(exo->mailbox, "same") == 0,
	      "values: secret's file");
	CHECK(exo->connections_max == 2 && exo->messages_per_minute_max == 30 &&
	              exo->recipients_per_day_max == 10000,
	      "values: limits");
	CHECK(strcmp(settings_upstream(settings, STR("gov"))->host, "smtp.office365.us") == 0,
	      "values: another cloud");
	CHECK(strcmp(own->cloud, "custom") == 0 && !own->scope && own->connections_max == 20,
	      "values: none of Microsoft's");
	CHECK(!settings_upstream(settings, STR("ex")), "values: no such upstream");
	CHECK(settings_route(settings, STR("x"), STR("a@GOV.example"), 1) ==
	              settings_upstream(settings, STR("gov")),
	      "route: domain");
	CHECK(settings_route(settings, STR("big.example"), STR("a@b"), 1001) == own, "route: large");
	CHECK(settings_route(settings, STR("big.example"), STR("a@b"), 1000) == exo, "route: not so large");
	CHECK(settings->limits.retry_first_seconds == 1 && settings->limits.retry_seconds_max == 3600,
	      "values: limits");
	settings_free(settings);
}

/* Spread evenly, each account's always by the same one; and an upstream that another falls back to is not where the rest goes. */
static void check_mailboxes(void)
{
	struct settings *settings = NULL;
	struct fault fault;
	unsigned counts[2] = { 0 };
	const struct upstream_settings *upstream;

	if (settings_parse("/etc/sekisho/gw.yaml",
			   STR(LISTENER "upstreams: { m: { auth: none, host: h, fallback: s, mailbox: [ a@b.example, c@b.example ] }, "
					"s: { auth: none, host: h } }\nroutes: [ { tenant: b.example, upstream: m } ]\n"),
			   &settings, &fault) != OUTCOME_OK)
		abort();
	upstream = settings_upstream(settings, STR("m"));
	for (unsigned i = 0; i < 1000; i++) {
		char account[32];
		struct str mailbox;

		(void)snprintf(account, sizeof(account), "copier-%u@b.example", i);
		mailbox = settings_mailbox(upstream, str_of(account), STR("x@y.example"));
		counts[str_eq(mailbox, STR("c@b.example"))]++;
		if (!str_eq(mailbox, settings_mailbox(upstream, str_of(account), STR("z@y.example"))))
			abort();
	}
	CHECK(counts[0] > 400 && counts[1] > 400, "mailboxes: accounts are spread evenly");
	CHECK(str_eq(settings_mailbox(settings_upstream(settings, STR("s")), STR("q@b.example"), STR("x@y.example")), STR("q@b.example")) &&
		      str_eq(settings_mailbox(settings_upstream(settings, STR("s")), STR(""), STR("x@y.example")), STR("x@y.example")),
	      "mailboxes: same is the account's, or the sender's without one");
	CHECK(!settings_route(settings, STR("other.example"), STR("a@other.example"), 1), "route: nothing goes to a fall-back of itself");
	settings_free(settings);
}

static void check_unrouted(void)
{
	struct settings *settings =
	        parsed(LISTENER "upstreams: { a: { auth: none, host: h }, b: { auth: none, host: h } }\n"
	                        "routes: [ { from: a@b.example, upstream: b } ]\n",
	               "unrouted: parsed");

	if (!settings)
		return;
	CHECK(settings_route(settings, STR("t"), STR("A@b.example"), 1) == &settings->upstreams[1],
	      "unrouted: the route");
	CHECK(settings_route(settings, STR("t"), STR("c@b.example"), 1) == &settings->upstreams[0],
	      "unrouted: the one without a route");
	settings_free(settings);
}

/* Each good file, printed, must read back to what it was: printed again it is the same, whole and
 * changed-only. */
static void check_print(const char *text, const char *label)
{
	struct settings *settings = parsed(text, label);
	struct buf whole;

	if (!settings)
		return;
	buf_init(&whole, 1 << 20);
	CHECK(settings_print(settings, false, &whole), label);
	for (int changed_only = 0; changed_only < 2; changed_only++) {
		struct settings *again = NULL;
		struct fault fault = { 0 };
		struct buf printed;

		buf_init(&printed, 1 << 20);
		CHECK(settings_print(settings, changed_only, &printed), label);
		if (!CHECK(settings_parse("/etc/gw.yaml", buf_str(&printed), &again, &fault) == OUTCOME_OK,
		           label))
			printf("# %s\n", fault.text[LANGUAGE_EN]);
		buf_clear(&printed);
		if (again && !CHECK(settings_print(again, false, &printed) &&
		                            str_eq(buf_str(&whole), buf_str(&printed)),
		                    label))
			printf("# %.*s\n# %.*s\n", STR_ARG(buf_str(&whole)), STR_ARG(buf_str(&printed)));
		buf_done(&printed);
		settings_free(again);
	}
	buf_done(&whole);
	settings_free(settings);
}

static void check_changed(void)
{
	struct settings *settings =
	        parsed(GOOD "daemon: { gates: auto }\nlimits: { errors-max: 5 }\n", "changed: parsed");
	static const char want[] = "listeners:\n  l:\n    address: \"127.0.0.1:2587\"\n"
	                           "    certificates: [ { certificate: /etc/c, key: /etc/k } ]\n"
	                           "upstreams:\n  m:\n    tenant: contoso.example\n    client-id: app\n"
	                           "    client-secret-file: /etc/s\nlimits:\n  errors-max: 5\n";
	struct buf out;

	buf_init(&out, 1 << 20);
	if (settings && CHECK(settings_print(settings, true, &out), "changed: printed") &&
	    !CHECK(str_eq(buf_str(&out), STR(want)), "changed: nothing but what is not the default"))
		printf("# %.*s\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
	settings_free(settings);
}

static bool explains(const char *key, const char *want)
{
	struct buf out;
	bool found;
	bool fits;

	buf_init(&out, 1 << 20);
	found = settings_explain(str_of(key), LANGUAGE_EN, &out);
	fits = buf_add_byte(&out, '\0') && strstr(out.ptr, want);
	buf_done(&out);
	return found && fits;
}

static void check_explain(void)
{
	struct buf out;

	CHECK(explains("limits.errors-max",
	               "limits.errors-max\n    Refused commands in one connection; then 421.\n"
	               "    Values: 1 to 100000\n    Default: 20\n"),
	      "explain: a limit");
	CHECK(explains("listeners.my.printers.tls", "listeners.NAME.tls\n"), "explain: of a named listener");
	CHECK(!explains("listeners.my.printers.tls", "upstreams.NAME.tls\n"),
	      "explain: of a named listener only");
	CHECK(explains("tls", "upstreams.NAME.tls\n"), "explain: a key of two sections");
	CHECK(explains("limits", "limits.trace-days-max\n"), "explain: a whole section");
	buf_init(&out, 1 << 20);
	CHECK(!settings_explain(STR("eror-max"), LANGUAGE_EN, &out) &&
	              str_eq(buf_str(&out), STR("there is no setting eror-max; the nearest is errors-max")),
	      "explain: the nearest");
	buf_done(&out);
}

int main(void)
{
	check_sentences();
	check_values();
	check_unrouted();
	check_mailboxes();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (!cases[i].want)
			check_print(cases[i].text, cases[i].label);
	}
	check_print(rich, "a rich file, printed");
	check_changed();
	check_explain();
	return check_report();
}
