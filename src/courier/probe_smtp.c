#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "courier/carrier.h"
#include "courier/probe_private.h"

#define SLOT_MS_MAX 5000
#define SLOT_EVERY_MS 200
#define CERTIFICATE_DAYS_SOON 14
#define ROOTS_BYTES_MAX (4u << 20)
#define DAY_US (86400ll * 1000000)

static void connect_next(struct probe *probe);

/* --- what the stream brings --- */

static size_t on_input(struct stream *stream, struct str input)
{
	struct probe *probe = stream->owner;
	size_t all = 0;

	while (probe->listening && !probe->stream_closing && !stream->handshaking) {
		struct smtp_client_event event;
		size_t used = smtp_client_feed(&probe->client, input, &event);

		all += used;
		input = str_skip(input, used);
		if (used == 0 && event.kind == SMTP_CLIENT_EVENT_NONE)
			break;
		probe_on_event(probe, &event);
	}
	if (probe->ready && !probe->stream_closing)
		probe_on_ready(probe);
	probe_pump(probe);
	return probe->stream_closing ? all + input.len : all;
}

void probe_pump(struct probe *probe)
{
	if (probe->stream_closing || !probe->stream_open)
		return;
	if (probe->client.out.len > 0 && stream_write(&probe->stream, buf_str(&probe->client.out)))
		buf_wipe(&probe->client.out); /* a token may have been in it */
	stream_flush(&probe->stream);
}

static void tell_certificate(struct probe *probe, const struct certificate_view *view)
{
	char until[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(view->not_after_us, until);
	probe_say_more(probe, N_("; certificate %s for %s, issued by %s, good until %.10s"), view->subject,
		       view->names[0] ? view->names : "-", view->issuer, until);
}

static void on_secured(struct stream *stream)
{
	struct probe *probe = stream->owner;
	const struct tls_inspection *seen = &probe->inspection;
	bool soon = seen->count > 0 && seen->chain[0].not_after_us - clock_real_us() < CERTIFICATE_DAYS_SOON * DAY_US;

	if (probe->over)
		return;
	probe->listening = false;
	probe->reply[0] = '\0';
	probe_say(probe, "TLS %s %s", stream_tls_version(stream), stream_tls_cipher(stream));
	if (seen->count > 0)
		tell_certificate(probe, &seen->chain[0]);
	if (soon)
		probe_warn(probe, "certificate-ends-soon");
	else
		probe_ok(probe);
}

static void on_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	struct probe *probe = stream->owner;
	const struct tls_inspection *seen = &probe->inspection;

	if (probe->over || probe->stream_closing)
		return;
	probe_say(probe, "%s", fault ? fault->text[probe->options.language] : "");
	if (end != STREAM_END_TLS) {
		probe_fail(probe, "connection-cut", NULL);
		return;
	}
	if (seen->failed && seen->count > 0)
		tell_certificate(probe, &seen->chain[seen->wrong]);
	probe_fail(probe, stream->tls_trouble ? stream->tls_trouble : "tls-failed", NULL);
}

static void on_closed(struct stream *stream)
{
	struct probe *probe = stream->owner;
	struct mailbox *mailbox = probe->mailbox;
	void (*after)(struct probe *probe) = probe->after_close;

	probe->stream_open = probe->stream_closing = false;
	probe->after_close = NULL;
	probe->mailbox = NULL;
	smtp_client_done(&probe->client);
	probe->client_made = false;
	SSL_CTX_free(probe->tls);
	probe->tls = NULL;
	if (mailbox && probe->spending)
		budget_end(&mailbox->budget, 1, true, clock_monotonic_ms());
	probe->spending = false;
	if (mailbox) {
		mailbox->slots--;
		mailbox_give_room(mailbox);
	}
	if (after && !probe->over)
		after(probe);
	probe_let_go(probe);
}

static const struct stream_handler handler = {
	.on_input = on_input, .on_secured = on_secured, .on_end = on_end, .on_closed = on_closed,
};

void probe_hang_up(struct probe *probe, void (*after)(struct probe *probe))
{
	probe->after_close = after;
	if (!probe->stream_open) {
		probe->after_close = NULL;
		if (after)
			after(probe);
		return;
	}
	if (probe->stream_closing)
		return;
	if (smtp_client_quit(&probe->client))
		probe_pump(probe);
	probe->stream_closing = true;
	stream_close(&probe->stream);
}

/* --- the connection --- */

static const char *cause_of_error(int error)
{
	static const struct {
		int error;
		const char *cause;
	} rows[] = {
		{ UV_ECONNREFUSED, "tcp-refused" }, { UV_ETIMEDOUT, "tcp-no-answer" },
		{ UV_EHOSTUNREACH, "tcp-unreachable" }, { UV_ENETUNREACH, "tcp-unreachable" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].error == error)
			return rows[i].cause;
	}
	return "tcp-failed";
}

static void on_connected(struct stream *stream, enum outcome outcome, const struct fault *fault)
{
	struct probe *probe = stream->owner;
	const char *address = probe->addresses[probe->address_at];

	if (probe->over)
		return;
	if (outcome == OUTCOME_OK) {
		probe_say(probe, N_("connected to %s port %u"), address, probe->settings->port);
		probe_ok(probe);
		return;
	}
	probe_say(probe, "%s", fault->text[probe->options.language]);
	if (++probe->address_at < probe->addresses_count) {
		probe_tell(probe, PROBE_WARN, cause_of_error(stream->connect_error), NULL);
		probe_hang_up(probe, connect_next);
		return;
	}
	probe_fail(probe, cause_of_error(stream->connect_error), NULL);
}

/* A slot of the mailbox, as the courier's own connections have: a fourth one at once is what Exchange Online refuses. */
static bool take_slot(struct probe *probe)
{
	const struct probe_sender *sender = probe_sender(probe);
	struct mailbox *mailbox = sender ? mailbox_for(probe->courier, str_of(probe->settings->name), sender->mailbox) : NULL;
	uint64_t slots_max = probe->settings->connections_max;

	if (!mailbox)
		return true;
	if (slots_max && mailbox->slots >= slots_max) {
		if (carriers[probe->settings->kind]->rest)
			carriers[probe->settings->kind]->rest(mailbox);
		return false;
	}
	mailbox->slots++;
	probe->mailbox = mailbox;
	return true;
}

static void wait_for_slot(struct probe *probe)
{
	if (take_slot(probe)) {
		connect_next(probe);
		return;
	}
	if (clock_monotonic_ms() - probe->since_ms < SLOT_MS_MAX) {
		probe_wait(probe, SLOT_EVERY_MS, wait_for_slot);
		return;
	}
	probe_say(probe, N_("all connections of mailbox %.*s are carrying mail, and one more is not allowed (connections-max)"),
		  STR_ARG(probe_sender(probe)->mailbox));
	probe->untested = true;
	probe_fail(probe, "connections-in-use", NULL);
}

static void connect_next(struct probe *probe)
{
	const struct limits *limits = &probe->courier->settings->limits;
	struct smtp_client_options options;
	struct fault fault;

	if (!probe->mailbox && probe_sender(probe) && !take_slot(probe)) { /* given back with the last address */
		wait_for_slot(probe);
		return;
	}
	(void)uv_timer_stop(&probe->timer);
	smtp_options(probe->settings, str_of(probe->courier->hostname), probe->settings->host, &options);
	if (stream_connect(&probe->stream, probe->courier->loop, probe->addresses[probe->address_at], probe->settings->port,
			   (unsigned)limits->upstream_connect_seconds_max * 1000 / (unsigned)probe->addresses_count + 1, &handler, probe,
			   on_connected, &fault) != OUTCOME_OK) {
		if (probe->mailbox)
			probe->mailbox->slots--;
		probe->mailbox = NULL;
		probe_say(probe, "%s", fault.text[probe->options.language]);
		probe_fail(probe, "tcp-failed", NULL);
		return;
	}
	smtp_client_init(&probe->client, &options);
	probe->client_made = probe->stream_open = true;
	probe->listening = probe->ready = false;
	probe->holders++;
}

void probe_begin_tcp(struct probe *probe)
{
	wait_for_slot(probe);
}

void probe_begin_greeting(struct probe *probe)
{
	probe_expect_words(probe);
	probe->listening = true;
	if (probe->settings->tls == UPSTREAM_IMPLICIT) {
		smtp_client_secured(&probe->client);
		stream_again(&probe->stream);
	} else {
		stream_start(&probe->stream);
	}
}

static enum outcome make_context(struct probe *probe, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf roots = { 0 };

	if (probe->settings->ca_file && file_load(probe->settings->ca_file, ROOTS_BYTES_MAX, &roots, fault) != OUTCOME_OK)
		return fault->outcome;
	return tls_inspect_new(buf_str(&roots), &probe->inspection, &probe->tls, fault);
}

void probe_begin_tls(struct probe *probe)
{
	struct fault fault;

	if (probe->settings->tls == UPSTREAM_CLEAR) {
		probe_say(probe, N_("none, as the settings say: what is sent can be read on the way"));
		probe_ok(probe);
		return;
	}
	probe_expect_words(probe);
	if (make_context(probe, &fault) != OUTCOME_OK) {
		probe_say(probe, "%s", fault.text[probe->options.language]);
		probe_fail(probe, "ca-file-not-readable", NULL);
		return;
	}
	if (probe->settings->tls == UPSTREAM_STARTTLS)
		return; /* the dialogue goes on, to START_TLS */
	if (!stream_secure_client(&probe->stream, probe->tls, probe->settings->host)) {
		probe_say(probe, N_("TLS could not be started"));
		probe_fail(probe, "tls-failed", NULL);
		return;
	}
	stream_start(&probe->stream);
}

void probe_begin_ehlo(struct probe *probe)
{
	probe_expect_words(probe);
	probe->listening = true;
	if (probe->settings->tls == UPSTREAM_STARTTLS)
		smtp_client_secured(&probe->client);
	else if (probe->settings->tls == UPSTREAM_CLEAR)
		stream_again(&probe->stream);
	probe_pump(probe);
}
