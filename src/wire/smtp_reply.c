#include "wire/smtp_reply.h"

#include <assert.h>

#define LAST_CONTROL 0x1f
#define DELETE 0x7f

/* To add a reply: a name in the enum and a row here. */
static const struct {
	unsigned code;
	const char *enhanced;
	const char *text;
} replies[] = {
	[SMTP_REPLY_CLOSING] = { 221, "2.0.0", "Service closing transmission channel" },
	[SMTP_REPLY_START_TLS] = { 220, "2.0.0", "SMTP server ready" },
	[SMTP_REPLY_SIGNED_IN] = { 235, "2.7.0", "Authentication successful" },
	[SMTP_REPLY_OK] = { 250, "2.0.0", "OK" },
	[SMTP_REPLY_RESET] = { 250, "2.0.0", "Resetting" },
	[SMTP_REPLY_SENDER_OK] = { 250, "2.1.0", "Sender OK" },
	[SMTP_REPLY_RECIPIENT_OK] = { 250, "2.1.5", "Recipient OK" },
	[SMTP_REPLY_CANNOT_VERIFY] = { 252, "2.1.5", "Cannot VRFY user" },
	[SMTP_REPLY_HELP] = { 214, "2.0.0",
			      "This server supports the following commands:\n"
			      "HELO EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT" },
	[SMTP_REPLY_START_INPUT] = { 354, "", "Start mail input; end with <CRLF>.<CRLF>" },
	[SMTP_REPLY_TOO_MANY_ERRORS] = { 421, "4.7.0",
					 "Too many errors on this connection, closing transmission channel" },
	[SMTP_REPLY_SHUTTING_DOWN] = { 421, "4.3.2", "Service not available, closing transmission channel" },
	[SMTP_REPLY_TIMED_OUT] = { 421, "4.4.1", "Connection timed out" },
	[SMTP_REPLY_TOO_MANY_CONNECTIONS] = { 421, "4.3.2", "Too many connections, closing transmission channel" },
	[SMTP_REPLY_TLS_FAILED] = { 421, "4.7.0", "TLS handshake failed, closing transmission channel" },
	[SMTP_REPLY_RECIPIENTS_MAX] = { 452, "4.5.3", "Too many recipients" },
	[SMTP_REPLY_NO_ROOM] = { 452, "4.3.1", "Insufficient system resources" },
	[SMTP_REPLY_TRY_LATER] = { 451, "4.3.0", "Requested action aborted, try again later" },
	[SMTP_REPLY_UNKNOWN_COMMAND] = { 500, "5.3.3", "Unrecognized command" },
	[SMTP_REPLY_LINE_LONG] = { 500, "5.5.2", "Line too long" },
	[SMTP_REPLY_AUTH_LINE_LONG] = { 500, "5.5.6", "Authentication exchange line is too long" },
	[SMTP_REPLY_LINE_BAD] = { 500, "5.5.2", "Bare carriage return, bare line feed or NUL in a command line" },
	[SMTP_REPLY_BAD_ARGUMENTS] = { 501, "5.5.4", "Invalid arguments" },
	[SMTP_REPLY_BAD_HELLO] = { 501, "5.5.4", "Invalid domain name" },
	[SMTP_REPLY_BAD_SENDER] = { 501, "5.1.7", "Invalid address" },
	[SMTP_REPLY_BAD_RECIPIENT] = { 501, "5.1.3", "Invalid address" },
	[SMTP_REPLY_AUTH_CANCELLED] = { 501, "5.5.4", "Authentication cancelled" },
	[SMTP_REPLY_AUTH_BASE64] = { 501, "5.5.2", "Cannot decode response" },
	[SMTP_REPLY_AUTH_BAD] = { 501, "5.5.4", "Malformed authentication response" },
	[SMTP_REPLY_NOT_IMPLEMENTED] = { 502, "5.3.3", "Command not implemented" },
	[SMTP_REPLY_HELLO_FIRST] = { 503, "5.5.2", "Send hello first" },
	[SMTP_REPLY_MAIL_FIRST] = { 503, "5.5.2", "Need mail command" },
	[SMTP_REPLY_RCPT_FIRST] = { 503, "5.5.2", "Need rcpt command" },
	[SMTP_REPLY_SENDER_GIVEN] = { 503, "5.5.2", "Sender already specified" },
	[SMTP_REPLY_BAD_ORDER] = { 503, "5.5.1", "Bad sequence of commands" },
	[SMTP_REPLY_AUTH_DONE] = { 503, "5.5.2", "Auth command already specified" },
	[SMTP_REPLY_TLS_ACTIVE] = { 503, "5.5.1", "TLS is already active" },
	[SMTP_REPLY_UNKNOWN_MECHANISM] = { 504, "5.7.4", "Unrecognized authentication type" },
	[SMTP_REPLY_NEED_SIGN_IN] = { 530, "5.7.57", "Client not authenticated to send mail." },
	[SMTP_REPLY_NEED_TLS] = { 530, "5.7.0", "Must issue a STARTTLS command first" },
	[SMTP_REPLY_NEED_TLS_AUTH] = { 538, "5.7.11",
				       "Encryption required for requested authentication mechanism" },
	[SMTP_REPLY_SIZE_MAX] = { 552, "5.3.4", "Message size exceeds fixed maximum message size" },
	[SMTP_REPLY_UTF8_NEEDED] = { 553, "5.6.7",
				     "A non-ASCII address needs SMTPUTF8 with the MAIL command" },
	[SMTP_REPLY_BARE_NEWLINE] = { 550, "5.6.11",
				      "Bare carriage return or bare line feed in the message" },
	[SMTP_REPLY_LOOP] = { 554, "5.4.6", "Hop count exceeded - possible mail loop" },
	[SMTP_REPLY_EARLY_TALK] = { 554, "5.5.0", "Client spoke before the greeting" },
	[SMTP_REPLY_PARAM_UNKNOWN] = { 555, "5.5.4", "Unsupported option" },
};
static_assert(sizeof(replies) / sizeof(*replies) == SMTP_REPLY_COUNT, "word each reply");

struct smtp_reply smtp_reply_of(enum smtp_reply_id id)
{
	assert(id < SMTP_REPLY_COUNT && replies[id].code != 0);
	return (struct smtp_reply){
		.code = replies[id].code,
		.enhanced = str_of(replies[id].enhanced),
		.text = str_of(replies[id].text),
	};
}

/* Add `text` with '?' for each byte that could break a line or steer a terminal. */
static bool add_clean(struct buf *out, struct str text)
{
	char *room = text.len ? buf_room(out, text.len) : NULL;

	if (text.len == 0)
		return true;
	if (!room)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		room[i] = (byte <= LAST_CONTROL && byte != '\t') || byte == DELETE ? '?' : (char)byte;
	}
	buf_grew(out, text.len);
	return true;
}

static bool add_line(struct buf *out, const struct smtp_reply *reply, struct str text, bool last)
{
	char head[4] = { (char)('0' + reply->code / 100 % 10), (char)('0' + reply->code / 10 % 10),
			 (char)('0' + reply->code % 10), last ? ' ' : '-' };
	bool fits = buf_add(out, (struct str){ head, sizeof(head) });

	fits = fits && add_clean(out, reply->enhanced);
	if (reply->enhanced.len && text.len)
		fits = fits && buf_add_byte(out, ' ');
	fits = fits && add_clean(out, text);
	if (last && reply->event_id.len)
		fits = fits && buf_add(out, STR(" [")) && add_clean(out, reply->event_id) && buf_add_byte(out, ']');
	return fits && buf_add(out, STR("\r\n"));
}

bool smtp_reply_print(struct buf *out, const struct smtp_reply *reply)
{
	size_t before = out->len;
	struct str rest = reply->text;
	bool last;

	do {
		last = str_find(rest, '\n') == rest.len;
		if (!add_line(out, reply, str_cut(&rest, '\n'), last)) {
			out->len = before;
			return false;
		}
	} while (!last);
	return true;
}

struct reply_line {
	unsigned code;
	bool last;
	struct str text;
};

/* The first line of `input`, whose LF stands at `end` (input.len: not here yet, and then only the start is judged). */
static enum parse line_parse(struct str input, size_t end, struct reply_line *ret_line)
{
	bool whole = end < input.len;
	size_t len = whole && end > 0 && input.ptr[end - 1] == '\r' ? end - 1 : end;
	unsigned code = 0;

	for (size_t i = 0; i < 3; i++) {
		unsigned digit;

		if (i == len)
			return whole ? PARSE_BAD : PARSE_MORE;
		digit = (unsigned)(unsigned char)input.ptr[i] - '0';
		if (digit > 9 || (i == 0 && (digit < 2 || digit > 5)))
			return PARSE_BAD;
		code = code * 10 + digit;
	}
	if (len > 3 && input.ptr[3] != ' ' && input.ptr[3] != '-' && (whole || input.ptr[3] != '\r'))
		return PARSE_BAD;
	if (!whole)
		return PARSE_MORE;
	*ret_line = (struct reply_line){
		.code = code,
		.last = len == 3 || input.ptr[3] == ' ',
		.text = str_skip((struct str){ input.ptr, len }, 4),
	};
	return PARSE_OK;
}

/* class "." subject "." detail at the start of `text`, ended by a blank or the line's end; empty: none (RFC 2034, 4). */
static struct str enhanced_parse(struct str text)
{
	struct str word = text;
	struct str rest;
	uint64_t number;

	word.len = str_find(text, ' ');
	rest = word;
	if (!str_to_u64(str_cut(&rest, '.'), 5, &number) || (number != 2 && number != 4 && number != 5))
		return STR("");
	for (int part = 0; part < 2; part++) {
		struct str digits = part == 0 ? str_cut(&rest, '.') : rest;

		if (digits.len > 3 || !str_to_u64(digits, 999, &number))
			return STR("");
	}
	return word;
}

/* The text of the `lines` lines at the start of `input`, each without its code and without `enhanced`, into `keep`. */
static bool keep_text(struct str input, size_t lines, struct str enhanced, struct buf *keep)
{
	buf_clear(keep);
	if (!add_clean(keep, enhanced))
		return false;
	for (size_t i = 0; i < lines; i++) {
		struct reply_line line;
		size_t end = str_find(input, '\n');

		if (line_parse(input, end, &line) != PARSE_OK)
			return false;
		if (enhanced.len)
			line.text = str_skip(line.text, enhanced.len + 1);
		if ((i > 0 && !buf_add_byte(keep, '\n')) || !add_clean(keep, line.text))
			return false;
		input = str_skip(input, end + 1);
	}
	return true;
}

enum parse smtp_reply_parse(struct str input, struct buf *keep, struct smtp_reply *ret_reply, size_t *ret_used)
{
	struct str rest = { input.ptr, input.len < SMTP_REPLY_BYTES_MAX ? input.len : SMTP_REPLY_BYTES_MAX };
	struct str enhanced = STR("");
	struct reply_line line;
	size_t lines = 0;
	size_t used;

	do {
		size_t end = str_find(rest, '\n');
		enum parse parsed = line_parse(rest, end, &line);

		if (parsed == PARSE_MORE && input.len >= SMTP_REPLY_BYTES_MAX)
			return PARSE_BAD;
		if (parsed != PARSE_OK)
			return parsed;
		if (lines == 0)
			enhanced = enhanced_parse(line.text);
		else if (!str_eq(enhanced, enhanced_parse(line.text)))
			enhanced = STR("");
		lines++;
		rest = str_skip(rest, end + 1);
	} while (!line.last);
	used = (size_t)(rest.ptr - input.ptr);
	if (!keep_text(input, lines, enhanced, keep))
		return PARSE_BAD;
	*ret_used = used;
	*ret_reply = (struct smtp_reply){
		.code = line.code,
		.enhanced = { buf_str(keep).ptr, enhanced.len },
		.text = str_skip(buf_str(keep), enhanced.len),
	};
	return PARSE_OK;
}
