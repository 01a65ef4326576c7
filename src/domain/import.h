/* import: what the readers of exports share: names as they are compared, IDs for rows that have none of ours. Pure. */
#ifndef DOMAIN_IMPORT_H
#define DOMAIN_IMPORT_H

#include "base/arena.h"
#include "base/str.h"

#define IMPORT_NAME_MAX 64

/* A column's name as it is compared: ASCII letters small, of ASCII only letters and digits kept, no full-width blanks, so that
 * "Application ID " and "IP address" are what they seem. False: longer than any name. */
bool import_name(struct str name, char ret_plain[IMPORT_NAME_MAX]);

/* An event ID that no gateway's can be: `prefix` and 128 bits of a hash over `parts`. False: memory. */
bool import_id(const char *prefix, const struct str *parts, size_t count, struct arena *arena, struct str *ret_id);

/* A copy with ASCII letters small. False: memory. */
bool import_lower(struct str text, struct arena *arena, struct str *ret_lower);

#endif
