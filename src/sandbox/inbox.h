/* inbox: messages as files: D/inbox/NAME.eml byte for byte as received, its envelope beside it as NAME.json, written first, each by rename. */
#ifndef SANDBOX_INBOX_H
#define SANDBOX_INBOX_H

#include "base/buf.h"
#include "base/fault.h"

struct inbox {
	char folder[3072];
	int folder_fd;
	_Atomic uint64_t count; /* of this run; from any thread */
};

/* A message coming in. */
struct inbox_message {
	int fd;
	char name[64];
	struct buf collected;
	bool failed;
};

struct inbox_envelope {
	struct str from;
	struct str to;  /* parted by '\n' */
	struct str authenticated_as, mechanism;
};

enum outcome inbox_open(struct inbox *inbox, const char *dir, struct fault *fault);
bool inbox_begin(struct inbox *inbox, struct inbox_message *ret_message);
void inbox_add(struct inbox_message *message, struct str run);
bool inbox_finish(struct inbox *inbox, struct inbox_message *message, const struct inbox_envelope *envelope);
void inbox_drop(struct inbox *inbox, struct inbox_message *message);

#endif
