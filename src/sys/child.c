#include "sys/child.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "base/clock.h"
#include "base/str.h"

#define FIRST_FD 3
#define ENVIRONMENT_MAX 64
#define PARENT "SEKISHO_PARENT_PID"
#define QUICK_MS 1000
#define QUICK_DEATHS_FREE 5

extern char **environ;

/* What a child gets of our environment. To hand on another variable: add a row. */
static const struct {
	const char *name;
	bool is_prefix;
} handed_on[] = {
	{ "PATH", false },	  { "TZ", false },	    { "SEKISHO_", true },    { "HTTPS_PROXY", false },
	{ "https_proxy", false }, { "ALL_PROXY", false },   { "all_proxy", false },  { "NO_PROXY", false },
	{ "no_proxy", false },	  { "SSL_CERT_FILE", false }, { "SSL_CERT_DIR", false },
	{ "CREDENTIALS_DIRECTORY", false }, /* systemd's: the vault's key may stand there */
	{ "IDENTITY_ENDPOINT", false }, { "IDENTITY_HEADER", false }, /* App Service's managed identity */
	/* For builds with sanitizers, and tests that let them fail. */
	{ "ASAN_OPTIONS", false }, { "UBSAN_OPTIONS", false }, { "LSAN_OPTIONS", false }, { "TSAN_OPTIONS", false },
};

/* How long to wait after so many quick deaths in a row beyond the free ones; the last one holds from there on. */
static const uint64_t waits_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000 };
#define WAITS_COUNT (sizeof(waits_ms) / sizeof(*waits_ms))

static bool is_handed_on(const char *entry)
{
	struct str rest = str_of(entry);
	struct str name = str_cut(&rest, '=');

	if (str_eq(name, STR(PARENT)))
		return false;
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(*handed_on); i++) {
		struct str row = str_of(handed_on[i].name);

		if (handed_on[i].is_prefix ? str_starts(name, row) : str_eq(name, row))
			return true;
	}
	return false;
}

static void choose_environment(char parent[64], char *ret_environment[ENVIRONMENT_MAX])
{
	size_t count = 0;

	(void)snprintf(parent, 64, PARENT "=%ld", (long)getpid());
	ret_environment[count++] = parent;
	for (char **entry = environ; entry && *entry && count < ENVIRONMENT_MAX - 1; entry++)
		if (is_handed_on(*entry))
			ret_environment[count++] = *entry;
	ret_environment[count] = NULL;
}

static enum outcome become(uv_process_options_t *options, const char *user, struct fault *fault)
{
	const struct passwd *entry;

	entry = getpwnam(user);
	if (!entry)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("this system knows no user \"%s\": create it, or name another in the settings"), user);
	options->flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID; /* with these libuv also drops the supplementary groups */
	options->uid = entry->pw_uid;
	options->gid = entry->pw_gid;
	return OUTCOME_OK;
}

static void on_process_closed(uv_handle_t *handle)
{
	struct child *child = (struct child *)handle;

	/* Only now: the owner may start it again at once, in the same place. */
	child->on_exit(child, child->exit_status, child->exit_signal);
}

static void on_died(uv_process_t *process, int64_t status, int signal)
{
	struct child *child = (struct child *)process;

	child->pid = 0;
	child->exit_status = status;
	child->exit_signal = signal;
	if (clock_monotonic_ms() - child->started_ms < QUICK_MS)
		child->quick_deaths++;
	else
		child->quick_deaths = 0;
	uv_close((uv_handle_t *)process, on_process_closed);
}

enum outcome child_start(struct child *child, struct loop *loop, const char *role, const int *fds, size_t fds_count,
			 const char *user, struct fault *fault)
{
	uv_stdio_container_t stdio[FIRST_FD + CHILD_FDS_MAX] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	char *environment[ENVIRONMENT_MAX], parent[64], name[] = "sekisho", role_text[64];
	char *args[] = { name, role_text, NULL };
	uv_process_options_t options = {
		.file = "/proc/self/exe",
		.args = args,
		.env = environment,
		.stdio = stdio,
		.stdio_count = FIRST_FD + (int)fds_count,
		.exit_cb = on_died,
	};
	int error;

	assert(fds_count <= CHILD_FDS_MAX && strlen(role) < sizeof(role_text));
	(void)str_copy(str_of(role), sizeof(role_text), role_text);
	for (size_t i = 0; i < fds_count; i++) {
		stdio[FIRST_FD + i].flags = UV_INHERIT_FD;
		stdio[FIRST_FD + i].data.fd = fds[i];
	}
	choose_environment(parent, environment);
	if (user && become(&options, user, fault) != OUTCOME_OK)
		return OUTCOME_NEVER;
	/* Whatever library or caller opened without CLOEXEC: a child starts with its own descriptors only. */
	(void)close_range(FIRST_FD, ~0U, CLOSE_RANGE_CLOEXEC);
	child->started_ms = clock_monotonic_ms();
	error = uv_spawn(&loop->uv, &child->process, &options);
	if (error != 0) {
		uv_close((uv_handle_t *)&child->process, NULL);
		errno = -error;
		return fault_errno(fault, "start", role);
	}
	child->pid = child->process.pid;
	return OUTCOME_OK;
}

void child_signal(const struct child *child, int signal)
{
	if (child->pid > 0)
		(void)kill(child->pid, signal);
}

uint64_t child_wait_ms(struct child *child)
{
	size_t beyond;

	if (child->quick_deaths < QUICK_DEATHS_FREE)
		return 0;
	beyond = child->quick_deaths - QUICK_DEATHS_FREE;
	return waits_ms[beyond < WAITS_COUNT ? beyond : WAITS_COUNT - 1];
}

void child_harden(void)
{
	const struct rlimit none = { 0, 0 };
	uint64_t parent;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The parent may have died before that line. */
	if (str_to_u64(str_of(getenv(PARENT)), INT32_MAX, &parent) && (uint64_t)getppid() != parent)
		_exit(1);
}
