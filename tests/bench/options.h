/* options: what a bench program was asked to do, read from argv against one table. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stddef.h>

enum option_kind { OPTION_TEXT, OPTION_COUNT, OPTION_FLAG };

/* Where a value goes: a `const char *`, a `long` (>= 0) or a `bool` at `offset` of the caller's struct. */
struct option_row {
	const char *name;
	enum option_kind kind;
	size_t offset;
	const char *help;
};

/* Reads `--name value` (flags: `--name`) into `into`; --help prints the rows and exits 0, anything wrong
 * exits 64. */
void options_parse(const struct option_row *rows, size_t row_count, void *into, int argc, char **argv);

/* Prints one sentence with the program's name in front and exits with `status`. */
_Noreturn void options_die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
