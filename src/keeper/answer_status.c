#include <string.h>
#include <sysexits.h>

#include "domain/json_text.h"
#include "keeper/admit.h"
#include "keeper/api.h"
#include "keeper/forecast.h"
#include "keeper/gates.h"
#include "keeper/mover.h"
#include "keeper/notice.h"

/* --- upstreams --- */

struct upstreams {
	json_t *rows;
	bool troubled;
};

static void add_upstream(void *context, const struct courier_status *status)
{
	struct upstreams *all = context;

	if (status->paused_until_us)
		all->troubled = true;
	(void)json_array_append_new(all->rows, answer_upstream_json(status));
}

/* --- held senders --- */

#define HOLDS_SHOWN_MAX 100

static void add_hold(void *context, const struct courier_hold *hold)
{
	json_t *rows = context;

	if (json_array_size(rows) == HOLDS_SHOWN_MAX)
		return;
	(void)json_array_append_new(rows, json_pack("{s:o,s:o,s:o,s:s,s:o,s:o,s:o}", "sender", json_text(hold->sender), "upstream",
						    json_text(hold->upstream), "mailbox", json_text(hold->mailbox), "cause", hold->cause, "reply",
						    json_text(hold->reply), "sinceDateTime", json_time(hold->since_us), "untilDateTime",
						    json_time(hold->until_us)));
}

static json_t *holds_json(struct keeper *keeper)
{
	json_t *rows = json_array();

	if (rows)
		courier_holds_each(keeper->courier, add_hold, rows);
	return rows;
}

/* --- status, health --- */

void answer_status(struct api_call *call)
{
	struct keeper *keeper = call->keeper;
	struct upstreams all = { .rows = json_array() };
	struct spool_counts spool;
	struct admit_counts admit;
	json_t *row;

	spool_counts(keeper->spool, &spool);
	admit_counts(keeper->admit, &admit);
	courier_each(keeper->courier, add_upstream, &all);
	row = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:{s:I,s:I,s:I},s:I,s:I,s:I,s:b,s:o}", "version", SEKISHO_VERSION, "settings",
			keeper->settings->file, "gates", (json_int_t)gates_count(keeper->gates), "sessions",
			(json_int_t)gates_visitors(keeper->gates), "tenants", (json_int_t)keeper->directory.tenants.count, "users",
			(json_int_t)keeper->directory.accounts.count, "queue", "ready", (json_int_t)spool.messages[SPOOL_READY],
			"deferred", (json_int_t)spool.messages[SPOOL_DEFERRED], "held", (json_int_t)spool.messages[SPOOL_HELD],
			"outboxRows", (json_int_t)spool.outbox_rows, "signInsPassed", (json_int_t)admit.passed, "signInsRefused",
			(json_int_t)admit.refused, "diskHasRoom", spool_has_room(keeper->spool, 0), "upstreams", all.rows);
	if (row) {
		(void)json_object_set_new(row, "startedDateTime", json_time(keeper->started_us));
		(void)json_object_set_new(row, "oldestQueuedDateTime", json_time(spool.oldest_us));
		(void)json_object_set_new(row, "expiries", forecast_json(keeper));
		(void)json_object_set_new(row, "sendersHeld", json_integer((json_int_t)courier_holds(keeper->courier)));
		(void)json_object_set_new(row, "holds", holds_json(keeper));
		(void)json_object_set_new(row, "noticesOpen", json_integer((json_int_t)notices_open(keeper->notices)));
	}
	api_row(call, row);
	api_end(call, EX_OK);
}

struct expired {
	struct api_call *call;
	size_t count;
};

static void tell_expired(void *context, const struct forecast_item *item)
{
	struct expired *expired = context;
	char text[FORECAST_TEXT_MAX];

	if (item->urgency != FORECAST_EXPIRED || forecast_renews_itself(item->kind))
		return;
	expired->count++;
	forecast_print(item, expired->call->language, sizeof(text), text);
	api_note(expired->call, "%s", text);
}

/* Exit 0 while mail is taken, can leave, and nothing has expired; 1 with what is wrong, one line each. */
void answer_health(struct api_call *call)
{
	struct keeper *keeper = call->keeper;
	struct upstreams all = { .rows = json_array() };
	struct expired expired = { .call = call };
	const struct fault *ledger = mover_trouble(keeper->mover);
	bool accepts = !keeper->stopping && gates_count(keeper->gates) > 0 && spool_has_room(keeper->spool, 0);

	courier_each(keeper->courier, add_upstream, &all);
	json_decref(all.rows);
	forecast_each(keeper, tell_expired, &expired);
	api_row(call, json_pack("{s:b,s:b,s:b,s:b,s:I}", "ready", accepts, "diskHasRoom", spool_has_room(keeper->spool, 0),
				"upstreamsFlow", !all.troubled, "ledgerTakesRows", !ledger, "expired", (json_int_t)expired.count));
	if (gates_count(keeper->gates) == 0)
		api_note(call, N_("no gate is running: nobody can connect"));
	if (!spool_has_room(keeper->spool, 0))
		api_note(call, N_("the disk is full: new mail is refused with 452; make room in %s"), keeper->settings->daemon.state);
	if (all.troubled)
		api_note(call, N_("an upstream or mailbox is paused: see sekisho upstream list"));
	if (courier_holds(keeper->courier) > 0)
		api_note(call, N_("mail of %zu senders is held back, because an upstream refuses it again and again: see sekisho status, sekisho "
				  "notices list"), courier_holds(keeper->courier));
	if (ledger)
		api_note(call, N_("the ledger takes no rows, which wait in the spool meanwhile: %s"), ledger->text[call->language]);
	api_end(call, accepts && expired.count == 0 && !ledger ? EX_OK : 1);
}

void answer_version(struct api_call *call)
{
	api_row(call, json_pack("{s:s}", "version", SEKISHO_VERSION));
	api_end(call, EX_OK);
}

void answer_reload(struct api_call *call)
{
	struct settings *settings = NULL;
	struct fault fault;

	/* Tried here so that who asks is told; the supervisor tries again, certificates too, and changes nothing on failure. */
	if (settings_load(call->keeper->settings->file, &settings, &fault) != OUTCOME_OK) {
		api_fail(call, EX_CONFIG, &fault);
		return;
	}
	settings_free(settings);
	keeper_ask_reload(call->keeper);
	api_note(call, N_("the settings are read again; what became of it is in the log"));
	api_end(call, EX_OK);
}
