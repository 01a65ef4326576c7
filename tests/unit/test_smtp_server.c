/* smtp_server: every command in every state (bar P5), what a session keeps, and answers that come late. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "stage.h"

/* Where a client can stand, and what brings it there. */
enum place {
	CLEAR,       /* in clear, nothing said */
	CLEAR_HELLO, /* in clear, hello said */
	GREETED,     /* TLS, nothing said */
	HELLO,
	IN_AUTH,     /* AUTH LOGIN was said */
	READY,       /* signed in */
	MAIL,
	RCPT,
	BODY,
	PLACE_COUNT
};

#define SIGN_IN "AUTH PLAIN AHUAcA==\r\n"

static const char *const ways[PLACE_COUNT] = {
	[CLEAR] = "",
	[CLEAR_HELLO] = "HELO x\r\n",
	[GREETED] = "",
	[HELLO] = "HELO x\r\n",
	[IN_AUTH] = "HELO x\r\nAUTH LOGIN\r\n",
	[READY] = "HELO x\r\n" SIGN_IN,
	[MAIL] = "HELO x\r\n" SIGN_IN "MAIL FROM:<a@b.example>\r\n",
	[RCPT] = "HELO x\r\n" SIGN_IN "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n",
	[BODY] = "HELO x\r\n" SIGN_IN "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
};

/* What each command answers in each place; 0: nothing, it is text. A row ends any transaction unless it says otherwise. */
static const struct {
	const char *command;
	bool keeps; /* the transaction, if there is one, is as it was */
	unsigned codes[PLACE_COUNT];
} rows[] = {
	{ "EHLO x", false, { 250, 250, 250, 250, 501, 250, 250, 250, 0 } },
	{ "HELO x", false, { 250, 250, 250, 250, 501, 250, 250, 250, 0 } },
	{ "HELO \x01", true, { 501, 501, 501, 501, 501, 501, 501, 501, 0 } },
	{ "STARTTLS", true, { 503, 220, 503, 503, 501, 503, 503, 503, 0 } },
	{ "STARTTLS x", true, { 503, 501, 503, 503, 501, 503, 503, 503, 0 } },
	{ "AUTH PLAIN AHUAcA==", true, { 503, 538, 503, 235, 501, 503, 503, 503, 0 } },
	{ "AUTH LOGIN", true, { 503, 538, 503, 334, 501, 503, 503, 503, 0 } },
	{ "AUTH", true, { 503, 538, 503, 501, 501, 503, 503, 503, 0 } },
	{ "AUTH FOO", true, { 503, 538, 503, 504, 501, 503, 503, 503, 0 } },
	{ "MAIL FROM:<x@y.example>", true, { 503, 530, 503, 530, 501, 250, 503, 503, 0 } },
	{ "MAIL FROM:<", true, { 503, 530, 503, 530, 501, 501, 503, 503, 0 } },
	{ "RCPT TO:<x@y.example>", true, { 503, 530, 503, 530, 501, 503, 250, 250, 0 } },
	{ "RCPT TO:<", true, { 503, 530, 503, 530, 501, 503, 501, 501, 0 } },
	{ "DATA", true, { 503, 530, 503, 530, 501, 503, 503, 354, 0 } },
	{ "DATA x", true, { 503, 530, 503, 530, 501, 503, 503, 501, 0 } },
	{ "RSET", false, { 250, 250, 250, 250, 501, 250, 250, 250, 0 } },
	{ "NOOP", true, { 250, 250, 250, 250, 501, 250, 250, 250, 0 } },
	{ "dXNl", true, { 500, 500, 500, 500, 334, 500, 500, 500, 0 } },
	{ "VRFY x", true, { 252, 252, 252, 252, 501, 252, 252, 252, 0 } },
	{ "EXPN x", true, { 502, 502, 502, 502, 501, 502, 502, 502, 0 } },
	{ "HELP ME", true, { 214, 214, 214, 214, 501, 214, 214, 214, 0 } },
	{ "FOO X", true, { 500, 500, 500, 500, 501, 500, 500, 500, 0 } },
	{ "ETRN x", true, { 502, 502, 502, 502, 501, 502, 502, 502, 0 } },
	{ "*", true, { 500, 500, 500, 500, 501, 500, 500, 500, 0 } },
	{ "", true, { 500, 500, 500, 500, 501, 500, 500, 500, 0 } },
	{ "BDAT 3", false, { 502, 502, 502, 502, 501, 502, 502, 502, 0 } },
	{ "GET /", false, { 500, 500, 500, 500, 501, 500, 500, 500, 0 } },
	{ "QUIT .", false, { 221, 221, 221, 221, 501, 221, 221, 221, 0 } },
};

static void say(struct stage *stage, const char *line)
{
	stage_send(stage, str_of(line));
	stage_send(stage, STR("\r\n"));
}

/* The code of the first line said since `from` in the script; 0: none. */
static unsigned first_code(const struct stage *stage, size_t from)
{
	struct str rest = str_skip(buf_str(&stage->script), from);
	uint64_t code = 0;

	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');

		if (str_starts(line, STR("S: ")) && str_to_u64((struct str){ line.ptr + 3, 3 }, 999, &code))
			break;
	}
	return (unsigned)code;
}

static unsigned ask(struct stage *stage, const char *line)
{
	size_t from = stage->script.len;

	say(stage, line);
	return first_code(stage, from);
}

static void go(struct stage *stage, enum place place)
{
	*stage = (struct stage){ .options = stage_options() };
	stage_init(stage, place > CLEAR_HELLO, false);
	stage_send(stage, str_of(ways[place]));
}

static bool has_transaction(const struct stage *stage)
{
	return stage->server.state == SMTP_MAIL || stage->server.state == SMTP_RCPT || stage->server.state == SMTP_BODY;
}

/* After a command that ends transactions, nothing goes on where it was, and what it left cannot be seen. */
static bool is_forgotten(struct stage *stage)
{
	const struct smtp_server *server = &stage->server;

	if (stage->closed)
		return true;
	return !has_transaction(stage) && server->recipients == 0 && server->size_given == 0 && !server->body_8bit &&
	       !server->body_utf8 && ask(stage, "DATA") == 503 && ask(stage, "RCPT TO:<x@y.example>") == 503 &&
	       ask(stage, "MAIL FROM:<x@y.example>") == 250 && ask(stage, "DATA") == 503;
}

static void check_pairs(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int place = 0; place < PLACE_COUNT; place++) {
			struct stage stage;
			bool open, good;
			char label[80];
			unsigned code;

			go(&stage, (enum place)place);
			open = has_transaction(&stage);
			code = ask(&stage, rows[i].command);
			good = !stage.broken && code == rows[i].codes[place];
			if (open && place != BODY)
				good = good && (rows[i].keeps ? has_transaction(&stage) : is_forgotten(&stage));
			(void)snprintf(label, sizeof(label), "\"%s\" in place %d answers %u", rows[i].command, place, code);
			CHECK(good, label);
			stage_done(&stage);
		}
	}
}

/* What ends a message leaves nothing of it, whoever refused it. */
static void check_ends(void)
{
	static const struct {
		const char *label, *body;
		unsigned answer, code;
		enum smtp_bare_newline bare_newline;
	} ends[] = {
		{ "end: accepted", "hi\r\n.\r\n", 250, 250, SMTP_BARE_NEWLINE_NORMALIZE },
		{ "end: refused for good", "hi\r\n.\r\n", 554, 554, SMTP_BARE_NEWLINE_NORMALIZE },
		{ "end: refused for now", "hi\r\n.\r\n", 451, 451, SMTP_BARE_NEWLINE_NORMALIZE },
		{ "end: too large", "0123456789012345678901234567890123456789\r\n.\r\n", 250, 552,
		  SMTP_BARE_NEWLINE_NORMALIZE },
		{ "end: bare newline", "hi\nho\r\n.\r\n", 250, 550, SMTP_BARE_NEWLINE_REJECT },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct stage stage = { .options = stage_options() };
		size_t from;

		stage.options.size_bytes_max = 20;
		stage.options.bare_newline = ends[i].bare_newline;
		stage.answers[0] = (struct stage_answer){ SMTP_EVENT_BODY_END, { .code = ends[i].answer } };
		stage.answers_count = 1;
		stage_init(&stage, true, false);
		stage_send(&stage, str_of(ways[MAIL]));
		stage_send(&stage, STR("RSET\r\nMAIL FROM:<\xc3\xa9@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8\r\n"
				       "RCPT TO:<c@d.example>\r\nDATA\r\n"));
		from = stage.script.len;
		stage_send(&stage, str_of(ends[i].body));
		CHECK(first_code(&stage, from) == ends[i].code && is_forgotten(&stage) &&
			      ask(&stage, "RCPT TO:<\xc3\xa9@d.example>") == 553 && !stage.broken,
		      ends[i].label);
		stage_done(&stage);
	}
}

/* A session that waits owns its client's name and nothing more on the heap. */
static void check_idle(void)
{
	static const enum place idle[] = { HELLO, READY, MAIL, RCPT };
	struct smtp_event event;
	struct stage stage;

	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++) {
		go(&stage, idle[i]);
		CHECK(smtp_server_feed(&stage.server, STR(""), STR(""), &event) == 0 && !stage.server.out.ptr &&
			      !stage.server.sasl.ptr && stage.server.hello,
		      "idle: nothing but the name is kept");
		stage_done(&stage);
	}
	CHECK(sizeof(struct smtp_server) <= 256, "idle: the machine is small");
}

static void check_late(void)
{
	struct smtp_server server;
	struct smtp_server_options options = stage_options();
	struct smtp_event event;
	struct str input = STR("HELO x\r\n" SIGN_IN "MAIL FROM:<a@b.example>\r\n");
	size_t used;

	smtp_server_init(&server, &options, true, false);
	smtp_server_greet(&server);
	input = str_skip(input, smtp_server_feed(&server, input, STR("::1"), &event));
	used = smtp_server_feed(&server, input, STR("::1"), &event);
	input = str_skip(input, used);
	CHECK(event.kind == SMTP_EVENT_SIGN_IN && str_eq(event.credentials.user, STR("u")), "late: a question");
	CHECK(smtp_server_feed(&server, input, STR("::1"), &event) == 0 && event.kind == SMTP_EVENT_NONE,
	      "late: nothing is taken before the answer");
	smtp_server_hang_up(&server, SMTP_REPLY_TIMED_OUT);
	smtp_server_answer(&server, true, NULL);
	CHECK(!server.signed_in && !server.sasl.ptr, "late: an answer after the end does nothing");
	CHECK(smtp_server_feed(&server, input, STR("::1"), &event) == 0 && event.kind == SMTP_EVENT_CLOSE,
	      "late: closed");
	used = server.out.len;
	smtp_server_secured(&server);
	smtp_server_greet(&server);
	CHECK(server.state == SMTP_CLOSED && server.out.len == used, "late: and it stays closed");
	smtp_server_done(&server);
}

static void check_greeting(void)
{
	struct smtp_server server;
	struct smtp_server_options options = stage_options();
	struct smtp_reply full = smtp_reply_of(SMTP_REPLY_TOO_MANY_CONNECTIONS);
	struct smtp_event event;

	smtp_server_init(&server, &options, false, false);
	CHECK(smtp_server_feed(&server, STR("EHLO x\r\n"), STR("::1"), &event) == 0 && event.kind == SMTP_EVENT_CLOSE &&
		      str_starts(buf_str(&server.out), STR("554 5.5.0 ")),
	      "greeting: who speaks first is refused");
	smtp_server_done(&server);
	smtp_server_init(&server, &options, false, false);
	smtp_server_refuse(&server, &full);
	CHECK(smtp_server_feed(&server, STR("EHLO x\r\n"), STR("::1"), &event) == 0 && event.kind == SMTP_EVENT_CLOSE &&
		      str_starts(buf_str(&server.out), STR("421 4.3.2 ")),
	      "greeting: refused");
	smtp_server_done(&server);
	options.banner = STR("mx Microsoft ESMTP MAIL Service ready");
	smtp_server_init(&server, &options, false, false);
	smtp_server_trust(&server);
	smtp_server_greet(&server);
	CHECK(str_eq(buf_str(&server.out), STR("220 mx Microsoft ESMTP MAIL Service ready\r\n")), "greeting: a banner");
	buf_clear(&server.out);
	(void)smtp_server_feed(&server, STR("HELO x\r\n"), STR("::1"), &event);
	CHECK(server.state == SMTP_READY, "greeting: trusted before it");
	smtp_server_done(&server);
}

/* CVE-2017-15132: what an exchange held is gone when it is given up, however often. */
static void check_aborts(void)
{
	struct stage stage;

	go(&stage, HELLO);
	stage.no_events = true;
	stage.options.errors_max = 0;
	stage.options.commands_max = 0;
	for (int i = 0; i < 2000; i++) {
		stage_send(&stage, STR("AUTH LOGIN dXNlcg==\r\n*\r\n"));
		buf_clear(&stage.script);
	}
	CHECK(!stage.closed && !stage.server.sasl.ptr && !stage.server.out.ptr, "aborted exchanges hold nothing");
	stage_done(&stage);
}

/* 100,001 recipients: as many as may be are taken, the rest told, and then it is enough. */
static void check_recipients(void)
{
	struct stage stage;

	go(&stage, MAIL);
	stage.no_events = true;
	for (int i = 0; i < 100001 && !stage.closed; i++)
		stage_send(&stage, STR("RCPT TO:<c@d.example>\r\n"));
	CHECK(stage.events[SMTP_EVENT_RECIPIENT] == stage.options.recipients_max, "recipients: as many as may be");
	CHECK(stage.closed && stage.events[SMTP_EVENT_REFUSED] < stage.options.commands_max, "recipients: then it is enough");
	stage_done(&stage);
}

int main(void)
{
	check_pairs();
	check_ends();
	check_idle();
	check_late();
	check_greeting();
	check_aborts();
	check_recipients();
	return check_report();
}
