/* sys/child and sys/notify: this program starts itself anew in a role, and says what it finds there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "sys/child.h"
#include "sys/notify.h"

struct run {
	struct child child;
	unsigned exits, starts_wanted;
	int64_t status;
	int signal;
};

static struct loop loop;

static void on_exit_of_child(struct child *child, int64_t status, int signal)
{
	struct run *run = child->owner;

	run->exits++;
	run->status = status;
	run->signal = signal;
	if (run->exits < run->starts_wanted)
		assert_int_equal(child_start(child, &loop, "quit", NULL, 0, NULL, NULL), OUTCOME_OK);
}

/* What is open beyond `first`: only the folder that we read, or -1 and its number in *ret_extra. */
static int count_open(int first)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(folder))) {
		uint64_t fd;

		if (str_to_u64(str_of(entry->d_name), INT32_MAX, &fd) && (int)fd >= first && (int)fd != dirfd(folder))
			count++;
	}
	closedir(folder);
	return count;
}

/* In the child: one line a fact, on descriptor 4; descriptor 3 is read and repeated. */
static int report(void)
{
	struct rlimit core;
	char given[64] = "";
	struct stat about;
	ssize_t got = read(3, given, sizeof(given) - 1);

	child_harden();
	(void)getrlimit(RLIMIT_CORE, &core);
	(void)fstat(0, &about);
	(void)dprintf(4, "given=%.*s\n", (int)got, given);
	(void)dprintf(4, "uid=%u gid=%u groups=%d\n", getuid(), getgid(), getgroups(0, NULL));
	(void)dprintf(4, "no_new_privs=%d dumpable=%d core=%ju\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), (uintmax_t)core.rlim_max);
	(void)dprintf(4, "beyond=%d stdin=%d\n", count_open(5), S_ISCHR(about.st_mode));
	(void)dprintf(4, "secret=%s sekisho=%s tz=%s path=%d\n", getenv("SOME_SECRET") ? "seen" : "hidden",
		      getenv("SEKISHO_TEST") ? getenv("SEKISHO_TEST") : "", getenv("TZ") ? getenv("TZ") : "",
		      getenv("PATH") != NULL);
	return 7;
}

static void reports(const char *user, const char *want_who)
{
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child } };
	int in[2], out[2];
	char text[1024] = "";
	size_t len = 0;

	loop_init(&loop);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "hello", 5), 5);
	assert_int_equal(child_start(&run.child, &loop, "report", (const int[]){ in[0], out[1] }, 2, user, NULL),
			 OUTCOME_OK);
	assert_true(run.child.pid > 0);
	loop_run(&loop);
	(void)close(out[1]);
	for (ssize_t got; (got = read(out[0], text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)got;
	assert_int_equal(run.exits, 1);
	assert_int_equal(run.status, 7);
	assert_int_equal(run.child.pid, 0);
	assert_non_null(strstr(text, "given=hello\n"));
	assert_non_null(strstr(text, "no_new_privs=1 dumpable=0 core=0\n"));
	assert_non_null(strstr(text, "beyond=0 stdin=1\n"));
	assert_non_null(strstr(text, "secret=hidden sekisho=yes tz=Asia/Tokyo path=1\n"));
	if (!strstr(text, want_who))
		fail_msg("%s", text);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[0]);
	loop_done(&loop);
}

static void a_child_gets_only_what_it_needs(void **state)
{
	char who[64];

	(void)state;
	(void)setenv("SOME_SECRET", "x", 1);
	(void)setenv("SEKISHO_TEST", "yes", 1);
	(void)setenv("TZ", "Asia/Tokyo", 1);
	(void)snprintf(who, sizeof(who), "uid=%u gid=%u", getuid(), getgid());
	reports(NULL, who);
}

static void a_child_becomes_another_user(void **state)
{
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child } };
	const struct passwd *nobody;
	struct fault fault;
	char who[64];

	(void)state;
	loop_init(&loop);
	assert_int_equal(child_start(&run.child, &loop, "report", NULL, 0, "no-such-user", &fault), OUTCOME_NEVER);
	assert_non_null(strstr(fault.text[LANGUAGE_EN], "no user \"no-such-user\""));
	loop_done(&loop);
	nobody = getpwnam("nobody");
	if (getuid() != 0 || !nobody)
		skip(); /* only root can become another */
	(void)snprintf(who, sizeof(who), "uid=%u gid=%u groups=0\n", nobody->pw_uid, nobody->pw_gid);
	reports("nobody", who);
}

static void quick_deaths_wait_longer(void **state)
{
	static const uint64_t want[] = { 0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000 };
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child }, .starts_wanted = 3 };

	(void)state;
	loop_init(&loop);
	assert_int_equal(child_start(&run.child, &loop, "quit", NULL, 0, NULL, NULL), OUTCOME_OK);
	loop_run(&loop);
	assert_int_equal(run.exits, 3);
	assert_int_equal(run.child.quick_deaths, 3);
	loop_done(&loop);
	for (unsigned deaths = 0; deaths < sizeof(want) / sizeof(*want); deaths++) {
		run.child.quick_deaths = deaths;
		assert_int_equal(child_wait_ms(&run.child), want[deaths]);
	}
}

static void stop_it(uv_timer_t *timer)
{
	child_signal(timer->data, SIGTERM);
	uv_close((uv_handle_t *)timer, NULL);
}

static void a_child_is_signalled(void **state)
{
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child } };
	uv_timer_t timer;

	(void)state;
	loop_init(&loop);
	assert_int_equal(child_start(&run.child, &loop, "wait", NULL, 0, NULL, NULL), OUTCOME_OK);
	(void)uv_timer_init(&loop.uv, &timer);
	timer.data = &run.child;
	(void)uv_timer_start(&timer, stop_it, 1100, 0);
	loop_run(&loop);
	assert_int_equal(run.signal, SIGTERM);
	assert_int_equal(run.child.quick_deaths, 0); /* it lived long enough */
	loop_done(&loop);
}

/* The middle one starts a grandchild and is killed: the grandchild must go, too. */
static int middle(void)
{
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child } };

	loop_init(&loop);
	if (child_start(&run.child, &loop, "wait", (const int[]){ 3 }, 1, NULL, NULL) != OUTCOME_OK)
		return 1;
	loop_run(&loop);
	return 0;
}

static void nobody_outlives_the_parent(void **state)
{
	struct run run = { .child = { .owner = &run, .on_exit = on_exit_of_child } };
	int ends[2];
	char byte;

	(void)state;
	loop_init(&loop);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(child_start(&run.child, &loop, "middle", (const int[]){ ends[1] }, 1, NULL, NULL), OUTCOME_OK);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1); /* the grandchild is there */
	child_signal(&run.child, SIGKILL);
	loop_run(&loop);
	assert_int_equal(run.signal, SIGKILL);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* and nobody holds the pipe any more */
	(void)close(ends[0]);
	loop_done(&loop);
}

static void systemd_is_told(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char path[64], got[256], want[256];
	ssize_t len;

	(void)state;
	notify_ready("nobody listens"); /* NOTIFY_SOCKET is not set: nothing happens */
	(void)snprintf(path, sizeof(path), "@sekisho-test-%ld", (long)getpid());
	memcpy(address.sun_path, path, strlen(path));
	address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))), 0);
	(void)setenv("NOTIFY_SOCKET", path, 1);
	notify_ready("serving");
	len = read(fd, got, sizeof(got));
	(void)snprintf(want, sizeof(want), "READY=1\nMAINPID=%ld\nSTATUS=serving\n", (long)getpid());
	assert_int_equal(len, strlen(want));
	assert_memory_equal(got, want, strlen(want));
	notify_reloading();
	len = read(fd, got, sizeof(got));
	assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_watchdog();
	notify_stopping();
	assert_int_equal(read(fd, got, sizeof(got)), 11);
	assert_int_equal(read(fd, got, sizeof(got)), 11);
	assert_memory_equal(got, "STOPPING=1\n", 11);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)close(fd);
}

static void systemd_is_heard(void **state)
{
	char names[4][64], pid[32];

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_int_equal(notify_listen_fds(4, names), 0);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	(void)setenv("LISTEN_FDNAMES", "submission:unknown", 1);
	assert_int_equal(notify_listen_fds(4, names), 3);
	assert_string_equal(names[0], "submission");
	assert_string_equal(names[1], "");
	assert_string_equal(names[2], "");
	assert_int_equal(notify_listen_fds(2, names), 2);
	(void)setenv("LISTEN_PID", "1", 1);
	assert_int_equal(notify_listen_fds(4, names), 0);
	(void)setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
	(void)setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_gets_only_what_it_needs), cmocka_unit_test(a_child_becomes_another_user),
		cmocka_unit_test(quick_deaths_wait_longer),	   cmocka_unit_test(a_child_is_signalled),
		cmocka_unit_test(nobody_outlives_the_parent),	   cmocka_unit_test(systemd_is_told),
		cmocka_unit_test(systemd_is_heard),
	};

	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return report();
	if (argc > 1 && strcmp(argv[1], "quit") == 0)
		return 1;
	if (argc > 1 && strcmp(argv[1], "middle") == 0)
		return middle();
	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		child_harden();
		(void)!write(3, "x", 1);
		for (;;)
			(void)pause();
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
