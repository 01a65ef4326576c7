#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void options_die(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static _Noreturn void print_help(const struct option_row *rows, size_t row_count)
{
	for (size_t i = 0; i < row_count; i++)
		printf("  --%-16s%s %s\n", rows[i].name, rows[i].kind == OPTION_FLAG ? "  " : " V",
		       rows[i].help);
	exit(0);
}

static const struct option_row *find(const struct option_row *rows, size_t row_count, const char *argument)
{
	if (strncmp(argument, "--", 2) != 0)
		return NULL;
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].name, argument + 2) == 0)
			return &rows[i];
	return NULL;
}

static long count_of(const char *name, const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0)
		options_die(64, "--%s wants a whole number, not \"%s\"", name, text);
	return value;
}

void options_parse(const struct option_row *rows, size_t row_count, void *into, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct option_row *row;
		char *place;

		if (strcmp(argv[i], "--help") == 0)
			print_help(rows, row_count);
		row = find(rows, row_count, argv[i]);
		if (!row)
			options_die(64, "there is no option \"%s\"; --help lists them", argv[i]);
		place = (char *)into + row->offset;
		if (row->kind == OPTION_FLAG) {
			*(bool *)(void *)place = true;
			continue;
		}
		if (++i == argc)
			options_die(64, "--%s wants a value", row->name);
		if (row->kind == OPTION_COUNT)
			*(long *)(void *)place = count_of(row->name, argv[i]);
		else
			*(const char **)(void *)place = argv[i];
	}
}
