#include "courier/probe.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "courier/probe_private.h"
#include "courier/remedy.h"

#define OPTIONS_BYTES_MAX (64u << 10)
#define SIGN_INS_FAILED_MAX 3 /* each counts towards a lock-out of the mailbox, and of us */

static void begin_step(struct probe *probe);

/* --- what the steps need of the settings --- */

static bool by_smtp(const struct probe *probe)
{
	return probe->settings->kind == UPSTREAM_SMTP;
}

static bool greets_in_clear(const struct probe *probe)
{
	return by_smtp(probe) && probe->settings->tls != UPSTREAM_IMPLICIT;
}

static bool greets_in_tls(const struct probe *probe)
{
	return by_smtp(probe) && probe->settings->tls == UPSTREAM_IMPLICIT;
}

static bool to_folder(const struct probe *probe)
{
	return probe->settings->kind == UPSTREAM_INBOX;
}

static bool by_graph(const struct probe *probe)
{
	return probe->settings->kind == UPSTREAM_GRAPH;
}

static bool sends_by_graph(const struct probe *probe)
{
	return by_graph(probe) && probe->options.recipient.len > 0;
}

static bool by_token(const struct probe *probe)
{
	return by_graph(probe) || (by_smtp(probe) && (probe->settings->auth == UPSTREAM_XOAUTH2 || probe->settings->auth == UPSTREAM_OAUTHBEARER));
}

static bool signs_in(const struct probe *probe)
{
	return by_smtp(probe) && probe->settings->auth != UPSTREAM_NO_AUTH;
}

static bool sends(const struct probe *probe)
{
	return by_smtp(probe) && probe->options.recipient.len > 0;
}

static bool asks_dates(const struct probe *probe)
{
	return credentials_asks(probe->settings);
}

static bool by_proxy(const struct probe *probe)
{
	return by_token(probe) && (probe->settings->proxy || probe_proxy());
}

/* --- the steps --- */

/* In their order. To add one: a row, and the function it names, which ends with probe_ok, probe_warn or probe_fail, then or later. */
static const struct step {
	const char *name;
	bool (*applies)(const struct probe *probe);
	void (*begin)(struct probe *probe);
	bool once;  /* not again for the second mailbox */
	bool quiet; /* for the second mailbox told only when something is wrong */
} steps[] = {
	{ "folder", to_folder, probe_begin_folder, true, false },
	{ "dns", by_smtp, probe_begin_dns, true, false },
	{ "tcp", by_smtp, probe_begin_tcp, false, true },
	{ "greeting", greets_in_clear, probe_begin_greeting, false, true },
	{ "tls", by_smtp, probe_begin_tls, false, true },
	{ "proxy", by_proxy, probe_begin_proxy, true, false },
	{ "token", by_token, probe_begin_token, true, false },
	{ "dates", asks_dates, probe_begin_dates, true, false },
	{ "greeting", greets_in_tls, probe_begin_greeting, false, true },
	{ "ehlo", by_smtp, probe_begin_ehlo, false, true },
	{ "auth", signs_in, probe_begin_auth, false, false },
	{ "mail", by_smtp, probe_begin_mail, false, false },
	{ "send", sends, probe_begin_send, true, false },
	{ "graph", by_graph, probe_begin_graph, false, false },
	{ "send", sends_by_graph, probe_begin_graph_send, true, false },
};
#define STEPS_COUNT (sizeof(steps) / sizeof(*steps))

const char *probe_step_name(const struct probe *probe)
{
	return steps[probe->step].name;
}

static void on_timer(uv_timer_t *timer)
{
	struct probe *probe = timer->data;

	if (!probe->over)
		probe->on_time(probe);
}

void probe_wait(struct probe *probe, uint64_t ms, void (*on_time)(struct probe *probe))
{
	probe->on_time = on_time;
	(void)uv_timer_start(&probe->timer, on_timer, ms, 0);
}

static void begin_step(struct probe *probe)
{
	bool again = probe->mailbox_first > 0;

	(void)uv_timer_stop(&probe->timer);
	while (probe->step < STEPS_COUNT && (!steps[probe->step].applies(probe) || (again && steps[probe->step].once)))
		probe->step++;
	if (probe->step == STEPS_COUNT) {
		probe_next_mailbox(probe);
		return;
	}
	probe->since_ms = clock_monotonic_ms();
	probe->text[0] = probe->reply[0] = '\0';
	steps[probe->step].begin(probe);
}

void probe_say(struct probe *probe, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(probe->text, sizeof(probe->text), say(probe->options.language, format), args);
	va_end(args);
}

void probe_say_more(struct probe *probe, const char *format, ...)
{
	size_t len = strlen(probe->text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(probe->text + len, sizeof(probe->text) - len, say(probe->options.language, format), args);
	va_end(args);
}

void probe_tell(struct probe *probe, enum probe_state state, const char *cause, const char *meaning)
{
	const struct remedy *remedy = cause ? remedy_find(cause) : NULL;
	struct probe_row row = {
		.step = steps[probe->step].name, .state = state, .ms = clock_monotonic_ms() - probe->since_ms,
		.text = probe->text, .reply = probe->reply, .cause = cause,
		.meaning = meaning ? meaning : remedy ? remedy->meaning : NULL, .remedy = remedy ? remedy->mend : NULL,
	};

	if (state > probe->worst)
		probe->worst = state;
	if (!probe->over && (state != PROBE_OK || probe->mailbox_first == 0 || !steps[probe->step].quiet))
		probe->handler->on_row(probe->context, &row);
	probe->text[0] = probe->reply[0] = '\0';
	probe->since_ms = clock_monotonic_ms();
}

void probe_go_on(struct probe *probe)
{
	if (probe->over)
		return;
	probe->step++;
	begin_step(probe);
}

void probe_ok(struct probe *probe)
{
	probe_tell(probe, PROBE_OK, NULL, NULL);
	probe_go_on(probe);
}

void probe_warn(struct probe *probe, const char *cause)
{
	probe_tell(probe, PROBE_WARN, cause, NULL);
	probe_go_on(probe);
}

void probe_fail(struct probe *probe, const char *cause, const char *meaning)
{
	bool sign_in = strcmp(probe_step_name(probe), "auth") == 0 || strcmp(probe_step_name(probe), "graph") == 0;

	probe_tell(probe, PROBE_FAIL, cause, meaning);
	/* Another mailbox may have what this one lacks. */
	if (sign_in && ++probe->sign_ins_failed < SIGN_INS_FAILED_MAX)
		probe_next_mailbox(probe);
	else
		probe_end(probe);
}

static void begin_mailbox(struct probe *probe)
{
	probe->address_at = 0;
	begin_step(probe);
}

void probe_next_mailbox(struct probe *probe)
{
	const struct probe_options *options = &probe->options;
	size_t next = probe->mailbox_first;

	if (probe->over)
		return;
	while (next < options->senders_count && str_eq_nocase(options->senders[next].mailbox, options->senders[probe->mailbox_first].mailbox))
		next++;
	if (next >= options->senders_count || to_folder(probe)) {
		probe_end(probe);
		return;
	}
	token_cancel(probe->courier->tokens, probe); /* one that comes late would sign the next mailbox in */
	probe->mailbox_first = probe->sender_at = next;
	probe->step = 0;
	probe_hang_up(probe, begin_mailbox);
}

/* --- life --- */

void probe_let_go(struct probe *probe)
{
	if (--probe->holders > 0)
		return;
	if (probe->client_made)
		smtp_client_done(&probe->client);
	SSL_CTX_free(probe->tls);
	buf_done(&probe->body);
	arena_free_all(&probe->arena);
	free(probe);
}

static void on_timer_closed(uv_handle_t *handle)
{
	probe_let_go(handle->data);
}

static void unlink_probe(struct probe *probe)
{
	struct probe **at = &probe->courier->probes;

	while (*at && *at != probe)
		at = &(*at)->next;
	if (*at)
		*at = probe->next;
}

static void finish(struct probe *probe)
{
	probe->over = true;
	unlink_probe(probe);
	token_cancel(probe->courier->tokens, probe);
	http_cancel(probe->courier->http, probe);
	if (probe->looking_up)
		(void)uv_cancel((uv_req_t *)&probe->lookup);
	uv_close((uv_handle_t *)&probe->timer, on_timer_closed);
	probe_hang_up(probe, NULL);
}

void probe_end(struct probe *probe)
{
	if (probe->over)
		return;
	probe->handler->on_end(probe->context, probe->worst, probe->untested);
	finish(probe);
}

void probe_cancel(struct probe *probe)
{
	if (!probe->over)
		finish(probe);
}

void probes_abort(struct courier *courier)
{
	while (courier->probes) {
		struct probe *probe = courier->probes;

		probe_say(probe, N_("the settings have changed or the gateway is stopping; test again"));
		probe->untested = true;
		probe_tell(probe, PROBE_FAIL, "test-cut-short", NULL);
		probe_end(probe);
	}
}

static bool copy_options(struct probe *probe, const struct probe_options *options)
{
	struct probe_sender *senders = arena_take(&probe->arena, (options->senders_count + 1) * sizeof(*senders));
	bool kept = senders && arena_keep(&probe->arena, options->recipient, &probe->options.recipient) &&
		    arena_keep(&probe->arena, options->message_id, &probe->options.message_id);

	probe->options.language = options->language;
	probe->options.senders = senders;
	probe->options.senders_count = options->senders_count;
	for (size_t i = 0; kept && i < options->senders_count; i++)
		kept = arena_keep(&probe->arena, options->senders[i].mailbox, &senders[i].mailbox) &&
		       arena_keep(&probe->arena, options->senders[i].sender, &senders[i].sender);
	return kept;
}

static void on_begin(struct probe *probe)
{
	begin_step(probe);
}

struct probe *probe_new(struct courier *courier, const struct probe_options *options, const struct probe_handler *handler,
			void *context, struct fault *fault)
{
	const struct upstream *upstream = upstream_find(courier, options->upstream);
	size_t running = 0;
	struct probe *probe;

	assert(options->senders_count <= PROBE_SENDERS_MAX);
	for (const struct probe *each = courier->probes; each; each = each->next)
		running++;
	if (!upstream) {
		(void)fault_set(fault, OUTCOME_NEVER, N_("there is no upstream %.*s"), STR_ARG(options->upstream));
		return NULL;
	}
	if (running >= PROBES_MAX || courier->draining) {
		(void)fault_set(fault, OUTCOME_LATER, N_("%d tests of upstreams are running; try again when one has ended"), PROBES_MAX);
		return NULL;
	}
	probe = calloc(1, sizeof(*probe));
	if (probe)
		arena_init(&probe->arena, OPTIONS_BYTES_MAX);
	if (!probe || !copy_options(probe, options)) {
		if (probe)
			arena_free_all(&probe->arena);
		free(probe);
		(void)fault_set(fault, OUTCOME_LATER, N_("out of memory"));
		return NULL;
	}
	probe->courier = courier;
	probe->settings = upstream->settings;
	probe->handler = handler;
	probe->context = context;
	probe->next = courier->probes;
	courier->probes = probe;
	probe->holders = 1;
	probe->timer.data = probe;
	(void)uv_timer_init(&courier->loop->uv, &probe->timer);
	probe_wait(probe, 0, on_begin);
	return probe;
}
