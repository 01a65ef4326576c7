#include "cli/demo.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "sys/certificate.h"

#define TENANT "contoso.example"
#define USER "copier@contoso.example"
#define RECIPIENT "someone@example.net"
#define NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"
#define LOOK_EVERY_MS 200
#define EXIT_INTERRUPTED 130 /* as a shell tells it: 128 and SIGINT */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* --- what is printed --- */

void demo_fact(const struct demo *demo, const char *english, const char *value)
{
	(void)printf("    %s: %s\n", say(demo->cli->language, english), value);
}

bool demo_failed(const struct demo *demo, const char *english)
{
	if (interrupted) /* that is why */
		return false;
	(void)cli_fail(demo->cli, 1, "%s", say(demo->cli->language, english));
	(void)cli_fail(demo->cli, 1, N_("the logs are in %s"), demo->folder);
	return false;
}

void demo_event_id(const char *reply, size_t size, char *ret_id)
{
	struct str text = str_of(reply);
	struct str id = str_skip(text, str_find_last(text, '[') + 1);

	ret_id[0] = '\0';
	if (str_ends_nocase(id, STR("]")))
		(void)str_copy((struct str){ id.ptr, id.len - 1 }, size, ret_id);
}

/* --- questions to the gateway --- */

struct collected {
	json_t *first; /* the first row */
	bool quiet;
};

static void collect(void *context, json_t *row)
{
	struct collected *collected = context;

	if (!collected->first)
		collected->first = json_incref(row);
}

/* Ask; the first row, if one came, is the caller's. The exit code. Takes `args` over. */
int demo_ask(const struct demo *demo, const char *verb, json_t *args, json_t **ret_row)
{
	struct collected collected = { 0 };
	bool refused;
	int fd = ask_connect(demo->socket_path, 5000, &refused);
	int exit_code = fd == -1 ? EX_UNAVAILABLE : ask_question(demo->cli, fd, verb, args, collect, &collected);

	json_decref(args);
	if (ret_row)
		*ret_row = collected.first;
	else
		json_decref(collected.first);
	return exit_code;
}

/* --- making ready --- */

static unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) == -1)
		return 0;
	return ntohs(address.sin_port);
}

static bool write_file(const struct demo *demo, const char *name, struct str text)
{
	char path[DEMO_PATH_MAX];
	struct fault fault;

	(void)snprintf(path, sizeof(path), "%s/%s", demo->folder, name);
	if (file_replace(path, text, 0600, &fault) == OUTCOME_OK)
		return true;
	(void)cli_fault(demo->cli, 1, &fault);
	return false;
}

static bool write_certificates(struct demo *demo)
{
	struct certificate authority = { 0 };
	struct certificate leaf = { 0 };
	struct fault fault;
	bool written = false;

	if (certificate_make_authority("Sekisho demo CA", &authority, &fault) == OUTCOME_OK &&
	    certificate_make_leaf(&authority, NAMES, CERTIFICATE_RSA, &leaf, &fault) == OUTCOME_OK)
		written = write_file(demo, "ca.pem", buf_str(&authority.certificate)) &&
			  write_file(demo, "chain.pem", buf_str(&leaf.certificate)) && write_file(demo, "key.pem", buf_str(&leaf.key));
	else
		(void)cli_fault(demo->cli, 1, &fault);
	certificate_done(&authority);
	certificate_done(&leaf);
	(void)snprintf(demo->ca_file, sizeof(demo->ca_file), "%s/ca.pem", demo->folder);
	return written;
}

static const char *demo_described(const struct demo *demo, const char *name)
{
	return json_string_value(json_object_get(demo->described, name));
}

static bool write_settings(struct demo *demo)
{
	CLEANUP(cleanup_buf) struct buf text = { .bytes_max = 16384 };

	demo->port = free_port();
	(void)snprintf(demo->socket_path, sizeof(demo->socket_path), "%s/control.sock", demo->folder);
	(void)snprintf(demo->settings, sizeof(demo->settings), "%s/gw.yaml", demo->folder);
	return demo->port &&
	       buf_add_format(&text,
			      "daemon:    { state: state, socket: control.sock, hostname: gateway.contoso.example, administrator: postmaster@" TENANT ", language: %s }\n"
			      "listeners:\n"
			      "  copiers: { address: 127.0.0.1:%u, tls: starttls, certificates: [ { certificate: chain.pem, key: key.pem } ] }\n"
			      "upstreams:\n"
			      "  sandbox:\n"
			      "    { kind: smtp, host: %s, port: %lld, tls: starttls, ca-file: %s, auth: xoauth2, tenant: %s, token-url: \"%s\",\n"
			      "      client-id: %s, client-secret-file: %s, scope: \"%s\" }\n",
			      demo->cli->language == LANGUAGE_JA ? "ja" : "en", demo->port, demo_described(demo, "host"),
			      (long long)json_integer_value(json_object_get(demo->described, "smtpPort")), demo_described(demo, "caFile"),
			      demo_described(demo, "tenant"), demo_described(demo, "tokenUrl"), demo_described(demo, "clientId"),
			      demo_described(demo, "clientSecretFile"), demo_described(demo, "scope")) &&
	       write_file(demo, "gw.yaml", buf_str(&text));
}

static bool start_both(struct demo *demo, struct copier *copier)
{
	char sandbox_dir[DEMO_PATH_MAX];
	char description[DEMO_PATH_MAX + 32];
	const char *sandbox_words[] = { "sekisho", "sandbox", "--dir", sandbox_dir, "--transcript", NULL };
	const char *gateway_words[] = { "sekisho", "serve", "-c", demo->settings, NULL };
	char text[256];

	(void)snprintf(sandbox_dir, sizeof(sandbox_dir), "%s/S", demo->folder);
	(void)snprintf(description, sizeof(description), "%s/sandbox.json", sandbox_dir);
	if (!demo_child_start(demo->cli, &demo->sandbox, demo->folder, "sandbox", sandbox_words))
		return false;
	demo->described = json_load_file(description, 0, NULL);
	if (!demo->described)
		return demo_failed(demo, N_("the sandbox did not say where it is"));
	if (!write_certificates(demo) || !write_settings(demo) ||
	    !demo_child_start(demo->cli, &demo->gateway, demo->folder, "gateway", gateway_words))
		return false;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%lld (SANDBOX)", (long long)json_integer_value(json_object_get(demo->described, "smtpPort")));
	demo_fact(demo, N_("stand-in for Exchange Online"), text);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", demo->port);
	demo_fact(demo, N_("gateway"), text);
	demo_fact(demo, N_("folder"), demo->folder);
	copier->port = demo->port;
	return true;
}

static bool add_account(struct demo *demo, struct copier *copier)
{
	json_t *row = NULL;
	const char *password;

	(void)copier; /* knows where the password will be */
	if (demo_ask(demo, "tenant add", json_pack("{s:s}", "tenant", TENANT), NULL) != 0)
		return demo_failed(demo, N_("the tenant could not be added"));
	if (demo_ask(demo, "user add", json_pack("{s:s,s:b}", "user", USER, "generate", 1), &row) != 0) {
		json_decref(row);
		return demo_failed(demo, N_("the user could not be added"));
	}
	password = json_string_value(json_object_get(row, "generatedPassword"));
	(void)snprintf(demo->password, sizeof(demo->password), "%s", password ? password : "");
	json_decref(row);
	(void)snprintf(demo->password_file, sizeof(demo->password_file), "%s/pw", demo->folder);
	demo_fact(demo, N_("user"), USER);
	demo_fact(demo, N_("its password, made here and typed into the copier, is in"), demo->password_file);
	return demo->password[0] && write_file(demo, "pw", str_of(demo->password));
}

/* --- the mail --- */

static bool copier_sends(struct demo *demo, struct copier *copier)
{
	char text[64];

	if (!demo_message(USER, RECIPIENT, &demo->message))
		return demo_failed(demo, N_("out of memory"));
	if (copier_run(copier, RECIPIENT, buf_str(&demo->message)) != COPIER_SENT)
		return demo_failed(demo, N_("the gateway did not take the message"));
	demo_event_id(copier->last, sizeof(demo->queued_id), demo->queued_id);
	if (!demo->queued_id[0])
		return demo_failed(demo, N_("the gateway's reply has no event ID"));
	(void)snprintf(text, sizeof(text), "%.1f ms", copier->milliseconds);
	demo_fact(demo, N_("the whole dialogue took"), text);
	return true;
}

static bool mail_arrives(struct demo *demo, struct copier *copier)
{
	(void)copier; /* its part is done */
	return demo_mail_arrives(demo);
}

static bool show_sign_in(struct demo *demo, struct copier *copier)
{
	static const char *const shown[] = { "createdDateTime", "userPrincipalName", "ipAddress", "clientAppUsed", "authenticationProtocol",
					     "mechanism", "tlsVersion", "ehlo", "status.errorCode", "smtpReply", "eventId" };
	json_t *row = NULL;
	char text[512];

	(void)copier;
	if (demo_ask(demo, "signins", json_pack("{s:i}", "count", 1), &row) != 0 || !row)
		return demo_failed(demo, N_("the sign-in was not written down"));
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		rows_text(row, shown[i], false, sizeof(text), text);
		(void)printf("    %-24s %s\n", shown[i], text);
	}
	json_decref(row);
	return true;
}

/* --- the switch --- */

static bool set_switch(const struct demo *demo, const char *value)
{
	return demo_ask(demo, "tenant set", json_pack("{s:s,s:{s:s},s:b}", "tenant", TENANT, "set", "smtp-auth", value, "yes", 1), NULL) == 0;
}

/* By the ID alone, as an administrator reads it from the panel: the row that explains must be this refusal's. */
static bool explain_refusal(const struct demo *demo, const char *reply)
{
	json_t *row = NULL;
	char id[32];
	char told[512];
	bool same;

	demo_event_id(reply, sizeof(id), id);
	demo_fact(demo, N_("the copier's panel would show"), reply);
	(void)printf("    sekisho explain %s\n", id);
	if (demo_ask(demo, "explain", json_pack("{s:s}", "what", id), &row) != 0 || !row) {
		json_decref(row);
		return demo_failed(demo, N_("the refusal could not be explained"));
	}
	rows_text(row, "smtpReply", false, sizeof(told), told);
	same = strcmp(told, reply) == 0;
	rows_text(row, "policyRule", false, sizeof(told), told);
	json_decref(row);
	demo_fact(demo, N_("the rule that refused"), told);
	return same ? true : demo_failed(demo, N_("the sign-in log has another reply than the copier got"));
}

static bool switch_refuses(struct demo *demo, struct copier *copier)
{
	if (!set_switch(demo, "off"))
		return demo_failed(demo, N_("the switch could not be set"));
	if (copier_run(copier, RECIPIENT, STR("")) != COPIER_REFUSED || strncmp(copier->last, "535 5.7.139", 11) != 0)
		return demo_failed(demo, N_("the sign-in was not refused with 535 5.7.139"));
	return explain_refusal(demo, copier->last);
}

static bool switch_passes(struct demo *demo, struct copier *copier)
{
	if (!set_switch(demo, "on"))
		return demo_failed(demo, N_("the switch could not be set"));
	if (copier_run(copier, RECIPIENT, STR("")) != COPIER_SIGNED_IN)
		return demo_failed(demo, N_("the sign-in was refused although the switch is on again"));
	return true;
}

/* --- the tour --- */

/* To add a step: a function and a row. */
static const struct {
	const char *heading;
	bool (*run)(struct demo *, struct copier *);
} steps[] = {
	{ N_("A gateway and a stand-in for Exchange Online start"), start_both },
	{ N_("A tenant and a user are added"), add_account },
	{ N_("A copier signs in with its password and sends a scan"), copier_sends },
	{ N_("The gateway carries it on with OAuth, and it arrives"), mail_arrives },
	{ N_("The sign-in log has it"), show_sign_in },
	{ N_("The tenant's SMTP AUTH switch is turned off"), switch_refuses },
	{ N_("And on again"), switch_passes },
};

static bool tour(struct demo *demo)
{
	struct copier copier = { .cli = demo->cli, .ca_file = demo->ca_file, .user = USER, .password = demo->password };
	char took[64];

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		uint64_t began_us = clock_monotonic_us();

		if (interrupted) {
			(void)fprintf(stderr, say(demo->cli->language, N_("interrupted: step %zu and what follows it were not run\n")), i + 1);
			return false;
		}
		(void)printf("\n%zu. %s\n", i + 1, say(demo->cli->language, steps[i].heading));
		if (!steps[i].run(demo, &copier)) {
			if (interrupted)
				(void)fprintf(stderr, say(demo->cli->language, N_("interrupted in step %zu; what follows it was not run\n")), i + 1);
			return false;
		}
		(void)snprintf(took, sizeof(took), "%.1f ms", (double)(clock_monotonic_us() - began_us) / 1000);
		demo_fact(demo, N_("this step took"), took);
	}
	return true;
}

static bool stay(struct demo *demo)
{
	(void)printf(say(demo->cli->language, N_("\nBoth go on until you press Ctrl-C. Try:\n")));
	(void)printf("    swaks --server 127.0.0.1 --port %u --tls --auth LOGIN --auth-user " USER " --auth-password \"$(cat %s)\" --from " USER
		     " --to " RECIPIENT "\n    %s -c %s signins\n",
		     demo->port, demo->password_file, demo->cli->program, demo->settings);
	(void)fflush(stdout);
	while (!interrupted) {
		if (!demo_child_runs(&demo->gateway) || !demo_child_runs(&demo->sandbox))
			return demo_failed(demo, N_("one of the two has ended by itself"));
		(void)nanosleep(&(struct timespec){ 0, LOOK_EVERY_MS * 1000000L }, NULL);
	}
	return true;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
	(void)about;
	(void)type;
	(void)where;
	return remove(path);
}

static bool make_folder(struct demo *demo)
{
	const char *parent = getenv("TMPDIR");

	/* A socket's path is short: a long TMPDIR would break it. */
	if (!parent || strlen(parent) > 60)
		parent = "/tmp";
	(void)snprintf(demo->folder, sizeof(demo->folder), "%s/sekisho-demo-XXXXXX", parent);
	return mkdtemp(demo->folder) != NULL;
}

int verb_demo(struct cli *cli)
{
	struct demo demo = { .cli = cli };
	bool good;

	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	(void)signal(SIGHUP, on_interrupt);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* in order with what goes to standard error */
	if (!make_folder(&demo))
		return cli_fail(cli, EX_CANTCREAT, N_("no folder could be made in %s"), demo.folder);
	good = tour(&demo);
	if (good)
		(void)printf("\n%s\n", say(cli->language, N_("All of it was seen to work.")));
	if (good && !json_is_true(json_object_get(cli->args, "once")))
		good = stay(&demo);
	demo_child_stop(&demo.gateway);
	demo_child_stop(&demo.sandbox);
	if (json_is_true(json_object_get(cli->args, "keep")) || (!good && !interrupted))
		(void)fprintf(stderr, say(cli->language, N_("the demo's folder stays: %s\n")), demo.folder);
	else
		(void)nftw(demo.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	json_decref(demo.described);
	buf_done(&demo.message);
	sodium_memzero(demo.password, sizeof(demo.password));
	return good ? EX_OK : interrupted ? EXIT_INTERRUPTED : 1;
}
