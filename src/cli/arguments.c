#include "cli/arguments.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "domain/nearest.h"

#define SECRET_BYTES_MAX 4096
#define OPTIONS_MAX 64

static int put(struct cli *cli, const char *object, const char *name, json_t *value)
{
	json_t *into = cli->args;

	if (object) {
		into = json_object_get(cli->args, object);
		if (!into) {
			into = json_object();
			(void)json_object_set_new(cli->args, object, into);
		}
	}
	if (!value || json_object_set_new(into, name, value) != 0)
		return cli_fail(cli, EX_DATAERR, N_("the value of %s is no valid UTF-8"), name);
	return EX_OK;
}

static int put_more(struct cli *cli, const char *name, const char *text)
{
	json_t *all = json_object_get(cli->args, name);

	if (!all) {
		all = json_array();
		(void)json_object_set_new(cli->args, name, all);
	}
	if (json_array_append_new(all, json_string(text)) != 0)
		return cli_fail(cli, EX_DATAERR, N_("the value of %s is no valid UTF-8"), name);
	return EX_OK;
}

static int put_secret_file(struct cli *cli, const char *name, const char *path)
{
	CLEANUP(buf_wipe) struct buf secret = { 0 };
	struct fault fault;

	if (file_load_secret(path, SECRET_BYTES_MAX, &secret, &fault) != OUTCOME_OK)
		return cli_fault(cli, EX_NOINPUT, &fault);
	return put(cli, NULL, name, json_stringn(secret.ptr, secret.len));
}

static int put_secret_stdin(struct cli *cli, const char *name)
{
	char line[SECRET_BYTES_MAX];
	int exit_code;

	if (!fgets(line, sizeof(line), stdin))
		return cli_fail(cli, EX_NOINPUT, N_("no password came on standard input"));
	line[strcspn(line, "\r\n")] = '\0';
	exit_code = put(cli, NULL, name, json_string(line));
	sodium_memzero(line, sizeof(line));
	return exit_code;
}

static int put_since(struct cli *cli, const char *name, const char *text)
{
	char key[64];
	int64_t us;

	(void)snprintf(key, sizeof(key), "%sUs", name);
	if (clock_span_parse(str_of(text), &us))
		return put(cli, NULL, key, json_integer(clock_real_us() - us));
	if (clock_rfc3339_parse(str_of(text), &us))
		return put(cli, NULL, key, json_integer(us));
	return cli_fail(cli, EX_USAGE, N_("\"%s\" is no time; write 7d, 12h, 2026-11-24 or 2026-11-24T08:30:00Z"), text);
}

static int put_not(struct cli *cli, const char *text)
{
	struct str rest = str_of(text);
	struct str key = str_cut(&rest, '=');
	char name[64];

	if (rest.len == 0 || !str_copy(key, sizeof(name), name))
		return cli_fail(cli, EX_USAGE, N_("--not wants KEY=VALUE, such as --not user=copier@contoso.example, not \"%s\""), text);
	return put(cli, "not", name, json_stringn(rest.ptr, rest.len));
}

static int put_count(struct cli *cli, const char *option, const char *name, const char *text)
{
	uint64_t number;

	if (!str_to_u64(str_of(text), INT32_MAX, &number))
		return cli_fail(cli, EX_USAGE, N_("%s wants a whole number, not \"%s\""), option, text);
	return put(cli, NULL, name, json_integer((json_int_t)number));
}

static bool has_value(enum argument_kind kind)
{
	return kind != ARGUMENT_FLAG && kind != ARGUMENT_SECRET_STDIN;
}

static int take(struct cli *cli, const struct argument *argument, const char *value)
{
	switch (argument->kind) {
	case ARGUMENT_TEXT:
		return put(cli, NULL, argument->name, json_string(value));
	case ARGUMENT_TEXTS:
		return put_more(cli, argument->name, value);
	case ARGUMENT_FLAG:
		return put(cli, NULL, argument->name, json_true());
	case ARGUMENT_COUNT:
		return put_count(cli, argument->option, argument->name, value);
	case ARGUMENT_SINCE:
		return put_since(cli, argument->name, value);
	case ARGUMENT_FILTER:
		return put(cli, "filter", argument->name, json_string(value));
	case ARGUMENT_NOT:
		return put_not(cli, value);
	case ARGUMENT_SECRET_FILE:
		return put_secret_file(cli, argument->name, value);
	case ARGUMENT_SECRET_STDIN:
		return put_secret_stdin(cli, argument->name);
	}
	return EX_SOFTWARE;
}

static int unknown_option(const struct cli *cli, const char *token)
{
	const char *names[OPTIONS_MAX];
	size_t count = 0;
	struct str near;

	for (const struct argument *argument = cli->verb->arguments; argument && argument->option && count < OPTIONS_MAX; argument++)
		names[count++] = argument->option;
	near = nearest(str_of(token), names, count);
	if (near.len > 0)
		return cli_fail(cli, EX_USAGE, N_("%s has no option %s; did you mean %.*s?"), cli->verb->words, token, STR_ARG(near));
	return cli_fail(cli, EX_USAGE, N_("%s has no option %s; see: sekisho %s --help"), cli->verb->words, token, cli->verb->words);
}

static int take_option(struct cli *cli, char **tokens, size_t count, size_t *at)
{
	const char *token = tokens[*at];
	size_t len = strcspn(token, "=");

	for (const struct argument *argument = cli->verb->arguments; argument && argument->option; argument++) {
		const char *value = NULL;

		if (strlen(argument->option) != len || strncmp(argument->option, token, len) != 0)
			continue;
		if (has_value(argument->kind)) {
			if (token[len] == '=')
				value = token + len + 1;
			else if (*at + 1 < count)
				value = tokens[++*at];
			else
				return cli_fail(cli, EX_USAGE, N_("%s needs a value"), argument->option);
		}
		++*at;
		return take(cli, argument, value);
	}
	return unknown_option(cli, token);
}

/* "user set…": a user, then pairs of switch and value; "user [set…]": or none. */
static int take_operand(struct cli *cli, struct str *operands, char **tokens, size_t count, size_t *at)
{
	struct str name = *operands;
	char key[64];

	if (operands->len == 0)
		return cli_fail(cli, EX_USAGE, N_("\"%s\" is one word too many; see: sekisho %s --help"), tokens[*at], cli->verb->words);
	if (str_starts(name, STR("set")) || str_starts(name, STR("[set"))) {
		if (*at + 1 >= count)
			return cli_fail(cli, EX_USAGE, N_("%s needs a value"), tokens[*at]);
		*at += 2;
		return put(cli, "set", tokens[*at - 2], json_string(tokens[*at - 1]));
	}
	if (str_eq(name, STR("[words…]"))) {
		++*at;
		return put_more(cli, "words", tokens[*at - 1]);
	}
	if (str_eq(name, STR("[id]"))) {
		*operands = STR("");
		return put(cli, NULL, "id", json_string(tokens[(*at)++]));
	}
	if (str_eq(name, STR("files…")))
		return put_more(cli, "files", tokens[(*at)++]);
	name = str_cut(operands, ' ');
	(void)str_copy(name, sizeof(key), key);
	++*at;
	return put(cli, NULL, key, json_string(tokens[*at - 1]));
}

int arguments_read(struct cli *cli, char **tokens, size_t count)
{
	struct str operands = str_of(cli->verb->operands);
	int exit_code = EX_OK;
	bool only_operands = false;

	for (size_t at = 0; at < count && exit_code == EX_OK;) {
		if (!only_operands && strcmp(tokens[at], "--") == 0) {
			only_operands = true;
			at++;
		} else if (!only_operands && strncmp(tokens[at], "--", 2) == 0) {
			exit_code = take_option(cli, tokens, count, &at);
		} else {
			exit_code = take_operand(cli, &operands, tokens, count, &at);
		}
	}
	if (exit_code != EX_OK)
		return exit_code;
	if (cli->yes)
		(void)json_object_set_new(cli->args, "yes", json_true());
	if (operands.len > 0 && !str_starts(operands, STR("[")) && !(str_starts(operands, STR("set")) && json_object_get(cli->args, "set")) &&
	    !json_object_get(cli->args, "files"))
		return cli_fail(cli, EX_USAGE, N_("%s needs more: sekisho %s %s"), cli->verb->words, cli->verb->words, cli->verb->operands);
	return EX_OK;
}
