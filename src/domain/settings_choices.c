/* settings_choices: the words that a setting may be, each with what it stands for. To add one: an entry. */
#include "domain/settings_rows.h"

const struct settings_choice choices_yes_no[] = {
	{ "no", 0 }, { "yes", 1 }, { "false", 0 }, { "true", 1 }, { "off", 0 }, { "on", 1 }, { NULL, 0 }
};
const struct settings_choice choices_languages[] = { { "en", LANGUAGE_EN }, { "ja", LANGUAGE_JA }, { NULL, 0 } };
const struct settings_choice choices_notices_languages[] = {
	{ "daemon", 0 }, { "en", 1 + LANGUAGE_EN }, { "ja", 1 + LANGUAGE_JA }, { NULL, 0 }
};
const struct settings_choice choices_log_forms[] = { { "logfmt", 0 }, { "json", 1 }, { NULL, 0 } };
const struct settings_choice choices_listener_tls[] = {
	{ "starttls", LISTENER_STARTTLS }, { "implicit", LISTENER_IMPLICIT }, { "none", LISTENER_NONE }, { "auto", LISTENER_AUTO }, { NULL, 0 }
};
const struct settings_choice choices_tls_versions[] = {
	{ "1.0", 10 }, { "1.1", 11 }, { "1.2", 12 }, { "1.3", 13 }, { NULL, 0 }
};
const struct settings_choice choices_newlines[] = { { "normalize", 0 }, { "reject", 1 }, { NULL, 0 } };
/* By their bit in listener_settings.mechanisms. */
const struct settings_choice choices_mechanisms[] = {
	{ "LOGIN", 0 }, { "PLAIN", 1 }, { "XOAUTH2", 2 }, { "OAUTHBEARER", 3 }, { NULL, 0 }
};
/* By their bit in listener_settings.repairs: the order of enum repair_kind. */
const struct settings_choice choices_repairs[] = {
	{ "missing-date", 0 },      { "bad-date", 1 },       { "missing-message-id", 2 },
	{ "missing-from", 3 },      { "quoted-at", 4 },      { "angle-brackets", 5 },
	{ "raw-headers", 6 },       { "duplicate-fields", 7 }, { "broken-lines", 8 },
	{ "nul-bytes", 9 },         { "mime-version", 10 },  { "missing-charset", 11 },
	{ "long-lines", 12 },       { "none", REPAIR_NONE }, { "all", REPAIR_ALL },
	{ NULL, 0 }
};
/* By their bit in issuer_settings.algorithms: the order of enum jws_algorithm. */
const struct settings_choice choices_algorithms[] = { { "RS256", 0 }, { "PS256", 1 }, { "ES256", 2 }, { NULL, 0 } };
const struct settings_choice choices_personalities[] = {
	{ "sekisho", PERSONALITY_SEKISHO }, { "exchange", PERSONALITY_EXCHANGE }, { NULL, 0 }
};
const struct settings_choice choices_upstream_kinds[] = {
	{ "smtp", UPSTREAM_SMTP }, { "graph", UPSTREAM_GRAPH }, { "inbox", UPSTREAM_INBOX }, { NULL, 0 }
};
const struct settings_choice choices_header_recipients[] = { { "rewrite", false }, { "refuse", true }, { NULL, 0 } };
const struct settings_choice choices_quoted_printables[] = { { "as-is", false }, { "base64", true }, { NULL, 0 } };
const struct settings_choice choices_upstream_tls[] = {
	{ "starttls", UPSTREAM_STARTTLS }, { "implicit", UPSTREAM_IMPLICIT }, { "none", UPSTREAM_CLEAR }, { NULL, 0 }
};
const struct settings_choice choices_upstream_auths[] = {
	{ "xoauth2", UPSTREAM_XOAUTH2 }, { "oauthbearer", UPSTREAM_OAUTHBEARER },
	{ "login", UPSTREAM_LOGIN },     { "plain", UPSTREAM_PLAIN },
	{ "none", UPSTREAM_NO_AUTH },    { NULL, 0 }
};

const struct settings_choice choices_flows[] = {
	{ "none", FLOW_NONE }, { "device-code", FLOW_DEVICE_CODE }, { "auth-code", FLOW_AUTH_CODE }, { NULL, 0 }
};
const struct settings_choice choices_assertion_algorithms[] = { { "PS256", ASSERTION_PS256 }, { "RS256", ASSERTION_RS256 }, { NULL, 0 } };
