/* cli: what every verb of the command line is given: options read, arguments as JSON, the way to print. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>

#include "base/fault.h"
#include "base/say.h"
#include "domain/column.h"

struct verb;

enum cli_form { CLI_TABLE, CLI_JSON, CLI_CSV };

struct cli {
	const struct verb *verb;
	json_t *args;            /* what the daemon is asked with */
	const char *config;      /* -c FILE; NULL: none */
	const char *socket;      /* --socket PATH; NULL: from the settings */
	const char *program;     /* argv[0] */
	enum language language;
	enum cli_form form;
	bool color, yes;
};

/* How an option becomes part of the arguments. */
enum argument_kind {
	ARGUMENT_TEXT,         /* args.NAME = text */
	ARGUMENT_TEXTS,        /* args.NAME = [ … ]: may be repeated */
	ARGUMENT_FLAG,         /* args.NAME = true */
	ARGUMENT_COUNT,        /* args.NAME = number */
	ARGUMENT_SINCE,        /* args.NAMEUs = microseconds since 1970, from "7d" or a date */
	ARGUMENT_FILTER,       /* args.filter.NAME = text */
	ARGUMENT_NOT,          /* KEY=VALUE: args.not.KEY = VALUE */
	ARGUMENT_SECRET_FILE,  /* args.NAME = what the file holds */
	ARGUMENT_SECRET_STDIN, /* args.NAME = the first line of standard input */
};

struct argument {
	const char *option; /* "--since" */
	enum argument_kind kind;
	const char *name;
	const char *help;   /* N_() */
};

struct verb {
	const char *words;              /* "user set" */
	int (*run)(struct cli *cli);    /* the exit code */
	const char *operands;           /* names of what stands without an option: "user", "user set…" (then pairs into args.set), "id" */
	const struct argument *arguments; /* ends with option NULL; NULL: none */
	const struct column *columns;   /* ends with path NULL; NULL: one "name  value" a line */
	const char *help;               /* N_() */
	bool offline;                   /* also answered with the daemon down */
};

/* argv without the program's name; reads options, finds the verb, runs it. The exit code. */
int cli_main(int argc, char **argv, const struct verb *verbs, size_t count);

int cli_ask(struct cli *cli);   /* verbs that the daemon answers: cli/ask.c */

/* One sentence to standard error, in the caller's language, behind "sekisho: "; returns `exit_code`. */
int cli_fail(const struct cli *cli, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int cli_fault(const struct cli *cli, int exit_code, const struct fault *fault);

#endif
