#include "cli/serve.h"

#include <stdio.h>
#include <sysexits.h>

#include "cli/supervisor.h"

int serve(const char *path, enum language language)
{
	struct settings *settings = NULL;
	struct fault fault;

	if (settings_load(path, &settings, &fault) != OUTCOME_OK) {
		(void)fprintf(stderr, "sekisho: %s\n", fault.text[language]);
		return EX_CONFIG;
	}
	return supervisor_run(settings);
}
