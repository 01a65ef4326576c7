/* trace: what became of one message (contract, 4), as it is kept when the message has left the spool. */
#ifndef DOMAIN_TRACE_H
#define DOMAIN_TRACE_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/pack.h"
#include "base/str.h"

enum trace_state { TRACE_QUEUED, TRACE_SENT, TRACE_DEFERRED, TRACE_HELD, TRACE_FAILED, TRACE_EXPIRED, TRACE_REFUSED, TRACE_STATE_COUNT };
const char *trace_state_name(enum trace_state state);

#define TRACE_AMBIGUOUS "ambiguous" /* an attempt was cut before the upstream's word on it came */
#define TRACE_NOT_BY "not-by:"      /* with UPSTREAM:CAUSE: that upstream cannot carry the message, so that it goes by another */

struct trace_recipient {
	struct str address;
	uint8_t state;      /* enum trace_state */
	struct str reply;   /* the server's words */
	int64_t at_us;
	struct str upstream;
};

struct trace {
	struct str id;          /* the message's event ID */
	struct str message_id;
	struct str from;
	struct str account;
	struct str tenant;
	struct str subject;
	uint64_t size_bytes;
	int64_t received_us;
	uint32_t attempts;
	struct str recipients;  /* packed trace_recipient, one after another */
	uint32_t recipients_count;
	struct str note;        /* words parted by blanks: "repair:NAME" what was put right, "unrepaired:WHY", TRACE_NOT_BY, TRACE_AMBIGUOUS comes first */
};

extern const struct pack_field trace_pack[];
extern const size_t trace_pack_count;
extern const struct pack_field trace_recipient_pack[];
extern const size_t trace_recipient_pack_count;

bool trace_print(struct buf *out, const struct trace *trace) __attribute__((warn_unused_result));
bool trace_parse(struct str packed, struct trace *ret_trace);
bool trace_recipient_print(struct buf *out, const struct trace_recipient *recipient) __attribute__((warn_unused_result));
bool trace_recipient_next(struct str *packed, struct trace_recipient *ret_recipient); /* false: no more */
json_t *trace_json(const struct trace *trace);

#endif
