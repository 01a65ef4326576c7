#include <sysexits.h>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "gate/gate.h"
#include "keeper/keeper.h"
#include "sandbox/sandbox.h"

static int role_gate(struct cli *cli)
{
	(void)cli;
	return gate_main();
}

static int verb_sandbox(struct cli *cli)
{
	const char *dir = json_string_value(json_object_get(cli->args, "dir"));
	json_int_t smtp_port = json_integer_value(json_object_get(cli->args, "port"));
	json_int_t https_port = json_integer_value(json_object_get(cli->args, "https-port"));

	if (json_is_true(json_object_get(cli->args, "list-cases"))) {
		sandbox_list_cases(cli->language);
		return EX_OK;
	}
	if (json_integer_value(json_object_get(cli->args, "messages-per-minute")) > UINT16_MAX)
		return cli_fail(cli, EX_USAGE, N_("--messages-per-minute takes a number up to 65535"));
	if (smtp_port > UINT16_MAX || https_port > UINT16_MAX)
		return cli_fail(cli, EX_USAGE, N_("a port is a number from 1 to 65535"));
	return sandbox_run(&(struct sandbox_options){
		.dir = dir ? dir : "sandbox",
		.smtp_port = (unsigned)smtp_port,
		.https_port = (unsigned)https_port,
		.messages_per_minute = (unsigned)json_integer_value(json_object_get(cli->args, "messages-per-minute")),
		.fails = json_object_get(cli->args, "fail"),
		.transcript = json_is_true(json_object_get(cli->args, "transcript")),
		.language = cli->language,
	});
}

static int role_keeper(struct cli *cli)
{
	(void)cli;
	return keeper_main();
}

/* To add a verb: a row here; its options and columns are in cli/verb_tables.c, what it asks the daemon in keeper/api.c. */
static const struct verb verbs[] = {
	{ "serve", verb_serve, NULL, NULL, NULL, N_("run the gateway; SIGTERM drains, SIGHUP reloads"), false },
	{ "demo", verb_demo, NULL, demo_arguments, NULL, N_("see it work: one mail from a copier to a stand-in for Exchange Online"), false },
	{ "sandbox", verb_sandbox, NULL, sandbox_arguments, NULL, N_("a stand-in for Exchange Online, to try things with"), false },
	{ "config check", verb_config_check, NULL, NULL, NULL, N_("try a settings file, its certificates too"), false },
	{ "config show", verb_config_show, NULL, config_show_arguments, NULL, N_("the settings in force"), false },
	{ "config explain", verb_config_explain, "key", NULL, NULL, N_("what a setting is for"), false },
	{ "status", cli_ask, NULL, NULL, NULL, N_("what the daemon is doing"), false },
	{ "health", verb_health, NULL, NULL, NULL, N_("exit 0 while mail is taken"), false },
	{ "version", verb_version, NULL, NULL, NULL, N_("which version this is"), false },
	{ "reload", verb_reload, NULL, NULL, NULL, N_("read the settings again; a bad file changes nothing"), false },
	{ "tenant list", cli_ask, NULL, NULL, tenant_columns, N_("all tenants"), true },
	{ "tenant add", cli_ask, "tenant [set…]", tenant_arguments, NULL, N_("add a tenant by its domain"), false },
	{ "tenant show", cli_ask, "tenant", NULL, NULL, N_("one tenant and its switches"), true },
	{ "tenant set", cli_ask, "tenant set…", tenant_set_arguments, NULL, N_("SWITCH VALUE: smtp-auth off, security-defaults on …"), false },
	{ "user list", cli_ask, NULL, tenant_filter_arguments, user_columns, N_("all users"), true },
	{ "user add", cli_ask, "user [set…]", user_add_arguments, NULL, N_("add a user with a password"), false },
	{ "user show", cli_ask, "user", NULL, NULL, N_("one user, its switches, and where each comes from"), true },
	{ "user set", cli_ask, "user set…", user_set_arguments, NULL, N_("SWITCH VALUE: smtp-auth off, mfa enforced, send-as LIST …"), false },
	{ "user passwd", cli_ask, "user", user_passwd_arguments, NULL, N_("give a user a new password"), false },
	{ "user remove", cli_ask, "user", NULL, NULL, N_("remove a user"), false },
	{ "signins", cli_ask, NULL, signins_arguments, signins_columns, N_("the sign-in log, newest first"), true },
	{ "trace", cli_ask, NULL, trace_arguments, trace_columns, N_("what became of messages, newest first"), true },
	{ "explain", cli_ask, "what", NULL, NULL, N_("an ID, an error number or a whole reply: what it means and how to mend it"), false },
	{ "audit", cli_ask, NULL, audit_arguments, audit_columns, N_("who changed what"), false },
	{ "queue list", cli_ask, NULL, list_arguments, queue_columns, N_("what waits to be sent, newest first"), true },
	{ "queue show", cli_ask, "id", NULL, NULL, N_("one message of the queue"), false },
	{ "queue cat", verb_queue_cat, "id", NULL, NULL, N_("its bytes"), false },
	{ "queue hold", cli_ask, "id", NULL, NULL, N_("do not send it until it is released"), false },
	{ "queue release", cli_ask, "id", NULL, NULL, N_("send it after all"), false },
	{ "queue retry", cli_ask, "id", NULL, NULL, N_("try it now"), false },
	{ "queue drop", cli_ask, "id", NULL, NULL, N_("throw it away; nobody is told"), false },
	{ "queue flush", cli_ask, NULL, NULL, NULL, N_("try everything now"), false },
	{ "mailq", cli_ask, NULL, list_arguments, queue_columns, NULL, true },
	{ "rehearse", cli_ask, NULL, rehearse_arguments, NULL, N_("refuse a share of basic sign-ins for a while, as on the day"), false },
	{ "rehearse stop", cli_ask, NULL, NULL, NULL, N_("end the rehearsal"), false },
	{ "rehearse status", cli_ask, NULL, NULL, NULL, N_("what is being rehearsed"), false },
	{ "rehearse report", cli_ask, NULL, NULL, rehearse_columns, N_("which devices noticed, tried again, or went silent"), false },
	{ "upstream list", cli_ask, NULL, NULL, upstream_columns, N_("upstreams and mailboxes: connections, pauses, tokens"), false },
	{ "upstream token", cli_ask, "upstream", upstream_token_arguments, NULL, N_("what the upstream's token says of itself; never the token"), false },
	{ "upstream login", verb_login, "upstream", upstream_login_arguments, NULL, N_("sign in once for an upstream with flow: device-code or auth-code"), false },
	{ "upstream test", verb_upstream_test, "name", upstream_test_arguments, upstream_test_columns, N_("try an upstream step by step; sends nothing unless --send"), false },
	{ "upstream show", cli_ask, "upstream", NULL, upstream_gauge_columns, N_("how much of its share each mailbox has used, what waits, until when"), false },
	{ "route list", cli_ask, NULL, NULL, route_columns, N_("which mail goes where: the routes in the order in which they are asked"), false },
	{ "route add", cli_ask, NULL, route_add_arguments, route_columns, N_("send mail another way, at once: asked before the routes of the settings"), false },
	{ "route remove", cli_ask, "id", NULL, NULL, N_("take a route out that was added"), false },
	{ "import entra-signins", verb_import_entra, "files…", import_entra_arguments, NULL, N_("sign-ins that Entra ID exported: CSV or JSON, - is standard input"), false },
	{ "import eac-report", verb_import_eac, "files…", import_eac_arguments, NULL, N_("the SMTP AUTH clients report that the Exchange admin center exported"), false },
	{ "report smtp-auth", verb_report, NULL, report_arguments, NULL, N_("who sends by SMTP AUTH, how, and what becomes of it when basic authentication ends"), true },
	{ "retirement show", verb_retirement_show, NULL, retirement_show_arguments, retirement_columns, N_("when basic authentication ends, and how the plan came to be"), false },
	{ "retirement set", cli_ask, NULL, retirement_set_arguments, NULL, N_("a tenant's own dates, and whether they are carried out here"), false },
	{ "retirement simulate", cli_ask, NULL, retirement_simulate_arguments, simulate_columns, N_("who would be refused on a day to come, and what to do instead; changes nothing"), false },
	{ "notices list", cli_ask, NULL, notices_list_arguments, notices_columns, N_("what the administrator should know: retirement, first sign-ins, lock-outs, what expires"), true },
	{ "notices show", verb_notices_show, "id", NULL, NULL, N_("one notice, its text and the names in it"), false },
	{ "notices ack", cli_ask, "id", NULL, notices_columns, N_("it has been seen to"), false },
	{ "notices snooze", cli_ask, "id", notices_snooze_arguments, notices_columns, N_("not now: open again after --for 7d"), false },
	{ "notices send", cli_ask, "[id]", NULL, notices_sent_columns, N_("mail and post what is due now, or one again"), false },
	{ "notices test", cli_ask, NULL, NULL, notices_sent_columns, N_("send a test by mail and webhook and tell what happened"), false },
	{ "Get-CASMailbox", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("as in Exchange: a mailbox's SmtpClientAuthenticationDisabled"), false },
	{ "Set-CASMailbox", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("likewise: USER -SmtpClientAuthenticationDisabled true|false|null"), false },
	{ "Get-TransportConfig", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("likewise, the tenant's"), false },
	{ "Set-TransportConfig", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("likewise: -SmtpClientAuthenticationDisabled true|false"), false },
	{ "Get-OrganizationConfig", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("likewise: OAuth2ClientProfileEnabled"), false },
	{ "Set-OrganizationConfig", verb_cmdlet, "[words…]", tenant_filter_arguments, NULL, N_("likewise: -OAuth2ClientProfileEnabled true|false"), false },
	{ "gate", role_gate, NULL, NULL, NULL, NULL, false },     /* a role: started by serve */
	{ "keeper", role_keeper, NULL, NULL, NULL, NULL, false }, /* likewise */
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, verbs, sizeof(verbs) / sizeof(*verbs));
}
