#include <stdio.h>

#include "sandbox/exchange_private.h"

#define SASL_NAME_MAX 24 /* 20 characters (RFC 4422, 3.1), and a line's end */

/* What goes over the wire, a line each, for who wants to see it: credentials as stars, bodies as their number of bytes. */

static void write_line(FILE *file, const char *who, struct str line)
{
	(void)fprintf(file, "%s ", who);
	for (size_t i = 0; i < line.len; i++)
		(void)fputc((unsigned char)line.ptr[i] < ' ' || line.ptr[i] == 0x7f ? '?' : line.ptr[i], file);
	(void)fputc('\n', file);
}

static void write_lines(FILE *file, const char *who, struct str lines)
{
	while (lines.len > 0)
		write_line(file, who, str_trim(str_cut(&lines, '\n')));
	(void)fflush(file);
}

/* What is sure to be no secret; a client that lost its place may send credentials where a command is due. */
static bool is_command(struct str bytes)
{
	static const char *const verbs[] = { "EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT" };
	struct str line = str_cut(&bytes, '\n');
	struct str verb = str_trim(str_cut(&line, ' '));

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (str_eq_nocase(verb, str_of(verbs[i])))
			return true;
	}
	return false;
}

void exchange_heard(struct exchange_session *session, enum smtp_state before, const struct smtp_event *event, struct str bytes)
{
	FILE *file = session->sandbox->transcript;
	struct str rest = bytes;
	struct str verb = str_cut(&rest, ' ');
	struct str mechanism = str_cut(&rest, ' ');

	if (!file || bytes.len == 0)
		return;
	if (before == SMTP_BODY) {
		session->body_bytes += bytes.len;
		if (event->kind != SMTP_EVENT_BODY_END)
			return;
		(void)fprintf(file, "C: (%llu bytes of message)\nC: .\n", (unsigned long long)session->body_bytes);
		session->body_bytes = 0;
	} else if (before == SMTP_AUTH) {
		write_lines(file, "C:", STR("********"));
	} else if (is_command(bytes)) {
		write_lines(file, "C:", bytes);
	} else if (str_eq_nocase(verb, STR("AUTH")) && rest.len == 0 && mechanism.len < SASL_NAME_MAX) {
		write_lines(file, "C:", bytes);
	} else if (str_eq_nocase(verb, STR("AUTH")) && mechanism.len < SASL_NAME_MAX) {
		(void)fprintf(file, "C: AUTH %.*s ********\n", STR_ARG(mechanism));
	} else {
		(void)fprintf(file, "C: (%zu bytes that are no command)\n", bytes.len);
	}
}

void exchange_said(struct exchange_session *session)
{
	if (session->sandbox->transcript)
		write_lines(session->sandbox->transcript, "S:", buf_str(&session->smtp.out));
}

void exchange_secured(struct exchange_session *session)
{
	if (session->sandbox->transcript)
		(void)fprintf(session->sandbox->transcript, "--- TLSv%s, %s ---\n", stream_tls_version(&session->stream),
			      stream_tls_cipher(&session->stream));
}
