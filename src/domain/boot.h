/* boot: what the supervisor hands to a gate or keeper at its start, in a memfd: they open no file to learn who they are. */
#ifndef DOMAIN_BOOT_H
#define DOMAIN_BOOT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define BOOT_BYTES_MAX (8u << 20)
#define BOOT_TICKET_KEY_BYTES 80

struct boot {
	struct str path;         /* the settings file's, for sentences and relative paths */
	struct str settings;     /* its text */
	struct str hostname;     /* resolved */
	uint32_t number;         /* which gate */
	unsigned char ticket_key[BOOT_TICKET_KEY_BYTES];
	struct str certificates; /* boot_pair, for each listener in order, for each of its pairs; a keeper gets them without keys */
};

struct boot_pair {
	struct str certificate, key; /* PEM */
};

/* What supervisor and keeper say to each other: one byte a packet, a descriptor may ride along. */
enum boot_order {
	BOOT_ORDER_GATE = 'G',      /* supervisor: here is the link of a new gate (descriptor) */
	BOOT_ORDER_SETTINGS = 'S',  /* supervisor: newer settings (memfd) */
	BOOT_ORDER_STOP = 'T',      /* supervisor: the gates are gone: finish */
	BOOT_REPORT_READY = 'R',    /* keeper: open and serving */
	BOOT_REPORT_GATE = 'g',     /* keeper: a gate has said hello */
	BOOT_REPORT_RELOAD = 'r',   /* keeper: an administrator asks for a reload */
};

bool boot_print(struct buf *out, const struct boot *boot) __attribute__((warn_unused_result));
bool boot_parse(struct str packed, struct boot *ret_boot); /* borrows from packed */
bool boot_pair_print(struct buf *out, const struct boot_pair *pair) __attribute__((warn_unused_result));
bool boot_pair_next(struct str *packed, struct boot_pair *ret_pair);

#endif
