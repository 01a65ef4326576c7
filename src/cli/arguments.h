/* arguments: a verb's options and operands, read by its table into cli->args. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/cli.h"

/* EX_OK, or the exit code after a sentence that names what is wrong and the nearest right one. */
int arguments_read(struct cli *cli, char **tokens, size_t count);

#endif
