/* offline: reading verbs with the daemon down, from the ledger and the outbox as they lie on disk. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/cli.h"
#include "domain/settings.h"

/* Answers cli->verb (one marked `offline`), says on standard error that the daemon is down. The exit code. */
int offline_answer(struct cli *cli, const struct settings *settings);

#endif
