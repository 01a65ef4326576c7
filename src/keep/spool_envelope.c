/* spool_envelope: seal, then fields, then (when they are few) the recipients. The seal is an XXH3-64 over all of it and over
 * id, route and mailbox, so that no flipped bit can send a message to somebody else. */
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "keep/spool_private.h"

static const struct pack_field envelope_pack[] = {
	PACK_FIELD(spool_message, recipients_count, PACK_U64),
	PACK_FIELD(spool_message, event_id, PACK_STR),
	PACK_FIELD(spool_message, account, PACK_STR),
	PACK_FIELD(spool_message, tenant, PACK_STR),
	PACK_FIELD(spool_message, sender, PACK_STR),
	PACK_FIELD(spool_message, subject, PACK_STR),
	PACK_FIELD(spool_message, message_id, PACK_STR),
	PACK_FIELD(spool_message, received_us, PACK_I64),
	PACK_FIELD(spool_message, expires_us, PACK_I64),
	PACK_FIELD(spool_message, size_bytes, PACK_U64),
	PACK_FIELD(spool_message, body_8bit, PACK_U8),
	PACK_FIELD(spool_message, utf8, PACK_U8),
	PACK_FIELD(spool_message, ret, PACK_U8),
	PACK_FIELD(spool_message, envid, PACK_STR),
	PACK_FIELD(spool_message, is_dsn, PACK_U8),
	PACK_FIELD(spool_message, checksum, PACK_BYTES),
	PACK_FIELD(spool_message, body_file, PACK_U64),
};
#define ENVELOPE_PACK_COUNT (sizeof(envelope_pack) / sizeof(*envelope_pack))

static const struct pack_field recipient_pack[] = {
	PACK_FIELD(spool_recipient, address, PACK_STR),
	PACK_FIELD(spool_recipient, notify, PACK_U8),
	PACK_FIELD(spool_recipient, orcpt, PACK_STR),
};
#define RECIPIENT_PACK_COUNT (sizeof(recipient_pack) / sizeof(*recipient_pack))

static_assert(sizeof(((struct spool_message *)0)->recipients_count) == 8, "packed as 64 bits");

enum { APART_AT = SPOOL_SEAL_BYTES, HEAD_BYTES }; /* one byte: do the recipients lie apart? */

static XXH64_hash_t hash_more(XXH64_hash_t hash, struct str bytes)
{
	return XXH3_64bits_withSeed(bytes.ptr, bytes.len, hash);
}

static void seal_print(const struct spool_message *message, struct str unsealed, struct str apart,
		       char ret_seal[SPOOL_SEAL_BYTES])
{
	XXH64_canonical_t canonical;
	XXH64_hash_t hash = hash_more(message->id, unsealed);

	hash = hash_more(hash, message->route);
	hash = hash_more(hash, message->mailbox);
	hash = hash_more(hash, apart);
	XXH64_canonicalFromHash(&canonical, hash);
	memcpy(ret_seal, canonical.digest, SPOOL_SEAL_BYTES);
}

bool spool_envelope_print(struct buf *out, const struct spool_message *message, struct str *ret_envelope,
			  struct str *ret_recipients)
{
	static const char head[HEAD_BYTES];
	size_t envelope_len;
	bool apart;

	buf_clear(out);
	if (!buf_add(out, (struct str){ head, sizeof(head) }) ||
	    !pack_print(out, envelope_pack, ENVELOPE_PACK_COUNT, message))
		return false;
	envelope_len = out->len;
	for (size_t i = 0; i < message->recipients_count; i++) {
		if (!pack_print(out, recipient_pack, RECIPIENT_PACK_COUNT, &message->recipients[i]))
			return false;
	}
	apart = out->len - envelope_len > SPOOL_RECIPIENTS_INLINE_MAX;
	if (!apart)
		envelope_len = out->len;
	out->ptr[APART_AT] = (char)apart;
	*ret_envelope = (struct str){ out->ptr, envelope_len };
	*ret_recipients = (struct str){ out->ptr + envelope_len, out->len - envelope_len };
	seal_print(message, str_skip(*ret_envelope, SPOOL_SEAL_BYTES), *ret_recipients, out->ptr);
	return true;
}

bool spool_envelope_is_apart(struct str envelope)
{
	return envelope.len > APART_AT && envelope.ptr[APART_AT] != 0;
}

bool spool_envelope_parse(struct str envelope, struct str apart, struct spool_message *ret_message,
			  struct str *ret_recipients)
{
	char seal[SPOOL_SEAL_BYTES];
	struct str rest = str_skip(envelope, HEAD_BYTES);

	*ret_recipients = STR("");
	if (envelope.len < HEAD_BYTES || !pack_parse(&rest, envelope_pack, ENVELOPE_PACK_COUNT, ret_message))
		return false;
	*ret_recipients = spool_envelope_is_apart(envelope) ? apart : rest;
	seal_print(ret_message, str_skip(envelope, SPOOL_SEAL_BYTES), apart, seal);
	return memcmp(seal, envelope.ptr, SPOOL_SEAL_BYTES) == 0;
}

bool spool_row_read(sqlite3_stmt *row, struct str envelope, struct str apart, struct spool_message *ret_message,
		    uint64_t *ret_done_count, struct str *ret_recipients)
{
	int state = sqlite3_column_int(row, COLUMN_STATE);

	*ret_message = (struct spool_message){
		.id = (uint64_t)sqlite3_column_int64(row, COLUMN_ID),
		.route = spool_column(row, COLUMN_ROUTE),
		.mailbox = spool_column(row, COLUMN_MAILBOX),
		.due_us = sqlite3_column_int64(row, COLUMN_DUE),
		.state = state >= 0 && state < SPOOL_STATE_COUNT ? (uint8_t)state : SPOOL_HELD,
		.attempts = (uint32_t)sqlite3_column_int64(row, COLUMN_ATTEMPTS),
		.delay_told = sqlite3_column_int(row, COLUMN_DELAY_TOLD) != 0,
		.last_reply = spool_column(row, COLUMN_LAST_REPLY),
		.note = spool_column(row, COLUMN_NOTE),
	};
	*ret_done_count = (uint64_t)sqlite3_column_int64(row, COLUMN_DONE_COUNT);
	return spool_envelope_parse(envelope, apart, ret_message, ret_recipients);
}

bool spool_recipient_next(struct str *packed, struct spool_recipient *ret_recipient)
{
	return packed->len > 0 && pack_parse(packed, recipient_pack, RECIPIENT_PACK_COUNT, ret_recipient);
}

void spool_checksum(struct str bytes, unsigned char ret_checksum[SPOOL_CHECKSUM_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.ptr, bytes.len));
	memcpy(ret_checksum, canonical.digest, SPOOL_CHECKSUM_BYTES);
}
