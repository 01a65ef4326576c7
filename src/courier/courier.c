#include "courier/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define SWEEP_MS 250
#define BUDGET_TEXT_MAX 8192
#define WORKERS 2
#define WORKERS_QUEUE_MAX 1000
#define ROOTS_BYTES_MAX (4u << 20)

/* --- the end of a message --- */

static void log_fate(const struct mailbox *mailbox, const struct work *work)
{
	static const char *const ends[] = { [COURIER_DELIVERED] = "sent", [COURIER_LATER] = "deferred", [COURIER_NEVER] = "failed" };
	int64_t delay_ms = (clock_real_us() - work->job.received_us) / 1000;

	for (size_t i = 0; i < work->message.recipients_count; i++) {
		const struct courier_recipient_fate *fate = &work->fates[i];

		log_event(fate->end == COURIER_DELIVERED ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "delivery",
			  LOG_STR("id", work->job.event_id), LOG_STR("from", work->job.sender),
			  LOG_STR("to", work->message.recipients[i].address), LOG_STR("upstream", mailbox->upstream_name),
			  LOG_STR("mailbox", mailbox->address), LOG_NUMBER("delay_ms", delay_ms), LOG_STR("dsn", fate->status),
			  LOG_TEXT("status", ends[fate->end]), LOG_STR("reply", fate->reply));
	}
}

/* True: somebody has got it. */
static bool count_fate(struct mailbox *mailbox, const struct work *work)
{
	uint64_t before = mailbox->delivered;

	for (size_t i = 0; i < work->message.recipients_count; i++) {
		if (work->fates[i].end == COURIER_DELIVERED)
			mailbox->delivered++;
		else if (work->fates[i].end == COURIER_NEVER)
			mailbox->failed++;
		else
			mailbox->deferred++;
	}
	return mailbox->delivered > before;
}

/* What a mailbox with a share has sent must be known after a restart. */
static void tell_spent(struct mailbox *mailbox)
{
	struct budget *budget = &mailbox->budget;
	struct buf text;

	if (budget->messages_per_minute_max == 0 && budget->recipients_per_day_max == 0)
		return;
	buf_init(&text, BUDGET_TEXT_MAX);
	if (budget_print(budget, clock_monotonic_ms(), &text))
		mailbox->courier->handler->on_spent(mailbox->courier->context, mailbox->upstream_name, mailbox->address,
						    buf_str(&text));
	buf_done(&text);
}

static void maybe_idle(struct courier *courier)
{
	void (*on_idle)(void *context) = courier->on_idle;

	if (!courier->draining || courier->active > 0 || !on_idle)
		return;
	courier->on_idle = NULL;
	on_idle(courier->on_idle_context);
}

void courier_finish(struct mailbox *mailbox, struct work *work, struct courier_fate *fate)
{
	struct courier *courier = mailbox->courier;
	bool taken = count_fate(mailbox, work);

	fate->recipients = work->fates;
	mailbox->active--;
	mailbox->line->active--;
	courier->active--;
	if (taken)
		mailbox_well(mailbox);
	senders_end(mailbox, work, taken);
	budget_end(&mailbox->budget, work->message.recipients_count, !fate->nothing_tried, clock_monotonic_ms());
	tell_spent(mailbox);
	log_fate(mailbox, work);
	courier->handler->on_fate(courier->context, work->job.id, fate);
	work_free(work);
	maybe_idle(courier);
}

bool courier_take(struct courier *courier, const struct courier_job *job)
{
	struct upstream *upstream = upstream_find(courier, job->upstream);
	struct mailbox *mailbox = mailbox_for(courier, job->upstream, job->mailbox);
	struct work *work;

	if (!mailbox)
		return false;
	mailbox->room_wanted = true;
	if (courier->draining || !upstream || mailbox_wait_ms(mailbox, upstream, job->recipients_count) > 0)
		return false;
	work = work_new(job);
	if (!work)
		return false;
	mailbox->active++;
	mailbox->line->active++;
	courier->active++;
	budget_begin(&mailbox->budget, job->recipients_count);
	tell_spent(mailbox);
	senders_begin(mailbox, work);
	mailbox->room_wanted = false;
	if (!carriers[upstream->settings->kind]->carry(mailbox, upstream, work)) {
		mailbox->active--;
		mailbox->line->active--;
		courier->active--;
		mailbox->room_wanted = true;
		budget_end(&mailbox->budget, work->message.recipients_count, false, clock_monotonic_ms());
		senders_end(mailbox, work, false);
		work_free(work);
		return false;
	}
	return true;
}

bool courier_has_room(struct courier *courier, struct str upstream_name, struct str mailbox_address, size_t recipients)
{
	struct upstream *upstream = upstream_find(courier, upstream_name);
	struct mailbox *mailbox = mailbox_for(courier, upstream_name, mailbox_address);

	if (!mailbox)
		return false;
	if (!courier->draining && upstream && mailbox_wait_ms(mailbox, upstream, recipients) == 0)
		return true;
	mailbox->room_wanted = true;
	return false;
}

void courier_resume(struct courier *courier)
{
	struct mailbox *mailbox;
	size_t at = 0;

	for (size_t i = 0; i < courier->upstreams_count; i++)
		courier->upstreams[i].paused_until_ms = 0;
	while ((mailbox = table_next(&courier->mailboxes, &at)))
		mailbox->paused_until_ms = 0;
	senders_release_all(courier);
	token_retry(courier->tokens);
}

void courier_spent_before(struct courier *courier, struct str upstream_name, struct str mailbox_address, struct str text,
			  uint64_t later_ms)
{
	struct mailbox *mailbox = mailbox_for(courier, upstream_name, mailbox_address);

	if (!mailbox || !budget_parse(&mailbox->budget, text, later_ms, clock_monotonic_ms()))
		log_event(LOG_LEVEL_WARNING, "what a mailbox has sent is not known", LOG_STR("upstream", upstream_name),
			  LOG_STR("mailbox", mailbox_address));
}

uint64_t courier_troubled_ms(struct courier *courier, struct str upstream_name, struct str mailbox_address)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);
	const struct mailbox *mailbox = mailbox_find(courier, upstream_name, mailbox_address);
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t since_ms = now_ms;

	if (upstream && now_ms < upstream->paused_until_ms)
		since_ms = upstream->troubled_ms;
	if (mailbox && now_ms < mailbox->paused_until_ms && mailbox->troubled_ms < since_ms)
		since_ms = mailbox->troubled_ms;
	return now_ms - since_ms;
}

bool courier_is_paused(struct courier *courier, struct str upstream_name, struct str mailbox_address)
{
	const struct upstream *upstream = upstream_find(courier, upstream_name);
	const struct mailbox *mailbox = mailbox_find(courier, upstream_name, mailbox_address);
	uint64_t now_ms = clock_monotonic_ms();

	return (upstream && now_ms < upstream->paused_until_ms) || (mailbox && now_ms < mailbox->paused_until_ms);
}

size_t courier_active(const struct courier *courier)
{
	return courier->active;
}

/* --- time --- */

/* Whatever kind the upstream is of now: a mailbox may still hold what another one began. */
#define EACH_CARRIER(row, ...) \
	for (size_t kind_ = 0; kind_ < UPSTREAM_KIND_COUNT; kind_++) \
		if (carriers[kind_]->row) \
			carriers[kind_]->row(__VA_ARGS__)

static void sweep_mailbox(struct courier *courier, struct mailbox *mailbox, uint64_t now_ms)
{
	const struct upstream *upstream = upstream_find(courier, mailbox->upstream_name);

	EACH_CARRIER(sweep, mailbox, now_ms);
	if (mailbox->room_wanted && upstream && mailbox_wait_ms(mailbox, upstream, 1) == 0)
		mailbox_give_room(mailbox);
}

static void abandon_all(struct courier *courier)
{
	struct mailbox *mailbox;
	size_t at = 0;

	while ((mailbox = table_next(&courier->mailboxes, &at)))
		EACH_CARRIER(abandon, mailbox, "the gateway is stopping");
}

static void on_sweep(uv_timer_t *timer)
{
	struct courier *courier = timer->data;
	uint64_t now_ms = clock_monotonic_ms();
	struct mailbox *mailbox;
	size_t at = 0;

	while ((mailbox = table_next(&courier->mailboxes, &at))) {
		size_t before = courier->mailboxes.cap;

		sweep_mailbox(courier, mailbox, now_ms);
		if (courier->mailboxes.cap != before)
			break; /* somebody took new work and the table has grown: the rest next time */
	}
	senders_note_owed(courier);
	credentials_tick(courier->credentials);
	if (courier->draining && now_ms >= courier->drain_until_ms && courier->active > 0)
		abandon_all(courier);
}

void courier_drain(struct courier *courier, uint64_t ms, void (*on_idle)(void *context), void *context)
{
	struct mailbox *mailbox;
	size_t at = 0;

	courier->draining = true;
	courier->drain_until_ms = clock_monotonic_ms() + ms;
	courier->on_idle = on_idle;
	courier->on_idle_context = context;
	probes_abort(courier);
	while ((mailbox = table_next(&courier->mailboxes, &at)))
		EACH_CARRIER(rest, mailbox);
	maybe_idle(courier);
}

/* --- life --- */

static enum outcome make_upstreams(const struct settings *settings, struct courier *courier, struct upstream **ret_upstreams,
				   struct fault *fault)
{
	struct upstream *upstreams = calloc(settings->upstreams_count, sizeof(*upstreams));

	if (!upstreams)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for the upstreams"));
	for (size_t i = 0; i < settings->upstreams_count; i++) {
		const struct upstream_settings *row = &settings->upstreams[i];
		struct buf roots = { 0 };
		enum outcome outcome = OUTCOME_OK;

		upstreams[i].courier = courier;
		upstreams[i].settings = row;
		if (row->ca_file)
			outcome = file_load(row->ca_file, ROOTS_BYTES_MAX, &roots, fault);
		if (outcome == OUTCOME_OK && row->kind == UPSTREAM_SMTP && row->tls != UPSTREAM_CLEAR)
			outcome = tls_client_new(buf_str(&roots), &upstreams[i].tls, fault);
		buf_done(&roots);
		if (outcome != OUTCOME_OK) {
			free(upstreams);
			return outcome;
		}
	}
	*ret_upstreams = upstreams;
	return OUTCOME_OK;
}

static void drop_upstreams(struct courier *courier)
{
	for (size_t i = 0; i < courier->upstreams_count; i++)
		SSL_CTX_free(courier->upstreams[i].tls);
	free(courier->upstreams);
	courier->upstreams = NULL;
	courier->upstreams_count = 0;
}

static void set_hostname(struct courier *courier)
{
	const char *given = courier->settings->daemon.hostname;

	if (given && str_copy(str_of(given), sizeof(courier->hostname), courier->hostname))
		return;
	if (gethostname(courier->hostname, sizeof(courier->hostname) - 1) == -1)
		(void)str_copy(STR("localhost"), sizeof(courier->hostname), courier->hostname);
}

struct courier *courier_new(struct loop *loop, struct http *http, const struct settings *settings,
			    const struct courier_handler *handler, void *context, struct fault *fault)
{
	struct courier *courier = calloc(1, sizeof(*courier));

	if (!courier) {
		(void)fault_set(fault, OUTCOME_LATER, N_("out of memory for the courier"));
		return NULL;
	}
	courier->loop = loop;
	courier->http = http;
	courier->handler = handler;
	courier->context = context;
	courier->workers = worker_pool_new(loop, "carrier", WORKERS, WORKERS_QUEUE_MAX);
	courier->sweep.data = courier;
	if (!courier_tokens_open(courier, settings->daemon.state)) {
		(void)fault_set(fault, OUTCOME_LATER, N_("out of memory for the courier"));
		free(courier);
		return NULL;
	}
	if (courier_settings(courier, settings, fault) != OUTCOME_OK) {
		courier_tokens_close(courier);
		free(courier);
		return NULL;
	}
	(void)uv_timer_init(&loop->uv, &courier->sweep);
	(void)uv_timer_start(&courier->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return courier;
}

/* What was begun with the old settings ends: what is idle now, what is busy after its message. */
static void age_all(struct courier *courier)
{
	struct mailbox *mailbox;
	size_t at = 0;

	while ((mailbox = table_next(&courier->mailboxes, &at))) {
		EACH_CARRIER(age, mailbox);
		mailbox->paused_until_ms = 0; /* the administrator may have mended what paused it */
	}
}

static bool same_text(const char *one, const char *other)
{
	return str_eq(str_of(one), str_of(other));
}

/* What is known of the same application stays known until it is asked anew. */
static void keep_credentials(const struct courier *courier, struct upstream *upstreams, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct upstream_settings *now = upstreams[i].settings;
		const struct upstream *before = upstream_find((struct courier *)courier, str_of(now->name));

		if (!before || !same_text(before->settings->client_id, now->client_id) ||
		    !same_text(before->settings->client_secret_file, now->client_secret_file) ||
		    !same_text(before->settings->token_url, now->token_url))
			continue;
		upstreams[i].credentials = before->credentials;
		upstreams[i].credentials.due_ms = 0;
		if (!same_text(before->settings->client_secret_file_next, now->client_secret_file_next) ||
		    !same_text(before->settings->certificate_file, now->certificate_file))
			upstreams[i].credentials.ends = (struct courier_ends){ 0 };
	}
}

enum outcome courier_settings(struct courier *courier, const struct settings *settings, struct fault *fault)
{
	struct upstream *upstreams = NULL;

	if (make_upstreams(settings, courier, &upstreams, fault) != OUTCOME_OK)
		return fault->outcome;
	keep_credentials(courier, upstreams, settings->upstreams_count);
	age_all(courier);
	probes_abort(courier);
	credentials_abort(courier->credentials);
	drop_upstreams(courier);
	courier->upstreams = upstreams;
	courier->upstreams_count = settings->upstreams_count;
	courier->settings = settings;
	courier->line_active_max = (size_t)settings->limits.dispatch_window_max / settings->upstreams_count;
	courier->line_active_max += courier->line_active_max == 0;
	courier->generation++;
	token_forget_all(courier->tokens);
	login_desk_forget(courier->logins);
	senders_forget_gone(courier);
	set_hostname(courier);
	return OUTCOME_OK;
}

void courier_free(struct courier *courier)
{
	abandon_all(courier);
	worker_pool_free(courier->workers);
	uv_close((uv_handle_t *)&courier->sweep, NULL);
	courier_tokens_close(courier);
	/* Streams close in later turns and the loop has ended: what is left goes with the process. */
}
