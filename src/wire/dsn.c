#include "wire/dsn.h"

#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/dsn_field.h"
#include "wire/dsn_text.h"
#include "wire/header.h"

#define LINE_BYTES_MAX 998 /* RFC 5322, 2.1.1 */
#define BOUNDARY_BYTES_MAX 70

static const char *const actions[DSN_ACTION_COUNT] = {
	[DSN_FAILED] = "failed",
	[DSN_DELAYED] = "delayed",
	[DSN_RELAYED] = "relayed",
};

/* RFC 3464, 2.3.4, for a status that is missing or none. */
static const char *const statuses[DSN_ACTION_COUNT] = {
	[DSN_FAILED] = "5.0.0",
	[DSN_DELAYED] = "4.0.0",
	[DSN_RELAYED] = "2.0.0",
};

static bool boundary_fits(struct str boundary)
{
	for (size_t i = 0; i < boundary.len; i++) {
		char byte = boundary.ptr[i];

		if (!((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '-' ||
		      byte == '_' || byte == '.' || byte == '='))
			return false;
	}
	return boundary.len > 0 && boundary.len <= BOUNDARY_BYTES_MAX;
}

static bool add_subject(struct buf *out, const struct dsn *dsn)
{
	CLEANUP(cleanup_buf) struct buf subject = { 0 };

	buf_init(&subject, 2048);
	return dsn_subject_print(&subject, dsn) && buf_add(out, STR("Subject: ")) &&
	       rfc2047_print(out, buf_str(&subject)) && buf_add(out, STR("\r\n"));
}

/* How the returned bytes can stand in a part as they are. */
enum form { FORM_7BIT, FORM_8BIT, FORM_NOT };

/* RFC 2045, 2.7 and 2.8: CRLF lines within the limit, no NUL; and our boundary nowhere in it. */
static enum form form_of(struct str text, struct str boundary)
{
	enum form form = FORM_7BIT;
	size_t line = 0;

	if (text.len > 0 && memmem(text.ptr, text.len, boundary.ptr, boundary.len))
		return FORM_NOT;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n') {
			line = 0;
			i++;
		} else if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0' ||
			   ++line > LINE_BYTES_MAX) {
			return FORM_NOT;
		} else if ((unsigned char)text.ptr[i] >= 0x80) {
			form = FORM_8BIT;
		}
	}
	return form;
}

static struct str header_section(struct str original)
{
	const char *end = original.len > 0 ? memmem(original.ptr, original.len, "\r\n\r\n", 4) : NULL;

	return end ? (struct str){ original.ptr, (size_t)(end - original.ptr) + 2 } : original;
}

/* What is given back, and how. */
struct returned {
	struct str text;
	const char *type;
	const char *encoding; /* NULL: 7bit */
	bool base64;
};

/* RFC 6522, 2 and 3. A message/rfc822 part may not be encoded: what cannot stand there as it is goes as its header. */
static struct returned returned_of(const struct dsn *dsn)
{
	struct returned returned = { .text = dsn->original, .type = "message/rfc822" };
	enum form form = form_of(returned.text, dsn->boundary);

	if (dsn->full && form != FORM_NOT) {
		returned.encoding = form == FORM_8BIT ? "8bit" : NULL;
		return returned;
	}
	returned.text = header_section(dsn->original);
	returned.type = "text/rfc822-headers";
	returned.base64 = form_of(returned.text, dsn->boundary) != FORM_7BIT;
	returned.encoding = returned.base64 ? "base64" : NULL;
	return returned;
}

static bool add_head(struct buf *out, const struct dsn *dsn, bool eight_bit)
{
	char date[CLOCK_RFC5322_MAX];
	struct str original = str_trim(dsn->original_id);
	bool good;

	clock_rfc5322_print(dsn->now_us, date);
	good = dsn_field_address(out, "From", dsn->from) && dsn_field_address(out, "To", dsn->to) &&
	       add_subject(out, dsn) && dsn_field(out, "Date", STR(""), str_of(date)) &&
	       dsn_field_message_id(out, "Message-ID", dsn->message_id);
	if (good && original.len > 0)
		good = dsn_field_message_id(out, "References", original);
	/* RFC 2045, 6.4: the whole is 8bit when a part is. */
	if (good && eight_bit)
		good = dsn_field(out, "Content-Transfer-Encoding", STR(""), STR("8bit"));
	return good && buf_add(out, STR("Auto-Submitted: auto-replied\r\n"
					"MIME-Version: 1.0\r\n"
					"Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"")) &&
	       buf_add(out, dsn->boundary) && buf_add(out, STR("\"\r\n\r\n"));
}

static bool add_delimiter(struct buf *out, const struct dsn *dsn, const char *end)
{
	return buf_add(out, STR("--")) && buf_add(out, dsn->boundary) && buf_add(out, str_of(end)) &&
	       buf_add(out, STR("\r\n"));
}

/* RFC 2045, 6.8: lines of 76. */
static bool add_base64(struct buf *out, struct str raw)
{
	while (raw.len > 0) {
		struct str line = { raw.ptr, raw.len < 57 ? raw.len : 57 };

		if (!base64_print(out, line) || !buf_add(out, STR("\r\n")))
			return false;
		raw = str_skip(raw, line.len);
	}
	return true;
}

static bool add_text_part(struct buf *out, const struct dsn *dsn)
{
	CLEANUP(cleanup_buf) struct buf text = { 0 };

	buf_init(&text, out->bytes_max);
	return dsn_text_print(&text, dsn) && add_delimiter(out, dsn, "") &&
	       buf_add(out, STR("Content-Type: text/plain; charset=utf-8\r\n"
				"Content-Disposition: inline\r\n"
				"Content-Transfer-Encoding: base64\r\n\r\n")) &&
	       add_base64(out, buf_str(&text));
}

/* RFC 3463, 2: class "." subject "." detail. */
static bool is_status(struct str status)
{
	struct str class, subject;
	uint64_t number;

	if (status.len == 0)
		return false;
	class = str_cut(&status, '.');
	subject = str_cut(&status, '.');
	return class.len == 1 && str_to_u64(class, 5, &number) && (number == 2 || number >= 4) && subject.len <= 3 &&
	       str_to_u64(subject, 999, &number) && status.len <= 3 && str_to_u64(status, 999, &number);
}

static bool add_date(struct buf *out, const char *name, int64_t real_us)
{
	char date[CLOCK_RFC5322_MAX];

	if (real_us <= 0)
		return true;
	clock_rfc5322_print(real_us, date);
	return dsn_field(out, name, STR(""), str_of(date));
}

/* RFC 3464, 2.3: the fields in its order. */
static bool add_recipient(struct buf *out, const struct dsn_recipient *recipient)
{
	struct str status = is_status(recipient->status) ? recipient->status : str_of(statuses[recipient->action]);
	bool good = dsn_field_original_recipient(out, recipient->orcpt) &&
		    dsn_field_recipient(out, "Final-Recipient", recipient->address) &&
		    dsn_field(out, "Action", STR(""), str_of(actions[recipient->action])) &&
		    dsn_field(out, "Status", STR(""), status);

	if (good && recipient->remote_mta.len > 0)
		good = dsn_field(out, "Remote-MTA", STR("dns; "), recipient->remote_mta);
	if (good && recipient->reply.len > 0)
		good = dsn_field(out, "Diagnostic-Code", recipient->remote ? STR("smtp; ") : STR("X-Sekisho; "),
				 recipient->reply);
	if (good)
		good = add_date(out, "Last-Attempt-Date", recipient->last_attempt_us);
	if (good && recipient->action == DSN_DELAYED)
		good = add_date(out, "Will-Retry-Until", recipient->retry_until_us);
	return good;
}

static bool add_status_part(struct buf *out, const struct dsn *dsn)
{
	bool good = add_delimiter(out, dsn, "") && buf_add(out, STR("Content-Type: message/delivery-status\r\n\r\n")) &&
		    dsn_field_envelope_id(out, dsn->envid) &&
		    dsn_field(out, "Reporting-MTA", STR("dns; "), dsn->hostname) &&
		    add_date(out, "Arrival-Date", dsn->arrival_us);

	for (size_t i = 0; good && i < dsn->recipients_count; i++)
		good = buf_add(out, STR("\r\n")) && add_recipient(out, &dsn->recipients[i]);
	return good;
}

static bool add_original_part(struct buf *out, const struct dsn *dsn, const struct returned *returned)
{
	bool good = add_delimiter(out, dsn, "") &&
		    dsn_field(out, "Content-Type", STR(""), str_of(returned->type));

	if (good && returned->encoding)
		good = dsn_field(out, "Content-Transfer-Encoding", STR(""), str_of(returned->encoding));
	if (!good || !buf_add(out, STR("\r\n")))
		return false;
	return returned->base64 ? add_base64(out, returned->text) : buf_add(out, returned->text);
}

bool dsn_print(struct buf *out, const struct dsn *dsn)
{
	size_t before = out->len;
	struct returned returned;

	if (!boundary_fits(dsn->boundary))
		return false;
	returned = returned_of(dsn);
	if (add_head(out, dsn, returned.encoding && !returned.base64) && add_text_part(out, dsn) &&
	    add_status_part(out, dsn) && buf_add(out, STR("\r\n")) && add_original_part(out, dsn, &returned) &&
	    buf_add(out, STR("\r\n")) && add_delimiter(out, dsn, "--"))
		return true;
	out->len = before;
	return false;
}
