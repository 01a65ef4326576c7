#include "gate/gate.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/session.h"
#include "sys/child.h"
#include "sys/memfd.h"
#include "wire/charset.h"

#define SWEEP_MS 500
#define OWN_FDS 64

static void each_session(struct gate *gate, void (*what)(struct session *session))
{
	struct session *session;
	size_t at = 0;

	while ((session = table_next(&gate->sessions, &at)))
		what(session);
}

static void stop_if_empty(struct gate *gate)
{
	if ((gate->drain_until_ms || gate->retiring) && gate->sessions.count == 0)
		loop_stop(&gate->loop);
}

void gate_session_gone(struct gate *gate)
{
	stop_if_empty(gate);
}

/* Accept nothing more; sessions end as soon as no message of theirs is open, or when the time is over. */
static void drain(struct gate *gate)
{
	if (gate->drain_until_ms)
		return;
	gate->drain_until_ms = clock_monotonic_ms() + gate->settings->limits.drain_seconds_max * 1000;
	gate_listeners_close(gate);
	each_session(gate, session_say_goodbye);
	stop_if_empty(gate);
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	drain(signal->data);
}

/* A reload: who is here stays as long as it likes, within the limits of every session. */
static void on_retire(uv_signal_t *signal, int number)
{
	struct gate *gate = signal->data;

	(void)number;
	gate->retiring = true;
	gate_listeners_close(gate);
	stop_if_empty(gate);
}

static void on_sweep(uv_timer_t *timer)
{
	struct gate *gate = timer->data;
	uint64_t now_ms = clock_monotonic_ms();
	struct session *session;
	size_t at = 0;

	while ((session = table_next(&gate->sessions, &at)))
		session_sweep(session, now_ms);
	gate_listeners_again(gate);
	gate->untold = session_tell_gone(gate->untold);
	if (gate->drain_until_ms && now_ms >= gate->drain_until_ms)
		loop_stop(&gate->loop);
}

/* --- the keeper's side --- */

static void on_packet(struct link *link, struct str packet, int fd)
{
	struct gate *gate = link->owner;
	struct session *session;
	struct ask_head head;
	union ask_body body;

	if (!ask_parse(packet, &head, &body)) {
		log_event(LOG_LEVEL_ERROR, "the keeper sent what is no answer", LOG_NUMBER("bytes", packet.len));
	} else if (head.kind == ASK_ROOM) {
		gate->has_room = body.room.has_room;
	} else {
		/* The client may have hung up meanwhile: by number, never by pointer. */
		session = table_find(&gate->sessions, TABLE_KEY(head.session));
		if (session && session->asked == head.id) {
			session_answer(session, &body.answer, fd);
			return;
		}
	}
	if (fd != -1)
		(void)close(fd);
}

static void on_keeper_gone(struct link *link)
{
	struct gate *gate = link->owner;

	gate->keeper_gone = true;
	if (!gate->drain_until_ms)
		log_event(LOG_LEVEL_WARNING, "the keeper is gone", LOG_NUMBER("sessions", gate->sessions.count));
	each_session(gate, session_keeper_gone);
	drain(gate);
	gate->drain_until_ms = clock_monotonic_ms() + 1000; /* time for the last words to leave */
}

static void before_sleep(uv_prepare_t *prepare)
{
	(void)prepare;
	log_flush();
}

static const struct link_handler link_handler = { .on_packet = on_packet, .on_closed = on_keeper_gone };

static enum outcome prepare(struct gate *gate, struct fault *fault)
{
	char path[PATH_MAX];

	if (memfd_read(GATE_FD_BOOT, BOOT_BYTES_MAX, &gate->boot_bytes, fault) != OUTCOME_OK)
		return fault->outcome;
	(void)close(GATE_FD_BOOT);
	if (!boot_parse(buf_str(&gate->boot_bytes), &gate->boot) || !str_copy(gate->boot.path, sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("a gate was started without its settings: it is started by `sekisho serve` only"));
	if (settings_parse(path, gate->boot.settings, &gate->settings, fault) != OUTCOME_OK)
		return fault->outcome;
	if (gate_listeners_open(gate, fault) != OUTCOME_OK)
		return fault->outcome;
	return link_open(&gate->link, &gate->loop, GATE_FD_LINK, &link_handler, gate, fault);
}

static bool say_hello(struct gate *gate)
{
	struct ask_head head = { .kind = ASK_HELLO };
	struct buf packet;
	bool sent;

	buf_init(&packet, LINK_PACKET_BYTES_MAX);
	sent = ask_print(&packet, &head, NULL) && link_send(&gate->link, buf_str(&packet), -1);
	buf_done(&packet);
	return sent;
}

/* Each session may want a body's file beside its socket. Whoever comes beyond that hears 421: accept(2) that fails for want of a
 * descriptor could say nothing. */
static size_t sessions_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return limit.rlim_cur > OWN_FDS + 2 ? (size_t)(limit.rlim_cur - OWN_FDS) / 2 : 1;
}

int gate_main(void)
{
	static struct gate gate;
	struct fault fault;

	child_harden();
	(void)charset_hold(); /* repairs convert, and a gate opens no file later */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; the supervisor says when */
	loop_init(&gate.loop);
	table_init(&gate.sessions);
	gate.has_room = true;
	gate.sessions_max = sessions_max();
	if (prepare(&gate, &fault) != OUTCOME_OK) {
		log_event(LOG_LEVEL_ERROR, "gate cannot start", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
		return fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_CONFIG;
	}
	log_init("gate", gate.settings->daemon.log_json ? LOG_FORM_JSON : LOG_FORM_LOGFMT, LOG_LEVEL_INFO);
	gate.sweep.data = &gate;
	gate.term.data = gate.retire.data = &gate;
	(void)uv_prepare_init(&gate.loop.uv, &gate.log_leaves);
	(void)uv_prepare_start(&gate.log_leaves, before_sleep);
	log_collect();
	(void)uv_timer_init(&gate.loop.uv, &gate.sweep);
	(void)uv_timer_start(&gate.sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	(void)uv_signal_init(&gate.loop.uv, &gate.term);
	(void)uv_signal_start(&gate.term, on_term, SIGTERM);
	(void)uv_signal_init(&gate.loop.uv, &gate.retire);
	(void)uv_signal_start(&gate.retire, on_retire, SIGUSR1);
	gate_listeners_start(&gate);
	if (say_hello(&gate))
		loop_run(&gate.loop);
	return EX_OK; /* the system takes everything back: nothing here outlives the process */
}
