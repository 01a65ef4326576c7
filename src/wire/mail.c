#include "wire/mail.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/dsn_field.h"
#include "wire/header.h"
#include "wire/text.h"

#define SUBJECT_BYTES_MAX 400
#define BASE64_LINE_RAW 57 /* RFC 2045, 6.8: lines of 76 */

static bool is_token(struct str text, const char *more, size_t bytes_max)
{
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i];

		if (!((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
		      str_find(str_of(more), byte) < str_of(more).len))
			return false;
	}
	return text.len > 0 && text.len <= bytes_max;
}

static bool is_good(const struct mail *mail)
{
	for (size_t i = 0; i < mail->files_count; i++) {
		if (!is_token(mail->files[i].name, "-_.", 100))
			return false;
	}
	return mail->to_count > 0 && is_token(mail->boundary, "-_.=", 70);
}

static bool add_subject(struct buf *out, struct str subject)
{
	CLEANUP(cleanup_buf) struct buf clean;

	buf_init(&clean, 4096);
	return text_clean_print(&clean, text_cut(str_trim(subject), SUBJECT_BYTES_MAX)) && buf_add(out, STR("Subject: ")) &&
	       rfc2047_print(out, buf_str(&clean)) && buf_add(out, STR("\r\n"));
}

static bool add_head(struct buf *out, const struct mail *mail)
{
	char date[CLOCK_RFC5322_MAX];

	clock_rfc5322_print(mail->now_us, date);
	return dsn_field_address(out, "From", mail->from) && dsn_field_addresses(out, "To", mail->to, mail->to_count) &&
	       add_subject(out, mail->subject) && dsn_field(out, "Date", STR(""), str_of(date)) &&
	       dsn_field_message_id(out, "Message-ID", mail->message_id) &&
	       (mail->mark.len == 0 || dsn_field(out, "X-Sekisho-Notice", STR(""), mail->mark)) &&
	       buf_add(out, STR("Auto-Submitted: auto-generated\r\n"
				"MIME-Version: 1.0\r\n"
				"Content-Type: multipart/mixed;\r\n\tboundary=\"")) &&
	       buf_add(out, mail->boundary) && buf_add(out, STR("\"\r\n\r\n"));
}

static bool add_delimiter(struct buf *out, const struct mail *mail, const char *end)
{
	return buf_add(out, STR("--")) && buf_add(out, mail->boundary) && buf_add(out, str_of(end)) && buf_add(out, STR("\r\n"));
}

static bool add_base64(struct buf *out, struct str raw)
{
	while (raw.len > 0) {
		struct str line = { raw.ptr, raw.len < BASE64_LINE_RAW ? raw.len : BASE64_LINE_RAW };

		if (!base64_print(out, line) || !buf_add(out, STR("\r\n")))
			return false;
		raw = str_skip(raw, line.len);
	}
	return true;
}

/* RFC 2046, 4.1.1: a text part's lines end in CRLF before they are encoded. */
static bool add_text(struct buf *out, const struct mail *mail)
{
	CLEANUP(cleanup_buf) struct buf text;
	struct str rest = mail->text;

	buf_init(&text, out->bytes_max);
	while (rest.len > 0) {
		if (!text_clean_print(&text, str_cut(&rest, '\n')) || !buf_add(&text, STR("\r\n")))
			return false;
	}
	return add_delimiter(out, mail, "") &&
	       buf_add(out, STR("Content-Type: text/plain; charset=utf-8\r\n"
				"Content-Disposition: inline\r\n"
				"Content-Transfer-Encoding: base64\r\n\r\n")) &&
	       add_base64(out, buf_str(&text));
}

static bool add_file(struct buf *out, const struct mail *mail, const struct mail_file *file)
{
	return add_delimiter(out, mail, "") && dsn_field(out, "Content-Type", STR(""), str_of(file->type)) &&
	       buf_add_format(out, "Content-Disposition: attachment; filename=\"%.*s\"\r\n", STR_ARG(file->name)) &&
	       buf_add(out, STR("Content-Transfer-Encoding: base64\r\n\r\n")) && add_base64(out, file->bytes);
}

bool mail_print(struct buf *out, const struct mail *mail)
{
	size_t before = out->len;
	bool good = is_good(mail) && add_head(out, mail) && add_text(out, mail);

	for (size_t i = 0; good && i < mail->files_count; i++)
		good = add_file(out, mail, &mail->files[i]);
	if (good && add_delimiter(out, mail, "--"))
		return true;
	out->len = before;
	return false;
}
