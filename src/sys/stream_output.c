#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "sys/stream_private.h"

/* In the kernel's queue of one stream: its whole output, encrypted, and what TLS says by itself meanwhile. */
#define WRITING_BYTES_MAX (3u << 20)
/* What is read and thrown away after stream_close, so that the last reply is not lost to a reset. */
#define DISCARDED_BYTES_MAX (4u << 20)

/* What the kernel did not take at once. */
struct writing {
	uv_write_t request;
	size_t len;
	char bytes[];
};

/* A stream that is closing but must wait for its peer. */
struct stream_parting {
	uv_timer_t timer;
	struct stream *stream;
	size_t discarded;
	bool lingering;
};

static void parting_go_on(struct stream *stream);

static void on_written(uv_write_t *request, int status)
{
	struct stream *stream = (struct stream *)request->handle;
	struct writing *writing = (struct writing *)request;

	stream->writing -= writing->len;
	free(writing);
	if (stream->closing) {
		if (status < 0)
			stream_shut(stream);
		else if (stream->writing == 0)
			parting_go_on(stream);
		return;
	}
	if (stream->ended)
		return;
	if (status < 0) {
		struct fault fault;

		(void)fault_set(&fault, OUTCOME_LATER, N_("the connection was lost: %s"), uv_strerror(status));
		stream_end(stream, STREAM_END_LOST, &fault);
		return;
	}
	if (stream->writing == 0 && stream->flushing)
		stream_flush(stream);
	if (stream_waiting(stream) == 0 && stream->handler->on_drained)
		stream->handler->on_drained(stream);
}

bool stream_send(struct stream *stream, struct str bytes)
{
	struct writing *writing;
	uv_buf_t buf;

	if (stream->writing == 0 && bytes.len > 0) {
		uv_buf_t all = uv_buf_init((char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len);
		int taken = uv_try_write((uv_stream_t *)&stream->tcp, &all, 1);

		if (taken > 0)
			bytes = str_skip(bytes, (size_t)taken);
		/* An error comes again from uv_write, and then in a later turn, which is what callers can bear. */
	}
	if (bytes.len == 0)
		return true;
	if (bytes.len > WRITING_BYTES_MAX - stream->writing)
		return false;
	writing = malloc(sizeof(*writing) + bytes.len);
	if (!writing)
		return false;
	writing->len = bytes.len;
	memcpy(writing->bytes, bytes.ptr, bytes.len);
	buf = uv_buf_init(writing->bytes, (unsigned)bytes.len);
	if (uv_write(&writing->request, (uv_stream_t *)&stream->tcp, &buf, 1, on_written) != 0) {
		free(writing);
		return false;
	}
	stream->writing += bytes.len;
	return true;
}

bool stream_write(struct stream *stream, struct str bytes)
{
	if (stream->ended || stream->closing)
		return true; /* the owner is told by on_end, or has said goodbye itself */
	return buf_add(&stream->output, bytes);
}

void stream_flush(struct stream *stream)
{
	bool sent;

	if (stream->ended || stream->closing || stream->late || (stream->output.len == 0 && stream->held.len == 0))
		return;
	stream->flushing = stream->writing > 0 || stream->handshaking || stream->connecting;
	if (stream->flushing)
		return;
	if (stream->ssl) {
		(void)stream_tls_send(stream, false);
		return;
	}
	sent = stream_send(stream, buf_str(&stream->output));
	buf_done(&stream->output);
	if (!sent) {
		struct fault fault;

		(void)fault_set(&fault, OUTCOME_LATER, N_("memory is short"));
		stream_end_later(stream, &fault);
	}
}

size_t stream_waiting(const struct stream *stream)
{
	return stream->output.len + stream->writing;
}

void stream_gone(uv_handle_t *handle)
{
	struct stream *stream = (struct stream *)handle;

	stream_tls_free(stream);
	buf_done(&stream->input);
	buf_done(&stream->output);
	buf_done(&stream->held);
	free(stream->late);
	stream->late = NULL;
	stream->handler->on_closed(stream);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void stream_shut(struct stream *stream)
{
	stream->closing = true;
	stream->reading = false;
	stream_connect_cancel(stream);
	if (stream->parting) {
		uv_close((uv_handle_t *)&stream->parting->timer, on_timer_closed);
		stream->parting = NULL;
	}
	/* Between two addresses the handle is closing already; stream_connect.c then ends it. */
	if (!uv_is_closing((uv_handle_t *)&stream->tcp))
		uv_close((uv_handle_t *)&stream->tcp, stream_gone);
}

static void on_parting_late(uv_timer_t *timer)
{
	struct stream_parting *parting = timer->data;

	stream_shut(parting->stream);
}

/* Closing a socket with unread bytes resets the connection, and the peer may lose what we said last. */
static bool has_unread(struct stream *stream)
{
	int unread = 0;
	uv_os_fd_t fd;

	return uv_fileno((uv_handle_t *)&stream->tcp, &fd) == 0 && ioctl(fd, SIOCINQ, &unread) == 0 && unread > 0;
}

static bool part_slowly(struct stream *stream)
{
	struct stream_parting *parting;

	if (stream->parting)
		return true;
	parting = calloc(1, sizeof(*parting));
	if (!parting)
		return false;
	parting->stream = stream;
	parting->timer.data = parting;
	stream->parting = parting;
	(void)uv_timer_init(&stream->loop->uv, &parting->timer);
	(void)uv_timer_start(&parting->timer, on_parting_late, STREAM_PARTING_MS, 0);
	return true;
}

static void on_alloc_discarded(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	(void)suggested;
	*ret_buf = uv_buf_init(((struct stream *)handle)->loop->read_bytes, LOOP_READ_BYTES);
}

static void on_discarded(uv_stream_t *tcp, ssize_t got, const uv_buf_t *buf)
{
	(void)buf;
	stream_parting_discard((struct stream *)tcp, got);
}

void stream_parting_discard(struct stream *stream, ssize_t got)
{
	if (!stream->parting || got < 0) {
		if (stream->writing == 0 || got < 0)
			stream_shut(stream);
		return;
	}
	stream->parting->discarded += (size_t)got;
	if (stream->parting->discarded > DISCARDED_BYTES_MAX)
		stream_shut(stream);
}

/* All is sent: close now, or first let the peer read it. */
static void parting_go_on(struct stream *stream)
{
	uv_os_fd_t fd;

	if (stream->ended || (stream->parting && stream->parting->lingering) || !has_unread(stream) ||
	    !part_slowly(stream) || uv_fileno((uv_handle_t *)&stream->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) == -1) {
		stream_shut(stream);
		return;
	}
	stream->parting->lingering = true;
	if (uv_read_start((uv_stream_t *)&stream->tcp, on_alloc_discarded, on_discarded) != 0)
		stream_shut(stream);
}

void stream_close(struct stream *stream)
{
	bool sent = true;

	if (stream->closing)
		return;
	if (stream->connecting || stream->late) {
		stream_abort(stream);
		return;
	}
	if (stream->ssl && !stream->handshaking && (!stream->ended || stream->how_ended == STREAM_END_PEER))
		sent = stream_tls_send(stream, true);
	else if (!stream->ssl && !stream->ended)
		sent = stream_send(stream, buf_str(&stream->output));
	stream->closing = true;
	if (stream->reading)
		(void)uv_read_stop((uv_stream_t *)&stream->tcp);
	stream->reading = false;
	if (!sent)
		stream_shut(stream);
	else if (stream->writing == 0)
		parting_go_on(stream);
	else if (!part_slowly(stream))
		stream_shut(stream);
}

void stream_abort(struct stream *stream)
{
	stream->closing = true;
	stream_shut(stream);
}
