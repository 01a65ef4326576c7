#include <stdio.h>
#include <string.h>

#include "cli/serve.h"
#include "gate/gate.h"
#include "keeper/keeper.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "gate") == 0)
		return gate_main();
	if (argc > 1 && strcmp(argv[1], "keeper") == 0)
		return keeper_main();
	if (argc > 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[3], LANGUAGE_EN);
	return 64;
}
