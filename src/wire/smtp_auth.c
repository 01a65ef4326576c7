#include <assert.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "wire/smtp_server_private.h"

/* What the exchange waits for (server->sasl_step). */
enum {
	STEP_FIRST,    /* the message, or LOGIN's user name */
	STEP_PASSWORD, /* LOGIN's password; the user name and a NUL are in server->sasl */
	STEP_FAILED,   /* any line: the refusal in server->sasl is said then (RFC 7628, 3.2.3) */
};

#define INVALID_TOKEN "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=" /* {"status":"invalid_token"} */

static bool take_login(struct smtp_server *server, struct sasl_credentials *ret_credentials)
{
	struct str raw = buf_str(&server->sasl);
	struct str user = str_cut(&raw, '\0');

	*ret_credentials = (struct sasl_credentials){ .mechanism = SASL_LOGIN, .user = user, .secret = raw };
	return sasl_secret_fits(raw);
}

static bool take_plain(struct smtp_server *server, struct sasl_credentials *ret_credentials)
{
	return sasl_plain_parse(buf_str(&server->sasl), ret_credentials);
}

static bool take_xoauth2(struct smtp_server *server, struct sasl_credentials *ret_credentials)
{
	return sasl_xoauth2_parse(buf_str(&server->sasl), ret_credentials);
}

/* The user, unescaped, goes behind the message: there is room (begin_message), so nothing moves. */
static bool take_oauthbearer(struct smtp_server *server, struct sasl_credentials *ret_credentials)
{
	CLEANUP(cleanup_buf) struct buf user;
	size_t at = server->sasl.len;

	buf_init(&user, SASL_USER_MAX);
	if (!sasl_oauthbearer_parse(buf_str(&server->sasl), &user, ret_credentials) ||
	    !buf_add(&server->sasl, buf_str(&user)))
		return false;
	ret_credentials->user = str_skip(buf_str(&server->sasl), at);
	ret_credentials->authzid = ret_credentials->user;
	return true;
}

/* To add a mechanism: a row here, beside those of sasl.c. */
static const struct {
	const char *challenge; /* base64, asked when no initial response came */
	bool (*take)(struct smtp_server *, struct sasl_credentials *);
	bool dance; /* a refusal goes as a challenge first (RFC 7628); Exchange's XOAUTH2 does not */
} mechanisms[] = {
	[SASL_LOGIN] = { "VXNlcm5hbWU6", take_login, false },
	[SASL_PLAIN] = { "", take_plain, false },
	[SASL_XOAUTH2] = { "", take_xoauth2, false },
	[SASL_OAUTHBEARER] = { "", take_oauthbearer, true },
};
static_assert(sizeof(mechanisms) / sizeof(*mechanisms) == SASL_MECHANISM_COUNT, "take each mechanism");

static void challenge(struct smtp_server *server, const char *base64)
{
	smtp_server_say(server, &(struct smtp_reply){ .code = 334, .text = str_of(base64) });
}

void smtp_auth_end(struct smtp_server *server)
{
	buf_wipe(&server->sasl);
	server->sasl_step = STEP_FIRST;
	if (server->state == SMTP_AUTH)
		smtp_server_enter(server, smtp_server_rest(server));
}

static void decline(struct smtp_server *server, enum smtp_reply_id id, struct smtp_event *event)
{
	smtp_auth_end(server);
	smtp_server_decline(server, SMTP_PHASE_AUTH, id, event);
}

/* Room for all of it at once, so that growing leaves no copy of a secret behind. (Some base64 decoders, libsodium's among
 * them, read an 8-bit byte as 'A'.) */
static bool decode(struct smtp_server *server, struct str text)
{
	return str_is_ascii(text) && buf_room(&server->sasl, text.len / 4 * 3 + 3 + SASL_USER_MAX) && base64_parse(text, &server->sasl);
}

/* LOGIN's first message is only half of it. */
static void take_user(struct smtp_server *server, struct smtp_event *event)
{
	if (!sasl_user_fits(buf_str(&server->sasl)) || !buf_add_byte(&server->sasl, '\0')) {
		decline(server, SMTP_REPLY_AUTH_BAD, event);
		return;
	}
	server->sasl_step = STEP_PASSWORD;
	challenge(server, "UGFzc3dvcmQ6");
}

/* One response, initial or not: "*" gives up, "=" is an empty one (RFC 4954, 4). */
static void take_response(struct smtp_server *server, struct str text, struct smtp_event *event)
{
	if (str_eq(text, STR("*"))) {
		decline(server, SMTP_REPLY_AUTH_CANCELLED, event);
		return;
	}
	if (!decode(server, str_eq(text, STR("=")) ? STR("") : text)) {
		decline(server, SMTP_REPLY_AUTH_BASE64, event);
		return;
	}
	if (server->mechanism == SASL_LOGIN && server->sasl_step == STEP_FIRST) {
		take_user(server, event);
		return;
	}
	if (!mechanisms[server->mechanism].take(server, &event->credentials)) {
		event->credentials = (struct sasl_credentials){ 0 };
		decline(server, SMTP_REPLY_AUTH_BAD, event);
		return;
	}
	smtp_server_ask(server, SMTP_EVENT_SIGN_IN, event);
}

void smtp_auth_start(struct smtp_server *server, struct str args, struct smtp_event *event)
{
	struct str initial = args;
	struct str name = str_cut(&initial, ' ');
	enum sasl_mechanism mechanism;

	if (name.len == 0) {
		decline(server, SMTP_REPLY_BAD_ARGUMENTS, event);
		return;
	}
	if (!sasl_mechanism_parse(name, &mechanism) || !(server->options->mechanisms & SASL_BIT(mechanism))) {
		decline(server, SMTP_REPLY_UNKNOWN_MECHANISM, event);
		return;
	}
	server->mechanism = (uint8_t)mechanism;
	server->sasl_step = STEP_FIRST;
	smtp_server_enter(server, SMTP_AUTH);
	initial = str_trim(initial);
	if (initial.len == 0)
		challenge(server, mechanisms[mechanism].challenge);
	else
		take_response(server, initial, event);
}

void smtp_auth_respond(struct smtp_server *server, struct str line, struct smtp_event *event)
{
	if (server->sasl_step != STEP_FAILED) {
		take_response(server, str_trim(line), event);
		return;
	}
	if (!buf_add(&server->out, buf_str(&server->sasl)))
		smtp_server_enter(server, SMTP_CLOSED);
	smtp_auth_end(server);
	smtp_server_count_error(server);
}

void smtp_auth_settle(struct smtp_server *server, bool accepted, const struct smtp_reply *reply)
{
	server->signed_in = server->signed_in || accepted;
	if (!accepted && reply->code == 535 && mechanisms[server->mechanism].dance) {
		buf_wipe(&server->sasl);
		if (smtp_reply_print(&server->sasl, reply)) {
			server->sasl_step = STEP_FAILED;
			challenge(server, INVALID_TOKEN);
			return;
		}
	}
	smtp_server_say(server, reply);
	smtp_auth_end(server);
	if (!accepted)
		smtp_server_count_error(server);
}
