/* settings: the settings file as one struct, made by one table that parses, defaults, explains and prints the reference
 * (settings_table.c). Pure: text in, struct or sentence out; files named in it are read by whoever needs them. */
#ifndef DOMAIN_SETTINGS_H
#define DOMAIN_SETTINGS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "domain/bearer.h"
#include "domain/cidr.h"

#define SETTINGS_BYTES_MAX (1u << 20)
#define LISTENERS_MAX 32
#define LISTENER_CERTIFICATES_MAX 4
#define UPSTREAMS_MAX 64
#define ROUTES_MAX 1024
#define CIDRS_MAX 64
#define MAILBOXES_MAX 16 /* of one upstream */
#define ISSUERS_MAX 32

enum listener_tls { LISTENER_STARTTLS, LISTENER_IMPLICIT, LISTENER_NONE, LISTENER_AUTO };
enum personality { PERSONALITY_SEKISHO, PERSONALITY_EXCHANGE };
enum upstream_kind { UPSTREAM_SMTP, UPSTREAM_GRAPH, UPSTREAM_INBOX, UPSTREAM_KIND_COUNT };
enum upstream_tls { UPSTREAM_STARTTLS, UPSTREAM_IMPLICIT, UPSTREAM_CLEAR };
/* How a person signs in once for the application; none: the application signs in by itself. */
enum upstream_flow { FLOW_NONE, FLOW_DEVICE_CODE, FLOW_AUTH_CODE };
enum assertion_algorithm { ASSERTION_PS256, ASSERTION_RS256 };
enum upstream_auth { UPSTREAM_XOAUTH2, UPSTREAM_OAUTHBEARER, UPSTREAM_LOGIN, UPSTREAM_PLAIN, UPSTREAM_NO_AUTH };

struct cidr_list {
	struct cidr *items;
	size_t count;
};

struct mailbox_list {
	const char *items[MAILBOXES_MAX];
	size_t count;
};

struct trusted_device {
	struct cidr from;
	const char *account;
};

struct listener_settings {
	const char *name;
	const char *address; /* "127.0.0.1:2587", "[::1]:465" */
	enum listener_tls tls;
	const char *certificates[LISTENER_CERTIFICATES_MAX]; /* absolute paths */
	const char *keys[LISTENER_CERTIFICATES_MAX];
	size_t certificates_count;
	unsigned tls_min;    /* 10 … 13 */
	bool require_auth;
	struct cidr_list plaintext_auth_from;
	struct trusted_device *trusted;
	size_t trusted_count;
	bool bare_newline_reject;
	struct cidr_list proxy_protocol_from;
	unsigned mechanisms; /* bit 0 LOGIN, 1 PLAIN, 2 XOAUTH2, 3 OAUTHBEARER: the order of enum sasl_mechanism */
	enum personality personality;
	uint64_t size_bytes_max;
	unsigned repairs;    /* bits in the order of enum repair_kind (wire/repair) */
};

struct upstream_settings {
	const char *name;
	enum upstream_kind kind;
	const char *host;
	unsigned port;
	enum upstream_tls tls;
	const char *ca_file;
	enum upstream_auth auth;
	const char *cloud, *tenant, *client_id, *client_secret_file, *certificate_file, *key_file;
	const char *client_secret_expires; /* a date, as clock_rfc3339_parse reads it; "ask" (and NULL), "never" */
	const char *client_secret_file_next;  /* beside client_secret_file while one is rotated */
	const char *certificate_password_file;
	const char *federated_token_file, *service_account_file, *managed_identity_url;
	enum assertion_algorithm assertion_algorithm;
	enum upstream_flow flow;
	bool managed_identity;
	const char *token_url; /* given, or made of cloud and tenant; likewise: */
	const char *device_code_url, *authorize_url, *redirect_url;
	const char *proxy, *proxy_password_file;
	const char *graph_url, *scope;
	bool header_recipients_refuse;    /* kind: graph */
	bool quoted_printable_base64;
	uint64_t graph_request_bytes_max;
	union {
		const char *mailbox; /* "same" or an address: the first … */
		struct mailbox_list mailboxes; /* … of those that mail is spread over */
	};
	const char *fallback;  /* the upstream that mail goes by when nothing gets through to this one; NULL: it waits */
	const char *user, *password_file; /* auth: login, plain */
	const char *folder;    /* kind: inbox */
	uint64_t connections_max, messages_per_minute_max, recipients_per_day_max; /* 0: none */
};

struct route_settings {
	const char *tenant;    /* NULL: any */
	const char *from;      /* address, "@domain", "*"; NULL: any */
	uint64_t size_over_bytes;
	const char *upstream;
};

struct limits { /* one row each in settings_table.c */
	uint64_t retry_first_seconds, retry_seconds_max, expire_seconds, delay_notice_seconds;
	uint64_t connections_max, connections_per_address_max, connections_upstream_idle_seconds_max;
	uint64_t commands_max, errors_max, recipients_max, received_headers_max;
	uint64_t command_seconds_max, data_seconds_max, handshake_seconds_max, session_seconds_max, data_bytes_per_second_min;
	uint64_t body_inline_bytes_max, transaction_bytes_max, disk_free_bytes_min, ballast_bytes;
	uint64_t hash_workers_max, hash_queue_max, verified_seconds_max, verified_entries_max;
	uint64_t refusal_delay_ms, failures_account_max, failures_network_max, failures_window_seconds, lock_out_seconds;
	uint64_t fallback_after_seconds, answer_upstream_seconds_max;
	uint64_t dispatch_window_max, upstream_connect_seconds_max, upstream_reply_seconds_max, upstream_end_seconds_max;
	uint64_t token_refresh_early_seconds, token_seconds_max, drain_seconds_max;
	uint64_t repair_header_bytes_max, repair_look_bytes_max;
	uint64_t gate_body_write_bytes_max, sign_in_days_max, trace_days_max;
};

struct settings {
	struct arena arena;   /* owns every string */
	const char *file;     /* absolute */
	const char *folder;   /* of the file */
	struct {
		const char *state, *socket, *user, *hostname, *administrator, *timezone;
		enum language language;
		unsigned gates;   /* 0: auto, one a core */
		bool log_json;
	} daemon;
	struct { const char *url, *node; } ledger;
	struct listener_settings *listeners;
	size_t listeners_count;
	struct upstream_settings *upstreams;
	size_t upstreams_count;
	struct route_settings *routes;
	size_t routes_count;
	const struct route_settings *added; /* asked before those: an administrator's, not the file's (domain/route); borrowed */
	size_t added_count;
	struct issuer_settings *issuers; /* whose tokens devices may sign in with */
	size_t issuers_count;
	const char *dsn_mailbox; /* NULL: not set */
	struct notices_settings {
		bool mail;
		struct text_list mail_to;          /* empty: daemon.administrator */
		unsigned language;                 /* 0: the daemon's; else 1 + enum language */
		const char *from, *upstream;       /* NULL: see settings_notices_from() */
		const char *webhook, *webhook_secret_file, *webhook_ca_file;
		uint64_t digest_seconds;
	} notices;
	struct { const char *address, *certificate, *key; } console;
	const char *metrics_address;
	struct limits limits;
};

/*
 * The whole file as text (libyaml events, every scalar as text). `path` is for sentences and for relative paths.
 * NEVER: one sentence "FILE:LINE:COLUMN: …" that names the key, what is wrong, and the nearest valid key or the values
 * that fit: unknown or doubled key, wrong type, impossible value, two listeners on one address, route to an unknown
 * upstream, secret in place of a file name, tls none upstream with auth to a non-loopback host, mechanism that the rest
 * of the program cannot do, no listener, no upstream. Nothing starts half. Free with settings_free.
 */
enum outcome settings_parse(const char *path, struct str text, struct settings **ret_settings, struct fault *fault);
enum outcome settings_load(const char *path, struct settings **ret_settings, struct fault *fault); /* reads the file first */
void settings_free(struct settings *settings);

/* For `config show [--changed]` (YAML that parses to the same) and `config explain KEY` (what, default, values, unit; a
 * wrong KEY gets the nearest). No secret is in settings, only names of files. */
bool settings_print(const struct settings *settings, bool changed_only, struct buf *out);
bool settings_explain(struct str key, enum language language, struct buf *out); /* false: no such key, `out` has the nearest */

/* "HOST:PORT", "[v6]:PORT". */
bool address_port_parse(struct str text, struct str *ret_host, unsigned *ret_port);

/* The first route that fits, else the only upstream when there is but one route-less upstream; NULL: none. An added route whose upstream is
 * not in the file is passed over; and to name an upstream by one does not make it routed, or mail that goes by it today would have no way. */
const struct upstream_settings *settings_route(const struct settings *settings, struct str tenant, struct str from,
					       uint64_t size);
/* Whose mailbox carries a message of this account (of this sender, when there is none): of several always the same one. */
struct str settings_mailbox(const struct upstream_settings *upstream, struct str account, struct str sender);
/* Of notices: their language; who sends them (NULL: nobody is named); by which upstream (NULL: none fits); who gets them, one after
 * another (NULL: no more). */
enum language settings_notices_language(const struct settings *settings);
const char *settings_notices_from(const struct settings *settings);
const struct upstream_settings *settings_notices_upstream(const struct settings *settings);
const char *settings_notices_to(const struct settings *settings, size_t at);
const struct upstream_settings *settings_upstream(const struct settings *settings, struct str name);
/* NEVER, and "there is no upstream …" with the nearest that there is. */
enum outcome settings_upstream_known(const struct settings *settings, struct str name, struct fault *fault);

#endif
