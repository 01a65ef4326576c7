#include "cli/supervisor_gates.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void forget(struct gate_child *gate)
{
	struct gate_child **at = &gate->supervisor->gates;

	while (*at && *at != gate)
		at = &(*at)->next;
	if (*at)
		*at = gate->next;
	supervisor_settle(gate->supervisor);
	uv_close((uv_handle_t *)&gate->again, on_closed);
}

/* A gate of its own user, where one is installed beside the daemon's: what devices reach shares nothing with what holds secrets. */
static const char *user_of_gates(const struct settings *settings, char *ret_name, size_t size)
{
	if (!settings->daemon.user)
		return NULL;
	(void)snprintf(ret_name, size, "%s-gate", settings->daemon.user);
	return getpwnam(ret_name) ? ret_name : settings->daemon.user;
}

static enum outcome start(struct gate_child *gate, struct fault *fault)
{
	struct supervisor *supervisor = gate->supervisor;
	int fds[2 + LISTENERS_MAX];
	size_t count = 2;
	char user[64];
	int pair[2];

	if (!link_pair(pair))
		return fault_errno(fault, "open", "a link");
	fds[0] = pair[1];
	fds[1] = supervisor->bundle.gate_fd;
	for (size_t i = 0; i < supervisor->listening.count; i++)
		fds[count++] = supervisor->listening.sockets[i].fd;
	if (child_start(&gate->child, &supervisor->loop, "gate", fds, count,
			user_of_gates(supervisor->settings, user, sizeof(user)), fault) == OUTCOME_OK)
		supervisor_give_gate(supervisor, pair[0]);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return gate->child.pid ? OUTCOME_OK : fault->outcome;
}

static void start_or_wait(struct gate_child *gate);

static void on_wait_over(uv_timer_t *timer)
{
	start_or_wait(timer->data);
}

static void start_or_wait(struct gate_child *gate)
{
	struct supervisor *supervisor = gate->supervisor;
	struct fault fault;

	/* Without a keeper a gate could only say 421: the sockets' backlog is kinder. A new set comes with the new keeper. */
	if (supervisor->stopping || !supervisor->keeper_ready || gate->generation != supervisor->generation) {
		forget(gate);
		return;
	}
	if (start(gate, &fault) == OUTCOME_OK)
		return;
	log_event(LOG_LEVEL_ERROR, "cannot start a gate", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	(void)uv_timer_start(&gate->again, on_wait_over, 1000, 0);
}

static void on_exit_(struct child *child, int64_t status, int signal)
{
	struct gate_child *gate = child->owner;
	struct supervisor *supervisor = gate->supervisor;
	uint64_t wait_ms = child_wait_ms(child);
	bool expected = supervisor->stopping || !supervisor->keeper_ready || gate->generation != supervisor->generation;

	if (!expected) {
		log_event(LOG_LEVEL_ERROR, "a gate died", LOG_NUMBER("gate", gate->number), LOG_NUMBER("status", status),
			  LOG_NUMBER("signal", signal), LOG_NUMBER("again_ms", wait_ms));
		if (supervisor->gates_up > 0)
			supervisor->gates_up--;
	}
	if (expected || wait_ms == 0)
		start_or_wait(gate);
	else
		(void)uv_timer_start(&gate->again, on_wait_over, wait_ms, 0);
}

static void add(struct supervisor *supervisor, uint32_t number)
{
	struct gate_child *gate = calloc(1, sizeof(*gate));

	if (!gate) {
		log_event(LOG_LEVEL_ERROR, "out of memory", LOG_TEXT("what", "starting a gate"));
		return;
	}
	gate->supervisor = supervisor;
	gate->number = number;
	gate->generation = supervisor->generation;
	gate->child.owner = gate;
	gate->child.on_exit = on_exit_;
	gate->again.data = gate;
	(void)uv_timer_init(&supervisor->loop.uv, &gate->again);
	gate->next = supervisor->gates;
	supervisor->gates = gate;
	start_or_wait(gate);
}

void supervisor_gates_start(struct supervisor *supervisor)
{
	unsigned wanted = supervisor->settings->daemon.gates;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted == 0)
		wanted = cores > 0 ? (unsigned)cores : 1;
	supervisor->gates_wanted = wanted < GATES_MAX ? wanted : GATES_MAX;
	for (uint32_t i = 0; i < supervisor->gates_wanted; i++)
		add(supervisor, i);
}

static void tell_older(struct supervisor *supervisor, unsigned generation, int signal)
{
	struct gate_child *next;

	for (struct gate_child *gate = supervisor->gates; gate; gate = next) {
		next = gate->next;
		if (gate->generation > generation)
			continue;
		if (gate->child.pid)
			child_signal(&gate->child, signal);
		else
			forget(gate); /* it was waiting for its next start */
	}
}

void supervisor_gates_stop(struct supervisor *supervisor, unsigned generation)
{
	tell_older(supervisor, generation, SIGTERM);
}

void supervisor_gates_retire(struct supervisor *supervisor, unsigned generation)
{
	tell_older(supervisor, generation, SIGUSR1);
}
