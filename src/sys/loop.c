#include "sys/loop.h"

#include <assert.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

/* A stream's whole output encrypted (STREAM_OUTPUT_BYTES_MAX and what TLS adds), and room for alerts. */
#define SEALED_BYTES_MAX (2u << 20)
/* Buffers of one turn are wanted again in the next: memory given back to the kernel in between costs more than the work. */
#define TRIM_BYTES (4 << 20)
#define MAP_BYTES (2 << 20)

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_init(struct loop *loop)
{
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
	*loop = (struct loop){ 0 };
	/* A peer that hangs up must be an error of write(2), not the end of the process; libuv resets it for children. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&loop->uv) != 0)
		abort();
	loop->uv.data = loop;
	loop->read_bytes = malloc(LOOP_READ_BYTES);
	loop->plain_bytes = malloc(LOOP_READ_BYTES);
	if (!loop->read_bytes || !loop->plain_bytes)
		abort();
	buf_init(&loop->sealed, SEALED_BYTES_MAX);
}

void loop_run(struct loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_done(struct loop *loop)
{
	/* What is closing already still has its callbacks to come; they may close more. */
	(void)uv_run(&loop->uv, UV_RUN_NOWAIT);
	while (uv_loop_close(&loop->uv) == UV_EBUSY) {
		uv_walk(&loop->uv, close_handle, NULL);
		(void)uv_run(&loop->uv, UV_RUN_ONCE);
	}
	free(loop->read_bytes);
	free(loop->plain_bytes);
	free(loop->packet_bytes);
	buf_done(&loop->sealed);
}
