/* sign_in: the record of one sign-in, in Microsoft Graph's names (contract, 4), and the filter over such records. */
#ifndef DOMAIN_SIGN_IN_H
#define DOMAIN_SIGN_IN_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/pack.h"
#include "base/say.h"
#include "base/str.h"
#include "domain/cidr.h"
#include "domain/csv.h"
#include "domain/event_id.h"

#define SIGN_INS_COUNT_DEFAULT 1000 /* rows of the log, or of traces, when nobody says how many */
#define SIGN_IN_MECHANISM_NONE 255

struct sign_in {
	int64_t created_us;       /* createdDateTime; rises strictly within a node */
	struct str event_id;      /* eventId; also the key. Entra's: seconds since 1970 in 8 hex digits, a dash, the request ID */
	struct str user;          /* userPrincipalName, lower case, as typed when nobody has it */
	struct str tenant;
	struct str ip;            /* ipAddress */
	uint8_t protocol;         /* authenticationProtocol: enum auth_protocol */
	uint8_t mechanism;        /* enum sasl_mechanism's order: LOGIN PLAIN XOAUTH2 OAUTHBEARER; 255: none */
	struct str tls_version;   /* "1.3", "" in clear */
	struct str tls_cipher;
	struct str ehlo;
	struct str listener;
	struct str device;
	struct str policy_rule;   /* cause id; "" when allowed */
	uint32_t error_code;      /* status.errorCode; 0: success */
	struct str failure_reason;
	struct str smtp_reply;
	struct str app_id;        /* OAuth */
	struct str app_name;
	struct str source;        /* gateway | entra | eac */
	struct str correlation_id;/* of the connection */
	struct str more;          /* imported rows: what the source says beside, a JSON object of Graph's names; else "" */
};

/* One row a field: how it is packed, its column, its JSON name. */
struct sign_in_field {
	struct pack_field pack;
	const char *column;
	const char *json;
};
extern const struct sign_in_field sign_in_fields[];
extern const size_t sign_in_fields_count;
extern const struct pack_field sign_in_pack[]; /* the same order */

/* "Authenticated SMTP" (Basic, so that the portal's own filter finds it), "Mobile Apps and Desktop clients" (OAuth), "Unknown". */
const char *sign_in_client_app(uint8_t protocol);
const char *sign_in_protocol_name(uint8_t protocol);   /* basic | oauth | none */
const char *sign_in_mechanism_name(uint8_t mechanism); /* "" when there was none */

bool sign_in_print(struct buf *out, const struct sign_in *row) __attribute__((warn_unused_result)); /* packed */
bool sign_in_parse(struct str packed, struct sign_in *ret_row);
/* Entra's request ID in an event ID; else the event ID itself. */
struct str sign_in_request_id(const struct sign_in *row);
/* Contract, 4: nested status{…}. What `more` names stands as it says; what an imported row does not know is null. NULL: out of memory. */
json_t *sign_in_json(const struct sign_in *row);
/* How many messages a row of EAC's report stands for ("messages" in `more`); 0: any other row. */
uint64_t sign_in_messages(const struct sign_in *row);

#define SIGN_IN_FILTER_MORE_MAX 16

enum sign_in_key { SIGN_IN_USER, SIGN_IN_IP, SIGN_IN_CLIENT_APP, SIGN_IN_AUTH, SIGN_IN_STATUS, SIGN_IN_CODE, SIGN_IN_ID, SIGN_IN_KEY_COUNT };

struct sign_in_term {
	bool given, negated;
	struct str text;  /* borrowed from who set it */
	struct cidr cidr; /* of ip */
	uint32_t code;    /* of code; of auth and client-app an enum auth_protocol; of status 0: success */
	char id[EVENT_ID_LEN + 1]; /* of id, in the form in which it is kept; "" when it is none of ours */
};

/*
 * --since --until --user --ip --client-app --auth --status --code --id, and --not KEY=VALUE for any of them. A row fits a key
 * when one of its plain values fits (or none is given) and none of its negated ones does. The first value of a key is
 * in its named term, further ones are in more[].
 */
struct sign_in_filter {
	int64_t since_us, until_us; /* since ≤ created < until; 0: open */
	struct sign_in_term user, ip, client_app, auth, status, code, id;
	struct {
		enum sign_in_key key;
		struct sign_in_term term;
	} more[SIGN_IN_FILTER_MORE_MAX];
	size_t more_count;
	size_t count_max;           /* 0: no limit */
	struct str before_id;       /* cursor: only rows older than this one */
};

/* An ID that is none of ours may be the request ID within an imported row's event ID: no index knows it. */
bool sign_in_id_is_within(const struct sign_in_term *term);
/* Each term in turn, from *at = 0; NULL: no more. For who turns a filter into a query. */
const struct sign_in_term *sign_in_filter_next(const struct sign_in_filter *filter, size_t *at, enum sign_in_key *ret_key);
/* Judged by some keys alone: a bit 1 << enum sign_in_key for each. */
bool sign_in_fits_keys(const struct sign_in_filter *filter, unsigned keys, const struct sign_in *row);

/*
 * Set one key ("user" …) from its text, which the filter borrows. Times are RFC 3339, a date, or a span back from now ("7d"); a
 * user is an address or "@domain"; an ip a CIDR. False with a sentence: unknown key or value (nearest named), bad CIDR, code.
 */
bool sign_in_filter_set(struct sign_in_filter *filter, struct str key, struct str value, bool negated, int64_t now_us,
			struct fault *fault);
/* Everything but count_max and before_id. */
bool sign_in_fits(const struct sign_in_filter *filter, const struct sign_in *row);

#endif
