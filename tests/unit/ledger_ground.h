/* ledger_ground: a folder for a ledger, and the same dice in every run. */
#ifndef TESTS_UNIT_LEDGER_GROUND_H
#define TESTS_UNIT_LEDGER_GROUND_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keep/ledger.h"

static char state[] = "/tmp/sekisho-test-ledger-XXXXXX";
static inline uint32_t roll(uint32_t bound) /* xorshift */
{
	static uint64_t seed = 20261124;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % bound;
}

static inline void path_of(const char *name, char ret_path[256])
{
	(void)snprintf(ret_path, 256, "%s/%s", state, name);
}

static inline void forget_all(void)
{
	static const char *const names[] = { "ledger.db", "ledger.db-wal", "ledger.db-shm" };
	char path[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		path_of(names[i], path);
		(void)unlink(path);
	}
}

static inline struct ledger *open_ledger(bool read_only)
{
	struct ledger *ledger = NULL;
	struct fault fault;

	if (ledger_open(state, read_only, &ledger, &fault) != OUTCOME_OK)
		printf("# %s\n", fault.text[LANGUAGE_EN]);
	return ledger;
}

#endif
