#include "sys/link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define BATCH 16
#define BATCHES_MAX 4 /* in one turn, so that one link cannot hold up the others */
#define SOCKET_BYTES (4 << 20)

struct link_packet {
	struct link_packet *next;
	size_t len;
	int fd; /* -1, or ours until it has left */
	char bytes[];
};

/* Room for one descriptor beside a packet. */
struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
};

/* Above net.core.wmem_max only with CAP_NET_ADMIN, which the supervisor may have; the rest does without. */
static void enlarge(int fd)
{
	int bytes = SOCKET_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

bool link_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) == -1)
		return false;
	enlarge(ret_fds[0]);
	enlarge(ret_fds[1]);
	return true;
}

static void watch(struct link *link, bool writable);

static void drop_first(struct link *link)
{
	struct link_packet *packet = link->first;

	link->first = packet->next;
	if (!link->first)
		link->last = NULL;
	link->queued_bytes -= packet->len;
	if (packet->fd >= 0)
		(void)close(packet->fd);
	free(packet);
}

static void come_to_end(struct link *link)
{
	if (link->closed || link->closing)
		return;
	link->closed = true;
	(void)uv_poll_stop(&link->poll);
	(void)uv_prepare_stop(&link->flush);
	while (link->first)
		drop_first(link);
	link->handler->on_closed(link);
}

static void put_fd(struct msghdr *header, struct control *control, int fd)
{
	struct cmsghdr *part;

	header->msg_control = control->bytes;
	header->msg_controllen = sizeof(control->bytes);
	part = CMSG_FIRSTHDR(header);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
}

/* One sendmmsg(2) of what stands first in the queue. Returns how many packets left, or -1 with errno. */
static int send_batch(struct link *link)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct control controls[BATCH] = { 0 };
	struct iovec parts[BATCH];
	unsigned count = 0;
	int sent;

	for (struct link_packet *packet = link->first; packet && count < BATCH; packet = packet->next) {
		parts[count] = (struct iovec){ packet->bytes, packet->len };
		messages[count].msg_hdr.msg_iov = &parts[count];
		messages[count].msg_hdr.msg_iovlen = 1;
		if (packet->fd >= 0)
			put_fd(&messages[count].msg_hdr, &controls[count], packet->fd);
		count++;
	}
	do {
		sent = sendmmsg(link->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	return sent;
}

/* Send what is queued, as far as the other side has room. */
static void flush(struct link *link)
{
	while (link->first) {
		int sent = send_batch(link);

		if (sent == -1) {
			/* ENOBUFS, ETOOMANYREFS: the kernel has no room for more descriptors under way just now. A
			 * dead peer is told when reading, after what it said last. */
			watch(link, errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS);
			return;
		}
		while (sent-- > 0)
			drop_first(link);
	}
	/* The owner is told from the poll, and not from here: a packet that it sends then must find a turn's end. */
	watch(link, link->was_full);
}

static void on_turn_end(uv_prepare_t *prepare)
{
	struct link *link = prepare->data;

	(void)uv_prepare_stop(prepare);
	flush(link);
}

/* What one packet brought besides its bytes. False: more, or something else, than a packet may hold. One that lost its descriptor since
 * this process has no room for it (MSG_CTRUNC, and none came) is fine: its receiver sees -1. */
static bool take_fd(struct msghdr *header, int *ret_fd)
{
	bool cut = header->msg_flags & MSG_CTRUNC;
	bool fine = !(header->msg_flags & MSG_TRUNC);

	*ret_fd = -1;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		const unsigned char *data = CMSG_DATA(part);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
			fine = false;
			continue;
		}
		for (size_t at = 0; at + sizeof(int) <= part->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			cleanup_fd(ret_fd); /* one too many: each must be closed, or they pile up */
			fine = fine && *ret_fd == -1;
			memcpy(ret_fd, data + at, sizeof(int));
		}
	}
	return fine && !(cut && *ret_fd != -1);
}

static void deliver(struct link *link, struct mmsghdr *messages, int count)
{
	bool going_on = true;

	for (int i = 0; i < count; i++) {
		struct str packet = { messages[i].msg_hdr.msg_iov->iov_base, messages[i].msg_len };
		CLEANUP(cleanup_fd) int fd = -1;
		bool fine = take_fd(&messages[i].msg_hdr, &fd);

		if (!going_on)
			continue; /* only to close its descriptor */
		if (!fine || packet.len == 0) {
			/* An empty packet is the end of the file; one that was cut is no message of ours. */
			going_on = false;
			come_to_end(link);
			continue;
		}
		link->handler->on_packet(link, packet, fd);
		fd = -1;
		going_on = !link->closed && !link->closing;
	}
}

/* Returns how many packets came, or -1 with errno. */
static int receive_batch(struct link *link)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct control controls[BATCH];
	struct iovec parts[BATCH];
	int count;

	for (size_t i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ link->loop->packet_bytes + i * LINK_PACKET_BYTES_MAX, LINK_PACKET_BYTES_MAX };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_control = controls[i].bytes;
		messages[i].msg_hdr.msg_controllen = CMSG_LEN(sizeof(int)); /* its padding would hold another */
	}
	do {
		count = recvmmsg(link->fd, messages, BATCH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
	} while (count == -1 && errno == EINTR);
	if (count > 0)
		deliver(link, messages, count);
	return count;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *link = poll->data;

	if (status < 0 || (events & UV_READABLE)) {
		for (int i = 0; i < BATCHES_MAX; i++) {
			int count = receive_batch(link);

			if (link->closed || link->closing)
				return;
			if (count == -1 && errno != EAGAIN) {
				come_to_end(link);
				return;
			}
			if (count < BATCH)
				break;
		}
	}
	if (!(events & UV_WRITABLE))
		return;
	flush(link);
	if (link->was_full && link->queued_bytes <= LINK_QUEUE_BYTES_MAX / 4) {
		link->was_full = false;
		watch(link, link->first != NULL);
		if (link->handler->on_drained)
			link->handler->on_drained(link);
	}
}

static void watch(struct link *link, bool writable)
{
	if (link->closed || link->closing || link->watches_writable == writable)
		return;
	link->watches_writable = writable;
	(void)uv_poll_start(&link->poll, UV_READABLE | (writable ? UV_WRITABLE : 0), on_poll);
}

enum outcome link_open(struct link *link, struct loop *loop, int fd, const struct link_handler *handler, void *owner,
		       struct fault *fault)
{
	int error;

	*link = (struct link){ .loop = loop, .handler = handler, .owner = owner, .fd = fd };
	if (!loop->packet_bytes)
		loop->packet_bytes = malloc((size_t)BATCH * LINK_PACKET_BYTES_MAX);
	if (!loop->packet_bytes)
		return fault_set(fault, OUTCOME_LATER, N_("memory is short"));
	error = uv_poll_init(&loop->uv, &link->poll, fd);
	if (error != 0) {
		errno = -error;
		return fault_errno(fault, "watch", "link");
	}
	(void)uv_prepare_init(&loop->uv, &link->flush);
	link->poll.data = link->flush.data = link;
	(void)uv_poll_start(&link->poll, UV_READABLE, on_poll);
	return OUTCOME_OK;
}

bool link_send(struct link *link, struct str packet, int fd)
{
	struct link_packet *queued;

	assert(packet.len > 0 && packet.len <= LINK_PACKET_BYTES_MAX);
	if (link->closed || link->closing)
		return false;
	if (link->queued_bytes + packet.len > LINK_QUEUE_BYTES_MAX) {
		link->was_full = true;
		return false;
	}
	queued = malloc(sizeof(*queued) + packet.len);
	if (!queued)
		return false;
	*queued = (struct link_packet){ .len = packet.len, .fd = -1 };
	memcpy(queued->bytes, packet.ptr, packet.len);
	if (fd >= 0)
		queued->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* -1: no room for it; the packet goes without */
	if (link->last)
		link->last->next = queued;
	else
		link->first = queued;
	link->last = queued;
	link->queued_bytes += packet.len;
	if (link_is_full(link))
		link->was_full = true;
	if (!link->watches_writable)
		(void)uv_prepare_start(&link->flush, on_turn_end);
	return true;
}

bool link_is_full(const struct link *link)
{
	return link->queued_bytes > LINK_QUEUE_BYTES_MAX / 2;
}

static void on_prepare_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	if (link->on_done)
		link->on_done(link);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	(void)close(link->fd);
	uv_close((uv_handle_t *)&link->flush, on_prepare_closed);
}

void link_close(struct link *link, void (*on_done)(struct link *link))
{
	if (link->closing)
		return;
	if (!link->closed)
		flush(link);
	link->closing = true;
	link->on_done = on_done;
	while (link->first)
		drop_first(link);
	uv_close((uv_handle_t *)&link->poll, on_poll_closed);
}
