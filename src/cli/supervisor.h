/* supervisor: opens the sockets, starts keeper and gates, restarts what dies, reloads. Parses nothing from outside. */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include "base/buf.h"
#include "cli/bundle.h"
#include "cli/listening.h"
#include "domain/settings.h"
#include "sys/child.h"
#include "sys/link.h"
#include "sys/loop.h"

#define GATES_MAX 64

struct supervisor;

struct gate_child {
	struct child child; /* first */
	struct supervisor *supervisor;
	uint32_t number;
	unsigned generation; /* of settings: an older one drains and is not started again */
	uv_timer_t again;    /* the wait before its next start */
	struct gate_child *next;
};

struct supervisor {
	struct loop loop;
	struct settings *settings;
	struct bundle bundle;
	struct listening listening;
	struct child keeper;
	struct link keeper_link;
	bool keeper_link_open, keeper_ready, ever_ready;
	uv_timer_t keeper_again;
	struct gate_child *gates;
	uint32_t gates_wanted;
	unsigned gates_up;          /* of this generation, that have said hello */
	unsigned generation;
	bool reloading, stopping;
	bool reload_owed;           /* asked for while none could begin */
	int exit_code;
	uv_signal_t term, interrupt, hang_up;
	uv_timer_t watchdog, stop_limit;
};

/* Runs until told to stop; the exit code. `settings` is taken over. */
int supervisor_run(struct settings *settings);

#endif
