#include "keeper/keeper.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/event_id.h"
#include "keeper/admit.h"
#include "keeper/control.h"
#include "keeper/gates.h"
#include "keeper/imports.h"
#include "keeper/issuer.h"
#include "keeper/mover.h"
#include "keeper/notice.h"
#include "keeper/rehearse.h"
#include "keeper/retire.h"
#include "keeper/routes.h"
#include "sys/child.h"
#include "sys/memfd.h"
#include "sys/zone.h"

#define TICK_MS 250
#define SYNC_WORKERS 2
#define LEDGER_QUEUE_MAX 256
#define COURIER_DRAIN_MS 5000
#define EXPIRE_EVERY_TICKS 240 /* a minute */
#define EXPIRE_ROWS 5000

int64_t keeper_now_us(struct keeper *keeper)
{
	int64_t now_us = clock_real_us();

	if (now_us <= keeper->last_us)
		now_us = keeper->last_us + 1;
	keeper->last_us = now_us;
	return now_us;
}

void keeper_event_id(struct keeper *keeper, char ret_id[16], uint64_t *ret_count)
{
	*ret_count = spool_count_next(keeper->spool);
	event_id_print(keeper->node, *ret_count, ret_id);
}

static void report(struct keeper *keeper, char what)
{
	if (!link_send(&keeper->supervisor, (struct str){ &what, 1 }, -1))
		log_event(LOG_LEVEL_ERROR, "the supervisor does not listen", LOG_NUMBER("report", what));
}

void keeper_ask_reload(struct keeper *keeper)
{
	report(keeper, BOOT_REPORT_RELOAD);
}

/* --- the end --- */

static void on_last_rows(void *context, enum outcome outcome)
{
	struct keeper *keeper = context;

	if (outcome != OUTCOME_OK)
		log_event(LOG_LEVEL_WARNING, "rows stay in the outbox", LOG_TEXT("until", "the next start"));
	loop_stop(&keeper->loop);
}

static void on_courier_idle(void *context)
{
	struct keeper *keeper = context;

	mover_flush(keeper->mover, on_last_rows, keeper);
}

static void stop(struct keeper *keeper)
{
	if (keeper->stopping)
		return;
	keeper->stopping = true;
	courier_drain(keeper->courier, COURIER_DRAIN_MS, on_courier_idle, keeper);
}

/* --- the supervisor's orders --- */

static void take_settings(struct keeper *keeper, int fd)
{
	struct buf bytes;
	struct boot boot;
	struct settings *settings = NULL;
	struct settings *old = keeper->settings;
	struct fault fault;

	/* The supervisor has validated them; an error here is a bug worth a line, and the old ones stay. */
	(void)fault_set(&fault, OUTCOME_NEVER, N_("the settings handed over are cut short"));
	if (memfd_read(fd, BOOT_BYTES_MAX, &bytes, &fault) != OUTCOME_OK || !boot_parse(buf_str(&bytes), &boot) ||
	    settings_parse(old->file, boot.settings, &settings, &fault) != OUTCOME_OK ||
	    courier_settings(keeper->courier, settings, &fault) != OUTCOME_OK) {
		log_event(LOG_LEVEL_ERROR, "settings not taken", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
		settings_free(settings);
		buf_done(&bytes);
		return;
	}
	routes_settings(keeper, settings);
	keeper->settings = settings;
	dispatch_settings(keeper->dispatch, settings);
	issuers_settings(keeper->issuers, settings);
	buf_done(&keeper->boot_bytes);
	keeper->boot_bytes = bytes;
	keeper->boot = boot;
	settings_free(old);
	log_event(LOG_LEVEL_INFO, "settings taken", LOG_TEXT("file", settings->file));
}

static void on_order(struct link *link, struct str packet, int fd)
{
	struct keeper *keeper = link->owner;

	switch (packet.len ? packet.ptr[0] : 0) {
	case BOOT_ORDER_GATE:
		if (fd != -1)
			gates_add(keeper->gates, fd);
		return; /* the link has the descriptor now */
	case BOOT_ORDER_SETTINGS:
		take_settings(keeper, fd);
		break;
	case BOOT_ORDER_STOP:
		stop(keeper);
		break;
	default:
		break;
	}
	if (fd != -1)
		(void)close(fd);
}

static void on_supervisor_gone(struct link *link)
{
	stop(link->owner);
}

static const struct link_handler supervisor_handler = { .on_packet = on_order, .on_closed = on_supervisor_gone };

/* --- the beginning --- */

/* Old sign-ins and traces go, some at a time, on the scribe's thread. */
struct expiry {
	struct worker_job job; /* first */
	struct keeper *keeper;
	int64_t sign_ins_before_us, traces_before_us;
	struct fault fault;
	enum outcome outcome;
};

static void run_expiry(struct worker_job *job)
{
	struct expiry *expiry = (struct expiry *)job;
	size_t removed;

	expiry->outcome = ledger_expire(expiry->keeper->ledger, expiry->sign_ins_before_us, expiry->traces_before_us,
					EXPIRE_ROWS, &removed, &expiry->fault);
}

static void on_expired(struct worker_job *job)
{
	struct expiry *expiry = (struct expiry *)job;

	if (expiry->outcome != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "old rows stay", LOG_TEXT("reason", expiry->fault.text[LANGUAGE_EN]));
	free(expiry);
}

static void expire(struct keeper *keeper)
{
	const int64_t day_us = 86400ll * 1000000;
	struct expiry *expiry = calloc(1, sizeof(*expiry));
	int64_t now_us = clock_real_us();

	if (!expiry)
		return;
	expiry->job = (struct worker_job){ .run = run_expiry, .done = on_expired };
	expiry->keeper = keeper;
	expiry->sign_ins_before_us = now_us - (int64_t)keeper->settings->limits.sign_in_days_max * day_us;
	expiry->traces_before_us = now_us - (int64_t)keeper->settings->limits.trace_days_max * day_us;
	if (!worker_add(keeper->scribe, &expiry->job))
		free(expiry);
}

static void on_tick(uv_timer_t *timer)
{
	static bool had_room = true;
	static unsigned ticks;
	struct keeper *keeper = timer->data;
	bool has_room = spool_has_room(keeper->spool, 0);

	if (keeper->stopping)
		return;
	mover_tick(keeper->mover);
	retire_tick(keeper->retire);
	imports_tick(keeper->imports);
	notices_tick(keeper->notices);
	if (has_room != had_room) {
		log_event(LOG_LEVEL_WARNING, has_room ? "the disk has room again" : "the disk is full",
			  LOG_TEXT("state", keeper->settings->daemon.state));
		gates_tell_room(keeper->gates, has_room);
		had_room = has_room;
	}
	if (++ticks % EXPIRE_EVERY_TICKS == 0)
		expire(keeper);
}

static void before_sleep(uv_prepare_t *prepare)
{
	(void)prepare;
	log_flush();
}

static enum outcome read_boot(struct keeper *keeper, struct fault *fault)
{
	char *path;

	if (memfd_read(KEEPER_FD_BOOT, BOOT_BYTES_MAX, &keeper->boot_bytes, fault) != OUTCOME_OK)
		return fault->outcome;
	(void)close(KEEPER_FD_BOOT);
	if (!boot_parse(buf_str(&keeper->boot_bytes), &keeper->boot))
		return fault_set(fault, OUTCOME_NEVER,
				 N_("a keeper was started without its settings: it is started by `sekisho serve` only"));
	path = str_dup(keeper->boot.path);
	if (!path)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), "the settings");
	(void)settings_parse(path, keeper->boot.settings, &keeper->settings, fault);
	free(path);
	return keeper->settings ? OUTCOME_OK : fault->outcome;
}

static enum outcome open_stores(struct keeper *keeper, struct fault *fault)
{
	const struct limits *limits = &keeper->settings->limits;
	const char *state = keeper->settings->daemon.state;
	struct spool_options options = {
		.state = state,
		.disk_free_bytes_min = limits->disk_free_bytes_min,
		.ballast_bytes = limits->ballast_bytes,
		.sync_workers = SYNC_WORKERS,
	};

	/* The spool first: its lock tells whether another daemon lives here. */
	if (spool_open(&keeper->loop, &options, &keeper->spool, fault) != OUTCOME_OK ||
	    ledger_open(state, false, &keeper->ledger, fault) != OUTCOME_OK ||
	    ledger_open(state, true, &keeper->ledger_read, fault) != OUTCOME_OK ||
	    password_key_load(state, keeper->password_key, fault) != OUTCOME_OK)
		return fault->outcome;
	keeper->node = ledger_node(keeper->ledger);
	if (routes_load(keeper, fault) != OUTCOME_OK)
		return fault->outcome;
	return directory_load(&keeper->directory, keeper->ledger, fault);
}

static enum outcome open_services(struct keeper *keeper, struct fault *fault)
{
	const struct limits *limits = &keeper->settings->limits;

	keeper->scribe = worker_pool_new(&keeper->loop, "scribe", 1, LEDGER_QUEUE_MAX);
	keeper->reader = worker_pool_new(&keeper->loop, "reader", 1, LEDGER_QUEUE_MAX);
	keeper->hashers = worker_pool_new(&keeper->loop, "hasher", (unsigned)limits->hash_workers_max, (size_t)limits->hash_queue_max);
	keeper->http = http_new(&keeper->loop);
	keeper->issuers = issuers_new(keeper->http, keeper->settings);
	keeper->rehearse = rehearse_new(keeper);
	keeper->admit = admit_new(keeper);
	keeper->gates = gates_new(keeper);
	keeper->mover = mover_new(keeper);
	keeper->imports = imports_new(keeper);
	keeper->notices = notices_new(keeper);
	if (!keeper->scribe || !keeper->reader || !keeper->hashers || !keeper->http || !keeper->issuers || !keeper->rehearse || !keeper->admit || !keeper->gates ||
	    !keeper->mover || !keeper->imports || !keeper->notices)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory at the start"));
	keeper->retire = retire_new(keeper, fault);
	if (!keeper->retire)
		return fault->outcome;
	/* dispatch is the courier's handler and needs the courier: it is told of it right after. */
	keeper->dispatch = dispatch_new(&keeper->loop, keeper->spool, keeper->settings);
	if (!keeper->dispatch)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory at the start"));
	dispatch_tell_unsent(keeper->dispatch, notices_unsent, keeper->notices);
	keeper->courier = courier_new(&keeper->loop, keeper->http, keeper->settings, &dispatch_courier_handler, keeper->dispatch, fault);
	if (!keeper->courier)
		return fault->outcome;
	dispatch_start(keeper->dispatch, keeper->courier, keeper->boot.hostname, keeper->node);
	keeper->control = control_new(keeper, KEEPER_FD_CONTROL, fault);
	return keeper->control ? OUTCOME_OK : fault->outcome;
}

static void close_all(struct keeper *keeper)
{
	control_free(keeper->control);
	gates_free(keeper->gates);
	courier_free(keeper->courier);
	dispatch_free(keeper->dispatch);
	spool_close(keeper->spool);
	worker_pool_free(keeper->scribe);
	worker_pool_free(keeper->reader);
	ledger_close(keeper->ledger);
	ledger_close(keeper->ledger_read);
}

int keeper_main(void)
{
	static struct keeper keeper;
	struct fault fault;

	child_harden();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN); /* the supervisor's order comes by link, when the gates are gone */
	loop_init(&keeper.loop);
	directory_init(&keeper.directory);
	keeper.started_us = clock_real_us();
	if (read_boot(&keeper, &fault) != OUTCOME_OK)
		goto cannot;
	zone_use(keeper.settings->daemon.timezone);
	log_init("keeper", keeper.settings->daemon.log_json ? LOG_FORM_JSON : LOG_FORM_LOGFMT, LOG_LEVEL_INFO);
	if (open_stores(&keeper, &fault) != OUTCOME_OK || open_services(&keeper, &fault) != OUTCOME_OK ||
	    link_open(&keeper.supervisor, &keeper.loop, KEEPER_FD_SUPERVISOR, &supervisor_handler, &keeper, &fault) != OUTCOME_OK)
		goto cannot;
	keeper.tick.data = &keeper;
	(void)uv_prepare_init(&keeper.loop.uv, &keeper.log_leaves);
	(void)uv_prepare_start(&keeper.log_leaves, before_sleep);
	log_collect();
	(void)uv_timer_init(&keeper.loop.uv, &keeper.tick);
	(void)uv_timer_start(&keeper.tick, on_tick, TICK_MS, TICK_MS);
	report(&keeper, BOOT_REPORT_READY);
	loop_run(&keeper.loop);
	close_all(&keeper);
	return EX_OK;

cannot:
	log_event(LOG_LEVEL_ERROR, "keeper cannot start",
		  LOG_TEXT("reason", fault.text[keeper.settings ? keeper.settings->daemon.language : LANGUAGE_EN]));
	return fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_CONFIG;
}
