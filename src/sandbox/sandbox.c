#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "sandbox/https.h"

#define MESSAGES_A_MINUTE 30 /* Microsoft, SMTP submission improvements */

#define STATS_MS 500
#define PATIENCE_MS 3000 /* for clients that do not take our goodbye */

void sandbox_list_cases(enum language language)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		(void)printf("%-20s %s\n", faults_name((enum sandbox_fault)i), say(language, faults_explain((enum sandbox_fault)i)));
}

/* --- beginning --- */

static enum outcome take_options(struct sandbox *sandbox, const struct sandbox_options *options, struct fault *fault)
{
	const json_t *one;
	size_t at;

	faults_init(&sandbox->faults);
	tokens_init(&sandbox->tokens);
	people_init(&sandbox->people);
	graph_init(sandbox);
	json_array_foreach(options->fails, at, one) {
		if (faults_add(&sandbox->faults, str_of(json_string_value(one)), fault) != OUTCOME_OK)
			return fault->outcome;
	}
	return OUTCOME_OK;
}

static enum outcome open_transcript(struct sandbox *sandbox, struct fault *fault)
{
	char path[4096];

	if (!path_join(sandbox->dir, STR("transcript.txt"), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(path), sandbox->dir);
	sandbox->transcript = fopen(path, "we");
	return sandbox->transcript ? OUTCOME_OK : fault_errno(fault, "create", path);
}

/* The ports first: a start that fails must leave what another start wrote. */
static enum outcome open_all(struct sandbox *sandbox, const struct sandbox_options *options, struct fault *fault)
{
	sandbox->messages_per_minute = options->messages_per_minute ? options->messages_per_minute : MESSAGES_A_MINUTE;
	if (folder_take(sandbox, options->dir, fault) != OUTCOME_OK || folder_load(sandbox, fault) != OUTCOME_OK ||
	    exchange_open(sandbox, options->smtp_port, fault) != OUTCOME_OK ||
	    https_open(sandbox, options->https_port, fault) != OUTCOME_OK ||
	    inbox_open(&sandbox->inbox, sandbox->dir, fault) != OUTCOME_OK)
		return fault->outcome;
	if (options->transcript && open_transcript(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	stats_write(sandbox);
	return folder_write(sandbox, fault);
}

/* --- running --- */

static void on_second(uv_timer_t *timer)
{
	struct sandbox *sandbox = timer->data;

	stats_write(sandbox);
	exchange_sweep(sandbox);
}

static void on_patience(uv_timer_t *timer)
{
	struct sandbox *sandbox = timer->data;

	loop_stop(&sandbox->loop);
}

static void on_stop(uv_signal_t *signal, int number)
{
	struct sandbox *sandbox = signal->data;
	bool again = sandbox->stopping;

	(void)number;
	sandbox->stopping = true;
	if (!again)
		exchange_close(sandbox);
	if (again || sandbox->sessions.count == 0)
		loop_stop(&sandbox->loop);
	else
		(void)uv_timer_start(&sandbox->patience, on_patience, PATIENCE_MS, 0);
}

static void watch(struct sandbox *sandbox)
{
	uv_loop_t *loop = &sandbox->loop.uv;

	sandbox->term.data = sandbox->interrupt.data = sandbox->every_second.data = sandbox->patience.data = sandbox;
	(void)uv_signal_init(loop, &sandbox->term);
	(void)uv_signal_init(loop, &sandbox->interrupt);
	(void)uv_signal_start(&sandbox->term, on_stop, SIGTERM);
	(void)uv_signal_start(&sandbox->interrupt, on_stop, SIGINT);
	(void)uv_timer_init(loop, &sandbox->patience);
	(void)uv_timer_init(loop, &sandbox->every_second);
	(void)uv_timer_start(&sandbox->every_second, on_second, STATS_MS, STATS_MS);
}

static void announce(const struct sandbox *sandbox, enum language language)
{
	(void)fprintf(stderr,
		      say(language, N_("SANDBOX, no real Exchange Online: SMTP on 127.0.0.1:%u, tokens on 127.0.0.1:%u, mail goes to %s\n")),
		      sandbox->smtp_port, sandbox->https_port, sandbox->inbox.folder);
	(void)puts("ready");
	(void)fflush(stdout);
}

static void close_all(struct sandbox *sandbox)
{
	struct sandbox_mailbox *mailbox;
	size_t at = 0;

	https_close(sandbox);
	loop_done(&sandbox->loop);
	stats_write(sandbox);
	while ((mailbox = table_next(&sandbox->mailboxes, &at)))
		free(mailbox);
	table_done(&sandbox->mailboxes);
	table_done(&sandbox->sessions);
	tokens_done(&sandbox->tokens);
	graph_done(sandbox);
	SSL_CTX_free(sandbox->tls);
	SSL_CTX_free(sandbox->tls_bad);
	certificate_done(&sandbox->authority);
	certificate_done(&sandbox->leaf);
	certificate_done(&sandbox->application);
	if (sandbox->transcript)
		(void)fclose(sandbox->transcript);
}

int sandbox_run(const struct sandbox_options *options)
{
	static struct sandbox sandbox;
	struct fault fault;

	log_init("SANDBOX", LOG_FORM_LOGFMT, LOG_LEVEL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	loop_init(&sandbox.loop);
	if (take_options(&sandbox, options, &fault) != OUTCOME_OK || open_all(&sandbox, options, &fault) != OUTCOME_OK) {
		(void)fprintf(stderr, "sekisho: %s\n", fault.text[options->language]);
		https_close(&sandbox);
		return fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_USAGE;
	}
	watch(&sandbox);
	announce(&sandbox, options->language);
	loop_run(&sandbox.loop);
	close_all(&sandbox);
	return EX_OK;
}
