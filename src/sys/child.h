/* child: our own program started anew in a role, with only the descriptors it needs. */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <sys/types.h>
#include <uv.h>

#include "base/fault.h"
#include "sys/loop.h"

#define CHILD_FDS_MAX 40

struct child {
	uv_process_t process;
	void *owner;
	void (*on_exit)(struct child *child, int64_t status, int signal);
	uint64_t started_ms;
	pid_t pid;      /* 0 when none runs */
	unsigned quick_deaths; /* in a row, each within a second of its start */
};

/* Run /proc/self/exe ROLE with `fds` as descriptors 3, 4, … (stdin is /dev/null, stdout and stderr are ours). `user`: NULL, or
 * whom to become (uid, gid, no supplementary groups). Environment: only LANG-free PATH, TZ, SEKISHO_* and the HTTPS_PROXY family. */
enum outcome child_start(struct child *child, struct loop *loop, const char *role, const int *fds, size_t fds_count,
			 const char *user, struct fault *fault);
void child_signal(const struct child *child, int signal);

/* How long to wait before the next start: 0 until five quick deaths in a row, then 1 s, 2 s, 4 s … 60 s. Call in on_exit. */
uint64_t child_wait_ms(struct child *child);

/* First thing in each role: PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE 0, RLIMIT_CORE 0, die with the parent (PR_SET_PDEATHSIG). */
void child_harden(void);

#endif
