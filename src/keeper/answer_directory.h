/* answer_directory: what the verbs for tenants and for users share: switches by their tables. */
#ifndef KEEPER_ANSWER_DIRECTORY_H
#define KEEPER_ANSWER_DIRECTORY_H

#include <stdio.h>

#include "keeper/ledger_job.h"

/* {"<kind>": name, "<switch>": "value", …} */
json_t *answer_switches_json(const char *kind, const char *name, const struct switch_row *rows, size_t count, const void *object);

/* Apply args.set ({"smtp-auth":"off", …}) to `object`; `what` gets the audit's words: "smtp-auth off (was on)". False with a sentence:
 * no such switch (the nearest named), or a value that it does not have. */
bool answer_set_switches(struct api_call *call, const struct switch_row *rows, size_t count, void *object, char *what,
			 size_t size, struct fault *fault);

/* Notes: the cmdlet and the portal path that do the same in the real tenant, for each switch in args.set. */
void answer_tell_real_tenant(struct api_call *call, const struct switch_row *rows, size_t count, const char *object);

#endif
