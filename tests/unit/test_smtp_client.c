/* smtp_client: dialogues, each played whole and in bites; what was said and what happened must read as tabled. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "check.h"
#include "wire/smtp_client.h"

#define LIT(literal) { (literal), sizeof(literal) - 1 }
#define CHUNKS_MAX 24
#define BODY "Subject: hi\r\n\r\n.dot\r\n"

static const struct smtp_client_recipient one[] = { { .address = LIT("b@y.example") } };
static const struct smtp_client_recipient two[] = {
	{ .address = LIT("b@y.example"), .notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE,
	  .orcpt = LIT("rfc822;b+2By@y.example") },
	{ .address = LIT("c@y.example"), .notify = SMTP_NOTIFY_NEVER },
};
static const struct smtp_client_recipient japanese[] = { { .address = LIT("\xe5\x90\x8d@y.example") } };
static const struct smtp_client_recipient smuggling[] = { { .address = LIT("b@y.example>\r\nRCPT TO:<d@z") } };

#define MESSAGE(list) \
	{ .sender = LIT("a@x.example"), .size = 100, .recipients = (list), \
	  .recipients_count = sizeof(list) / sizeof(*(list)) }

static const struct smtp_client_message plain = MESSAGE(one);
static const struct smtp_client_message pair = {
	.sender = LIT("a@x.example"), .size = 100, .recipients = two, .recipients_count = 2,
	.ret = SMTP_RET_HDRS, .envid = LIT("E1"),
};
static const struct smtp_client_message eight = {
	.sender = LIT("a@x.example"), .size = 100, .recipients = one, .recipients_count = 1, .body_8bit = true,
};
static const struct smtp_client_message large = {
	.sender = LIT("a@x.example"), .size = 1001, .recipients = one, .recipients_count = 1,
};
static const struct smtp_client_message bounce = { .size = 100, .recipients = one, .recipients_count = 1 };
static const struct smtp_client_message utf8 = MESSAGE(japanese);
static const struct smtp_client_message trial = { .sender = LIT("a@x.example"), .size = 100 };
static const struct smtp_client_message smuggled = MESSAGE(smuggling);

#define XOAUTH2 .sign_in = true, .mechanism = SASL_XOAUTH2
#define STARTTLS .tls = SMTP_CLIENT_TLS_STARTTLS
#define IMPLICIT .tls = SMTP_CLIENT_TLS_IMPLICIT
#define EVERYTHING "250-h\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250-DSN\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
#define TOKEN "dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==" /* user=u ^A auth=Bearer t ^A ^A */

static const struct dialogue {
	const char *label;
	struct smtp_client_options options;
	const struct smtp_client_message *messages[4];
	const char *server[CHUNKS_MAX]; /* each comes after the client said all it wanted */
	const char *want;
} dialogues[] = {
	{ "one message, one command at a time", { .port = 25 }, { &plain },
	  { "220 h ESMTP\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 2.0.0 Ok: queued\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 250 2.0.0 Ok: queued\nC QUIT\nE closed\n" },
	{ "pipelined in one write with every extension", { .port = 25 }, { &pair },
	  { "220 h\r\n", EVERYTHING, "250 ok\r\n250 fine\r\n550 5.1.1 no\r\n354 go\r\n", "250 ok\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=100 RET=HDRS ENVID=E1\n"
	  "C RCPT TO:<b@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2By@y.example\n"
	  "C RCPT TO:<c@y.example> NOTIFY=NEVER\nC DATA\n"
	  "E rcpt 0 250 fine\nE rcpt 1 550 5.1.1 no\nE body\nC Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC QUIT\nE closed\n" },
	{ "STARTTLS, XOAUTH2 alone, token after the 334", { STARTTLS, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 STARTTLS\r\n", "220 2.0.0 go\r\n", "250-h\r\n250 AUTH LOGIN XOAUTH2\r\n", "334 \r\n", "235 2.7.0 in\r\n",
	    "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n", "221 bye\r\n" },
	  "C EHLO us\nC STARTTLS\nE start-tls\nC EHLO us\nC AUTH XOAUTH2\nE need-token\nC " TOKEN "\nE ready\n"
	  "C MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC QUIT\nE closed\n" },
	{ "extensions offered before TLS are forgotten", { STARTTLS }, { &plain },
	  { "220 h\r\n", "250-h\r\n250-PIPELINING\r\n250 STARTTLS\r\n", "220 go\r\n", "250 h\r\n", "250 ok\r\n" },
	  "C EHLO us\nC STARTTLS\nE start-tls\nC EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\n" },
	{ "STARTTLS missing: no credentials", { STARTTLS, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH XOAUTH2\r\n", "221 bye\r\n" },
	  "C EHLO us\nE refused HELLO: the server does not offer STARTTLS, so nothing is sent through it\nC QUIT\nE closed\n" },
	{ "STARTTLS refused", { STARTTLS, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 STARTTLS\r\n", "454 4.7.0 no certificate\r\n", "221 bye\r\n" },
	  "C EHLO us\nC STARTTLS\nE refused STARTTLS 454 4.7.0 no certificate\nC QUIT\nE closed\n" },
	{ "text behind the 220 in the same packet", { STARTTLS, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 STARTTLS\r\n", "220 go\r\n250-h\r\n250 AUTH XOAUTH2\r\n" },
	  "C EHLO us\nC STARTTLS\nE lost STARTTLS: the server sent more in clear behind its answer to STARTTLS; somebody may be meddling\n" },
	{ "half a line behind the 220", { STARTTLS, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 STARTTLS\r\n", "220 go\r\n2" },
	  "C EHLO us\nC STARTTLS\nE lost STARTTLS: the server sent more in clear behind its answer to STARTTLS; somebody may be meddling\n" },
	{ "mechanism missing", { IMPLICIT, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH LOGIN PLAIN\r\n", "221 bye\r\n" },
	  "C EHLO us\nE refused HELLO: the server does not offer AUTH XOAUTH2 here\nC QUIT\nE closed\n" },
	{ "Exchange refuses the token at once", { IMPLICIT, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH LOGIN XOAUTH2\r\n", "334 \r\n", "535 5.7.3 Authentication unsuccessful [SN2]\r\n", "221 bye\r\n" },
	  "C EHLO us\nC AUTH XOAUTH2\nE need-token\nC " TOKEN "\nE refused AUTH 535 5.7.3 Authentication unsuccessful [SN2]\nC QUIT\nE closed\n" },
	{ "XOAUTH2: the error's details are answered with an empty line", { IMPLICIT, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH XOAUTH2\r\n", "334 \r\n", "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", "535-5.7.8 no\r\n535 5.7.8 way\r\n", "221 bye\r\n" },
	  "C EHLO us\nC AUTH XOAUTH2\nE need-token\nC " TOKEN "\nC \nE refused AUTH 535 5.7.8 no|way\nC QUIT\nE closed\n" },
	{ "OAUTHBEARER: and with AQ==", { IMPLICIT, .sign_in = true, .mechanism = SASL_OAUTHBEARER, .host = LIT("h"), .port = 465 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH OAUTHBEARER\r\n", "334 \r\n", "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", "535 5.7.8 no\r\n", "221 bye\r\n" },
	  "C EHLO us\nC AUTH OAUTHBEARER\nE need-token\nC bixhPXUsAWhvc3Q9aAFwb3J0PTQ2NQFhdXRoPUJlYXJlciB0AQE=\nC AQ==\nE refused AUTH 535 5.7.8 no\nC QUIT\nE closed\n" },
	{ "LOGIN", { IMPLICIT, .sign_in = true, .mechanism = SASL_LOGIN }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH=LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "235 in\r\n", "421 4.3.2 later\r\n" },
	  "C EHLO us\nC AUTH LOGIN\nE need-token\nC dQ==\nC dA==\nE ready\nC MAIL FROM:<a@x.example>\nE lost MAIL 421 4.3.2 later\n" },
	{ "PLAIN", { IMPLICIT, .sign_in = true, .mechanism = SASL_PLAIN }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 auth plain\r\n", "334 \r\n", "235 in\r\n" },
	  "C EHLO us\nC AUTH PLAIN\nE need-token\nC AHUAdA==\nE ready\nC MAIL FROM:<a@x.example>\n" },
	{ "a trial of senders: MAIL, RSET, MAIL, and nothing is sent", { .port = 25 }, { &trial, &trial, &trial },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 reset\r\n", "550 5.7.60 not you\r\n", "250 2.1.0 ok\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nE done MAIL 250 ok\nC RSET\nC MAIL FROM:<a@x.example>\n"
	  "E done MAIL 550 5.7.60 not you\nC MAIL FROM:<a@x.example>\nE done MAIL 250 2.1.0 ok\nC QUIT\nE closed\n" },
	{ "the same pipelined, and a message behind it", { .port = 25 }, { &trial, &trial, &plain },
	  { "220 h\r\n", EVERYTHING, "550 5.7.60 not you\r\n", "250 reset\r\n250 ok\r\n", "250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n",
	    "250 ok\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=100\nE done MAIL 550 5.7.60 not you\nC RSET\n"
	  "C MAIL FROM:<a@x.example> SIZE=100\nE done MAIL 250 ok\nC RSET\nC MAIL FROM:<a@x.example> SIZE=100\n"
	  "C RCPT TO:<b@y.example>\nC DATA\nE rcpt 0 250 ok\nE body\nC Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC QUIT\nE closed\n" },
	{ "MAIL refused, pipelined: the rest is swallowed, the next message starts clean", { .port = 25 }, { &pair, &plain },
	  { "220 h\r\n", EVERYTHING, "550 5.7.60 not you\r\n503 5.5.2 a\r\n503 5.5.2 b\r\n503 5.5.2 c\r\n", "250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n", "250 ok\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=100 RET=HDRS ENVID=E1\n"
	  "C RCPT TO:<b@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2By@y.example\n"
	  "C RCPT TO:<c@y.example> NOTIFY=NEVER\nC DATA\nE done MAIL 550 5.7.60 not you\n"
	  "C RSET\nC MAIL FROM:<a@x.example> SIZE=100\nC RCPT TO:<b@y.example>\nC DATA\nE rcpt 0 250 ok\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC QUIT\n" },
	{ "MAIL refused, one at a time", { .port = 25 }, { &plain, &bounce },
	  { "220 h\r\n", "250 h\r\n", "451 4.3.0 busy\r\n", "250 ok\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nE done MAIL 451 4.3.0 busy\nC MAIL FROM:<>\nC RCPT TO:<b@y.example>\n" },
	{ "all refused, 354 all the same: a lone dot", { .port = 25 }, { &pair, &plain },
	  { "220 h\r\n", EVERYTHING, "250 ok\r\n550 5.1.1 a\r\n550 5.1.1 b\r\n354 go\r\n", "554 5.5.1 no valid recipients\r\n", "250 r\r\n250 ok\r\n452 4.5.3 c\r\n554 5.5.1 d\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=100 RET=HDRS ENVID=E1\n"
	  "C RCPT TO:<b@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2By@y.example\n"
	  "C RCPT TO:<c@y.example> NOTIFY=NEVER\nC DATA\nE rcpt 0 550 5.1.1 a\nE rcpt 1 550 5.1.1 b\nE done RCPT 550 5.1.1 b\nC .\n"
	  "C RSET\nC MAIL FROM:<a@x.example> SIZE=100\nC RCPT TO:<b@y.example>\nC DATA\nE rcpt 0 452 4.5.3 c\nE done RCPT 452 4.5.3 c\nC QUIT\nE closed\n" },
	{ "all refused, one at a time: RSET before the next", { .port = 25 }, { &plain, &plain },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "550 5.1.1 a\r\n", "250 reset\r\n", "250 ok\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 550 5.1.1 a\nE done RCPT 550 5.1.1 a\n"
	  "C RSET\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\n" },
	{ "DATA refused", { .port = 25 }, { &plain, &plain },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "451 4.7.0 later\r\n", "250 reset\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE done DATA 451 4.7.0 later\n"
	  "C RSET\nC MAIL FROM:<a@x.example>\n" },
	{ "the end refused: kept word for word, RSET before the next", { .port = 25 }, { &plain, &plain },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "554-5.2.252 SendAsDenied; a\r\n554 5.2.252 b [Hostname=X]\r\n", "250 reset\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 554 5.2.252 SendAsDenied; a|b [Hostname=X]\nC RSET\nC MAIL FROM:<a@x.example>\n" },
	{ "three over one connection", { .port = 25 }, { &plain, &bounce },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n", "250 ok\r\n", "251 forwarded\r\n", "354 go\r\n", "250 ok\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC MAIL FROM:<>\nC RCPT TO:<b@y.example>\nE rcpt 0 251 forwarded\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE done END 250 ok\nC QUIT\nE closed\n" },
	{ "8BITMIME is said where it is offered", { .port = 25 }, { &eight }, { "220 h\r\n", "250-h\r\n250 8BITMIME\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> BODY=8BITMIME\n" },
	{ "8-bit mail does not go where it is not", { .port = 25 }, { &eight }, { "220 h\r\n", "250 h\r\n", "221 bye\r\n" },
	  "C EHLO us\nE ready\nW the message has bytes over 127, and the server does not offer 8BITMIME; it is not changed on the way\nC QUIT\nE closed\n" },
	{ "SMTPUTF8 is said for an address that needs it", { .port = 25 }, { &utf8 }, { "220 h\r\n", "250-h\r\n250 SMTPUTF8\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SMTPUTF8\n" },
	{ "such an address does not go elsewhere", { .port = 25 }, { &utf8 }, { "220 h\r\n", "250-h\r\n250 8BITMIME\r\n" },
	  "C EHLO us\nE ready\nW an address or the header is not ASCII, and the server does not offer SMTPUTF8\nC QUIT\n" },
	{ "larger than SIZE", { .port = 25 }, { &large }, { "220 h\r\n", EVERYTHING },
	  "C EHLO us\nE ready\nW the message is larger than the server takes (SIZE)\nC QUIT\n" },
	{ "SIZE without a number takes any", { .port = 25 }, { &large }, { "220 h\r\n", "250-h\r\n250 SIZE\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=1001\n" },
	{ "CRLF in an address", { .port = 25 }, { &smuggled }, { "220 h\r\n", "250 h\r\n" },
	  "C EHLO us\nE ready\nW an address or parameter of the message cannot stand in an SMTP command\nC QUIT\n" },
	{ "a greeting that refuses", { .port = 25 }, { &plain }, { "554 5.7.1 not you\r\n", "221 bye\r\n" },
	  "E refused GREETING 554 5.7.1 not you\nC QUIT\nE closed\n" },
	{ "421 as a greeting", { .port = 25 }, { &plain }, { "421 4.3.2 full\r\n" }, "E lost GREETING 421 4.3.2 full\n" },
	{ "421 amid the recipients", { .port = 25 }, { &pair }, { "220 h\r\n", EVERYTHING, "250 ok\r\n250 ok\r\n421 4.4.1 timed out\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example> SIZE=100 RET=HDRS ENVID=E1\n"
	  "C RCPT TO:<b@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2By@y.example\n"
	  "C RCPT TO:<c@y.example> NOTIFY=NEVER\nC DATA\nE rcpt 0 250 ok\nE lost RCPT 421 4.4.1 timed out\n" },
	{ "421 for the whole message", { .port = 25 }, { &plain },
	  { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "421 4.3.2 down\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE body\n"
	  "C Subject: hi\nC \nC ..dot\nC .\nE lost END 421 4.3.2 down\n" },
	{ "not SMTP", { .port = 25 }, { &plain }, { "HTTP/1.1 400 Bad Request\r\n" }, "E lost GREETING: the server's answer is not SMTP\n" },
	{ "no EHLO, but HELO", { .port = 25 }, { &plain }, { "220 h\r\n", "502 what\r\n", "250 h\r\n" },
	  "C EHLO us\nC HELO us\nE ready\nC MAIL FROM:<a@x.example>\n" },
	{ "no EHLO, and a sign-in is due", { IMPLICIT, XOAUTH2 }, { &plain }, { "220 h\r\n", "502 what\r\n" },
	  "C EHLO us\nE refused HELLO 502 what\nC QUIT\n" },
	{ "200 for DATA does not fit", { .port = 25 }, { &plain }, { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nC RCPT TO:<b@y.example>\nE rcpt 0 250 ok\nC DATA\nE lost DATA 250 ok: the server's answer does not fit the command\n" },
	{ "334 for MAIL does not fit", { .port = 25 }, { &plain }, { "220 h\r\n", "250 h\r\n", "334 \r\n" },
	  "C EHLO us\nE ready\nC MAIL FROM:<a@x.example>\nE lost MAIL 334 : the server's answer does not fit the command\n" },
	{ "a challenge too many", { IMPLICIT, XOAUTH2 }, { &plain },
	  { "220 h\r\n", "250-h\r\n250 AUTH XOAUTH2\r\n", "334 \r\n", "334 e30=\r\n", "334 e30=\r\n" },
	  "C EHLO us\nC AUTH XOAUTH2\nE need-token\nC " TOKEN "\nC \nE lost AUTH 334 e30=: the server's answer does not fit the command\n" },
};

struct play {
	struct smtp_client client;
	const struct dialogue *dialogue;
	size_t next;
	struct buf log;
};

static const char *const phases[SMTP_CLIENT_PHASE_COUNT] = {
	"GREETING", "HELLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "END", "QUIT",
};

static void note(struct play *play, const char *kind, bool with_phase, const struct smtp_client_event *event)
{
	bool good = buf_add_format(&play->log, "E %s", kind);

	if (good && with_phase)
		good = buf_add_format(&play->log, " %s", phases[event->phase]);
	if (good && event->reply.code) {
		good = buf_add_format(&play->log, " %u %.*s%s", event->reply.code, STR_ARG(event->reply.enhanced),
				      event->reply.enhanced.len > 0 ? " " : "");
		for (size_t i = 0; good && i < event->reply.text.len; i++)
			good = buf_add_byte(&play->log, event->reply.text.ptr[i] == '\n' ? '|' : event->reply.text.ptr[i]);
	}
	if (good && event->trouble)
		good = buf_add_format(&play->log, ": %s", event->trouble);
	if (!good || !buf_add_byte(&play->log, '\n'))
		abort();
}

static void flush(struct play *play)
{
	struct str said = buf_str(&play->client.out);

	while (said.len > 0) {
		struct str line = str_cut(&said, '\n');

		if (!buf_add_format(&play->log, "C %.*s\n", (int)line.len - 1, line.ptr))
			abort();
	}
	buf_clear(&play->client.out);
}

static void next_message(struct play *play)
{
	const struct smtp_client_message *message = play->next < 4 ? play->dialogue->messages[play->next++] : NULL;
	const char *why = NULL;

	if (message && !smtp_client_send(&play->client, message, &why)) {
		if (!buf_add_format(&play->log, "W %s\n", why))
			abort();
		message = NULL;
	}
	if (!message)
		(void)smtp_client_quit(&play->client);
}

static void on_event(struct play *play, const struct smtp_client_event *event)
{
	struct smtp_client_event bare = { .phase = event->phase };

	switch (event->kind) {
	case SMTP_CLIENT_EVENT_NONE:
	case SMTP_CLIENT_EVENT_START_TLS: /* in feed(), when it is certain that nothing is behind it */
		break;
	case SMTP_CLIENT_EVENT_NEED_TOKEN:
		note(play, "need-token", false, &bare);
		if (!smtp_client_sign_in(&play->client, STR("u"), STR("t")))
			abort();
		break;
	case SMTP_CLIENT_EVENT_READY:
		note(play, "ready", false, &bare);
		break;
	case SMTP_CLIENT_EVENT_RECIPIENT: {
		char kind[32];

		(void)snprintf(kind, sizeof(kind), "rcpt %zu", event->index);
		note(play, kind, false, event);
		break;
	}
	case SMTP_CLIENT_EVENT_BODY:
		note(play, "body", false, &bare);
		if (!smtp_client_body(&play->client, STR(BODY)) || !smtp_client_body_end(&play->client))
			abort();
		break;
	case SMTP_CLIENT_EVENT_MESSAGE_DONE:
		note(play, "done", true, event);
		break;
	case SMTP_CLIENT_EVENT_REFUSED:
		if (event->trouble)
			bare.trouble = event->trouble;
		note(play, "refused", true, event->trouble ? &bare : event);
		break;
	case SMTP_CLIENT_EVENT_LOST:
		note(play, "lost", true, event);
		break;
	case SMTP_CLIENT_EVENT_CLOSED:
		note(play, "closed", false, &bare);
		break;
	}
}

/* Feed `chunk` in bites; what the client does next is done when nothing more comes out of it. */
static void feed(struct play *play, struct str chunk, size_t bite)
{
	enum smtp_client_event_kind last = SMTP_CLIENT_EVENT_NONE;
	size_t have = 0;

	while (chunk.len > 0) {
		struct smtp_client_event event;
		size_t used;

		have = have + bite < chunk.len ? have + bite : chunk.len;
		do {
			used = smtp_client_feed(&play->client, (struct str){ chunk.ptr, have }, &event);
			on_event(play, &event);
			if (event.kind != SMTP_CLIENT_EVENT_NONE)
				last = event.kind;
			chunk = str_skip(chunk, used);
			have -= used;
		} while (used > 0 || event.kind != SMTP_CLIENT_EVENT_NONE);
		if (have == chunk.len)
			break;
	}
	if (last == SMTP_CLIENT_EVENT_START_TLS) {
		note(play, "start-tls", false, &(struct smtp_client_event){ .phase = SMTP_CLIENT_STARTTLS });
		smtp_client_secured(&play->client);
	}
	if (last == SMTP_CLIENT_EVENT_READY || last == SMTP_CLIENT_EVENT_MESSAGE_DONE)
		next_message(play);
	if (last == SMTP_CLIENT_EVENT_REFUSED)
		(void)smtp_client_quit(&play->client);
	flush(play);
}

static void play_dialogue(const struct dialogue *dialogue, size_t bite)
{
	struct play play = { .dialogue = dialogue };
	struct smtp_client_options options = dialogue->options;
	char label[200];

	options.hello = STR("us");
	smtp_client_init(&play.client, &options);
	buf_init(&play.log, 1 << 16);
	if (options.tls == SMTP_CLIENT_TLS_IMPLICIT)
		smtp_client_secured(&play.client);
	for (size_t i = 0; i < CHUNKS_MAX && dialogue->server[i]; i++)
		feed(&play, str_of(dialogue->server[i]), bite);
	(void)snprintf(label, sizeof(label), "%s (bites of %zu)", dialogue->label, bite);
	if (!CHECK(str_eq(buf_str(&play.log), str_of(dialogue->want)), label))
		printf("# got:\n%.*s# want:\n%s", STR_ARG(buf_str(&play.log)), dialogue->want);
	buf_done(&play.log);
	smtp_client_done(&play.client);
}

/* Every reply in every phase where nobody asked for one ends the connection. */
static void check_unasked(void)
{
	struct smtp_client client;
	struct smtp_client_event event;

	smtp_client_init(&client, &(struct smtp_client_options){ .hello = STR("us") });
	(void)smtp_client_feed(&client, STR("220 h\r\n"), &event);
	(void)smtp_client_feed(&client, STR("250 h\r\n"), &event);
	CHECK(event.kind == SMTP_CLIENT_EVENT_READY, "unasked: ready first");
	(void)smtp_client_feed(&client, STR("250 surprise\r\n"), &event);
	CHECK(event.kind == SMTP_CLIENT_EVENT_LOST && event.trouble && event.reply.code == 250, "unasked: while idle");
	CHECK(smtp_client_feed(&client, STR("250 again\r\n"), &event) == 11 && event.kind == SMTP_CLIENT_EVENT_NONE,
	      "unasked: then silence");
	smtp_client_done(&client);
}

static void check_many_recipients(void)
{
	enum { COUNT = 1200 };
	static struct smtp_client_recipient many[COUNT];
	struct smtp_client_message message = { .sender = STR("a@x.example"), .recipients = many, .recipients_count = COUNT };
	struct smtp_client client;
	struct smtp_client_event event;
	const char *why;
	size_t said = 0;

	for (size_t i = 0; i < COUNT; i++)
		many[i].address = STR("b@y.example");
	smtp_client_init(&client, &(struct smtp_client_options){ .hello = STR("us") });
	(void)smtp_client_feed(&client, STR("220 h\r\n"), &event);
	(void)smtp_client_feed(&client, STR("250-h\r\n250 PIPELINING\r\n"), &event);
	buf_clear(&client.out);
	CHECK(smtp_client_send(&client, &message, &why), "many recipients: sent");
	said = client.asked;
	CHECK(said == SMTP_CLIENT_AHEAD_MAX, "many recipients: not all at once");
	(void)smtp_client_feed(&client, STR("250 ok\r\n"), &event);
	for (size_t i = 0; i < COUNT; i++) {
		(void)smtp_client_feed(&client, STR("250 ok\r\n"), &event);
		if (event.kind != SMTP_CLIENT_EVENT_RECIPIENT || event.index != i)
			break;
	}
	CHECK(client.answered == COUNT, "many recipients: all answered");
	CHECK(str_ends_nocase(buf_str(&client.out), STR("b@y.example>\r\nDATA\r\n")), "many recipients: then DATA");
	(void)smtp_client_feed(&client, STR("354 go\r\n"), &event);
	CHECK(event.kind == SMTP_CLIENT_EVENT_BODY, "many recipients: then the body");
	smtp_client_done(&client);
}

static void check_body_room(void)
{
	static char block[SMTP_CLIENT_BODY_MAX];
	static const char *const server[] = { "220 h\r\n", "250 h\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n" };
	struct smtp_client client;
	struct smtp_client_event event;
	const char *why;
	size_t before;

	memset(block, '\n', sizeof(block)); /* the worst: each becomes two */
	smtp_client_init(&client, &(struct smtp_client_options){ .hello = STR("us") });
	for (size_t i = 0; i < 5; i++) {
		(void)smtp_client_feed(&client, str_of(server[i]), &event);
		if (event.kind == SMTP_CLIENT_EVENT_READY && !smtp_client_send(&client, &plain, &why))
			abort();
	}
	buf_clear(&client.out);
	CHECK(smtp_client_body(&client, (struct str){ block, sizeof(block) }), "body: the longest run fits an empty buffer");
	before = client.out.len;
	CHECK(!smtp_client_body(&client, STR("more")), "body: no more until it is flushed");
	CHECK(client.out.len == before, "body: then nothing was added");
	CHECK(smtp_client_body_end(&client), "body: its end always fits");
	smtp_client_done(&client);
}

static void check_secrets(void)
{
	struct smtp_client client;
	struct smtp_client_event event;

	smtp_client_init(&client, &(struct smtp_client_options){ .hello = STR("us\r\nRSET"), IMPLICIT, XOAUTH2 });
	(void)smtp_client_feed(&client, STR("220 h\r\n"), &event);
	CHECK(str_eq(buf_str(&client.out), STR("EHLO us--RSET\r\n")), "hello: no byte of the name ends the line");
	(void)smtp_client_feed(&client, STR("250-h\r\n250 AUTH XOAUTH2\r\n"), &event);
	(void)smtp_client_feed(&client, STR("334 \r\n"), &event);
	CHECK(!smtp_client_sign_in(&client, STR("u"), STR("t\1")), "sign-in: a control character in the token");
	CHECK(!smtp_client_sign_in(&client, STR("u\r\n"), STR("t")), "sign-in: a line end in the user");
	CHECK(!smtp_client_sign_in(&client, STR("u"), STR("")), "sign-in: an empty token");
	CHECK(!smtp_client_quit(&client), "quit: not amid a sign-in");
	CHECK(smtp_client_sign_in(&client, STR("u"), STR("t")), "sign-in: a good one after that");
	buf_clear(&client.out);
	(void)smtp_client_feed(&client, STR("235 in\r\n"), &event);
	CHECK(client.out.cap == 0 && client.secret.cap == 0, "sign-in: what was said is wiped");
	smtp_client_done(&client);
}

int main(void)
{
	static const size_t bites[] = { SIZE_MAX / 2, 1, 2, 7 };

	for (size_t i = 0; i < sizeof(dialogues) / sizeof(*dialogues); i++) {
		for (size_t k = 0; k < sizeof(bites) / sizeof(*bites); k++)
			play_dialogue(&dialogues[i], bites[k]);
	}
	check_unasked();
	check_many_recipients();
	check_body_room();
	check_secrets();
	return check_report();
}
