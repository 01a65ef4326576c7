/* sys/link: packets come whole, once and in order, with their descriptors; a full queue is told; what is cut is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/link.h"

struct end {
	struct link link;
	unsigned packets, fds, drained, closed, done;
	size_t bytes;
	unsigned next; /* the number that the next packet must bear */
	unsigned close_at; /* close the link in the call for this packet */
	bool wrong;
};

static struct loop loop;
static struct end here, there;

static void on_done(struct link *link)
{
	((struct end *)link->owner)->done++;
}

static void on_packet(struct link *link, struct str packet, int fd)
{
	struct end *end = link->owner;
	unsigned number;

	memcpy(&number, packet.ptr, sizeof(number));
	for (size_t i = sizeof(number); i < packet.len; i++)
		end->wrong |= packet.ptr[i] != (char)(number + i);
	end->wrong |= number != end->next++ || end->closed || end->done;
	end->packets++;
	end->bytes += packet.len;
	if (fd >= 0) {
		unsigned written = 0;

		end->wrong |= pread(fd, &written, sizeof(written), 0) != sizeof(written) || written != number;
		end->wrong |= !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		end->fds++;
		(void)close(fd);
	}
	if (end->close_at && end->packets == end->close_at)
		link_close(link, on_done);
}

static void on_drained(struct link *link)
{
	((struct end *)link->owner)->drained++;
}

static void on_closed(struct link *link)
{
	struct end *end = link->owner;

	end->closed++;
	link_close(link, on_done);
}

static const struct link_handler handler = { .on_packet = on_packet, .on_drained = on_drained, .on_closed = on_closed };

static void turn(void)
{
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
}

#define WAIT(what)                                                                                                     \
	do {                                                                                                           \
		uint64_t wait_until = clock_monotonic_ms() + 10000;                                                    \
		while (!(what) && clock_monotonic_ms() < wait_until)                                                   \
			turn();                                                                                        \
		assert_true(what);                                                                                     \
	} while (0)

static unsigned open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void open_both(void)
{
	int fds[2];

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	loop_init(&loop);
	assert_true(link_pair(fds));
	assert_int_equal(link_open(&here.link, &loop, fds[0], &handler, &here, NULL), OUTCOME_OK);
	assert_int_equal(link_open(&there.link, &loop, fds[1], &handler, &there, NULL), OUTCOME_OK);
}

static void close_both(void)
{
	if (!here.done && !here.link.closing)
		link_close(&here.link, on_done);
	WAIT(here.done == 1 && there.done == 1); /* the other side hears of it */
	assert_false(here.wrong);
	assert_false(there.wrong);
	loop_done(&loop);
}

static bool send_number(struct end *end, unsigned number, size_t len, int fd)
{
	static char packet[LINK_PACKET_BYTES_MAX];

	memcpy(packet, &number, sizeof(number));
	for (size_t i = sizeof(number); i < len; i++)
		packet[i] = (char)(number + i);
	return link_send(&end->link, (struct str){ packet, len }, fd);
}

static int numbered_fd(unsigned number)
{
	char path[] = "/tmp/test_link.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	(void)unlink(path);
	assert_int_equal(write(fd, &number, sizeof(number)), sizeof(number));
	return fd;
}

static void ten_thousand_packets(void **state)
{
	static const size_t sizes[] = { 4, 5, 100, 1000, 4096, 65535, 65536 };
	unsigned sent = 0, answered = 0;
	uint64_t until = clock_monotonic_ms() + 30000;

	(void)state;
	open_both();
	while ((there.packets < 10000 || here.packets < 10000) && clock_monotonic_ms() < until) {
		for (unsigned burst = 0; burst < 40 && sent < 10000; burst++) {
			int fd = sent % 500 == 7 ? numbered_fd(sent) : -1;

			if (!send_number(&here, sent, sizes[sent % 7], fd))
				burst = 40;
			else
				sent++;
			if (fd >= 0)
				(void)close(fd);
		}
		if (answered < 10000 && send_number(&there, answered, 64, -1))
			answered++;
		turn();
	}
	assert_int_equal(there.packets, 10000);
	assert_int_equal(there.fds, 20);
	assert_int_equal(here.packets, 10000);
	close_both();
}

static void a_full_queue_is_told(void **state)
{
	unsigned sent = 0;

	(void)state;
	open_both();
	(void)uv_poll_stop(&there.link.poll); /* the other side does not read */
	while (!link_is_full(&here.link)) {
		assert_true(send_number(&here, sent++, 65536, -1));
		if (sent % 8 == 0)
			turn();
	}
	while (send_number(&here, sent, 65536, -1)) {
		sent++;
		turn();
	}
	assert_in_range(here.link.queued_bytes, LINK_QUEUE_BYTES_MAX - 65536, LINK_QUEUE_BYTES_MAX);
	assert_int_equal(here.drained, 0);
	(void)uv_poll_start(&there.link.poll, UV_READABLE, there.link.poll.poll_cb);
	WAIT(there.packets == sent);
	WAIT(here.drained == 1);
	assert_int_equal(here.link.queued_bytes, 0);
	close_both();
}

/* Also when the kernel took all of it in one turn. */
static void a_queue_full_for_one_turn_is_told(void **state)
{
	unsigned sent = 0;

	(void)state;
	open_both();
	while (send_number(&here, sent, 60000, -1))
		sent++;
	WAIT(here.drained == 1 && there.packets == sent);
	assert_true(send_number(&here, sent++, 4, -1));
	WAIT(there.packets == sent);
	close_both();
}

static void the_end_comes_after_what_was_said(void **state)
{
	unsigned before = open_fds();

	(void)state;
	open_both();
	for (unsigned i = 0; i < 100; i++) {
		int fd = numbered_fd(i);

		assert_true(send_number(&here, i, 100, fd));
		(void)close(fd);
	}
	link_close(&here.link, on_done);
	assert_false(send_number(&here, 100, 100, -1));
	assert_int_equal(here.done, 0);
	WAIT(there.closed == 1);
	assert_int_equal(there.packets, 100);
	assert_int_equal(there.fds, 100);
	close_both();
	assert_int_equal(open_fds(), before);
}

static void a_close_may_come_inside_a_packet(void **state)
{
	unsigned before = open_fds();

	(void)state;
	open_both();
	there.close_at = 3;
	for (unsigned i = 0; i < 10; i++) {
		int fd = numbered_fd(i);

		assert_true(send_number(&here, i, 100, fd));
		(void)close(fd);
	}
	WAIT(there.done == 1 && here.done == 1);
	assert_int_equal(there.packets, 3);
	close_both();
	assert_int_equal(open_fds(), before); /* those of the packets that were dropped, too */
}

/* A process that does not keep to the rules: `len` bytes and `count` descriptors in one packet. */
static void send_raw(int fd, size_t len, size_t count)
{
	static char bytes[LINK_PACKET_BYTES_MAX + 1];
	struct iovec part = { bytes, len };
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	memset(bytes, 0, sizeof(bytes));
	for (size_t i = sizeof(unsigned); i < len; i++)
		bytes[i] = (char)i;
	if (count > 0) {
		int fds[4] = { 0, 1, 2, 0 };
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, 0), len);
}

static void a_packet_that_was_cut_ends_the_link(void **state)
{
	static const struct {
		size_t len, fds;
	} cases[] = { { LINK_PACKET_BYTES_MAX + 1, 0 }, { 100, 2 }, { 100, 3 }, { 100, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned before = open_fds();
		int fds[2];

		memset(&there, 0, sizeof(there));
		loop_init(&loop);
		assert_true(link_pair(fds));
		assert_int_equal(link_open(&there.link, &loop, fds[1], &handler, &there, NULL), OUTCOME_OK);
		send_raw(fds[0], 100, 0);
		send_raw(fds[0], cases[i].len, cases[i].fds);
		send_raw(fds[0], 100, 0);
		WAIT(there.done == 1);
		assert_int_equal(there.packets, 1);
		assert_int_equal(there.fds, 0);
		(void)close(fds[0]);
		loop_done(&loop);
		assert_int_equal(open_fds(), before);
	}
}

/* Out of descriptors, on the side that sends and on the one that receives: the packet comes all the same, and the link lives. */
static void a_descriptor_without_room_is_left_out(void **state)
{
	unsigned before = open_fds();
	struct rlimit limit, none = { .rlim_cur = 0 };
	int fd;

	(void)state;
	open_both();
	fd = numbered_fd(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_true(send_number(&here, 0, 100, fd)); /* duplicated while there is room, lost when it arrives */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	WAIT(there.packets == 1);
	assert_true(send_number(&here, 1, 100, fd));
	WAIT(there.packets == 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(there.fds, 0);
	assert_true(send_number(&here, 2, 100, -1));
	WAIT(there.packets == 3);
	assert_int_equal(here.closed + there.closed, 0);
	(void)close(fd);
	close_both();
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_packets),
		cmocka_unit_test(a_full_queue_is_told),
		cmocka_unit_test(a_queue_full_for_one_turn_is_told),
		cmocka_unit_test(the_end_comes_after_what_was_said),
		cmocka_unit_test(a_close_may_come_inside_a_packet),
		cmocka_unit_test(a_packet_that_was_cut_ends_the_link),
		cmocka_unit_test(a_descriptor_without_room_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
