#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/sandbox_private.h"

#define SECRET_FILE "client-secret"
#define NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"
#define NAMES_BAD "DNS:another-host.example"
#define STATS_MS 500

void sandbox_list_cases(enum language language)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		(void)printf("%-20s %s\n", faults_name((enum sandbox_fault)i), say(language, faults_explain((enum sandbox_fault)i)));
}

/* --- files of the folder --- */

static enum outcome write_file(const struct sandbox *sandbox, const char *name, struct str text, mode_t mode, struct fault *fault)
{
	char path[4096];

	if (!path_join(sandbox->dir, str_of(name), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(path), sandbox->dir);
	return file_replace(path, text, mode, fault);
}

static enum outcome write_json(const struct sandbox *sandbox, const char *name, json_t *json, struct fault *fault)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	enum outcome outcome = text ? write_file(sandbox, name, str_of(text), 0644, fault) :
				      fault_set(fault, OUTCOME_LATER, N_("out of memory"));

	free(text);
	json_decref(json);
	return outcome;
}

static void write_stats(struct sandbox *sandbox)
{
	const struct sandbox_stats *stats = &sandbox->stats;
	struct fault fault;

	if (write_json(sandbox, "stats.json",
		       json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sandbox", 1, "messages", (json_int_t)stats->messages,
				 "connections", (json_int_t)stats->connections, "connectionsPerMailboxMax",
				 (json_int_t)stats->connections_per_mailbox_max, "tokensIssued",
				 (json_int_t)tokens_issued(&sandbox->tokens), "authAttempts", (json_int_t)stats->auth_attempts,
				 "authFailures", (json_int_t)stats->auth_failures, "authBeforeTls", (json_int_t)stats->auth_before_tls,
				 "refused", (json_int_t)stats->refused),
		       &fault) != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "SANDBOX stats not written", LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
}

static enum outcome write_description(const struct sandbox *sandbox, struct fault *fault)
{
	char secret_path[4096];
	char ca_path[4096];
	char token_url[256];
	char graph_url[128];

	if (!path_join(sandbox->dir, STR(SECRET_FILE), sizeof(secret_path), secret_path) ||
	    !path_join(sandbox->dir, STR("ca.pem"), sizeof(ca_path), ca_path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(ca_path), sandbox->dir);
	(void)snprintf(token_url, sizeof(token_url), "https://localhost:%u/" SANDBOX_TENANT "/oauth2/v2.0/token", sandbox->https_port);
	(void)snprintf(graph_url, sizeof(graph_url), "https://localhost:%u/v1.0", sandbox->https_port);
	return write_json(sandbox, "sandbox.json",
			  json_pack("{s:b,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "sandbox", 1, "smtpPort", (int)sandbox->smtp_port,
				    "httpsPort", (int)sandbox->https_port, "host", "localhost", "tenant", SANDBOX_TENANT, "tokenUrl",
				    token_url, "graphUrl", graph_url, "clientId", sandbox->client_id, "clientSecretFile", secret_path,
				    "scope", SANDBOX_SCOPE, "caFile", ca_path),
			  fault);
}

/* --- beginning --- */

static enum outcome make_certificates(struct sandbox *sandbox, struct fault *fault)
{
	bool bad = faults_is_on(&sandbox->faults, FAULT_BAD_CERTIFICATE);
	static const unsigned char ticket_key[TLS_TICKET_KEY_BYTES] = { 1 };
	struct certificate for_smtp;
	struct tls_pair pair;
	enum outcome outcome;

	if (certificate_make_authority("Sekisho SANDBOX CA", &sandbox->authority, fault) != OUTCOME_OK ||
	    certificate_make_leaf(&sandbox->authority, NAMES, CERTIFICATE_P256, &sandbox->leaf, fault) != OUTCOME_OK ||
	    certificate_make_leaf(bad ? NULL : &sandbox->authority, bad ? NAMES_BAD : NAMES, CERTIFICATE_P256, &for_smtp, fault) != OUTCOME_OK)
		return fault->outcome;
	pair = (struct tls_pair){ buf_str(&for_smtp.certificate), buf_str(&for_smtp.key), "the sandbox's certificate" };
	outcome = tls_server_new(&pair, 1, TLS_VERSION_1_2, STR("sandbox"), ticket_key, &sandbox->tls, fault);
	certificate_done(&for_smtp);
	if (outcome != OUTCOME_OK)
		return outcome;
	return write_file(sandbox, "ca.pem", buf_str(&sandbox->authority.certificate), 0644, fault);
}

/* The same from one start to the next, so that settings that name them stay right. */
static enum outcome make_client(struct sandbox *sandbox, struct fault *fault)
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789~._-";
	struct buf secret = { 0 };
	char path[4096];

	(void)snprintf(sandbox->client_id, sizeof(sandbox->client_id), "5eb0c000-0000-4000-8000-00005a4db0ca");
	if (path_join(sandbox->dir, STR(SECRET_FILE), sizeof(path), path) && access(path, F_OK) == 0) {
		if (file_load_secret(path, sizeof(sandbox->client_secret) - 1, &secret, fault) != OUTCOME_OK)
			return fault->outcome;
		(void)str_copy(buf_str(&secret), sizeof(sandbox->client_secret), sandbox->client_secret);
		buf_wipe(&secret);
		return OUTCOME_OK;
	}
	for (size_t i = 0; i < 40; i++)
		sandbox->client_secret[i] = alphabet[random_below(sizeof(alphabet) - 1)];
	return write_file(sandbox, SECRET_FILE, str_of(sandbox->client_secret), 0600, fault);
}

static enum outcome take_options(struct sandbox *sandbox, const struct sandbox_options *options, struct fault *fault)
{
	const json_t *one;
	size_t at;
	char *absolute;

	faults_init(&sandbox->faults);
	tokens_init(&sandbox->tokens);
	json_array_foreach(options->fails, at, one) {
		if (faults_add(&sandbox->faults, str_of(json_string_value(one)), fault) != OUTCOME_OK)
			return fault->outcome;
	}
	if (folder_make(options->dir, fault) != OUTCOME_OK)
		return fault->outcome;
	absolute = realpath(options->dir, NULL);
	if (!absolute || !str_copy(str_of(absolute), sizeof(sandbox->dir), sandbox->dir)) {
		free(absolute);
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(sandbox->dir), options->dir);
	}
	free(absolute);
	return inbox_open(&sandbox->inbox, sandbox->dir, fault);
}

static enum outcome open_transcript(struct sandbox *sandbox, struct fault *fault)
{
	char path[4096];

	if (!path_join(sandbox->dir, STR("transcript.txt"), sizeof(path), path))
		return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), (int)sizeof(path), sandbox->dir);
	sandbox->transcript = fopen(path, "we");
	return sandbox->transcript ? OUTCOME_OK : fault_errno(fault, "create", path);
}

static enum outcome open_all(struct sandbox *sandbox, const struct sandbox_options *options, struct fault *fault)
{
	if (make_certificates(sandbox, fault) != OUTCOME_OK || make_client(sandbox, fault) != OUTCOME_OK ||
	    exchange_open(sandbox, options->smtp_port, fault) != OUTCOME_OK ||
	    token_endpoint_open(sandbox, options->https_port, fault) != OUTCOME_OK)
		return fault->outcome;
	if (options->transcript && open_transcript(sandbox, fault) != OUTCOME_OK)
		return fault->outcome;
	write_stats(sandbox);
	return write_description(sandbox, fault);
}

/* --- running --- */

static void on_second(uv_timer_t *timer)
{
	write_stats(timer->data);
}

static void on_stop(uv_signal_t *signal, int number)
{
	struct sandbox *sandbox = signal->data;

	(void)number;
	exchange_close(sandbox);
	loop_stop(&sandbox->loop);
}

static void watch(struct sandbox *sandbox)
{
	uv_loop_t *loop = &sandbox->loop.uv;

	sandbox->term.data = sandbox->interrupt.data = sandbox->every_second.data = sandbox;
	(void)uv_signal_init(loop, &sandbox->term);
	(void)uv_signal_init(loop, &sandbox->interrupt);
	(void)uv_signal_start(&sandbox->term, on_stop, SIGTERM);
	(void)uv_signal_start(&sandbox->interrupt, on_stop, SIGINT);
	(void)uv_timer_init(loop, &sandbox->every_second);
	(void)uv_timer_start(&sandbox->every_second, on_second, STATS_MS, STATS_MS);
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
		token_endpoint_close(&sandbox);
		return fault.outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_USAGE;
	}
	watch(&sandbox);
	(void)fprintf(stderr, say(options->language, N_("SANDBOX, no real Exchange Online: SMTP on 127.0.0.1:%u, tokens on 127.0.0.1:%u, mail goes to %s\n")),
		      sandbox.smtp_port, sandbox.https_port, sandbox.inbox.folder);
	(void)puts("ready");
	(void)fflush(stdout);
	loop_run(&sandbox.loop);
	token_endpoint_close(&sandbox);
	write_stats(&sandbox);
	tokens_done(&sandbox.tokens);
	certificate_done(&sandbox.authority);
	certificate_done(&sandbox.leaf);
	return EX_OK;
}
