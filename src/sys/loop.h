/* loop: one event loop a process (libuv), with the buffers that all its streams share. */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <uv.h>

#include "base/buf.h"

#define LOOP_READ_BYTES 65536

struct loop {
	uv_loop_t uv;
	char *read_bytes;  /* LOOP_READ_BYTES: what the kernel gave in this turn */
	char *plain_bytes; /* LOOP_READ_BYTES: the same decrypted */
	struct buf sealed; /* encrypted bytes on their way out in this turn */
	char *packet_bytes; /* what links receive in one call; taken by the first link */
};

void loop_init(struct loop *loop); /* also ignores SIGPIPE; ends the program when memory or descriptors are short */
void loop_run(struct loop *loop); /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *loop);
void loop_done(struct loop *loop); /* closes what is still open on it, without telling its owners */

#endif
