/* trace_header: the one header field that we add at the top: Received (RFC 5321, 4.4; RFC 3848 "with"). */
#ifndef WIRE_TRACE_HEADER_H
#define WIRE_TRACE_HEADER_H

#include "base/buf.h"
#include "base/str.h"

struct trace_header {
	struct str hello;     /* sanitised here */
	struct str peer;      /* "192.0.2.7" or IPv6 */
	struct str hostname;  /* ours */
	bool esmtp, tls, signed_in, utf8; /* ESMTP, ESMTPS, ESMTPSA, UTF8SMTPSA … */
	struct str event_id;  /* as id */
	struct str mark;      /* a word that only this installation writes, so that it knows its own loops */
	int64_t real_us;
};

/* Folded, ends with CRLF; no byte of the client's can break out of it. False: no room. */
bool trace_header_print(struct buf *out, const struct trace_header *trace) __attribute__((warn_unused_result));

#endif
