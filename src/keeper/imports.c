#include "keeper/imports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "keep/staging.h"
#include "keeper/api.h"

#define IMPORTS_MAX 8
#define CHUNK_BYTES_MAX (1u << 20)
#define ID_BYTES 8
#define WHAT_MAX 400
#define TELL_EVERY_MS 200
#define TICKS_PAUSE 20

enum import_state {
	IMPORT_RECEIVING, /* its .part grows */
	IMPORT_MOVING,    /* its .rows go to the ledger */
	IMPORT_GONE,      /* given up; its last job frees it */
};

/* Known by its id; a call that names it may come when it is gone. Once begun, only the scribe's thread touches `staging`. */
struct import {
	struct import *next;
	struct keeper *keeper;
	char id[2 * ID_BYTES + 1];
	enum import_state state;
	struct staging *staging;
	struct api_call *begin, *end;    /* held open; NULL: ended, or none */
	char actor[64], what[WHAT_MAX];  /* for the audit */
	uint64_t rows, moved, added;
	uint64_t told_ms;
	unsigned pause_ticks;            /* until the next try */
};

struct imports {
	struct keeper *keeper;
	struct import *first;
	unsigned count;
};

/* One step of an import, on the scribe's thread. */
struct step {
	struct worker_job job; /* first */
	struct import *import;
	void (*run)(struct step *step);
	void (*done)(struct step *step);
	struct api_call *call; /* who asked; NULL: nobody */
	struct buf bytes;      /* framed rows that came */
	size_t rows;
	uint64_t added;
	bool all;              /* the last of the rows are in the ledger */
	enum outcome outcome;
	struct fault fault;
	struct staging_batch batch;
};

/* --- steps --- */

static void step_run(struct worker_job *job)
{
	struct step *step = (struct step *)job;

	step->run(step);
}

static void step_done(struct worker_job *job)
{
	struct step *step = (struct step *)job;

	step->done(step);
	buf_done(&step->bytes);
	free(step);
}

/* False: out of memory, or the scribe has too much to do; the caller tells. `bytes` are taken over. */
static bool step_start(struct import *import, void (*run)(struct step *step), void (*done)(struct step *step), struct api_call *call,
		       struct buf *bytes)
{
	struct step *step = calloc(1, sizeof(*step));

	if (!step)
		return false;
	step->job = (struct worker_job){ .run = step_run, .done = step_done };
	step->import = import;
	step->run = run;
	step->done = done;
	step->call = call;
	if (bytes)
		step->bytes = *bytes;
	if (worker_add(import->keeper->scribe, &step->job)) {
		if (bytes)
			buf_init(bytes, 0);
		return true;
	}
	free(step);
	return false;
}

static void forget(struct import *import)
{
	struct imports *imports = import->keeper->imports;
	struct import **at = &imports->first;

	while (*at && *at != import)
		at = &(*at)->next;
	if (*at)
		*at = import->next;
	imports->count--;
	free(import);
}

/* --- given up --- */

static void run_remove(struct step *step)
{
	staging_remove(step->import->staging);
}

static void done_remove(struct step *step)
{
	forget(step->import);
}

/* Behind every step that is under way. When there is no room for it, the next start removes what is left. */
static void give_up(struct import *import)
{
	import->state = IMPORT_GONE;
	log_event(LOG_LEVEL_INFO, "import given up", LOG_TEXT("import", import->id), LOG_TEXT("what", import->what));
	(void)step_start(import, run_remove, done_remove, NULL, NULL);
}

static void on_begin_gone(struct api_call *call)
{
	struct import *import = call->state;

	import->begin = NULL;
	if (import->state == IMPORT_RECEIVING)
		give_up(import);
	api_end(call, EX_OK); /* nobody hears it */
}

static void end_begin(struct import *import)
{
	struct api_call *call = import->begin;

	import->begin = NULL;
	if (call)
		api_end(call, EX_OK);
}

/* --- into the ledger --- */

static void move(struct import *import);

static void run_move(struct step *step)
{
	struct import *import = step->import;
	struct ledger *ledger = import->keeper->ledger;
	uint64_t before = ledger_sign_ins_added(ledger);
	char what[WHAT_MAX + 80];

	step->outcome = staging_next(import->staging, &step->batch, &step->fault);
	step->rows = step->outcome == OUTCOME_OK ? step->batch.count : 0;
	step->all = step->outcome == OUTCOME_OK && step->rows == 0;
	if (step->rows > 0)
		step->outcome = ledger_rows_add(ledger, step->batch.rows, step->batch.count, NULL, 0, &step->fault);
	if (step->rows > 0 && step->outcome != OUTCOME_OK)
		staging_back(import->staging);
	step->added = ledger_sign_ins_added(ledger) - before;
	if (!step->all)
		return;
	(void)snprintf(what, sizeof(what), "%s: %llu rows, %llu of them new", import->what, (unsigned long long)import->moved,
		       (unsigned long long)import->added);
	step->outcome = ledger_audit_write(ledger, str_of(import->actor), STR("import"), str_of(what), &step->fault);
	if (step->outcome == OUTCOME_OK)
		staging_remove(import->staging);
}

static void move_failed(struct import *import, const struct step *step)
{
	log_event(LOG_LEVEL_ERROR, "import waits", LOG_TEXT("import", import->id), LOG_TEXT("what", import->what),
		  LOG_TEXT("reason", step->fault.text[LANGUAGE_EN]));
	if (step->outcome == OUTCOME_LATER) {
		import->pause_ticks = TICKS_PAUSE;
		return;
	}
	/* Its file stays for who wants to look at it, and is tried again at the next start. */
	if (import->end)
		api_fail(import->end, EX_DATAERR, &step->fault);
	staging_close(import->staging);
	forget(import);
}

static void moved_all(struct import *import)
{
	log_event(LOG_LEVEL_INFO, "imported", LOG_TEXT("import", import->id), LOG_TEXT("what", import->what),
		  LOG_NUMBER("rows", import->moved), LOG_NUMBER("new", import->added));
	if (import->end) {
		api_row(import->end, json_pack("{s:I,s:I}", "rows", (json_int_t)import->moved, "new", (json_int_t)import->added));
		api_end(import->end, EX_OK);
	}
	forget(import);
}

static void done_move(struct step *step)
{
	struct import *import = step->import;
	uint64_t now_ms = clock_monotonic_ms();

	if (step->outcome != OUTCOME_OK) {
		move_failed(import, step);
		return;
	}
	import->moved += step->rows;
	import->added += step->added;
	if (step->all) {
		moved_all(import);
		return;
	}
	if (import->end && now_ms - import->told_ms >= TELL_EVERY_MS) {
		import->told_ms = now_ms;
		api_row(import->end, json_pack("{s:I,s:I}", "moved", (json_int_t)import->moved, "of", (json_int_t)import->rows));
	}
	if (!import->keeper->stopping) /* else the next start carries on */
		move(import);
}

static void move(struct import *import)
{
	if (!step_start(import, run_move, done_move, NULL, NULL))
		import->pause_ticks = TICKS_PAUSE;
}

void imports_tick(struct imports *imports)
{
	for (struct import *import = imports->first, *next; import; import = next) {
		next = import->next;
		if (import->pause_ticks > 0 && --import->pause_ticks == 0)
			move(import);
	}
}

/* --- the verbs --- */

static struct import *import_new(struct imports *imports, const char *id)
{
	struct import *import = calloc(1, sizeof(*import));

	if (!import)
		return NULL;
	import->keeper = imports->keeper;
	(void)str_copy(str_of(id), sizeof(import->id), import->id);
	import->next = imports->first;
	imports->first = import;
	imports->count++;
	return import;
}

static void id_choose(char ret_id[2 * ID_BYTES + 1])
{
	unsigned char bytes[ID_BYTES];

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
}

void answer_import_begin(struct api_call *call)
{
	struct imports *imports = call->keeper->imports;
	const char *what = api_text(call, "what");
	struct import *import;
	char id[2 * ID_BYTES + 1];
	struct fault fault;

	if (imports->count >= IMPORTS_MAX) {
		api_fail_text(call, EX_TEMPFAIL, N_("%d imports are under way; wait for one to end"), IMPORTS_MAX);
		return;
	}
	id_choose(id);
	import = import_new(imports, id);
	if (!import) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	if (staging_new(call->keeper->settings->daemon.state, id, &import->staging, &fault) != OUTCOME_OK) {
		forget(import);
		api_end_outcome(call, fault.outcome, &fault);
		return;
	}
	import->begin = call;
	(void)snprintf(import->actor, sizeof(import->actor), "%s", call->actor);
	(void)snprintf(import->what, sizeof(import->what), "%.*s", (int)sizeof(import->what) - 1, what ? what : "");
	call->state = import;
	call->on_client_gone = on_begin_gone;
	api_row(call, json_pack("{s:s}", "import", id));
}

/* NULL, and the call is ended: it was given up, or never was. */
static struct import *import_of(struct api_call *call)
{
	const char *id = api_text(call, "import");

	for (struct import *import = call->keeper->imports->first; id && import; import = import->next) {
		if (import->state == IMPORT_RECEIVING && strcmp(import->id, id) == 0)
			return import;
	}
	api_fail_text(call, EX_UNAVAILABLE, N_("this import is not under way any more; start it again"));
	return NULL;
}

static void run_rows(struct step *step)
{
	step->outcome = staging_add(step->import->staging, buf_str(&step->bytes), &step->rows, &step->fault);
}

static void done_rows(struct step *step)
{
	struct import *import = step->import;

	api_end_outcome(step->call, step->outcome, &step->fault);
	import->rows += step->rows;
	/* What is in the file now may be half a row: it is good for nothing more. */
	if (step->outcome != OUTCOME_OK && import->state == IMPORT_RECEIVING) {
		give_up(import);
		end_begin(import);
	}
}

void answer_import_rows(struct api_call *call)
{
	struct import *import = import_of(call);
	struct buf bytes;

	if (!import)
		return;
	buf_init(&bytes, CHUNK_BYTES_MAX);
	if (!buf_add(&bytes, call->body))
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
	else if (!step_start(import, run_rows, done_rows, call, &bytes))
		api_fail_text(call, EX_TEMPFAIL, N_("too many questions wait for the ledger; try again"));
	buf_done(&bytes);
}

static void run_finish(struct step *step)
{
	step->outcome = staging_finish(step->import->staging, &step->fault);
}

static void done_finish(struct step *step)
{
	struct import *import = step->import;

	if (step->outcome != OUTCOME_OK) {
		import->end = NULL;
		api_end_outcome(step->call, step->outcome, &step->fault);
		give_up(import);
		end_begin(import);
		return;
	}
	end_begin(import);
	move(import);
}

void answer_import_end(struct api_call *call)
{
	struct import *import = import_of(call);

	if (!import)
		return;
	if ((uint64_t)api_number(call, "count", -1) != import->rows) {
		api_fail_text(call, EX_DATAERR, N_("the rows of an import came damaged"));
		return;
	}
	/* From here on its client may go: the rows will be imported. */
	if (!step_start(import, run_finish, done_finish, call, NULL)) {
		api_fail_text(call, EX_TEMPFAIL, N_("too many questions wait for the ledger; try again"));
		return;
	}
	import->state = IMPORT_MOVING;
	import->end = call;
}

/* --- the start --- */

static void carry_on(void *context, const char *id)
{
	struct imports *imports = context;
	struct import *import = import_new(imports, id);
	struct fault fault;

	if (!import)
		return;
	import->state = IMPORT_MOVING;
	(void)snprintf(import->actor, sizeof(import->actor), "daemon");
	(void)snprintf(import->what, sizeof(import->what), "carried on after a restart");
	if (staging_open(imports->keeper->settings->daemon.state, id, &import->staging, &fault) == OUTCOME_OK) {
		import->pause_ticks = 1;
		return;
	}
	log_event(LOG_LEVEL_ERROR, "import waits", LOG_TEXT("import", id), LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	forget(import);
}

struct imports *imports_new(struct keeper *keeper)
{
	struct imports *imports = calloc(1, sizeof(*imports));
	struct fault fault;

	if (!imports)
		return NULL;
	imports->keeper = keeper;
	keeper->imports = imports; /* forget() looks there */
	if (staging_each(keeper->settings->daemon.state, carry_on, imports, &fault) != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "imports are not carried on", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	return imports;
}
