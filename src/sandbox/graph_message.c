#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "sandbox/graph_private.h"
#include "wire/header.h"
#include "wire/smtp_address.h"

#define RECIPIENTS_BYTES_MAX 1048576
#define COLUMNS 76

bool graph_decode(struct str base64, struct buf *out)
{
	CLEANUP(buf_done) struct buf bare = { 0 };

	buf_init(&bare, base64.len + 1);
	for (size_t i = 0; i < base64.len; i++) { /* line ends are let pass */
		if (base64.ptr[i] != '\r' && base64.ptr[i] != '\n' && !buf_add_byte(&bare, base64.ptr[i]))
			return false;
	}
	return bare.len > 0 && base64_parse(buf_str(&bare), out);
}

/* --- the header --- */

/* The next field of the header section, folded as it came. False: there is none. */
static bool next_field(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	struct str all = *rest;
	size_t len = 0;

	do {
		size_t line = str_find(str_skip(all, len), '\n');

		len = len + line < all.len ? len + line + 1 : all.len;
	} while (len < all.len && (all.ptr[len] == ' ' || all.ptr[len] == '\t'));
	*rest = str_skip(all, len);
	*ret_value = (struct str){ all.ptr, len };
	if (str_trim(*ret_value).len == 0)
		return false;
	*ret_name = str_trim(str_cut(ret_value, ':'));
	return true;
}

/* Whom it goes to, and whom it is from, parted by '\n'. */
static void read_addresses(struct str mime, struct buf *to, struct buf *from)
{
	struct str name, value;

	while (mime.len > 0 && next_field(&mime, &name, &value)) {
		bool recipients = str_eq_nocase(name, STR("To")) || str_eq_nocase(name, STR("Cc")) || str_eq_nocase(name, STR("Bcc"));
		size_t before = to->len;

		if (str_eq_nocase(name, STR("From")))
			(void)header_addresses_parse(value, 1, from);
		if (!recipients || (before > 0 && !buf_add_byte(to, '\n')))
			continue;
		if (!header_addresses_parse(value, 10000, to))
			to->len = before;
	}
}

const struct graph_reply *graph_deliver(struct sandbox *sandbox, const char *mailbox, struct str mime)
{
	static const struct graph_reply nobody = {
		400, "ErrorInvalidRecipients",
		"At least one recipient is not valid., A message can't be sent because it contains no recipients.", NULL
	};
	static const struct graph_reply not_theirs = {
		403, "ErrorSendAsDenied",
		"The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending "
		"account. Cannot submit message.", NULL
	};
	static const struct graph_reply no_room = { 507, "ErrorInsufficientResources", "There is no room.", NULL };
	CLEANUP(buf_done) struct buf to = { 0 };
	CLEANUP(buf_done) struct buf from = { 0 };
	struct inbox_message message;

	buf_init(&to, RECIPIENTS_BYTES_MAX);
	buf_init(&from, SMTP_ADDRESS_MAX + 1);
	read_addresses(mime, &to, &from);
	if (to.len == 0)
		return &nobody;
	if (from.len > 0 && !smtp_address_eq(buf_str(&from), str_of(mailbox)))
		return &not_theirs;
	if (!inbox_begin(&sandbox->inbox, &message))
		return &no_room;
	while (mime.len > 0) {
		struct str run = { mime.ptr, mime.len < 65536 ? mime.len : 65536 };

		inbox_add(&message, run);
		mime = str_skip(mime, run.len);
	}
	if (!inbox_finish(&sandbox->inbox, &message, &(struct inbox_envelope){
		    .from = from.len ? buf_str(&from) : str_of(mailbox), .to = buf_str(&to), .authenticated_as = str_of(mailbox),
		    .mechanism = STR("Graph") }))
		return &no_room;
	log_event(LOG_LEVEL_INFO, "SANDBOX message by Graph", LOG_TEXT("mailbox", mailbox), LOG_TEXT("file", message.name));
	return NULL;
}

/* --- attachments --- */

/* The boundary of a message whose top is multipart/mixed. */
static bool boundary_of(struct str mime, char ret_boundary[128])
{
	struct str name, value;

	while (mime.len > 0 && next_field(&mime, &name, &value)) {
		size_t at = 0;

		if (!str_eq_nocase(name, STR("Content-Type")) || !str_starts_nocase(str_trim(value), STR("multipart/mixed")))
			continue;
		while (at < value.len && !str_starts_nocase(str_skip(value, at), STR("boundary=")))
			at++;
		value = str_trim(str_skip(value, at + 9));
		if (value.len > 0 && value.ptr[0] == '"') {
			value = str_skip(value, 1);
			return str_copy(str_cut(&value, '"'), 128, ret_boundary) && ret_boundary[0];
		}
		value = str_cut(&value, ';');
		return str_copy(str_trim(value), 128, ret_boundary) && ret_boundary[0];
	}
	return false;
}

static bool add_base64(struct buf *out, struct str bytes)
{
	unsigned char line[COLUMNS + 1];

	while (bytes.len > 0) {
		size_t count = bytes.len < COLUMNS / 4 * 3 ? bytes.len : COLUMNS / 4 * 3;
		int len = EVP_EncodeBlock(line, (const unsigned char *)bytes.ptr, (int)count);

		if (!buf_add(out, (struct str){ (const char *)line, (size_t)len }) || !buf_add(out, STR("\r\n")))
			return false;
		bytes = str_skip(bytes, count);
	}
	return true;
}

bool graph_attach(struct buf *mime, const struct graph_attachment *attachment)
{
	char boundary[128], end[140];
	size_t at = mime->len;
	size_t end_len;
	bool good;

	if (!boundary_of(buf_str(mime), boundary))
		return false;
	(void)snprintf(end, sizeof(end), "\r\n--%s--", boundary);
	end_len = strlen(end);
	while (at > 0 && !str_starts(str_skip(buf_str(mime), at), str_of(end)))
		at--;
	if (at == 0)
		return false;
	mime->len = at;
	good = buf_add_format(mime, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"
			      "Content-Disposition: attachment; filename=\"%s\"\r\n\r\n", boundary, attachment->type, attachment->name) &&
	       add_base64(mime, buf_str(&attachment->bytes));
	if (good)
		mime->len -= 2; /* the boundary begins with a line end of its own */
	return good && buf_add(mime, (struct str){ end, end_len }) && buf_add(mime, STR("\r\n"));
}
