/* ask: a connection to the daemon's control socket. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/cli.h"

struct settings;

#define ASK_DAEMON_STARTS_MS 5000 /* how long a verb waits for the socket of a daemon that is starting */

/* The settings named by -c, or the system's (/etc/sekisho/sekisho.yaml). EX_OK, or an exit code after a sentence. */
int ask_settings(const struct cli *cli, struct settings **ret_settings);

/* Connect; waits up to `wait_ms` for the socket of a starting daemon. -1: nobody there; *ret_refused says that we may not. */
int ask_connect(const char *socket_path, unsigned wait_ms, bool *ret_refused);

/* One question on a connection (closed by this): rows and notes go to the functions; the answer's exit code. */
int ask_question(const struct cli *cli, int fd, const char *verb, json_t *args, void (*on_row)(void *context, json_t *row),
		 void *context);

/* The two halves of it, the first with raw bytes behind the question: false when the question did not leave; then what comes back, on a connection closed by this. */
bool ask_send(const struct cli *cli, int fd, const char *verb, json_t *args, struct str body);
int ask_answers(const struct cli *cli, int fd, void (*on_row)(void *context, json_t *row), void *context);

#endif
