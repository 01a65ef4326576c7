#include "keeper/rehearse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/policy.h"
#include "domain/rehearsal.h"
#include "keeper/ledger_job.h"
#include "keeper/mover.h"

#define FILE_NAME "rehearsal.json"
#define FILE_BYTES_MAX (REHEARSAL_USERS_MAX + 1024)
#define DEVICES_MAX 5000
#define BACK_WITHIN_US (900ll * 1000000) /* a device that comes back within a quarter of an hour has tried again */

struct rehearse {
	struct keeper *keeper;
	struct rehearsal *rehearsal;
	struct rehearsal_plan plan;
};

static bool path_of(const struct rehearse *rehearse, size_t size, char *ret_path)
{
	return path_join(rehearse->keeper->settings->daemon.state, STR(FILE_NAME), size, ret_path);
}

struct rehearse *rehearse_new(struct keeper *keeper)
{
	struct rehearse *rehearse = calloc(1, sizeof(*rehearse));
	CLEANUP(cleanup_buf) struct buf text = { 0 };
	char path[4096];
	struct fault fault;

	if (!rehearse)
		return NULL;
	rehearse->keeper = keeper;
	rehearse->rehearsal = rehearsal_new();
	if (!rehearse->rehearsal || !path_of(rehearse, sizeof(path), path)) {
		rehearse_free(rehearse);
		return NULL;
	}
	if (access(path, F_OK) == -1)
		return rehearse;
	/* What cannot be read is no reason to refuse anybody: it is told, and no rehearsal runs. */
	if (file_load(path, FILE_BYTES_MAX, &text, &fault) != OUTCOME_OK || !rehearsal_plan_parse(buf_str(&text), &rehearse->plan))
		log_event(LOG_LEVEL_ERROR, "rehearsal not read", LOG_TEXT("file", path));
	return rehearse;
}

void rehearse_free(struct rehearse *rehearse)
{
	if (!rehearse)
		return;
	rehearsal_free(rehearse->rehearsal);
	free(rehearse);
}

bool rehearse_wants(struct rehearse *rehearse, struct str user, struct str ip)
{
	char device[512];
	int len = snprintf(device, sizeof(device), "%.*s %.*s", STR_ARG(user), STR_ARG(ip));

	if (rehearse->plan.percent == 0 || len < 0 || (size_t)len >= sizeof(device))
		return false;
	return rehearsal_wants(rehearse->rehearsal, &rehearse->plan, user, (struct str){ device, (size_t)len }, clock_real_us(),
			       random_below(UINT32_MAX));
}

/* --- the verbs --- */

static json_t *plan_json(const struct rehearsal_plan *plan, int64_t now_us)
{
	char begins[CLOCK_RFC3339_MAX];
	char ends[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(plan->begins_us, begins);
	clock_rfc3339_print(plan->ends_us, ends);
	if (plan->percent == 0)
		return json_pack("{s:b}", "running", 0);
	return json_pack("{s:b,s:i,s:s,s:s,s:s}", "running", now_us < plan->ends_us, "percent", (int)plan->percent, "begins", begins,
			 "ends", ends, "users", plan->users);
}

static bool save(struct api_call *call, const struct rehearsal_plan *plan)
{
	struct rehearse *rehearse = call->keeper->rehearse;
	char text[FILE_BYTES_MAX];
	char path[4096];
	struct fault fault;

	if (!rehearsal_plan_print(plan, sizeof(text), text) || !path_of(rehearse, sizeof(path), path)) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return false;
	}
	if (file_replace(path, str_of(text), 0600, &fault) != OUTCOME_OK) {
		api_fail(call, EX_TEMPFAIL, &fault);
		return false;
	}
	rehearse->plan = *plan;
	log_event(LOG_LEVEL_WARNING, "rehearsal", LOG_TEXT("actor", call->actor), LOG_NUMBER("percent", plan->percent),
		  LOG_TEXT("users", plan->users));
	return true;
}

/* The list of --user, each of whom must be there. */
static bool take_users(struct api_call *call, struct rehearsal_plan *plan)
{
	const json_t *users = json_object_get(call->args, "users");
	const json_t *one;
	size_t at;

	json_array_foreach(users, at, one) {
		const char *name = json_string_value(one);
		const struct account *account = name ? directory_account(&call->keeper->directory, str_of(name)) : NULL;
		size_t len = strlen(plan->users);

		if (!account) {
			api_fail_text(call, EX_USAGE, N_("there is no user \"%s\"; see: sekisho user list"), name ? name : "");
			return false;
		}
		if ((size_t)snprintf(plan->users + len, sizeof(plan->users) - len, "%s%s", len ? " " : "", account->address) >=
		    sizeof(plan->users) - len) {
			api_fail_text(call, EX_USAGE, N_("that are too many users for one rehearsal; leave --user out for all"));
			return false;
		}
	}
	return true;
}

void answer_rehearse_start(struct api_call *call)
{
	struct rehearsal_plan plan = { .begins_us = clock_real_us(), .twice = api_flag(call, "twice") };
	const char *span = api_text(call, "for");
	int64_t percent = api_number(call, "percent", json_array_size(json_object_get(call->args, "users")) ? 100 : -1);
	int64_t lasts_us;

	if (percent < 1 || percent > 100) {
		api_fail_text(call, EX_USAGE, N_("say how many sign-ins of a hundred are refused: rehearse --percent 10 --for 1h"));
		return;
	}
	if (!span || !clock_span_parse(str_of(span), &lasts_us) || lasts_us <= 0 || lasts_us > 31ll * 86400 * 1000000) {
		api_fail_text(call, EX_USAGE, N_("say for how long, at most 31d: rehearse --percent 10 --for 1h"));
		return;
	}
	if (percent == 100 && json_array_size(json_object_get(call->args, "users")) == 0 && !api_flag(call, "yes")) {
		api_fail_text(call, EX_USAGE, N_("this would refuse every device with basic authentication; if that is meant, add --yes"));
		return;
	}
	plan.percent = (unsigned)percent;
	plan.ends_us = plan.begins_us + lasts_us;
	if (!take_users(call, &plan) || !save(call, &plan))
		return;
	api_row(call, plan_json(&plan, plan.begins_us));
	api_end(call, EX_OK);
}

void answer_rehearse_stop(struct api_call *call)
{
	struct rehearse *rehearse = call->keeper->rehearse;
	struct rehearsal_plan plan = rehearse->plan;

	if (plan.percent == 0 || plan.ends_us <= clock_real_us()) {
		api_note(call, N_("no rehearsal is running"));
		api_end(call, EX_OK);
		return;
	}
	plan.ends_us = clock_real_us();
	if (!save(call, &plan))
		return;
	api_row(call, plan_json(&plan, plan.ends_us));
	api_end(call, EX_OK);
}

/* --- which devices noticed --- */

struct device {
	char *key; /* "USER IP" */
	struct str user, ip;
	uint64_t refused, passed;
	int64_t refused_us; /* the last refusal */
	int64_t back_us;    /* the longest it took to come back */
	bool away;          /* the last that was seen of it is a refusal */
};

struct devices {
	struct table by_key;
	uint64_t refused, passed;
};

static struct device *device_for(struct devices *devices, const struct sign_in *row)
{
	char key[512];
	int len = snprintf(key, sizeof(key), "%.*s %.*s", STR_ARG(row->user), STR_ARG(row->ip));
	struct device *device;

	if (len < 0 || (size_t)len >= sizeof(key))
		return NULL;
	device = table_find(&devices->by_key, str_of(key));
	if (device || devices->by_key.count >= DEVICES_MAX)
		return device;
	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->key = str_dup(str_of(key));
	if (!device->key || !table_put(&devices->by_key, str_of(device->key), device)) {
		free(device->key);
		free(device);
		return NULL;
	}
	device->user = (struct str){ device->key, row->user.len };
	device->ip = str_of(device->key + row->user.len + 1);
	return device;
}

/* Rows come newest first: what stands behind a refusal in time was seen before it. */
static bool add_row(void *context, const struct sign_in *row)
{
	struct devices *devices = context;
	struct device *device = row->protocol == AUTH_PROTOCOL_BASIC ? device_for(devices, row) : NULL;
	bool refused = str_eq(row->policy_rule, STR("rehearsal"));

	if (!device || (!refused && row->error_code != 0))
		return true;
	if (refused) {
		if (device->refused_us == 0 && device->passed == 0)
			device->away = true;
		else if (device->back_us < device->refused_us - row->created_us)
			device->back_us = device->refused_us - row->created_us;
		device->refused++;
		devices->refused++;
	} else {
		device->passed++;
		devices->passed++;
	}
	device->refused_us = row->created_us; /* the next older refusal measures to here */
	return true;
}

static enum outcome run_report(struct ledger_job *job, struct ledger *ledger, struct fault *fault)
{
	const struct rehearsal_plan *plan = &job->call->keeper->rehearse->plan;
	struct sign_in_filter filter = { .since_us = plan->begins_us, .until_us = 0 };
	struct devices *devices = job->state;
	int64_t begins_us;

	return ledger_sign_ins(ledger, &filter, add_row, devices, &begins_us, fault);
}

static void send_device(struct api_call *call, const struct device *device)
{
	const char *what = device->away ? "silent" : device->back_us <= BACK_WITHIN_US ? "retried" : "came back later";

	api_row(call, json_pack("{s:s%,s:s%,s:I,s:I,s:s,s:I}", "user", device->user.ptr, device->user.len, "ip", device->ip.ptr,
				device->ip.len, "refused", (json_int_t)device->refused, "passed", (json_int_t)device->passed, "device",
				what, "backAfterSeconds", (json_int_t)(device->back_us / 1000000)));
}

static void done_report(struct ledger_job *job)
{
	struct devices *devices = job->state;
	struct api_call *call = job->call;
	struct device *device;
	size_t at = 0;

	while ((device = table_next(&devices->by_key, &at))) {
		if (device->refused > 0 && job->outcome == OUTCOME_OK)
			send_device(call, device);
		free(device->key);
		free(device);
	}
	if (job->outcome == OUTCOME_OK)
		api_note(call, N_("%llu of %llu sign-ins with basic authentication were refused by the rehearsal"),
			 (unsigned long long)devices->refused, (unsigned long long)(devices->refused + devices->passed));
	table_done(&devices->by_key);
	free(devices);
	api_end_outcome(call, job->outcome, &job->fault);
	ledger_job_free(job);
}

static void on_moved(void *context, enum outcome outcome)
{
	struct api_call *call = context;
	struct ledger_job *job = ledger_job_new(call, false);
	struct devices *devices = job ? calloc(1, sizeof(*devices)) : NULL;

	(void)outcome;
	if (!job)
		return;
	if (!devices) {
		ledger_job_free(job);
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	job->state = devices;
	job->run = run_report;
	job->done = done_report;
	ledger_job_start(job);
}

/* Of the one that runs, or ran last: each device that it refused, and whether it came back. */
void answer_rehearse_report(struct api_call *call)
{
	if (call->keeper->rehearse->plan.percent == 0) {
		api_note(call, N_("no rehearsal has run yet"));
		api_end(call, EX_OK);
		return;
	}
	mover_flush(call->keeper->mover, on_moved, call);
}

void answer_rehearse_status(struct api_call *call)
{
	api_row(call, plan_json(&call->keeper->rehearse->plan, clock_real_us()));
	api_end(call, EX_OK);
}
