/* gate: the inbound process. It holds connections and their dialogues, and asks the keeper about everything that matters. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/buf.h"
#include "base/table.h"
#include "domain/boot.h"
#include "domain/settings.h"
#include "sys/link.h"
#include "sys/loop.h"
#include "sys/tls.h"
#include "wire/smtp_server.h"

/* Descriptors a gate starts with. */
enum gate_fd { GATE_FD_LINK = 3, GATE_FD_BOOT = 4, GATE_FD_LISTENERS = 5 };

struct gate;
struct session;

struct gate_listener {
	struct gate *gate;
	uv_tcp_t tcp;
	uint32_t index;
	const struct listener_settings *settings;
	SSL_CTX *tls; /* NULL: tls none */
	struct smtp_server_options options;
	bool one_waits; /* accepted by libuv and not taken for want of memory: nothing more comes until it is */
};

struct gate {
	struct loop loop;
	struct link link;
	struct buf boot_bytes; /* what `boot` borrows from; the private keys are wiped once OpenSSL has them */
	struct boot boot;
	struct settings *settings;
	struct gate_listener *listeners;
	struct table sessions; /* by id */
	size_t sessions_max;   /* more would leave no descriptor for a body's file */
	struct session *untold; /* gone ones of whom the keeper has to hear yet */
	uint64_t last_session, last_question;
	uv_timer_t sweep;
	uv_prepare_t log_leaves;
	uv_signal_t term, retire;
	uint64_t drain_until_ms; /* 0: not draining */
	bool has_room;
	bool retiring;           /* newer gates have taken over: ends with its last session */
	bool keeper_gone;
};

/* The role `gate`: runs until it is told to stop or its keeper is gone. The exit code. */
int gate_main(void);

void gate_session_gone(struct gate *gate); /* a session has ended: a draining gate may be done */

/* listener.c */
enum outcome gate_listeners_open(struct gate *gate, struct fault *fault);
void gate_listeners_start(struct gate *gate); /* accept from now on */
void gate_listeners_again(struct gate *gate); /* take who was left waiting for want of memory */
void gate_listeners_close(struct gate *gate);

#endif
