#include "sys/stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sys/stream_private.h"

/* What one turn decrypts is kept whole, also when it goes over the mark at which reading stops. */
#define KEPT_BYTES_MAX (STREAM_INPUT_BYTES_MAX + 2 * LOOP_READ_BYTES)

void stream_set_up(struct stream *stream, struct loop *loop, const struct stream_handler *handler, void *owner)
{
	*stream = (struct stream){ .loop = loop, .handler = handler, .owner = owner };
	buf_init(&stream->input, KEPT_BYTES_MAX);
	buf_init(&stream->output, STREAM_OUTPUT_BYTES_MAX);
	buf_init(&stream->held, LOOP_READ_BYTES);
	(void)uv_tcp_init(&loop->uv, &stream->tcp); /* takes no descriptor, so it cannot fail */
}

bool stream_accept(struct stream *stream, struct loop *loop, uv_stream_t *listener,
		   const struct stream_handler *handler, void *owner)
{
	stream_set_up(stream, loop, handler, owner);
	if (uv_accept(listener, (uv_stream_t *)&stream->tcp) == 0)
		return true;
	stream->ended = true;
	stream->how_ended = STREAM_END_LOST;
	stream_abort(stream);
	return false;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct loop *loop = ((struct stream *)handle)->loop;

	(void)suggested;
	*ret_buf = uv_buf_init(loop->read_bytes, LOOP_READ_BYTES);
}

static void end_of_bytes(struct stream *stream, int error)
{
	struct fault fault;

	if (error != UV_EOF) {
		(void)fault_set(&fault, OUTCOME_LATER, N_("the connection was lost: %s"), uv_strerror(error));
		stream_end(stream, STREAM_END_LOST, &fault);
	} else if (stream->handshaking) {
		(void)fault_set(&fault, OUTCOME_LATER, N_("the peer hung up in the middle of the TLS handshake"));
		stream_end(stream, STREAM_END_LOST, &fault);
	} else if (stream->ssl) {
		(void)fault_set(&fault, OUTCOME_LATER, N_("the peer hung up without ending TLS (no close_notify)"));
		stream_end(stream, STREAM_END_LOST, &fault);
	} else {
		(void)fault_set(&fault, OUTCOME_LATER, N_("the peer closed the connection"));
		stream_end(stream, STREAM_END_PEER, &fault);
	}
}

static void on_read(uv_stream_t *tcp, ssize_t got, const uv_buf_t *buf)
{
	struct stream *stream = (struct stream *)tcp;

	if (stream->closing) {
		stream_parting_discard(stream, got);
		return;
	}
	if (stream->late) {
		stream_end(stream, STREAM_END_TLS, stream->late);
		return;
	}
	if (got < 0) {
		end_of_bytes(stream, (int)got);
		return;
	}
	if (got == 0)
		return; /* libuv's EAGAIN */
	stream->feed = (struct str){ buf->base, (size_t)got };
	if (stream->ssl) {
		stream_tls_take(stream);
	} else {
		struct str fresh = stream->feed;

		stream->feed = STR("");
		stream_deliver(stream, fresh);
	}
	stream_read_as_wanted(stream);
}

void stream_read_as_wanted(struct stream *stream)
{
	bool wanted = stream->started && !stream->ended && !stream->closing &&
		      (stream->late || (!stream->paused && stream->input.len < STREAM_INPUT_BYTES_MAX));

	if (wanted == stream->reading || uv_is_closing((uv_handle_t *)&stream->tcp))
		return;
	stream->reading = wanted;
	if (wanted)
		(void)uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read);
	else
		(void)uv_read_stop((uv_stream_t *)&stream->tcp);
}

void stream_start(struct stream *stream)
{
	(void)uv_tcp_nodelay(&stream->tcp, 1);
	stream->started = true;
	stream_read_as_wanted(stream);
}

/* What on_input will not use of this turn, once TLS was started in it: the peer's first handshake bytes, or an attack. */
static void secured_in_delivery(struct stream *stream, struct str rest)
{
	struct fault fault;

	stream->secured_now = false;
	if (rest.len == 0)
		return;
	if (stream->input_is_tls) {
		stream->feed = rest;
		stream_tls_take(stream);
		return;
	}
	(void)fault_set(&fault, OUTCOME_NEVER, N_("the peer sent %zu bytes in clear behind STARTTLS, before the handshake"),
			rest.len);
	stream_end(stream, STREAM_END_TLS, &fault);
}

/* One or more calls of on_input. `kept` is the memory in which `fresh` lies, or NULL when it is the loop's. */
static void deliver_from(struct stream *stream, struct str fresh, struct buf *kept)
{
	struct str rest = fresh;

	stream->delivering = true;
	do {
		size_t used;

		stream->again = false;
		used = stream->handler->on_input(stream, rest);
		assert(used <= rest.len);
		rest = str_skip(rest, used);
	} while (stream->again && rest.len > 0 && !stream->ended && !stream->closing && !stream->secured_now);
	stream->delivering = false;

	if (stream->closing || stream->ended) {
		rest = STR("");
	} else if (stream->secured_now) {
		secured_in_delivery(stream, rest);
		rest = STR("");
	}
	if (kept && rest.len > 0) {
		buf_eat(kept, kept->len - rest.len);
		stream->input = *kept;
	} else if (kept) {
		buf_done(kept);
	} else if (!buf_add(&stream->input, rest)) {
		struct fault fault;

		(void)fault_set(&fault, OUTCOME_LATER, N_("memory is short"));
		stream_end(stream, STREAM_END_LOST, &fault);
	}
}

void stream_deliver(struct stream *stream, struct str fresh)
{
	struct buf kept;

	if (stream->input.len == 0) {
		deliver_from(stream, fresh, NULL);
		return;
	}
	kept = stream->input;
	buf_init(&stream->input, KEPT_BYTES_MAX);
	if (!buf_add(&kept, fresh)) {
		struct fault fault;

		buf_done(&kept);
		(void)fault_set(&fault, OUTCOME_LATER, N_("memory is short"));
		stream_end(stream, STREAM_END_LOST, &fault);
		return;
	}
	deliver_from(stream, buf_str(&kept), &kept);
}

void stream_again(struct stream *stream)
{
	if (stream->ended || stream->closing)
		return;
	if (stream->delivering)
		stream->again = true;
	else if (stream->input.len > 0)
		stream_deliver(stream, STR(""));
	stream_read_as_wanted(stream);
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	stream_read_as_wanted(stream);
}

void stream_resume(struct stream *stream)
{
	stream->paused = false;
	stream_read_as_wanted(stream);
}

void stream_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	if (stream->ended || stream->closing)
		return;
	stream->ended = true;
	stream->how_ended = end;
	stream_read_as_wanted(stream);
	stream->handler->on_end(stream, end, fault);
}

void stream_end_later(struct stream *stream, const struct fault *fault)
{
	uv_os_fd_t fd;

	if (stream->late || stream->ended || stream->closing)
		return;
	stream->late = malloc(sizeof(*stream->late));
	if (stream->late)
		*stream->late = *fault;
	/* The socket then reads its end, in a later turn. Without memory for the reason that end is all the owner hears. */
	if (uv_fileno((uv_handle_t *)&stream->tcp, &fd) == 0)
		(void)shutdown(fd, SHUT_RDWR);
	stream_read_as_wanted(stream);
}

void stream_peer(struct stream *stream, struct stream_address *ret_address)
{
	struct sockaddr_storage address;
	int size = sizeof(address);

	*ret_address = (struct stream_address){ 0 };
	if (uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)&address, &size) != 0)
		return;
	if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

		memcpy(ret_address->ip, &v6->sin6_addr, 16);
		ret_address->port = ntohs(v6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			(void)inet_ntop(AF_INET, ret_address->ip + 12, ret_address->text, sizeof(ret_address->text));
		else
			(void)inet_ntop(AF_INET6, ret_address->ip, ret_address->text, sizeof(ret_address->text));
	} else if (address.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

		ret_address->ip[10] = ret_address->ip[11] = 0xff;
		memcpy(ret_address->ip + 12, &v4->sin_addr, 4);
		ret_address->port = ntohs(v4->sin_port);
		(void)inet_ntop(AF_INET, &v4->sin_addr, ret_address->text, sizeof(ret_address->text));
	}
}
