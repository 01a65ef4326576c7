/* demo: the main job end to end on this machine: a copier's mail through a gateway to a stand-in for Exchange Online. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <sys/types.h>

#include "base/buf.h"
#include "cli/cli.h"

#define DEMO_PATH_MAX 1024

/* One of the demo's own processes. */
struct demo_child {
	pid_t pid; /* 0: not running */
	const char *name;
	char log[DEMO_PATH_MAX]; /* what it says on standard error */
	char out[DEMO_PATH_MAX];
};

/* The tour: what it has made, and whether all of it was seen to work. */
struct demo {
	const struct cli *cli;
	char folder[DEMO_PATH_MAX - 256];
	char socket_path[DEMO_PATH_MAX], ca_file[DEMO_PATH_MAX], settings[DEMO_PATH_MAX], password_file[DEMO_PATH_MAX];
	struct demo_child sandbox, gateway;
	json_t *described; /* sandbox.json */
	unsigned port;
	char password[64];
	struct buf message;
	char queued_id[32]; /* the event ID at the end of the gateway's 250 */
};

/* demo.c: what the tour says and asks. */
void demo_fact(const struct demo *demo, const char *english, const char *value);
bool demo_failed(const struct demo *demo, const char *english); /* always false */
/* The event ID at the end of a reply, " [ID]"; empty: there is none. */
void demo_event_id(const char *reply, size_t size, char *ret_id);
/* Ask the gateway; the first row, if one came, is the caller's (ret_row may be NULL). The exit code. Takes `args` over. */
int demo_ask(const struct demo *demo, const char *verb, json_t *args, json_t **ret_row);

/* demo_arrival.c: waits for the message, shows how it went upstream, and compares it with what was sent. */
bool demo_mail_arrives(struct demo *demo);

/* Start ourselves with `words` (NULL-ended) and wait up to 20 s for its line `ready`. False: a sentence was printed. */
bool demo_child_start(const struct cli *cli, struct demo_child *child, const char *folder, const char *name, const char *const *words);
bool demo_child_runs(struct demo_child *child);
void demo_child_stop(struct demo_child *child); /* SIGTERM, and KILL after 15 s */

/* A copier: an SMTP client of the plainest kind, whose dialogue is printed as it happens; credentials are shown as stars. */
struct copier {
	const struct cli *cli;
	unsigned port;
	const char *ca_file;
	const char *user, *password;
	char last[1024];     /* the last line that the gateway said */
	double milliseconds; /* the whole dialogue */
};

enum copier_end { COPIER_SENT, COPIER_SIGNED_IN, COPIER_REFUSED, COPIER_BROKEN };

/* Connect, STARTTLS (the certificate is verified), AUTH LOGIN; then `message` to `recipient`, or nothing when it is empty. */
enum copier_end copier_run(struct copier *copier, const char *recipient, struct str message);

/* What a copier would scan: ISO-2022-JP subject, a PDF of 1 MB as attachment; CRLF lines. False: out of memory. */
bool demo_message(const char *from, const char *to, struct buf *ret_message);

#endif
