#include "cli/listening.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sys/notify.h"

#define BACKLOG 1024
#define FIRST_HANDED_FD 3

/* --- listeners --- */

static enum outcome bind_failed(const struct listener_settings *listener, struct fault *fault)
{
	if (errno == EADDRINUSE)
		return fault_set(fault, OUTCOME_LATER,
				 N_("listener %s: the port of %s is in use by another program; find it with: ss -ltnp"),
				 listener->name, listener->address);
	if (errno == EACCES)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("listener %s: ports below 1024 are for root; start as root (daemon.user then steps down), "
				    "or give the service CAP_NET_BIND_SERVICE (%s)"),
				 listener->name, listener->address);
	return fault_set(fault, OUTCOME_NEVER, N_("listener %s: cannot listen on %s: %s"), listener->name, listener->address,
			 strerror(errno));
}

static enum outcome open_address(const struct listener_settings *listener, const struct addrinfo *address, int *ret_fd,
				 struct fault *fault)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd == -1)
		return bind_failed(listener, fault);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->ai_family == AF_INET6) /* "[::]:25" beside "0.0.0.0:25" are two listeners */
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == -1 || listen(fd, BACKLOG) == -1) {
		(void)bind_failed(listener, fault);
		(void)close(fd);
		return fault->outcome;
	}
	*ret_fd = fd;
	return OUTCOME_OK;
}

static enum outcome open_listener(const struct listener_settings *listener, int *ret_fd, struct fault *fault)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	struct str host;
	unsigned port;
	char host_text[128];
	char port_text[8];
	int status;

	if (!address_port_parse(str_of(listener->address), &host, &port) || !str_copy(host, sizeof(host_text), host_text))
		return fault_set(fault, OUTCOME_NEVER, N_("listener %s: %s is no address and port; write 192.0.2.1:587 or [::1]:587"),
				 listener->name, listener->address);
	(void)snprintf(port_text, sizeof(port_text), "%u", port);
	status = getaddrinfo(host_text, port_text, &hints, &found);
	if (status != 0)
		return fault_set(fault, OUTCOME_NEVER, N_("listener %s: %s is no address and port; write 192.0.2.1:587 or [::1]:587"),
				 listener->name, listener->address);
	(void)open_address(listener, found, ret_fd, fault);
	freeaddrinfo(found);
	return *ret_fd == -1 ? fault->outcome : OUTCOME_OK;
}

static int kept_fd(const struct listening *listening, const char *address)
{
	for (size_t i = 0; i < listening->count; i++) {
		if (strcmp(listening->sockets[i].address, address) == 0)
			return listening->sockets[i].fd;
	}
	return -1;
}

/* From systemd: by the listener's name (FileDescriptorName=), else by position when no socket has a name. */
static int handed_fd(const char *name, size_t position)
{
	static char names[LISTENERS_MAX][64];
	static size_t count;
	static bool asked;
	bool named = false;

	if (!asked)
		count = notify_listen_fds(LISTENERS_MAX, names);
	asked = true;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return FIRST_HANDED_FD + (int)i;
		named = named || (names[i][0] && strcmp(names[i], "unknown") != 0);
	}
	return !named && position < count ? FIRST_HANDED_FD + (int)position : -1;
}

static bool has_address(const struct settings *settings, const char *address)
{
	for (size_t i = 0; i < settings->listeners_count; i++) {
		if (strcmp(settings->listeners[i].address, address) == 0)
			return true;
	}
	return false;
}

enum outcome listening_open(struct listening *listening, const struct settings *settings, struct fault *fault)
{
	struct listening fresh = { .control_fd = listening->control_fd };

	for (size_t i = 0; i < settings->listeners_count; i++) {
		const struct listener_settings *listener = &settings->listeners[i];
		struct listening_socket *socket_ = &fresh.sockets[fresh.count];

		(void)str_copy(str_of(listener->address), sizeof(socket_->address), socket_->address);
		socket_->fd = kept_fd(listening, listener->address);
		if (socket_->fd == -1)
			socket_->fd = handed_fd(listener->name, i);
		if (socket_->fd == -1 && open_listener(listener, &socket_->fd, fault) != OUTCOME_OK)
			goto undo;
		fresh.count++;
	}
	for (size_t i = 0; i < listening->count; i++) {
		if (!has_address(settings, listening->sockets[i].address))
			(void)close(listening->sockets[i].fd);
	}
	*listening = fresh;
	return OUTCOME_OK;

undo:
	for (size_t i = 0; i < fresh.count; i++) {
		if (kept_fd(listening, fresh.sockets[i].address) == -1)
			(void)close(fresh.sockets[i].fd);
	}
	return fault->outcome;
}

void listening_close(struct listening *listening)
{
	for (size_t i = 0; i < listening->count; i++)
		(void)close(listening->sockets[i].fd);
	listening->count = 0;
}

/* --- control socket --- */

static bool somebody_answers(const struct sockaddr_un *address)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd != -1 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

static enum outcome folder_of(const char *path, struct fault *fault)
{
	char folder[256];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || !str_copy((struct str){ path, (size_t)(slash - path) }, sizeof(folder), folder))
		return OUTCOME_OK;
	if (access(folder, X_OK) == 0)
		return OUTCOME_OK;
	return folder_make(folder, fault);
}

enum outcome listening_control(struct listening *listening, const char *path, const char *user, struct fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct passwd *owner = user ? getpwnam(user) : NULL;
	mode_t mask;
	int fd;
	int bound;

	if (!str_copy(str_of(path), sizeof(address.sun_path), address.sun_path))
		return fault_set(fault, OUTCOME_NEVER, N_("daemon.socket: a socket's path has at most %zu bytes: %s"),
				 sizeof(address.sun_path) - 1, path);
	if (folder_of(path, fault) != OUTCOME_OK)
		return fault->outcome;
	if (somebody_answers(&address))
		return fault_set(fault, OUTCOME_LATER,
				 N_("a daemon already answers at %s; stop it first, or give this one its own daemon.state and daemon.socket"), path);
	(void)unlink(path); /* left by one that was killed */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return fault_errno(fault, "open", path);
	mask = umask(0117);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(mask);
	if (bound == -1 || listen(fd, 64) == -1 || (owner && chown(path, owner->pw_uid, owner->pw_gid) == -1)) {
		(void)fault_errno(fault, "listen on", path);
		(void)close(fd);
		return fault->outcome;
	}
	listening->control_fd = fd;
	return OUTCOME_OK;
}
