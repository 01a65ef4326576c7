/*
 * graph_mime: the header section of a message as Microsoft Graph has to get it. Graph's MIME has no envelope: it mails to
 * whoever stands in To, Cc and Bcc, so these must name the envelope's recipients, all of them and nobody else
 * (docs/decisions/graph-recipients.md). What names only them leaves byte for byte.
 *
 *   an envelope recipient that no field names     a Bcc field at the top, which Exchange takes out again
 *   a To or Cc that names others too              only the envelope's stay; the field as it was goes into X-Sekisho-Original-To (-Cc)
 *   a Bcc that names others too                   only the envelope's stay, and nobody is told
 *   a field that cannot be read for certain       as one that names others
 */
#ifndef WIRE_GRAPH_MIME_H
#define WIRE_GRAPH_MIME_H

#include "base/buf.h"
#include "base/table.h"
#include "wire/parse.h"
#include "wire/smtp_address.h"

#define GRAPH_MIME_HEAD_MAX (1u << 20) /* the longest header section */

struct graph_mime {
	struct buf raw;          /* the header section so far */
	size_t scanned;          /* of it, without its end */
	bool ended;
	struct graph_mime_wanted *wanted;
	size_t wanted_count, wanted_max;
	struct table by_address;
};

struct graph_mime_outcome {
	size_t added;            /* envelope recipients that no field had named */
	size_t foreign;          /* fields that name others, or that cannot be read */
	char name[SMTP_ADDRESS_MAX + 1]; /* one of those others; "" when it is a field that cannot be read */
};

/* False: out of memory. */
bool graph_mime_init(struct graph_mime *mime, size_t recipients_max) __attribute__((warn_unused_result));
bool graph_mime_recipient(struct graph_mime *mime, struct str address) __attribute__((warn_unused_result)); /* of the envelope */
void graph_mime_done(struct graph_mime *mime);

/* The next run of the message, cut anywhere. OK: the header section ended after *ret_used bytes of it. BAD: it is longer
 * than GRAPH_MIME_HEAD_MAX, or memory is short. A message that ends before that is all header section. */
enum parse graph_mime_feed(struct graph_mime *mime, struct str run, size_t *ret_used);

/* The header section to send. False: no room in `out`. */
bool graph_mime_print(struct graph_mime *mime, struct buf *out, struct graph_mime_outcome *ret_outcome)
	__attribute__((warn_unused_result));

#endif
