#include <sysexits.h>

#include "cli/verbs.h"
#include "sandbox/sandbox.h"

int verb_sandbox(struct cli *cli)
{
	const char *dir = json_string_value(json_object_get(cli->args, "dir"));
	json_int_t smtp_port = json_integer_value(json_object_get(cli->args, "port"));
	json_int_t https_port = json_integer_value(json_object_get(cli->args, "https-port"));

	if (json_is_true(json_object_get(cli->args, "list-cases"))) {
		sandbox_list_cases(cli->language);
		return EX_OK;
	}
	if (smtp_port > UINT16_MAX || https_port > UINT16_MAX)
		return cli_fail(cli, EX_USAGE, N_("a port is a number from 1 to 65535"));
	return sandbox_run(&(struct sandbox_options){
		.dir = dir ? dir : "sandbox",
		.smtp_port = (unsigned)smtp_port,
		.https_port = (unsigned)https_port,
		.fails = json_object_get(cli->args, "fail"),
		.transcript = json_is_true(json_object_get(cli->args, "transcript")),
		.language = cli->language,
	});
}
