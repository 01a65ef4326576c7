#include "sys/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#define MESSAGE_BYTES_MAX 1024
#define FIRST_FD 3 /* SD_LISTEN_FDS_START, sd_listen_fds(3) */
#define NAME_BYTES 64

/* One datagram to NOTIFY_SOCKET: a path, or an abstract name behind '@' (sd_notify(3)). */
static void tell(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	CLEANUP(cleanup_fd) int fd = -1;

	if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

void notify_ready(const char *status)
{
	char message[MESSAGE_BYTES_MAX];

	(void)snprintf(message, sizeof(message), "READY=1\nMAINPID=%ld\nSTATUS=%s\n", (long)getpid(), status);
	tell(message);
}

void notify_reloading(void)
{
	char message[MESSAGE_BYTES_MAX];

	(void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n", clock_monotonic_us());
	tell(message);
}

void notify_stopping(void)
{
	tell("STOPPING=1\n");
}

void notify_watchdog(void)
{
	tell("WATCHDOG=1\n");
}

/* A number of the environment; 0 when absent or no number. */
static uint64_t number(const char *name)
{
	uint64_t value = 0;

	return str_to_u64(str_of(getenv(name)), UINT64_MAX, &value) ? value : 0;
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t pid = number("WATCHDOG_PID");

	if (pid != 0 && pid != (uint64_t)getpid())
		return 0;
	return number("WATCHDOG_USEC") / 2000;
}

size_t notify_listen_fds(size_t names_max, char ret_names[][NAME_BYTES])
{
	struct str names = str_of(getenv("LISTEN_FDNAMES"));
	uint64_t count = number("LISTEN_FDS");

	if (number("LISTEN_PID") != (uint64_t)getpid())
		return 0;
	if (count > names_max)
		count = names_max;
	for (size_t i = 0; i < count; i++) {
		if (!str_copy(str_cut(&names, ':'), NAME_BYTES, ret_names[i]))
			ret_names[i][0] = '\0';
		if (strcmp(ret_names[i], "unknown") == 0) /* how systemd says that it has no name */
			ret_names[i][0] = '\0';
		(void)fcntl(FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC);
	}
	return (size_t)count;
}
