/* draft: the message that a session is taking in: envelope, header facts, size and checksum; in memory while small, then in a
 * file that the keeper opened. */
#ifndef GATE_DRAFT_H
#define GATE_DRAFT_H

#include <xxhash.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wire/ask.h"
#include "wire/header.h"
#include "wire/repair.h"
#include "wire/smtp_param.h"

struct draft {
	struct arena arena;         /* sender, envid */
	struct str sender, envid;
	struct smtp_mail_params mail;
	struct buf recipients;      /* packed ask_recipient not yet told to the keeper */
	uint32_t recipients_count;  /* of those */
	struct header_scan header;  /* of what goes on, behind the repairs */
	struct repair *repair;      /* NULL: nothing is changed */
	struct buf body;            /* not yet in the file, or all of it */
	XXH3_state_t *checksum;     /* running, once there is a file */
	uint64_t size_bytes;
	uint64_t inline_bytes_max;
	int fd;                     /* -1: no file */
	uint64_t body_file;
	bool keeper_knows;          /* it was told recipients, or has opened the file */
	bool ended;                 /* nothing more is added */
	bool failed;                /* no memory, no disk: read on to the end, then 452 */
};

/* NULL: out of memory. */
struct draft *draft_new(size_t bytes_max, uint64_t inline_bytes_max);
void draft_free(struct draft *draft);

bool draft_sender(struct draft *draft, struct str sender, const struct smtp_mail_params *params);
bool draft_recipient(struct draft *draft, struct str address, const struct smtp_rcpt_params *params);

/* What is added from here on is repaired. False: out of memory. */
bool draft_repair(struct draft *draft, unsigned switches, const struct repair_facts *facts, size_t header_bytes_max,
		  size_t look_bytes_max);

/* Our own header first, then the message's runs. A draft that fails says so in `failed` and takes the rest unseen. */
void draft_add(struct draft *draft, struct str run);
void draft_end(struct draft *draft); /* what repairs held back; the header facts are whole then */
void draft_add_own(struct draft *draft, struct str header); /* not scanned */
bool draft_wants_file(const struct draft *draft);           /* over inline_bytes_max and no file yet */
void draft_take_file(struct draft *draft, uint64_t body_file, int fd);
bool draft_finish(struct draft *draft, unsigned char ret_checksum[ASK_CHECKSUM_BYTES]); /* all is in the file, or in body */

#endif
