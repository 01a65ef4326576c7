#include <assert.h>
#include <string.h>

#include "wire/smtp_server_private.h"

static void run_ehlo(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	smtp_hello_run(server, said->args, said->peer, true, event);
}

static void run_helo(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	smtp_hello_run(server, said->args, said->peer, false, event);
}

/* Whatever stands behind STARTTLS was said in clear, by whoever sits between: it is never read (CVE-2011-0411). */
static void run_starttls(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	if (said->behind.len > 0) {
		smtp_server_close(server, SMTP_REPLY_BAD_ORDER, event);
		return;
	}
	if (said->args.len > 0) {
		smtp_server_decline(server, SMTP_PHASE_NONE, SMTP_REPLY_BAD_ARGUMENTS, event);
		return;
	}
	smtp_server_say_id(server, SMTP_REPLY_START_TLS);
	smtp_server_ask(server, SMTP_EVENT_START_TLS, event);
}

static void run_auth(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	smtp_auth_start(server, said->args, event);
}

static enum smtp_reply_id param_reply(enum smtp_param_fault fault)
{
	return fault == SMTP_PARAM_UNKNOWN ? SMTP_REPLY_PARAM_UNKNOWN : SMTP_REPLY_BAD_ARGUMENTS;
}

/* "FROM:" or "TO:" at the start of `*args` is taken off it. */
static bool skip_word(struct str *args, struct str word)
{
	if (!str_starts_nocase(*args, word))
		return false;
	*args = str_skip(*args, word.len);
	return true;
}

/* What is wrong with a MAIL; SMTP_REPLY_SENDER_OK: nothing. */
static enum smtp_reply_id judge_mail(const struct smtp_server *server, struct str args, struct smtp_event *event)
{
	uint64_t bytes_max = server->options->size_bytes_max;
	enum smtp_param_fault fault;
	struct str bad;

	if (!skip_word(&args, STR("FROM:")))
		return SMTP_REPLY_BAD_ARGUMENTS;
	if (smtp_path_parse(args, false, &event->address, &args) != PARSE_OK)
		return SMTP_REPLY_BAD_SENDER;
	fault = smtp_mail_params_parse(args, &event->mail, &bad);
	if (fault != SMTP_PARAM_OK)
		return param_reply(fault);
	if (event->address.utf8 && !event->mail.utf8)
		return SMTP_REPLY_UTF8_NEEDED;
	if (bytes_max && event->mail.size_given && event->mail.size > bytes_max)
		return SMTP_REPLY_SIZE_MAX;
	return SMTP_REPLY_SENDER_OK;
}

static void run_mail(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	enum smtp_reply_id verdict = judge_mail(server, said->args, event);

	if (verdict != SMTP_REPLY_SENDER_OK) {
		smtp_server_decline(server, SMTP_PHASE_MAIL, verdict, event);
		return;
	}
	server->size_given = event->mail.size_given ? event->mail.size : 0;
	server->body_8bit = event->mail.body_8bit;
	server->body_utf8 = event->mail.utf8;
	smtp_server_ask(server, SMTP_EVENT_SENDER, event);
}

/* As judge_mail; SMTP_REPLY_RECIPIENT_OK: nothing. */
static enum smtp_reply_id judge_rcpt(const struct smtp_server *server, struct str args, struct smtp_event *event)
{
	enum smtp_param_fault fault;
	struct str bad;

	if (!skip_word(&args, STR("TO:")))
		return SMTP_REPLY_BAD_ARGUMENTS;
	if (smtp_path_parse(args, true, &event->address, &args) != PARSE_OK || event->address.whole.len == 0)
		return SMTP_REPLY_BAD_RECIPIENT;
	fault = smtp_rcpt_params_parse(args, &event->rcpt, &bad);
	if (fault != SMTP_PARAM_OK)
		return param_reply(fault);
	if (event->address.utf8 && !server->body_utf8)
		return SMTP_REPLY_UTF8_NEEDED;
	if (server->options->recipients_max && server->recipients >= server->options->recipients_max)
		return SMTP_REPLY_RECIPIENTS_MAX;
	return SMTP_REPLY_RECIPIENT_OK;
}

static void run_rcpt(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	enum smtp_reply_id verdict = judge_rcpt(server, said->args, event);

	if (verdict == SMTP_REPLY_RECIPIENT_OK)
		smtp_server_ask(server, SMTP_EVENT_RECIPIENT, event);
	else
		smtp_server_decline(server, SMTP_PHASE_RCPT, verdict, event);
}

static void run_data(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	if (said->args.len > 0)
		smtp_server_decline(server, SMTP_PHASE_DATA, SMTP_REPLY_BAD_ARGUMENTS, event);
	else
		smtp_server_ask(server, SMTP_EVENT_DATA, event);
}

static void run_rset(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	(void)said;
	smtp_server_reset(server);
	smtp_server_say_id(server, SMTP_REPLY_RESET);
	event->kind = SMTP_EVENT_RESET;
}

static void run_quit(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	(void)said;
	smtp_server_close(server, SMTP_REPLY_CLOSING, event);
}

/* Not offered, so whoever says it does not wait: its octets follow and must not be read as commands. */
static void run_bdat(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	(void)said;
	smtp_server_say_id(server, SMTP_REPLY_NOT_IMPLEMENTED);
	smtp_server_close(server, SMTP_REPLY_SHUTTING_DOWN, event);
}

/* Another protocol: a web page that makes a browser post to us, or text that was meant as a body. */
static void run_foreign(struct smtp_server *server, const struct smtp_said *said, struct smtp_event *event)
{
	(void)said;
	smtp_server_close(server, SMTP_REPLY_UNKNOWN_COMMAND, event);
}

static bool said_hello(const struct smtp_server *server)
{
	return server->hello;
}

static bool is_offered_tls(const struct smtp_server *server)
{
	return server->options->starttls;
}

static bool is_clear(const struct smtp_server *server)
{
	return !server->tls;
}

static bool is_not_signed_in(const struct smtp_server *server)
{
	return !server->signed_in;
}

/* Where STARTTLS would help a client that must sign in; Exchange Online says NEED_SIGN_IN all the same. */
static bool could_sign_in(const struct smtp_server *server)
{
	return smtp_server_rest(server) == SMTP_READY || smtp_server_may_auth(server) || !server->options->starttls ||
	       server->options->exchange_extensions;
}

static bool may_send(const struct smtp_server *server)
{
	return smtp_server_rest(server) == SMTP_READY;
}

static bool has_sender(const struct smtp_server *server)
{
	return server->state == SMTP_MAIL || server->state == SMTP_RCPT;
}

/* What a command may need, in the order in which it is asked, each with what is answered when it is not so. */
enum need { HELLO, TLS_OFFERED, TLS_OFF, SECURE, FIRST_SIGN_IN, WAY_TO_SIGN_IN, SIGN_IN, SENDER, NEED_COUNT };

static const struct {
	bool (*met)(const struct smtp_server *);
	enum smtp_reply_id otherwise;
} needs[] = {
	[HELLO] = { said_hello, SMTP_REPLY_HELLO_FIRST },
	[TLS_OFFERED] = { is_offered_tls, SMTP_REPLY_NOT_IMPLEMENTED },
	[TLS_OFF] = { is_clear, SMTP_REPLY_TLS_ACTIVE },
	[SECURE] = { smtp_server_may_auth, SMTP_REPLY_NEED_TLS_AUTH },
	[FIRST_SIGN_IN] = { is_not_signed_in, SMTP_REPLY_AUTH_DONE },
	[WAY_TO_SIGN_IN] = { could_sign_in, SMTP_REPLY_NEED_TLS },
	[SIGN_IN] = { may_send, SMTP_REPLY_NEED_SIGN_IN },
	[SENDER] = { has_sender, SMTP_REPLY_MAIL_FIRST },
};
static_assert(sizeof(needs) / sizeof(*needs) == NEED_COUNT, "meet each need");

#define NEEDS(need) (1u << (need))
#define TO_SEND (NEEDS(HELLO) | NEEDS(WAY_TO_SIGN_IN) | NEEDS(SIGN_IN))
#define IDLE (IN(SMTP_HELLO) | IN(SMTP_READY))
#define OPEN (IN(SMTP_MAIL) | IN(SMTP_RCPT))
#define ANY (IDLE | OPEN)
#define NONE SMTP_PHASE_NONE
#define BAD_ORDER SMTP_REPLY_BAD_ORDER

/* To add a command: a row, and the function it names above. */
static const struct command {
	const char *name;
	unsigned states;              /* where it may be said */
	enum smtp_reply_id elsewhere; /* what is answered in any other state; without a function everywhere */
	unsigned needs;               /* and what else must be so; asked before the state */
	enum smtp_phase phase;        /* NONE: a refusal needs no event ID */
	void (*run)(struct smtp_server *, const struct smtp_said *, struct smtp_event *);
} commands[] = {
	{ "EHLO", ANY, BAD_ORDER, 0, NONE, run_ehlo },
	{ "HELO", ANY, BAD_ORDER, 0, NONE, run_helo },
	{ "STARTTLS", IDLE, BAD_ORDER, NEEDS(HELLO) | NEEDS(TLS_OFF) | NEEDS(TLS_OFFERED), NONE, run_starttls },
	{ "AUTH", IDLE, BAD_ORDER, NEEDS(HELLO) | NEEDS(SECURE) | NEEDS(FIRST_SIGN_IN), SMTP_PHASE_AUTH, run_auth },
	{ "MAIL", IN(SMTP_READY), SMTP_REPLY_SENDER_GIVEN, TO_SEND, SMTP_PHASE_MAIL, run_mail },
	{ "RCPT", OPEN, SMTP_REPLY_MAIL_FIRST, TO_SEND, SMTP_PHASE_RCPT, run_rcpt },
	{ "DATA", IN(SMTP_RCPT), SMTP_REPLY_RCPT_FIRST, TO_SEND | NEEDS(SENDER), SMTP_PHASE_DATA, run_data },
	{ "RSET", ANY, BAD_ORDER, 0, NONE, run_rset },
	{ "NOOP", ANY, SMTP_REPLY_OK, 0, NONE, NULL },
	{ "VRFY", ANY, SMTP_REPLY_CANNOT_VERIFY, 0, NONE, NULL },
	{ "HELP", ANY, SMTP_REPLY_HELP, 0, NONE, NULL },
	{ "QUIT", ANY, BAD_ORDER, 0, NONE, run_quit },
	{ "EXPN", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "ETRN", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "TURN", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "ATRN", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "SEND", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "SOML", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "SAML", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "BURL", 0, SMTP_REPLY_NOT_IMPLEMENTED, 0, NONE, NULL },
	{ "BDAT", ANY, BAD_ORDER, 0, NONE, run_bdat },
	{ "GET", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "HEAD", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "POST", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "PUT", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "DELETE", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "OPTIONS", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "PATCH", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "PRI", ANY, BAD_ORDER, 0, NONE, run_foreign },
	{ "CONNECT", ANY, BAD_ORDER, 0, NONE, run_foreign },
};
static const struct command header_field = { "", ANY, BAD_ORDER, 0, NONE, run_foreign };
static const struct command unknown = { "", 0, SMTP_REPLY_UNKNOWN_COMMAND, 0, NONE, NULL };

/* The row for a line, and in *ret_args what stands behind its verb. */
static const struct command *find(struct str line, struct str *ret_args)
{
	size_t len = 0;
	struct str verb;

	while (len < line.len && (unsigned char)line.ptr[len] > ' ')
		len++;
	verb = (struct str){ line.ptr, len };
	*ret_args = str_trim(str_skip(line, len));
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (str_eq_nocase(verb, str_of(commands[i].name)))
			return &commands[i];
	}
	return len > 1 && verb.ptr[len - 1] == ':' ? &header_field : &unknown;
}

enum smtp_phase smtp_command_phase(struct str line)
{
	struct str args;

	return find(line, &args)->phase;
}

/* May it be said here? *ret_reply is what is answered if not, or if that is all it does. */
static bool fits_here(const struct smtp_server *server, const struct command *command, enum smtp_reply_id *ret_reply)
{
	for (int i = 0; i < NEED_COUNT; i++) {
		*ret_reply = needs[i].otherwise;
		if ((command->needs & NEEDS(i)) && !needs[i].met(server))
			return false;
	}
	*ret_reply = command->elsewhere;
	return command->states & IN(server->state);
}

/* The only dispatcher. */
void smtp_command_run(struct smtp_server *server, struct smtp_said *said, struct smtp_event *event)
{
	const struct command *command = find(said->line, &said->args);
	enum smtp_reply_id reply;

	server->commands++;
	if (server->options->commands_max && server->commands > server->options->commands_max) {
		smtp_server_close(server, SMTP_REPLY_TOO_MANY_ERRORS, event);
		return;
	}
	/* A client that sends its body without waiting for 354 is cut off should DATA be refused. */
	server->ahead = command->phase == SMTP_PHASE_DATA && said->behind.len > 0;
	if (!fits_here(server, command, &reply))
		smtp_server_decline(server, command->phase, reply, event);
	else if (command->run)
		command->run(server, said, event);
	else
		smtp_server_say_id(server, reply);
}
