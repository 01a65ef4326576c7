#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/login_page.h"
#include "cli/verbs.h"
#include "domain/settings.h"

#define DAEMON_STARTS_MS 5000
#define PASTED_BYTES_MAX 16384
#define PAGE_MS_MAX 600000
#define PASTE_PORT 8765 /* nobody listens there: the browser only has to show the address */
#define REDIRECT_BYTES_MAX 1100

/* One sign-in, while it lasts. */
struct login {
	struct cli *cli;
	const char *socket;
	const char *upstream;
	int listener;     /* -1: the address is pasted */
	int daemon;       /* the connection on which the end comes */
	bool done;
};

static void print_row(const struct cli *cli, const json_t *row)
{
	char *text = cli->form == CLI_JSON ? json_dumps(row, JSON_COMPACT) : NULL;
	const char *url = json_string_value(json_object_get(row, "url"));
	const char *code = json_string_value(json_object_get(row, "code"));
	const char *whole = json_string_value(json_object_get(row, "urlWithCode"));
	const char *user = json_string_value(json_object_get(row, "signedInAs"));

	if (text)
		(void)puts(text);
	else if (code)
		(void)printf(say(cli->language, N_("Open %s in any browser, and type in this code: %s\n")), url, code);
	else if (url)
		(void)printf(say(cli->language, N_("Open this page in a browser, and sign in:\n%s\n")), url);
	else if (user)
		(void)printf(say(cli->language, N_("Signed in: %s. Mail of upstream %s goes on.\n")), user[0] ? user : "-",
			     json_string_value(json_object_get(row, "upstream")));
	if (!text && whole)
		(void)printf(say(cli->language, N_("Or open this, with the code in it: %s\n")), whole);
	free(text);
	(void)fflush(stdout);
}

static void on_no_row(void *context, json_t *row)
{
	(void)context;
	(void)row;
}

/* What the page led back to goes to the daemon, which alone knows what is right. */
static int hand_over(const struct login *login, const char *answer)
{
	json_t *args = json_pack("{s:s,s:s}", "upstream", login->upstream, "answer", answer);
	bool refused;
	int fd = args ? ask_connect(login->socket, DAEMON_STARTS_MS, &refused) : -1;
	int exit_code = fd == -1 ? cli_fail(login->cli, EX_UNAVAILABLE, N_("the daemon hung up; see its log"))
				 : ask_question(login->cli, fd, "upstream login-answer", args, on_no_row, NULL);

	json_decref(args);
	return exit_code;
}

static void wait_for_browser(const struct login *login)
{
	const char *language = login->cli->language == LANGUAGE_JA ? "ja" : "en";
	CLEANUP(buf_wipe) struct buf target = { .bytes_max = PASTED_BYTES_MAX };
	int browser;

	while (login_page_wait(login->listener, login->daemon, PAGE_MS_MAX, &target, &browser)) {
		int exit_code = buf_add_byte(&target, '\0') ? hand_over(login, target.ptr) : EX_TEMPFAIL;

		login_page_tell(browser, language,
				say(login->cli->language, exit_code == EX_OK ? N_("The answer has reached Sekisho. This page can be closed; the terminal tells the rest.")
									     : N_("Sekisho does not take this answer; the terminal tells why.")));
		if (exit_code == EX_OK)
			return;
	}
}

static void wait_for_paste(const struct login *login)
{
	char *line = NULL;
	size_t size = 0;

	(void)fprintf(stderr, "%s", say(login->cli->language, N_("After the sign-in the browser shows an address that it cannot open, or that of a page of yours.\n"
								 "Paste that whole address here: ")));
	while (getline(&line, &size, stdin) > 0) {
		int exit_code = strlen(line) < PASTED_BYTES_MAX ? hand_over(login, line)
								: cli_fail(login->cli, EX_DATAERR, N_("that is too long for an address"));

		sodium_memzero(line, size);
		if (exit_code == EX_OK)
			break;
	}
	free(line);
}

static void on_row(void *context, json_t *row)
{
	struct login *login = context;
	const char *step = json_string_value(json_object_get(row, "step"));

	print_row(login->cli, row);
	if (!step || strcmp(step, "auth-code") != 0)
		return;
	if (login->listener == -1)
		wait_for_paste(login);
	else
		wait_for_browser(login);
}

/* Microsoft's registration takes "http://localhost", whatever the port; others want the address (RFC 8252, 8.3). */
static const char *loopback_of(const struct upstream_settings *upstream)
{
	static const char *const others[] = { "google", "custom" };

	for (size_t i = 0; upstream->cloud && i < sizeof(others) / sizeof(*others); i++) {
		if (strcmp(upstream->cloud, others[i]) == 0)
			return "127.0.0.1";
	}
	return "localhost";
}

static int open_page(struct login *login, const struct upstream_settings *upstream, char ret_redirect[REDIRECT_BYTES_MAX])
{
	json_int_t wanted = json_integer_value(json_object_get(login->cli->args, "port"));
	bool paste = json_is_true(json_object_get(login->cli->args, "paste"));
	unsigned port = PASTE_PORT;

	login->listener = -1;
	if (wanted < 0 || wanted > UINT16_MAX)
		return cli_fail(login->cli, EX_USAGE, N_("a port is a number from 1 to 65535"));
	if (upstream->redirect_url)
		return str_copy(str_of(upstream->redirect_url), REDIRECT_BYTES_MAX, ret_redirect) ? EX_OK : EX_CONFIG;
	if (!paste)
		login->listener = login_page_open((unsigned)wanted, &port);
	if (!paste && login->listener == -1)
		return cli_fail(login->cli, EX_UNAVAILABLE, N_("cannot listen on 127.0.0.1 port %d; give another one with --port, or use --paste"), (int)wanted);
	(void)snprintf(ret_redirect, REDIRECT_BYTES_MAX, "http://%s:%u/", loopback_of(upstream), port);
	return EX_OK;
}

static int sign_in(struct login *login, const struct settings *settings)
{
	const struct upstream_settings *upstream = settings_upstream(settings, str_of(login->upstream));
	char redirect[REDIRECT_BYTES_MAX] = "";
	json_t *args;
	bool refused;
	int exit_code = EX_OK;

	login->socket = login->cli->socket ? login->cli->socket : settings->daemon.socket;
	if (upstream && upstream->flow == FLOW_AUTH_CODE)
		exit_code = open_page(login, upstream, redirect);
	if (exit_code != EX_OK)
		return exit_code;
	login->daemon = ask_connect(login->socket, DAEMON_STARTS_MS, &refused);
	if (login->daemon == -1)
		return refused ? cli_fail(login->cli, EX_NOPERM, N_("you may not ask the daemon at %s: become root, or a member of its group"), login->socket)
			       : cli_fail(login->cli, EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"), login->socket);
	args = json_pack("{s:s,s:s}", "upstream", login->upstream, "redirect", redirect);
	exit_code = args ? ask_question(login->cli, login->daemon, "upstream login", args, on_row, login)
			 : cli_fail(login->cli, EX_TEMPFAIL, N_("out of memory"));
	json_decref(args);
	return exit_code;
}

int verb_login(struct cli *cli)
{
	struct login login = { .cli = cli, .upstream = json_string_value(json_object_get(cli->args, "upstream")), .listener = -1 };
	struct settings *settings = NULL;
	int exit_code = ask_settings(cli, &settings);

	if (exit_code == EX_OK)
		exit_code = sign_in(&login, settings);
	if (login.listener != -1)
		(void)close(login.listener);
	settings_free(settings);
	return exit_code;
}
