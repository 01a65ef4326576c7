/* bundle: what children are given at their start, as sealed memory files: settings, host name, ticket key; for gates also the
 * certificates and keys of the listeners, so that they open no file. */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

#include "base/fault.h"
#include "domain/boot.h"
#include "domain/settings.h"

struct bundle {
	int gate_fd, keeper_fd; /* -1: not made */
	char hostname[256];
	unsigned char ticket_key[BOOT_TICKET_KEY_BYTES]; /* the same for all gates, over reloads */
};

/* Reads every file that the settings name, tries every listener's certificate. NEVER with a sentence that names the file. The ticket key of
 * `older` (NULL: none) is kept, so that devices resume over a reload. */
enum outcome bundle_make(const struct bundle *older, const struct settings *settings, struct bundle *ret_bundle, struct fault *fault);
void bundle_close(struct bundle *bundle);

#endif
