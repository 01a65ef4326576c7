#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sys/stream_private.h"

#define NAME_BYTES_MAX 256

/* Lives until nothing of libuv's points into it: its timer, the resolver, the attempt under way. */
struct stream_connect {
	uv_getaddrinfo_t lookup;
	uv_connect_t attempt;
	uv_timer_t timer;      /* the end of the attempt, or of the lookup */
	struct stream *stream; /* NULL: answered, or closed meanwhile */
	void (*on_connected)(struct stream *stream, enum outcome outcome, const struct fault *fault);
	struct addrinfo *found;      /* all, to free */
	const struct addrinfo *next; /* to try */
	struct addrinfo only;        /* when `host` was an address */
	struct sockaddr_storage address;
	unsigned holders;
	bool looking_up, trying;
	uint64_t until_ms;
	struct fault fault; /* of the last address tried */
	char name[NAME_BYTES_MAX];
	unsigned port;
};

static void try_next(struct stream_connect *connect);

static void let_go(struct stream_connect *connect)
{
	if (--connect->holders > 0)
		return;
	if (connect->found)
		uv_freeaddrinfo(connect->found);
	free(connect);
}

static void on_timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

/* From here on the stream and this go separate ways. */
static void part(struct stream_connect *connect)
{
	connect->stream->connecting = NULL;
	connect->stream = NULL;
	uv_close((uv_handle_t *)&connect->timer, on_timer_closed);
	if (connect->looking_up)
		(void)uv_cancel((uv_req_t *)&connect->lookup);
}

void stream_connect_cancel(struct stream *stream)
{
	if (stream->connecting)
		part(stream->connecting);
}

static void answer(struct stream_connect *connect, enum outcome outcome)
{
	struct stream *stream = connect->stream;

	connect->holders++; /* `fault` is read until the callback returns */
	part(connect);
	if (outcome != OUTCOME_OK) {
		stream->ended = true;
		stream->how_ended = STREAM_END_LOST;
	}
	connect->on_connected(stream, outcome, outcome == OUTCOME_OK ? NULL : &connect->fault);
	let_go(connect);
}

static void on_reopened(uv_handle_t *handle)
{
	struct stream *stream = (struct stream *)handle;

	if (stream->closing) {
		stream_gone(handle);
		return;
	}
	(void)uv_tcp_init(&stream->loop->uv, &stream->tcp);
	try_next(stream->connecting);
}

/* A socket whose connect failed cannot be used again. */
static void give_up_attempt(struct stream_connect *connect)
{
	(void)uv_timer_stop(&connect->timer);
	uv_close((uv_handle_t *)&connect->stream->tcp, on_reopened);
}

static void on_attempt(uv_connect_t *attempt, int status)
{
	struct stream_connect *connect = attempt->data;
	bool abandoned = !connect->stream || uv_is_closing((uv_handle_t *)&connect->stream->tcp);

	connect->trying = false;
	if (abandoned) {
		let_go(connect);
		return;
	}
	if (status == 0) {
		answer(connect, OUTCOME_OK);
	} else {
		connect->stream->connect_error = status;
		(void)fault_set(&connect->fault, OUTCOME_LATER, N_("cannot connect to %s port %u: %s"), connect->name,
				connect->port, uv_strerror(status));
		give_up_attempt(connect);
	}
	let_go(connect);
}

static void on_timer(uv_timer_t *timer)
{
	struct stream_connect *connect = timer->data;

	if (connect->looking_up) {
		(void)fault_set(&connect->fault, OUTCOME_LATER, N_("no name server answered in time for %s"), connect->name);
		answer(connect, OUTCOME_LATER);
	} else if (connect->trying) {
		connect->stream->connect_error = UV_ETIMEDOUT;
		(void)fault_set(&connect->fault, OUTCOME_LATER, N_("%s port %u did not answer in time"), connect->name,
				connect->port);
		give_up_attempt(connect);
	} else {
		try_next(connect);
	}
}

/* Each address gets its share of what time is left, so that a silent one does not take it from the others. */
static void try_next(struct stream_connect *connect)
{
	const struct addrinfo *address = connect->next;
	uint64_t now = clock_monotonic_ms();
	unsigned left = 0;
	int error;

	if (!address || now >= connect->until_ms) {
		answer(connect, OUTCOME_LATER);
		return;
	}
	for (const struct addrinfo *each = address; each; each = each->ai_next)
		left++;
	connect->next = address->ai_next;
	error = uv_tcp_connect(&connect->attempt, &connect->stream->tcp, address->ai_addr, on_attempt);
	if (error != 0) {
		connect->stream->connect_error = error;
		(void)fault_set(&connect->fault, OUTCOME_LATER, N_("cannot connect to %s port %u: %s"), connect->name,
				connect->port, uv_strerror(error));
		(void)uv_timer_start(&connect->timer, on_timer, 0, 0);
		return;
	}
	connect->trying = true;
	connect->holders++;
	(void)uv_timer_start(&connect->timer, on_timer, (connect->until_ms - now) / left + 1, 0);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct stream_connect *connect = lookup->data;

	connect->looking_up = false;
	connect->found = found;
	if (connect->stream && status != 0) {
		(void)fault_set(&connect->fault, OUTCOME_LATER, N_("no address is known for %s: %s"), connect->name,
				uv_strerror(status));
		answer(connect, OUTCOME_LATER);
	} else if (connect->stream) {
		connect->next = found;
		try_next(connect);
	}
	let_go(connect);
}

/* "192.0.2.7" or "2001:db8::7", also in brackets. */
static bool take_numeric(struct stream_connect *connect, const char *host)
{
	struct str text = str_of(host);
	char bare[NAME_BYTES_MAX];

	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = (struct str){ text.ptr + 1, text.len - 2 };
	if (!str_copy(text, sizeof(bare), bare) ||
	    (uv_ip4_addr(bare, (int)connect->port, (struct sockaddr_in *)&connect->address) != 0 &&
	     uv_ip6_addr(bare, (int)connect->port, (struct sockaddr_in6 *)&connect->address) != 0))
		return false;
	connect->only.ai_addr = (struct sockaddr *)&connect->address;
	connect->next = &connect->only;
	return true;
}

static enum outcome look_up(struct stream_connect *connect, struct loop *loop, struct fault *fault)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	char port[8];
	int error;

	(void)snprintf(port, sizeof(port), "%u", connect->port);
	connect->lookup.data = connect;
	error = uv_getaddrinfo(&loop->uv, &connect->lookup, on_looked_up, connect->name, port, &hints);
	if (error != 0)
		return fault_set(fault, error == UV_ENOMEM ? OUTCOME_LATER : OUTCOME_NEVER,
				 N_("no address is known for %s: %s"), connect->name, uv_strerror(error));
	connect->looking_up = true;
	return OUTCOME_OK;
}

enum outcome stream_connect(struct stream *stream, struct loop *loop, const char *host, unsigned port,
			    unsigned timeout_ms, const struct stream_handler *handler, void *owner,
			    void (*on_connected)(struct stream *stream, enum outcome outcome, const struct fault *fault),
			    struct fault *fault)
{
	struct stream_connect *connect = calloc(1, sizeof(*connect));
	bool numeric;
	enum outcome outcome;

	if (!connect)
		return fault_set(fault, OUTCOME_LATER, N_("memory is short"));
	connect->port = port;
	if (port == 0 || port > 65535 || !*host || !str_copy(str_of(host), sizeof(connect->name), connect->name)) {
		free(connect);
		return fault_set(fault, OUTCOME_NEVER, N_("\"%s\" port %u is no place to connect to"), host, port);
	}
	numeric = take_numeric(connect, host);
	outcome = numeric ? OUTCOME_OK : look_up(connect, loop, fault);
	if (outcome != OUTCOME_OK) {
		free(connect);
		return outcome;
	}
	stream_set_up(stream, loop, handler, owner);
	stream->connecting = connect;
	connect->stream = stream;
	connect->on_connected = on_connected;
	connect->until_ms = clock_monotonic_ms() + timeout_ms;
	connect->attempt.data = connect->timer.data = connect;
	connect->holders = numeric ? 1 : 2;
	(void)fault_set(&connect->fault, OUTCOME_LATER, N_("%s port %u did not answer in time"), connect->name, port);
	(void)uv_timer_init(&loop->uv, &connect->timer);
	(void)uv_timer_start(&connect->timer, on_timer, numeric ? 0 : timeout_ms, 0);
	return OUTCOME_OK;
}
