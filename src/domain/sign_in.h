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

struct sign_in {
	int64_t created_us;       /* createdDateTime; rises strictly within a node */
	struct str event_id;      /* eventId; also the key */
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
};

/* One row a field: how it is packed, its column, its JSON name, its CSV header in English (the portal's) and Japanese. */
struct sign_in_field {
	struct pack_field pack;
	const char *column;
	const char *json;
	const char *header;  /* N_() */
};
extern const struct sign_in_field sign_in_fields[];
extern const size_t sign_in_fields_count;
extern const struct pack_field sign_in_pack[]; /* the same order */

bool sign_in_print(struct buf *out, const struct sign_in *row) __attribute__((warn_unused_result)); /* packed */
bool sign_in_parse(struct str packed, struct sign_in *ret_row);
json_t *sign_in_json(const struct sign_in *row);     /* contract, 4: nested status{…}; NULL: out of memory */
bool sign_in_csv_header(struct buf *out, enum language language); /* with BOM, CRLF */
bool sign_in_csv(struct buf *out, const struct sign_in *row);     /* formula-safe cells */

/* --since --until --user --ip --client-app --auth --status --code --id, and --not KEY=VALUE for any of them. */
struct sign_in_filter {
	int64_t since_us, until_us; /* 0: open */
	struct {
		bool given, negated;
		struct str text;
	} user, ip, client_app, auth, status, code, id;
	size_t count_max;
	struct str before_id;       /* cursor: only rows older than this one */
};

/* Set one key ("user" …) from its text; false with a sentence: unknown key (nearest named), bad CIDR, status, code. */
bool sign_in_filter_set(struct sign_in_filter *filter, struct str key, struct str value, bool negated, int64_t now_us,
			struct fault *fault);
bool sign_in_fits(const struct sign_in_filter *filter, const struct sign_in *row);

/* CSV: one cell with its quotes; begins with = + - @ tab CR or a full-width twin → an apostrophe before it. */
bool csv_cell(struct buf *out, struct str text, bool first) __attribute__((warn_unused_result));

#endif
