/* answer_gauge: upstreams, and how far each mailbox is with its shares. */
#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "domain/json_text.h"
#include "keeper/api.h"

#define MINUTE_S 60
#define DAY_S 86400

static json_t *limit_json(uint64_t limit)
{
	return limit ? json_integer((json_int_t)limit) : json_null();
}

json_t *answer_upstream_json(const struct courier_status *status)
{
	return json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "upstream", json_text(status->upstream), "mailbox",
			 json_text(status->mailbox), "connections", (json_int_t)status->connections, "active", (json_int_t)status->active,
			 "delivered", (json_int_t)status->delivered, "deferred", (json_int_t)status->deferred, "failed",
			 (json_int_t)status->failed, "trouble", json_text(status->trouble), "pausedUntil",
			 json_time(status->paused_until_us), "tokenExpires", json_time(status->token_expires_us));
}

/* --- list --- */

static void list_one(void *context, const struct courier_status *status)
{
	api_row(context, answer_upstream_json(status));
}

void answer_upstream_list(struct api_call *call)
{
	courier_each(call->keeper->courier, list_one, call);
	api_end(call, EX_OK);
}

/* --- show: the gauges of each mailbox --- */

struct showing {
	struct api_call *call;
	struct str name;
	const struct spool_waiting *waiting;
	size_t waiting_count;
	bool *told;               /* which of those have had their row */
	int64_t upstream_paused_us;
	struct str trouble;
};

static uint64_t seconds_over(uint64_t wanted, uint64_t left, uint64_t share, uint64_t seconds)
{
	return share == 0 || wanted <= left ? 0 : (wanted - left + share - 1) / share * seconds;
}

/* When the last of `waiting` has left, as far as shares and pauses say; one recipient a message. 0: nothing waits, or nothing limits it. */
static int64_t drains_us(const struct courier_status *status, int64_t paused_us, uint64_t waiting)
{
	uint64_t minute_left = status->messages_per_minute_max > status->messages ? status->messages_per_minute_max - status->messages : 0;
	uint64_t day_left = status->recipients_per_day_max > status->recipients ? status->recipients_per_day_max - status->recipients : 0;
	uint64_t of_minute = seconds_over(waiting, minute_left, status->messages_per_minute_max, MINUTE_S);
	uint64_t of_day = seconds_over(waiting, day_left, status->recipients_per_day_max, DAY_S);
	int64_t from_us = clock_real_us();

	if (waiting == 0 || (of_minute == 0 && of_day == 0 && paused_us == 0))
		return 0;
	from_us = paused_us > from_us ? paused_us : from_us;
	return from_us + (int64_t)(of_minute > of_day ? of_minute : of_day) * 1000000;
}

/* Of the secret in use, else of the next one: of the settings, or as Graph tells. 0: nobody tells. */
static int64_t secret_ends_us(const struct showing *showing)
{
	struct keeper *keeper = showing->call->keeper;
	const struct upstream_settings *settings = settings_upstream(keeper->settings, showing->name);
	struct courier_ends ends = { 0 };
	int64_t given_us;

	if (settings && settings->client_secret_expires && clock_rfc3339_parse(str_of(settings->client_secret_expires), &given_us))
		return given_us;
	(void)courier_ends(keeper->courier, showing->name, &ends);
	return ends.secret_us ? ends.secret_us : ends.secret_next_us;
}

static void show_row(const struct showing *showing, const struct courier_status *status, uint64_t waiting)
{
	int64_t paused_us = status->paused_until_us > showing->upstream_paused_us ? status->paused_until_us : showing->upstream_paused_us;
	json_t *row = answer_upstream_json(status);

	if (!row)
		return;
	(void)json_object_set_new(row, "connectionsMax", limit_json(status->connections_max));
	(void)json_object_set_new(row, "messagesLastMinute", json_integer((json_int_t)status->messages));
	(void)json_object_set_new(row, "messagesPerMinuteMax", limit_json(status->messages_per_minute_max));
	(void)json_object_set_new(row, "recipientsLastDay", json_integer((json_int_t)status->recipients));
	(void)json_object_set_new(row, "recipientsPerDayMax", limit_json(status->recipients_per_day_max));
	(void)json_object_set_new(row, "waiting", json_integer((json_int_t)waiting));
	(void)json_object_set_new(row, "pausedUntil", json_time(paused_us));
	(void)json_object_set_new(row, "secretEndsDateTime", json_time(secret_ends_us(showing)));
	(void)json_object_set_new(row, "drainsDateTime", json_time(drains_us(status, paused_us, waiting)));
	if (status->trouble.len == 0)
		(void)json_object_set_new(row, "trouble", json_text(showing->trouble));
	api_row(showing->call, row);
}

/* The upstream's own row comes before those of its mailboxes. */
static void show_mailbox(void *context, const struct courier_status *status)
{
	struct showing *showing = context;
	uint64_t waiting = 0;

	if (!str_eq(status->upstream, showing->name))
		return;
	if (status->mailbox.len == 0) {
		showing->upstream_paused_us = status->paused_until_us;
		showing->trouble = status->trouble;
		return;
	}
	for (size_t i = 0; i < showing->waiting_count; i++) {
		if (str_eq(showing->waiting[i].mailbox, status->mailbox)) {
			waiting = showing->waiting[i].count;
			showing->told[i] = true;
		}
	}
	show_row(showing, status, waiting);
}

static void on_waiting(void *context, const struct spool_waiting *waiting, size_t count)
{
	struct api_call *call = context;
	const struct upstream_settings *settings = settings_upstream(call->keeper->settings, str_of(api_text(call, "upstream")));
	struct showing showing = { .call = call, .name = str_of(api_text(call, "upstream")), .waiting = waiting, .waiting_count = count };

	showing.told = calloc(count + 1, sizeof(*showing.told));
	if (!showing.told) {
		api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	courier_each(call->keeper->courier, show_mailbox, &showing);
	for (size_t i = 0; i < count; i++) { /* mailboxes that nothing was sent by since the start */
		if (!showing.told[i])
			show_row(&showing, &(struct courier_status){
				.upstream = showing.name,
				.mailbox = waiting[i].mailbox,
				.connections_max = settings ? settings->connections_max : 0,
				.messages_per_minute_max = settings ? settings->messages_per_minute_max : 0,
				.recipients_per_day_max = settings ? settings->recipients_per_day_max : 0,
			}, waiting[i].count);
	}
	free(showing.told);
	if (!settings)
		api_note(call, N_("%s is not in the settings: what waits for it goes by the routes there are, or waits"),
			 api_text(call, "upstream"));
	api_end(call, EX_OK);
}

static void fail_unknown(struct api_call *call)
{
	struct fault fault;

	(void)settings_upstream_known(call->keeper->settings, str_of(api_text(call, "upstream")), &fault);
	api_fail(call, EX_DATAERR, &fault);
}

/* One that is gone from the settings is shown while anything waits for it. */
static void on_gone(void *context, const struct spool_waiting *waiting, size_t count)
{
	if (count > 0)
		on_waiting(context, waiting, count);
	else
		fail_unknown(context);
}

void answer_upstream_show(struct api_call *call)
{
	const char *name = api_text(call, "upstream");

	if (!name) {
		api_fail_text(call, EX_USAGE, N_("which upstream? sekisho upstream list has their names"));
		return;
	}
	spool_waiting(call->keeper->spool, str_of(name), settings_upstream(call->keeper->settings, str_of(name)) ? on_waiting : on_gone,
		      call);
}
