/* keeper: the process that knows. It holds accounts, spool, ledger and the courier; it listens to nothing but its gates, the
 * supervisor and the control socket. */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "base/table.h"
#include "courier/courier.h"
#include "domain/boot.h"
#include "domain/settings.h"
#include "domain/throttle.h"
#include "keep/ledger.h"
#include "keep/password.h"
#include "keep/spool.h"
#include "keeper/directory.h"
#include "keeper/dispatch.h"
#include "sys/http.h"
#include "sys/link.h"
#include "sys/loop.h"
#include "sys/worker.h"

/* Descriptors a keeper starts with. */
enum keeper_fd { KEEPER_FD_SUPERVISOR = 3, KEEPER_FD_BOOT = 4, KEEPER_FD_CONTROL = 5 };

struct gates;
struct admit;
struct mover;
struct control;
struct issuers;
struct rehearse;
struct retire;
struct imports;
struct notices;
struct route_list;

struct keeper {
	struct loop loop;
	struct link supervisor;
	struct boot boot;
	struct buf boot_bytes;
	struct settings *settings;
	unsigned char password_key[PASSWORD_KEY_BYTES];
	struct directory directory;
	struct route_list *routes;  /* that were added; the settings in force borrow them */
	bool routes_change;         /* one is on its way to the ledger */
	struct ledger *ledger;      /* the scribe's: only its thread touches it */
	struct ledger *ledger_read; /* the reader's */
	struct worker_pool *scribe; /* one thread: writes to the ledger in order */
	struct worker_pool *reader; /* one thread: long questions to the ledger */
	struct worker_pool *hashers;
	struct spool *spool;
	struct http *http;
	struct courier *courier;
	struct dispatch *dispatch;
	struct gates *gates;
	struct admit *admit;
	struct rehearse *rehearse;
	struct retire *retire;
	struct issuers *issuers;    /* of tokens that devices sign in with */
	struct mover *mover;
	struct imports *imports;
	struct notices *notices;
	struct control *control;
	uint32_t node;
	int64_t last_us;            /* the newest time given to a row */
	int64_t started_us;
	bool stopping;
	uv_timer_t tick;
	uv_prepare_t log_leaves;
};

/* The role `keeper`: runs until the supervisor says stop, or is gone. The exit code. */
int keeper_main(void);

/* The time for a record: rises strictly, whatever the clock does. */
int64_t keeper_now_us(struct keeper *keeper);
/* The name of the next event. *ret_count is its number. */
void keeper_event_id(struct keeper *keeper, char ret_id[16], uint64_t *ret_count);
void keeper_ask_reload(struct keeper *keeper);

#endif
