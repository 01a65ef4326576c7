#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/demo.h"

#define READY_MS 20000
#define STOP_MS 15000
#define LOOK_EVERY_MS 20
#define OUT_BYTES_MAX 65536

static void nap(void)
{
	(void)nanosleep(&(struct timespec){ 0, LOOK_EVERY_MS * 1000000L }, NULL);
}

static bool open_as(int fd, const char *path, int flags)
{
	int opened = open(path, flags, 0600);

	return opened != -1 && dup2(opened, fd) == fd;
}

/* In the child: our own program, with its output in files. */
static void become(const struct demo_child *child, const char *const *words)
{
	if (open_as(STDIN_FILENO, "/dev/null", O_RDONLY) && open_as(STDOUT_FILENO, child->out, O_WRONLY | O_CREAT | O_TRUNC) &&
	    open_as(STDERR_FILENO, child->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)) {
		(void)setpgid(0, 0); /* Ctrl-C is the demo's to pass on */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)execv("/proc/self/exe", (char *const *)(uintptr_t)words);
	}
	_exit(127);
}

static bool is_ready(const struct demo_child *child)
{
	CLEANUP(cleanup_buf) struct buf said = { 0 };

	return file_load(child->out, OUT_BYTES_MAX, &said, NULL) == OUTCOME_OK && str_eq(buf_str(&said), STR("ready\n"));
}

bool demo_child_start(const struct cli *cli, struct demo_child *child, const char *folder, const char *name, const char *const *words)
{
	uint64_t until_ms = clock_monotonic_ms() + READY_MS;
	int status;

	child->name = name;
	(void)snprintf(child->log, sizeof(child->log), "%s/%s.log", folder, name);
	(void)snprintf(child->out, sizeof(child->out), "%s/%s.out", folder, name);
	(void)fflush(stdout);
	child->pid = fork();
	if (child->pid == 0)
		become(child, words);
	while (child->pid > 0 && !is_ready(child)) {
		if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
			child->pid = 0;
			break;
		}
		if (clock_monotonic_ms() >= until_ms)
			break;
		nap();
	}
	if (child->pid > 0 && is_ready(child))
		return true;
	(void)cli_fail(cli, 1, N_("%s did not become ready; its log: %s"), name, child->log);
	return false;
}

bool demo_child_runs(struct demo_child *child)
{
	int status;

	if (child->pid > 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
		child->pid = 0;
	return child->pid > 0;
}

void demo_child_stop(struct demo_child *child)
{
	uint64_t until_ms = clock_monotonic_ms() + STOP_MS;
	int status;

	if (child->pid <= 0)
		return;
	(void)kill(child->pid, SIGTERM);
	while (waitpid(child->pid, &status, WNOHANG) == 0) {
		if (clock_monotonic_ms() >= until_ms)
			(void)kill(child->pid, SIGKILL);
		nap();
	}
	child->pid = 0;
}
