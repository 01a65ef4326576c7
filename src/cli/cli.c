#include "cli/cli.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "domain/nearest.h"

#define TOKENS_MAX 4096
#define VERBS_MAX 128

/* What is left of the command line once the options that every verb has are taken out. */
struct tokens {
	char *items[TOKENS_MAX];
	size_t count;
};

int cli_fail(const struct cli *cli, int exit_code, const char *format, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fputs("sekisho: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, say(cli->language, format), args);
	va_end(args);
	(void)fputc('\n', stderr);
	return exit_code;
}

int cli_fault(const struct cli *cli, int exit_code, const struct fault *fault)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "sekisho: %s\n", fault->text[cli->language]);
	return exit_code;
}

/* --- options of every verb --- */

static int set_config(struct cli *cli, const char *value)
{
	cli->config = value;
	return EX_OK;
}

static int set_socket(struct cli *cli, const char *value)
{
	cli->socket = value;
	return EX_OK;
}

static int set_language(struct cli *cli, const char *value)
{
	if (language_parse(str_of(value), &cli->language))
		return EX_OK;
	return cli_fail(cli, EX_USAGE, N_("there is no language \"%s\"; write --lang ja or --lang en"), value);
}

static int set_zone(struct cli *cli, const char *value)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", value);
	if (strstr(value, "..") || (access(path, R_OK) == -1 && strcmp(value, "UTC") != 0))
		return cli_fail(cli, EX_USAGE, N_("there is no time zone \"%s\"; write one such as Asia/Tokyo or UTC"), value);
	(void)setenv("TZ", value, 1);
	tzset();
	return EX_OK;
}

static int set_color(struct cli *cli, const char *value)
{
	if (strcmp(value, "always") != 0 && strcmp(value, "never") != 0 && strcmp(value, "auto") != 0)
		return cli_fail(cli, EX_USAGE, N_("--color is auto, always or never, not \"%s\""), value);
	if (strcmp(value, "auto") != 0)
		cli->color = value[0] == 'a';
	return EX_OK;
}

static int set_json(struct cli *cli, const char *value)
{
	(void)value;
	cli->form = CLI_JSON;
	return EX_OK;
}

static int set_csv(struct cli *cli, const char *value)
{
	(void)value;
	cli->form = CLI_CSV;
	return EX_OK;
}

static int set_yes(struct cli *cli, const char *value)
{
	(void)value;
	cli->yes = true;
	return EX_OK;
}

static const struct {
	const char *option;
	bool has_value;
	int (*set)(struct cli *cli, const char *value);
} common[] = {
	{ "-c", true, set_config },       { "--config", true, set_config }, { "--socket", true, set_socket },
	{ "--lang", true, set_language }, { "--tz", true, set_zone },       { "--color", true, set_color },
	{ "--json", false, set_json },    { "--csv", false, set_csv },      { "--yes", false, set_yes },
};

/* -1: none of them; else the exit code so far, and *at is moved past it. */
static int take_common(struct cli *cli, int argc, char **argv, int *at)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++) {
		size_t len = strlen(common[i].option);
		const char *value = NULL;

		if (strncmp(argv[*at], common[i].option, len) != 0)
			continue;
		if (argv[*at][len] == '=' && common[i].has_value)
			value = argv[*at] + len + 1;
		else if (argv[*at][len] != '\0')
			continue;
		else if (common[i].has_value && *at + 1 < argc)
			value = argv[++*at];
		if (common[i].has_value && !value)
			return cli_fail(cli, EX_USAGE, N_("%s needs a value"), common[i].option);
		++*at;
		return common[i].set(cli, value);
	}
	return -1;
}

/* --- the verb --- */

static const struct verb *find_verb(const struct verb *verbs, size_t count, const struct tokens *tokens, size_t *ret_used)
{
	const struct verb *best = NULL;

	*ret_used = 0;
	for (size_t i = 0; i < count; i++) {
		struct str rest = str_of(verbs[i].words);
		size_t used = 0;

		while (rest.len > 0 && used < tokens->count &&
		       str_eq_nocase(str_cut(&rest, ' '), str_of(tokens->items[used]))) {
			used++;
			if (rest.len == 0 && used > *ret_used) {
				best = &verbs[i];
				*ret_used = used;
			}
		}
	}
	return best;
}

static void print_help(const struct cli *cli, const struct verb *verbs, size_t count)
{
	(void)printf("%s\n\n", say(cli->language, N_("sekisho VERB [OPTIONS]: an SMTP AUTH submission gateway. Every verb takes -c FILE, --lang ja|en and --help.")));
	for (size_t i = 0; i < count; i++) {
		if (verbs[i].help)
			(void)printf("  %-18s %s\n", verbs[i].words, say(cli->language, verbs[i].help));
	}
}

static void print_verb_help(const struct cli *cli)
{
	const struct verb *verb = cli->verb;

	(void)printf("sekisho %s %s\n%s\n", verb->words, verb->operands ? verb->operands : "", verb->help ? say(cli->language, verb->help) : "");
	for (const struct argument *argument = verb->arguments; argument && argument->option; argument++)
		(void)printf("  %-18s %s\n", argument->option, say(cli->language, argument->help));
}

static int unknown_verb(const struct cli *cli, const struct verb *verbs, size_t count, const struct tokens *tokens)
{
	const char *names[VERBS_MAX];
	char typed[128] = "";
	struct str near;

	for (size_t i = 0; i < count && i < VERBS_MAX; i++)
		names[i] = verbs[i].words;
	for (size_t i = 0; i < tokens->count && i < 2 && tokens->items[i][0] != '-'; i++)
		(void)snprintf(typed + strlen(typed), sizeof(typed) - strlen(typed), "%s%s", i ? " " : "", tokens->items[i]);
	near = nearest(str_of(typed), names, count < VERBS_MAX ? count : VERBS_MAX);
	if (near.len == 0)
		return cli_fail(cli, EX_USAGE, N_("there is no verb \"%s\"; see: sekisho --help"), typed);
	return cli_fail(cli, EX_USAGE, N_("there is no verb \"%s\"; did you mean \"%.*s\"?"), typed, STR_ARG(near));
}

static void init(struct cli *cli)
{
	const char *language = getenv("LC_ALL");

	*cli = (struct cli){ .args = json_object(), .color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	if (!language || !language[0])
		language = getenv("LC_MESSAGES");
	if (!language || !language[0])
		language = getenv("LANG");
	(void)language_parse(str_of(language), &cli->language);
}

int cli_main(int argc, char **argv, const struct verb *verbs, size_t count)
{
	static struct tokens tokens;
	struct cli cli;
	bool help = argc < 2;
	size_t used;
	int exit_code;

	/* What is printed is UTF-8 whatever LANG says; libsmartcols measures its
	 * columns by the C library's idea of a character, and in the "C" locale a
	 * table of Japanese never came to an end. */
	setlocale(LC_CTYPE, "C.UTF-8");
	init(&cli);
	cli.program = argv[0];
	for (int at = 1; at < argc && tokens.count < TOKENS_MAX;) {
		exit_code = take_common(&cli, argc, argv, &at);
		if (exit_code > 0)
			return exit_code;
		if (exit_code == 0)
			continue;
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			help = true;
		else
			tokens.items[tokens.count++] = argv[at];
		at++;
	}
	if (tokens.count == 0) {
		if (!help)
			return cli_fail(&cli, EX_USAGE, N_("say what to do; see: sekisho --help"));
		print_help(&cli, verbs, count);
		return argc < 2 ? EX_USAGE : EX_OK;
	}
	cli.verb = find_verb(verbs, count, &tokens, &used);
	if (!cli.verb)
		return unknown_verb(&cli, verbs, count, &tokens);
	if (help) {
		print_verb_help(&cli);
		return EX_OK;
	}
	exit_code = arguments_read(&cli, tokens.items + used, tokens.count - used);
	if (exit_code == EX_OK)
		exit_code = cli.verb->run(&cli);
	json_decref(cli.args);
	if (fflush(stdout) == EOF && exit_code == EX_OK)
		exit_code = EX_IOERR; /* a full disk or a closed pipe behind us */
	return exit_code;
}
