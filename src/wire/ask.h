/*
 * ask: what gate and keeper say to each other, one message a packet (sys/link). The gate asks, the keeper answers with the
 * question's id; the keeper reads every byte as if a stranger had sent it.
 */
#ifndef WIRE_ASK_H
#define WIRE_ASK_H

#include "base/buf.h"
#include "base/str.h"

#define ASK_EVENT_ID_LEN 10
#define ASK_CHECKSUM_BYTES 16

enum ask_kind {
	ASK_CONNECTED,  /* a client is here: may it stay? */
	ASK_SIGN_IN,
	ASK_REFUSED,    /* the gate refuses something itself: an event ID for it, and a line in the log */
	ASK_BODY_FILE,  /* a file for a large body: the answer brings a write-only descriptor */
	ASK_RECIPIENTS, /* more recipients of the next COMMIT; no answer */
	ASK_COMMIT,
	ASK_RESET,      /* forget the recipients and the body file; no answer */
	ASK_HANGUP,     /* the client is gone; no answer */
	ASK_HELLO,      /* the gate is up; no answer */
	ASK_ANSWER,     /* keeper → gate, to any of the above */
	ASK_ROOM,       /* keeper → gate, unasked: is there room for new mail? */
	ASK_KIND_COUNT
};

struct ask_head {
	uint8_t kind;
	uint64_t id;      /* of the question; never used twice by one gate */
	uint64_t session;
};

struct ask_connected {
	unsigned char ip[16];
	uint32_t port;
	uint32_t listener; /* index in the settings */
};

struct ask_sign_in {
	uint8_t mechanism;
	struct str authzid, user, secret;
	struct str ehlo, tls_version, tls_cipher;
};

struct ask_refused {
	uint8_t phase;     /* enum smtp_phase */
	uint32_t code;
	struct str enhanced, text;
	struct str detail; /* the address or mechanism it is about */
	struct str ehlo, tls_version, tls_cipher;
};

struct ask_recipient {
	struct str address, orcpt;
	uint8_t notify;
};

struct ask_recipients {
	uint32_t count;
	struct str packed; /* ask_recipient, one after another */
};

struct ask_commit {
	struct str sender, envid;
	struct str header_from; /* mailboxes of From, Sender and their Resent- kin, parted by '\n' */
	struct str subject, message_id;
	uint8_t ret, body_8bit, utf8;
	uint64_t size_bytes;
	unsigned char checksum[ASK_CHECKSUM_BYTES];
	uint64_t body_file;
	struct str body;        /* small */
	uint32_t count;
	struct str recipients;  /* the last of them, packed */
	uint32_t repairs;       /* REPAIR_BIT()s, for the trace's note */
};

struct ask_answer {
	uint8_t good;
	uint32_t code;          /* 0: the machine's own words */
	struct str enhanced, text, event_id;
	struct str account, send_as, from_rewrite; /* after CONNECTED (trusted) and SIGN_IN: who it is */
	struct str next_id;     /* the event ID that the next message of this session gets */
	uint64_t body_file;
};

struct ask_room {
	uint8_t has_room;
};

/* One packet: head and the struct of its kind (NULL for kinds without one). False: no room in `out`. */
bool ask_print(struct buf *out, const struct ask_head *head, const void *body) __attribute__((warn_unused_result));
/* False: cut short, unknown kind, or bytes left over. The strs borrow from `packet`. */
union ask_body {
	struct ask_connected connected;
	struct ask_sign_in sign_in;
	struct ask_refused refused;
	struct ask_recipients recipients;
	struct ask_commit commit;
	struct ask_answer answer;
	struct ask_room room;
};
bool ask_parse(struct str packet, struct ask_head *ret_head, union ask_body *ret_body);

bool ask_recipient_print(struct buf *out, const struct ask_recipient *recipient) __attribute__((warn_unused_result));
bool ask_recipient_next(struct str *packed, struct ask_recipient *ret_recipient); /* false: no more, or cut short */

#endif
