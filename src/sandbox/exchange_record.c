#include <stdio.h>

#include "sandbox/exchange_private.h"

/* What goes over the wire, a line each, for who wants to see it: credentials as stars, bodies as their number of bytes. */

static void write_lines(FILE *file, const char *who, struct str lines)
{
	while (lines.len > 0) {
		struct str line = str_trim(str_cut(&lines, '\n'));

		(void)fprintf(file, "%s %.*s\n", who, STR_ARG(line));
	}
	(void)fflush(file);
}

void exchange_heard(struct exchange_session *session, enum smtp_state before, const struct smtp_event *event, struct str bytes)
{
	FILE *file = session->sandbox->transcript;

	if (!file || bytes.len == 0)
		return;
	if (before == SMTP_BODY) {
		session->body_bytes += bytes.len;
		if (event->kind != SMTP_EVENT_BODY_END)
			return;
		(void)fprintf(file, "C: (%llu bytes of message)\nC: .\n", (unsigned long long)session->body_bytes);
		session->body_bytes = 0;
		return;
	}
	if (before == SMTP_AUTH)
		write_lines(file, "C:", STR("********"));
	else if (str_starts_nocase(bytes, STR("AUTH ")) && str_find(str_skip(bytes, 5), ' ') < bytes.len - 5)
		write_lines(file, "C:", STR("AUTH (with credentials)"));
	else
		write_lines(file, "C:", bytes);
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
