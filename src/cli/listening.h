/* listening: the sockets of the listeners and of the control socket, opened once or taken from systemd, kept over reloads. */
#ifndef CLI_LISTENING_H
#define CLI_LISTENING_H

#include "base/fault.h"
#include "domain/settings.h"

struct listening_socket {
	char address[128];
	int fd;
};

struct listening {
	struct listening_socket sockets[LISTENERS_MAX]; /* in the order of the settings' listeners */
	size_t count;
	int control_fd; /* -1: not open */
};

/* Sockets for every listener of `settings`: those that `listening` has are kept, others opened, or taken from LISTEN_FDS (by listener name,
 * else in order). On failure nothing has changed. A busy port: LATER; a bad or foreign address: NEVER. */
enum outcome listening_open(struct listening *listening, const struct settings *settings, struct fault *fault);

/* The control socket at `path` (0660, owned by `user` when given). LATER: another daemon answers there. */
enum outcome listening_control(struct listening *listening, const char *path, const char *user, struct fault *fault);

/* The listeners' own copies of the sockets: at a stop, so that newcomers are refused and not left waiting. */
void listening_close(struct listening *listening);

#endif
