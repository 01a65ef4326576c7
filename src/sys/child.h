/* child: our own program started anew in a role, with only the descriptors it needs. */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <sys/types.h>
#include <uv.h>

#include "base/fault.h"
#include "sys/loop.h"

#define CHILD_FDS_MAX 40

struct child {
	uv_process_t process; /* first: the handle's address is the child's */
	void *owner;
	void (*on_exit)(struct child *child, int64_t status, int signal); /* it may be started again from here */
	uint64_t started_ms;
	pid_t pid;      /* 0 when none runs */
	unsigned quick_deaths; /* in a row, each within a second of its start */
	int64_t exit_status;
	int exit_signal;
};

/*
 * Run /proc/self/exe ROLE with `fds` as descriptors 3, 4, … (stdin is /dev/null, stdout and stderr are ours). Set owner and
 * on_exit, and zero the rest, before the first start. `user`: NULL, or whom to become (uid, gid, no supplementary groups).
 * Environment: only PATH, TZ, SEKISHO_*, SSL_CERT_FILE and _DIR, the HTTPS_PROXY family, sanitizers' options (a table in
 * child.c). NEVER: no such user, or it cannot be started; another try only in a later turn.
 */
enum outcome child_start(struct child *child, struct loop *loop, const char *role, const int *fds, size_t fds_count,
			 const char *user, struct fault *fault);
void child_signal(const struct child *child, int signal);

/* How long to wait before the next start: 0 until five quick deaths in a row, then 1 s, 2 s, 4 s … 60 s. Call in on_exit. */
uint64_t child_wait_ms(struct child *child);

/* First thing in each role: PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE 0, RLIMIT_CORE 0, die with the parent (PR_SET_PDEATHSIG,
 * SIGKILL: what is answered is durable, and a new supervisor finds the ports free). */
void child_harden(void);

#endif
