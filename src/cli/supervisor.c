#include "cli/supervisor.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/supervisor_gates.h"
#include "sys/notify.h"

#define STOP_SECONDS_MORE 8 /* beyond the gates' own drain: then by force */

/* --- the end --- */

static bool nothing_runs(const struct supervisor *supervisor)
{
	return supervisor->keeper.pid == 0 && !supervisor->gates;
}

static void tell_keeper(struct supervisor *supervisor, char order, int fd)
{
	if (supervisor->keeper_link_open && !link_send(&supervisor->keeper_link, (struct str){ &order, 1 }, fd))
		log_event(LOG_LEVEL_ERROR, "the keeper takes no orders", LOG_NUMBER("pid", supervisor->keeper.pid));
}

void supervisor_settle(struct supervisor *supervisor)
{
	if (!supervisor->stopping)
		return;
	if (!supervisor->gates && supervisor->keeper.pid)
		tell_keeper(supervisor, BOOT_ORDER_STOP, -1); /* all that the gates took is in its hands */
	if (nothing_runs(supervisor))
		loop_stop(&supervisor->loop);
}

static void on_stop_limit(uv_timer_t *timer)
{
	struct supervisor *supervisor = timer->data;

	log_event(LOG_LEVEL_ERROR, "stopped by force", LOG_TEXT("why", "a process did not end in time"));
	for (struct gate_child *gate = supervisor->gates; gate; gate = gate->next)
		child_signal(&gate->child, SIGKILL);
	child_signal(&supervisor->keeper, SIGKILL);
}

static void stop(struct supervisor *supervisor, int exit_code)
{
	uint64_t limit_ms = (supervisor->settings->limits.drain_seconds_max + STOP_SECONDS_MORE) * 1000;

	if (supervisor->stopping)
		return;
	supervisor->stopping = true;
	supervisor->exit_code = exit_code;
	notify_stopping();
	listening_close(&supervisor->listening);
	supervisor_gates_stop(supervisor, supervisor->generation);
	(void)uv_timer_start(&supervisor->stop_limit, on_stop_limit, limit_ms, 0);
	supervisor_settle(supervisor);
}

static void on_stop_signal(uv_signal_t *signal, int number)
{
	(void)number;
	stop(signal->data, EX_OK);
}

/* --- the keeper --- */

static void start_keeper(struct supervisor *supervisor);

static void on_keeper_wait_over(uv_timer_t *timer)
{
	start_keeper(timer->data);
}

static void after_keeper(struct supervisor *supervisor)
{
	const struct child *keeper = &supervisor->keeper;
	uint64_t wait_ms = child_wait_ms(&supervisor->keeper);

	if (supervisor->stopping) {
		supervisor_settle(supervisor);
		return;
	}
	if (!supervisor->ever_ready) { /* it has said why; there is nothing to try again */
		stop(supervisor, keeper->exit_status ? (int)keeper->exit_status : EX_SOFTWARE);
		return;
	}
	log_event(LOG_LEVEL_ERROR, "the keeper died", LOG_NUMBER("status", keeper->exit_status),
		  LOG_NUMBER("signal", keeper->exit_signal), LOG_NUMBER("again_ms", wait_ms));
	(void)uv_timer_start(&supervisor->keeper_again, on_keeper_wait_over, wait_ms, 0);
}

static void on_keeper_link_closed(struct link *link)
{
	after_keeper(link->owner);
}

static void on_keeper_exit(struct child *child, int64_t status, int signal)
{
	struct supervisor *supervisor = child->owner;
	bool was_open = supervisor->keeper_link_open;

	(void)status;
	(void)signal;
	supervisor->keeper_link_open = supervisor->keeper_ready = false;
	supervisor->generation++; /* its gates end by themselves; the next keeper gets its own */
	if (was_open)
		link_close(&supervisor->keeper_link, on_keeper_link_closed); /* the next one's link takes the same place */
	else
		after_keeper(supervisor);
}

static void on_ready(struct supervisor *supervisor)
{
	supervisor->keeper_ready = true;
	if (supervisor->stopping)
		supervisor_settle(supervisor);
	else
		supervisor_gates_start(supervisor);
}

static void all_up(struct supervisor *supervisor)
{
	if (!supervisor->ever_ready) {
		supervisor->ever_ready = true;
		(void)!write(STDOUT_FILENO, "ready\n", 6);
		log_event(LOG_LEVEL_INFO, "ready", LOG_NUMBER("gates", supervisor->gates_wanted),
			  LOG_NUMBER("listeners", supervisor->listening.count));
	}
	if (supervisor->reloading)
		supervisor_gates_retire(supervisor, supervisor->generation - 1);
	supervisor->reloading = false;
	notify_ready("ready");
	if (supervisor->reload_owed)
		(void)raise(SIGHUP);
}

static void on_report(struct link *link, struct str packet, int fd)
{
	struct supervisor *supervisor = link->owner;

	if (fd != -1)
		(void)close(fd);
	switch (packet.len ? packet.ptr[0] : 0) {
	case BOOT_REPORT_READY:
		on_ready(supervisor);
		break;
	case BOOT_REPORT_GATE:
		if (++supervisor->gates_up == supervisor->gates_wanted)
			all_up(supervisor);
		break;
	case BOOT_REPORT_RELOAD:
		(void)raise(SIGHUP);
		break;
	default:
		break;
	}
}

static void on_keeper_silent(struct link *link)
{
	(void)link; /* its exit says the rest */
}

static const struct link_handler keeper_handler = { .on_packet = on_report, .on_closed = on_keeper_silent };

static void start_keeper(struct supervisor *supervisor)
{
	const char *user = supervisor->settings->daemon.user;
	struct fault fault;
	int pair[2];
	int fds[3];

	if (!link_pair(pair)) {
		log_event(LOG_LEVEL_ERROR, "no link for the keeper", LOG_TEXT("reason", strerror(errno)));
		stop(supervisor, EX_TEMPFAIL);
		return;
	}
	fds[0] = pair[1];
	fds[1] = supervisor->bundle.keeper_fd;
	fds[2] = supervisor->listening.control_fd;
	supervisor->gates_up = 0;
	supervisor->keeper.owner = supervisor;
	supervisor->keeper.on_exit = on_keeper_exit;
	if (child_start(&supervisor->keeper, &supervisor->loop, "keeper", fds, 3, user, &fault) != OUTCOME_OK ||
	    link_open(&supervisor->keeper_link, &supervisor->loop, pair[0], &keeper_handler, supervisor, &fault) != OUTCOME_OK) {
		log_event(LOG_LEVEL_ERROR, "cannot start the keeper", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
		(void)close(pair[0]);
		(void)close(pair[1]);
		stop(supervisor, EX_TEMPFAIL);
		return;
	}
	supervisor->keeper_link_open = true;
	(void)close(pair[1]);
}

void supervisor_give_gate(struct supervisor *supervisor, int fd)
{
	tell_keeper(supervisor, BOOT_ORDER_GATE, fd);
}

/* --- reload --- */

/* Nothing of the old is touched before all of the new is proved. */
static void reload(struct supervisor *supervisor)
{
	struct settings *settings = NULL;
	struct bundle bundle;
	struct fault fault;
	const char *why = fault.text[supervisor->settings->daemon.language];

	if (supervisor->stopping)
		return;
	/* One after the other: the file may have changed since the one that is under way read it. */
	supervisor->reload_owed = supervisor->reloading || !supervisor->keeper_ready;
	if (supervisor->reload_owed)
		return;
	notify_reloading();
	if (settings_load(supervisor->settings->file, &settings, &fault) != OUTCOME_OK ||
	    bundle_make(&supervisor->bundle, settings, &bundle, &fault) != OUTCOME_OK)
		goto refused;
	if (listening_open(&supervisor->listening, settings, &fault) != OUTCOME_OK) {
		bundle_close(&bundle);
		goto refused;
	}
	bundle_close(&supervisor->bundle);
	supervisor->bundle = bundle;
	settings_free(supervisor->settings);
	supervisor->settings = settings;
	supervisor->reloading = true;
	supervisor->generation++;
	supervisor->gates_up = 0;
	tell_keeper(supervisor, BOOT_ORDER_SETTINGS, supervisor->bundle.keeper_fd);
	supervisor_gates_start(supervisor);
	log_event(LOG_LEVEL_INFO, "reload", LOG_TEXT("file", settings->file));
	return;

refused:
	log_event(LOG_LEVEL_ERROR, "reload refused, the old settings stay", LOG_TEXT("reason", why));
	settings_free(settings);
	notify_ready("ready (the last reload was refused)");
}

static void on_hang_up(uv_signal_t *signal, int number)
{
	(void)number;
	reload(signal->data);
}

/* --- the beginning --- */

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	notify_watchdog();
}

static enum outcome prepare_state(const struct settings *settings, struct fault *fault)
{
	const struct passwd *owner = settings->daemon.user ? getpwnam(settings->daemon.user) : NULL;

	if (settings->daemon.user && !owner)
		return fault_set(fault, OUTCOME_NEVER, N_("daemon.user: there is no user \"%s\"; make one: adduser --system --group %s"),
				 settings->daemon.user, settings->daemon.user);
	if (folder_make(settings->daemon.state, fault) != OUTCOME_OK)
		return fault->outcome;
	if (owner && geteuid() == 0 && chown(settings->daemon.state, owner->pw_uid, owner->pw_gid) == -1)
		return fault_errno(fault, "give away", settings->daemon.state);
	return OUTCOME_OK;
}

static void watch(struct supervisor *supervisor)
{
	uv_loop_t *loop = &supervisor->loop.uv;
	uint64_t every_ms = notify_watchdog_ms();

	supervisor->term.data = supervisor->interrupt.data = supervisor->hang_up.data = supervisor;
	supervisor->keeper_again.data = supervisor->stop_limit.data = supervisor;
	(void)uv_signal_init(loop, &supervisor->term);
	(void)uv_signal_init(loop, &supervisor->interrupt);
	(void)uv_signal_init(loop, &supervisor->hang_up);
	(void)uv_signal_start(&supervisor->term, on_stop_signal, SIGTERM);
	(void)uv_signal_start(&supervisor->interrupt, on_stop_signal, SIGINT);
	(void)uv_signal_start(&supervisor->hang_up, on_hang_up, SIGHUP);
	(void)uv_timer_init(loop, &supervisor->keeper_again);
	(void)uv_timer_init(loop, &supervisor->stop_limit);
	(void)uv_timer_init(loop, &supervisor->watchdog);
	if (every_ms)
		(void)uv_timer_start(&supervisor->watchdog, on_watchdog, every_ms, every_ms);
}

/* A service starts with a soft limit of 1,024 descriptors (select(2) is why); it is for the program to go up to the hard one. */
static void raise_descriptors(const struct settings *settings)
{
	uint64_t wanted = 2 * settings->limits.connections_max + 1024;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
		log_event(LOG_LEVEL_WARNING, "few descriptors", LOG_NUMBER("hard_limit", limit.rlim_cur), LOG_NUMBER("wanted", wanted),
			  LOG_TEXT("mend", "raise LimitNOFILE, or lower connections-max"));
}

int supervisor_run(struct settings *settings)
{
	static struct supervisor supervisor = { .bundle = { .gate_fd = -1, .keeper_fd = -1 }, .listening = { .control_fd = -1 } };
	enum language language = settings->daemon.language;
	struct fault fault;

	log_init("supervisor", settings->daemon.log_json ? LOG_FORM_JSON : LOG_FORM_LOGFMT, LOG_LEVEL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	supervisor.settings = settings;
	raise_descriptors(settings);
	loop_init(&supervisor.loop);
	if (prepare_state(settings, &fault) != OUTCOME_OK || bundle_make(NULL, settings, &supervisor.bundle, &fault) != OUTCOME_OK ||
	    listening_control(&supervisor.listening, settings->daemon.socket, settings->daemon.user, &fault) != OUTCOME_OK ||
	    listening_open(&supervisor.listening, settings, &fault) != OUTCOME_OK) {
		(void)fprintf(stderr, "sekisho: %s\n", fault.text[language]);
		return fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_CONFIG;
	}
	watch(&supervisor);
	start_keeper(&supervisor);
	loop_run(&supervisor.loop);
	(void)unlink(supervisor.settings->daemon.socket);
	return supervisor.exit_code;
}
