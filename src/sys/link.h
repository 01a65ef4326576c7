/* link: packets between two of our processes over one SOCK_SEQPACKET pair; one packet, one message; a descriptor may
 * ride along. Neither side waits: a full queue is told, and the sender stops asking. */
#ifndef SYS_LINK_H
#define SYS_LINK_H

#include <uv.h>

#include "base/fault.h"
#include "sys/loop.h"

#define LINK_PACKET_BYTES_MAX 65536
#define LINK_QUEUE_BYTES_MAX (8u << 20)

struct link;

struct link_handler {
	/* `fd` is -1, or a descriptor that is the callee's to close. `packet` is borrowed for the call. Where either side is out of
	 * descriptors the packet comes without: who awaits one must bear -1. */
	void (*on_packet)(struct link *link, struct str packet, int fd);
	void (*on_drained)(struct link *link); /* was full, has room again (three quarters free); may be NULL */
	void (*on_closed)(struct link *link);  /* the other side is gone; link_close is still to be called */
};

struct link_packet; /* queued */

struct link {
	uv_poll_t poll;
	struct loop *loop;
	const struct link_handler *handler;
	void *owner;
	int fd;
	struct link_packet *first, *last;
	size_t queued_bytes;
	bool was_full, watches_writable;
	bool closed;  /* by the other side */
	bool closing; /* by link_close */
	void (*on_done)(struct link *link);
	uv_prepare_t flush; /* what was sent in a turn leaves together (sendmmsg) before the loop sleeps */
};

/* A pair; both ends CLOEXEC. False with errno. Buffers are enlarged to hold many packets. */
bool link_pair(int ret_fds[2]);
/* `fd` becomes the link's when the outcome is OK. */
enum outcome link_open(struct link *link, struct loop *loop, int fd, const struct link_handler *handler, void *owner,
		       struct fault *fault);

/* Queue a packet (copied, 1 … LINK_PACKET_BYTES_MAX bytes) for the end of this turn; `fd` (or -1) is duplicated. False: the
 * queue is full (on_drained will come), the link closed, or memory is short. */
bool link_send(struct link *link, struct str packet, int fd) __attribute__((warn_unused_result));
bool link_is_full(const struct link *link); /* over half: stop reading from clients */
/* Sends what the other side has room for now, drops the rest. on_done (may be NULL) comes in a later turn: free then. */
void link_close(struct link *link, void (*on_done)(struct link *link));

#endif
