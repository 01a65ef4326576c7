#include "gate/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gate/session.h"
#include "sys/tls.h"

#define BACKLOG 1024

static void on_connection(uv_stream_t *server, int status)
{
	struct gate_listener *listener = server->data;

	if (status < 0) {
		/* Out of descriptors or memory: libuv keeps a spare one to shake off what waits; say so once a second at most. */
		log_event(LOG_LEVEL_WARNING, "cannot accept", LOG_TEXT("listener", listener->settings->name),
			  LOG_TEXT("reason", uv_strerror(status)));
		return;
	}
	session_accept(listener);
}

/* Without issuers no token could be good: what cannot succeed is not offered. */
static unsigned mechanisms_offered(const struct gate_listener *listener)
{
	const unsigned tokens = SASL_BIT(SASL_XOAUTH2) | SASL_BIT(SASL_OAUTHBEARER);
	unsigned mechanisms = listener->settings->mechanisms;

	return listener->gate->settings->issuers_count ? mechanisms : mechanisms & ~tokens;
}

static void options_fill(struct gate_listener *listener)
{
	const struct listener_settings *settings = listener->settings;
	const struct limits *limits = &listener->gate->settings->limits;

	listener->options = (struct smtp_server_options){
		.hostname = listener->gate->boot.hostname,
		.banner = settings->personality == PERSONALITY_EXCHANGE ? STR("Microsoft ESMTP MAIL Service ready") : STR(""),
		.size_bytes_max = settings->size_bytes_max,
		.recipients_max = (unsigned)limits->recipients_max,
		.commands_max = (unsigned)limits->commands_max,
		.errors_max = (unsigned)limits->errors_max,
		.mechanisms = mechanisms_offered(listener),
		.starttls = settings->tls == LISTENER_STARTTLS || settings->tls == LISTENER_AUTO,
		.require_auth = true, /* `require-auth: no` spares those under `trusted` alone, who are told apart when they connect */
		.bare_newline = settings->bare_newline_reject ? SMTP_BARE_NEWLINE_REJECT : SMTP_BARE_NEWLINE_NORMALIZE,
	};
}

static enum outcome context_make(struct gate_listener *listener, struct str *certificates, struct fault *fault)
{
	const struct listener_settings *settings = listener->settings;
	struct tls_pair pairs[LISTENER_CERTIFICATES_MAX];

	for (size_t i = 0; i < settings->certificates_count; i++) {
		struct boot_pair pair;

		if (!boot_pair_next(certificates, &pair))
			return fault_set(fault, OUTCOME_NEVER, N_("the certificates handed over are cut short"));
		pairs[i] = (struct tls_pair){ pair.certificate, pair.key, settings->certificates[i] };
	}
	if (settings->tls == LISTENER_NONE || settings->certificates_count == 0)
		return OUTCOME_OK;
	return tls_server_new(pairs, settings->certificates_count, (enum tls_version)settings->tls_min,
			      str_of(settings->name), listener->gate->boot.ticket_key, &listener->tls, fault);
}

static enum outcome listen_on(struct gate_listener *listener, struct fault *fault)
{
	int status = uv_tcp_init(&listener->gate->loop.uv, &listener->tcp);

	listener->tcp.data = listener;
	if (status == 0)
		status = uv_tcp_open(&listener->tcp, GATE_FD_LISTENERS + (int)listener->index);
	if (status == 0)
		status = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
	if (status != 0)
		return fault_set(fault, OUTCOME_LATER, N_("cannot listen on %s (%s): %s"), listener->settings->address,
				 listener->settings->name, uv_strerror(status));
	return OUTCOME_OK;
}

enum outcome gate_listeners_open(struct gate *gate, struct fault *fault)
{
	struct str certificates = gate->boot.certificates;
	size_t count = gate->settings->listeners_count;

	gate->listeners = calloc(count, sizeof(*gate->listeners));
	if (!gate->listeners)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for %zu listeners"), count);
	for (size_t i = 0; i < count; i++) {
		struct gate_listener *listener = &gate->listeners[i];

		listener->gate = gate;
		listener->index = (uint32_t)i;
		listener->settings = &gate->settings->listeners[i];
		options_fill(listener);
		if (context_make(listener, &certificates, fault) != OUTCOME_OK)
			return fault->outcome;
	}
	return OUTCOME_OK;
}

void gate_listeners_again(struct gate *gate)
{
	for (size_t i = 0; i < gate->settings->listeners_count; i++) {
		struct gate_listener *listener = &gate->listeners[i];

		if (listener->one_waits && !uv_is_closing((uv_handle_t *)&listener->tcp))
			session_accept(listener);
	}
}

void gate_listeners_close(struct gate *gate)
{
	for (size_t i = 0; i < gate->settings->listeners_count; i++) {
		uv_handle_t *handle = (uv_handle_t *)&gate->listeners[i].tcp;

		if (handle->loop && !uv_is_closing(handle))
			uv_close(handle, NULL);
	}
}

void gate_listeners_start(struct gate *gate)
{
	for (size_t i = 0; i < gate->settings->listeners_count; i++) {
		struct fault fault;

		if (listen_on(&gate->listeners[i], &fault) != OUTCOME_OK)
			log_event(LOG_LEVEL_ERROR, "cannot listen", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
	}
}
