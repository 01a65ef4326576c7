#include "domain/sign_in.h"

#include <assert.h>

#include "base/clock.h"
#include "domain/json_text.h"
#include "domain/policy.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* One row a field: member, how it is packed, its column, its JSON name. To add a field: a member, a row here, and a migration in the ledger. */
#define FIELDS(X)                                                                                                      \
	X(created_us, PACK_I64, "created_us", "createdDateTime") \
	X(event_id, PACK_STR, "event_id", "eventId") \
	X(user, PACK_STR, "user", "userPrincipalName") \
	X(tenant, PACK_STR, "tenant", "tenant") \
	X(ip, PACK_STR, "ip", "ipAddress") \
	X(protocol, PACK_U8, "protocol", "authenticationProtocol") \
	X(mechanism, PACK_U8, "mechanism", "mechanism") \
	X(tls_version, PACK_STR, "tls_version", "tlsVersion") \
	X(tls_cipher, PACK_STR, "tls_cipher", "tlsCipher") \
	X(ehlo, PACK_STR, "ehlo", "ehlo") \
	X(listener, PACK_STR, "listener", "listener") \
	X(device, PACK_STR, "device", "device") \
	X(policy_rule, PACK_STR, "policy_rule", "policyRule") \
	X(error_code, PACK_U32, "error_code", "errorCode") \
	X(failure_reason, PACK_STR, "failure_reason", "failureReason") \
	X(smtp_reply, PACK_STR, "smtp_reply", "smtpReply") \
	X(app_id, PACK_STR, "app_id", "appId") \
	X(app_name, PACK_STR, "app_name", "appDisplayName") \
	X(source, PACK_STR, "source", "source") \
	X(correlation_id, PACK_STR, "correlation_id", "correlationId") \
	X(more, PACK_STR, "more", "more")

#define FIELD(member, kind, column, json) { PACK_FIELD(sign_in, member, kind), column, json },
#define PACK(member, kind, column, json)  PACK_FIELD(sign_in, member, kind),

const struct sign_in_field sign_in_fields[] = { FIELDS(FIELD) };
const struct pack_field sign_in_pack[] = { FIELDS(PACK) };
const size_t sign_in_fields_count = COUNT(sign_in_fields);

static const char *const protocol_names[] = {
	[AUTH_PROTOCOL_BASIC] = "basic", [AUTH_PROTOCOL_OAUTH] = "oauth", [AUTH_PROTOCOL_NONE] = "none",
};
static const char *const client_apps[] = { /* facts of Entra's sign-in log: clientAppUsed */
	[AUTH_PROTOCOL_BASIC] = "Authenticated SMTP",
	[AUTH_PROTOCOL_OAUTH] = "Mobile Apps and Desktop clients",
	[AUTH_PROTOCOL_NONE] = "Unknown",
};
static const char *const mechanism_names[] = { "LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER" };

const char *sign_in_protocol_name(uint8_t protocol)
{
	return protocol_names[protocol < COUNT(protocol_names) ? protocol : AUTH_PROTOCOL_NONE];
}

const char *sign_in_client_app(uint8_t protocol)
{
	return client_apps[protocol < COUNT(client_apps) ? protocol : AUTH_PROTOCOL_NONE];
}

const char *sign_in_mechanism_name(uint8_t mechanism)
{
	return mechanism < COUNT(mechanism_names) ? mechanism_names[mechanism] : "";
}

bool sign_in_print(struct buf *out, const struct sign_in *row)
{
	return pack_print(out, sign_in_pack, sign_in_fields_count, row);
}

bool sign_in_parse(struct str packed, struct sign_in *ret_row)
{
	struct sign_in row = { 0 };

	if (!pack_parse(&packed, sign_in_pack, sign_in_fields_count, &row) || packed.len > 0)
		return false;
	if (row.protocol >= COUNT(protocol_names) ||
	    (row.mechanism >= COUNT(mechanism_names) && row.mechanism != SIGN_IN_MECHANISM_NONE))
		return false;
	*ret_row = row;
	return true;
}

/* What the rule means and what to do; empty where a rule of ours did not decide. */
static const char *additional_details(struct str cause)
{
	const struct policy_answer *answer = policy_answer_find(cause);

	return answer ? answer->details : "";
}

static json_t *status_json(const struct sign_in *row)
{
	json_t *json = json_object();

	if (json_put(json, "errorCode", json_integer(row->error_code)) &&
	    json_put(json, "failureReason", json_text(row->failure_reason)) &&
	    json_put(json, "additionalDetails", json_string(additional_details(row->policy_rule))))
		return json;
	json_decref(json);
	return NULL;
}

/* In front of it stands the time, so that rows of one time lie together in the index of event IDs: among millions of random ones
 * each row would cost a page of its own. */
struct str sign_in_request_id(const struct sign_in *row)
{
	struct str rest = row->event_id;

	if (!str_eq(row->source, STR("entra")))
		return rest;
	(void)str_cut(&rest, '-');
	return rest.len ? rest : row->event_id;
}

/* Known of our own rows; an imported one says it in `more`, or not at all. */
static bool put_circumstances(json_t *json, const struct sign_in *row, bool ours)
{
	if (!ours)
		return json_put(json, "resourceDisplayName", json_null()) && json_put(json, "authenticationRequirement", json_null()) &&
		       json_put(json, "conditionalAccessStatus", json_null()) && json_put(json, "isInteractive", json_null());
	return json_put(json, "resourceDisplayName", json_string("Sekisho")) &&
	       json_put(json, "authenticationRequirement", json_string("singleFactorAuthentication")) &&
	       json_put(json, "conditionalAccessStatus", json_string("notApplied")) &&
	       json_put(json, "isInteractive", json_boolean(row->protocol == AUTH_PROTOCOL_BASIC));
}

static bool put_graph_names(json_t *json, const struct sign_in *row)
{
	return json_put(json, "id", json_text(sign_in_request_id(row))) &&
	       json_put(json, "createdDateTime", json_time(row->created_us)) &&
	       json_put(json, "userPrincipalName", json_text(row->user)) &&
	       json_put(json, "ipAddress", json_text(row->ip)) &&
	       json_put(json, "clientAppUsed", json_string(sign_in_client_app(row->protocol))) &&
	       json_put(json, "status", status_json(row)) &&
	       json_put(json, "correlationId", json_text(row->correlation_id)) &&
	       json_put(json, "appId", json_text(row->app_id)) &&
	       json_put(json, "appDisplayName", json_text(row->app_name)) &&
	       put_circumstances(json, row, str_eq(row->source, STR("gateway")));
}

static bool put_our_names(json_t *json, const struct sign_in *row)
{
	return json_put(json, "authenticationProtocol", json_string(sign_in_protocol_name(row->protocol))) &&
	       json_put(json, "mechanism", json_string(sign_in_mechanism_name(row->mechanism))) &&
	       json_put(json, "tenant", json_text(row->tenant)) &&
	       json_put(json, "tlsVersion", json_text(row->tls_version)) &&
	       json_put(json, "tlsCipher", json_text(row->tls_cipher)) && json_put(json, "ehlo", json_text(row->ehlo)) &&
	       json_put(json, "listener", json_text(row->listener)) &&
	       json_put(json, "device", json_text(row->device)) &&
	       json_put(json, "policyRule", json_text(row->policy_rule)) &&
	       json_put(json, "smtpReply", json_text(row->smtp_reply)) &&
	       json_put(json, "eventId", json_text(row->event_id)) && json_put(json, "source", json_text(row->source));
}

static json_t *more_json(const struct sign_in *row)
{
	return row->more.len ? json_loadb(row->more.ptr, row->more.len, 0, NULL) : NULL;
}

/* `more` may be damaged: then it says nothing. */
static bool put_more(json_t *json, const struct sign_in *row)
{
	json_t *more = more_json(row);
	bool put = !json_is_object(more) || json_object_update(json, more) == 0;

	json_decref(more);
	return put;
}

uint64_t sign_in_messages(const struct sign_in *row)
{
	json_t *more = str_eq(row->source, STR("eac")) ? more_json(row) : NULL;
	json_int_t count = json_integer_value(json_object_get(more, "messages"));

	json_decref(more);
	return count > 0 ? (uint64_t)count : 0;
}

json_t *sign_in_json(const struct sign_in *row)
{
	json_t *json = json_object();

	if (put_graph_names(json, row) && put_our_names(json, row) && put_more(json, row))
		return json;
	json_decref(json);
	return NULL;
}
